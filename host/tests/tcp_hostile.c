/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that are out for more than a response: acknowledgements and selective acknowledgements with every kind of
 * odd numbers. Nothing beyond the response leaves, no packet draws more than a window, and others go on.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pusher_check.h"
#include "tcp_client.h"

#define SECOND 1000000
#define HONEST 3

/* A window of this class's segments (RFC 6928). */
#define SEGMENT HG_MSS_CLASS_2
#define INITIAL_WINDOW (10 * SEGMENT)

static char content[] = "/tmp/hectograph-content-XXXXXX";
static char flows[] = "/tmp/hectograph-flows-XXXXXX";
static struct sim sim;
static struct client honest[HONEST];
static uint8_t file[1 << 20];

/* Who attacks; no client of the sim's, so that nothing is taken from it but what it says itself. */
static struct {
	struct hg_flow_key key;
	uint32_t base, seq;
	uint64_t drawn; /* bytes of payload that were sent to it */
} attacker;

static const struct hg_response *response(void)
{
	return &sim.engine.contents.contents[0]->responses[HG_RESPONSE_CONTENT];
}

/* Every push is of the response, and says what the response says there. */
static void observe(struct sim *observed, const uint8_t *frame, uint32_t bytes)
{
	const uint8_t *payload = frame + HG_FLOW_FRAME_BYTES;
	uint32_t offset, head = response()->head_bytes;
	struct hg_flow_header flow;

	(void)observed;
	memcpy(&offset, frame + 26, 4);
	offset = ntohl(offset);
	bytes -= HG_FLOW_FRAME_BYTES;
	memcpy(&flow, frame + HG_PUSH_FRAME_BYTES, sizeof(flow));
	if (memcmp(&flow.key, &attacker.key, sizeof(flow.key)) == 0)
		attacker.drawn += bytes;
	if (bytes <= 1)
		return;
	CHECK((uint64_t)offset + bytes <= response()->length);
	for (uint32_t i = 0; i < bytes; i++)
		CHECK_EQUAL(payload[i], offset + i < head ? response()->head[offset + i] : file[offset + i - head]);
}

static void begin(void)
{
	sim_open(&sim, flows, content);
	sim.link = (struct link){ .delay = 1000 };
	sim.observe = observe;
	sim.crowd = honest;
	sim.crowd_count = HONEST;
	for (uint32_t i = 0; i < HONEST; i++) {
		sim.focus = &honest[i];
		sim_connect(&sim, (uint16_t)(30000 + i), true);
		sim_get(&sim);
	}
	sim.focus = &sim.client;
}

/* Those who behave have everything, and nothing is left of the others. */
static void end(void)
{
	for (uint32_t i = 0; i < HONEST; i++) {
		const struct client *client = &honest[i];

		for (uint32_t us = 0; us < 10 * SECOND && !client->finished; us += 10000)
			sim_run(&sim, 10000);
		CHECK(client->finished && !client->reset);
		CHECK_EQUAL(client->received, sim.length);
		CHECK(memcmp(client->data + response()->head_bytes, file, sizeof(file)) == 0);
	}
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_beyond_response), 0);
	sim_close(&sim);
}

struct block {
	uint32_t left, right; /* positions */
};

/* One packet of the attacker's, now, and what it draws at once. */
static uint64_t attack(uint8_t flags, uint32_t position, const struct block *blocks, uint32_t count, const char *data)
{
	uint32_t ack = attacker.base + position;
	struct pull_frame frame = {
		.flags = HG_PULL_CURRENT, .secret = sim.secret, .constants = ack & 127, .ingress_port = 2, .content = 1,
		.length = sim.length, .current_position = (ack - (attacker.base & ~127u)) & ~127u,
		.previous_position = 0x7FFFFF80, .key = attacker.key, .seq = attacker.seq, .ack = ack, .tcp_flags = flags,
		.window = UINT16_MAX, .data = data, .data_bytes = (uint32_t)strlen(data),
		.option_bytes = count ? 4 + 8 * count : 0, .options = { 1, 1, 5, (uint8_t)(2 + 8 * count) },
	};
	uint8_t bytes[512];
	struct hg_pull pull;
	size_t length;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t edges[] = { htonl(attacker.base + blocks[i].left), htonl(attacker.base + blocks[i].right) };

		memcpy(frame.options + 4 + 8 * i, edges, sizeof(edges));
	}
	length = make_pull(bytes, &frame);
	CHECK_EQUAL(hg_pull_parse(&pull, bytes, length, length), 0);
	attacker.drawn = 0;
	hg_receive(&sim.engine, &pull);
	attacker.seq += frame.data_bytes;
	sim_run(&sim, 1);
	return attacker.drawn;
}

static void connect_from(uint16_t port)
{
	attacker.key = port % 2 ? ipv4_key(port) : ipv6_key(port);
	attacker.base = (sim_random(UINT32_MAX) & ~127u) | 7 << 3 | 2 << 1 | 1; /* window scale 7, MSS class 2, SACK */
	attacker.seq = sim_random(UINT32_MAX);
	CHECK_EQUAL(attack(HG_TCP_ACK, 0, NULL, 0, ""), 0);
}

