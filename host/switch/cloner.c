/* SPDX-License-Identifier: Apache-2.0 */
#include "cloner.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "forward.h"

/* Shorter payloads are copied sooner than cloned. */
#define PAYLOAD_LEAST 4096u
#define PATIENCE_NS 20000000u /* per flush, before clones that a port does not take are dropped */
#define LINK_FULL 1 /* NET_XMIT_DROP of the kernel */

static size_t memory_bytes(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct clone_memory) + page - 1) / page * page;
}

int cloner_open(struct cloner *cloner)
{
	int ret;

	memset(cloner, 0, sizeof(*cloner));
	cloner->program = cloner->map = -1;
	ret = cloner_program_load(&cloner->program, &cloner->map);
	if (ret)
		return ret;
	cloner->memory = mmap(NULL, memory_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, cloner->map, 0);
	if (cloner->memory == MAP_FAILED) {
		ret = -errno;
		cloner->memory = NULL;
		cloner_close(cloner);
		return ret;
	}
	for (uint32_t i = 0; i < CLONE_BATCHES; i++)
		cloner->pending[i].batch = &cloner->memory->batches[i];
	return 0;
}

void cloner_close(struct cloner *cloner)
{
	if (cloner->memory)
		munmap(cloner->memory, memory_bytes());
	if (cloner->program >= 0)
		close(cloner->program);
	if (cloner->map >= 0)
		close(cloner->map);
	cloner->memory = NULL;
	cloner->program = cloner->map = -1;
}

/* One sendmsg(), from the first member's port; the program fills in the results. */
static int hand_over(const struct cloner *cloner, struct clone_pending *pending, uint32_t index)
{
	struct clone_batch *batch = pending->batch;
	uint32_t mark = CLONE_MARK + index;
	struct iovec parts[] = {
		{ &pending->offload, sizeof(pending->offload) },
		{ batch->members[0].headers, batch->header_bytes },
		{ (void *)cloner->payload, cloner->payload_bytes },
	};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(mark))];
	} control = { .header = { CMSG_LEN(sizeof(mark)), SOL_SOCKET, SO_MARK } };
	const struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = sizeof(parts) / sizeof(parts[0]),
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};

	memcpy(CMSG_DATA(&control.header), &mark, sizeof(mark));
	for (uint32_t i = 0; i < batch->count; i++)
		batch->members[i].result = CLONE_NOT_MADE;
	/* The frame itself is dropped, which is ENOBUFS: whether it ran is seen by the results. */
	return sendmsg(pending->ios[0]->clone_fd, &message, MSG_DONTWAIT) < 0 ? errno : 0;
}

static void count_sent(const struct cloner *cloner, const struct clone_pending *pending, struct io *io)
{
	uint64_t headers = (uint64_t)pending->segments * pending->batch->header_bytes;

	add_relaxed(&io->counters->tx_packets, pending->segments);
	add_relaxed(&io->counters->tx_bytes, headers + cloner->payload_bytes);
	add_relaxed(&io->counters->tx_clones, 1);
	if (pending->segments > 1) {
		add_relaxed(&io->counters->tx_supers, 1);
		add_relaxed(&io->counters->tx_super_segments, pending->segments);
	}
}

static bool may_be_tried_again(int result)
{
	return result == LINK_FULL || result == -ENOMEM || result == -ENOBUFS || result == CLONE_NOT_MADE;
}

/* What has left is counted; what may yet leave moves up. How many are left. */
static uint32_t sort_out(const struct cloner *cloner, struct clone_pending *pending)
{
	struct clone_batch *batch = pending->batch;
	uint32_t left = 0;

	for (uint32_t i = 0; i < batch->count; i++) {
		if (may_be_tried_again(batch->members[i].result)) {
			pending->ios[left] = pending->ios[i];
			if (left != i)
				batch->members[left] = batch->members[i];
			left++;
		} else if (batch->members[i].result < 0) {
			add_relaxed(&pending->ios[i]->counters->tx_dropped, pending->segments);
		} else {
			count_sent(cloner, pending, pending->ios[i]);
		}
	}
	return left;
}

