/* SPDX-License-Identifier: Apache-2.0 */
#include "pacer.h"

#define NS_PER_SECOND 1000000000ULL

void hg_pacer_init(struct hg_pacer *pacer, uint64_t bits_per_second, uint64_t packets_per_second)
{
	*pacer = (struct hg_pacer){
		.bits_per_second = bits_per_second,
		.packets_per_second = packets_per_second,
		.batch_frames = HG_PACER_BATCH_FRAMES,
	};
}

void hg_pacer_idle(struct hg_pacer *pacer, uint64_t now)
{
	if (pacer->due < now)
		pacer->due = now;
}

/* a * b / c without overflow. */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
	return (uint64_t)((unsigned __int128)a * b / c);
}

uint32_t hg_pacer_batch(const struct hg_pacer *pacer, uint32_t payload_bytes, uint32_t limit)
{
	uint64_t frames;

	if (pacer->bits_per_second)
		frames = scale(pacer->bits_per_second, HG_PACER_BATCH_NS, NS_PER_SECOND * 8 * payload_bytes);
	else if (pacer->packets_per_second)
		frames = scale(pacer->packets_per_second, HG_PACER_BATCH_NS, NS_PER_SECOND);
	else
		return limit;
	if (limit > pacer->batch_frames)
		limit = pacer->batch_frames;
	if (frames > limit)
		return limit;
	return frames ? (uint32_t)frames : 1;
}

uint64_t hg_pacer_next(const struct hg_pacer *pacer)
{
	return pacer->due > pacer->not_before ? pacer->due : pacer->not_before;
}

/* How long the rate gives to what was sent, ns. */
static uint64_t duration(struct hg_pacer *pacer, uint32_t frames, uint64_t payload_bytes)
{
	uint64_t units = pacer->bits_per_second ? 8 * payload_bytes : frames;
	uint64_t rate = pacer->bits_per_second ? pacer->bits_per_second : pacer->packets_per_second;
	unsigned __int128 time;

	if (!rate)
		return 0;
	time = (unsigned __int128)units * NS_PER_SECOND + pacer->remainder;
	pacer->remainder = (uint64_t)(time % rate);
	return (uint64_t)(time / rate);
}

/* How soon a batch may follow one that takes so long at the rate. */
static uint64_t shortest(uint64_t takes)
{
	uint64_t sooner = takes / 4;

	if (sooner < HG_PACER_WAKE_NS)
		sooner = takes / 2 < HG_PACER_WAKE_NS ? takes / 2 : HG_PACER_WAKE_NS;
	return takes - sooner;
}

void hg_pacer_sent(struct hg_pacer *pacer, uint64_t now, uint32_t frames, uint64_t payload_bytes)
{
	uint64_t late = now > pacer->due ? now - pacer->due : 0;
	uint64_t takes = duration(pacer, frames, payload_bytes);

	if (!takes)
		return;
	if (late > pacer->late)
		pacer->late = late;
	if (late > HG_PACER_CATCH_UP_NS) {
		pacer->skipped += late - HG_PACER_CATCH_UP_NS;
		pacer->due = now - HG_PACER_CATCH_UP_NS;
	}
	pacer->due += takes;
	pacer->not_before = now + shortest(takes);
}
