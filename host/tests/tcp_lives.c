/* SPDX-License-Identifier: Apache-2.0 */
/* One download and many short lives of its pusher. */
#include <string.h>
#include <unistd.h>

#include "pusher_check.h"
#include "tcp_client.h"

#define SECOND 1000000
#define MINUTE (60u * SECOND)
#define DELAY_US 10000
#define LIFE_US 100000 /* some four round trips */
#define FILE_BYTES 1000000

static char content[] = "/tmp/hectograph-content-XXXXXX";
static char flows[] = "/tmp/hectograph-flows-XXXXXX";
static struct sim sim;
static uint8_t file[FILE_BYTES];

static void begin(bool sack)
{
	sim_open(&sim, flows, content);
	sim.link.delay = DELAY_US;
	sim_connect(&sim, 40001, sack);
	sim_get(&sim);
	sim_run(&sim, 3 * DELAY_US);
	CHECK(sim.client.received > 0 && !sim.client.finished);
}

/* Killed, and started again with no content yet: whatever the client says meanwhile, nobody hears. */
static void killed(void)
{
	sim_restart(&sim, flows);
	sim.link.loss = 1000;
	sim_run(&sim, 2 * DELAY_US);
	sim.link.loss = 0;
	sim.verified = false;
}

static bool got_file(void)
{
	const uint8_t *end = memmem(sim.client.data, sim.client.received, "\r\n\r\n", 4);

	return sim.client.finished && !sim.client.reset && end && sim.client.received == sim.length &&
	       memcmp(end + 4, file, FILE_BYTES) == 0;
}

static struct hg_content *the_content(void)
{
	return sim.engine.contents.contents[0];
}

/* In every life the client is heard of, however short that is, and has more at its end. */
static void short_lives(bool sack)
{
	begin(sack);
	for (uint32_t lives = 0; !sim.client.finished; lives++) {
		uint32_t before;

		CHECK(lives < 10);
		killed();
		before = sim.client.received;
		sim_add_content(&sim, content);
		sim_run(&sim, LIFE_US);
		CHECK(sim.client.received > before);
	}
	CHECK(got_file());
	sim_close(&sim);
}

/* The content comes late, as from a controller that was away; one that comes never is waited for only so long. */
static void late_content(uint32_t minutes, bool too_late)
{
	begin(true);
	killed();
	sim_run(&sim, minutes * MINUTE);
	sim_add_content(&sim, content);
	if (too_late) {
		CHECK_EQUAL(sim_counter(&sim, HG_TCP_flows_idle), 1);
		CHECK_EQUAL(sim.engine.table.used, 0);
	} else {
		CHECK(sim_run_until_done(&sim, 10 * SECOND) && got_file());
	}
	sim_close(&sim);
}

/* A client that is heard of before it was asked counts as one of the content's, once. */
static void heard_of_first(void)
{
	begin(true);
	killed();
	sim_prepare_content(&sim, content);
	CHECK_EQUAL(the_content()->flows, 1);
	sim_send(&sim, HG_TCP_ACK, NULL, 0);
	sim_run(&sim, 3 * DELAY_US);
	CHECK(sim_counter(&sim, HG_TCP_segments) > 0);
	hg_resume_content(&sim.engine, the_content());
	CHECK_EQUAL(the_content()->flows, 1);
	CHECK(sim_run_until_done(&sim, 10 * SECOND) && got_file());
	CHECK_EQUAL(sim_counter(&sim, HG_TCP_resume_probes), 0);
	sim_run(&sim, 3 * DELAY_US);
	CHECK_EQUAL(the_content()->flows, 0);
	sim_close(&sim);
}

/* The switch was away for a minute, and the next timeout is as far: whoever knows that it is back says so. */
static void reachable_again(bool reads)
{
	char error[HG_PUSHER_ERROR_BYTES];
	struct hg_flow_status status;
	uint32_t made;

	begin(true);
	sim.client.reads = reads;
	sim.client.window = reads ? 1 << 20 : 20480;
	sim_run(&sim, reads ? 0 : SECOND);
	sim.link.loss = 1000;
	sim_run(&sim, MINUTE);
	CHECK(hg_flow_at(&sim.engine, 0)->backoff >= 5);
	sim.link.loss = 0;
	/* Its update is lost, or there is none. */
	sim.client.reads = true;
	sim.client.consumed = sim.client.received;
	sim.client.window = 1 << 20;
	CHECK_EQUAL(hg_engine_flows(&sim.engine, 0, &status, 1), 1);
	CHECK_EQUAL(hg_engine_adopt_flows(&sim.engine, &status, 1, &made, error), 0);
	CHECK_EQUAL(made, 0);
	CHECK(sim_run_until_done(&sim, SECOND) && got_file());
	sim_close(&sim);
}

int main(void)
{
	int fds[] = { mkstemp(content), mkstemp(flows) };

	for (uint32_t i = 0; i < FILE_BYTES; i++)
		file[i] = (uint8_t)sim_random(256);
	CHECK(fds[1] >= 0 && write(fds[0], file, FILE_BYTES) == FILE_BYTES);
	short_lives(true);
	short_lives(false);
	late_content(3, false);
	late_content(25, false);
	late_content(35, true);
	heard_of_first();
	reachable_again(true);
	reachable_again(false);
	unlink(content);
	unlink(flows);
	return 0;
}
