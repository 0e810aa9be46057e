/* SPDX-License-Identifier: Apache-2.0 */
/* The receive ring: Documentation/networking/packet_mmap.rst, TPACKET_V2 (no wait for a block to fill). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "afpacket.h"
#include "capture.h"
#include "cut.h"
#include "forward.h"
#include "offload.h"

/* Kernel memory that each port pins: 2,048 frames of 1,500 bytes. */
#define RING_BYTES (4u << 20)
#define BLOCK_BYTES (256u << 10)
#define MIN_FRAME_BYTES 2048u
/*
 * What is read from the socket, and the frames that a super-frame is cut into, whose
 * headers are each its own. Never touched where no such frames come.
 */
#define BUFFERS 16u
#define BUFFER_BYTES (192u << 10)
#define BUFFER_ROOM_BYTES 64u /* before the frame: vnet header, a tag */
#define RECEIVE_BYTES (32 << 20) /* that may wait at the socket, as the kernel counts */
/* Before the frame in its slot: tpacket2_hdr, sockaddr_ll, alignment, vnet header. */
#define SLOT_HEADER_BYTES 128u

static uint32_t slot_bytes(uint32_t mtu)
{
	uint32_t needed = SLOT_HEADER_BYTES + ETH_HLEN + OFFLOAD_TAG_BYTES + mtu;
	uint32_t bytes = MIN_FRAME_BYTES;

	/* Longer than any plain frame: bundles, of which the kernel would only fill the slots in vain. */
	if (needed > SLOT_HEADER_BYTES + HG_MAX_FRAME_BYTES)
		return MIN_FRAME_BYTES;
	while (bytes < needed)
		bytes *= 2;
	return bytes;
}

static int fail(const struct io_config *config, const char *what, char *error)
{
	int ret = -errno;

	snprintf(error, HG_ERROR_BYTES, "%s: %s: %s", config->interface, what, strerror(-ret));
	return ret;
}

static int set_option(int fd, int name, int value)
{
	return setsockopt(fd, SOL_PACKET, name, &value, sizeof(value));
}

static void set_buffer(int fd)
{
	int half = RECEIVE_BYTES / 2;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half));
}

/* A smaller ring is better than none where memory is short. */
static int request_ring(int fd, struct tpacket_req *request)
{
	int ret;

	for (uint32_t bytes = RING_BYTES; bytes >= BLOCK_BYTES; bytes /= 2) {
		request->tp_block_nr = bytes / request->tp_block_size;
		request->tp_frame_nr = bytes / request->tp_frame_size;
		ret = setsockopt(fd, SOL_PACKET, PACKET_RX_RING, request, sizeof(*request));
		if (!ret || errno != ENOMEM)
			break;
	}
	return ret;
}

static int make_ring(struct afpacket *port, uint32_t mtu)
{
	struct tpacket_req request = { .tp_block_size = BLOCK_BYTES, .tp_frame_size = slot_bytes(mtu) };
	struct afpacket_rx *rx = &port->rx;
	size_t bytes;

	if (request_ring(port->io.fd, &request))
		return -1;
	rx->frame_bytes = request.tp_frame_size;
	rx->frames = request.tp_frame_nr;
	bytes = (size_t)rx->frames * rx->frame_bytes;
	rx->ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, port->io.fd, 0);
	if (rx->ring == MAP_FAILED)
		return -1;
	rx->ring_bytes = bytes;
	return 0;
}

