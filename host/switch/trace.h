/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet's way, printed line by line while it is on it, in the words of BMv2's log. It
 * is slow and waits for whoever reads it. A pipeline that was compiled with traces says
 * what its parser, controls and deparser do (pipeline.h); lookups and all else are here.
 */
#ifndef HG_TRACE_H
#define HG_TRACE_H

#include <stdio.h>

#include "forward.h"

struct trace {
	struct output output; /* prints what leaves, and hands it on to `next` */
	struct output *next;
	FILE *out;
	uint64_t packet; /* the number of the one that is under way, from 1 */
};

/* To a copy of that descriptor. */
int trace_open(int fd, struct trace **trace);
void trace_close(struct trace *trace); /* NULL is fine */

/* Where copies go, by way of the trace if there is one. */
static inline struct output *trace_output(struct trace *trace, struct output *output)
{
	if (!trace)
		return output;
	trace->next = output;
	return &trace->output;
}

/* Around a packet, in the thread that forwards it: until the end it is what trace_line() is about. */
void trace_begin(struct trace *trace, uint32_t port, uint32_t length);
void trace_end(struct trace *trace);

/* What follows prints nothing where no packet is traced. */
__attribute__((format(printf, 1, 2))) void trace_print(const char *format, ...);

/* Counts packets that end here, and says why. */
static inline void count_dropped(const struct forwarder *forwarder, _Atomic uint64_t *counter, uint64_t packets,
				 const char *why)
{
	add_relaxed(counter, packets);
	if (forwarder->trace)
		trace_print("Dropping packet: %s", why);
}

/* hg_runtime_ops of a pipeline while packets are traced */
void trace_line(const char *line);
void trace_copy(uint32_t port, uint32_t instance);
const struct hg_entry *trace_lookup(const struct hg_table *table, const uint8_t *key);

#endif
