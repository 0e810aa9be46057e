/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp_client.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mark.h"
#include "pusher_check.h"

#define STEP_US 100
#define DELAYED_ACK_US 40000
#define OLD_EMPTY_US 500000 /* tcp_invalid_ratelimit of Linux */
#define REORDER_US 3000
#define IN_FLIGHT 65536
#define FRAME_BYTES 2048
#define CONSTANTS (7 << 3 | 2 << 1) /* window scale, MSS class; SACK is added */

struct packet {
	uint32_t due;
	struct client *client; /* from whom, or to whom; ... */
	uint32_t base;         /* ... of his connections, this one's */
	uint32_t serial; /* of two that are due together the lower comes first */
	bool used, to_client;
	uint16_t bytes;
	uint8_t frame[FRAME_BYTES];
};

static struct packet flight[IN_FLIGHT];
static uint32_t flying, highest; /* packets, and the end of the places that they use */
static uint32_t vacant; /* no place before it is free */
static uint32_t launched;
static uint64_t state = 1;

uint32_t sim_random(uint32_t limit)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((state >> 33) % limit);
}

uint64_t sim_counter(const struct sim *sim, enum hg_tcp_counter counter)
{
	return sim->engine.counters.values[counter];
}

static void start_engine(struct sim *sim, const char *flows)
{
	struct hg_engine *engine = &sim->engine;
	char error[HG_PUSHER_ERROR_BYTES];
	uint32_t now = engine->now;
	int fds[2], bytes = 8 << 20;

	memset(engine, 0, sizeof(*engine));
	engine->now = now;
	engine->outbox.counters = &engine->counters;
	engine->outbox.link.mtu = 1500;
	engine->wake = -1;
	CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	CHECK_EQUAL(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
	engine->outbox.link.fd = fds[0];
	engine->outbox.link.echo_fd = -1;
	sim->far = fds[1];
	CHECK_EQUAL(hg_flow_table_open(&engine->table, flows, HG_FLOW_CHUNK, error), 0);
	hg_timers_init(&engine->timers, engine->table.flows, sizeof(struct hg_flow), engine->now);
	CHECK_EQUAL(hg_runs_open(&engine->runs, HG_FLOW_CHUNK, 1 << 16), 0);
	CHECK_EQUAL(hg_cohorts_open(&engine->cohorts), 0);
	hg_resume_all(engine);
}

static void stop_engine(struct sim *sim)
{
	struct hg_engine *engine = &sim->engine;

	while (engine->contents.count)
		hg_contents_remove(&engine->contents, engine->contents.contents[0]);
	hg_flow_table_close(&engine->table);
	hg_runs_close(&engine->runs);
	hg_cohorts_close(&engine->cohorts);
	hg_link_close(&engine->outbox.link);
	hg_host_link_close(&engine->host_link);
	close(sim->far);
	if (sim->board.slots)
		close(sim->board.echo_far);
}

void sim_prepare_content(struct sim *sim, const char *path)
{
	struct hg_content_spec spec = { .id = 1, .etag = "tag" };
	struct hg_content *content;
	char error[HG_PUSHER_ERROR_BYTES];

	strcpy(spec.path, path);
	CHECK_EQUAL(hg_contents_add(&sim->engine.contents, &spec, -1, &content, error), 0);
	hg_resume_count(&sim->engine, content);
	while (content->state == HG_CONTENT_PREPARING)
		usleep(50);
	CHECK_EQUAL(content->state, HG_CONTENT_READY);
	sim->length = content->responses[HG_RESPONSE_CONTENT].length;
}

void sim_add_content(struct sim *sim, const char *path)
{
	sim_prepare_content(sim, path);
	hg_resume_content(&sim->engine, hg_contents_find(&sim->engine.contents, 1));
}

void sim_open(struct sim *sim, const char *flows, const char *content)
{
	memset(sim, 0, sizeof(*sim));
	for (uint32_t i = 0; i < highest; i++)
		flight[i].used = false;
	flying = highest = vacant = launched = 0;
	sim->focus = &sim->client;
	sim->secret = 1;
	sim->engine.now = 1000000;
	unlink(flows);
	start_engine(sim, flows);
	sim_add_content(sim, content);
}

void sim_restart(struct sim *sim, const char *flows)
{
	stop_engine(sim);
	start_engine(sim, flows);
}

void sim_close(struct sim *sim)
{
	stop_engine(sim);
}

/* Of what a flow push or a replica becomes: Ethernet, IPv4 or IPv6, TCP. */
#define CLIENT_HEADERS 54

/* Until it has left the link's queue (us), in microseconds that are not over; false: it has no room there. */
static bool enqueue(struct link *link, uint32_t now, size_t payload_bytes, uint32_t *wait)
{
	uint64_t at = (uint64_t)now * 1000, bytes = payload_bytes + CLIENT_HEADERS;
	uint64_t waiting = link->free_at > at ? (link->free_at - at) * link->kbit / 8000000 : 0;

	if (waiting + bytes > link->queue) {
		link->dropped++;
		return false;
	}
	link->passed++;
	link->free_at = (link->free_at > at ? link->free_at : at) + bytes * 8000000 / link->kbit;
	*wait = (uint32_t)((link->free_at - at) / 1000);
	return true;
}

static void launch(struct sim *sim, struct client *client, const uint8_t *frame, size_t bytes, bool to_client)
{
	struct link *link = client->link ? client->link : &sim->link;
	uint32_t due = sim->engine.now + link->delay, wait;

	if (sim_random(1000) < link->loss)
		return;
	if (to_client && link->kbit) {
		if (!enqueue(link, sim->engine.now, bytes - HG_PUSH_FRAME_BYTES, &wait))
			return;
		due += wait;
	}
	if (sim_random(1000) < link->reorder)
		due += REORDER_US;
	while (vacant < IN_FLIGHT && flight[vacant].used)
		vacant++;
	CHECK(vacant < IN_FLIGHT);
	flight[vacant] = (struct packet){
		.due = due, .client = client, .base = client->base, .serial = launched++, .used = true, .to_client = to_client, .bytes = (uint16_t)bytes,
	};
	memcpy(flight[vacant].frame, frame, bytes);
	flying++;
	if (highest <= vacant)
		highest = vacant + 1;
}

void sim_deliver(struct sim *sim, struct client *client, const uint8_t *frame, uint32_t bytes)
{
	launch(sim, client, frame, bytes, true);
}

static void put_sack(const struct client *client, uint8_t *option, uint32_t start, uint32_t end)
{
	uint32_t left = htonl(client->base + start);
	uint32_t right = htonl(client->base + end);

	memcpy(option, &left, 4);
	memcpy(option + 4, &right, 4);
}

static uint32_t put_sacks(struct client *client, uint8_t *options)
{
	uint32_t count = 0;

	if (client->sack && client->twice_end)
		put_sack(client, options + 4 + 8 * count++, client->twice_start, client->twice_end);
	client->twice_end = 0;
	for (uint32_t i = 0; client->sack && i < 4 && count < 4; i++)
		if (client->recent[i].end > client->received)
			put_sack(client, options + 4 + 8 * count++, client->recent[i].start,
				 client->recent[i].end);
	if (!count)
		return 0;
	memcpy(options, "\1\1\5", 3);
	options[3] = (uint8_t)(2 + 8 * count);
	return 4 + 8 * count;
}

void sim_send_as(struct sim *sim, uint8_t flags, uint32_t seq, uint32_t position, const void *data, uint32_t bytes)
{
	struct client *client = sim->focus;
	uint32_t ack = client->base + position;
	/* What the switch computes: the difference to the hash, which is `base` without its low bits. */
	uint32_t read = (ack - (client->base & ~127u)) & ~127u;
	uint32_t buffered = client->reads ? 0 : client->received - client->consumed;
	uint8_t by_current = sim->verified ? HG_PULL_CURRENT : HG_PULL_MAYBE_CURRENT;
	uint8_t by_previous = sim->verified ? HG_PULL_PREVIOUS : HG_PULL_MAYBE_PREVIOUS;
	struct pull_frame pull = {
		.flags = sim->secret == client->secret ? by_current : by_previous,
		.constants = ack & 127,
		.secret = sim->secret,
		.ingress_port = 2,
		.content = 1,
		.length = sim->length,
		.current_position = sim->secret == client->secret ? read : 0x7FFFFF80,
		.previous_position = sim->secret == client->secret ? 0x7FFFFF80 : read,
		.key = client->key,
		.seq = seq,
		.ack = ack,
		.tcp_flags = flags,
		.window = (uint16_t)((client->window > buffered ? client->window - buffered : 0) >> 7),
		.data = data,
		.data_bytes = bytes,
	};
	uint8_t frame[FRAME_BYTES];

	pull.option_bytes = put_sacks(client, pull.options);
	launch(sim, client, frame, make_pull(frame, &pull), false);
	client->unacked = 0;
	client->ack_at = 0;
	client->acks++;
}

void sim_send(struct sim *sim, uint8_t flags, const void *data, uint32_t bytes)
{
	struct client *client = sim->focus;

	sim_send_as(sim, flags, client->seq, client->received + client->finished, data, bytes);
	client->seq += bytes + (flags & HG_TCP_FIN ? 1 : 0);
}

void sim_connect(struct sim *sim, uint16_t port, bool sack)
{
	struct client *client = sim->focus;
	struct link *link = client->link;

	memset(client, 0, sizeof(*client));
	client->link = link;
	client->key = port % 2 ? ipv4_key(port) : ipv6_key(port);
	client->secret = sim->secret;
	client->sack = sack;
	client->reads = true;
	client->window = 1 << 20;
	client->seq = client->last_ack_no = sim_random(UINT32_MAX);
	client->base = (sim_random(UINT32_MAX) & ~127u) | CONSTANTS | sack;
	sim->verified = true;
	sim_send(sim, HG_TCP_ACK, NULL, 0);
}

void sim_get(struct sim *sim)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	sim_send(sim, HG_TCP_ACK | HG_TCP_PSH, get, sizeof(get) - 1);
}

