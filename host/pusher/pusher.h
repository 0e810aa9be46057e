/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pusher as a library: content in, push frames out. A stream reads one
 * source, cuts it into segments and pushes each segment once to every one of its
 * groups, at a rate. Each stream has a thread of its own, because what it does is
 * wait: for its next due time, for its source, for its interface. So no stream
 * and no controller can hold up another.
 *
 * Functions return 0 or a negative errno; with an `error` argument
 * (HG_PUSHER_ERROR_BYTES long) they also leave one line there that names what was
 * wrong and where.
 */
#ifndef HG_PUSHER_H
#define HG_PUSHER_H

#include <stdbool.h>
#include <stdint.h>

#define HG_PUSHER_ERROR_BYTES 512
#define HG_PUSHER_PATH_BYTES 4096    /* PATH_MAX, with the terminating zero */
#define HG_PUSHER_ADDRESS_BYTES 64   /* IPv6 with a scope */
#define HG_PUSHER_INTERFACE_BYTES 16 /* IFNAMSIZ */
#define HG_PUSHER_GROUPS_MAX 64

/*
 * Every push goes to this address: locally administered, unicast, and the same
 * everywhere ("HGPUS" in ASCII after the 0x02). Unicast, so that a bridge on the
 * way does not flood it for ever; fixed, because a switch's port has no address
 * that a host could ask for, and takes every frame.
 */
#define HG_PUSH_DESTINATION { 0x02, 0x48, 0x47, 0x50, 0x55, 0x53 }

/* The largest payload that UDP over IPv4 carries: 65,535 - 20 - 8. */
#define HG_SEGMENT_BYTES_MAX 65507

enum hg_source_kind {
	HG_SOURCE_PATH, /* a regular file is mapped; a FIFO or device is read as it comes */
	HG_SOURCE_FD,   /* a descriptor that the caller keeps; read as it comes */
	HG_SOURCE_UDP,  /* each datagram is one segment */
};

struct hg_stream_spec {
	enum hg_source_kind source;
	char path[HG_PUSHER_PATH_BYTES];
	int fd;
	struct {
		char address[HG_PUSHER_ADDRESS_BYTES];
		uint16_t port;
		/* Where a multicast address is joined; empty: the kernel's choice. */
		char multicast_interface[HG_PUSHER_INTERFACE_BYTES];
	} udp;
	uint16_t groups[HG_PUSHER_GROUPS_MAX];
	uint32_t group_count;
	uint32_t content;
	/*
	 * Payload of a push; 0 takes the largest whose replicas fit the same MTU
	 * whatever their IP version (1,452 at 1,500; also on a link with bundles, whose
	 * MTU is no member's). What an explicit size needs of the members' links is
	 * the controller's to know.
	 */
	uint32_t segment_bytes;
	/* At most one is set; neither: as fast as the interface takes them. */
	uint64_t bits_per_second; /* of payload */
	uint64_t packets_per_second;
	bool loop;             /* regular files only */
	uint64_t start_offset; /* regular files only; a multiple of segment_bytes */
	bool bundles;          /* the interface's far end cuts bundles up */
};

enum hg_stream_state {
	HG_STREAM_RUNNING = 1,
	HG_STREAM_DONE = 2,
	HG_STREAM_STOPPED = 3,
	HG_STREAM_FAILED = 4,
};

struct hg_traffic {
	uint64_t pushes; /* frames that the interface took */
	uint64_t frame_bytes;
	uint64_t payload_bytes;
	uint64_t send_errors;      /* refused: interface down or gone, other errors */
	uint64_t send_retries;     /* transmit queue full; the frame was sent later */
	uint64_t source_oversized; /* datagrams longer than a segment, dropped */
	uint64_t source_empty;     /* datagrams without payload, dropped */
	uint64_t source_overflow;  /* datagrams that the socket had no room for, dropped */
	uint64_t link_waits;       /* times that the switch was slower (docs/host-link.md) */
};

struct hg_stream_status {
	enum hg_stream_state state;
	struct hg_traffic traffic;
	uint64_t total_bytes; /* of the source; 0 when it is not known */
	uint64_t offset;      /* next byte of the source to be pushed */
	uint64_t rounds;
	uint64_t late_ns;    /* worst delay behind the schedule */
	uint64_t skipped_ns; /* time given up after stalls, not caught up */
	uint64_t elapsed_ns; /* since the first push */
	/* Why it failed; while it runs, what it waits for. Else empty. */
	char error[HG_PUSHER_ERROR_BYTES];
};

struct hg_stream;

/*
 * Opens the source and the interface and starts pushing. spec->segment_bytes
 * becomes the size in force. -EINVAL, -EMSGSIZE (MTU), or the source's errno.
 */
int hg_stream_start(const char *interface, struct hg_stream_spec *spec, struct hg_stream **stream, char *error);
void hg_stream_status(struct hg_stream *stream, struct hg_stream_status *status);
/* An eventfd that is readable from the moment the stream has ended. */
int hg_stream_ended_fd(const struct hg_stream *stream);
/* Ends it, if it runs: the next frame is not sent. Its status stays readable. */
void hg_stream_stop(struct hg_stream *stream);
/* Stops it and frees everything. NULL is fine. */
void hg_stream_free(struct hg_stream *stream);

void hg_traffic_add(struct hg_traffic *total, const struct hg_traffic *traffic);

#endif
