/* SPDX-License-Identifier: Apache-2.0 */
/* What a way of moving a port's frames offers; afpacket.c is one. */
#ifndef HG_IO_H
#define HG_IO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "epoch.h"
#include "hg_switch.h"

/* Of one worker, which alone writes them; any may read. They outlive a vanished interface. */
struct io_counters {
	_Atomic uint64_t rx_packets, rx_bytes, rx_dropped;
	_Atomic uint64_t rx_supers, rx_super_segments, rx_bundles, rx_bundle_pushes, rx_bundle_malformed;
	_Atomic uint64_t tx_packets, tx_bytes, tx_dropped, tx_oversized, tx_uncut;
	_Atomic uint64_t tx_supers, tx_super_segments, tx_fanned;
};

struct io_frame {
	uint8_t *bytes;
	uint32_t length;
	uint32_t segment_bytes; /* payload of each segment that the port which it leaves by cuts it into; 0: it is not cut */
};

struct capture_port;
struct fanout;
struct stages;
struct payload_sum;

struct io_config {
	const char *interface;
	int ifindex;
	uint32_t mtu;         /* bytes */
	uint32_t link_bytes;  /* of the link's own header: Ethernet's, or none */
	uint32_t tx_frames;   /* gathered before they are handed on */
	enum hg_io kind;
	const _Atomic bool *bundles; /* cut up what comes in bundles */
	bool receives; /* else it only sends */
	struct payload_sum *sum; /* all ports of one worker share it */
	struct fanout *fanout;
	struct io_counters *counters;
	struct stages *stages;
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
	 * order of send(). What cannot leave is counted.
	 */
	uint8_t *(*header)(struct io *io);
	void (*send)(struct io *io, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes,
		     uint32_t segment_bytes);
	void (*flush)(struct io *io);
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
	uint32_t mtu;       /* bytes */
	uint32_t link_bytes; /* of the link's own header */
	bool fans_out;      /* copies may leave by it by way of fanout.h */
	/* The worker's. */
	bool fanned;        /* some wait there */
	_Atomic uint32_t unflushed; /* frames sent and not flushed; anyone reads */
	bool listed;        /* among those to flush at the round's end */
	_Atomic bool reopen; /* its port is to open it anew when something changes at its interface */
};

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
