/* SPDX-License-Identifier: Apache-2.0 */
#include "tx_queue.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define FRAME_ALIGN _Alignof(struct tx_frame)
/*
 * From about what a few frames take at 1 Gbit/s, so that a short queue of the kernel's is
 * not empty meanwhile, to what few attempts a second cost.
 */
#define RETRY_MIN_NS 50000u
#define RETRY_MAX_NS 4000000u

int tx_queue_open(struct tx_queue *queue, uint32_t limit_ms)
{
	void *room = mmap(NULL, TX_QUEUE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*queue = (struct tx_queue){ .limit_ns = (uint64_t)limit_ms * 1000000, .retry_ns = RETRY_MIN_NS };
	if (room == MAP_FAILED)
		return -errno;
	queue->room = room;
	return 0;
}

void tx_queue_close(struct tx_queue *queue)
{
	if (queue->room)
		munmap(queue->room, TX_QUEUE_BYTES);
	*queue = (struct tx_queue){ 0 };
}

static struct tx_frame *frame_at(const struct tx_queue *queue, uint32_t position)
{
	return (struct tx_frame *)(queue->room + position);
}

static uint32_t room_for(uint32_t length)
{
	uint32_t bytes = (uint32_t)offsetof(struct tx_frame, bytes) + length;

	return (bytes + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
}

/*
 * Where a frame of so many bytes goes: frames are in one piece, so that one which does not
 * fit before the room's end goes to its beginning. There is always room for a mark that
 * says so. NULL: it fits nowhere.
 */
static struct tx_frame *place(struct tx_queue *queue, uint32_t bytes)
{
	if (!queue->frames)
		queue->head = queue->tail = 0;
	if (queue->frames && queue->tail <= queue->head)
		return bytes <= queue->head - queue->tail ? frame_at(queue, queue->tail) : NULL;
	if (bytes + room_for(0) <= TX_QUEUE_BYTES - queue->tail)
		return frame_at(queue, queue->tail);
	if (bytes > queue->head)
		return NULL;
	frame_at(queue, queue->tail)->size.segments = 0;
	queue->tail = 0;
	return frame_at(queue, 0);
}

bool tx_queue_put(struct tx_queue *queue, const struct iovec *parts, size_t count, const struct io_size *size,
		  uint64_t now_ns)
{
	struct tx_frame *frame;
	uint32_t length = 0;

	for (size_t i = 0; i < count; i++)
		length += (uint32_t)parts[i].iov_len;
	frame = place(queue, room_for(length));
	if (!frame)
		return false;
	frame->since_ns = now_ns;
	frame->size = *size;
	frame->length = 0;
	for (size_t i = 0; i < count; i++) {
		memcpy(frame->bytes + frame->length, parts[i].iov_base, parts[i].iov_len);
		frame->length += (uint32_t)parts[i].iov_len;
	}
	queue->tail += room_for(length);
	queue->frames++;
	queue->bytes += size->bytes;
	return true;
}

struct tx_frame *tx_queue_oldest(const struct tx_queue *queue)
{
	return queue->frames ? frame_at(queue, queue->head) : NULL;
}

/* Where the frame after this one is, if there is one. */
static uint32_t position_after(const struct tx_queue *queue, const struct tx_frame *frame)
{
	uint32_t position = (uint32_t)((const uint8_t *)frame - queue->room) + room_for(frame->length);

	if (position != queue->tail && !frame_at(queue, position)->size.segments)
		position = 0;
	return position;
}

struct tx_frame *tx_queue_after(const struct tx_queue *queue, const struct tx_frame *frame)
{
	uint32_t position = position_after(queue, frame);

	return position == queue->tail ? NULL : frame_at(queue, position);
}

void tx_queue_take(struct tx_queue *queue)
{
	const struct tx_frame *frame = frame_at(queue, queue->head);

	queue->frames--;
	queue->bytes -= frame->size.bytes;
	queue->head = position_after(queue, frame);
}

uint64_t tx_queue_pause_ns(struct tx_queue *queue, bool progress)
{
	if (progress)
		queue->retry_ns /= 2;
	else
		queue->retry_ns *= 2;
	if (queue->retry_ns < RETRY_MIN_NS)
		queue->retry_ns = RETRY_MIN_NS;
	if (queue->retry_ns > RETRY_MAX_NS)
		queue->retry_ns = RETRY_MAX_NS;
	return queue->retry_ns;
}
