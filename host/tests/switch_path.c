/* SPDX-License-Identifier: Apache-2.0 */
/* The whole path in memory: a frame in, the copies out. argv[1]: the test pipeline. */
#include <errno.h>
#include <stdint.h>

#include "hg_switch.h"
#include "switch_check.h"

#define FRAME_BYTES 100
#define MAX_COPIES 64

struct copy {
	uint32_t port;
	uint32_t length;
	uint8_t frame[FRAME_BYTES];
};

struct copies {
	uint32_t count;
	struct copy at[MAX_COPIES];
};

static struct hg_switch *sw;
static struct hg_loaded *loaded;
static uint32_t steer, rewrite;

static void collect(void *opaque, uint32_t port, const uint8_t *frame, uint32_t length)
{
	struct copies *copies = opaque;
	struct copy *copy = &copies->at[copies->count++];

	CHECK(copies->count <= MAX_COPIES && length <= FRAME_BYTES);
	copy->port = port;
	copy->length = length;
	memcpy(copy->frame, frame, length);
}

static struct copies inject(uint16_t ether_type, uint32_t length)
{
	uint8_t frame[FRAME_BYTES];
	struct copies copies = { 0 };

	for (int i = 0; i < FRAME_BYTES; i++)
		frame[i] = (uint8_t)i;
	frame[12] = (uint8_t)(ether_type >> 8);
	frame[13] = (uint8_t)ether_type;
	CHECK_EQUAL(hg_switch_inject(sw, 7, frame, length, collect, &copies), 0);
	return copies;
}

/* Steers an EtherType by the named action with a 16-bit parameter, or none. */
static int insert_steer(uint16_t ether_type, const char *action, int param)
{
	uint8_t key[] = { (uint8_t)(ether_type >> 8), (uint8_t)ether_type };
	uint8_t params[] = { (uint8_t)(param >> 8), (uint8_t)param };
	struct hg_flat_entry entry = {
		.key = key,
		.action = (uint32_t)hg_action_index(loaded, steer, action),
		.params = params,
		.params_bytes = param < 0 ? 0 : sizeof(params),
	};

	return hg_entry_insert(sw, loaded, steer, &entry);
}

static void insert_rewrite(uint16_t instance)
{
	uint8_t key[] = { (uint8_t)(instance >> 8), (uint8_t)instance };
	uint8_t address[] = { 2, 0, 0, 0, key[0], key[1] };
	struct hg_flat_entry entry = {
		.key = key,
		.action = (uint32_t)hg_action_index(loaded, rewrite, "set_address"),
		.params = address,
		.params_bytes = sizeof(address),
	};

	CHECK_EQUAL(hg_entry_insert(sw, loaded, rewrite, &entry), 0);
}

static struct hg_switch_stats stats(void)
{
	struct hg_switch_stats now;

	hg_switch_stats_get(sw, &now);
	return now;
}

static void test_loading(const char *path)
{
	char error[HG_ERROR_BYTES] = "";
	struct hg_replica replica = { 1, 1 };

	CHECK(hg_pipeline_load(sw, "/nonexistent/pipeline.so", &loaded, error) < 0 && strstr(error, "/nonexistent"));
	CHECK_EQUAL(hg_pipeline_load(sw, "libc.so.6", &loaded, error), -EINVAL);
	CHECK_EQUAL(inject(0x0800, FRAME_BYTES).count, 0);
	CHECK_EQUAL(stats().dropped_no_pipeline, 1);
	CHECK_EQUAL(hg_group_insert(sw, 1, &replica, 1), -ENODEV);

	CHECK_EQUAL(hg_pipeline_load(sw, path, &loaded, error), 0);
	CHECK(!strcmp(hg_pipeline_digest(loaded), "0123456789abcdef"));
	CHECK_EQUAL(hg_pipeline_commit(sw, loaded), 0);
	CHECK_EQUAL(hg_pipeline_commit(sw, loaded), -EBUSY);
	CHECK_EQUAL(hg_pipeline_unload(sw, loaded), -EBUSY);
	steer = (uint32_t)hg_table_index(loaded, "steer");
	rewrite = (uint32_t)hg_table_index(loaded, "rewrite");
	CHECK_EQUAL(hg_table_index(loaded, "nothing"), -ENOENT);
}

static void test_default_drops(void)
{
	CHECK_EQUAL(inject(0x0800, FRAME_BYTES).count, 0);
	CHECK_EQUAL(stats().dropped_ingress, 1);
}

static void test_unicast(void)
{
	struct copies copies;

	CHECK_EQUAL(insert_steer(0x0800, "to_port", 3), 0);
	copies = inject(0x0800, FRAME_BYTES);
	CHECK_EQUAL(copies.count, 1);
	CHECK_EQUAL(copies.at[0].port, 3);
	CHECK_EQUAL(copies.at[0].length, FRAME_BYTES);
	CHECK_EQUAL(copies.at[0].frame[0], 0);
	CHECK_EQUAL(copies.at[0].frame[FRAME_BYTES - 1], FRAME_BYTES - 1);
}

