/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "afpacket.h"
#include "forward.h"
#include "switch.h"

/*
 * What the kernel may hold of ours at a time, as it counts. Some 450 frames of
 * 1,500 bytes: less than what a queueing discipline or the backlog of a veth
 * takes (1,000), so that we wait (EAGAIN) before those drop.
 */
#define SEND_BUFFER_BYTES (1u << 20)
#define MAX_MESSAGES 1024u /* sendmmsg()'s, UIO_MAXIOV */
#define PATIENCE_NS 20000000u /* per flush, before a frame that the kernel does not take is dropped */

static void set_buffer(int fd)
{
	int half = SEND_BUFFER_BYTES / 2; /* the kernel doubles it */

	/* Beyond wmem_max only with CAP_NET_ADMIN; with less we only wait more often. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &half, sizeof(half)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half));
}

/* "6.18.44-x" → 6, 18 */
static bool kernel_is(unsigned int wanted_major, unsigned int wanted_minor)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
}

/*
 * TCP's super-frames are as old as the vnet header, UDP's since Linux 6.2. What the
 * device itself cannot cut, the kernel cuts just before it.
 */
static int find_supers(struct afpacket_tx *tx, const struct io_config *config)
{
	if (config->kind == HG_IO_AFPACKET)
		return 0;
	if (setsockopt(tx->fd, SOL_PACKET, PACKET_VNET_HDR, &(int){ 1 }, sizeof(int)))
		return config->kind == HG_IO_AUTO ? 0 : -errno;
	tx->vnet = tx->gather.tcp = true;
	tx->gather.udp = kernel_is(6, 2);
	return 0;
}

static int make_messages(struct afpacket_tx *tx, const struct io_config *config)
{
	uint32_t frames = config->tx_frames;
	int ret;

	if (frames > MAX_MESSAGES)
		frames = MAX_MESSAGES;
	ret = gather_init(&tx->gather, frames, config->mtu, config->sum);
	tx->parts = calloc(frames + tx->gather.part_capacity, sizeof(*tx->parts));
	tx->messages = calloc(frames, sizeof(*tx->messages));
	return tx->parts && tx->messages ? ret : -ENOMEM;
}

int afpacket_tx_open(struct afpacket *port, const struct io_config *config, char *error)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = config->ifindex };
	struct afpacket_tx *tx = &port->tx;
	int ret;

	/* Protocol 0: this one receives nothing. */
	tx->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (tx->fd < 0 || bind(tx->fd, (struct sockaddr *)&address, sizeof(address))) {
		ret = -errno;
		snprintf(error, HG_ERROR_BYTES, "%s: packet socket: %s", config->interface, strerror(-ret));
		return ret;
	}
	set_buffer(tx->fd);
	ret = make_messages(tx, config);
	if (!ret)
		ret = find_supers(tx, config);
	if (ret)
		snprintf(error, HG_ERROR_BYTES, "%s: sending: %s", config->interface, strerror(-ret));
	return ret;
}

void afpacket_tx_close(struct afpacket *port)
{
	if (port->tx.fd >= 0)
		close(port->tx.fd);
	gather_clear(&port->tx.gather);
	free(port->tx.parts);
	free(port->tx.messages);
}

uint8_t *afpacket_header(struct io *io)
{
	struct gather *gather = &((struct afpacket *)io)->tx.gather;
	uint8_t *room = gather_room(gather);

	if (room)
		return room;
	afpacket_flush(io);
	return gather_room(gather);
}

static void send_cut(struct io *io, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes,
		     uint32_t segment_bytes)
{
	struct gather *gather = &((struct afpacket *)io)->tx.gather;
	struct gather_cut cut;

	if (!gather_cut_start(gather, &cut, header_bytes, payload, payload_bytes, segment_bytes)) {
		add_relaxed(&io->counters->tx_uncut, 1);
		return;
	}
	do {
		io->unflushed = gather->frame_count;
		if (!gather_room(gather))
			afpacket_flush(io);
	} while (gather_cut_add(gather, &cut));
	io->unflushed = gather->frame_count;
}

void afpacket_send(struct io *io, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes,
		   uint32_t segment_bytes)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	if (segment_bytes) {
		send_cut(io, header_bytes, payload, payload_bytes, segment_bytes);
		return;
	}

	/* The four bytes are a tag's; of an untagged frame the kernel does not take them (EMSGSIZE). */
	if (header_bytes + payload_bytes > io->mtu + ETH_HLEN + 4) {
		add_relaxed(&io->counters->tx_oversized, 1);
		return;
	}
	gather_add(&tx->gather, header_bytes, payload, payload_bytes);
	io->unflushed = tx->gather.frame_count;
}

