/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "thread.h"

#define RETRY_MS 1000

static int open_netlink(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int ret;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

/* What changed is looked up by name; so a message that overflowed (ENOBUFS) is as good as one that came. */
static void drain(int fd)
{
	char message[8192];

	while (recv(fd, message, sizeof(message), 0) > 0 || errno == ENOBUFS || errno == EINTR)
		;
}

static void *watch_links(void *opaque)
{
	struct link_watch *watch = opaque;
	struct pollfd fds[] = {
		{ .fd = watch->netlink_fd, .events = POLLIN },
		{ .fd = watch->stop_fd, .events = POLLIN },
	};

	int timeout_ms = -1;

	for (;;) {
		poll(fds, 2, timeout_ms);
		if (fds[1].revents)
			return NULL;
		drain(watch->netlink_fd);
		timeout_ms = watch->changed(watch->opaque) ? -1 : RETRY_MS;
	}
}

int link_watch_start(struct link_watch *watch, bool (*changed)(void *opaque), void *opaque)
{
	int ret;

	if (watch->running)
		return 0;
	watch->changed = changed;
	watch->opaque = opaque;
	watch->netlink_fd = open_netlink();
	if (watch->netlink_fd < 0)
		return watch->netlink_fd;
	watch->stop_fd = eventfd(0, EFD_CLOEXEC);
	ret = watch->stop_fd < 0 ? -errno : thread_start(&watch->thread, "hg-links", watch_links, watch);
	if (ret) {
		close(watch->netlink_fd);
		if (watch->stop_fd >= 0)
			close(watch->stop_fd);
		return ret;
	}
	watch->running = true;
	return 0;
}

void link_watch_stop(struct link_watch *watch)
{
	if (!watch->running)
		return;
	(void)!write(watch->stop_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	pthread_join(watch->thread, NULL);
	close(watch->netlink_fd);
	close(watch->stop_fd);
	watch->running = false;
}
