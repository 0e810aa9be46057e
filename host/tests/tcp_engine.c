/* SPDX-License-Identifier: Apache-2.0 */
/* Whole downloads over bad links, and what TCP asks of a server beside sending. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pusher_check.h"
#include "tcp_client.h"

#define SECOND 1000000

static char content[] = "/tmp/hectograph-content-XXXXXX";
static char flows[] = "/tmp/hectograph-flows-XXXXXX";
static struct sim sim;
static uint8_t file[1 << 20];
static uint32_t file_bytes;

static void make_content(uint32_t bytes)
{
	int fd = open(content, O_WRONLY | O_TRUNC);

	for (uint32_t i = 0; i < bytes; i++)
		file[i] = (uint8_t)sim_random(256);
	CHECK(fd >= 0 && write(fd, file, bytes) == (ssize_t)bytes);
	close(fd);
	file_bytes = bytes;
}

static void begin(uint32_t bytes, struct link link)
{
	make_content(bytes);
	sim_open(&sim, flows, content);
	sim.link = link;
}

static bool got_file(void)
{
	const uint8_t *end = memmem(sim.client.data, sim.client.received, "\r\n\r\n", 4);

	return sim.client.finished && !sim.client.reset && end && sim.client.received == sim.length &&
	       memcmp(sim.client.data, "HTTP/1.1 200 OK\r\n", 17) == 0 && memcmp(end + 4, file, file_bytes) == 0;
}

/* The request again as long as none of the response came, as its TCP would. */
static bool download(uint32_t us)
{
	uint32_t seq = sim.client.seq;

	sim_get(&sim);
	for (uint32_t i = 0; i < 30 && sim.client.received == 0 && sim.client.last_ack_no == seq; i++) {
		sim_run(&sim, 300000);
		if (sim.client.last_ack_no != seq)
			break;
		sim.client.seq = seq;
		sim_get(&sim);
	}
	return sim_run_until_done(&sim, us);
}

static void finish(void)
{
	/* Its FIN is acknowledged however often it comes, and the flow is forgotten. */
	for (int i = 0; i < 40 && sim.client.last_ack_no != sim.client.seq + 1; i++) {
		sim_send_as(&sim, HG_TCP_FIN | HG_TCP_ACK, sim.client.seq, sim.client.received + 1, NULL, 0);
		sim_run(&sim, 200000);
	}
	CHECK_EQUAL(sim.client.last_ack_no, sim.client.seq + 1);
	sim_run(&sim, 3 * SECOND);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_finished), 1);
	CHECK_EQUAL(sim.engine.table.used, 0);
	CHECK_EQUAL(sim.engine.contents.contents[0]->flows, 0);
}

static void downloads(void)
{
	static const uint32_t sizes[] = { 0, 1, 127, 128, 129, 1151, 1152, 1153, 1407, 1408, 1409, 20000, 300000 };
	static const struct link links[] = {
		{ .delay = 500 },
		{ .delay = 500, .loss = 10 },
		{ .delay = 500, .loss = 50 },
		{ .delay = 500, .loss = 200 },
		{ .delay = 500, .reorder = 100 },
		{ .delay = 25000, .loss = 10, .reorder = 10 },
		{ .delay = 500, .rate = 3 },
	};

	for (size_t l = 0; l < sizeof(links) / sizeof(links[0]); l++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			for (int sack = 0; sack < 2; sack++) {
				begin(sizes[s], links[l]);
				sim_connect(&sim, (uint16_t)(40000 + s), sack);
				if (!download(600 * SECOND) || !got_file()) {
					fprintf(stderr, "link %zu, %u bytes, SACK %d: %u of %u\n", l, sizes[s], sack,
						sim.client.received, sim.length);
					exit(1);
				}
				if (links[l].loss == 0 && links[l].reorder == 0 && links[l].rate == 0)
					CHECK_EQUAL(sim_counter(&sim, HG_TCP_retransmits), 0);
				finish();
				sim_close(&sim);
			}
}

/* A segment in the middle is lost, once or twice: it alone is sent again, without a timeout. */
static void one_loss(bool sack, uint32_t times)
{
	begin(400000, (struct link){ .delay = 5000 });
	sim_connect(&sim, 40001, sack);
	sim.drop_offset = 20 * 1408;
	sim.drop_times = times;
	sim_get(&sim);
	CHECK(sim_run_until_done(&sim, 10 * SECOND));
	CHECK(got_file());
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_retransmits), times);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_fast_recoveries), 1);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_timeouts), 0);
	sim_close(&sim);
}