int afpacket_rx_open(struct afpacket *port, const struct io_config *config, char *error)
{
	struct packet_mreq promiscuous = { .mr_ifindex = config->ifindex, .mr_type = PACKET_MR_PROMISC };
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = config->ifindex,
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	port->io.fd = fd;
	if (fd < 0)
		return fail(config, "packet socket", error);
	if (set_option(fd, PACKET_VERSION, TPACKET_V2) || set_option(fd, PACKET_VNET_HDR, 1) ||
	    set_option(fd, PACKET_IGNORE_OUTGOING, 1))
		return fail(config, "packet socket's options", error);
	if (make_ring(port, config->mtu))
		return fail(config, "receive ring", error);
	if (set_option(fd, PACKET_COPY_THRESH, 1))
		return fail(config, "packet socket's options", error);
	set_buffer(fd);
	port->rx.bundles = config->bundles;
	port->rx.buffers = malloc((size_t)BUFFERS * BUFFER_BYTES);
	if (!port->rx.buffers)
		return fail(config, "receive buffers", error);
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)))
		return fail(config, "promiscuous mode", error);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fail(config, "binding to the interface", error);
	return 0;
}

void afpacket_rx_close(struct afpacket *port)
{
	if (port->rx.ring_bytes)
		munmap(port->rx.ring, port->rx.ring_bytes);
	free(port->rx.buffers);
	if (port->io.fd >= 0)
		close(port->io.fd);
}

uint64_t afpacket_rx_lost(struct io *io)
{
	struct tpacket_stats stats = { 0 };

	/* Reading sets the kernel's count back to 0. */
	getsockopt(io->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &(socklen_t){ sizeof(stats) });
	return stats.tp_drops;
}

static struct tpacket2_hdr *slot_at(const struct afpacket_rx *rx, uint32_t i)
{
	return (struct tpacket2_hdr *)(rx->ring + (size_t)(i % rx->frames) * rx->frame_bytes);
}

/* A frame as the kernel gave it, and what it left to do on it. */
struct received {
	uint8_t *bytes;
	uint32_t length;
	struct virtio_net_hdr offload;
};

static uint8_t *buffer_at(const struct afpacket_rx *rx, uint32_t i)
{
	return rx->buffers + (size_t)i * BUFFER_BYTES;
}

/* Frames that do not fit their slot wait at the socket, in the slots' order. */
static bool read_from_socket(struct afpacket *port, struct received *frame)
{
	struct afpacket_rx *rx = &port->rx;
	uint8_t *bytes = buffer_at(rx, rx->buffers_lent) + BUFFER_ROOM_BYTES - sizeof(frame->offload);
	ssize_t length = recv(port->io.fd, bytes, BUFFER_BYTES - BUFFER_ROOM_BYTES, MSG_DONTWAIT | MSG_TRUNC);

	if (length < (ssize_t)(sizeof(frame->offload) + port->io.link_bytes) ||
	    length > (ssize_t)(BUFFER_BYTES - BUFFER_ROOM_BYTES))
		return false;
	rx->buffers_lent++;
	memcpy(&frame->offload, bytes, sizeof(frame->offload));
	frame->bytes = bytes + sizeof(frame->offload);
	frame->length = (uint32_t)length - (uint32_t)sizeof(frame->offload);
	return true;
}

static bool take_frame(struct afpacket *port, const struct tpacket2_hdr *slot, struct received *frame)
{
	if (slot->tp_status & TP_STATUS_COPY) {
		if (!read_from_socket(port, frame))
			return false;
	} else {
		frame->bytes = (uint8_t *)slot + slot->tp_mac;
		frame->length = slot->tp_len;
		if (slot->tp_snaplen < slot->tp_len || slot->tp_len < port->io.link_bytes)
			return false;
		memcpy(&frame->offload, frame->bytes - sizeof(frame->offload), sizeof(frame->offload));
	}
	if (frame->offload.gso_type == VIRTIO_NET_HDR_GSO_NONE && frame->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    !offload_checksum(frame->bytes, frame->length, frame->offload.csum_start, frame->offload.csum_offset))
		return false;
	if (slot->tp_status & TP_STATUS_VLAN_VALID) {
		uint16_t tpid = slot->tp_status & TP_STATUS_VLAN_TPID_VALID ? slot->tp_vlan_tpid : ETH_P_8021Q;

		frame->bytes = offload_tag(frame->bytes, tpid, slot->tp_vlan_tci);
		frame->length += OFFLOAD_TAG_BYTES;
	}
	return true;
}