/* The same handshake once more, with other numbers of its own: what replaces a flow counts as one taken over. */
static void connect_twice_from(uint16_t port)
{
	uint64_t replaced = sim_counter(&sim, HG_TCP_flows_replaced);

	connect_from(port);
	attacker.seq += 200000;
	CHECK_EQUAL(attack(HG_TCP_ACK, 0, NULL, 0, ""), 0);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_replaced), replaced + 1);
}

static void get(void)
{
	CHECK_EQUAL(attack(HG_TCP_ACK | HG_TCP_PSH, 0, NULL, 0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), INITIAL_WINDOW);
}

/* Off the grid, with blocks beyond what was sent, and beyond the response. */
static void flood(void)
{
	const struct block blocks[] = { { SEGMENT, 2 * SEGMENT }, { 1u << 30, (1u << 30) + SEGMENT } };

	begin();
	connect_twice_from(40001);
	get();
	CHECK(attack(HG_TCP_ACK, INITIAL_WINDOW + 77, blocks, 2, "") <= INITIAL_WINDOW);
	attacker.drawn = 0;
	sim_run(&sim, SECOND);
	/* Nobody answers: what a timeout sends again. */
	CHECK(attacker.drawn <= INITIAL_WINDOW);
	end();
}

/* All pairs of edges around all that means anything, at acknowledgements on and off the grid. */
static void odd_blocks(bool twice)
{
	const uint32_t length = response()->length;
	const uint32_t acks[] = { 0, 77, INITIAL_WINDOW, INITIAL_WINDOW + 77, length / 2 + 1, length - 1, length };
	const uint32_t edges[] = {
		0, 1, 127, HG_SEQ_GRANULE, SEGMENT, INITIAL_WINDOW - 1, INITIAL_WINDOW, INITIAL_WINDOW + 1, length, length + 1,
		length + HG_SEQ_GRANULE, INT32_MAX, 1u << 31, (1u << 31) + 77, 0u - (1 << 30), 0u - HG_SEQ_GRANULE, UINT32_MAX,
	};
	const uint32_t count = sizeof(edges) / sizeof(edges[0]);
	uint16_t port = 40000;

	for (size_t a = 0; a < sizeof(acks) / sizeof(acks[0]); a++)
		for (uint32_t pair = 0; pair < count * count; pair++) {
			/* The first stands alone, then inside the second, as a duplicate's report would (RFC 2883). */
			struct block blocks[] = {
				{ edges[pair / count], edges[pair % count] },
				{ edges[pair / count] - 1, edges[pair % count] + 1 },
			};

			(twice ? connect_twice_from : connect_from)(port++);
			get();
			CHECK(attack(HG_TCP_ACK, acks[a], blocks, 1, "") <= 2 * INITIAL_WINDOW);
			CHECK(attack(HG_TCP_ACK, acks[a], blocks, 2, "") <= 2 * INITIAL_WINDOW);
			attack(HG_TCP_RST, acks[a], NULL, 0, "");
		}
}

static void odd_numbers(void)
{
	for (uint32_t twice = 0; twice < 2; twice++) {
		begin();
		odd_blocks(twice);
		end();
	}
}

/* Who acknowledges what was never sent to it is believed, but has shown nothing of what its path carries. */
static void optimism(void)
{
	begin();
	connect_twice_from(40001);
	get();
	CHECK(attack(HG_TCP_ACK, 100 * HG_SEQ_GRANULE * 10, NULL, 0, "") <= INITIAL_WINDOW);
	CHECK(attack(HG_TCP_ACK, 400 * HG_SEQ_GRANULE * 10, NULL, 0, "") <= INITIAL_WINDOW);
	end();
}

/* The same of a flow of which nothing is known: another host had it, or so it seems. */
static void optimistic_adoption(void)
{
	begin();
	connect_from(40001);
	hg_flow_close(&sim.engine, hg_flow_table_find(&sim.engine.table, &attacker.key));
	CHECK(attack(HG_TCP_ACK, 100 * HG_SEQ_GRANULE * 10, NULL, 0, "") <= INITIAL_WINDOW);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_adopted), 1);
	CHECK(attack(HG_TCP_ACK, 400 * HG_SEQ_GRANULE * 10, NULL, 0, "") <= INITIAL_WINDOW);
	end();
}

static void make_content(void)
{
	int fd = open(content, O_WRONLY | O_TRUNC);

	for (uint32_t i = 0; i < sizeof(file); i++)
		file[i] = (uint8_t)sim_random(256);
	CHECK(fd >= 0 && write(fd, file, sizeof(file)) == sizeof(file));
	close(fd);
}

int main(void)
{
	int fds[] = { mkstemp(content), mkstemp(flows) };

	CHECK(fds[0] >= 0 && fds[1] >= 0);
	/* An engine that one client keeps for itself does not come back by itself. */
	alarm(200);
	make_content();
	flood();
	odd_numbers();
	optimism();
	optimistic_adoption();
	unlink(content);
	unlink(flows);
	return 0;
}