/* What comes late may first be taken for lost, and then no more: the window does not suffer. */
static void reordering(void)
{
	begin(1000000, (struct link){ .delay = 25000, .reorder = 50 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	CHECK(sim_run_until_done(&sim, 2 * SECOND));
	CHECK(got_file());
	CHECK(sim_counter(&sim, HG_TCP_fast_recoveries) <= 3);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_spurious_recoveries), sim_counter(&sim, HG_TCP_fast_recoveries));
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_timeouts), 0);
	CHECK(sim_counter(&sim, HG_TCP_retransmits) <= 10);
	sim_close(&sim);
}

/* The last segment is lost: a probe brings it; without SACK there is none, and the timeout does. */
static void tail_loss(bool sack)
{
	uint32_t begun;

	begin(30000, (struct link){ .delay = 5000 });
	sim_connect(&sim, 40001, sack);
	sim.drop_offset = sim.length / 1408 * 1408;
	sim.drop_times = 1;
	begun = sim.engine.now;
	sim_get(&sim);
	CHECK(sim_run_until_done(&sim, 10 * SECOND));
	CHECK(got_file());
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_tail_probes), sack);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_timeouts), !sack);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_retransmits), 1);
	CHECK(sim.engine.now - begun < 300000);
	sim_close(&sim);
}

/* The program stops reading: no byte beyond the window, probes, and on at once when it opens. */
static void shut_window(void)
{
	begin(100000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim.client.reads = false;
	sim.client.window = 20480;
	sim_get(&sim);
	sim_run(&sim, 30 * SECOND);
	CHECK(sim.client.received <= 20480 && sim.client.received > 18000);
	CHECK(sim_counter(&sim, HG_TCP_window_probes) >= 3);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_timed_out), 0);
	/* Twenty minutes: a client that answers is never given up. */
	sim_run(&sim, 1200u * SECOND);
	CHECK_EQUAL(sim.engine.table.used, 1);
	sim.client.reads = true;
	sim.client.consumed = sim.client.received;
	/* The update is lost: the next probe finds the window open. */
	sim.link.loss = 1000;
	sim_send(&sim, HG_TCP_ACK, NULL, 0);
	sim.link.loss = 0;
	CHECK(sim_run_until_done(&sim, 120 * SECOND));
	CHECK(got_file());
	sim_close(&sim);
}

static void small_window(void)
{
	static const uint32_t windows[] = { 256, 1024, 2048, 2304 };

	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		begin(20000, (struct link){ .delay = 1000 });
		sim_connect(&sim, 40001, true);
		sim.client.window = windows[i];
		sim_get(&sim);
		CHECK(sim_run_until_done(&sim, 60 * SECOND));
		CHECK(got_file());
		sim_close(&sim);
	}
}

static void no_answer(void)
{
	begin(100000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 1500);
	sim.link.loss = 1000;
	sim_run(&sim, 900u * SECOND);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_timed_out), 1);
	CHECK_EQUAL(sim.engine.table.used, 0);
	CHECK(sim.pushes < 60);
	sim_close(&sim);
}

/* RFC 5961, 3: exactly the next number resets, another in the window is challenged, others are nothing. */
static void resets(void)
{
	begin(1000000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 5000);
	sim_send_as(&sim, HG_TCP_RST | HG_TCP_ACK, sim.client.seq + 100000, sim.client.received, NULL, 0);
	sim_run(&sim, 3000);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_pull_out_of_window), 1);
	sim_send_as(&sim, HG_TCP_RST | HG_TCP_ACK, sim.client.seq + 100, sim.client.received, NULL, 0);
	sim_run(&sim, 3000);
	CHECK_EQUAL(sim.engine.table.used, 1);
	CHECK(sim_counter(&sim, HG_TCP_acks) >= 1);
	sim_send_as(&sim, HG_TCP_RST | HG_TCP_ACK, sim.client.seq, sim.client.received, NULL, 0);
	sim_run(&sim, 3000);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_reset_by_client), 1);
	sim_run(&sim, 2 * SECOND);
	CHECK_EQUAL(sim.engine.table.used, 0);
	CHECK_EQUAL(sim.engine.contents.contents[0]->flows, 0);
	sim_close(&sim);
}

