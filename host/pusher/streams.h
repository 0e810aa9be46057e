/* SPDX-License-Identifier: Apache-2.0 */
/* The streams of one pusher, by name: those that run and those that have ended. */
#ifndef HG_STREAMS_H
#define HG_STREAMS_H

#include "pusher.h"

#define HG_STREAMS_MAX 64
#define HG_STREAM_NAME_BYTES 64 /* a DNS label (RFC 1123) and the terminating zero */

struct hg_named_stream {
	char name[HG_STREAM_NAME_BYTES];
	struct hg_stream_spec spec;   /* with the segment size that is in force */
	uint32_t asked_segment_bytes; /* the size that was asked for; may be 0 */
	struct hg_stream *stream;
};

struct hg_streams {
	const char *interface;
	bool bundles; /* its far end cuts them up */
	struct hg_named_stream *streams[HG_STREAMS_MAX]; /* the oldest first */
	uint32_t count;
	struct hg_traffic removed; /* what streams pushed that are gone */
};

/*
 * -EEXIST: it runs with another specification; -ENOSPC: too many run. One that
 * runs with this specification is left alone, one that has ended is replaced.
 */
int hg_streams_start(struct hg_streams *streams, const char *name, const struct hg_stream_spec *spec,
		     struct hg_named_stream **started, char *error);

/* NULL: none of that name. */
struct hg_named_stream *hg_streams_find(struct hg_streams *streams, const char *name);

/* Stops and frees it. */
void hg_streams_remove(struct hg_streams *streams, struct hg_named_stream *stream);
void hg_streams_remove_all(struct hg_streams *streams);

/* All of them together, since the beginning. */
void hg_streams_traffic(struct hg_streams *streams, struct hg_traffic *total);

#endif
