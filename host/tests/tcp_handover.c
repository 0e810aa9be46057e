/* SPDX-License-Identifier: Apache-2.0 */
/* A download that moves from host to host: each is an engine with a flow file of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pusher_check.h"
#include "tcp_client.h"

#define SECOND 1000000
#define MINUTE (60u * SECOND)
#define FILE_BYTES 300000

static char content[] = "/tmp/hectograph-content-XXXXXX";
static char one[] = "/tmp/hectograph-flows-XXXXXX";
static char other[] = "/tmp/hectograph-flows-XXXXXX";
static struct sim sim;
static uint8_t file[FILE_BYTES];

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static void begin(bool sack)
{
	sim_open(&sim, one, content);
	sim.link.delay = 1000;
	sim_connect(&sim, 40001, sack);
}

static bool got_file(void)
{
	const uint8_t *end = memmem(sim.client.data, sim.client.received, "\r\n\r\n", 4);

	return sim.client.finished && !sim.client.reset && end && sim.client.received == sim.length &&
	       memcmp(sim.client.data, "HTTP/1.1 200 OK\r\n", 17) == 0 && memcmp(end + 4, file, FILE_BYTES) == 0;
}

static uint32_t list(struct hg_flow_status *flow)
{
	return hg_engine_flows(&sim.engine, 0, flow, 1);
}

static uint32_t adopt(const struct hg_flow_status *flow)
{
	char error[HG_PUSHER_ERROR_BYTES];
	uint32_t made;

	CHECK_EQUAL(hg_engine_adopt_flows(&sim.engine, flow, 1, &made, error), 0);
	return made;
}

/* The host is gone, and with it what was under way to it; another, with no flow, has its buckets. */
static void move(bool lose)
{
	unlink(other);
	sim_restart(&sim, other);
	sim.link.loss = lose ? 1000 : 0;
	sim.elsewhere = true;
	sim_run(&sim, 2000);
	sim.link.loss = 0;
	sim.elsewhere = false;
	sim.verified = false;
}

/* What the controller knows of a flow whose handshake it saw. */
static struct hg_flow_status learnt(void)
{
	return (struct hg_flow_status){
		.header = {
			.secret = sim.client.secret,
			.constants = sim.client.base & 127,
			.key = sim.client.key,
			.ack_no = htonl(sim.client.seq),
			.egress_port = htons(2),
		},
		.content = 1,
		.state = HG_FLOW_REQUEST,
	};
}

static void copy(const char *to, const char *from)
{
	static uint8_t bytes[2 << 20];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_TRUNC | O_CREAT, 0600);
	ssize_t got = read(in, bytes, sizeof(bytes));

	CHECK(got > 0 && got < (ssize_t)sizeof(bytes) && write(out, bytes, (size_t)got) == got);
	close(in);
	close(out);
}

/* Its TCP sends the request again for as long as that is not acknowledged. */
static bool complete(uint32_t first)
{
	for (int i = 0; i < 30 && sim.client.received == 0 && sim.client.last_ack_no == first; i++) {
		sim.client.seq = first;
		sim_get(&sim);
		sim_run(&sim, 300000);
	}
	return sim_run_until_done(&sim, MINUTE) && got_file();
}

/* The list is up to 40 ms old, and what was under way is lost or not. */
static void at_every_point(bool lose, bool ready)
{
	for (uint32_t listed = 500; listed < 30000; listed += 1300)
		for (uint32_t after = 0; after < 40000; after += 9000) {
			struct hg_flow_status flow;
			uint32_t first;

			begin(listed % 3);
			first = sim.client.seq;
			sim_get(&sim);
			sim_run(&sim, listed);
			CHECK_EQUAL(list(&flow), listed > 1000);
			if (listed <= 1000)
				flow = learnt(), flow.header.ack_no = htonl(first);
			sim_run(&sim, after);
			move(lose);
			if (ready)
				sim_add_content(&sim, content);
			CHECK_EQUAL(adopt(&flow), 1);
			CHECK_EQUAL(adopt(&flow), 0);
			if (!ready) {
				sim_run(&sim, SECOND);
				CHECK_EQUAL(sim_counter(&sim, HG_TCP_resume_probes), 0);
				sim_add_content(&sim, content);
			}
			CHECK(sim.client.finished ? got_file() : complete(first));
			CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_handed_over), 1);
			CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_reset), 0);
			sim_close(&sim);
		}
}

