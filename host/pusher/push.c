/* SPDX-License-Identifier: Apache-2.0 */
/* The pushing loop: wait for the time, look at the source, send, account. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "error.h"
#include "mark.h"
#include "stream.h"
#include "wait.h"

/* How often an interface that is down or gone is looked for. */
#define LINK_RETRY_NS (100 * HG_NS_PER_MS)

/* A full transmit queue is tried again after this, doubled up to 256 times (12.8 ms). */
#define QUEUE_RETRY_NS 50000
#define QUEUE_RETRY_DOUBLINGS 8

static void count(_Atomic uint64_t *counter, uint64_t more)
{
	/* One writer: no read-modify-write needed. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

static void publish(_Atomic uint64_t *value, uint64_t now)
{
	atomic_store_explicit(value, now, memory_order_relaxed);
}

static void make_heads(struct hg_stream *stream)
{
	for (uint32_t i = 0; i < stream->spec.group_count; i++)
		hg_push_head_make(&stream->heads[i], stream->link.mac, stream->spec.groups[i]);
}

/* Until the interface can send again. What was missed meanwhile is not made up. */
static int wait_for_link(struct hg_stream *stream, char *error)
{
	char why[HG_PUSHER_ERROR_BYTES];
	int ret;

	for (;;) {
		ret = hg_link_attach(&stream->link, why);
		if (!ret)
			ret = hg_link_state(&stream->link, why);
		if (!ret)
			break;
		hg_stream_trouble(stream, why);
		ret = hg_wait(stream->stop, -1, 0, hg_now() + LINK_RETRY_NS);
		if (ret)
			return ret;
	}
	why[0] = '\0';
	hg_stream_trouble(stream, why);
	make_heads(stream);
	hg_pacer_idle(&stream->pacer, hg_now());
	return hg_stream_fits(stream->spec.segment_bytes, &stream->link, error);
}

/* EAGAIN: the socket's buffer is full; ENOBUFS: the driver's queue is, or there is no carrier. */
static int wait_for_queue(struct hg_stream *stream, int reason, char *error)
{
	char why[HG_PUSHER_ERROR_BYTES];
	int fd = reason == EAGAIN ? stream->link.fd : -1;
	int ret;

	count(&stream->traffic.send_retries, 1);
	if (stream->refusals < QUEUE_RETRY_DOUBLINGS)
		stream->refusals++;
	else if (hg_link_state(&stream->link, why))
		return wait_for_link(stream, error);
	ret = hg_wait(stream->stop, fd, POLLOUT, hg_now() + ((uint64_t)QUEUE_RETRY_NS << stream->refusals));
	return ret < 0 ? ret : 0;
}

/* The kernel could not read the payload: say why, as the source sees it. */
static int unreadable(struct hg_stream *stream, char *error)
{
	int ret = stream->source->ops->peek(stream->source, stream->batch.segments, 1, error);

	if (ret < 0)
		return ret;
	return hg_fail(error, -EIO, "%s: cannot be read at byte %" PRIu64, stream->source->name,
		       stream->source->offset);
}

static int send_failed(struct hg_stream *stream, int reason, char *error)
{
	int ret;

	switch (reason) {
	case EINTR:
		return 0;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return wait_for_queue(stream, reason, error);
	case EFAULT:
		return unreadable(stream, error);
	}
	count(&stream->traffic.send_errors, 1);
	switch (reason) {
	case ENETDOWN:
	case ENXIO: /* what a packet socket says when its interface has been deleted */
	case ENODEV:
		return wait_for_link(stream, error);
	case EMSGSIZE:
		ret = hg_link_attach(&stream->link, error);
		return ret ? ret : hg_stream_fits(stream->spec.segment_bytes, &stream->link, error);
	default:
		return hg_fail(error, -reason, "%s: cannot send: %s", stream->link.interface, strerror(reason));
	}
}

static void account(struct hg_stream *stream, uint32_t frames, uint64_t now)
{
	uint64_t payload_bytes = hg_batch_payload_bytes(&stream->batch, frames);
	uint32_t turns = stream->next_head + frames;

	hg_pacer_sent(&stream->pacer, now, frames, payload_bytes);
	stream->source->ops->advance(stream->source, turns / stream->spec.group_count);
	stream->next_head = turns % stream->spec.group_count;
	count(&stream->traffic.pushes, frames);
	count(&stream->traffic.payload_bytes, payload_bytes);
	count(&stream->traffic.frame_bytes, payload_bytes + (uint64_t)frames * HG_PUSH_FRAME_BYTES);
	publish(&stream->offset, stream->source->offset);
	publish(&stream->late, stream->pacer.late);
	publish(&stream->skipped, stream->pacer.skipped);
}

static int send_batch(struct hg_stream *stream, char *error)
{
	uint64_t now = hg_now();
	int sent = hg_bundler_send(&stream->bundler, &stream->link, stream->batch.messages, NULL,
				   stream->batch.frames);

	if (sent < 0)
		return send_failed(stream, errno, error);
	if (atomic_load_explicit(&stream->started_at, memory_order_relaxed) == 0)
		publish(&stream->started_at, now);
	stream->refusals = 0;
	account(stream, (uint32_t)sent, now);
	return 0;
}

/*
 * The switch is slower than this stream, and other senders of the link than it is: until it
 * has taken some of what it was sent. The pacer makes up for it, as for a full transmit queue.
 */
static int wait_for_room(struct hg_stream *stream)
{
	struct hg_link *link = &stream->link;
	uint64_t quiet = hg_link_window_quiet(&link->window) * 1000ull;
	int ret;

	hg_link_window_limits(&link->window);
	count(&stream->traffic.link_waits, 1);
	ret = hg_wait(stream->stop, link->echo_fd, POLLIN, hg_now() + quiet);
	return ret < 0 ? ret : 0;
}

/* Nothing to push until the source says so; that time is not late. */
static int wait_for_source(struct hg_stream *stream)
{
	int ret = hg_wait(stream->stop, stream->source->fd, POLLIN, stream->source->wake);

	hg_pacer_idle(&stream->pacer, hg_now());
	return ret < 0 ? ret : 0;
}

/* One batch: > 0 to go on, 0 at the source's end. */
static int push_some(struct hg_stream *stream, char *error)
{
	uint32_t groups = stream->spec.group_count;
	uint32_t frames = hg_pacer_batch(&stream->pacer, stream->spec.segment_bytes, HG_BATCH_FRAMES);
	uint32_t wanted, room;
	int segments, ret;

	hg_mark_poll(&stream->link, (uint32_t)(hg_now() / 1000));
	room = hg_bundler_room(&stream->link, stream->spec.segment_bytes + HG_PUSH_FRAME_BYTES);
	if (room == 0) {
		ret = wait_for_room(stream);
		return ret < 0 ? ret : 1;
	}
	if (frames > room)
		frames = room;
	wanted = (stream->next_head + frames + groups - 1) / groups;
	segments = stream->source->ops->peek(stream->source, stream->batch.segments, wanted, error);
	publish(&stream->traffic.source_oversized, stream->source->oversized);
	publish(&stream->traffic.source_empty, stream->source->empty);
	publish(&stream->traffic.source_overflow, stream->source->overflow);
	if (segments == 0)
		return 0;
	if (segments > 0) {
		hg_batch_fill(&stream->batch, (uint32_t)segments, stream->heads, groups, stream->next_head, frames);
		ret = send_batch(stream, error);
	} else if (segments == -EAGAIN) {
		ret = wait_for_source(stream);
	} else {
		ret = segments;
	}
	return ret < 0 ? ret : 1;
}

int hg_stream_push(struct hg_stream *stream, char *error)
{
	struct hg_source *source = stream->source;
	int ret = source->ops->prepare ? source->ops->prepare(source, stream->stop, error) : 0;

	if (ret)
		return ret;
	make_heads(stream);
	hg_pacer_idle(&stream->pacer, hg_now());
	for (;;) {
		ret = hg_wait(stream->stop, -1, 0, hg_pacer_next(&stream->pacer));
		if (ret)
			return ret;
		ret = push_some(stream, error);
		if (ret < 0)
			return ret;
		if (ret > 0)
			continue;
		count(&stream->rounds, 1);
		if (!stream->spec.loop)
			return 0;
		source->ops->rewind(source);
	}
}