static void odd_acknowledgements(void)
{
	begin(300000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 5000);
	/* Old; beyond what was sent; of bytes in the middle of a granule. */
	sim_send_as(&sim, HG_TCP_ACK, sim.client.seq, 0, NULL, 0);
	sim_send_as(&sim, HG_TCP_ACK, sim.client.seq, sim.length - 128, NULL, 0);
	sim_send_as(&sim, HG_TCP_ACK, sim.client.seq, sim.client.received - 77, NULL, 0);
	sim_run(&sim, 3000);
	CHECK(sim_counter(&sim, HG_TCP_pull_old_ack) >= 1);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_pull_ack_beyond), 1);
	/* A keep-alive. */
	sim_send_as(&sim, HG_TCP_ACK, sim.client.seq - 1, sim.client.received, NULL, 0);
	sim_run(&sim, 3000);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_keep_alives), 1);
	CHECK(sim_run_until_done(&sim, 60 * SECOND));
	CHECK(got_file());
	sim_close(&sim);
}

static void half_close(void)
{
	begin(300000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_send(&sim, HG_TCP_FIN | HG_TCP_ACK, NULL, 0);
	CHECK(sim_run_until_done(&sim, 60 * SECOND));
	CHECK(got_file());
	CHECK_EQUAL(sim.client.last_ack_no, sim.client.seq);
	sim_run(&sim, 3 * SECOND);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim_close(&sim);
}

static void too_big(void)
{
	struct pull_frame pull = { .flags = HG_PULL_ICMP, .ingress_port = 2, .content = 1, .mtu = 600 };
	uint8_t frame[256];
	struct hg_pull parsed;
	size_t bytes;

	begin(300000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 4000);
	pull.key = sim.client.key;
	bytes = make_pull(frame, &pull);
	CHECK_EQUAL(hg_pull_parse(&parsed, frame, bytes, bytes), 0);
	hg_receive(&sim.engine, &parsed);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_packet_too_big), 1);
	CHECK_EQUAL(sim.engine.table.flows[0].segment * 128, 512); /* 600 - 40 */
	hg_receive(&sim.engine, &parsed);
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_icmp_ignored), 1);
	CHECK(sim_run_until_done(&sim, 60 * SECOND));
	CHECK(got_file());
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_timeouts), 0);
	sim_close(&sim);
}

/* A stranger who guesses a number in the window sends from another port: the download stays where its client is. */
static void redirected(void)
{
	struct pull_frame pull = { .flags = HG_PULL_CURRENT, .ingress_port = 7, .content = 1, .tcp_flags = HG_TCP_ACK, .secret = 1 };
	uint8_t frame[256];
	struct hg_pull parsed;
	size_t bytes;

	begin(300000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 4000);
	pull.key = sim.client.key;
	pull.seq = sim.client.seq + 100;
	pull.constants = sim.client.base & 127;
	pull.length = sim.length;
	for (int known = 0; known < 2; known++) {
		pull.current_position = known ? hg_record_at(&sim.engine, 0)->acked : sim.length - 128;
		bytes = make_pull(frame, &pull);
		CHECK_EQUAL(hg_pull_parse(&parsed, frame, bytes, bytes), 0);
		hg_receive(&sim.engine, &parsed);
		CHECK_EQUAL(ntohs(hg_record_at(&sim.engine, 0)->header.egress_port), known ? 7 : 2);
	}
	sim_close(&sim);
}

