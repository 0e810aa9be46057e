/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch.h"

#include <stddef.h>
#include <time.h>

void epoch_init(struct epoch *epoch, uint32_t workers)
{
	atomic_init(&epoch->now, 1);
	epoch->worker_count = workers;
	for (uint32_t i = 0; i < EPOCH_WORKERS; i++)
		atomic_init(&epoch->workers[i].seen, 0);
	epoch->oldest = NULL;
	epoch->newest = &epoch->oldest;
	atomic_init(&epoch->held, false);
	pthread_mutex_init(&epoch->gate, NULL);
}

void epoch_clear(struct epoch *epoch)
{
	pthread_mutex_destroy(&epoch->gate);
}

/* The workers are past `at`: they saw that epoch, and with it all that was published before. */
static bool passed(struct epoch *epoch, uint64_t at)
{
	for (uint32_t i = 0; i < epoch->worker_count; i++) {
		uint64_t seen = atomic_load_explicit(&epoch->workers[i].seen, memory_order_acquire);

		if (seen && seen < at)
			return false;
	}
	return true;
}

/*
 * An atomic read-modify-write here and in epoch_online(): whichever comes second
 * sees what the other thread did before. Either a worker finds the new pointer
 * or we find the worker.
 */
static uint64_t advance(struct epoch *epoch)
{
	return atomic_fetch_add_explicit(&epoch->now, 1, memory_order_acq_rel) + 1;
}

void epoch_retire(struct epoch *epoch, struct retired *retired, void (*release)(struct retired *retired))
{
	retired->next = NULL;
	retired->release = release;
	retired->epoch = advance(epoch);
	*epoch->newest = retired;
	epoch->newest = &retired->next;
}

void epoch_reclaim(struct epoch *epoch)
{
	while (epoch->oldest && passed(epoch, epoch->oldest->epoch)) {
		struct retired *retired = epoch->oldest;

		epoch->oldest = retired->next;
		if (!epoch->oldest)
			epoch->newest = &epoch->oldest;
		retired->release(retired);
	}
}

static const struct timespec pause_ = { .tv_nsec = 50 * 1000 };

void epoch_wait(struct epoch *epoch)
{
	uint64_t at = advance(epoch);

	while (!passed(epoch, at))
		nanosleep(&pause_, NULL);
	epoch_reclaim(epoch);
}

/* A worker says that it is online before it looks, we look after we said hold: one of us sees the other. */
void epoch_hold(struct epoch *epoch)
{
	pthread_mutex_lock(&epoch->gate);
	atomic_store(&epoch->held, true);
	for (uint32_t i = 0; i < epoch->worker_count; i++) {
		while (atomic_load(&epoch->workers[i].seen))
			nanosleep(&pause_, NULL);
	}
}

void epoch_release(struct epoch *epoch)
{
	atomic_store(&epoch->held, false);
	pthread_mutex_unlock(&epoch->gate);
}

static void wait_at_gate(struct epoch *epoch, uint32_t worker)
{
	epoch_offline(epoch, worker);
	pthread_mutex_lock(&epoch->gate);
	pthread_mutex_unlock(&epoch->gate);
}

void epoch_online(struct epoch *epoch, uint32_t worker)
{
	for (;;) {
		atomic_store(&epoch->workers[worker].seen, atomic_load_explicit(&epoch->now, memory_order_relaxed));
		atomic_fetch_add_explicit(&epoch->now, 0, memory_order_acq_rel);
		if (!atomic_load(&epoch->held))
			return;
		wait_at_gate(epoch, worker);
	}
}

void epoch_quiescent(struct epoch *epoch, uint32_t worker)
{
	uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);

	atomic_store_explicit(&epoch->workers[worker].seen, now, memory_order_release);
	if (atomic_load_explicit(&epoch->held, memory_order_relaxed)) {
		wait_at_gate(epoch, worker);
		epoch_online(epoch, worker);
	}
}

void epoch_offline(struct epoch *epoch, uint32_t worker)
{
	atomic_store_explicit(&epoch->workers[worker].seen, 0, memory_order_release);
}
