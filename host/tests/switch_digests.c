/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that put digests at once, one thread that takes them: each arrives whole
 * and in its worker's order or is counted as dropped, and the taker, which sleeps
 * whenever the signal is down, never sleeps while something waits.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "digests.h"
#include "switch_check.h"

#define WORKERS 4u
#define EACH 30000u
#define AT_ONCE 100u

struct message {
	uint32_t worker, number, check; /* check: ~number */
};

static const struct hg_digest_spec specs[] = { { "short", 4 }, { "message", sizeof(struct message) } };
static const struct hg_pipeline pipeline = { .digest_count = 2, .digests = specs };

static _Atomic uint64_t dropped;
static _Atomic uint32_t working = WORKERS;
static struct digest_signal signal_ = { .dropped = &dropped };
static struct hg_digests *digests;

static void *work(void *opaque)
{
	struct message message = { .worker = (uint32_t)(uintptr_t)opaque };

	for (uint32_t number = 0; number < EACH; number++) {
		message.number = number;
		message.check = ~number;
		digests_put(digests, 1, (const uint8_t *)&message);
	}
	atomic_fetch_sub(&working, 1);
	return NULL;
}

static uint32_t take(uint32_t *next)
{
	struct message messages[AT_ONCE];
	uint32_t which[AT_ONCE], count = digests_take(digests, which, (uint8_t *)messages, AT_ONCE);

	for (uint32_t i = 0; i < count; i++) {
		CHECK_EQUAL(which[i], 1);
		CHECK(messages[i].worker < WORKERS);
		CHECK(messages[i].number >= next[messages[i].worker]);
		CHECK_EQUAL(messages[i].check, ~messages[i].number);
		next[messages[i].worker] = messages[i].number + 1;
	}
	return count;
}

static void test_workers(void)
{
	struct pollfd waiting = { .fd = signal_.fd, .events = POLLIN };
	uint32_t next[WORKERS] = { 0 };
	pthread_t threads[WORKERS];
	uint64_t taken = 0;

	for (uintptr_t i = 0; i < WORKERS; i++)
		CHECK_EQUAL(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	/* The last put raises the signal, or finds it raised for us. */
	while (atomic_load(&working) || taken + atomic_load(&dropped) < WORKERS * EACH) {
		if (poll(&waiting, 1, 20) == 1)
			taken += take(next);
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQUAL(taken + atomic_load(&dropped), WORKERS * EACH);
	CHECK(taken >= DIGESTS_SLOTS);
}

static void test_bounds(void)
{
	uint32_t which[DIGESTS_SLOTS + 1];
	uint64_t before = atomic_load(&dropped);
	uint8_t *data = calloc(DIGESTS_SLOTS + 1, sizeof(struct message));
	struct message message = { .number = 7 };
	struct pollfd waiting = { .fd = signal_.fd, .events = POLLIN };

	digests_put(digests, 0, (const uint8_t *)&message); /* nobody wants it */
	CHECK_EQUAL(digests_take(digests, which, data, 1), 0);
	for (uint32_t i = 0; i < DIGESTS_SLOTS + 10; i++)
		digests_put(digests, 1, (const uint8_t *)&message);
	CHECK_EQUAL(atomic_load(&dropped) - before, 10);
	CHECK_EQUAL(digests_take(digests, which, data, 5), 5);
	CHECK_EQUAL(poll(&waiting, 1, 0), 1); /* more wait */
	CHECK_EQUAL(digests_take(digests, which, data, DIGESTS_SLOTS + 1), DIGESTS_SLOTS - 5);
	CHECK_EQUAL(poll(&waiting, 1, 0), 0);
	digests_put(digests, 1, (const uint8_t *)&message);
	CHECK_EQUAL(poll(&waiting, 1, 0), 1);
	free(data);
}

int main(void)
{
	signal_.fd = eventfd(0, EFD_NONBLOCK);
	CHECK_EQUAL(digests_new(&(struct hg_pipeline){ .digest_count = 0 }, &signal_, &digests), 0);
	CHECK(!digests);
	CHECK_EQUAL(digests_new(&pipeline, &signal_, &digests), 0);
	atomic_store(&digests->wanted[1], true);
	test_workers();
	test_bounds();
	digests_free(digests);
	close(signal_.fd);
	return 0;
}