/* Only the handshake was seen; the client is in the middle. */
static void learnt_in_the_middle(bool lose)
{
	for (uint32_t after = 5000; after < 40000; after += 2500) {
		struct hg_flow_status flow;

		begin(true);
		flow = learnt();
		sim_get(&sim);
		sim_run(&sim, after);
		CHECK(sim.client.received > 1024);
		move(lose);
		sim_add_content(&sim, content);
		CHECK_EQUAL(adopt(&flow), 1);
		CHECK(sim.client.finished ? got_file() : sim_run_until_done(&sim, MINUTE) && got_file());
		CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_reset), 0);
		sim_close(&sim);
	}
}

/* Nothing was asked yet: the client is left alone, and is answered when it asks. */
static void learnt_idle(void)
{
	struct hg_flow_status flow;

	begin(true);
	flow = learnt();
	move(false);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_run(&sim, 30 * SECOND);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_resume_probes), 1);
	sim_get(&sim);
	CHECK(sim_run_until_done(&sim, MINUTE) && got_file());
	sim_close(&sim);
	/* One that never asks is forgotten without a word, as any other. */
	begin(true);
	flow = learnt();
	move(false);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_run(&sim, 2 * MINUTE);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_idle), 1);
	CHECK(!sim.client.reset);
	sim_close(&sim);
}

/* The first segment was lost, the others came: they can only be the content's. */
static void learnt_with_a_hole(void)
{
	struct hg_flow_status flow;

	begin(true);
	flow = learnt();
	sim.drop_times = 1;
	sim_get(&sim);
	sim_run(&sim, 2500);
	move(true);
	CHECK(sim.client.received == 0 && sim.client.recent[0].end > 1408);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	CHECK(sim_run_until_done(&sim, MINUTE) && got_file());
	sim_close(&sim);
}

/* The other host took the request, and of its answer nothing arrived: nobody knows what it was. */
static void learnt_too_little(void)
{
	struct hg_flow_status flow;

	begin(true);
	flow = learnt();
	sim_get(&sim);
	move(true);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_run(&sim, 2 * MINUTE);
	CHECK(sim.client.reset);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_reset), 1);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim_close(&sim);
	/* A position that another answer has too. */
	begin(true);
	flow = learnt();
	sim_send(&sim, HG_TCP_ACK, get, sizeof(get) - 1);
	sim.client.received = 128;
	move(true);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_run(&sim, SECOND);
	CHECK(sim.client.reset);
	sim_close(&sim);
}

/* An answer without content, all of it there: whatever it was, only the client's FIN is left. */
static void learnt_at_the_end(void)
{
	static const char head[] = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct hg_flow_status flow;

	begin(true);
	flow = learnt();
	sim_send(&sim, HG_TCP_ACK, head, sizeof(head) - 1);
	CHECK(sim_run_until_done(&sim, SECOND));
	move(true);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_run(&sim, SECOND);
	CHECK(!sim.client.reset);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_finished), 1);
	sim_send(&sim, HG_TCP_FIN | HG_TCP_ACK, NULL, 0);
	sim_run(&sim, 3 * SECOND);
	CHECK_EQUAL(sim.client.last_ack_no, sim.client.seq);
	CHECK_EQUAL(sim.engine.table.used, 0);
	CHECK_EQUAL(sim.engine.contents.contents[0]->flows, 0);
	sim_close(&sim);
}

/* Half of the request was read there. */
static void in_the_request(void)
{
	struct hg_flow_status flow;

	for (uint32_t cut = 1; cut < sizeof(get) - 1; cut++) {
		begin(true);
		sim_send(&sim, HG_TCP_ACK, get, cut);
		sim_run(&sim, 10000);
		CHECK_EQUAL(list(&flow), 1);
		CHECK_EQUAL(flow.request.consumed, cut);
		move(false);
		sim_add_content(&sim, content);
		CHECK_EQUAL(adopt(&flow), 1);
		sim_run(&sim, SECOND);
		sim_send(&sim, HG_TCP_ACK, get + cut, sizeof(get) - 1 - cut);
		CHECK(sim_run_until_done(&sim, MINUTE) && got_file());
		sim_close(&sim);
	}
}

/* Its response here has another length: not a byte of that is sent into the other. */
static void another_content(bool knows)
{
	struct hg_flow_status flow;

	begin(true);
	flow = learnt();
	sim_get(&sim);
	sim_run(&sim, 8000);
	if (knows)
		CHECK_EQUAL(list(&flow), 1);
	move(true);
	sim_add_content(&sim, content);
	sim.length += 128;
	CHECK_EQUAL(adopt(&flow), 1);
	sim_run(&sim, SECOND);
	CHECK(sim.client.reset);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_segments), 0);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim_close(&sim);
}

