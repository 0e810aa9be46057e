/* SPDX-License-Identifier: Apache-2.0 */
/* Cohorts: what they push, who is in them, and that nobody is harmed by the others. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pusher_check.h"
#include "tcp_crowd.h"

#define SECOND 1000000
#define SEGMENT 1408

static char content[] = "/tmp/hectograph-content-XXXXXX";
static char flows[] = "/tmp/hectograph-flows-XXXXXX";
static struct crowd crowd;
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

static void begin(uint32_t bytes, uint32_t clients, struct link link)
{
	make_content(bytes);
	crowd_open(&crowd, flows, content, clients);
	crowd.sim.link = link;
}

static bool got_file(const struct client *client)
{
	const uint8_t *end = memmem(client->data, client->received, "\r\n\r\n", 4);

	return client->finished && !client->reset && end && client->received == crowd.sim.length &&
	       memcmp(client->data, "HTTP/1.1 200 OK\r\n", 17) == 0 && memcmp(end + 4, file, file_bytes) == 0;
}

static uint64_t count(enum hg_tcp_counter counter)
{
	return sim_counter(&crowd.sim, counter);
}

static void all_ask(void)
{
	for (uint32_t i = 0; i < crowd.sim.crowd_count; i++)
		crowd_get(&crowd, i);
}

static void check_all(uint64_t without)
{
	/* Their last acknowledgements arrive. */
	crowd_run(&crowd, 100000);
	for (uint32_t i = 0; i < crowd.sim.crowd_count; i++)
		if (!(without >> i & 1))
			CHECK(got_file(&crowd.sim.crowd[i]));
}

/* Nothing of any cohort is left: no member, no entry, no place. */
static void check_empty(void)
{
	crowd_run(&crowd, 100000);
	CHECK_EQUAL(crowd.sim.engine.cohorts.used, 0);
	CHECK_EQUAL(crowd.sim.engine.cohorts.free_count, HG_MEMBERS_MAX);
	CHECK_EQUAL(crowd.entry_count, 0);
	CHECK_EQUAL(count(HG_TCP_cohorts), crowd.ended);
}

static uint32_t segments(void)
{
	return (crowd.sim.length + SEGMENT - 1) / SEGMENT;
}

/* Each segment is pushed once, whatever the number of clients; nothing else but acknowledgements is. */
static void one_push_for_all(uint32_t clients, bool split)
{
	begin(500000, clients, (struct link){ .delay = 500 });
	crowd.split = split;
	all_ask();
	CHECK(crowd_run_until_done(&crowd, 5 * SECOND, 0));
	check_all(0);
	CHECK_EQUAL(crowd.group_pushes, segments() * (split ? 2 : 1));
	CHECK_EQUAL(count(HG_TCP_segments), 0);
	CHECK_EQUAL(count(HG_TCP_cohort_repairs), 0);
	CHECK_EQUAL(count(HG_TCP_cohorts_run), 1);
	CHECK_EQUAL(crowd.left[HG_LEFT_ALL_SENT], clients);
	CHECK_EQUAL(count(HG_TCP_cohort_delivered_bytes), (uint64_t)crowd.sim.length * clients);
	check_empty();
	crowd_close(&crowd);
}

/* Nobody else comes: the first client of a new content waits for the window and no longer, the next not at all. */
static void lone(void)
{
	begin(100000, 2, (struct link){ .delay = 500 });
	crowd_get(&crowd, 0);
	crowd_run(&crowd, 5600);
	CHECK_EQUAL(crowd.sim.crowd[0].received, 0);
	crowd_run(&crowd, 1400);
	CHECK(crowd.sim.crowd[0].received > 0);
	CHECK(crowd_run_until_done(&crowd, SECOND, 2));
	crowd_run(&crowd, SECOND);
	crowd_get(&crowd, 1);
	crowd_run(&crowd, 1600);
	CHECK(crowd.sim.crowd[1].received > 0);
	CHECK(crowd_run_until_done(&crowd, SECOND, 0));
	check_all(0);
	CHECK_EQUAL(crowd.left[HG_LEFT_LONE], 1);
	CHECK_EQUAL(count(HG_TCP_cohorts_run), 0);
	check_empty();
	crowd_close(&crowd);
}

