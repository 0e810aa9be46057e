/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters. A worker only ever adds to its hg_cell; the control plane writes by
 * moving the base that it subtracts, so that no addition is lost to a write.
 */
#ifndef HG_CELL_H
#define HG_CELL_H

#include "hg_switch.h"
#include "pipeline.h"

static inline void cell_get(const struct hg_cell *cell, const struct hg_counter_value *base,
			    struct hg_counter_value *value)
{
	value->packets = atomic_load_explicit(&cell->packets, memory_order_relaxed) - base->packets;
	value->bytes = atomic_load_explicit(&cell->bytes, memory_order_relaxed) - base->bytes;
}

static inline void cell_set(const struct hg_cell *cell, struct hg_counter_value *base,
			    const struct hg_counter_value *value)
{
	base->packets = atomic_load_explicit(&cell->packets, memory_order_relaxed) - value->packets;
	base->bytes = atomic_load_explicit(&cell->bytes, memory_order_relaxed) - value->bytes;
}

#endif
