/* SPDX-License-Identifier: Apache-2.0 */
/* A check that stays in every build, and says where it failed. */
#ifndef PUSHER_CHECK_H
#define PUSHER_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                    \
	do {                                                                                \
		if (!(condition)) {                                                         \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

/* Both as long long; tells the values. */
#define CHECK_EQUAL(actual, expected)                                                       \
	do {                                                                                \
		long long is = (long long)(actual), should_be = (long long)(expected);      \
		if (is != should_be) {                                                      \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, is, \
				should_be);                                                 \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

#endif