static void losses(struct link link, uint32_t clients)
{
	begin(300000, clients, link);
	all_ask();
	if (!crowd_run_until_done(&crowd, 120 * SECOND, 0))
		for (uint32_t i = 0; i < clients; i++)
			fprintf(stderr, "loss %u: client %u has %u of %u\n", link.loss, i, crowd.sim.crowd[i].received,
				crowd.sim.length);
	check_all(0);
	check_empty();
	crowd_close(&crowd);
}

/* What one loses is repaired for that one. */
static void one_loses(void)
{
	static struct link bad = { .delay = 500, .loss = 10 };

	begin(1000000, 8, (struct link){ .delay = 500 });
	all_ask();
	crowd.sim.crowd[3].link = &bad; /* it has asked */
	CHECK(crowd_run_until_done(&crowd, 20 * SECOND, 0));
	check_all(0);
	CHECK(count(HG_TCP_cohort_repairs) > 0);
	CHECK(count(HG_TCP_segments) < 100);
	CHECK_EQUAL(count(HG_TCP_cohort_group_repairs), 0);
	CHECK(crowd.left[HG_LEFT_ALL_SENT] >= 7);
	check_empty();
	crowd_close(&crowd);
}

/* What all lose is pushed once more, and is one loss for the cohort. */
static void all_lose(void)
{
	begin(1000000, 16, (struct link){ .delay = 500 });
	crowd.drop_offset = 100 * SEGMENT;
	crowd.drop_times = 1;
	all_ask();
	CHECK(crowd_run_until_done(&crowd, 20 * SECOND, 0));
	check_all(0);
	CHECK_EQUAL(count(HG_TCP_cohort_group_repairs), 1);
	CHECK_EQUAL(crowd.group_pushes, segments() + 1);
	CHECK(count(HG_TCP_segments) <= 2);
	CHECK_EQUAL(crowd.left[HG_LEFT_ALL_SENT], 16);
	check_empty();
	crowd_close(&crowd);
}

static uint32_t run_and_time(uint64_t without)
{
	uint32_t begun = crowd.sim.engine.now;

	all_ask();
	CHECK(crowd_run_until_done(&crowd, 60 * SECOND, without));
	begun = crowd.sim.engine.now - begun;
	check_all(without);
	return begun;
}

enum sickness { HEALTHY, STOPS_READING, VANISHES, SLOW, FASTER };

static void consume(struct client *client, uint32_t bytes)
{
	uint32_t waiting = client->received > client->consumed ? client->received - client->consumed : 0;

	client->consumed += bytes < waiting ? bytes : waiting;
}

static uint32_t with_one(enum sickness sickness, uint32_t bytes, uint32_t delay)
{
	static struct link dead = { .delay = 500, .loss = 1000 };
	struct client *sick = &crowd.sim.crowd[2];
	uint32_t begun, took;

	begin(bytes, 8, (struct link){ .delay = delay });
	if (sickness == HEALTHY) {
		took = run_and_time(0);
		crowd_close(&crowd);
		return took;
	}
	begun = crowd.sim.engine.now;
	all_ask();
	sick = &crowd.sim.crowd[2];
	sick->window = 100000;
	if (sickness != VANISHES)
		sick->reads = false;
	crowd_run(&crowd, 8 * delay);
	if (sickness == VANISHES)
		sick->link = &dead;
	for (uint32_t t = 0; t < 60 * SECOND; t += 10000) {
		if (crowd_run_until_done(&crowd, 10000, 1u << 2))
			break;
		/* 1 Mbit/s, or 10 */
		if (sickness == SLOW || sickness == FASTER)
			consume(sick, sickness == SLOW ? 1250 : 12500);
	}
	took = crowd.sim.engine.now - begun;
	check_all(1u << 2);
	CHECK_EQUAL(crowd.left[HG_LEFT_BEHIND] + crowd.left[HG_LEFT_SILENT], 1);
	CHECK_EQUAL(crowd.left[HG_LEFT_ALL_SENT], 7);
	CHECK(!sick->finished);
	/* It comes to itself, and has the rest alone. */
	sick->link = NULL;
	sick->reads = true;
	sick->consumed = sick->received;
	sim_run(&crowd.sim, 1000);
	crowd.sim.focus = sick;
	sim_send(&crowd.sim, HG_TCP_ACK, NULL, 0);
	crowd.sim.focus = &crowd.sim.client;
	CHECK(crowd_run_until_done(&crowd, 60 * SECOND, 0));
	check_all(0);
	check_empty();
	crowd_close(&crowd);
	return took;
}

