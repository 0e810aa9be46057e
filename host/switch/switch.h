/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that implement hg_switch.h share. */
#ifndef HG_SWITCH_INTERNAL_H
#define HG_SWITCH_INTERNAL_H

#include <pthread.h>

#include "clock.h"
#include "cpu.h"
#include "forward.h"
#include "link.h"
#include "port.h"
#include "stage.h"
#include "trace.h"
#include "worker.h"

struct hg_switch {
	struct hg_switch_config config;
	pthread_mutex_t mutex; /* of all that changes the switch; workers never take it */
	struct epoch epoch;
	uint64_t seed;
	uint64_t start_ns;
	uint64_t start_cycles; /* stage_clock() at the same time */
	_Atomic(struct hg_loaded *) running;
	struct hg_loaded *loaded; /* all of them */
	struct trace *trace; /* NULL: packets are not traced */
	_Atomic uint64_t dropped_digests;
	struct digest_signal digest_signal;
	struct profile_home profile_home;
	struct cpu cpu;
	struct ports ports;
	struct link_watch links;
	struct worker *workers; /* config.workers of them */
	bool started;
};

static inline struct hg_loaded *switch_running(struct hg_switch *sw)
{
	return atomic_load_explicit(&sw->running, memory_order_acquire);
}

static inline void switch_lock(struct hg_switch *sw)
{
	pthread_mutex_lock(&sw->mutex);
}

/* Ends what switch_lock() began, and frees what no worker can see any more. */
static inline int switch_unlock(struct hg_switch *sw, int ret)
{
	epoch_reclaim(&sw->epoch);
	pthread_mutex_unlock(&sw->mutex);
	return ret;
}

/* A port is there that was not, or the other way round: under the mutex. -ENOMEM: choices by it are not all made. */
int switch_ports_changed(struct hg_switch *sw);

#endif