/* One message for each frame: vnet header and headers, then its segments' payloads. */
static void make_message(struct afpacket_tx *tx, uint32_t index, struct iovec *parts)
{
	struct gather_frame *frame = &tx->gather.frames[index];
	struct msghdr *message = &tx->messages[index].msg_hdr;
	uint32_t part = frame->first;

	parts[0] = (struct iovec){ frame->run.headers, frame->header_bytes };
	if (tx->vnet) {
		struct virtio_net_hdr offload;

		gather_finish(frame, &offload);
		parts[0].iov_base = frame->run.headers - sizeof(offload);
		parts[0].iov_len += sizeof(offload);
		memcpy(parts[0].iov_base, &offload, sizeof(offload));
	}
	for (uint32_t i = 1; i <= frame->parts; i++) {
		parts[i] = (struct iovec){ (void *)tx->gather.parts[part].payload, tx->gather.parts[part].bytes };
		part = tx->gather.parts[part].next;
	}
	message->msg_iov = parts;
	message->msg_iovlen = 1 + frame->parts;
}

static void make_all_messages(struct afpacket_tx *tx)
{
	struct iovec *parts = tx->parts;

	for (uint32_t i = 0; i < tx->gather.frame_count; i++) {
		make_message(tx, i, parts);
		parts += tx->messages[i].msg_hdr.msg_iovlen;
	}
}

static void count_sent(struct io *io, const struct gather_frame *frames, uint32_t count)
{
	uint64_t bytes = 0, packets = 0, supers = 0, segments = 0;

	for (uint32_t i = 0; i < count; i++) {
		bytes += gather_wire_bytes(&frames[i]);
		packets += frames[i].run.segments;
		if (frames[i].run.segments > 1) {
			supers++;
			segments += frames[i].run.segments;
		}
	}
	add_relaxed(&io->counters->tx_packets, packets);
	add_relaxed(&io->counters->tx_bytes, bytes);
	add_relaxed(&io->counters->tx_supers, supers);
	add_relaxed(&io->counters->tx_super_segments, segments);
}

/* Lets the kernel drain its queue; false when our patience has ended. */
static bool wait_for_kernel(struct afpacket_tx *tx, int error, uint64_t *deadline_ns)
{
	struct pollfd writable = { .fd = tx->fd, .events = POLLOUT };
	uint64_t now = now_ns();

	if (tx->hopeless)
		return false;
	if (!*deadline_ns)
		*deadline_ns = now + PATIENCE_NS;
	if (now >= *deadline_ns) {
		tx->hopeless = true;
		return false;
	}
	if (error == EAGAIN)
		poll(&writable, 1, 1);
	else
		sched_yield(); /* ENOBUFS: the device's queue is full, and nothing tells when it is not */
	return true;
}

static void count_dropped(_Atomic uint64_t *counter, const struct gather_frame *frames, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		add_relaxed(counter, frames[i].run.segments);
}

/* What the kernel's refusal of the first of `left` frames means: how many frames to go on by. */
static uint32_t refused(struct io *io, int error, const struct gather_frame *frames, uint32_t left,
			uint64_t *deadline_ns)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	switch (error) {
	case EINTR:
		return 0;
	case EMSGSIZE:
		count_dropped(&io->counters->tx_oversized, frames, 1);
		return 1;
	case EAGAIN:
	case ENOBUFS:
		if (wait_for_kernel(tx, error, deadline_ns))
			return 0;
		count_dropped(&io->counters->tx_dropped, frames, 1);
		return 1;
	case EINVAL: /* it does not take this frame; the next it may */
		count_dropped(&io->counters->tx_dropped, frames, 1);
		return 1;
	default: /* ENETDOWN, ENXIO: the interface is down or gone */
		count_dropped(&io->counters->tx_dropped, frames, left);
		return left;
	}
}

void afpacket_flush(struct io *io)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	const struct gather_frame *frames = tx->gather.frames;
	uint32_t count = tx->gather.frame_count;
	uint64_t deadline_ns = 0;

	make_all_messages(tx);
	for (uint32_t done = 0; done < count;) {
		int sent = sendmmsg(tx->fd, tx->messages + done, count - done, MSG_DONTWAIT);

		if (sent < 0) {
			done += refused(io, errno, frames + done, count - done, &deadline_ns);
			continue;
		}
		tx->hopeless = false;
		count_sent(io, frames + done, (uint32_t)sent);
		done += (uint32_t)sent;
	}
	gather_restart(&tx->gather);
	io->unflushed = 0;
}