/* The others take at most a tenth longer than without it, and what it takes to notice: 20 ms and ten round trips, or two delayed acknowledgements. */
#define NOTICE_US (20000 + 10 * 10000)

static void sick_members(void)
{
	uint32_t healthy = with_one(HEALTHY, 1000000, 5000);

	for (int sickness = STOPS_READING; sickness <= SLOW; sickness++) {
		uint32_t took = with_one((enum sickness)sickness, 1000000, 5000);

		if (took > healthy + healthy / 10 + NOTICE_US)
			fprintf(stderr, "sickness %d: %u us instead of %u\n", sickness, took, healthy);
		CHECK(took <= healthy + healthy / 10 + NOTICE_US);
	}
}

/* So far away that something is always under way to everyone, however slow the one is. */
static void slow_and_far(void)
{
	uint32_t healthy = with_one(HEALTHY, 1000000, 12500), took = with_one(FASTER, 1000000, 12500);

	if (took > healthy + healthy / 10 + 20000 + 5 * 25000)
		fprintf(stderr, "slow and far: %u us instead of %u\n", took, healthy);
	CHECK(took <= healthy + healthy / 10 + 20000 + 5 * 25000);
}

/* Most programs stop reading, for good: those that read have the file all the same. */
static void most_stop(void)
{
	uint64_t stopped = 0x7e; /* six of eight */

	begin(1000000, 8, (struct link){ .delay = 2000 });
	for (uint32_t i = 0; i < 8; i++) {
		crowd.sim.crowd[i].window = 100000;
		crowd.sim.crowd[i].reads = !(stopped >> i & 1);
		crowd_get(&crowd, i);
	}
	CHECK(crowd_run_until_done(&crowd, 2 * SECOND, stopped));
	check_all(stopped);
	crowd_close(&crowd);
}

/* Kernels give less than they once did: those that read have the file, though two stop reading. */
static void windows_shrink(void)
{
	uint64_t stopped = 0x6;

	begin(1000000, 8, (struct link){ .delay = 2000 });
	for (uint32_t i = 0; i < 8; i++) {
		crowd_get(&crowd, i);
		crowd.sim.crowd[i].window = 100000;
		crowd.sim.crowd[i].reads = !(stopped >> i & 1);
	}
	CHECK(crowd_run_until_done(&crowd, 3 * SECOND, stopped));
	check_all(stopped);
	crowd_close(&crowd);
}

/* All programs stop reading, and go on after a while: their windows say so, or they are asked. */
static void all_pause(void)
{
	begin(1000000, 6, (struct link){ .delay = 2000 });
	for (uint32_t i = 0; i < 6; i++) {
		crowd_get(&crowd, i);
		crowd.sim.crowd[i].window = 100000;
		crowd.sim.crowd[i].reads = false;
	}
	crowd_run(&crowd, 3 * SECOND / 2);
	CHECK_EQUAL(crowd.sim.engine.cohorts.used, 1);
	CHECK(count(HG_TCP_window_probes) >= 6);
	for (uint32_t i = 0; i < 6; i++) {
		crowd.sim.crowd[i].reads = true;
		crowd.sim.crowd[i].consumed = crowd.sim.crowd[i].received;
	}
	CHECK(crowd_run_until_done(&crowd, 10 * SECOND, 0));
	check_all(0);
	CHECK_EQUAL(crowd.left[HG_LEFT_ALL_SENT], 6);
	CHECK_EQUAL(count(HG_TCP_segments), 0);
	check_empty();
	crowd_close(&crowd);
}

