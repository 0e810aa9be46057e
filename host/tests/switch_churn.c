/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a control plane may change, changed while packets flow; the
 * sanitizers watch. In the end the switch still forwards. argv[1]: the test pipeline.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "hg_switch.h"
#include "switch_check.h"
#include "switch_net.h"
#include "thread.h"

#define ROUNDS 100
#define FRAME_BYTES 200
#define GROUP 1

static struct hg_switch *sw;
static struct hg_loaded *loaded;
static const char *pipeline;
static _Atomic bool stop;

static void *send_frames(void *opaque)
{
	int fd = *(int *)opaque;
	uint8_t frame[FRAME_BYTES] = { [0] = 2, [12] = 0x88, [13] = 0xb5 };

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
	uint32_t table = (uint32_t)hg_table_index(loaded, "rewrite");
	struct hg_flat_entry entry = {
		.key = key,
		.action = (uint32_t)hg_action_index(loaded, table, "set_address"),
		.params = address,
		.params_bytes = sizeof(address),
	};

	return change(sw, loaded, table, &entry);
}

static void steer_to_group(void)
{
	const uint8_t key[] = { 0x88, 0xb5 }, group[] = { 0, GROUP };
	uint32_t table = (uint32_t)hg_table_index(loaded, "steer");
	struct hg_flat_entry entry = {
		.key = key,
		.action = (uint32_t)hg_action_index(loaded, table, "to_group"),
		.params = group,
		.params_bytes = sizeof(group),
	};

	CHECK_EQUAL(hg_entry_insert(sw, loaded, table, &entry), 0);
}

static void replace_pipeline(void)
{
	struct hg_loaded *old = loaded;
	char error[HG_ERROR_BYTES];

	CHECK_EQUAL(hg_pipeline_load(sw, pipeline, &loaded, error), 0);
	CHECK_EQUAL(hg_pipeline_commit(sw, loaded), 0);
	if (old)
		CHECK_EQUAL(hg_pipeline_unload(sw, old), 0);
	steer_to_group();
}

static void change_group(uint32_t replicas_count)
{
	struct hg_replica replicas[64];

	for (uint32_t i = 0; i < replicas_count; i++)
		replicas[i] = (struct hg_replica){ .port = 1 + i % 2, .instance = 1 + i };
	hg_group_delete(sw, GROUP);
	CHECK_EQUAL(hg_group_insert(sw, GROUP, replicas, replicas_count), 0);
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

	CHECK_EQUAL(hg_port_remove(sw, 2), 0);
	CHECK_EQUAL(hg_port_add(sw, 2, "s2", error), 0);
}

static void read_all(void)
{
	struct hg_counter_value values[512];
	struct hg_snapshot *snapshot;
	struct hg_port_stats ports[2];
	struct hg_switch_stats stats;
	uint8_t frame[FRAME_BYTES];

	CHECK_EQUAL(hg_table_snapshot(sw, loaded, 1, &snapshot), 0);
	hg_snapshot_free(snapshot);
	CHECK_EQUAL(hg_counter_get(sw, loaded, 0, 0, 512, values), 0);
	CHECK_EQUAL(hg_port_list(sw, ports, 2), 2);
	hg_switch_stats_get(sw, &stats);
	hg_cpu_receive(sw, frame, sizeof(frame));
}

static void set_up(void)
{
	const struct hg_switch_config config = { .cpu_port = 510 };
	char error[HG_ERROR_BYTES];

	net_add_pair("s1", "h1", 1500);
	net_add_pair("s2", "h2", 1500);
	CHECK_EQUAL(hg_switch_new(&config, &sw, error), 0);
	CHECK_EQUAL(hg_port_add(sw, 1, "s1", error), 0);
	CHECK_EQUAL(hg_port_add(sw, 2, "s2", error), 0);
	CHECK_EQUAL(hg_switch_start(sw, error), 0);
}

int main(int argc, char **argv)
{
	char error[HG_ERROR_BYTES];
	uint8_t received[FRAME_BYTES + 4];
	pthread_t sender;
	int host_1, host_2;

	CHECK_EQUAL(argc, 2);
	pipeline = argv[1];
	net_isolate();
	set_up();
	host_1 = net_open("h1");
	host_2 = net_open("h2");
	CHECK_EQUAL(thread_start(&sender, "sender", send_frames, &host_1), 0);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		if (round % 10 == 0)
			replace_pipeline();
		change_group(round % 64);
		change_entries();
		if (round % 20 == 10)
			change_ports();
		if (round % 30 == 15) {
			CHECK_EQUAL(hg_switch_stop(sw), 0);
			CHECK_EQUAL(hg_switch_start(sw, error), 0);
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
	while (net_receive(host_2, received, sizeof(received), 0) >= 0)
		;
	CHECK_EQUAL(net_receive(host_2, received, sizeof(received), 5000), FRAME_BYTES);
	atomic_store(&stop, true);
	pthread_join(sender, NULL);
	hg_switch_free(sw);
	return 0;
}
