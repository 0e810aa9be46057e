/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a control plane may change, changed while packets flow; the
 * sanitizers watch. In the end the switch still forwards. argv[1]: the test pipeline.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "switch_lab.h"
#include "thread.h"

#define ROUNDS 100
#define FRAME_BYTES 200
#define GROUP 1

static const char *pipeline;
static _Atomic bool stop;

static void *send_frames(void *opaque)
{
	int fd = *(int *)opaque;
	uint8_t frame[FRAME_BYTES] = { [0] = 2, [12] = TYPE_GROUP >> 8, [13] = TYPE_GROUP & 0xff };

	/* A port that is away takes nothing; that is part of it. */
	while (!atomic_load(&stop)) {
		(void)!write(fd, frame, sizeof(frame));
		usleep(50);
	}
	return NULL;
}

static int set_address(uint32_t instance,
		       int (*change)(struct hg_switch *, struct hg_loaded *, uint32_t, const struct hg_flat_entry *))
{
	uint8_t key[] = { (uint8_t)(instance >> 8), (uint8_t)instance }, address[] = { 2, 0, 0, 0, key[0], key[1] };
	uint32_t table = (uint32_t)hg_table_index(lab.loaded, "rewrite");
	struct hg_flat_entry entry = {
		.key = key,
		.action = (uint32_t)hg_action_index(lab.loaded, table, "set_address"),
		.params = address,
		.params_bytes = sizeof(address),
	};

	return change(lab.sw, lab.loaded, table, &entry);
}

static void replace_pipeline(void)
{
	struct hg_loaded *old = lab.loaded;
	char error[HG_ERROR_BYTES];

	CHECK_EQUAL(hg_pipeline_load(lab.sw, pipeline, &lab.loaded, error), 0);
	CHECK_EQUAL(hg_pipeline_commit(lab.sw, lab.loaded), 0);
	CHECK_EQUAL(hg_pipeline_unload(lab.sw, old), 0);
	lab_steer(TYPE_GROUP, "to_group", GROUP);
}

static void change_group(uint32_t replicas_count)
{
	struct hg_replica replicas[64];

	for (uint32_t i = 0; i < replicas_count; i++)
		replicas[i] = (struct hg_replica){ .port = 1 + i % 2, .instance = 1 + i };
	hg_group_delete(lab.sw, GROUP);
	CHECK_EQUAL(hg_group_insert(lab.sw, GROUP, replicas, replicas_count), 0);
}

static void change_entries(void)
{
	for (uint32_t instance = 1; instance <= 64; instance++)
		set_address(instance, instance % 3 ? hg_entry_insert : hg_entry_delete);
	for (uint32_t instance = 1; instance <= 64; instance++)
		set_address(instance, hg_entry_modify);
}

static void change_ports(void)
{
	char error[HG_ERROR_BYTES];

	CHECK_EQUAL(hg_port_remove(lab.sw, 2), 0);
	CHECK_EQUAL(hg_port_add(lab.sw, 2, "s2", error), 0);
}

static void read_all(void)
{
	struct hg_counter_value values[512];
	struct hg_snapshot *snapshot;
	struct hg_port_stats ports[2];
	struct hg_switch_stats stats;
	uint8_t frame[FRAME_BYTES];

	CHECK_EQUAL(hg_table_snapshot(lab.sw, lab.loaded, 1, &snapshot), 0);
	hg_snapshot_free(snapshot);
	CHECK_EQUAL(hg_counter_get(lab.sw, lab.loaded, 0, 0, 512, values), 0);
	CHECK_EQUAL(hg_port_list(lab.sw, ports, 2), 2);
	hg_switch_stats_get(lab.sw, &stats);
	hg_cpu_receive(lab.sw, frame, sizeof(frame));
}

int main(int argc, char **argv)
{
	char error[HG_ERROR_BYTES];
	uint8_t received[FRAME_BYTES + 4];
	pthread_t senders[2];

	CHECK_EQUAL(argc, 2);
	pipeline = argv[1];
	lab_open(pipeline);
	CHECK_EQUAL(thread_start(&senders[0], "sender", send_frames, &lab.host_1), 0);
	CHECK_EQUAL(thread_start(&senders[1], "sender", send_frames, &lab.host_2), 0);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		if (round % 10 == 0)
			replace_pipeline();
		change_group(round % 64);
		change_entries();
		if (round % 20 == 10)
			change_ports();
		if (round % 30 == 15) {
			CHECK_EQUAL(hg_switch_stop(lab.sw), 0);
			CHECK_EQUAL(hg_switch_start(lab.sw, error), 0);
		}
		if (round % 40 == 20) {
			net_set_up("s2", false);
			net_set_up("s2", true);
		}
		read_all();
		usleep(1000);
	}
	change_group(2);
	change_entries();
	while (net_receive(lab.host_2, received, sizeof(received), 0) >= 0)
		;
	CHECK_EQUAL(net_receive(lab.host_2, received, sizeof(received), 5000), FRAME_BYTES);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(senders[i], NULL);
	lab_close();
	return 0;
}
