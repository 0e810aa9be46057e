/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a stream's bytes come from, as a sequence of segments with their part of
 * the headers ready. The pushing loop looks at the next ones (peek), sends what
 * it may of them, and passes over those (advance).
 */
#ifndef HG_SOURCE_H
#define HG_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "pusher.h"

struct hg_segment {
	const void *payload;
	const struct hg_push_tail *tail;
	uint32_t bytes;
};

struct hg_source;

struct hg_source_ops {
	/* Before the first peek, in the stream's thread; NULL: nothing to do. */
	int (*prepare)(struct hg_source *source, int stop, char *error);
	/*
	 * Up to `count` next segments. 0: the source has ended; -EAGAIN: nothing
	 * yet, until source->fd is readable or the time source->wake has come.
	 */
	int (*peek)(struct hg_source *source, struct hg_segment *segments, uint32_t count, char *error);
	void (*advance)(struct hg_source *source, uint32_t count);
	/* Back to the beginning; NULL: cannot. */
	void (*rewind)(struct hg_source *source);
	void (*close)(struct hg_source *source);
};

struct hg_source {
	const struct hg_source_ops *ops;
	const char *name; /* for errors: the spec's path or address */
	int fd;
	uint32_t content;
	uint32_t segment_bytes;
	uint64_t wake;        /* HG_FOREVER: the descriptor alone */
	uint64_t offset;      /* of the next segment */
	uint64_t total_bytes; /* 0: not known */
	uint64_t oversized, empty, overflow; /* datagrams dropped: struct hg_traffic */
};

/* By the spec's kind; spec->segment_bytes is set. The spec must outlive the source. */
int hg_source_open(struct hg_source **source, const struct hg_stream_spec *spec, char *error);

/* `fd` becomes the source's, except where `error` is returned. */
int hg_file_open(struct hg_source **source, const struct hg_stream_spec *spec, int fd, char *error);
int hg_pipe_open(struct hg_source **source, const struct hg_stream_spec *spec, int fd, bool own, char *error);
int hg_udp_open(struct hg_source **source, const struct hg_stream_spec *spec, char *error);

#endif