static void reset_by_member(void)
{
	begin(1000000, 6, (struct link){ .delay = 5000 });
	all_ask();
	crowd_run(&crowd, 30000);
	CHECK(crowd.sim.crowd[1].received > 0);
	crowd.sim.focus = &crowd.sim.crowd[1];
	sim_send(&crowd.sim, HG_TCP_RST, NULL, 0);
	crowd.sim.focus = &crowd.sim.client;
	CHECK(crowd_run_until_done(&crowd, 20 * SECOND, 2));
	check_all(2);
	CHECK_EQUAL(crowd.left[HG_LEFT_RESET], 1);
	CHECK_EQUAL(crowd.left[HG_LEFT_ALL_SENT], 5);
	check_empty();
	crowd_close(&crowd);
}

/* The controller writes nothing, or dies while they wait: they go alone, in time. */
static void no_entries(bool dies)
{
	begin(200000, 4, (struct link){ .delay = 500 });
	crowd.deaf = true;
	all_ask();
	crowd_run(&crowd, 3000);
	if (dies)
		hg_engine_unwatch_cohorts(&crowd.sim.engine);
	crowd_run(&crowd, dies ? 2000 : 25000);
	for (uint32_t i = 0; i < 4; i++)
		CHECK(crowd.sim.crowd[i].received > 0);
	CHECK(crowd_run_until_done(&crowd, 5 * SECOND, 0));
	check_all(0);
	CHECK_EQUAL(count(HG_TCP_cohorts_run), 0);
	CHECK_EQUAL(count(HG_TCP_cohort_left_late), 4);
	crowd_close(&crowd);
}

/* Those that run go on without a controller; a new one is told of them. */
static void controller_dies(void)
{
	static struct hg_cohort_event event;

	begin(1000000, 4, (struct link){ .delay = 10000 });
	all_ask();
	crowd_run(&crowd, 40000);
	hg_engine_unwatch_cohorts(&crowd.sim.engine);
	crowd_run(&crowd, 20000);
	CHECK_EQUAL(crowd.sim.engine.cohorts.used, 1);
	hg_engine_watch_cohorts(&crowd.sim.engine, 5000, 20000, 0, -1);
	CHECK_EQUAL(hg_engine_next_cohort_event(&crowd.sim.engine, &event), 1);
	CHECK_EQUAL(event.group_count, 1);
	CHECK_EQUAL(event.groups[0], crowd.entries[0].group);
	CHECK_EQUAL(event.joined_count, 4);
	CHECK(event.entered);
	CHECK(crowd_run_until_done(&crowd, 20 * SECOND, 0));
	check_all(0);
	CHECK_EQUAL(count(HG_TCP_segments), 0);
	crowd_close(&crowd);
}

/* Its tables are gone: nothing arrives, and everybody goes on alone. */
static void switch_loses_tables(void)
{
	begin(1000000, 8, (struct link){ .delay = 5000 });
	all_ask();
	crowd_run(&crowd, 40000);
	crowd.blank = true;
	CHECK(crowd_run_until_done(&crowd, 3 * SECOND, 0));
	check_all(0);
	CHECK(crowd.left[HG_LEFT_DISSOLVED] + crowd.left[HG_LEFT_SILENT] + crowd.left[HG_LEFT_BEHIND] >= 7);
	check_empty();
	crowd_close(&crowd);
}

static void pusher_dies(void)
{
	begin(1000000, 8, (struct link){ .delay = 5000 });
	all_ask();
	crowd_run(&crowd, 40000);
	CHECK(crowd.sim.crowd[0].received > 0 && !crowd.sim.crowd[0].finished);
	sim_restart(&crowd.sim, flows);
	sim_add_content(&crowd.sim, content);
	CHECK(crowd_run_until_done(&crowd, 60 * SECOND, 0));
	check_all(0);
	CHECK_EQUAL(count(HG_TCP_flows_restored), 8);
	crowd_close(&crowd);
}

