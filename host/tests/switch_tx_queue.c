/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of frames that the kernel has no room for, by itself. */
#include "switch_check.h"
#include "tx_queue.h"

#define LIMIT_MS 10u
#define LIMIT_NS (LIMIT_MS * UINT64_C(1000000))
#define LONGEST 70000u
#define STEPS 400000u

static struct tx_queue queue;
static uint8_t source[2 * LONGEST];

static bool put(uint32_t number, uint32_t length, uint64_t now_ns)
{
	const struct iovec parts[] = { { &number, sizeof(number) }, { source + number % LONGEST, length } };
	const struct io_size size = { .segments = 1 + number % 3, .bytes = length };

	return tx_queue_put(&queue, parts, 2, &size, now_ns);
}

static void check_frame(const struct tx_frame *frame, uint32_t number, uint32_t length)
{
	CHECK_EQUAL(frame->length, sizeof(number) + length);
	CHECK_EQUAL(frame->size.segments, 1 + number % 3);
	CHECK_EQUAL(frame->size.bytes, length);
	CHECK(!memcmp(frame->bytes, &number, sizeof(number)));
	CHECK(!memcmp(frame->bytes + sizeof(number), source + number % LONGEST, length));
}

static void test_empty(void)
{
	CHECK(!tx_queue_oldest(&queue));
	CHECK_EQUAL(queue.frames, 0);
	CHECK_EQUAL(queue.bytes, 0);
}

/* Frames come out as they went in, one after the other and in what order one looks through them. */
static void test_order(void)
{
	const struct tx_frame *frame;

	for (uint32_t i = 0; i < 3; i++)
		CHECK(put(i, 100 + i, i));
	CHECK_EQUAL(queue.frames, 3);
	CHECK_EQUAL(queue.bytes, 303);
	frame = tx_queue_oldest(&queue);
	for (uint32_t i = 0; i < 3; i++, frame = tx_queue_after(&queue, frame))
		check_frame(frame, i, 100 + i);
	CHECK(!frame);
	for (uint32_t i = 0; i < 3; i++) {
		check_frame(tx_queue_oldest(&queue), i, 100 + i);
		tx_queue_take(&queue);
	}
	test_empty();
}

static void test_expiry(void)
{
	CHECK(put(1, 60, 1000));
	CHECK(!tx_queue_expired(&queue, tx_queue_oldest(&queue), 1000 + LIMIT_NS));
	CHECK(tx_queue_expired(&queue, tx_queue_oldest(&queue), 1001 + LIMIT_NS));
	tx_queue_take(&queue);
	test_empty();
}

/* As many copies of a frame as a large group has fit; what does not fit changes nothing. */
static void test_bound(void)
{
	uint32_t count = 0;

	while (put(count, 1500, 0))
		count++;
	CHECK(count >= 4096 && count < TX_QUEUE_BYTES / 1500);
	CHECK_EQUAL(queue.frames, count);
	CHECK(!put(count, LONGEST, 0));
	for (uint32_t i = 0; i < count; i++) {
		check_frame(tx_queue_oldest(&queue), i, 1500);
		tx_queue_take(&queue);
	}
	test_empty();
}

/* Full and empty, round and round, with frames of all lengths. */
static void test_long_run(void)
{
	static uint32_t lengths[STEPS];
	uint32_t first = 0, last = 0, fills = 0;
	uint64_t state = 1;
	bool filling = true;

	while (last < STEPS) {
		uint32_t length = check_random(&state) % (check_random(&state) % 8 ? 1514 : LONGEST);

		if (check_random(&state) % 8 < (filling ? 6 : 2)) {
			lengths[last] = length;
			if (put(last, length, 0)) {
				last++;
			} else {
				fills += filling;
				filling = false;
			}
		} else if (first < last) {
			check_frame(tx_queue_oldest(&queue), first, lengths[first]);
			tx_queue_take(&queue);
			first++;
		} else {
			filling = true;
		}
		CHECK_EQUAL(queue.frames, last - first);
	}
	CHECK(fills > 10);
	for (; first < last; first++) {
		check_frame(tx_queue_oldest(&queue), first, lengths[first]);
		tx_queue_take(&queue);
	}
	test_empty();
}

/* A port that takes nothing is asked seldom; one that takes something, soon. */
static void test_pauses(void)
{
	uint64_t shortest = tx_queue_pause_ns(&queue, true), longest;

	for (int i = 0; i < 20; i++)
		CHECK(tx_queue_pause_ns(&queue, false) >= shortest);
	longest = tx_queue_pause_ns(&queue, false);
	CHECK(longest > 10 * shortest);
	CHECK_EQUAL(tx_queue_pause_ns(&queue, false), longest);
	CHECK(tx_queue_pause_ns(&queue, true) < longest);
	for (int i = 0; i < 20; i++)
		tx_queue_pause_ns(&queue, true);
	CHECK_EQUAL(tx_queue_pause_ns(&queue, true), shortest);
}

int main(void)
{
	for (uint32_t i = 0; i < sizeof(source); i++)
		source[i] = (uint8_t)(i * 31 + i / 251);
	CHECK_EQUAL(tx_queue_open(&queue, LIMIT_MS), 0);
	test_empty();
	test_order();
	test_expiry();
	test_bound();
	test_long_run();
	test_pauses();
	tx_queue_close(&queue);
	return 0;
}
