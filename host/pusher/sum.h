/* SPDX-License-Identifier: Apache-2.0 */
/* One's-complement sums of payloads (RFC 1071), as the push header carries them. */
#ifndef HG_SUM_H
#define HG_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The one's-complement sum of data's 16-bit words in network order, as a number
 * of the host's; not inverted. An odd last byte counts as if a zero followed.
 * The sum is 0 only where all bytes are 0: otherwise zero appears as 0xFFFF.
 */
uint16_t hg_sum(const void *data, size_t length);

/* The same by the definition, word by word: what the others are tested against. */
uint16_t hg_sum_reference(const void *data, size_t length);

/* Each way to compute it; hg_sum() takes the first that is usable here. */
struct hg_sum_variant {
	const char *name;
	bool (*usable)(void);
	uint16_t (*sum)(const void *data, size_t length);
};

extern const struct hg_sum_variant hg_sum_variants[];
extern const size_t hg_sum_variant_count;

#endif
