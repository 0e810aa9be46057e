/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that hears from the kernel (rtnetlink) when interfaces change. */
#ifndef HG_LINK_H
#define HG_LINK_H

#include <pthread.h>
#include <stdbool.h>

struct link_watch {
	bool running;
	pthread_t thread;
	int netlink_fd;
	int stop_fd;
	bool (*changed)(void *opaque);
	void *opaque;
};

/*
 * Watches the calling thread's network namespace; calls `changed` from the
 * watching thread, and again a second later while that returns false.
 */
int link_watch_start(struct link_watch *watch, bool (*changed)(void *opaque), void *opaque);
void link_watch_stop(struct link_watch *watch);

#endif
