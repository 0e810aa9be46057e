/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grace periods: memory that a worker may still be reading is freed after every
 * worker passed a quiescent point (QSBR, as in userspace RCU).
 *
 * Control threads publish a pointer, then retire what it replaced; they call
 * under the switch's mutex. A worker is online while it may hold such pointers
 * and says epoch_quiescent() between two batches, when it holds none. While it
 * is offline (stopped, or waiting for packets) nothing waits for it.
 */
#ifndef HG_EPOCH_H
#define HG_EPOCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What can be retired begins with this. */
struct retired {
	struct retired *next;
	uint64_t epoch;
	void (*release)(struct retired *retired);
};

#define EPOCH_WORKERS 64u

struct epoch {
	_Atomic uint64_t now; /* goes up with every retirement */
	struct retired *oldest;
	struct retired **newest;
	_Atomic bool held;    /* workers are to wait at the gate */
	pthread_mutex_t gate; /* held by who holds the workers */
	uint32_t worker_count;
	struct {
		_Alignas(64) _Atomic uint64_t seen; /* the epoch that this worker last saw; 0 offline */
	} workers[EPOCH_WORKERS];
};

/* For so many workers, EPOCH_WORKERS at most; all are offline. */
void epoch_init(struct epoch *epoch, uint32_t workers);
void epoch_clear(struct epoch *epoch);

/* Control threads. */
void epoch_retire(struct epoch *epoch, struct retired *retired, void (*release)(struct retired *retired));
void epoch_reclaim(struct epoch *epoch); /* what can be freed by now */
void epoch_wait(struct epoch *epoch);    /* until everything retired is freed, and nothing older is in use */

/*
 * Between the two all workers are offline: they wait before their next batch. Not under
 * the switch's mutex, and both from one thread.
 */
void epoch_hold(struct epoch *epoch);
void epoch_release(struct epoch *epoch);

/* The worker of that number, from 0. */
void epoch_online(struct epoch *epoch, uint32_t worker);
void epoch_quiescent(struct epoch *epoch, uint32_t worker);
void epoch_offline(struct epoch *epoch, uint32_t worker);

#endif