static uint32_t take_super(struct afpacket *port, const struct received *frame, struct io_frame *frames)
{
	struct afpacket_rx *rx = &port->rx;
	struct io_counters *counters = port->io.counters;
	uint32_t count = cut_super(frame->bytes, frame->length, &frame->offload, buffer_at(rx, rx->buffers_lent),
				   BUFFER_BYTES, frames, IO_FRAMES_OF_ONE);

	if (!count) {
		add_relaxed(&counters->rx_dropped, 1);
		return 0;
	}
	rx->buffers_lent++;
	add_relaxed(&counters->rx_supers, 1);
	add_relaxed(&counters->rx_super_segments, count);
	return count;
}

static uint32_t take_bundle(struct afpacket *port, const struct received *frame, struct io_frame *frames)
{
	struct io_counters *counters = port->io.counters;
	bool whole;
	uint32_t count = cut_bundle(frame->bytes, frame->length, frames, IO_FRAMES_OF_ONE, &whole);

	add_relaxed(&counters->rx_bundles, 1);
	add_relaxed(&counters->rx_bundle_pushes, count);
	if (!whole)
		add_relaxed(&counters->rx_bundle_malformed, 1);
	return count;
}

static void capture_in(const struct capture_port *capture, const struct tpacket2_hdr *slot, const struct received *frame)
{
	const struct iovec part = { frame->bytes, frame->length };
	uint64_t time_ns = (uint64_t)slot->tp_sec * 1000000000 + slot->tp_nsec;

	capture_put(capture->capture, capture->in, time_ns, &part, 1, 0);
}

/* What the pipeline gets of a slot: one frame, or those that it is cut into. */
static uint32_t take_slot(struct afpacket *port, const struct tpacket2_hdr *slot, struct io_frame *frames)
{
	struct received frame;

	if (!take_frame(port, slot, &frame)) {
		add_relaxed(&port->io.counters->rx_dropped, 1);
		return 0;
	}
	if (port->io.capture)
		capture_in(port->io.capture, slot, &frame);
	if (frame.offload.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return take_super(port, &frame, frames);
	if (atomic_load_explicit(port->rx.bundles, memory_order_relaxed) && cut_is_bundle(frame.bytes, frame.length))
		return take_bundle(port, &frame, frames);
	if (frame.length > HG_MAX_FRAME_BYTES) {
		add_relaxed(&port->io.counters->rx_dropped, 1);
		return 0;
	}
	frames[0] = (struct io_frame){ frame.bytes, frame.length, 0 };
	return 1;
}

uint32_t afpacket_receive(struct io *io, struct io_frame *frames, uint32_t capacity)
{
	struct afpacket *port = (struct afpacket *)io;
	struct afpacket_rx *rx = &port->rx;
	uint64_t bytes = 0;
	uint32_t count = 0;

	/* A slot takes two buffers at most: what was read, and what that was cut into. */
	while (count + IO_FRAMES_OF_ONE <= capacity && rx->lent < rx->frames && rx->buffers_lent + 2 <= BUFFERS) {
		const struct tpacket2_hdr *slot = slot_at(rx, rx->next + rx->lent);

		if (!(__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		rx->lent++;
		for (uint32_t end = count + take_slot(port, slot, frames + count); count < end; count++)
			bytes += frames[count].length;
	}
	if (count) {
		add_relaxed(&io->counters->rx_packets, count);
		add_relaxed(&io->counters->rx_bytes, bytes);
	} else if (rx->lent) {
		afpacket_release(io); /* nothing of it was lent on */
	}
	return count;
}

void afpacket_release(struct io *io)
{
	struct afpacket_rx *rx = &((struct afpacket *)io)->rx;

	for (; rx->lent; rx->lent--) {
		__atomic_store_n(&slot_at(rx, rx->next)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		rx->next = (rx->next + 1) % rx->frames;
	}
	rx->buffers_lent = 0;
}