static void remember(struct client *client, uint32_t start)
{
	uint32_t end = start;
	uint32_t place = 0;

	while (start > 0 && client->has[start / HG_SEQ_GRANULE - 1])
		start -= HG_SEQ_GRANULE;
	while (client->has[end / HG_SEQ_GRANULE])
		end += HG_SEQ_GRANULE;
	/* The newest first; blocks that have become part of it go. */
	for (uint32_t i = 0; i < 4; i++)
		if (client->recent[i].end && !(client->recent[i].start >= start && client->recent[i].end <= end))
			client->recent[place++] = client->recent[i];
	for (; place < 4; place++)
		client->recent[place].start = client->recent[place].end = 0;
	memmove(&client->recent[1], &client->recent[0], 3 * sizeof(client->recent[0]));
	client->recent[0].start = start;
	client->recent[0].end = end;
}

static void take_data(struct client *client, uint32_t offset, const uint8_t *data, uint32_t bytes)
{
	CHECK_EQUAL(offset % HG_SEQ_GRANULE, 0);
	CHECK(offset + bytes <= CLIENT_BYTES_MAX);
	/* Never more than it said it would take. */
	CHECK(offset + bytes <= client->received + client->window);
	if (client->has[offset / HG_SEQ_GRANULE]) {
		client->twice_start = offset;
		client->twice_end = offset + bytes;
	}
	memcpy(client->data + offset, data, bytes);
	memset(client->has + offset / HG_SEQ_GRANULE, 1, bytes / HG_SEQ_GRANULE);
	while (client->has[client->received / HG_SEQ_GRANULE])
		client->received += HG_SEQ_GRANULE;
	if (client->reads)
		client->consumed = client->received;
	if (offset > client->received)
		remember(client, offset);
}

