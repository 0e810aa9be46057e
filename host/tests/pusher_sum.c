/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to sum gives what the definition gives, at every length and alignment. */
#include <stdint.h>
#include <string.h>

#include "pusher_check.h"
#include "sum.h"

#define LENGTHS 1700     /* beyond an MTU and many vectors */
#define ALIGNMENTS 64    /* a cache line */
#define LONGEST (1 << 20)

static uint8_t memory[LONGEST + ALIGNMENTS];

/* xorshift64: the same bytes in every run. */
static void fill_random(void)
{
	uint64_t state = 88172645463325252ULL;

	for (size_t i = 0; i < sizeof(memory); i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memory[i] = (uint8_t)state;
	}
}

static void check_all(void)
{
	for (size_t v = 0; v < hg_sum_variant_count; v++) {
		const struct hg_sum_variant *variant = &hg_sum_variants[v];

		if (!variant->usable()) {
			printf("%s: not on this processor\n", variant->name);
			continue;
		}
		for (size_t alignment = 0; alignment < ALIGNMENTS; alignment++)
			for (size_t length = 0; length <= LENGTHS; length++)
				CHECK_EQUAL(variant->sum(memory + alignment, length),
					    hg_sum_reference(memory + alignment, length));
		CHECK_EQUAL(variant->sum(memory + 1, LONGEST), hg_sum_reference(memory + 1, LONGEST));
	}
}

static void known_values(void)
{
	/* RFC 1071, 3: the sum of its example is ddf2. */
	static const uint8_t rfc1071[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	static const uint8_t odd[] = { 0x12, 0x34, 0x56 };

	CHECK_EQUAL(hg_sum(rfc1071, sizeof(rfc1071)), 0xddf2);
	CHECK_EQUAL(hg_sum_reference(rfc1071, sizeof(rfc1071)), 0xddf2);
	CHECK_EQUAL(hg_sum(odd, sizeof(odd)), 0x1234 + 0x5600);
	CHECK_EQUAL(hg_sum(odd, 1), 0x1200);
	CHECK_EQUAL(hg_sum(odd, 0), 0);
}

int main(void)
{
	known_values();
	fill_random();
	check_all();
	/* The most carries there can be, and none at all. */
	memset(memory, 0xFF, sizeof(memory));
	check_all();
	memset(memory, 0, sizeof(memory));
	check_all();
	CHECK_EQUAL(hg_sum(memory, 1452), 0);
	/* Zero that is not from zeros is 0xFFFF. */
	memory[0] = memory[2] = 0xFF;
	memory[1] = memory[3] = 0xFF;
	CHECK_EQUAL(hg_sum(memory, 4), 0xFFFF);
	return 0;
}
