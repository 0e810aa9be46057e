/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each client's frame by AF_XDP: one thread, one socket per interface, each frame
 * written into the memory that it shares with the kernel, 64 at a time. It only
 * sends, which needs no program. Where the device lends its queue to user space
 * nothing more is copied (XDP_ZEROCOPY); elsewhere, as on veth, the kernel does.
 *
 *   afxdp PAYLOAD_BYTES SECONDS INTERFACE...     prints frames per second
 */
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64u
#define FRAMES 1024u /* of one socket, and slots of its rings */
#define FRAME_BYTES 2048u
#define HEADER_BYTES 42 /* Ethernet, IPv4, UDP */

struct ring {
	_Atomic uint32_t *producer, *consumer;
	void *entries;
};

struct sender {
	const char *name;
	int fd;
	uint8_t *memory;
	struct ring out, done; /* transmit and completion ring */
	uint32_t free[FRAMES];
	uint32_t free_count;
};

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static _Noreturn void fail(const char *name, const char *what)
{
	fprintf(stderr, "afxdp: %s: %s: %s\n", name, what, strerror(errno));
	exit(1);
}

static struct ring map_ring(const struct sender *sender, const struct xdp_ring_offset *at, size_t entry_bytes,
			    uint64_t which)
{
	uint8_t *base = mmap(NULL, at->desc + FRAMES * entry_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			     sender->fd, (off_t)which);

	if (base == MAP_FAILED)
		fail(sender->name, "ring");
	return (struct ring){ (void *)(base + at->producer), (void *)(base + at->consumer), base + at->desc };
}

static void open_sender(struct sender *sender, const char *name)
{
	struct sockaddr_xdp address = { .sxdp_family = AF_XDP, .sxdp_flags = XDP_USE_NEED_WAKEUP };
	struct xdp_umem_reg memory = { .len = FRAMES * FRAME_BYTES, .chunk_size = FRAME_BYTES };
	struct xdp_mmap_offsets offsets;
	socklen_t length = sizeof(offsets);
	uint32_t slots = FRAMES;

	sender->name = name;
	sender->fd = socket(AF_XDP, SOCK_RAW, 0);
	if (sender->fd < 0)
		fail(name, "socket");
	sender->memory = mmap(NULL, memory.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (sender->memory == MAP_FAILED)
		fail(name, "memory");
	memory.addr = (uintptr_t)sender->memory;
	/* The ring of frames to receive into has to be there, and stays empty. */
	if (setsockopt(sender->fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) ||
	    setsockopt(sender->fd, SOL_XDP, XDP_UMEM_FILL_RING, &slots, sizeof(slots)) ||
	    setsockopt(sender->fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &slots, sizeof(slots)) ||
	    setsockopt(sender->fd, SOL_XDP, XDP_TX_RING, &slots, sizeof(slots)) ||
	    getsockopt(sender->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length))
		fail(name, "rings");
	sender->out = map_ring(sender, &offsets.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
	sender->done = map_ring(sender, &offsets.cr, sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING);
	address.sxdp_ifindex = if_nametoindex(name);
	if (!address.sxdp_ifindex || bind(sender->fd, (struct sockaddr *)&address, sizeof(address)))
		fail(name, "bind");
	for (uint32_t i = 0; i < FRAMES; i++)
		sender->free[sender->free_count++] = i * FRAME_BYTES;
}

/* What the kernel is done with may be written anew. */
static void take_back(struct sender *sender)
{
	uint32_t produced = atomic_load_explicit(sender->done.producer, memory_order_acquire);
	uint32_t consumed = atomic_load_explicit(sender->done.consumer, memory_order_relaxed);
	const uint64_t *frames = sender->done.entries;

	for (; consumed != produced; consumed++)
		sender->free[sender->free_count++] = (uint32_t)frames[consumed % FRAMES];
	atomic_store_explicit(sender->done.consumer, consumed, memory_order_release);
}

static void put(struct sender *sender, const uint8_t *header, const uint8_t *payload, uint32_t payload_bytes)
{
	uint32_t produced = atomic_load_explicit(sender->out.producer, memory_order_relaxed);
	struct xdp_desc *slots = sender->out.entries;

	for (uint32_t i = 0; i < BATCH; i++, produced++) {
		uint32_t frame = sender->free[--sender->free_count];

		memcpy(sender->memory + frame, header, HEADER_BYTES);
		memcpy(sender->memory + frame + HEADER_BYTES, payload, payload_bytes);
		slots[produced % FRAMES] = (struct xdp_desc){ .addr = frame, .len = HEADER_BYTES + payload_bytes };
	}
	atomic_store_explicit(sender->out.producer, produced, memory_order_release);
}

/* Until the kernel has all: it takes a few at a call, and says EAGAIN while more wait. */
static void send_all(struct sender *sender)
{
	uint32_t produced = atomic_load_explicit(sender->out.producer, memory_order_relaxed);

	while (atomic_load_explicit(sender->out.consumer, memory_order_acquire) != produced)
		if (sendto(sender->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN && errno != EBUSY &&
		    errno != ENOBUFS)
			fail(sender->name, "send");
}

int main(int argc, char **argv)
{
	static const uint8_t header[HEADER_BYTES] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45 };
	static uint8_t payload[FRAME_BYTES - HEADER_BYTES];
	struct sender *senders;
	double start, elapsed, seconds;
	uint64_t sent = 0;
	int count = argc - 3;
	uint32_t payload_bytes;

	if (count < 1 || atoi(argv[1]) < 0 || (size_t)atoi(argv[1]) > sizeof(payload)) {
		fprintf(stderr, "usage: afxdp PAYLOAD_BYTES SECONDS INTERFACE...\n");
		return 2;
	}
	payload_bytes = (uint32_t)atoi(argv[1]);
	seconds = atof(argv[2]);
	senders = calloc((size_t)count, sizeof(*senders));
	if (!senders)
		return 1;
	for (int i = 0; i < count; i++)
		open_sender(&senders[i], argv[3 + i]);

	start = now_seconds();
	do {
		for (int i = 0; i < count; i++) {
			take_back(&senders[i]);
			if (senders[i].free_count < BATCH)
				continue;
			put(&senders[i], header, payload, payload_bytes);
			send_all(&senders[i]);
			sent += BATCH;
		}
		elapsed = now_seconds() - start;
	} while (elapsed < seconds);
	printf("%.0f\n", (double)sent / elapsed);
	return 0;
}
