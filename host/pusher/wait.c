/* SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#define NS_PER_SECOND 1000000000ULL

/*
 * A sleep comes back about this late even with no timer slack (22 us measured on
 * a virtual machine): a shorter wait looks at the clock instead.
 */
#define SHORTEST_SLEEP_NS 25000

uint64_t hg_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

int hg_wait(int stop, int fd, short events, uint64_t until)
{
	struct pollfd fds[] = { { .fd = stop, .events = POLLIN }, { .fd = fd, .events = events } };

	for (;;) {
		uint64_t now = hg_now();
		uint64_t left = until > now ? until - now : 0;
		struct timespec timeout = {
			.tv_sec = (time_t)(left / NS_PER_SECOND),
			.tv_nsec = (long)(left % NS_PER_SECOND),
		};

		if (left < SHORTEST_SLEEP_NS)
			timeout = (struct timespec){ 0 };
		if (ppoll(fds, 2, until == HG_FOREVER ? NULL : &timeout, NULL) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			return -ECANCELED;
		if (fds[1].revents)
			return 1;
		if (left == 0)
			return 0;
	}
}
