/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replicas per second and core, in memory: frames injected into the shipped
 * pipeline, against a loop of the memcpys that any copying must do (the copy's
 * headers and its payload). Short rounds of both alternate, and the best of each
 * counts: what else the machine does can only slow one down.
 *
 *   replicas PIPELINE.so [stages|shared] prints one JSON row per protocol, payload size and group size;
 *                                        with `stages` the switch measures them, as it does with --metrics;
 *                                        with `shared` it is one of several workers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hg_switch.h"
#include "wire.h"

#define ROUNDS 101
#define ROUND_SECONDS 0.002
#define HOST_PORT 1
#define GROUP 1
/* A copy's headers: Ethernet, IPv4, UDP or TCP. */
#define COPY_HEADER_BYTES_MAX 54

/* What a member is. */
struct protocol {
	const char *name, *action;
	uint32_t header_bytes;
};

static const struct protocol protocols[] = { { "UDP", "udp_ipv4", 42 }, { "TCP", "tcp_ipv4", COPY_HEADER_BYTES_MAX } };

static const uint32_t payload_sizes[] = { 64, 512, 1400 };
static const uint32_t group_sizes[] = { 1, 8, 64, 512, 4096 };

struct push {
	uint8_t bytes[HG_PUSH_FRAME_BYTES + 1500];
	uint32_t length;
};

static bool stages, shared;
static uint64_t copies;

static void take_copy(void *opaque, uint32_t port, const uint8_t *frame, uint32_t length)
{
	(void)opaque, (void)port, (void)frame, (void)length;
	copies++;
}

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void check(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "replicas: %s: %s\n", what, strerror(-result));
		exit(1);
	}
}

static void insert(struct hg_switch *sw, struct hg_loaded *loaded, const char *table_name, const char *action_name,
		   const uint8_t *key, const uint8_t *params, uint32_t params_bytes)
{
	int table = hg_table_index(loaded, table_name);
	int action;

	check(table, table_name);
	action = hg_action_index(loaded, (uint32_t)table, action_name);
	check(action, action_name);
	check(hg_entry_insert(sw, loaded, (uint32_t)table,
			      &(struct hg_flat_entry){ .key = key, .action = (uint32_t)action, .params = params, .params_bytes = params_bytes }),
	      table_name);
}

static void insert_member(struct hg_switch *sw, struct hg_loaded *loaded, const struct protocol *protocol,
			  uint16_t instance)
{
	const uint8_t key[] = { 0, GROUP, (uint8_t)(instance >> 8), (uint8_t)instance };
	const uint8_t addressed[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, /* MACs */
		0, 0,				    /* no tag */
		10, 0, 0, 1, 10, 1, key[2], key[3], /* addresses */
	};
	const uint8_t udp[] = { 64, 0x13, 0x88, 0x13, 0x89, 0x12, 0x34 }; /* time to live, ports, member sum */
	const uint8_t tcp[] = {
		0x00, 0x50, 0x13, 0x89, 0xfe, 0xdc, 0xba, 0x98, /* ports, sequence base */
		0x76, 0x54, 0x32, 0x10, 0xff, 0xff, 0x12, 0x34, /* acknowledgement, window, member sum */
	};
	bool is_tcp = !strcmp(protocol->name, "TCP");
	uint8_t params[sizeof(addressed) + sizeof(tcp)];
	uint32_t rest = is_tcp ? sizeof(tcp) : sizeof(udp);

	memcpy(params, addressed, sizeof(addressed));
	memcpy(params + sizeof(addressed), is_tcp ? tcp : udp, rest);
	insert(sw, loaded, "member", protocol->action, key, params, sizeof(addressed) + rest);
}

/* A switch with one group of `size` members, ready for pushes. */
static struct hg_switch *make_switch(const char *pipeline, const struct protocol *protocol, uint32_t size)
{
	const struct hg_switch_config config = {
		.cpu_port = HG_CPU_PORT, .stages = stages, .workers = shared ? 2 : 1,
	};
	struct hg_replica *replicas = calloc(size, sizeof(*replicas));
	struct hg_switch *sw = NULL;
	struct hg_loaded *loaded = NULL;
	char error[HG_ERROR_BYTES] = "";

