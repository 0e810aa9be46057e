/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that one thread writes and others read: relaxed, so that nobody pays for a lock prefix. */
#ifndef HG_RELAXED_H
#define HG_RELAXED_H

#include <stdatomic.h>
#include <stdint.h>

/* The one thread's. */
static inline void add_relaxed(_Atomic uint64_t *number, uint64_t more)
{
	atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + more, memory_order_relaxed);
}

static inline uint64_t read_relaxed(const _Atomic uint64_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

#endif
