/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel leaves to a packet socket: checksums and tags. */
#include <stdint.h>

#include "offload.h"
#include "switch_check.h"

/* RFC 1071 as it is written: 16-bit words in network order, the last one padded with zero. */
static uint16_t sum_of(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* With the checksum in place the sum over everything is all ones: what a receiver checks. */
static void test_checksum_of_every_length(void)
{
	enum { START = 3, OFFSET = 4, MAX = 300 };
	uint8_t frame[MAX], before[MAX];
	uint64_t random = 1;

	for (uint32_t length = START + OFFSET + 2; length <= MAX; length++) {
		uint16_t pseudo, sum;

		for (uint32_t i = 0; i < length; i++)
			frame[i] = length % 3 ? (uint8_t)check_random(&random) : 0xff;
		memcpy(before, frame, length);
		pseudo = (uint16_t)(frame[START + OFFSET] << 8 | frame[START + OFFSET + 1]);
		CHECK(offload_checksum(frame, length, START, OFFSET));
		sum = sum_of(frame + START, length - START);
		/* The pseudo-header's sum is no longer in the frame, but in the checksum. */
		sum = (uint16_t)((sum + pseudo) % 0xffff);
		CHECK_EQUAL(sum, 0);
		before[START + OFFSET] = frame[START + OFFSET];
		before[START + OFFSET + 1] = frame[START + OFFSET + 1];
		CHECK(!memcmp(before, frame, length));
	}
}

static void test_checksum_zero(void)
{
	uint8_t frame[] = { 0xff, 0xff, 0, 0 };

	CHECK(offload_checksum(frame, sizeof(frame), 0, 2));
	CHECK(frame[2] == 0xff && frame[3] == 0xff);
}

static void test_checksum_outside(void)
{
	uint8_t frame[20] = { 0 };

	CHECK(offload_checksum(frame, sizeof(frame), 10, 8));
	CHECK(!offload_checksum(frame, sizeof(frame), 10, 9));
	CHECK(!offload_checksum(frame, sizeof(frame), 20, 0));
	CHECK(!offload_checksum(frame, sizeof(frame), 65535, 65535));
}

static void test_tag(void)
{
	uint8_t room[4 + 16];
	const uint8_t tagged[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x81, 0, 0x60, 5, 12, 13, 14, 15 };

	for (uint8_t i = 0; i < 16; i++)
		room[4 + i] = i;
	CHECK(offload_tag(room + 4, 0x8100, 0x6005) == room);
	CHECK(!memcmp(room, tagged, sizeof(tagged)));
}

int main(void)
{
	test_checksum_of_every_length();
	test_checksum_zero();
	test_checksum_outside();
	test_tag();
	return 0;
}