/* More was sent than its content has here: the number was another's before. It can still be taken over. */
static void longer_than_its_content(void)
{
	struct hg_flow_status flow;

	begin(true);
	sim_get(&sim);
	sim_run(&sim, 8000);
	hg_record_at(&sim.engine, 0)->sent = sim.length + 128;
	CHECK_EQUAL(list(&flow), 1);
	CHECK_EQUAL(flow.length, 0);
	move(false);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_close(&sim);
}

/* More was sent of an answer than that answer has: whoever says so speaks of another. */
static void longer_than_its_answer(void)
{
	struct hg_flow_status flow;

	begin(true);
	flow = learnt();
	flow.state = HG_FLOW_RESPONSE;
	flow.response = HG_RESPONSE_BAD_REQUEST;
	flow.sent = flow.length = 4096;
	move(false);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_run(&sim, SECOND);
	CHECK(sim.client.reset);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_segments), 0);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_beyond_response), 0);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim_close(&sim);
}

/* No answer has what the client acknowledges, so nothing is learnt of what was sent to it. */
static void beyond_every_answer(void)
{
	struct hg_flow_status flow;

	begin(true);
	flow = learnt();
	move(false);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_send_as(&sim, HG_TCP_ACK, sim.client.seq, sim.length + 128, NULL, 0);
	sim_send_as(&sim, HG_TCP_ACK, sim.client.seq, 0u - 128, NULL, 0);
	sim_run(&sim, SECOND);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_pull_ack_beyond), 2);
	sim_get(&sim);
	CHECK(sim_run_until_done(&sim, MINUTE) && got_file());
	sim_close(&sim);
}

static void forget(void)
{
	struct hg_flow_status flow;
	uint32_t pushes;

	begin(true);
	sim_get(&sim);
	sim_run(&sim, 8000);
	CHECK_EQUAL(list(&flow), 1);
	sim.elsewhere = true;
	CHECK_EQUAL(hg_engine_forget_flows(&sim.engine, &flow.header.key, 1), 1);
	CHECK_EQUAL(hg_engine_forget_flows(&sim.engine, &flow.header.key, 1), 0);
	pushes = sim.pushes + sim.engine.outbox.count;
	sim_run(&sim, 10 * MINUTE);
	CHECK_EQUAL(sim.pushes, pushes);
	CHECK(!sim.client.reset);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_forgotten), 1);
	CHECK_EQUAL(sim.engine.table.used, 0);
	CHECK_EQUAL(sim.engine.contents.contents[0]->flows, 0);
	sim_close(&sim);
}

/*
 * One host died and another serves; its client has stopped reading exactly where the
 * first knows it to be, so that a RST from there would end the download. The first
 * comes back with its old flow file.
 */
static void old_flow_file(bool gets_it_back)
{
	struct hg_flow_status flow;
	uint32_t received;

	begin(true);
	sim.client.reads = false;
	sim.client.window = 20480;
	sim_get(&sim);
	sim_run(&sim, SECOND);
	CHECK_EQUAL(list(&flow), 1);
	received = sim.client.received;
	CHECK_EQUAL(flow.acked, received);
	move(true);
	sim_add_content(&sim, content);
	CHECK_EQUAL(adopt(&flow), 1);
	sim_run(&sim, 5 * SECOND);
	if (gets_it_back) {
		sim.client.consumed = received;
		sim.client.window = 100000;
		sim_send(&sim, HG_TCP_ACK, NULL, 0);
		sim_run(&sim, 5 * SECOND);
		CHECK(sim.client.received > 100000);
	}
	sim_restart(&sim, one);
	sim.elsewhere = true;
	sim_add_content(&sim, content);
	sim_run(&sim, gets_it_back ? SECOND : 30 * MINUTE);
	CHECK(!sim.client.reset);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_segments), 0);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_unanswered), !gets_it_back);
	CHECK_EQUAL(sim.engine.table.used, gets_it_back);
	CHECK_EQUAL(sim.engine.contents.contents[0]->flows, gets_it_back);
	if (!gets_it_back) {
		sim_restart(&sim, other);
		sim_add_content(&sim, content);
	}
	sim.elsewhere = false;
	sim.client.reads = true;
	sim.client.window = 1 << 20;
	sim_run(&sim, SECOND);
	CHECK(sim_run_until_done(&sim, 2 * MINUTE) && got_file());
	sim_close(&sim);
}

