/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel has not got round to receiving, of frames that went from one interface
 * to another without a queue (veth): one list for each CPU, of net.core.netdev_max_backlog
 * (1,000) frames of all interfaces, beyond which they are lost. A program that sends
 * makes the kernel receive 64 of them (net.core.dev_weight) with each frame that it sends,
 * and no more when other programs wait for the CPU: many copies of one frame, and what is
 * answered to them, are more than that.
 */
#ifndef HG_BACKLOG_H
#define HG_BACKLOG_H

#include <stdint.h>

/* Of copies that are sent without looking: with as many answers, far less than a list has room for. */
#define BACKLOG_COPIES 256u

struct backlog {
	int fd; /* /proc/net/softnet_stat; -1: it cannot be looked at */
};

void backlog_open(struct backlog *backlog);
void backlog_close(struct backlog *backlog);

/* Frames in the longest of the lists. */
uint32_t backlog_longest(const struct backlog *backlog);

/* Returns when there is room, or after some milliseconds. `socket_fd`: any socket of ours. */
void backlog_settle(const struct backlog *backlog, int socket_fd);

#endif
