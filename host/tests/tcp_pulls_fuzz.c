/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of pulls, and of all else that an engine meets: the input's bytes are read as
 * operations of clients, of the switch, of the controller, of time and of whoever kills
 * the process. After each, what has to hold is looked at (tcp_invariants.h, tcp_world.c), and
 * at the end a client that behaves gets a whole response.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pusher.h"
#include "tcp_invariants.h"
#include "tcp_peer.h"

#define OPERATIONS_MAX 400
#define PEERS 12
/* All that a flow file has room for is looked at. */
#define RESTARTS_MAX 4
/* Enough for a client that never answers to be given up; the timers' wheel is turned tick by tick. */
#define TIME_MAX_US (1u << 29)

/* What one turn may send: of each flow and each cohort, over a stall of many ticks, its whole window. */
#define PUSHES_A_TURN (64u << 10)
#define BYTES_A_TURN ((uint64_t)(PEERS * 2 + 8) * HG_WINDOW_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input; beyond its end all is zero. */
static struct {
	const uint8_t *at;
	size_t left;
} input;

static uint8_t take8(void)
{
	if (!input.left)
		return 0;
	input.left--;
	return *input.at++;
}

static uint32_t take16(void)
{
	uint32_t high = take8();

	return high << 8 | take8();
}

static uint32_t take32(void)
{
	uint32_t high = take16();

	return high << 16 | take16();
}

static struct peer peers[PEERS];
static uint32_t time_left; /* us */
static uint32_t restarts_left;

/* Positions: near one that means something, or any. */
static uint32_t take_position(const struct peer *peer)
{
	static const uint32_t scales[] = { 1, HG_SEQ_GRANULE, HG_MSS_CLASS_2, 1 << 20 };
	struct hg_flow_record record = peer_record(peer);
	uint8_t how = take8();
	uint32_t from = 0;

	switch (how & 7) {
	case 0:
		from = record.acked;
		break;
	case 1:
		from = record.sent;
		break;
	case 2:
		from = world_length(peer->content);
		break;
	case 3:
		from = record.acked + (record.sent - record.acked) / 2;
		break;
	case 4:
		from = record.acked + (1u << 31);
		break;
	case 5:
		return take32();
	default:
		break;
	}
	return from + (uint32_t)(int8_t)take8() * scales[how >> 3 & 3];
}

static void send_data(struct peer *peer, const void *data, uint32_t bytes)
{
	peer_send(peer, &(struct pull_of){
				.tcp_flags = HG_TCP_ACK | HG_TCP_PSH, .seq = peer->seq, .ack = peer_record(peer).acked,
				.data = data, .data_bytes = bytes });
	peer->seq += bytes;
}

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/* Operations: of one client. */

/* The handshake's last packet; numbers anywhere, also where they wrap, and with any constants. */
static void connect_peer(struct peer *peer)
{
	uint8_t how = take8();

	peer->content = 1 + how % WORLD_CONTENTS;
	peer->base = how & 0x80 ? take32() : (0u - (uint32_t)take8() * HG_MSS_CLASS_2) | 0x3D;
	/* Window scale 15 and MSS class 3 with SACK are the constants that no switch makes. */
	if ((peer->base & 127) == 127)
		peer->base--;
	peer->seq = how & 0x40 ? take32() : 0u - take8();
	peer->window = how & 0x20 ? (uint16_t)take16() : UINT16_MAX;
	peer->secret = peer_secret;
	peer->port = 2;
	peer_send(peer, &(struct pull_of){ .tcp_flags = HG_TCP_ACK, .seq = peer->seq });
}

static void request(struct peer *peer)
{
	static const char *const requests[] = {
		get, get, get, get, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"tag\"\r\n\r\n", "DELETE / HTTP/1.1\r\n\r\n", "\r\n\r\nX\r\n\r\n",
	};
	uint8_t how = take8();
	const char *text = requests[how % 8];
	uint32_t bytes = (uint32_t)strlen(text), cut = how & 0x80 ? take8() % (bytes + 1) : bytes;

	send_data(peer, text, cut);
	if (how & 0x40)
		send_data(peer, text + cut, bytes - cut);
}