/*
 * RFC 9293, 3.10.7.4: an old number is answered. As Linux does it, an empty segment's
 * not more than twice a second; with data, as one octet of it is, always.
 */
static void answer_old(struct sim *sim, uint32_t offset, uint32_t payload_bytes)
{
	struct client *client = sim->focus;

	if (payload_bytes) {
		client->twice_start = offset;
		client->twice_end = offset + payload_bytes;
	} else if (client->answered_old_at && sim->engine.now - client->answered_old_at < OLD_EMPTY_US) {
		return;
	} else {
		client->answered_old_at = sim->engine.now;
	}
	sim_send(sim, HG_TCP_ACK, NULL, 0);
}

/* A segment as it comes out of the switch: of a flow push, or a replica of a group push. */
static void client_receive(struct sim *sim, uint8_t flags, uint32_t offset, const uint8_t *payload, uint32_t payload_bytes)
{
	struct client *client = sim->focus;
	bool at_once;

	if (flags & HG_TCP_RST) {
		/* RFC 5961, 3.2 */
		if (offset == client->received + client->finished)
			client->reset = true;
		else
			sim_send(sim, HG_TCP_ACK, NULL, 0);
		return;
	}
	if (payload_bytes <= 1 && !(flags & HG_TCP_FIN)) {
		if ((int32_t)(offset - client->received) < 0)
			answer_old(sim, offset, payload_bytes);
		return;
	}
	at_once = offset != client->received || !client->reads;
	if (payload_bytes)
		take_data(client, offset, payload, payload_bytes);
	if (flags & HG_TCP_FIN)
		client->end = offset + payload_bytes;
	if (client->end && client->received == client->end)
		client->finished = true;
	client->unacked++;
	if (at_once || client->unacked >= 2 || client->finished)
		sim_send(sim, HG_TCP_ACK, NULL, 0);
	else if (!client->ack_at)
		client->ack_at = sim->engine.now + DELAYED_ACK_US;
}

