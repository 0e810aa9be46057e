/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input, a FIFO, a terminal or another device: read as it comes. poll()
 * before every read, so that a descriptor that others share (a shell's terminal)
 * need not be made non-blocking.
 */
#include "source.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "ring.h"
#include "wait.h"

/* A segment that is not full by then goes out as it is: live input must not wait for more. */
#define FLUSH_NS (50 * HG_NS_PER_MS)

struct pipe_source {
	struct hg_source source;
	struct hg_ring ring;
	uint64_t read_offset; /* of the segment that is being filled */
	uint32_t filled;      /* bytes in it */
	bool own;             /* the descriptor is ours to close */
	bool ended;
};

static struct pipe_source *pipe_of(struct hg_source *source)
{
	return (struct pipe_source *)source;
}

static void finish_segment(struct pipe_source *pipe)
{
	hg_ring_push(&pipe->ring, pipe->source.content, pipe->read_offset, pipe->filled);
	pipe->read_offset += pipe->filled;
	pipe->filled = 0;
	pipe->source.wake = HG_FOREVER;
}

/* One read into the segment that is being filled: 1, or 0 when there is nothing to read now. */
static int read_some(struct pipe_source *pipe, char *error)
{
	struct pollfd poll_fd = { .fd = pipe->source.fd, .events = POLLIN };
	ssize_t got;

	if (poll(&poll_fd, 1, 0) <= 0)
		return 0;
	got = read(pipe->source.fd, hg_ring_free_at(&pipe->ring, 0) + pipe->filled,
		   pipe->source.segment_bytes - pipe->filled);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return hg_fail(error, -errno, "%s: cannot read: %s", pipe->source.name, strerror(errno));
	if (got == 0) {
		pipe->ended = true;
		return 0;
	}
	if (pipe->filled == 0)
		pipe->source.wake = hg_now() + FLUSH_NS;
	pipe->filled += (uint32_t)got;
	if (pipe->filled == pipe->source.segment_bytes)
		finish_segment(pipe);
	return 1;
}

static int pipe_peek(struct hg_source *source, struct hg_segment *segments, uint32_t count, char *error)
{
	struct pipe_source *pipe = pipe_of(source);
	int ret = 1;

	while (ret > 0 && !pipe->ended && hg_ring_used(&pipe->ring) < count)
		ret = read_some(pipe, error);
	if (ret < 0)
		return ret;
	if (pipe->filled && (pipe->ended || hg_now() >= source->wake))
		finish_segment(pipe);
	if (hg_ring_used(&pipe->ring))
		return (int)hg_ring_peek(&pipe->ring, segments, count);
	if (!pipe->ended)
		return -EAGAIN;
	if (pipe->read_offset == 0)
		return hg_fail(error, -ENODATA, "%s: it ended without a byte", source->name);
	return 0;
}

static void pipe_advance(struct hg_source *source, uint32_t count)
{
	source->offset += hg_ring_advance(&pipe_of(source)->ring, count);
}

static void pipe_close(struct hg_source *source)
{
	struct pipe_source *pipe = pipe_of(source);

	if (pipe->own)
		close(source->fd);
	hg_ring_free(&pipe->ring);
	free(pipe);
}

static const struct hg_source_ops pipe_ops = {
	.peek = pipe_peek,
	.advance = pipe_advance,
	.close = pipe_close,
};

int hg_pipe_open(struct hg_source **source, const struct hg_stream_spec *spec, int fd, bool own, char *error)
{
	struct pipe_source *pipe = calloc(1, sizeof(*pipe));

	if (!pipe || hg_ring_init(&pipe->ring, spec->segment_bytes) < 0) {
		free(pipe);
		return hg_fail(error, -ENOMEM, "%s: no memory", spec->path);
	}
	pipe->source = (struct hg_source){
		.ops = &pipe_ops,
		.name = spec->path,
		.fd = fd,
		.content = spec->content,
		.segment_bytes = spec->segment_bytes,
		.wake = HG_FOREVER,
	};
	pipe->own = own;
	*source = &pipe->source;
	return 0;
}
