/* SPDX-License-Identifier: Apache-2.0 */
/* The wheel against a list: nothing early, nothing later than a tick, across the clock's wrap. */
#include "pusher_check.h"
#include "timers.h"

#define TIMERS 300
#define TICK (1u << HG_TICK_SHIFT)

static struct hg_timers timers;
static struct hg_timer items[TIMERS];
static uint32_t due[TIMERS];
static uint64_t state = 7;

static uint32_t random_below(uint32_t limit)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((state >> 33) % limit);
}

static uint32_t some_delay(void)
{
	static const uint32_t spans[] = { 300, 5000, 70000, 1000000, 20000000, 600000000 };

	return random_below(spans[random_below(6)]);
}

static void run(uint32_t start, uint32_t turns)
{
	uint32_t now = start;
	uint32_t set = 0;

	hg_timers_init(&timers, items, sizeof(items[0]), now);
	for (uint32_t i = 0; i < TIMERS; i++)
		hg_timer_init(&timers, i);
	CHECK_EQUAL(hg_timers_quiet(&timers, now), UINT32_MAX);
	for (uint32_t turn = 0; turn < turns; turn++) {
		uint32_t quiet = hg_timers_quiet(&timers, now);
		uint32_t step = random_below(3) ? random_below(3000) : random_below(3000000);
		uint32_t index;

		for (uint32_t i = 0; i < 3; i++) {
			index = random_below(TIMERS);
			if (random_below(5) == 0) {
				hg_timer_clear(&timers, index);
				continue;
			}
			due[index] = now + some_delay();
			hg_timer_set(&timers, index, due[index]);
			quiet = 0;
		}
		now += step;
		while ((index = hg_timers_expired(&timers, now)) != HG_TIMER_NONE) {
			CHECK((int32_t)(now - due[index]) >= 0);
			CHECK(items[index].slot == HG_TIMER_IDLE);
			CHECK(quiet <= step);
		}
		set = 0;
		for (uint32_t i = 0; i < TIMERS; i++) {
			if (items[i].slot == HG_TIMER_IDLE)
				continue;
			set++;
			CHECK((int32_t)(now - due[i]) < (int32_t)(2 * TICK));
		}
		CHECK_EQUAL(timers.set, set);
		quiet = hg_timers_quiet(&timers, now);
		for (uint32_t i = 0; i < TIMERS; i++)
			if (items[i].slot != HG_TIMER_IDLE)
				CHECK((int32_t)(now + quiet - due[i]) < (int32_t)(2 * TICK));
	}
}

/* What sets itself again in the past runs once a tick, not for ever. */
static void again_at_once(void)
{
	uint32_t runs = 0;

	hg_timers_init(&timers, items, sizeof(items[0]), 0);
	hg_timer_init(&timers, 0);
	hg_timer_set(&timers, 0, 0);
	while (hg_timers_expired(&timers, 10 * TICK) == 0) {
		runs++;
		CHECK(runs < 20);
		hg_timer_set(&timers, 0, 0);
	}
	CHECK_EQUAL(runs, 10);
}

int main(void)
{
	run(0, 20000);
	run(UINT32_MAX - 5000000, 20000);
	run(0x7FFFFFF0, 20000);
	again_at_once();
	return 0;
}
