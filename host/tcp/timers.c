/* SPDX-License-Identifier: Apache-2.0 */
#include "timers.h"

#define TICKS (1u << (32 - HG_TICK_SHIFT)) /* until they wrap */
#define SLOT_BITS 8

static struct hg_timer *timer_at(const struct hg_timers *timers, uint32_t index)
{
	return (struct hg_timer *)(void *)(timers->base + (uint64_t)index * timers->stride);
}

void hg_timers_init(struct hg_timers *timers, void *first, uint32_t stride, uint32_t now)
{
	timers->base = first;
	timers->stride = stride;
	timers->tick = now >> HG_TICK_SHIFT;
	timers->set = 0;
	for (int i = 0; i < HG_WHEEL_LEVELS * HG_WHEEL_SLOTS; i++)
		timers->slots[i] = HG_TIMER_NONE;
}

void hg_timer_init(struct hg_timers *timers, uint32_t index)
{
	timer_at(timers, index)->slot = HG_TIMER_IDLE;
}

/* The slot of a tick, which is not behind us: of the lowest level whose reach covers it. */
static uint16_t slot_of(const struct hg_timers *timers, uint32_t tick)
{
	uint32_t ahead = (tick - timers->tick) % TICKS;
	uint32_t level = 0;

	while (ahead >> (SLOT_BITS * (level + 1)))
		level++;
	return (uint16_t)(level * HG_WHEEL_SLOTS + (tick >> (SLOT_BITS * level)) % HG_WHEEL_SLOTS);
}

/* Into the slot of the tick after its time, or of `earliest` when that is over. */
static void link_timer(struct hg_timers *timers, uint32_t index, uint32_t earliest)
{
	struct hg_timer *timer = timer_at(timers, index);
	uint32_t tick = ((timer->at >> HG_TICK_SHIFT) + 1) % TICKS;
	uint32_t *head;

	if ((tick - earliest) % TICKS >= TICKS / 2)
		tick = earliest;
	timer->slot = slot_of(timers, tick);
	head = &timers->slots[timer->slot];
	timer->previous = HG_TIMER_NONE;
	timer->next = *head;
	if (*head != HG_TIMER_NONE)
		timer_at(timers, *head)->previous = index;
	*head = index;
}

static void unlink_timer(struct hg_timers *timers, uint32_t index)
{
	struct hg_timer *timer = timer_at(timers, index);

	if (timer->previous == HG_TIMER_NONE)
		timers->slots[timer->slot] = timer->next;
	else
		timer_at(timers, timer->previous)->next = timer->next;
	if (timer->next != HG_TIMER_NONE)
		timer_at(timers, timer->next)->previous = timer->previous;
	timer->slot = HG_TIMER_IDLE;
}

void hg_timer_clear(struct hg_timers *timers, uint32_t index)
{
	if (timer_at(timers, index)->slot == HG_TIMER_IDLE)
		return;
	unlink_timer(timers, index);
	timers->set--;
}

void hg_timer_set(struct hg_timers *timers, uint32_t index, uint32_t at)
{
	hg_timer_clear(timers, index);
	timer_at(timers, index)->at = at;
	/* Not in this tick: what sets a timer anew whenever it runs out would never let it end. */
	link_timer(timers, index, timers->tick + 1);
	timers->set++;
}

/* What stands in a slot of a higher level moves to where it belongs now. */
static void cascade(struct hg_timers *timers, uint32_t slot)
{
	uint32_t index = timers->slots[slot];

	timers->slots[slot] = HG_TIMER_NONE;
	while (index != HG_TIMER_NONE) {
		uint32_t next = timer_at(timers, index)->next;

		link_timer(timers, index, timers->tick);
		index = next;
	}
}

/* One tick on. Higher levels first come down when the lower ones have gone round. */
static void step(struct hg_timers *timers)
{
	uint32_t tick = (timers->tick + 1) % TICKS;

	timers->tick = tick;
	for (uint32_t level = HG_WHEEL_LEVELS - 1; level > 0; level--)
		if (tick % (1u << (SLOT_BITS * level)) == 0)
			cascade(timers, level * HG_WHEEL_SLOTS + (tick >> (SLOT_BITS * level)) % HG_WHEEL_SLOTS);
}

uint32_t hg_timers_expired(struct hg_timers *timers, uint32_t now)
{
	uint32_t end = now >> HG_TICK_SHIFT;

	/* The slot of the current tick is emptied before the tick moves on. */
	for (;;) {
		uint32_t index = timers->slots[timers->tick % HG_WHEEL_SLOTS];

		if (index != HG_TIMER_NONE) {
			hg_timer_clear(timers, index);
			return index;
		}
		if (timers->tick == end)
			return HG_TIMER_NONE;
		if (timers->set == 0)
			timers->tick = end;
		else
			step(timers);
	}
}

uint32_t hg_timers_quiet(const struct hg_timers *timers, uint32_t now)
{
	uint32_t tick = timers->tick;

	if (timers->set == 0)
		return UINT32_MAX;
	/* Up to the next full round of the lowest level, where something may come down. */
	do
		tick++;
	while (tick % HG_WHEEL_SLOTS && timers->slots[tick % HG_WHEEL_SLOTS] == HG_TIMER_NONE);
	tick <<= HG_TICK_SHIFT;
	return (int32_t)(tick - now) > 0 ? tick - now : 0;
}
