/* SPDX-License-Identifier: Apache-2.0 */
/* The one way in which a stream's thread waits: a stop request always wakes it. */
#ifndef HG_WAIT_H
#define HG_WAIT_H

#include <stdint.h>

#define HG_NS_PER_MS 1000000ULL
#define HG_FOREVER UINT64_MAX

/* CLOCK_MONOTONIC, ns. */
uint64_t hg_now(void);

/*
 * Until `stop` is readable: -ECANCELED; until one of poll's `events` is true of
 * `fd` (-1: none): 1; or until the time `until`: 0.
 */
int hg_wait(int stop, int fd, short events, uint64_t until);

#endif
