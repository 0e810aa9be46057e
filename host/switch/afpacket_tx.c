/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "afpacket.h"
#include "forward.h"
#include "offload.h"

/*
 * What the kernel may hold of ours at a time, as it counts. Some 450 frames of
 * 1,500 bytes: less than what a queueing discipline or the backlog of a veth
 * takes (1,000), so that frames wait with us (EAGAIN) before those drop any.
 */
#define SEND_BUFFER_BYTES (1u << 20)
#define MAX_MESSAGES 1024u /* sendmmsg()'s, UIO_MAXIOV */

static void set_buffer(int fd)
{
	int half = SEND_BUFFER_BYTES / 2; /* the kernel doubles it */

	/* Beyond wmem_max only with CAP_NET_ADMIN; with less they only wait more often. */
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
	if (config->kind == HG_IO_AFPACKET || config->kind == HG_IO_AFXDP)
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
	tx->capacity = frames;
	ret = gather_init(&tx->gather, frames, config->mtu, config->sum);
	tx->parts = calloc(frames + tx->gather.part_capacity, sizeof(*tx->parts));
	tx->messages = calloc(frames, sizeof(*tx->messages));
	tx->sizes = calloc(frames, sizeof(*tx->sizes));
	if (!tx->parts || !tx->messages || !tx->sizes)
		return -ENOMEM;
	return ret ? ret : tx_queue_open(&tx->queue, config->queue_ms);
}

static int open_xdp(struct afpacket_tx *tx, const struct io_config *config, char *error)
{
	int ret = afxdp_open(&tx->xdp, config->ifindex);
	const char *why = ret == -EBUSY	   ? "another socket has its first queue" :
			  ret == -ENOBUFS ? "more memory than may be locked (RLIMIT_MEMLOCK)" :
					    strerror(-ret);

	if (ret)
		snprintf(error, HG_ERROR_BYTES, "%s: AF_XDP: %s", config->interface, why);
	return ret;
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
	tx->lost = config->tx_lost;
	ret = make_messages(tx, config);
	if (!ret)
		ret = find_supers(tx, config);
	if (ret)
		snprintf(error, HG_ERROR_BYTES, "%s: sending: %s", config->interface, strerror(-ret));
	else if (config->kind == HG_IO_AFXDP)
		ret = open_xdp(tx, config, error);
	return ret;
}

uint32_t afpacket_tx_held(struct io *io)
{
	int bytes = 0;

	return ioctl(((struct afpacket *)io)->tx.fd, SIOCOUTQ, &bytes) ? 0 : (uint32_t)bytes;
}

/* Frames of which nothing has become. */
static uint64_t waiting(const struct afpacket *port)
{
	const struct tx_queue *queue = &port->tx.queue;
	uint64_t frames = afpacket_holds_back(port) ? afxdp_put_not_taken(&port->tx.xdp) : 0;

	for (const struct tx_frame *frame = tx_queue_oldest(queue); frame; frame = tx_queue_after(queue, frame))
		frames += frame->size.segments;
	return frames;
}

void afpacket_tx_close(struct afpacket *port)
{
	if (io_waits(&port->io))
		atomic_fetch_add_explicit(port->tx.lost, waiting(port), memory_order_relaxed);
	if (port->tx.fd >= 0)
		close(port->tx.fd);
	afxdp_close(&port->tx.xdp);
	gather_clear(&port->tx.gather);
	tx_queue_close(&port->tx.queue);
	free(port->tx.sizes);
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
		io_set_unflushed(io, gather->frame_count);
		if (!gather_room(gather))
			afpacket_flush(io);
	} while (gather_cut_add(gather, &cut));
	io_set_unflushed(io, gather->frame_count);
}

/* Ethernet's header and a tag go beside the MTU; of an untagged frame the kernel does not take those (EMSGSIZE). */
static uint32_t most_bytes(const struct io *io)
{
	return io->link_bytes ? io->mtu + io->link_bytes + OFFLOAD_TAG_BYTES : io->mtu;
}

void afpacket_send(struct io *io, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes,
		   uint32_t segment_bytes)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	if (segment_bytes) {
		send_cut(io, header_bytes, payload, payload_bytes, segment_bytes);
		return;
	}

	if (header_bytes + payload_bytes > most_bytes(io)) {
		add_relaxed(&io->counters->tx_oversized, 1);
		return;
	}
	gather_add(&tx->gather, header_bytes, payload, payload_bytes);
	io_set_unflushed(io, tx->gather.frame_count);
}
