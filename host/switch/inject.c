/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline without ports: one frame in, every copy to a function. */
#include <errno.h>
#include <string.h>

#include "switch.h"

struct inject_output {
	struct output output;
	hg_output_fn function;
	void *opaque;
	uint8_t frame[LOADED_HEADER_BYTES + HG_MAX_FRAME_BYTES];
};

static uint8_t *inject_header(struct output *output, uint32_t port)
{
	(void)port;
	return ((struct inject_output *)output)->frame;
}

static void inject_send(struct output *output, uint32_t port, uint32_t header_bytes, const uint8_t *payload,
			uint32_t payload_bytes)
{
	struct inject_output *inject = (struct inject_output *)output;

	memcpy(inject->frame + header_bytes, payload, payload_bytes);
	inject->function(inject->opaque, port, inject->frame, header_bytes + payload_bytes);
}

int hg_switch_inject(struct hg_switch *sw, uint32_t port, const uint8_t *frame, uint32_t length, hg_output_fn output,
		     void *opaque)
{
	struct inject_output inject;
	struct forwarder forwarder = {
		.stats = &sw->workers[0].stats,
		.stages = &sw->ports.lanes[0].stages,
		.trace = sw->trace,
		.output = trace_output(sw->trace, &inject.output),
	};

	forward_at(&forwarder, now_ns(), sw->start_ns);
	inject.output = (struct output){ .header = inject_header, .send = inject_send };
	inject.function = output;
	inject.opaque = opaque;
	if (length > HG_MAX_FRAME_BYTES)
		return -EMSGSIZE;
	pthread_mutex_lock(&sw->mutex);
	if (sw->started) {
		pthread_mutex_unlock(&sw->mutex);
		return -EBUSY;
	}
	forward_by(&forwarder, switch_running(sw), 0);
	forward(&forwarder, port, frame, length);
	forward_flushed(&forwarder);
	pthread_mutex_unlock(&sw->mutex);
	return 0;
}
