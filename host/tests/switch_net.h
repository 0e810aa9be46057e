/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces for a test, in a network namespace that goes with it. */
#ifndef HG_SWITCH_NET_H
#define HG_SWITCH_NET_H

#include <stdbool.h>
#include <stdint.h>

/* From here on this process is in a namespace of its own, in a user namespace when it is not root. */
void net_isolate(void);
/* A veth pair, both ends up. */
void net_add_pair(const char *name, const char *peer, uint32_t mtu);
/* One whose frames are read from the descriptor; up. */
int net_add_tap(const char *name);
void net_delete(const char *name);
void net_set_up(const char *name, bool up);
void net_set_mtu(const char *name, uint32_t mtu);
/*
 * What leaves by it is let through at a rate, and so many bytes of it wait; more is refused
 * (tbf). Again for another rate.
 */
void net_limit(const char *name, uint32_t bytes_per_second, uint32_t limit_bytes);
/* What leaves by it is cut up and summed before. */
void net_offload_off(const char *name);

/* A socket that sends raw frames on an interface and receives what arrives there. */
int net_open(const char *name);
int net_open_tap(const char *name); /* also what leaves by it */
/* Frames that it sends begin with a virtio_net_hdr. */
int net_open_offload(const char *name);
/* The next frame's length, or -1 when none comes in time. */
int net_receive(int fd, uint8_t *frame, uint32_t capacity, int timeout_ms);

#endif
