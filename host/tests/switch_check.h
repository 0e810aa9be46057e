/* SPDX-License-Identifier: Apache-2.0 */
/* A test is a program: the first check that fails says where, and ends it. */
#ifndef HG_SWITCH_CHECK_H
#define HG_SWITCH_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                        \
		}                                                                       \
	} while (0)

#define CHECK_EQUAL(value, expected)                                                                         \
	do {                                                                                                 \
		long long value_ = (long long)(value), expected_ = (long long)(expected);                    \
		if (value_ != expected_) {                                                                   \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #value, value_, \
				expected_);                                                                  \
			exit(1);                                                                             \
		}                                                                                            \
	} while (0)

/* The same numbers in every run. */
static inline uint32_t check_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

#endif
