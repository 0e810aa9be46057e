/* SPDX-License-Identifier: Apache-2.0 */
/*
 * afpacket.h: what was gathered is made messages of and leaves, behind what waits from
 * earlier; what the kernel has no room for waits from now on.
 */
#include <linux/virtio_net.h>
#include <string.h>

#include "afpacket.h"
#include "clock.h"
#include "stage.h"

/* Taken from the queue at once, unless fewer are gathered. */
#define QUEUE_BATCH 64u

/* ---- what was gathered ------------------------------------------------------------ */

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
	tx->sizes[index] = (struct io_size){
		.segments = frame->run.segments,
		.bytes = (uint32_t)gather_wire_bytes(frame),
	};
}

static void make_messages(struct afpacket_tx *tx)
{
	struct iovec *parts = tx->parts;

	for (uint32_t i = 0; i < tx->gather.frame_count; i++) {
		make_message(tx, i, parts);
		parts += tx->messages[i].msg_hdr.msg_iovlen;
	}
}

/* ---- what waits ------------------------------------------------------------------- */

static void show_queue(struct io *io)
{
	const struct tx_queue *queue = &((struct afpacket *)io)->tx.queue;

	atomic_store_explicit(&io->queued_frames, queue->frames, memory_order_relaxed);
	atomic_store_explicit(&io->queued_bytes, queue->bytes, memory_order_relaxed);
}

static void put_in_queue(struct io *io, const struct iovec *parts, size_t count, const struct io_size *size,
			 uint64_t now_ns)
{
	struct tx_queue *queue = &((struct afpacket *)io)->tx.queue;

	if (tx_queue_put(queue, parts, count, size, now_ns))
		add_relaxed(&io->counters->tx_queued, size->segments);
	else
		add_relaxed(&io->counters->tx_overflowed, size->segments);
}

/* Messages from `first` to before `end` wait. */
static void keep(struct io *io, uint32_t first, uint32_t end)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	uint64_t now = now_ns();

	for (uint32_t i = first; i < end; i++)
		put_in_queue(io, tx->messages[i].msg_hdr.msg_iov, tx->messages[i].msg_hdr.msg_iovlen, &tx->sizes[i],
			     now);
	if (!io_waits(io))
		io->retry_at_ns = now + tx->queue.retry_ns;
	show_queue(io);
}

void afpacket_enqueue(struct io *io, const struct iovec *parts, size_t count, const struct io_size *size)
{
	uint64_t now = now_ns();

	put_in_queue(io, parts, count, size, now);
	if (!io_waits(io))
		io->retry_at_ns = now; /* nobody has asked the kernel for room by this port */
	show_queue(io);
}

static uint32_t messages_of_queue(struct afpacket_tx *tx)
{
	struct tx_frame *frame = tx_queue_oldest(&tx->queue);
	uint32_t count = 0;

	for (; frame && count < QUEUE_BATCH && count < tx->capacity; frame = tx_queue_after(&tx->queue, frame)) {
		tx->parts[count] = (struct iovec){ frame->bytes, frame->length };
		tx->messages[count].msg_hdr.msg_iov = &tx->parts[count];
		tx->messages[count].msg_hdr.msg_iovlen = 1;
		tx->sizes[count++] = frame->size;
	}
	return count;
}

/* false: nothing of it could leave. */
static bool send_queue(struct io *io)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	uint32_t count, done;
	bool progress = false;

	do {
		count = messages_of_queue(tx);
		done = afpacket_hand_over(io, count);
		for (uint32_t i = 0; i < done; i++)
			tx_queue_take(&tx->queue);
		progress |= done > 0;
	} while (done == count && tx->queue.frames);
	return progress;
}

static void drop_expired(struct io *io, uint64_t now_ns)
{
	struct tx_queue *queue = &((struct afpacket *)io)->tx.queue;
	const struct tx_frame *frame;

	while ((frame = tx_queue_oldest(queue)) && tx_queue_expired(queue, frame, now_ns)) {
		add_relaxed(&io->counters->tx_overflowed, frame->size.segments);
		tx_queue_take(queue);
	}
}

/* What is too old is dropped only after the kernel was asked: it may be us who were late. */
static void retry(struct io *io, uint64_t now_ns)
{
	struct afpacket *port = (struct afpacket *)io;
	bool progress = send_queue(io);

	drop_expired(io, now_ns);
	io->retry_at_ns = IO_NONE_WAITS;
	if (port->tx.queue.frames || afpacket_holds_back(port))
		io->retry_at_ns = now_ns + tx_queue_pause_ns(&port->tx.queue, progress);
	show_queue(io);
}

/* ---- both ------------------------------------------------------------------------- */

static void flush(struct io *io)
{
	struct afpacket *port = (struct afpacket *)io;
	uint32_t count = port->tx.gather.frame_count, done = 0;

	if (io_waits(io)) {
		uint64_t now = now_ns();

		if (now >= io->retry_at_ns)
			retry(io, now);
	}
	make_messages(&port->tx);
	if (!io_waits(io))
		done = afpacket_hand_over(io, count);
	if (done < count || afpacket_holds_back(port))
		keep(io, done, count);
}

void afpacket_flush(struct io *io)
{
	struct gather *gather = &((struct afpacket *)io)->tx.gather;

	if (io->stages->on) {
		enum hg_stage before = stage_enter(io->stages, HG_STAGE_TRANSMIT);

		stage_count(io->stages, HG_STAGE_TRANSMIT, gather->frame_count);
		flush(io);
		stage_enter(io->stages, before);
	} else {
		flush(io);
	}
	gather_restart(gather);
	io_set_unflushed(io, 0);
}

void afpacket_retry(struct io *io, uint64_t now_ns)
{
	enum hg_stage before;

	if (!io->stages->on) {
		retry(io, now_ns);
		return;
	}
	before = stage_enter(io->stages, HG_STAGE_TRANSMIT);
	retry(io, now_ns);
	stage_enter(io->stages, before);
}