/* It was only stopped: it sends what it had sent before, again and again, and then nothing. */
static void stopped(void)
{
	begin(true);
	sim_get(&sim);
	sim_run(&sim, 8000);
	sim.elsewhere = true;
	copy(other, one);
	sim_run(&sim, 30 * MINUTE);
	CHECK(!sim.client.reset && !sim.client.finished);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_timed_out), 1);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim_restart(&sim, other);
	sim_add_content(&sim, content);
	sim.elsewhere = false;
	CHECK(sim_run_until_done(&sim, MINUTE) && got_file());
	sim_close(&sim);
}

/* What is further replaces what was not heard of; what was heard of stays. */
static void known(void)
{
	struct hg_flow_status early, late;

	begin(true);
	early = learnt();
	sim_get(&sim);
	sim_run(&sim, 4000);
	CHECK_EQUAL(list(&late), 1);
	CHECK_EQUAL(late.state, HG_FLOW_RESPONSE);
	move(true);
	CHECK_EQUAL(adopt(&early), 1);
	CHECK_EQUAL(adopt(&late), 1);
	CHECK_EQUAL(adopt(&early), 0);
	CHECK_EQUAL(hg_record_at(&sim.engine, 0)->state, HG_FLOW_RESPONSE);
	CHECK_EQUAL(sim.engine.table.used, 1);
	sim_add_content(&sim, content);
	CHECK_EQUAL(sim.engine.contents.contents[0]->flows, 1);
	sim_run(&sim, 4000);
	CHECK(sim_counter(&sim, HG_TCP_segments) > 0);
	/* Another host is said to be far ahead: then the client may acknowledge what was not sent here. */
	late.acked = late.sent = sim.length - 1280;
	CHECK_EQUAL(adopt(&late), 0);
	CHECK(hg_record_at(&sim.engine, 0)->sent < late.acked);
	sim_send_as(&sim, HG_TCP_ACK, sim.client.seq, late.acked, NULL, 0);
	sim_run(&sim, 1500);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_pull_ack_beyond), 0);
	CHECK(hg_record_at(&sim.engine, 0)->acked >= late.acked);
	sim_close(&sim);
}

/* Thousands are asked one after the other; more than there is room for are refused by number. */
static void many(void)
{
	static struct hg_flow_status flows[HG_FLOW_CHUNK + 1];
	char error[HG_PUSHER_ERROR_BYTES];
	uint32_t made, asked;

	begin(true);
	sim_run(&sim, 5000);
	for (uint32_t i = 0; i <= HG_FLOW_CHUNK; i++) {
		flows[i] = learnt();
		flows[i].header.key = i % 2 ? ipv4_key((uint16_t)i) : ipv6_key((uint16_t)i);
	}
	CHECK_EQUAL(hg_engine_adopt_flows(&sim.engine, flows, HG_FLOW_CHUNK + 1, &made, error), -ENOSPC);
	CHECK(strstr(error, "flow 8192 of 8193"));
	CHECK_EQUAL(made, HG_FLOW_CHUNK - 1); /* and the connection that was there */
	for (uint32_t ms = 1; ms <= 160; ms++) {
		asked = (uint32_t)sim_counter(&sim, HG_TCP_resume_probes);
		sim_run(&sim, 1000);
		CHECK(sim_counter(&sim, HG_TCP_resume_probes) - asked <= 64);
	}
	sim_run(&sim, 20000);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_resume_probes), HG_FLOW_CHUNK - 1);
	sim_run(&sim, 60 * MINUTE);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_unanswered), HG_FLOW_CHUNK - 1);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim_close(&sim);
}

int main(void)
{
	int fds[] = { mkstemp(content), mkstemp(one), mkstemp(other) };

	for (uint32_t i = 0; i < FILE_BYTES; i++)
		file[i] = (uint8_t)sim_random(256);
	CHECK(fds[1] >= 0 && fds[2] >= 0 && write(fds[0], file, FILE_BYTES) == FILE_BYTES);
	for (int way = 0; way < 4; way++)
		at_every_point(way & 1, way & 2);
	learnt_in_the_middle(false);
	learnt_in_the_middle(true);
	learnt_idle();
	learnt_with_a_hole();
	learnt_too_little();
	learnt_at_the_end();
	in_the_request();
	another_content(false);
	another_content(true);
	longer_than_its_content();
	longer_than_its_answer();
	beyond_every_answer();
	forget();
	old_flow_file(false);
	old_flow_file(true);
	stopped();
	known();
	many();
	unlink(content);
	unlink(one);
	unlink(other);
	return 0;
}
