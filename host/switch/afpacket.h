/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port on AF_PACKET sockets: frames are taken from a ring that is shared with
 * the kernel, and sent by sendmmsg(), headers from here and the payload from
 * where it was received. That is one copy per replica, the kernel's own (fanout.h
 * does without); PACKET_TX_RING makes the same copy and measured 15 % slower.
 *
 * What is longer than a slot of the ring (super-frames, bundles) the kernel queues
 * at the socket in the ring's order (PACKET_COPY_THRESH), to be read from there.
 */
#ifndef HG_AFPACKET_H
#define HG_AFPACKET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "afxdp.h"
#include "gather.h"
#include "io.h"
#include "tx_queue.h"

struct afpacket_rx {
	uint8_t *ring;
	size_t ring_bytes;
	uint32_t frame_bytes; /* of the ring's slots, not all usable */
	uint32_t frames;
	uint32_t next; /* slot that the kernel fills next, as far as we read */
	uint32_t lent;
	uint8_t *buffers; /* for what is read from the socket, and what is cut */
	uint32_t buffers_lent;
	const _Atomic bool *bundles;
};

struct afpacket_tx {
	int fd;
	bool vnet; /* every frame begins with a vnet header */
	struct afxdp xdp;
	struct gather gather;
	struct tx_queue queue;
	/* What is to be handed to the kernel: of what was gathered or waits in the queue, and what each is. */
	uint32_t capacity;
	struct iovec *parts;
	struct mmsghdr *messages;
	struct io_size *sizes;
	_Atomic uint64_t *lost; /* what waits when it is closed */
};

struct afpacket {
	struct io io; /* io.fd receives */
	int fanout_fd; /* -1: it does not fan out */
	struct afpacket_rx rx;
	struct afpacket_tx tx;
};

/* afpacket_rx.c */
int afpacket_rx_open(struct afpacket *port, const struct io_config *config, char *error);
void afpacket_rx_close(struct afpacket *port);
uint64_t afpacket_rx_lost(struct io *io);
uint32_t afpacket_receive(struct io *io, struct io_frame *frames, uint32_t capacity);
void afpacket_release(struct io *io);

/* afpacket_tx.c */
int afpacket_tx_open(struct afpacket *port, const struct io_config *config, char *error);
void afpacket_tx_close(struct afpacket *port);
uint32_t afpacket_tx_held(struct io *io);
uint8_t *afpacket_header(struct io *io);
void afpacket_send(struct io *io, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes,
		   uint32_t segment_bytes);

/* afpacket_flush.c */
void afpacket_flush(struct io *io);
void afpacket_enqueue(struct io *io, const struct iovec *parts, size_t count, const struct io_size *size);
void afpacket_retry(struct io *io, uint64_t now_ns);

/*
 * afpacket_handover.c: the first `count` messages, in order. How many are done with, sent
 * or never to be, and counted; for the next one the kernel has no room now.
 */
uint32_t afpacket_hand_over(struct io *io, uint32_t count);
/* Frames that the kernel has not taken out of AF_XDP's memory. */
bool afpacket_holds_back(const struct afpacket *port);

#endif