static void get_at_once(struct peer *peer)
{
	connect_peer(peer);
	send_data(peer, get, sizeof(get) - 1);
}

/* It has more of what was sent, or all of it. */
static void acknowledge(struct peer *peer)
{
	struct hg_flow_record record = peer_record(peer);
	uint32_t most = record.sent - record.acked, more = (take8() + 1u) * HG_MSS_CLASS_2;

	peer_send(peer, &(struct pull_of){
				.tcp_flags = HG_TCP_ACK, .seq = peer->seq, .ack = record.acked + (more < most ? more : most) });
}

/* And with its FIN, when there is nothing more. */
static void acknowledge_all(struct peer *peer)
{
	struct hg_flow_record record = peer_record(peer);

	peer_send(peer, &(struct pull_of){
				.tcp_flags = HG_TCP_ACK, .seq = peer->seq, .ack = record.sent + (record.flags & HG_FLOW_FIN_SENT ? 1 : 0) });
}

/* A hole of some segments behind what it acknowledges, and all that is behind it; and perhaps what came twice. */
static void lose_as(struct peer *peer, uint8_t how)
{
	struct hg_flow_record record = peer_record(peer);
	struct pull_of pull = { .tcp_flags = HG_TCP_ACK, .seq = peer->seq, .ack = record.acked, .sack_count = 1 };
	uint32_t hole = ((how & 15) + 1u) * HG_MSS_CLASS_2;

	if (record.sent - record.acked <= hole)
		return;
	if (how & 0x10) {
		pull.sacks[0] = record.acked - HG_MSS_CLASS_2;
		pull.sacks[1] = record.acked;
		pull.sack_count = 2;
	}
	pull.sacks[2 * pull.sack_count - 2] = record.acked + hole;
	pull.sacks[2 * pull.sack_count - 1] = how & 0x20 ? record.acked + hole + HG_MSS_CLASS_2 : record.sent;
	if (record.sent - record.acked - hole < HG_MSS_CLASS_2)
		pull.sacks[2 * pull.sack_count - 1] = record.sent;
	peer_send(peer, &pull);
}

static void lose(struct peer *peer)
{
	lose_as(peer, take8());
}

/* Every number is its own choice. */
static void acknowledge_oddly(struct peer *peer)
{
	uint8_t how = take8();
	struct pull_of pull = {
		.tcp_flags = HG_TCP_ACK, .seq = peer->seq, .sack_count = how % (HG_PULL_SACKS_MAX + 1), .unverified = how > 0xF0,
	};

	pull.ack = take_position(peer);
	for (uint32_t i = 0; i < 2 * pull.sack_count; i++)
		pull.sacks[i] = take_position(peer);
	peer_send(peer, &pull);
}

/* The same of what it sends itself, and the flags. */
static void send_oddly(struct peer *peer)
{
	uint8_t how = take8(), flags = take8();
	struct pull_of pull = { .tcp_flags = flags | HG_TCP_ACK, .seq = peer->seq, .ack = peer_record(peer).acked };

	if (how & 1)
		pull.ack = take_position(peer);
	pull.seq += how & 2 ? take32() : how & 4 ? (uint32_t)(int8_t)take8() : 0;
	pull.data = get;
	pull.data_bytes = how & 8 ? take8() % sizeof(get) : 0;
	pull.unverified = how & 16;
	peer_send(peer, &pull);
}

static void close_peer(struct peer *peer)
{
	acknowledge_all(peer);
	peer_send(peer, &(struct pull_of){
				.tcp_flags = HG_TCP_FIN | HG_TCP_ACK, .seq = peer->seq, .ack = peer_record(peer).sent + 1 });
	peer->seq++;
}

