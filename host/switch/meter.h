/* SPDX-License-Identifier: Apache-2.0 */
/* Meters: RFC 2698's two-rate three-colour marker, colour-blind. */
#ifndef HG_METER_H
#define HG_METER_H

#include "epoch.h"
#include "hg_switch.h"
#include "pipeline.h"

enum meter_colour { METER_GREEN, METER_YELLOW, METER_RED };

/* A configuration as published: the worker finds out by its number that it is new. */
struct meter_profile {
	struct retired retired;
	uint64_t generation;
	struct hg_meter_config config;
};

/* A bucket's tokens, and what fill() has not yet paid out: rate * ns modulo 1e9. */
struct meter_bucket {
	uint64_t tokens;
	uint64_t remainder;
};

struct hg_meter_cell {
	_Atomic(struct meter_profile *) profile; /* NULL: not configured */
	uint64_t published;                      /* profiles so far; control threads' */
	/* The workers' from here on. */
	struct hg_lock lock;
	uint64_t generation; /* of the profile that the buckets are for */
	uint64_t last_ns;
	struct meter_bucket committed, peak;
};

/* -EINVAL where CIR exceeds PIR (RFC 2698, 2). */
int meter_check(const struct hg_meter_config *config);
/* Takes effect with full buckets, as RFC 2698 has it. */
int meter_set(struct epoch *epoch, struct hg_meter_cell *cell, const struct hg_meter_config *config);
void meter_get(const struct hg_meter_cell *cell, struct hg_meter_config *config);
/* When no worker can reach the cell any more. */
void meter_clear(struct hg_meter_cell *cell);

/* hg_runtime_ops.meter: of a worker that is alone, and of several. */
uint32_t meter_mark(struct hg_meter_cell *cells, uint32_t index, uint64_t now_ns, uint32_t amount);
uint32_t meter_mark_shared(struct hg_meter_cell *cells, uint32_t index, uint64_t now_ns, uint32_t amount);

#endif
