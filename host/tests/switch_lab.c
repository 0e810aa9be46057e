/* SPDX-License-Identifier: Apache-2.0 */
#include "switch_lab.h"

#include <stdlib.h>

struct lab lab;

void lab_insert(const char *table, uint16_t key_value, const char *action, const uint8_t *params, uint32_t params_bytes)
{
	uint8_t key[] = { (uint8_t)(key_value >> 8), (uint8_t)key_value };
	uint32_t index = (uint32_t)hg_table_index(lab.loaded, table);
	struct hg_flat_entry entry = {
		.key = key,
		.action = (uint32_t)hg_action_index(lab.loaded, index, action),
		.params = params,
		.params_bytes = params_bytes,
	};

	CHECK_EQUAL(hg_entry_insert(lab.sw, lab.loaded, index, &entry), 0);
}

void lab_steer(uint16_t ether_type, const char *action, uint16_t param)
{
	uint8_t params[] = { (uint8_t)(param >> 8), (uint8_t)param };

	lab_insert("steer", ether_type, action, params, param ? sizeof(params) : 0);
}

uint32_t lab_workers(void)
{
	const char *workers = getenv("LAB_WORKERS");

	return workers ? (uint32_t)atoi(workers) : 1;
}

enum hg_io lab_io(void)
{
	const char *io = getenv("LAB_IO");

	return io && !strcmp(io, "afxdp") ? HG_IO_AFXDP : HG_IO_AUTO;
}

void lab_open(const char *pipeline)
{
	lab_open_io(pipeline, lab_io(), LAB_MTU_1);
}

void lab_open_io(const char *pipeline, enum hg_io io, uint32_t mtu_1)
{
	lab_open_with(pipeline, &(struct hg_switch_config){ .io = io, .cpu_port = 510 }, mtu_1);
}

void lab_open_with(const char *pipeline, const struct hg_switch_config *config, uint32_t mtu_1)
{
	struct hg_switch_config chosen = *config;
	char error[HG_ERROR_BYTES];

	if (!chosen.workers)
		chosen.workers = lab_workers();
	net_isolate();
	net_add_pair("s1", "h1", mtu_1);
	net_add_pair("s2", "h2", LAB_MTU_2);
	CHECK_EQUAL(hg_switch_new(&chosen, &lab.sw, error), 0);
	CHECK_EQUAL(hg_port_add(lab.sw, 2, "s2", error), 0);
	CHECK_EQUAL(hg_port_add(lab.sw, 1, "s1", error), 0);
	lab.host_1 = net_open("h1");
	lab.host_2 = net_open("h2");

	CHECK_EQUAL(hg_pipeline_load(lab.sw, pipeline, &lab.loaded, error), 0);
	CHECK_EQUAL(hg_pipeline_commit(lab.sw, lab.loaded), 0);
	lab_steer(TYPE_TO_2, "to_port", 2);
	lab_steer(TYPE_GROUP, "to_group", 1);
	lab_steer(TYPE_CPU, "to_cpu", 0);
	lab_steer(TYPE_NO_PORT, "to_port", 77);
	CHECK_EQUAL(hg_switch_start(lab.sw, error), 0);
}

void lab_close(void)
{
	hg_switch_free(lab.sw);
	close(lab.host_1);
	close(lab.host_2);
}

struct hg_port_stats lab_port(uint32_t port)
{
	struct hg_port_stats stats[2];

	CHECK_EQUAL(hg_port_list(lab.sw, stats, 2), 2);
	CHECK_EQUAL(stats[port - 1].port, port);
	return stats[port - 1];
}

struct hg_switch_stats lab_stats(void)
{
	struct hg_switch_stats stats;

	hg_switch_stats_get(lab.sw, &stats);
	return stats;
}

void lab_fill(uint8_t *frame, uint32_t length, uint16_t ether_type)
{
	for (uint32_t i = 0; i < length; i++)
		frame[i] = (uint8_t)(i * 7);
	frame[0] = 2; /* unicast, locally administered */
	frame[12] = (uint8_t)(ether_type >> 8);
	frame[13] = (uint8_t)ether_type;
}

void lab_send(int fd, const uint8_t *frame, uint32_t length)
{
	CHECK_EQUAL(write(fd, frame, length), length);
}

void lab_expect(int fd, const uint8_t *frame, uint32_t length)
{
	uint8_t received[HG_MAX_FRAME_BYTES + 4];

	CHECK_EQUAL(net_receive(fd, received, sizeof(received), LAB_TIMEOUT_MS), length);
	CHECK(!memcmp(received, frame, length));
}

void lab_expect_nothing(int fd)
{
	uint8_t received[HG_MAX_FRAME_BYTES + 4];

	CHECK_EQUAL(net_receive(fd, received, sizeof(received), LAB_QUIET_MS), -1);
}