static void set_window(struct peer *peer)
{
	uint8_t how = take8();

	peer->window = how & 1 ? (uint16_t)take16() : how & 2 ? UINT16_MAX : how >> 2;
	peer_send(peer, &(struct pull_of){ .tcp_flags = HG_TCP_ACK, .seq = peer->seq, .ack = peer_record(peer).acked });
}

static void find_too_big(struct peer *peer)
{
	peer_receive(&(struct pull_frame){
		.flags = HG_PULL_ICMP, .ingress_port = 2, .content = peer->content, .key = peer->key, .mtu = take16() });
}

static void move(struct peer *peer)
{
	uint8_t how = take8();

	peer->port = 1 + how % 8;
	peer->vlan_tci = how & 0x80 ? 0x2001 : 0;
	acknowledge(peer);
}

/* What the switch makes of a packet that it knows nothing of: positions of either secret, and flags. */
static void receive_raw(struct peer *peer)
{
	struct pull_frame frame = {
		.flags = take8() & 15,
		.constants = take8() & 127,
		.secret = peer_secret,
		.ingress_port = 2,
		.content = peer->content,
		.length = world_length(peer->content),
		.current_position = take32() & ~127u,
		.previous_position = take32() & ~127u,
		.key = peer->key,
		.seq = peer->seq,
		.ack = take32(),
		.tcp_flags = HG_TCP_ACK,
		.window = peer->window,
	};

	peer_receive(&frame);
}

/* Of another host: hg_flow_from_message() lets nothing else through. */
static void hand_over(struct peer *peer)
{
	char error[HG_PUSHER_ERROR_BYTES];
	uint32_t made;
	struct hg_flow_status status = {
		.header = {
			.secret = peer->secret, .constants = peer->base & 127, .key = peer->key,
			.ack_no = htonl(peer->seq), .egress_port = htons(2),
		},
		.content = peer->content,
		.state = (uint8_t)(HG_FLOW_REQUEST + take8() % 3),
		.length = world_length(peer->content),
	};

	if (status.header.constants == 127)
		return;
	if (status.state != HG_FLOW_REQUEST) {
		status.sent = take_position(peer) % (status.length + 1) & ~127u;
		status.acked = (take_position(peer) % (status.sent + 1)) & ~127u;
		status.response = take8() % HG_RESPONSE_KINDS;
	}
	hg_engine_adopt_flows(&world.engine, &status, 1, &made, error);
}

static void forget(struct peer *peer)
{
	hg_engine_forget_flows(&world.engine, &peer->key, 1);
}

/* Operations: of all. */

static void all_acknowledge(void)
{
	for (uint32_t i = 0; i < PEERS; i++)
		if (peer_index(&peers[i]) != HG_FLOW_NONE)
			acknowledge_all(&peers[i]);
}

/* The same of all: what a group push had. */
static void all_lose(void)
{
	uint8_t how = take8();

	for (uint32_t i = 0; i < PEERS; i++)
		if (peer_index(&peers[i]) != HG_FLOW_NONE)
			lose_as(&peers[i], how);
}

static void all_set_windows(void)
{
	uint16_t window = (uint16_t)(take8() << 8);

	for (uint32_t i = 0; i < PEERS; i++)
		peers[i].window = window;
	all_acknowledge();
}

static void all_get(void)
{
	uint8_t how = take8();

	for (uint32_t i = 0; i < PEERS; i++) {
		struct peer *peer = &peers[i];

		if (how >> (i % 8) & 1)
			continue;
		peer->content = 1;
		peer->base = (i * 0x20000001 & ~127u) | 0x3D;
		peer->secret = peer_secret;
		peer->window = UINT16_MAX;
		peer_send(peer, &(struct pull_of){ .tcp_flags = HG_TCP_ACK, .seq = peer->seq });
		send_data(peer, get, sizeof(get) - 1);
	}
}