static void client_receive_frame(struct sim *sim, const uint8_t *frame, uint32_t bytes)
{
	bool replica = (frame[14] & 15) == HG_PUSH_KIND_GROUP;
	uint32_t header_bytes = replica ? HG_PUSH_FRAME_BYTES : HG_FLOW_FRAME_BYTES;
	struct client *client = sim->focus;
	struct hg_flow_header flow;
	uint8_t flags = frame[15];
	uint32_t offset;

	memcpy(&offset, frame + 26, 4);
	offset = ntohl(offset);
	if (!replica) {
		memcpy(&flow, frame + HG_PUSH_FRAME_BYTES, sizeof(flow));
		CHECK(memcmp(&flow.key, &client->key, sizeof(flow.key)) == 0);
		CHECK_EQUAL(flow.secret, client->secret);
		CHECK_EQUAL(ntohs(flow.egress_port), 2);
		client->last_ack_no = ntohl(flow.ack_no);
		/* The constants that the numbers were begun with, or this is no sequence number of ours. */
		if (!(flags & HG_TCP_RST) && (bytes > header_bytes || flags & HG_TCP_FIN))
			CHECK_EQUAL(flow.constants, client->base & 127);
	}
	client_receive(sim, flags, offset, frame + header_bytes, bytes - header_bytes);
}

/* Whose flow push it is; NULL: one that has been replaced. */
static struct client *find_client(struct sim *sim, const uint8_t *frame)
{
	struct hg_flow_header flow;

	memcpy(&flow, frame + HG_PUSH_FRAME_BYTES, sizeof(flow));
	if (memcmp(&flow.key, &sim->client.key, sizeof(flow.key)) == 0)
		return &sim->client;
	for (uint32_t i = 0; i < sim->crowd_count; i++)
		if (memcmp(&flow.key, &sim->crowd[i].key, sizeof(flow.key)) == 0)
			return &sim->crowd[i];
	return NULL;
}

static bool is_before(const struct packet *a, const struct packet *b)
{
	int32_t ahead = hg_ahead(a->due, b->due);

	return ahead < 0 || (ahead == 0 && a->serial < b->serial);
}

/* The first that is due; NULL: none is. */
static struct packet *next_due(uint32_t now)
{
	struct packet *first = NULL;

	for (uint32_t i = 0; i < highest; i++)
		if (flight[i].used && hg_ahead(flight[i].due, now) <= 0 && (!first || is_before(&flight[i], first)))
			first = &flight[i];
	return first;
}

static void deliver_packet(struct sim *sim, struct packet *packet)
{
	struct client *focus = sim->focus;
	struct hg_pull pull;

	if (packet->to_client && packet->base == packet->client->base) {
		sim->focus = packet->client;
		client_receive_frame(sim, packet->frame, packet->bytes);
		sim->focus = focus;
	} else if (!packet->to_client && !sim->elsewhere) {
		CHECK_EQUAL(hg_pull_parse(&pull, packet->frame, packet->bytes, packet->bytes), 0);
		hg_receive(&sim->engine, &pull);
	}
}

static void deliver(struct sim *sim)
{
	struct packet *packet;

	while (flying && (packet = next_due(sim->engine.now))) {
		packet->used = false;
		if (vacant > (uint32_t)(packet - flight))
			vacant = (uint32_t)(packet - flight);
		if (--flying == 0)
			highest = 0;
		deliver_packet(sim, packet);
	}
}

static bool is_dropped(struct sim *sim, const uint8_t *frame, size_t bytes)
{
	uint32_t offset;

	memcpy(&offset, frame + 26, 4);
	/* Not those without payload. */
	if (!sim->drop_times || bytes == HG_FLOW_FRAME_BYTES || ntohl(offset) != sim->drop_offset)
		return false;
	sim->drop_times--;
	return true;
}

void sim_join_switch(struct sim *sim, uint32_t slots, uint32_t speed, bool reflects)
{
	struct hg_engine *engine = &sim->engine;
	int fds[2];

	CHECK(slots <= SIM_SLOTS_MAX);
	CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	CHECK_EQUAL(hg_host_link_open(&engine->host_link), 0);
	engine->outbox.link.echo_fd = fds[0];
	engine->outbox.link.window.now = engine->now;
	hg_link_window_reset(&engine->outbox.link.window, false);
	memset(&sim->board, 0, sizeof(sim->board));
	sim->board.slots = slots;
	sim->board.speed = speed;
	sim->board.reflects = reflects;
	sim->board.echo_far = fds[1];
}