	if (!replicas)
		check(-12, "replicas");
	if (hg_switch_new(&config, &sw, error) ||
	    hg_pipeline_load(sw, pipeline, &loaded, error)) {
		fprintf(stderr, "replicas: %s\n", error);
		exit(1);
	}
	check(hg_pipeline_commit(sw, loaded), "commit");
	insert(sw, loaded, "host_port", "is_host", (const uint8_t[]){ 0, HOST_PORT }, NULL, 0);
	insert(sw, loaded, "push_group", "replicate", (const uint8_t[]){ 0, GROUP }, (const uint8_t[]){ 0, GROUP }, 2);
	for (uint32_t i = 0; i < size; i++) {
		replicas[i] = (struct hg_replica){ .port = 2, .instance = i + 1 };
		insert_member(sw, loaded, protocol, (uint16_t)(i + 1));
	}
	check(hg_group_insert(sw, GROUP, replicas, size), "group");
	free(replicas);
	return sw;
}

static void make_push(struct push *push, uint32_t payload_bytes)
{
	uint8_t *push_header = push->bytes + HG_ETHERNET_BYTES;

	memset(push, 0, sizeof(*push));
	push->length = HG_PUSH_FRAME_BYTES + payload_bytes;
	push->bytes[12] = HG_ETHERTYPE_PUSH >> 8;
	push->bytes[13] = HG_ETHERTYPE_PUSH & 0xff;
	push_header[0] = HG_PUSH_VERSION << 4 | HG_PUSH_KIND_GROUP;
	push_header[3] = GROUP;
	push_header[4] = (uint8_t)(payload_bytes >> 8);
	push_header[5] = (uint8_t)payload_bytes;
}

/* Copies per second of one round through the pipeline. */
static double pipeline_round(struct hg_switch *sw, const struct push *push)
{
	double start = now_seconds(), elapsed;

	copies = 0;
	do {
		for (int i = 0; i < 16; i++)
			check(hg_switch_inject(sw, HOST_PORT, push->bytes, push->length, take_copy, NULL), "inject");
		elapsed = now_seconds() - start;
	} while (elapsed < ROUND_SECONDS);
	if (!copies) {
		fprintf(stderr, "replicas: nothing was copied\n");
		exit(1);
	}
	return (double)copies / elapsed;
}

/* The same through memcpy alone; `volatile` keeps every copy. */
static double memcpy_round(const struct push *push, uint32_t header_bytes, uint32_t payload_bytes, uint32_t size)
{
	static uint8_t header[COPY_HEADER_BYTES_MAX], frame[COPY_HEADER_BYTES_MAX + 1500];
	void *(*volatile copy)(void *, const void *, size_t) = memcpy;
	double start = now_seconds(), elapsed;
	uint64_t done = 0;

	do {
		for (uint32_t i = 0; i < 16 * size; i++) {
			copy(frame, header, header_bytes);
			copy(frame + header_bytes, push->bytes + HG_PUSH_FRAME_BYTES, payload_bytes);
		}
		done += 16 * (uint64_t)size;
		elapsed = now_seconds() - start;
	} while (elapsed < ROUND_SECONDS);
	return (double)done / elapsed;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static void measure(const char *pipeline, const struct protocol *protocol, uint32_t payload_bytes, uint32_t size)
{
	struct hg_switch *sw = make_switch(pipeline, protocol, size);
	double value = 0, peer = 0;
	struct push push;

	make_push(&push, payload_bytes);
	pipeline_round(sw, &push); /* caches warm */
	for (int i = 0; i < ROUNDS; i++) {
		value = larger(value, pipeline_round(sw, &push));
		peer = larger(peer, memcpy_round(&push, protocol->header_bytes, payload_bytes, size));
	}
	printf("{\"name\": \"%s replicas in memory, %u bytes, group of %u\", \"value\": %.0f, \"unit\": \"replicas/s\", "
	       "\"peer\": \"memcpy\", \"peer_value\": %.0f, \"ratio\": %.4f}\n",
	       protocol->name, payload_bytes, size, value, peer, value / peer);
	hg_switch_free(sw);
}

int main(int argc, char **argv)
{
	stages = argc == 3 && !strcmp(argv[2], "stages");
	shared = argc == 3 && !strcmp(argv[2], "shared");
	if (argc < 2 || argc > 3 || (argc == 3 && !stages && !shared)) {
		fprintf(stderr, "usage: replicas PIPELINE.so [stages|shared]\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(payload_sizes) / sizeof(*payload_sizes); i++)
		for (size_t j = 0; j < sizeof(group_sizes) / sizeof(*group_sizes); j++)
			measure(argv[1], &protocols[0], payload_sizes[i], group_sizes[j]);
	for (size_t j = 0; j < sizeof(group_sizes) / sizeof(*group_sizes); j++)
		measure(argv[1], &protocols[1], 1400, group_sizes[j]);
	return 0;
}