static void drop(const struct clone_pending *pending)
{
	for (uint32_t i = 0; i < pending->batch->count; i++)
		add_relaxed(&pending->ios[i]->counters->tx_dropped, pending->segments);
}

static void send_all(const struct cloner *cloner, struct clone_pending *pending, uint32_t index)
{
	uint64_t deadline_ns = 0;

	for (;;) {
		int error = hand_over(cloner, pending, index);

		pending->batch->count = sort_out(cloner, pending);
		if (!pending->batch->count)
			return;
		if (error == ENETDOWN || error == ENXIO || (deadline_ns && now_ns() >= deadline_ns))
			break;
		if (!deadline_ns)
			deadline_ns = now_ns() + PATIENCE_NS;
		sched_yield();
	}
	drop(pending);
	pending->batch->count = 0;
}

void cloner_flush(struct cloner *cloner)
{
	for (uint32_t i = 0; i < cloner->pending_count; i++)
		send_all(cloner, &cloner->pending[i], i);
	cloner->pending_count = 0;
	cloner->payload = NULL;
	/* What it was may be something else by the next time. */
	cloner->sum.payload = NULL;
}

static bool is_alike(const struct clone_pending *pending, uint32_t header_bytes, const struct virtio_net_hdr *offload)
{
	return pending->batch->header_bytes == header_bytes && memcmp(&pending->offload, offload, sizeof(*offload)) == 0 &&
	       pending->batch->count < CLONE_MEMBERS;
}

/* The batch that a replica of this shape belongs to. */
static struct clone_pending *find_pending(struct cloner *cloner, uint32_t header_bytes,
					  const struct virtio_net_hdr *offload, uint32_t segments)
{
	struct clone_pending *pending;

	for (uint32_t i = 0; i < cloner->pending_count; i++)
		if (is_alike(&cloner->pending[i], header_bytes, offload))
			return &cloner->pending[i];
	if (cloner->pending_count == CLONE_BATCHES) {
		for (uint32_t i = 0; i < cloner->pending_count; i++)
			send_all(cloner, &cloner->pending[i], i);
		cloner->pending_count = 0;
	}
	pending = &cloner->pending[cloner->pending_count++];
	pending->batch->count = 0;
	pending->batch->header_bytes = header_bytes;
	pending->offload = *offload;
	pending->segments = segments;
	return pending;
}

bool cloner_take(struct cloner *cloner, struct io *io, uint8_t *headers, uint32_t header_bytes, const uint8_t *payload,
		 uint32_t payload_bytes, uint32_t segment_bytes)
{
	struct gather_taken taken = { { 0 }, headers, header_bytes, payload, payload_bytes };
	struct clone_pending *pending;
	struct clone_member *member;
	struct virtio_net_hdr offload;
	struct super_run run;

	if (!cloner->memory || io->clone_fd < 0 || payload_bytes < PAYLOAD_LEAST || !gather_read(&taken) ||
	    taken.shape.protocol != IPPROTO_TCP || taken.shape.payload > CLONE_HEADER_BYTES ||
	    !gather_is_segment(&cloner->sum, &taken) || taken.shape.payload - taken.shape.ip + segment_bytes > io->mtu)
		return false;
	if (cloner->payload && (cloner->payload != taken.payload || cloner->payload_bytes != taken.payload_bytes))
		cloner_flush(cloner);
	super_start_run(&run, &taken.shape, headers, segment_bytes);
	if (run.segments < 2)
		return false;
	super_finish(&run, &offload);
	cloner->payload = taken.payload;
	cloner->payload_bytes = taken.payload_bytes;
	pending = find_pending(cloner, taken.header_bytes, &offload, run.segments);
	member = &pending->batch->members[pending->batch->count];
	member->ifindex = (uint32_t)io->ifindex;
	memcpy(member->headers, headers, taken.header_bytes);
	pending->ios[pending->batch->count++] = io;
	return true;
}
