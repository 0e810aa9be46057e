/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads over links that have a rate and a queue, in simulated time: goodput as a share of what the link carries, the
 * frames that its queue drops, and the timeouts. With --show, the figures of each.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pusher_check.h"
#include "tcp_client.h"

#define SECOND 1000000u
#define SECONDS 10

static char content[] = "/tmp/hectograph-content-XXXXXX";
static char flows[] = "/tmp/hectograph-flows-XXXXXX";
static struct sim sim;
static bool show;

struct path {
	uint32_t kbit, rtt_ms, queue; /* queue: bytes */
	uint32_t reorder;             /* of 1000 */
	bool sack;
	uint32_t window;              /* the client's, bytes */
	uint32_t goodput;             /* at least, in 1/100 of the rate */
	uint32_t dropped;             /* at most, in 1/1000 of the frames */
	uint32_t timeouts;            /* at most */
};

/* What the flow thinks, for a look at why: TRACE=1. */
static void show_turn(uint32_t ms)
{
	const struct hg_flow *flow = hg_flow_at(&sim.engine, 0);

	printf("%5u ms: window %7u threshold %10u pipe %7u lost %6u sacked %7u recovery %u rtt %6u dropped %u received %u\n", ms,
	       flow->cubic.window, flow->cubic.threshold, hg_flight_pipe(&flow->flight, flow->segment * HG_SEQ_GRANULE),
	       flow->flight.lost, flow->flight.sacked, flow->recovery.state, flow->rtt.smoothed, sim.link.dropped, sim.client.received);
}

static void run(const struct path *path)
{
	uint32_t share, dropped, ms = 0;

	sim_open(&sim, flows, content);
	sim.link = (struct link){ .delay = path->rtt_ms * 500, .kbit = path->kbit, .queue = path->queue, .reorder = path->reorder };
	sim_connect(&sim, 40001, path->sack);
	sim.client.window = path->window;
	sim_get(&sim);
	for (; ms < SECONDS * 1000 && !sim.client.finished; ms += 100) {
		sim_run(&sim, 100000);
		if (getenv("TRACE"))
			show_turn(ms);
	}
	share = (uint32_t)((uint64_t)sim.client.received * 100 / ((uint64_t)path->kbit * ms / 8));
	dropped = sim.link.dropped * 1000 / (sim.link.dropped + sim.link.passed);
	if (show)
		printf("%6u kbit/s %3u ms %7u B reorder %2u sack %d window %7u: %3u %% of the rate, %3u/1000 (%u) dropped, %llu timeouts, %llu "
		       "recoveries (%llu needless), %llu again\n",
		       path->kbit, path->rtt_ms, path->queue, path->reorder, path->sack, path->window, share, dropped, sim.link.dropped,
		       (unsigned long long)sim_counter(&sim, HG_TCP_timeouts),
		       (unsigned long long)sim_counter(&sim, HG_TCP_fast_recoveries),
		       (unsigned long long)sim_counter(&sim, HG_TCP_spurious_recoveries),
		       (unsigned long long)sim_counter(&sim, HG_TCP_retransmits));
	sim_close(&sim);
	if (show)
		return;
	CHECK(share >= path->goodput);
	CHECK(dropped <= path->dropped);
	CHECK(sim_counter(&sim, HG_TCP_timeouts) <= path->timeouts);
}

int main(int argc, char **argv)
{
	static const struct path paths[] = {
		{ 100000, 20, 250000, 0, true, 6 << 20, 86, 2, 0 },
		{ 100000, 20, 60000, 0, true, 6 << 20, 84, 6, 0 },
		{ 100000, 20, 250000, 20, true, 6 << 20, 70, 2, 0 },
		{ 300000, 10, 375000, 0, true, 6 << 20, 85, 2, 0 },
		{ 10000, 10, 30000, 0, true, 6 << 20, 88, 10, 0 },
		{ 5000, 200, 125000, 0, true, 6 << 20, 80, 5, 0 },
		{ 100000, 100, 1250000, 0, true, 6 << 20, 78, 2, 0 },
		{ 20000, 40, 1000000, 0, true, 6 << 20, 87, 2, 0 },
		{ 50000, 600, 3750000, 0, true, 6 << 20, 42, 2, 0 },
		{ 30000, 1, 64000, 0, true, 6 << 20, 88, 4, 0 },
		{ 100000, 20, 250000, 0, false, 6 << 20, 86, 2, 0 },
		{ 100000, 20, 60000, 0, false, 6 << 20, 60, 6, 0 },
		{ 100000, 20, 250000, 0, true, 65535, 24, 0, 0 },
		{ 100000, 20, 250000, 0, false, 65535, 24, 0, 0 },
	};
	int fds[] = { mkstemp(content), mkstemp(flows) };

	show = argc > 1 && strcmp(argv[1], "--show") == 0;
	CHECK(fds[0] >= 0 && fds[1] >= 0);
	CHECK_EQUAL(ftruncate(fds[0], 63 << 20), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (argc < 3 || (size_t)atoi(argv[2]) == i)
			run(&paths[i]);
	unlink(content);
	unlink(flows);
	return 0;
}