/* In turns that end when a timer runs out, or, when the engine was not given a core meanwhile, in one. */
static void pass_time(void)
{
	uint8_t how = take8();
	uint32_t left = 1u << (how & 0x3F) % 28, turns = how & 0x40 ? 1 : 100;

	if (left > time_left)
		left = time_left;
	time_left -= left;
	while (left && turns--) {
		uint32_t flows = hg_timers_quiet(&world.engine.timers, world.engine.now), cohorts = hg_cohorts_quiet(&world.engine);
		uint32_t step = flows < cohorts ? flows : cohorts;

		if (step < 100)
			step = 100;
		if (step > left || !turns)
			step = left;
		world_expect(PUSHES_A_TURN, BYTES_A_TURN);
		world_turn(step);
		left -= step;
	}
}

static void change_content(void)
{
	static struct hg_content_status status;
	char error[HG_PUSHER_ERROR_BYTES];
	uint8_t how = take8();
	uint32_t number = 1 + how % WORLD_CONTENTS;
	struct hg_content *content = hg_contents_find(&world.engine.contents, number);

	switch (how >> 5) {
	case 0:
		if (content)
			content->status.st_size++; /* its file changed */
		break;
	case 1:
		world.unprepared = true;
		hg_engine_remove_content(&world.engine, number, true, &status, error);
		world_add_content(number, how >> 4 & 1);
		world.unprepared = false;
		break;
	case 2:
	case 3:
		hg_engine_remove_content(&world.engine, number, how >> 4 & 1, &status, error);
		break;
	case 4:
		if (content && content->state == HG_CONTENT_PREPARING)
			content->state = HG_CONTENT_READY;
		break;
	default:
		world_add_content(number, how >> 4 & 1);
	}
}

static void add_contents(void)
{
	for (uint32_t i = 1; i <= WORLD_CONTENTS; i++)
		world_add_content(i, 0);
}

static void restart(void)
{
	uint8_t how = take8();

	if (!restarts_left)
		return;
	restarts_left--;
	world_restart();
	world.unprepared = how & 1;
	if (!(how & 2))
		add_contents();
	world.unprepared = false;
}

static void rotate_secret(void)
{
	peer_secret = (uint8_t)(peer_secret + 1 + take8() / 200);
}

static void fail_to_send(void)
{
	static const int errors[] = { EFAULT, ENETDOWN, ENOBUFS, EAGAIN, EPERM };
	uint8_t how = take8();

	world.send_error = errors[how % 5];
	world.send_after = how / 5;
}

static void reflect(void)
{
	world.reflects = take8() & 1;
}

static void watch(void)
{
	uint8_t how = take8();

	if (how < 200)
		hg_engine_watch_cohorts(&world.engine, 1000u << how % 8, 1000u << how % 13, how & 0x20 ? 2 : 0, -1);
	else
		hg_engine_unwatch_cohorts(&world.engine);
}

/* The controller: enters all that came, refuses some, or gives them no groups. */
static void answer(const struct hg_cohort_event *event, uint8_t how)
{
	uint32_t groups[PEER_GROUPS], instances[HG_COHORT_EVENT_MEMBERS], refused[HG_COHORT_EVENT_MEMBERS];
	struct hg_cohort_entries entries = {
		.cohort = event->cohort, .groups = groups, .group_count = how & 1 ? 1 : how & 2 ? PEER_GROUPS : 0,
		.entered = instances, .refused = refused,
	};
	char error[HG_PUSHER_ERROR_BYTES];

	for (uint32_t i = 0; i < PEER_GROUPS; i++)
		groups[i] = HG_COHORT_GROUP_FIRST + (2 * event->cohort + i) % 4096;
	for (uint32_t i = 0; i < event->joined_count; i++) {
		if (how & 0x80 && how >> (i % 7) & 1)
			refused[entries.refused_count++] = event->joined[i].instance;
		else
			instances[entries.entered_count++] = event->joined[i].instance;
	}
	hg_engine_enter_cohort(&world.engine, &entries, error);
}

static void control(void)
{
	static struct hg_cohort_event event;
	uint8_t how = take8() ^ 1;

	while (hg_engine_next_cohort_event(&world.engine, &event) > 0)
		if (event.joined_count && !event.entered)
			answer(&event, how);
	world_expect(PUSHES_A_TURN, BYTES_A_TURN);
	world_turn(100);
}

