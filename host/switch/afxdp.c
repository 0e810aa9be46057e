/* SPDX-License-Identifier: Apache-2.0 */
#include "afxdp.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

#define MEMORY_BYTES (AFXDP_FRAMES * AFXDP_FRAME_BYTES)
/*
 * A socket that was closed, or whose program was killed, leaves the device when a kernel thread gets to it: on a busy
 * machine that was seen to take more than 50 ms. Two seconds.
 */
#define BIND_TRIES 400u
#define BIND_PAUSE_NS 5000000
/*
 * What the kernel may hold of ours, as it counts: some 50 frames of 1,500 bytes. What finds
 * the backlog of a veth full (1,000 frames, of all ports) is lost here, not refused.
 */
#define SEND_BUFFER_BYTES (128u << 10)

static int map_ring(const struct afxdp *xdp, struct afxdp_ring *ring, const struct xdp_ring_offset *at,
		    size_t slot_bytes, off_t which)
{
	size_t bytes = at->desc + AFXDP_FRAMES * slot_bytes;
	uint8_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, xdp->fd, which);

	if (map == MAP_FAILED)
		return -errno;
	*ring = (struct afxdp_ring){
		.map = map,
		.bytes = bytes,
		.producer = (void *)(map + at->producer),
		.consumer = (void *)(map + at->consumer),
		.slots = map + at->desc,
	};
	return 0;
}

static int make_rings(struct afxdp *xdp)
{
	struct xdp_umem_reg memory = { .addr = (uintptr_t)xdp->memory,
				       .len = MEMORY_BYTES,
				       .chunk_size = AFXDP_FRAME_BYTES };
	struct xdp_mmap_offsets at;
	socklen_t length = sizeof(at);
	uint32_t slots = AFXDP_FRAMES, none = 2;
	int ret;

	/* The ring of frames to receive into has to be there, and stays empty. */
	if (setsockopt(xdp->fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) ||
	    setsockopt(xdp->fd, SOL_XDP, XDP_UMEM_FILL_RING, &none, sizeof(none)) ||
	    setsockopt(xdp->fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &slots, sizeof(slots)) ||
	    setsockopt(xdp->fd, SOL_XDP, XDP_TX_RING, &slots, sizeof(slots)) ||
	    getsockopt(xdp->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &length))
		return -errno;
	ret = map_ring(xdp, &xdp->out, &at.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
	if (!ret)
		ret = map_ring(xdp, &xdp->done, &at.cr, sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING);
	return ret;
}

static int bind_queue(const struct afxdp *xdp, int ifindex)
{
	const struct timespec pause = { .tv_nsec = BIND_PAUSE_NS };
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
		.sxdp_ifindex = (uint32_t)ifindex,
	};

	for (uint32_t i = 0; bind(xdp->fd, (struct sockaddr *)&address, sizeof(address)); i++) {
		if (errno != EBUSY || i == BIND_TRIES)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int afxdp_open(struct afxdp *xdp, int ifindex)
{
	int half = SEND_BUFFER_BYTES / 2; /* the kernel doubles it */
	int ret;

	memset(xdp, 0, sizeof(*xdp));
	xdp->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (xdp->fd < 0)
		return -errno;
	xdp->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (xdp->memory == MAP_FAILED) {
		xdp->memory = NULL;
		return -errno;
	}
	(void)setsockopt(xdp->fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half));
	ret = make_rings(xdp);
	if (!ret)
		ret = bind_queue(xdp, ifindex);
	for (uint32_t i = 0; i < AFXDP_FRAMES; i++)
		xdp->free[xdp->free_count++] = i * AFXDP_FRAME_BYTES;
	return ret;
}

static void unmap_ring(const struct afxdp_ring *ring)
{
	if (ring->map)
		munmap(ring->map, ring->bytes);
}

void afxdp_close(struct afxdp *xdp)
{
	if (xdp->fd < 0)
		return;
	unmap_ring(&xdp->out);
	unmap_ring(&xdp->done);
	close(xdp->fd);
	if (xdp->memory)
		munmap(xdp->memory, MEMORY_BYTES);
	xdp->fd = -1;
}

static void take_back(struct afxdp *xdp)
{
	uint32_t produced = atomic_load_explicit(xdp->done.producer, memory_order_acquire);
	uint32_t consumed = atomic_load_explicit(xdp->done.consumer, memory_order_relaxed);
	const uint64_t *frames = xdp->done.slots;

	for (; consumed != produced; consumed++)
		xdp->free[xdp->free_count++] = (uint32_t)frames[consumed % AFXDP_FRAMES];
	atomic_store_explicit(xdp->done.consumer, consumed, memory_order_release);
}

bool afxdp_put(struct afxdp *xdp, const struct iovec *parts, size_t count)
{
	uint32_t produced = atomic_load_explicit(xdp->out.producer, memory_order_relaxed);
	struct xdp_desc *slot = (struct xdp_desc *)xdp->out.slots + produced % AFXDP_FRAMES;
	uint32_t bytes = 0, frame;

	if (!xdp->free_count)
		take_back(xdp);
	if (!xdp->free_count)
		return false;
	frame = xdp->free[--xdp->free_count];
	for (size_t i = 0; i < count; i++) {
		memcpy(xdp->memory + frame + bytes, parts[i].iov_base, parts[i].iov_len);
		bytes += (uint32_t)parts[i].iov_len;
	}
	*slot = (struct xdp_desc){ .addr = frame, .len = bytes };
	/* A slot is free: there are no more of them than frames. */
	atomic_store_explicit(xdp->out.producer, produced + 1, memory_order_release);
	return true;
}

int afxdp_push(struct afxdp *xdp)
{
	int ret = sendto(xdp->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? -errno : 0;

	/* At once: what is written to next is in the cache then. */
	take_back(xdp);
	return ret;
}

bool afxdp_take(struct afxdp *xdp, struct iovec *frame)
{
	uint32_t consumed = atomic_load_explicit(xdp->out.consumer, memory_order_acquire);

	while (xdp->seen != consumed) {
		const struct xdp_desc *slot = (const struct xdp_desc *)xdp->out.slots + xdp->seen++ % AFXDP_FRAMES;

		*frame = (struct iovec){ xdp->memory + slot->addr, slot->len };
		if (!xdp->lost)
			return true;
		xdp->lost--; /* which of them it was the kernel does not say */
	}
	return false;
}

uint32_t afxdp_put_not_taken(const struct afxdp *xdp)
{
	return atomic_load_explicit(xdp->out.producer, memory_order_relaxed) - xdp->seen;
}