/* Killed in the middle, at many points, with everything in flight lost. */
static void restarts(bool lose)
{
	for (uint32_t after = 1000; after < 40000; after += 1700) {
		begin(300000, (struct link){ .delay = 1000 });
		sim_connect(&sim, 40001, after % 3);
		sim_get(&sim);
		sim_run(&sim, after);
		if (sim.client.received == 0) /* its TCP would send the request again */
			sim.client.seq = sim.client.last_ack_no;
		sim_restart(&sim, flows);
		sim.link.loss = lose ? 1000 : 0;
		sim_run(&sim, 2000);
		sim.link.loss = 0;
		sim.verified = false;
		sim_add_content(&sim, content);
		if (sim.client.received == 0 && sim.client.seq == sim.client.last_ack_no) {
			sim.verified = true;
			sim_get(&sim);
		}
		CHECK(sim_run_until_done(&sim, 60 * SECOND));
		CHECK(got_file());
		sim_close(&sim);
	}
}

/* The flow file is gone too: the position alone says how to go on, once the switch vouches for the client. */
static void adoption(void)
{
	begin(1000000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 9000);
	CHECK(sim.client.received > 4096 && !sim.client.finished);
	unlink(flows);
	sim_restart(&sim, flows);
	sim.verified = false;
	sim_run(&sim, SECOND / 10);
	CHECK(sim_counter(&sim, HG_TCP_pull_no_content) > 0);
	sim_add_content(&sim, content);
	sim_send(&sim, HG_TCP_ACK, NULL, 0);
	sim_run(&sim, SECOND);
	CHECK(sim_counter(&sim, HG_TCP_pull_unknown_unverified) > 0);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim.verified = true;
	sim_send(&sim, HG_TCP_ACK, NULL, 0);
	CHECK(sim_run_until_done(&sim, 60 * SECOND));
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_adopted), 1);
	CHECK(got_file());
	sim_close(&sim);
}

/* A position that an answer without content also has: nobody knows which it was. */
static void no_adoption(void)
{
	begin(300000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim.client.received = 128;
	sim_send(&sim, HG_TCP_ACK, NULL, 0);
	sim_run(&sim, 2 * SECOND);
	CHECK_EQUAL(sim.engine.table.used, 1); /* the first one's, which waits for a request */
	sim_close(&sim);
	begin(300000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	memset(&sim.client.has, 1, 1);
	sim.engine.now += 1;
	sim_restart(&sim, flows);
	sim_add_content(&sim, content);
	sim_run(&sim, 100 * SECOND);
	sim.client.received = 128;
	sim_send(&sim, HG_TCP_ACK, NULL, 0);
	sim_run(&sim, SECOND);
	CHECK(sim.client.reset);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim_close(&sim);
}

/* Secrets rotate under a download; what is pushed meanwhile names its own (checked by the client). */
static void rotation(void)
{
	begin(1000000, (struct link){ .delay = 5000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 40000);
	sim.secret++;
	CHECK(sim_run_until_done(&sim, 60 * SECOND));
	CHECK(got_file());
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_pull_secret), 0);
	finish();
	sim_close(&sim);
	/* Twice: its secret is gone, and a new connection of the same ports is a new one. */
	begin(1000000, (struct link){ .delay = 5000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 40000);
	sim.secret += 2;
	sim_run(&sim, 300000);
	CHECK(sim_counter(&sim, HG_TCP_pull_secret) > 0);
	sim_connect(&sim, 40001, true);
	CHECK(download(60 * SECOND));
	CHECK(got_file());
	sim_close(&sim);
}

static void same_ports_again(void)
{
	begin(300000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 5000);
	/* The client vanished and its ports are used again, while the old download runs. */
	sim_connect(&sim, 40001, true);
	CHECK(download(60 * SECOND));
	CHECK(got_file());
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_opened), 2);
	sim_close(&sim);
}