/* The corpus names them by their places. */
static void operate(void)
{
	static void (*const of_one[])(struct peer *) = {
		connect_peer, request, get_at_once, acknowledge, acknowledge_all, lose, acknowledge_oddly, acknowledge_oddly,
		send_oddly, close_peer, set_window, find_too_big, move, receive_raw, hand_over, forget,
	};
	static void (*const of_all[])(void) = {
		all_acknowledge, all_lose, all_set_windows, all_get, pass_time, pass_time, pass_time, change_content, restart,
		rotate_secret, fail_to_send, reflect, watch, control, control,
	};
	uint8_t what = take8();

	world_expect(PUSHES_A_TURN, BYTES_A_TURN);
	if (what & 0x80)
		of_all[what % (sizeof(of_all) / sizeof(of_all[0]))]();
	else
		of_one[what & 15](&peers[(what >> 4 & 7) + (take8() & 1) * 4]);
	world_expect(PUSHES_A_TURN, BYTES_A_TURN);
	hg_outbox_flush(&world.engine.outbox);
	check_engine(&world.engine);
}

static bool has_all(const struct peer *peer, const struct hg_content *content)
{
	struct hg_flow_record record = peer_record(peer);

	return record.state == HG_FLOW_CLOSING && record.sent == content->responses[HG_RESPONSE_CONTENT].length;
}

/* Whatever came before: a client that behaves has the whole of a short response. */
static void serve_somebody(void)
{
	struct peer peer = {
		.key = ipv4_key(50001), .content = 2, .base = 0xFFFFFE3D, .seq = 1, .port = 2, .window = UINT16_MAX,
		.secret = peer_secret,
	};
	struct hg_content *content;

	world.send_error = 0;
	hg_engine_unwatch_cohorts(&world.engine);
	/* A file that changed is withdrawn, whoever notices it. */
	if (hg_contents_find(&world.engine.contents, 2))
		hg_contents_find(&world.engine.contents, 2)->state = HG_CONTENT_WITHDRAWN;
	world_add_content(2, 0);
	content = hg_contents_find(&world.engine.contents, 2);
	peer_send(&peer, &(struct pull_of){ .tcp_flags = HG_TCP_ACK, .seq = peer.seq });
	send_data(&peer, get, sizeof(get) - 1);
	/* When the switch is silent, nobody waits for it any more after three seconds. */
	for (uint32_t i = 0; i < 100 && !has_all(&peer, content); i++) {
		acknowledge_all(&peer);
		world_expect(PUSHES_A_TURN, BYTES_A_TURN);
		world_turn(50000);
	}
	MUST(has_all(&peer, content));
}

static void begin(void)
{
	static const uint32_t mtus[] = { 1500, 9000, 65535, 300 };
	uint8_t how = take8();

	if (!world.flows[0])
		world_make();
	world.more_runs = how & 0x80 ? 8 : 1 << 14;
	world.reflects = how & 0x20;
	/* Time wraps in the first of the two. */
	world_open(how & 0x40 ? UINT32_MAX - 2000000 : 1000000, mtus[how & 3], how & 8, how & 0x10);
	peer_secret = 255;
	time_left = TIME_MAX_US;
	restarts_left = RESTARTS_MAX;
	for (uint32_t i = 0; i < PEERS; i++)
		peers[i] = (struct peer){
			.key = i % 2 ? ipv4_key((uint16_t)(40000 + i)) : ipv6_key((uint16_t)(40000 + i)),
			.content = 1, .base = 0x3D, .secret = peer_secret, .window = UINT16_MAX, .port = 2,
		};
	add_contents();
	if (how & 4)
		hg_engine_watch_cohorts(&world.engine, 5000, 20000, 0, -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input.at = data;
	input.left = size;
	begin();
	for (uint32_t i = 0; i < OPERATIONS_MAX && input.left; i++)
		operate();
	serve_somebody();
	world_close();
	return 0;
}
