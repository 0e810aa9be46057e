/* SPDX-License-Identifier: Apache-2.0 */
/* The receive ring: Documentation/networking/packet_mmap.rst, TPACKET_V2 (no wait for a block to fill). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "afpacket.h"
#include "forward.h"
#include "offload.h"

/* Kernel memory that each port pins: 2,048 frames of 1,500 bytes. */
#define RING_BYTES (4u << 20)
#define BLOCK_BYTES (256u << 10)
#define MIN_FRAME_BYTES 2048u
/* Before the frame in its slot: tpacket2_hdr, sockaddr_ll, alignment, vnet header. */
#define SLOT_HEADER_BYTES 128u

static uint32_t slot_bytes(uint32_t mtu)
{
	uint32_t needed = SLOT_HEADER_BYTES + ETH_HLEN + OFFLOAD_TAG_BYTES + mtu;
	uint32_t bytes = MIN_FRAME_BYTES;

	if (needed > SLOT_HEADER_BYTES + HG_MAX_FRAME_BYTES)
		needed = SLOT_HEADER_BYTES + HG_MAX_FRAME_BYTES;
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

/* The frame in a slot, whole again; false: it cannot be. */
static bool take_frame(const struct tpacket2_hdr *slot, struct io_frame *frame)
{
	struct virtio_net_hdr offload;

	frame->bytes = (uint8_t *)slot + slot->tp_mac;
	frame->length = slot->tp_len;
	if (slot->tp_snaplen < slot->tp_len || slot->tp_len > HG_MAX_FRAME_BYTES || slot->tp_len < ETH_HLEN)
		return false;
	memcpy(&offload, frame->bytes - sizeof(offload), sizeof(offload));
	if (offload.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return false;
	if (offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    !offload_checksum(frame->bytes, frame->length, offload.csum_start, offload.csum_offset))
		return false;
	if (slot->tp_status & TP_STATUS_VLAN_VALID) {
		uint16_t tpid = slot->tp_status & TP_STATUS_VLAN_TPID_VALID ? slot->tp_vlan_tpid : ETH_P_8021Q;

		frame->bytes = offload_tag(frame->bytes, tpid, slot->tp_vlan_tci);
		frame->length += OFFLOAD_TAG_BYTES;
	}
	return true;
}

uint32_t afpacket_receive(struct io *io, struct io_frame *frames, uint32_t capacity)
{
	struct afpacket_rx *rx = &((struct afpacket *)io)->rx;
	uint64_t bytes = 0;
	uint32_t count = 0;

	while (count < capacity && rx->lent < rx->frames) {
		const struct tpacket2_hdr *slot = slot_at(rx, rx->next + rx->lent);

		if (!(__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		rx->lent++;
		if (!take_frame(slot, &frames[count])) {
			add_relaxed(&io->counters->rx_dropped, 1);
			continue;
		}
		bytes += frames[count++].length;
	}
	if (count) {
		add_relaxed(&io->counters->rx_packets, count);
		add_relaxed(&io->counters->rx_bytes, bytes);
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
}
