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

static int make_messages(struct afpacket_tx *tx, uint32_t frames)
{
	tx->capacity = frames < MAX_MESSAGES ? frames : MAX_MESSAGES;
	tx->headers = malloc((size_t)tx->capacity * LOADED_HEADER_BYTES);
	tx->parts = calloc(tx->capacity, sizeof(*tx->parts));
	tx->messages = calloc(tx->capacity, sizeof(*tx->messages));
	if (!tx->headers || !tx->parts || !tx->messages)
		return -ENOMEM;
	for (uint32_t i = 0; i < tx->capacity; i++) {
		tx->parts[i].header.iov_base = tx->headers + (size_t)i * LOADED_HEADER_BYTES;
		tx->messages[i].msg_hdr.msg_iov = &tx->parts[i].header;
		tx->messages[i].msg_hdr.msg_iovlen = 2;
	}
	return 0;
}

int afpacket_tx_open(struct afpacket *port, const struct io_config *config, char *error)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = config->ifindex };
	struct afpacket_tx *tx = &port->tx;
	int ret;

	tx->mtu = config->mtu;
	/* Protocol 0: this one receives nothing. */
	tx->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (tx->fd < 0 || bind(tx->fd, (struct sockaddr *)&address, sizeof(address))) {
		ret = -errno;
		snprintf(error, HG_ERROR_BYTES, "%s: packet socket: %s", config->interface, strerror(-ret));
		return ret;
	}
	set_buffer(tx->fd);
	ret = make_messages(tx, config->tx_frames);
	if (ret)
		snprintf(error, HG_ERROR_BYTES, "%s: out of memory", config->interface);
	return ret;
}

void afpacket_tx_close(struct afpacket *port)
{
	if (port->tx.fd >= 0)
		close(port->tx.fd);
	free(port->tx.headers);
	free(port->tx.parts);
	free(port->tx.messages);
}

uint8_t *afpacket_header(struct io *io)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	if (io->unflushed == tx->capacity)
		afpacket_flush(io);
	return tx->parts[io->unflushed].header.iov_base;
}

void afpacket_send(struct io *io, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	struct afpacket_parts *parts = &tx->parts[io->unflushed];

	/* The four bytes are a tag's; of an untagged frame the kernel does not take them (EMSGSIZE). */
	if (header_bytes + payload_bytes > tx->mtu + ETH_HLEN + 4) {
		add_relaxed(&io->counters->tx_oversized, 1);
		return;
	}
	parts->header.iov_len = header_bytes;
	parts->payload = (struct iovec){ .iov_base = (void *)payload, .iov_len = payload_bytes };
	io->unflushed++;
}

static void count_sent(struct io *io, const struct afpacket_parts *parts, uint32_t count)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += parts[i].header.iov_len + parts[i].payload.iov_len;
	add_relaxed(&io->counters->tx_packets, count);
	add_relaxed(&io->counters->tx_bytes, bytes);
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

/* What the kernel's refusal of one frame means: how many frames to go on by. */
static uint32_t refused(struct io *io, int error, uint32_t left, uint64_t *deadline_ns)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	switch (error) {
	case EINTR:
		return 0;
	case EMSGSIZE:
		add_relaxed(&io->counters->tx_oversized, 1);
		return 1;
	case EAGAIN:
	case ENOBUFS:
		if (wait_for_kernel(tx, error, deadline_ns))
			return 0;
		add_relaxed(&io->counters->tx_dropped, 1);
		return 1;
	default: /* ENETDOWN, ENXIO: the interface is down or gone */
		add_relaxed(&io->counters->tx_dropped, left);
		return left;
	}
}

void afpacket_flush(struct io *io)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	uint64_t deadline_ns = 0;

	for (uint32_t done = 0; done < io->unflushed;) {
		int sent = sendmmsg(tx->fd, tx->messages + done, io->unflushed - done, MSG_DONTWAIT);

		if (sent < 0) {
			done += refused(io, errno, io->unflushed - done, &deadline_ns);
			continue;
		}
		tx->hopeless = false;
		count_sent(io, tx->parts + done, (uint32_t)sent);
		done += (uint32_t)sent;
	}
	io->unflushed = 0;
}
