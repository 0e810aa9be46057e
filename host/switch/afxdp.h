/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that leave one by one through memory which is shared with the kernel
 * (AF_XDP). It only sends: there is no program at the interface, and XDP stays free
 * for others. The kernel copies each frame once more and hands it straight to the
 * device, past queueing disciplines, tc and packet taps. docs/benchmarks.md has what
 * that saves.
 *
 * A device's queue has room for one such socket, and this one takes the first. Its
 * memory is locked, half a MiB: who lacks CAP_IPC_LOCK needs as much RLIMIT_MEMLOCK.
 */
#ifndef HG_AFXDP_H
#define HG_AFXDP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define AFXDP_FRAME_BYTES 2048u /* the longest; a chunk of memory is that long */
#define AFXDP_FRAMES 256u       /* of each socket, and slots of its rings */

struct afxdp_ring {
	void *map;
	size_t bytes;
	_Atomic uint32_t *producer, *consumer;
	void *slots;
};

struct afxdp {
	int fd; /* -1: there is none */
	uint8_t *memory;
	struct afxdp_ring out, done; /* what is to leave; what the kernel needs no longer */
	uint32_t free[AFXDP_FRAMES]; /* where in memory */
	uint32_t free_count;
	uint32_t seen; /* how many that the kernel took afxdp_take() has told of; modulo 2^32 */
	uint32_t lost; /* of those that it is to tell of */
};

/* Negative errno; afxdp_close() after that, too. -EBUSY: somebody else's socket is there. */
int afxdp_open(struct afxdp *xdp, int ifindex);
void afxdp_close(struct afxdp *xdp);

/* Copies a frame of 1 to AFXDP_FRAME_BYTES to be sent; false: there is no room, before afxdp_push(). */
bool afxdp_put(struct afxdp *xdp, const struct iovec *parts, size_t count);
/*
 * Has the kernel send: 0 once it has taken all. Else a negative errno: -EAGAIN when
 * there may be more (it takes some 32 at a call), -EBUSY when it has lost one frame and
 * there may be more.
 */
int afxdp_push(struct afxdp *xdp);
/* The kernel has lost one of what it took. */
static inline void afxdp_lose(struct afxdp *xdp)
{
	xdp->lost++;
}
/*
 * The next frame that the kernel took and did not lose, where it lies until something is
 * put; false: none since the last one. It may tell of what it took only with what it takes next.
 */
bool afxdp_take(struct afxdp *xdp, struct iovec *frame);
/* Frames that were put and afxdp_take() has not told of. */
uint32_t afxdp_put_not_taken(const struct afxdp *xdp);
/* Frames that the kernel has not yet sent, or not told of. */
static inline uint32_t afxdp_held(const struct afxdp *xdp)
{
	return AFXDP_FRAMES - xdp->free_count;
}

#endif
