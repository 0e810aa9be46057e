/* SPDX-License-Identifier: Apache-2.0 */
/* hg_observe.h */
#include "hg_observe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "switch.h"

uint64_t hg_stages_get(struct hg_switch *sw, struct hg_stage_cycles *stages)
{
	uint64_t cycles = stage_clock() - sw->start_cycles, ns = now_ns() - sw->start_ns;

	for (uint32_t i = 0; i < HG_STAGES; i++) {
		stages[i] = (struct hg_stage_cycles){ 0 };
		for (uint32_t worker = 0; worker < sw->config.workers; worker++) {
			const struct stages *of = &sw->ports.lanes[worker].stages;

			stages[i].cycles += read_relaxed(&of->cycles[i]);
			stages[i].times += read_relaxed(&of->times[i]);
		}
	}
	return ns / 1000 ? cycles * 1000 / (ns / 1000) * 1000 : 0;
}

void hg_queues_get(struct hg_switch *sw, struct hg_queues *queues)
{
	struct hg_loaded *running;

	*queues = (struct hg_queues){
		.packet_ins = cpu_waiting(&sw->cpu),
		.packet_outs = queue_waiting(&sw->cpu.out),
		.packet_ins_max = sw->cpu.lane_count * QUEUE_FRAMES,
		.packet_outs_max = QUEUE_FRAMES,
		.digests_max = DIGESTS_SLOTS,
	};
	switch_lock(sw);
	running = switch_running(sw);
	if (running && running->digests)
		queues->digests = digests_waiting(running->digests);
	switch_unlock(sw, 0);
}

int hg_capture_fd(struct hg_switch *sw)
{
	return sw->ports.capture ? sw->ports.capture->failed_fd : -ENODEV;
}

int hg_capture_error(struct hg_switch *sw, char *error)
{
	struct capture *capture = sw->ports.capture;
	uint64_t raised;

	if (!capture || read(capture->failed_fd, &raised, sizeof(raised)) != sizeof(raised))
		return -EAGAIN;
	memcpy(error, capture->error, sizeof(capture->error));
	return 0;
}
