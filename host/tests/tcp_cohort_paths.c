/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cohorts over links that have a rate and a queue, in simulated time: eight clients behind one, and each behind one of
 * its own. With --show, the figures of each.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pusher_check.h"
#include "tcp_crowd.h"

#define SECOND 1000000u
#define CLIENTS 8

static char content[] = "/tmp/hectograph-content-XXXXXX";
static char flows[] = "/tmp/hectograph-flows-XXXXXX";
static struct crowd crowd;
static bool show;

struct path {
	bool own;                /* each client has a link */
	uint32_t kbit, queue;    /* queue: bytes */
	uint32_t rtt_us, spread; /* the last one's is longer by so much */
	uint32_t goodput;        /* of the worst member at least, in 1/100 of its share of the rate */
	uint32_t dropped;        /* at most, in 1/1000 of the frames */
	uint32_t timeouts;
};

/* What the cohort thinks, for a look at why: TRACE=1. */
static void show_turn(uint32_t ms)
{
	const struct hg_cohort *cohort = &crowd.sim.engine.cohorts.cohorts[0];

	printf("%5u ms: window %7u threshold %10u flight %7u repairing %6u rtt %6u lowest %6u held %d members %u dropped %u\n", ms,
	       cohort->cubic.window, cohort->cubic.threshold, cohort->sent - cohort->progress, cohort->mean_repairing,
	       cohort->rtt.smoothed, hg_cubic_lowest_rtt(&cohort->cubic), cohort->cubic.held, cohort->count, crowd.sim.link.dropped);
}

static void run(const struct path *path, uint32_t seconds)
{
	static struct link links[CLIENTS];
	uint32_t worst = UINT32_MAX, passed = 0, dropped = 0, share = path->kbit / (path->own ? 1 : CLIENTS);

	crowd_open(&crowd, flows, content, CLIENTS);
	crowd.sim.link = (struct link){ .delay = path->rtt_us / 2, .kbit = path->kbit, .queue = path->queue };
	for (uint32_t i = 0; i < CLIENTS; i++) {
		links[i] = crowd.sim.link;
		links[i].delay += path->spread / 2 * i / (CLIENTS - 1);
		crowd.sim.crowd[i].link = path->own ? &links[i] : NULL;
		crowd_get(&crowd, i);
		crowd.sim.crowd[i].window = 6 << 20;
	}
	for (uint32_t ms = 0; ms < seconds * 1000; ms += 20) {
		crowd_run(&crowd, 20000);
		if (getenv("TRACE"))
			show_turn(ms);
	}
	for (uint32_t i = 0; i < CLIENTS; i++) {
		const struct link *link = path->own ? &links[i] : &crowd.sim.link;

		worst = crowd.sim.crowd[i].received < worst ? crowd.sim.crowd[i].received : worst;
		passed += path->own || i == 0 ? link->passed : 0;
		dropped += path->own || i == 0 ? link->dropped : 0;
	}
	worst = (uint32_t)((uint64_t)worst * 800 / ((uint64_t)share * 1000 * seconds));
	if (show)
		printf("%s %6u kbit/s %7u B %5u..%5u us: worst %3u %%, %3u/1000 (%u) dropped, %u timeouts, %u repairs, %u by group, left %u behind %u silent\n",
		       path->own ? "own   " : "shared", path->kbit, path->queue, path->rtt_us, path->rtt_us + path->spread, worst,
		       dropped * 1000 / (passed + dropped), dropped, (uint32_t)sim_counter(&crowd.sim, HG_TCP_timeouts),
		       (uint32_t)sim_counter(&crowd.sim, HG_TCP_cohort_repairs), (uint32_t)sim_counter(&crowd.sim, HG_TCP_cohort_group_repairs),
		       crowd.left[HG_LEFT_BEHIND], crowd.left[HG_LEFT_SILENT]);
	crowd_close(&crowd);
	if (show)
		return;
	CHECK(worst >= path->goodput);
	CHECK(dropped * 1000 / (passed + dropped) <= path->dropped);
}

int main(int argc, char **argv)
{
	static const struct path paths[] = {
		{ false, 100000, 250000, 20000, 0, 85, 10, 0 },
		{ false, 100000, 60000, 20000, 0, 75, 10, 0 },
		{ true, 30000, 64000, 400, 400, 85, 5, 0 },
		{ true, 30000, 256000, 400, 400, 85, 5, 0 },
		{ true, 50000, 125000, 10000, 30000, 85, 5, 0 },
	};
	int fds[] = { mkstemp(content), mkstemp(flows) };

	show = argc > 1 && strcmp(argv[1], "--show") == 0;
	CHECK(fds[0] >= 0 && fds[1] >= 0);
	CHECK_EQUAL(ftruncate(fds[0], 60 << 20), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (argc < 3 || (size_t)atoi(argv[2]) == i)
			run(&paths[i], 8);
	unlink(content);
	unlink(flows);
	return 0;
}
