/* SPDX-License-Identifier: Apache-2.0 */
/* Crowds behind a switch that is slower than the engine, and whose receive ring is full before the engine is. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pusher_check.h"
#include "tcp_crowd.h"

#define SECOND 1000000
#define CLIENTS 8
#define FILE_BYTES 1000000

/* Frames: a ring as small as the windows of one client; one each 10 us. */
#define SLOTS 128
#define SPEED 10

static char content[] = "/tmp/hectograph-content-XXXXXX";
static char flows[] = "/tmp/hectograph-flows-XXXXXX";
static struct crowd crowd;
static uint8_t file[FILE_BYTES];

static uint64_t count(enum hg_tcp_counter counter)
{
	return sim_counter(&crowd.sim, counter);
}

/* `together`: as cohorts. */
static void begin(bool together, bool reflects)
{
	crowd_open(&crowd, flows, content, CLIENTS);
	crowd.sim.link = (struct link){ .delay = 300 };
	sim_join_switch(&crowd.sim, SLOTS, SPEED, reflects);
	crowd_run(&crowd, 10000);
	CHECK_EQUAL(crowd.sim.engine.outbox.link.window.answered, reflects);
	if (!together)
		hg_engine_unwatch_cohorts(&crowd.sim.engine);
	for (uint32_t i = 0; i < CLIENTS; i++)
		crowd_get(&crowd, i);
}

static bool got_file(const struct client *client)
{
	const uint8_t *end = memmem(client->data, client->received, "\r\n\r\n", 4);

	return client->finished && !client->reset && end && memcmp(end + 4, file, FILE_BYTES) == 0;
}

static void end(uint32_t us)
{
	CHECK(crowd_run_until_done(&crowd, us, 0));
	for (uint32_t i = 0; i < CLIENTS; i++)
		CHECK(got_file(&crowd.sim.crowd[i]));
	CHECK_EQUAL(crowd.sim.engine.host_link.count, 0);
	crowd_close(&crowd);
}

static uint32_t least_received(void)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < CLIENTS; i++)
		if (crowd.sim.crowd[i].received < least)
			least = crowd.sim.crowd[i].received;
	return least;
}

static uint32_t most_received(void)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < CLIENTS; i++)
		if (crowd.sim.crowd[i].received > most)
			most = crowd.sim.crowd[i].received;
	return most;
}

/* The ring overflows, unless marks say how full it is. */
static void a_full_ring(bool together)
{
	begin(together, false);
	crowd_run_until_done(&crowd, 60 * SECOND, 0);
	CHECK(crowd.sim.board.lost > 100);
	CHECK_EQUAL(count(HG_TCP_link_waits), 0);
	crowd_close(&crowd);

	begin(together, true);
	CHECK(crowd_run_until_done(&crowd, 2 * SECOND, 0));
	CHECK_EQUAL(crowd.sim.board.lost, 0);
	CHECK_EQUAL(count(HG_TCP_retransmits), 0);
	CHECK_EQUAL(count(HG_TCP_timeouts), 0);
	CHECK_EQUAL(count(HG_TCP_cohort_group_repairs), 0);
	CHECK_EQUAL(count(HG_TCP_link_marks_lost), 0);
	CHECK(count(HG_TCP_link_waits) > 0);
	CHECK(count(HG_TCP_link_wait_us) > 0);
	CHECK_EQUAL(count(HG_TCP_cohorts_run) > 0, together);
	end(SECOND);
}

/* Everybody has his turn: half-way, nobody is far behind. */
static void turns(void)
{
	begin(false, true);
	while (most_received() < FILE_BYTES / 2)
		crowd_run(&crowd, 1000);
	CHECK(least_received() > FILE_BYTES / 2 * 8 / 10);
	end(2 * SECOND);
}

/*
 * It stands still for a second with frames in its ring: nobody's timer fires for what waits on this side,
 * and then it goes on.
 */
static void a_pause(bool together)
{
	uint64_t pushes;

	begin(together, true);
	while (most_received() < FILE_BYTES / 4)
		crowd_run(&crowd, 1000);
	crowd.sim.board.stopped = true;
	crowd_run(&crowd, 100000);
	pushes = count(HG_TCP_segments) + count(HG_TCP_cohort_pushes);
	crowd_run(&crowd, SECOND);
	CHECK(count(HG_TCP_segments) + count(HG_TCP_cohort_pushes) - pushes <= CLIENTS);
	CHECK_EQUAL(crowd.sim.board.lost, 0);
	crowd.sim.board.stopped = false;
	end(2 * SECOND);
}

/* It is killed with all that is in its ring, and is back after almost two seconds. */
static void a_restart(bool together)
{
	begin(together, true);
	while (most_received() < FILE_BYTES / 4)
		crowd_run(&crowd, 1000);
	crowd.sim.board.dead = true;
	crowd.sim.board.count = 0;
	crowd_run(&crowd, 1700000);
	CHECK_EQUAL(count(HG_TCP_link_silences), 0);
	crowd.sim.board.dead = false;
	end(3 * SECOND);
}

/* Its successor is an older program: after a while nobody waits for marks any more. */
static void an_older_program(void)
{
	begin(false, true);
	while (most_received() < FILE_BYTES / 4)
		crowd_run(&crowd, 1000);
	crowd.sim.board.reflects = false;
	crowd_run(&crowd, 5 * SECOND);
	CHECK_EQUAL(count(HG_TCP_link_silences), 1);
	end(600 * SECOND);
}

/* Who waits is reset by its client, and another takes its place in the table. */
static void waiters_leave(void)
{
	begin(false, true);
	while (!crowd.sim.engine.host_link.count || most_received() < FILE_BYTES / 8)
		crowd_run(&crowd, 1000);
	crowd.sim.board.stopped = true;
	crowd_run(&crowd, 20000);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		crowd.sim.focus = &crowd.sim.crowd[i];
		sim_send(&crowd.sim, HG_TCP_RST | HG_TCP_ACK, NULL, 0);
	}
	crowd.sim.focus = &crowd.sim.client;
	crowd_run(&crowd, 10000);
	for (uint32_t i = 0; i < CLIENTS; i++)
		crowd_get(&crowd, i);
	crowd.sim.board.stopped = false;
	end(3 * SECOND);
}

int main(void)
{
	int fd = mkstemp(content);

	CHECK(mkstemp(flows) >= 0);
	for (uint32_t i = 0; i < FILE_BYTES; i++)
		file[i] = (uint8_t)sim_random(256);
	CHECK(fd >= 0 && write(fd, file, FILE_BYTES) == FILE_BYTES);
	close(fd);
	a_full_ring(false);
	a_full_ring(true);
	turns();
	a_pause(false);
	a_pause(true);
	a_restart(false);
	a_restart(true);
	an_older_program();
	waiters_leave();
	unlink(content);
	unlink(flows);
	return 0;
}
