/* SPDX-License-Identifier: Apache-2.0 */
/* What a way of moving a port's frames offers; afpacket.c is one. */
#ifndef HG_IO_H
#define HG_IO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "epoch.h"
#include "hg_switch.h"

/* Of one worker, which alone writes them; any may read. They outlive a vanished interface. */
struct io_counters {
	_Atomic uint64_t rx_packets, rx_bytes, rx_dropped;
	_Atomic uint64_t rx_supers, rx_super_segments, rx_bundles, rx_bundle_pushes, rx_bundle_malformed;
	_Atomic uint64_t tx_packets, tx_bytes, tx_dropped, tx_oversized, tx_uncut;
	_Atomic uint64_t tx_queued, tx_overflowed;
	_Atomic uint64_t tx_supers, tx_super_segments, tx_fanned;
};

struct io_frame {
	uint8_t *bytes;
	uint32_t length;
	uint32_t segment_bytes; /* payload of each segment that the port which it leaves by cuts it into; 0: it is not cut */
};

/* What a frame counts for at its port. */
struct io_size {
	uint32_t segments;
	uint32_t bytes; /* of all of them, each with headers of its own */
};

struct iovec;
struct capture_port;
struct fanout;
struct stages;
struct payload_sum;

struct io_config {
	const char *interface;
	uint32_t port;        /* its number */
	int ifindex;
	uint32_t mtu;         /* bytes */
	uint32_t link_bytes;  /* of the link's own header: Ethernet's, or none */
	uint32_t tx_frames;   /* gathered before they are handed on */
	uint32_t queue_ms;    /* how long a frame may wait for the kernel to have room for it */
	enum hg_io kind;
	const _Atomic bool *bundles; /* cut up what comes in bundles */
	bool receives; /* else it only sends */
	struct payload_sum *sum; /* all ports of one worker share it */
	struct fanout *fanout;
	struct io_counters *counters;
	struct stages *stages;
	_Atomic uint64_t *tx_lost;    /* frames that waited when the io was closed; any thread may close it */
	struct capture_port *capture; /* NULL: none */
};

/*
 * What one received frame may be cut into, at most; and what a port lends at a time,
 * when it need not stop before that.
 */
#define IO_FRAMES_OF_ONE 1024u
#define IO_BATCH_FRAMES 64u
#define IO_FRAMES (IO_BATCH_FRAMES + IO_FRAMES_OF_ONE)

struct io;

struct io_ops {
	/* Writes what went wrong to `error` (HG_ERROR_BYTES). */
	int (*open)(const struct io_config *config, struct io **io, char *error);
	void (*close)(struct io *io);
	/* Control threads'. */
	uint64_t (*rx_lost)(struct io *io); /* frames that the kernel dropped since the last call */
	uint32_t (*tx_held)(struct io *io); /* bytes that the kernel holds of what was sent */

	/* The worker's. receive() lends frames, which it may write to, until release(); capacity: IO_FRAMES. */
	uint32_t (*receive)(struct io *io, struct io_frame *frames, uint32_t capacity);
	void (*release)(struct io *io);
	/*
	 * header() is room for the next frame's headers (LOADED_HEADER_BYTES), send()
	 * completes it; its payload stays in place until flush(). Frames leave in the
	 * order of send(). What cannot leave is counted; what the kernel has no room for
	 * waits in the port's own queue, and nobody for it.
	 */
	uint8_t *(*header)(struct io *io);
	void (*send)(struct io *io, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes,
		     uint32_t segment_bytes);
	void (*flush)(struct io *io);
	/* A frame that flush() did not bring, whole with its vnet header: behind all that was flushed. */
	void (*enqueue)(struct io *io, const struct iovec *parts, size_t count, const struct io_size *size);
	/* Sends what waits, as far as the kernel has room for it now. */
	void (*retry)(struct io *io, uint64_t now_ns);
	void (*clear_error)(struct io *io); /* so that fd does not report it again */
};

/* The beginning of every backend's own struct. */
struct io {
	struct retired retired;
	const struct io_ops *ops;
	struct io_counters *counters;
	struct stages *stages;
	struct capture_port *capture; /* NULL: none */
	int fd;             /* readable while frames wait; -1: it only sends */
	int ifindex;
	uint32_t port;      /* its number */
	uint32_t mtu;       /* bytes */
	uint32_t link_bytes; /* of the link's own header */
	bool fans_out;      /* copies may leave by it by way of fanout.h */
	/* The worker's. */
	bool fanned;        /* some wait there */
	_Atomic uint32_t unflushed; /* frames sent and not flushed; anyone reads */
	bool listed;        /* among those to flush at the round's end */
	uint64_t retry_at_ns; /* when what waits is to be tried again; IO_NONE_WAITS */
	int full_fd;          /* writable once the kernel has room for what waits; -1: nothing tells */
	_Atomic uint32_t queued_frames, queued_bytes; /* that wait; anyone reads */
	_Atomic bool reopen; /* its port is to open it anew when something changes at its interface */
};

#define IO_NONE_WAITS UINT64_MAX

static inline bool io_waits(const struct io *io)
{
	return io->retry_at_ns != IO_NONE_WAITS;
}

static inline uint32_t io_unflushed(const struct io *io)
{
	return atomic_load_explicit(&io->unflushed, memory_order_relaxed);
}

static inline void io_set_unflushed(struct io *io, uint32_t frames)
{
	atomic_store_explicit(&io->unflushed, frames, memory_order_relaxed);
}

static inline void io_reopen(struct io *io)
{
	atomic_store_explicit(&io->reopen, true, memory_order_relaxed);
}

extern const struct io_ops afpacket_ops;

#endif