static void test_parser_error(void)
{
	uint64_t dropped = stats().dropped_ingress;

	CHECK_EQUAL(inject(0x0800, 13).count, 0);
	CHECK_EQUAL(inject(0x0800, 0).count, 0);
	CHECK_EQUAL(stats().dropped_ingress, dropped + 2);
}

static void test_multicast(void)
{
	const struct hg_replica replicas[] = { { 9, 300 }, { 7, 2 }, { 9, 4 }, { 1, 2 } };
	struct copies copies;

	CHECK_EQUAL(insert_steer(0x88b5, "to_group", 42), 0);
	CHECK_EQUAL(inject(0x88b5, FRAME_BYTES).count, 0);
	CHECK_EQUAL(stats().dropped_no_group, 1);

	CHECK_EQUAL(hg_group_insert(sw, 42, replicas, 4), 0);
	insert_rewrite(300);
	insert_rewrite(2);
	copies = inject(0x88b5, FRAME_BYTES);
	CHECK_EQUAL(copies.count, 3); /* instance 4 has no entry: egress drops it */
	CHECK_EQUAL(stats().replicas, 4);
	CHECK_EQUAL(stats().dropped_egress, 1);
	/* In the group's order, the ingress port (7) among them. */
	CHECK(copies.at[0].port == 9 && copies.at[0].frame[4] == 1 && copies.at[0].frame[5] == 300 - 256);
	CHECK(copies.at[1].port == 7 && copies.at[1].frame[4] == 0 && copies.at[1].frame[5] == 2);
	CHECK(copies.at[2].port == 1 && copies.at[2].frame[5] == 2);
	for (uint32_t i = 0; i < copies.count; i++)
		CHECK(copies.at[i].length == FRAME_BYTES && copies.at[i].frame[50] == 50);
}

static void test_counters(void)
{
	struct hg_counter_value values[2], zero = { 0, 0 };
	uint32_t received = (uint32_t)hg_counter_index(loaded, "received");

	CHECK_EQUAL(hg_counter_set(sw, loaded, received, 7, &zero), 0);
	inject(0x0800, 60);
	inject(0x0800, 40);
	CHECK_EQUAL(hg_counter_get(sw, loaded, received, 6, 2, values), 0);
	CHECK_EQUAL(values[0].packets, 0);
	CHECK_EQUAL(values[1].packets, 2);
	CHECK_EQUAL(values[1].bytes, 100);
	CHECK_EQUAL(hg_counter_get(sw, loaded, received, 511, 2, values), -ERANGE);
	CHECK_EQUAL(hg_counter_get(sw, loaded, 1, 0, 1, values), -EINVAL);
}

static void test_meter(void)
{
	struct hg_meter_config config = { .configured = true, .cir = 1, .cburst = 2, .pir = 1, .pburst = 3 };
	uint32_t passed = 0;

	CHECK_EQUAL(insert_steer(0x0806, "to_cpu", -1), 0);
	CHECK_EQUAL(hg_meter_set(sw, loaded, 0, 0, &config), 0);
	for (int i = 0; i < 10; i++)
		passed += inject(0x0806, 60).count;
	CHECK_EQUAL(passed, 3); /* two green, one yellow; a second has not passed */
	config.configured = false;
	CHECK_EQUAL(hg_meter_set(sw, loaded, 0, 0, &config), 0);
	CHECK_EQUAL(inject(0x0806, 60).at[0].port, 510);
}

/* The next pipeline starts without groups and entries, and the old one can go. */
static void test_replacing(const char *path)
{
	struct hg_loaded *old = loaded;
	char error[HG_ERROR_BYTES];

	CHECK_EQUAL(hg_pipeline_load(sw, path, &loaded, error), 0);
	CHECK_EQUAL(hg_pipeline_commit(sw, loaded), 0);
	CHECK_EQUAL(hg_pipeline_unload(sw, old), 0);
	CHECK_EQUAL(hg_group_list(sw, NULL, 0), 0);
	CHECK_EQUAL(inject(0x0800, FRAME_BYTES).count, 0);
	CHECK_EQUAL(hg_table_count(sw, loaded, rewrite), 1); /* the program's own */
}

int main(int argc, char **argv)
{
	const struct hg_switch_config config = { .cpu_port = 510 };
	char error[HG_ERROR_BYTES];

	CHECK_EQUAL(argc, 2);
	CHECK_EQUAL(hg_switch_new(&config, &sw, error), 0);
	test_loading(argv[1]);
	test_default_drops();
	test_unicast();
	test_parser_error();
	test_multicast();
	test_counters();
	test_meter();
	test_replacing(argv[1]);
	hg_switch_free(sw);
	return 0;
}