/* One that comes a little later gets what it missed by flow pushes, the rest with the others. */
static void late_joiner(void)
{
	begin(1000000, 5, (struct link){ .delay = 20000 });
	for (uint32_t i = 0; i < 4; i++)
		crowd_get(&crowd, i);
	crowd_run(&crowd, 60000);
	crowd_get(&crowd, 4);
	CHECK(crowd_run_until_done(&crowd, 20 * SECOND, 0));
	check_all(0);
	CHECK_EQUAL(count(HG_TCP_cohort_late_joins), 1);
	CHECK(count(HG_TCP_cohort_repairs) > 0);
	CHECK(count(HG_TCP_segment_bytes) < crowd.sim.length / 4);
	CHECK_EQUAL(crowd.left[HG_LEFT_ALL_SENT], 5);
	check_empty();
	crowd_close(&crowd);
}

/* Clients come, go, reset, stop and lose at random; whoever stays gets the file. */
static void come_and_go(uint32_t rounds)
{
	static struct link links[] = { { .delay = 1000 }, { .delay = 3000, .loss = 10 }, { .delay = 500, .reorder = 20 } };
	uint32_t finished = 0;

	begin(300000, 32, (struct link){ .delay = 1000 });
	for (uint32_t round = 0; round < rounds; round++) {
		uint32_t i = sim_random(32);
		struct client *client = &crowd.sim.crowd[i];

		if (!client->base || client->finished || client->reset) {
			if (client->finished && !client->reset) {
				CHECK(got_file(client));
				finished++;
			}
			client->link = &links[sim_random(3)];
			crowd_get(&crowd, i);
		} else if (sim_random(20) == 0) {
			crowd.sim.focus = client;
			sim_send(&crowd.sim, HG_TCP_RST, NULL, 0);
			crowd.sim.focus = &crowd.sim.client;
			client->reset = true;
		} else if (sim_random(4) == 0) {
			client->reads = !client->reads;
			client->consumed = client->received;
		}
		crowd_run(&crowd, sim_random(4) ? 400 : 12000);
	}
	for (uint32_t i = 0; i < 32; i++) {
		struct client *client = &crowd.sim.crowd[i];

		client->reads = true;
		client->consumed = client->received;
		client->link = NULL;
		if (!client->base)
			client->reset = true;
	}
	crowd_run(&crowd, 100 * SECOND);
	for (uint32_t i = 0; i < 32; i++)
		if (crowd.sim.crowd[i].received)
			CHECK(crowd.sim.crowd[i].reset || got_file(&crowd.sim.crowd[i]));
	CHECK(finished > rounds / 40);
	CHECK(count(HG_TCP_cohorts_run) > 5);
	check_empty();
	crowd_close(&crowd);
}

int main(void)
{
	CHECK(mkstemp(content) >= 0);
	CHECK(mkstemp(flows) >= 0);
	one_push_for_all(2, false);
	one_push_for_all(16, false);
	one_push_for_all(16, true);
	one_push_for_all(64, false);
	lone();
	losses((struct link){ .delay = 500, .loss = 1 }, 16);
	losses((struct link){ .delay = 500, .loss = 10 }, 16);
	losses((struct link){ .delay = 500, .loss = 50 }, 16);
	losses((struct link){ .delay = 5000, .loss = 10, .reorder = 20 }, 8);
	losses((struct link){ .delay = 500, .rate = 3 }, 8);
	one_loses();
	all_lose();
	sick_members();
	slow_and_far();
	most_stop();
	windows_shrink();
	all_pause();
	reset_by_member();
	no_entries(false);
	no_entries(true);
	controller_dies();
	switch_loses_tables();
	pusher_dies();
	late_joiner();
	come_and_go(4000);
	unlink(content);
	unlink(flows);
	return 0;
}
