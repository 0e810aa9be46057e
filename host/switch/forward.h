/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One packet through the pipeline: parsed once, ingress once; then egress and
 * deparser for every copy, straight into where the copy leaves from.
 * The semantics are BMv2's (targets/simple_switch/simple_switch.cpp).
 */
#ifndef HG_FORWARD_H
#define HG_FORWARD_H

#include "loaded.h"
#include "relaxed.h"
#include "stage.h"

/* The stats of hg_switch.h, written by one worker alone. */
struct forward_stats {
	_Atomic uint64_t ingress_packets, replicas, clones, dropped_clones;
	_Atomic uint64_t dropped_no_pipeline, dropped_ingress, dropped_egress;
	_Atomic uint64_t dropped_again, dropped_assertions, dropped_stuck;
	_Atomic uint64_t dropped_no_group, dropped_no_port, dropped_cpu_queue;
};

/*
 * Where copies go. header() returns LOADED_HEADER_BYTES of room for a port's next
 * frame, or NULL when it cannot go there, which it has counted; send() completes
 * the frame. The payload stays where it is until the batch ends.
 */
struct output {
	uint32_t copies; /* that are made of the packet which is being forwarded */
	uint8_t *(*header)(struct output *output, uint32_t port);
	void (*send)(struct output *output, uint32_t port, uint32_t header_bytes, const uint8_t *payload,
		     uint32_t payload_bytes);
};

struct trace;

struct forwarder {
	struct hg_loaded *loaded; /* NULL: no pipeline yet */
	struct lane *lane;        /* of it, this worker's; NULL with it */
	struct forward_stats *stats;
	struct stages *stages;
	struct trace *trace; /* NULL: packets are not traced */
	struct output *output;
	uint64_t now_ns; /* CLOCK_MONOTONIC of this batch */
	uint64_t now_us; /* the same, since the switch started */
};

/* By this pipeline, or none (NULL), as that worker. */
static inline void forward_by(struct forwarder *forwarder, struct hg_loaded *loaded, uint32_t worker)
{
	forwarder->loaded = loaded;
	forwarder->lane = loaded ? &loaded->lanes[worker] : NULL;
}

/* The time of all that is forwarded until the next call. */
static inline void forward_at(struct forwarder *forwarder, uint64_t now_ns, uint64_t start_ns)
{
	forwarder->now_ns = now_ns;
	forwarder->now_us = (now_ns - start_ns) / 1000;
}

/* Copies point into the frame, and into what the pipeline keeps until forward_flushed(). */
void forward(const struct forwarder *forwarder, uint32_t port, const uint8_t *frame, uint32_t length);

/* All copies that were sent since the last call have left. */
static inline void forward_flushed(const struct forwarder *forwarder)
{
	if (forwarder->lane)
		again_reset(&forwarder->lane->again);
}

#endif
