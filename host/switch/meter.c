/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include <errno.h>
#include <stdlib.h>

#define NS_PER_S 1000000000u

int meter_check(const struct hg_meter_config *config)
{
	if (!config->configured)
		return 0;
	return config->cir > config->pir ? -EINVAL : 0;
}

static void profile_release(struct retired *retired)
{
	free(retired);
}

int meter_set(struct epoch *epoch, struct hg_meter_cell *cell, const struct hg_meter_config *config)
{
	struct meter_profile *old = atomic_load_explicit(&cell->profile, memory_order_relaxed);
	struct meter_profile *profile = NULL;
	int ret = meter_check(config);

	if (ret)
		return ret;
	if (config->configured) {
		profile = calloc(1, sizeof(*profile));
		if (!profile)
			return -ENOMEM;
		profile->config = *config;
		profile->generation = ++cell->published;
	}
	atomic_store_explicit(&cell->profile, profile, memory_order_release);
	if (old)
		epoch_retire(epoch, &old->retired, profile_release);
	return 0;
}

void meter_get(const struct hg_meter_cell *cell, struct hg_meter_config *config)
{
	const struct meter_profile *profile = atomic_load_explicit(&cell->profile, memory_order_relaxed);

	*config = profile ? profile->config : (struct hg_meter_config){ .configured = false };
}

void meter_clear(struct hg_meter_cell *cell)
{
	free(atomic_load_explicit(&cell->profile, memory_order_relaxed));
	atomic_store_explicit(&cell->profile, NULL, memory_order_relaxed);
}

/* `rate` tokens a second for elapsed_ns, up to `burst`; exact, as the fraction of a token is kept. */
static void fill(struct meter_bucket *bucket, uint64_t rate, uint64_t burst, uint64_t elapsed_ns)
{
	hg_u128 due = (hg_u128)rate * elapsed_ns + bucket->remainder;
	hg_u128 tokens = bucket->tokens + due / NS_PER_S;

	bucket->tokens = tokens < burst ? (uint64_t)tokens : burst;
	bucket->remainder = tokens < burst ? (uint64_t)(due % NS_PER_S) : 0;
}

static void restart(struct hg_meter_cell *cell, const struct meter_profile *profile, uint64_t now_ns)
{
	cell->generation = profile->generation;
	cell->last_ns = now_ns;
	cell->committed = (struct meter_bucket){ .tokens = profile->config.cburst };
	cell->peak = (struct meter_bucket){ .tokens = profile->config.pburst };
}

/* Other workers' batches may have begun later: for them no time has passed. */
static uint64_t elapse(struct hg_meter_cell *cell, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns > cell->last_ns ? now_ns - cell->last_ns : 0;

	cell->last_ns += elapsed_ns;
	return elapsed_ns;
}

/* RFC 2698, 3: the colour-blind mode. */
static uint32_t mark(struct hg_meter_cell *cell, const struct meter_profile *profile, uint64_t now_ns, uint32_t amount)
{
	uint64_t elapsed_ns;

	if (cell->generation != profile->generation)
		restart(cell, profile, now_ns);
	elapsed_ns = elapse(cell, now_ns);
	fill(&cell->committed, profile->config.cir, profile->config.cburst, elapsed_ns);
	fill(&cell->peak, profile->config.pir, profile->config.pburst, elapsed_ns);

	if (cell->peak.tokens < amount)
		return METER_RED;
	cell->peak.tokens -= amount;
	if (cell->committed.tokens < amount)
		return METER_YELLOW;
	cell->committed.tokens -= amount;
	return METER_GREEN;
}

uint32_t meter_mark(struct hg_meter_cell *cells, uint32_t index, uint64_t now_ns, uint32_t amount)
{
	struct hg_meter_cell *cell = &cells[index];
	const struct meter_profile *profile = atomic_load_explicit(&cell->profile, memory_order_acquire);

	return profile ? mark(cell, profile, now_ns, amount) : METER_GREEN;
}

/* The profile is looked up under the lock: of two workers none goes back to an older one. */
uint32_t meter_mark_shared(struct hg_meter_cell *cells, uint32_t index, uint64_t now_ns, uint32_t amount)
{
	struct hg_meter_cell *cell = &cells[index];
	const struct meter_profile *profile;
	uint32_t colour = METER_GREEN;

	if (!atomic_load_explicit(&cell->profile, memory_order_relaxed))
		return METER_GREEN;
	hg_lock(&cell->lock);
	profile = atomic_load_explicit(&cell->profile, memory_order_acquire);
	if (profile)
		colour = mark(cell, profile, now_ns, amount);
	hg_unlock(&cell->lock);
	return colour;
}
