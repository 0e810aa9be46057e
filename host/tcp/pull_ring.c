/* SPDX-License-Identifier: Apache-2.0 */
#include "pull_ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"
#include "wire.h"

/*
 * A slot holds a full frame of an ordinary link; of a longer one (a request in a jumbo
 * frame) what fits, and the client sends the rest again.
 */
#define SLOT_BYTES 2048
#define SLOTS 4096
#define BLOCK_BYTES (1 << 20)

/* Pushes have the same EtherType: only version and kind of a pull are let through. */
static int filter(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, HG_ETHERNET_BYTES),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HG_PUSH_VERSION << 4 | HG_PUSH_KIND_PULL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int set_up(struct hg_pull_ring *ring, const char *interface)
{
	struct tpacket_req request = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = SLOTS * SLOT_BYTES / BLOCK_BYTES,
		.tp_frame_size = SLOT_BYTES,
		.tp_frame_nr = SLOTS,
	};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(HG_ETHERTYPE_PUSH),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int version = TPACKET_V2;
	void *map;

	if (address.sll_ifindex == 0)
		return -ENODEV;
	if (filter(ring->fd) < 0 ||
	    setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0)
		return -errno;
	map = mmap(NULL, SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	ring->map = map;
	/* Last: from here on frames come in. */
	if (bind(ring->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

int hg_pull_ring_open(struct hg_pull_ring *ring, const char *interface, char *error)
{
	int ret;

	memset(ring, 0, sizeof(*ring));
	ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (ring->fd < 0)
		return hg_fail(error, -errno, "%s: cannot open a packet socket (it needs CAP_NET_RAW): %s", interface,
			       strerror(errno));
	ret = set_up(ring, interface);
	if (ret) {
		hg_pull_ring_close(ring);
		return hg_fail(error, ret, "%s: cannot receive pulls: %s", interface, strerror(-ret));
	}
	return 0;
}

void hg_pull_ring_close(struct hg_pull_ring *ring)
{
	if (ring->map)
		munmap(ring->map, SLOTS * SLOT_BYTES);
	if (ring->fd >= 0)
		close(ring->fd);
	ring->map = NULL;
	ring->fd = -1;
}

static struct tpacket2_hdr *slot(const struct hg_pull_ring *ring)
{
	return (struct tpacket2_hdr *)(void *)(ring->map + (size_t)ring->next * SLOT_BYTES);
}

const uint8_t *hg_pull_ring_peek(struct hg_pull_ring *ring, size_t *bytes, size_t *wire_bytes)
{
	struct tpacket2_hdr *header = slot(ring);

	/* The kernel writes the frame before this word; nothing of it is read before. */
	if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return NULL;
	*bytes = header->tp_snaplen;
	*wire_bytes = header->tp_len;
	return (const uint8_t *)header + header->tp_mac;
}

void hg_pull_ring_release(struct hg_pull_ring *ring)
{
	__atomic_store_n(&slot(ring)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	ring->next = (ring->next + 1) % SLOTS;
}

uint32_t hg_pull_ring_lost(struct hg_pull_ring *ring)
{
	struct tpacket_stats stats = { 0 };
	socklen_t length = sizeof(stats);

	getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length);
	return stats.tp_drops;
}
