/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a stream: what stream.c (its life) and push.c (its loop) share. */
#ifndef HG_STREAM_H
#define HG_STREAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "batch.h"
#include "bundler.h"
#include "link.h"
#include "pacer.h"
#include "pusher.h"
#include "source.h"

/* struct hg_traffic, written by the stream's thread alone, read by any. */
struct hg_shared_traffic {
	_Atomic uint64_t pushes, frame_bytes, payload_bytes, send_errors, send_retries;
	_Atomic uint64_t source_oversized, source_empty, source_overflow, link_waits;
};

struct hg_stream {
	struct hg_stream_spec spec;
	pthread_t thread;
	bool joinable;
	int stop;  /* eventfd: the thread has to end */
	int ended; /* eventfd: it has */

	/* The thread's own. */
	struct hg_link link;
	struct hg_source *source;
	struct hg_pacer pacer;
	struct hg_push_head heads[HG_PUSHER_GROUPS_MAX];
	uint32_t next_head;    /* the group whose turn it is for the next segment */
	uint32_t refusals;     /* in a row, by a full transmit queue */
	struct hg_batch batch;
	struct hg_bundler bundler;

	/* What others may read. */
	_Atomic enum hg_stream_state state;
	struct hg_shared_traffic traffic;
	_Atomic uint64_t total_bytes, offset, rounds, late, skipped;
	_Atomic uint64_t started_at, ended_at; /* CLOCK_MONOTONIC, ns; 0: not yet */
	pthread_mutex_t lock; /* of error */
	char error[HG_PUSHER_ERROR_BYTES];
};

/* Everything from the source's preparation to its end. -ECANCELED: asked to stop. */
int hg_stream_push(struct hg_stream *stream, char *error);

/* -EMSGSIZE, naming both numbers, if a push of that payload is too long for the link. */
int hg_stream_fits(uint32_t segment_bytes, const struct hg_link *link, char *error);

/* What stream->error says from now on; empty: nothing is wrong. */
void hg_stream_trouble(struct hg_stream *stream, const char *text);

#endif