/* A request in every two segments; the second may come first; what follows is nonsense. */
static void split_requests(void)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /again";
	uint32_t head = sizeof(get) - 1 - 10;

	for (uint32_t cut = 1; cut < head; cut++) {
		begin(1000, (struct link){ .delay = 1000 });
		sim_connect(&sim, 40001, true);
		sim_send(&sim, HG_TCP_ACK, get, cut);
		sim_run(&sim, 10000);
		CHECK_EQUAL(sim.client.last_ack_no, sim.client.seq);
		sim_send(&sim, HG_TCP_ACK, get + cut, sizeof(get) - 1 - cut);
		CHECK(sim_run_until_done(&sim, SECOND));
		CHECK(got_file());
		sim_close(&sim);
	}
	for (uint32_t cut = 1; cut < head; cut++) {
		uint32_t seq;

		begin(1000, (struct link){ .delay = 1000, .loss = 1000 });
		sim_connect(&sim, 40001, true); /* the handshake's last packet is lost */
		sim.link.loss = 0;
		seq = sim.client.seq;
		sim_send_as(&sim, HG_TCP_ACK, seq + cut, 0, get + cut, head - cut);
		sim_run(&sim, 10000);
		CHECK(sim.client.received == 0);
		CHECK_EQUAL(sim_counter(&sim, HG_TCP_requests_doubted), 1);
		CHECK_EQUAL(sim.client.last_ack_no, seq); /* never more than it has */
		sim_send_as(&sim, HG_TCP_ACK, seq, 0, get, head);
		sim.client.seq = seq + head;
		CHECK(sim_run_until_done(&sim, SECOND));
		CHECK(got_file());
		sim_close(&sim);
	}
}

static void answered_with(const char *request, const char *status)
{
	begin(100000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_send(&sim, HG_TCP_ACK, request, (uint32_t)strlen(request));
	CHECK(sim_run_until_done(&sim, SECOND));
	CHECK(sim.client.finished);
	CHECK(memcmp(sim.client.data, status, strlen(status)) == 0);
	finish();
	sim_close(&sim);
}

static void answers(void)
{
	answered_with("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ");
	answered_with("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"tag\"\r\n\r\n", "HTTP/1.1 304 ");
	answered_with("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ");
	answered_with("nonsense\r\n\r\n", "HTTP/1.1 400 ");
}

/* A file that changes: its downloads are reset before a byte of the new goes out with the old. */
static void withdrawn(void)
{
	struct hg_content *withdrawn;

	begin(1000000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 5000);
	CHECK_EQUAL(truncate(content, 10), 0);
	sim_run(&sim, 10000);
	withdrawn = sim.engine.contents.contents[0];
	CHECK_EQUAL(withdrawn->state, HG_CONTENT_WITHDRAWN);
	CHECK(strstr(withdrawn->error, "has 10 now"));
	hg_flows_reset(&sim.engine, 1, false);
	sim_run(&sim, 5000);
	CHECK(sim.client.reset);
	CHECK(memcmp(sim.client.data + sim.length - file_bytes, file, sim.client.received - (sim.length - file_bytes)) == 0);
	sim_connect(&sim, 40003, true);
	sim_get(&sim);
	CHECK(sim_run_until_done(&sim, SECOND));
	CHECK(memcmp(sim.client.data, "HTTP/1.1 404 ", 13) == 0);
	sim_close(&sim);
}

/* It is removed before its downloads were reset: they end with it, and no client waits for what does not come. */
static void withdrawn_and_removed(void)
{
	static struct hg_content_status status;
	char error[HG_PUSHER_ERROR_BYTES];

	begin(1000000, (struct link){ .delay = 1000 });
	sim_connect(&sim, 40001, true);
	sim_get(&sim);
	sim_run(&sim, 5000);
	CHECK_EQUAL(truncate(content, 10), 0);
	sim_run(&sim, 10000);
	CHECK_EQUAL(hg_engine_remove_content(&sim.engine, 1, false, &status, error), 0);
	CHECK_EQUAL(status.state, HG_CONTENT_WITHDRAWN);
	CHECK_EQUAL(sim.engine.contents.count, 0);
	CHECK(sim_run_until_done(&sim, SECOND));
	CHECK(sim.client.reset);
	CHECK_EQUAL(sim.engine.table.used, 0);
	sim_close(&sim);
}

int main(void)
{
	int fds[] = { mkstemp(content), mkstemp(flows) };

	CHECK(fds[0] >= 0 && fds[1] >= 0);
	downloads();
	one_loss(true, 1);
	one_loss(true, 2);
	one_loss(false, 1);
	reordering();
	tail_loss(true);
	tail_loss(false);
	shut_window();
	small_window();
	no_answer();
	resets();
	odd_acknowledgements();
	half_close();
	too_big();
	redirected();
	restarts(false);
	restarts(true);
	adoption();
	no_adoption();
	rotation();
	same_ports_again();
	split_requests();
	answers();
	withdrawn();
	withdrawn_and_removed();
	unlink(content);
	unlink(flows);
	return 0;
}
