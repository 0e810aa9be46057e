/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grace periods: memory that a worker may still be reading is freed after the
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

struct epoch {
	_Atomic uint64_t now;    /* goes up with every retirement */
	_Atomic uint64_t worker; /* the epoch that the worker last saw; 0 offline */
	struct retired *oldest;
	struct retired **newest;
	_Atomic bool held;    /* the worker is to wait at the gate */
	pthread_mutex_t gate; /* held by who holds the worker */
};

void epoch_init(struct epoch *epoch);
void epoch_clear(struct epoch *epoch);

/* Control threads. */
void epoch_retire(struct epoch *epoch, struct retired *retired, void (*release)(struct retired *retired));
void epoch_reclaim(struct epoch *epoch); /* what can be freed by now */
void epoch_wait(struct epoch *epoch);    /* until everything retired is freed, and nothing older is in use */

/*
 * Between the two the worker is offline: it waits before its next batch. Not under
 * the switch's mutex, and both from one thread.
 */
void epoch_hold(struct epoch *epoch);
void epoch_release(struct epoch *epoch);

/* The worker. */
void epoch_online(struct epoch *epoch);
void epoch_quiescent(struct epoch *epoch);
void epoch_offline(struct epoch *epoch);

#endif