/* What the pipeline does with a frame. */
static void pass(struct sim *sim, uint8_t *frame, uint32_t bytes)
{
	uint8_t kind = frame[14] & 15;
	struct client *client;
	uint16_t group;

	if (kind == HG_PUSH_KIND_MARK) {
		frame[14] = HG_PUSH_VERSION << 4 | HG_PUSH_KIND_ECHO;
		if (sim->board.reflects)
			CHECK_EQUAL(send(sim->board.echo_far, frame, bytes, 0), bytes);
		return;
	}
	if (is_dropped(sim, frame, bytes))
		return;
	if (kind == HG_PUSH_KIND_GROUP) {
		memcpy(&group, frame + 16, 2);
		sim->replicate(sim, ntohs(group), frame, bytes);
		return;
	}
	client = find_client(sim, frame);
	if (client)
		launch(sim, client, frame, bytes, true);
}

static void receive_on_board(struct sim_switch *board, const uint8_t *frame, uint32_t bytes)
{
	uint32_t at = (board->first + board->count) % SIM_SLOTS_MAX;

	if (board->dead || board->count == board->slots) {
		board->lost++;
		return;
	}
	memcpy(board->ring[at].frame, frame, bytes);
	board->ring[at].bytes = bytes;
	if (++board->count > board->most)
		board->most = board->count;
}

static void run_board(struct sim *sim)
{
	struct sim_switch *board = &sim->board;

	for (uint32_t i = 0; i < board->speed && board->count && !board->stopped; i++) {
		pass(sim, board->ring[board->first].frame, board->ring[board->first].bytes);
		board->first = (board->first + 1) % SIM_SLOTS_MAX;
		board->count--;
	}
}

static void collect(struct sim *sim)
{
	static uint32_t millisecond, taken;
	uint8_t frame[FRAME_BYTES];
	ssize_t bytes;

	if (millisecond != sim->engine.now / 1000)
		taken = 0;
	millisecond = sim->engine.now / 1000;
	hg_outbox_flush(&sim->engine.outbox);
	while ((bytes = recv(sim->far, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
		sim->pushes++;
		if (sim->observe)
			sim->observe(sim, frame, (uint32_t)bytes);
		if (sim->link.rate && taken++ >= sim->link.rate)
			continue;
		if (sim->board.slots)
			receive_on_board(&sim->board, frame, (uint32_t)bytes);
		else
			pass(sim, frame, (uint32_t)bytes);
	}
	run_board(sim);
}

static void acknowledge_late(struct sim *sim, struct client *client)
{
	struct client *focus = sim->focus;

	if (!client->ack_at || hg_ahead(sim->engine.now, client->ack_at) < 0)
		return;
	sim->focus = client;
	sim_send(sim, HG_TCP_ACK, NULL, 0);
	sim->focus = focus;
}

void sim_run(struct sim *sim, uint32_t us)
{
	for (uint32_t passed = 0, step; passed < us; passed += step) {
		uint32_t cohorts = hg_cohorts_quiet(&sim->engine);

		/* Nothing happens before the next timer when nothing is on its way. */
		step = STEP_US;
		if (!flying && !sim->client.ack_at && !sim->crowd_count && !sim->engine.outbox.count && !sim->board.slots)
			step = hg_timers_quiet(&sim->engine.timers, sim->engine.now);
		if (step > cohorts)
			step = cohorts;
		if (step < STEP_US)
			step = STEP_US;
		if (step > us - passed)
			step = us - passed;
		sim->engine.now += step;
		sim->engine.turn++;
		hg_host_link_run(&sim->engine);
		deliver(sim);
		acknowledge_late(sim, &sim->client);
		for (uint32_t i = 0; i < sim->crowd_count; i++)
			acknowledge_late(sim, &sim->crowd[i]);
		hg_timeouts_run(&sim->engine);
		hg_cohorts_run(&sim->engine);
		collect(sim);
	}
}

bool sim_run_until_done(struct sim *sim, uint32_t us)
{
	for (uint32_t passed = 0; passed < us && !sim->client.finished && !sim->client.reset; passed += 10000)
		sim_run(sim, 10000);
	return sim->client.finished || sim->client.reset;
}
