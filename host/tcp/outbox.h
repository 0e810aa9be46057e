/* SPDX-License-Identifier: Apache-2.0 */
/* Flow pushes on their way out: headers here, payload where it lies, one system call for many. */
#ifndef HG_OUTBOX_H
#define HG_OUTBOX_H

#include <stdbool.h>
#include <sys/socket.h>

#include "bundler.h"
#include "content.h"
#include "counters.h"
#include "flow_header.h"
#include "link.h"
#include "segment.h"

#define HG_OUTBOX_FRAMES 128

struct hg_outbox {
	struct hg_link link;
	bool link_lost; /* the interface is down or gone: everything is dropped until it is back */
	struct hg_tcp_counters *counters;
	uint64_t put_bytes; /* payload, ever */
	uint32_t count;
	uint8_t headers[HG_OUTBOX_FRAMES][HG_FLOW_FRAME_BYTES];
	struct iovec parts[HG_OUTBOX_FRAMES][1 + HG_SEGMENT_PARTS];
	struct hg_content *contents[HG_OUTBOX_FRAMES]; /* whose payload it is */
	struct mmsghdr messages[HG_OUTBOX_FRAMES];
	uint16_t segments[HG_OUTBOX_FRAMES]; /* payload of each segment of a run; 0: it is one segment */
	struct hg_bundler bundler;
};

/*
 * [position, position + bytes) of one of the content's responses. More than `segment`,
 * and at most hg_outbox_run(): a run of segments. Without a response: an empty segment,
 * or with one byte of no meaning. false: it is not of the response, and is not sent.
 */
bool hg_outbox_put(struct hg_outbox *outbox, const struct hg_flow_header *flow, struct hg_content *content,
		   const struct hg_response *response, uint32_t position, uint32_t bytes, uint32_t segment,
		   uint8_t tcp_flags);

/* The same to a group. */
bool hg_outbox_put_group(struct hg_outbox *outbox, uint16_t group, struct hg_content *content,
			 const struct hg_response *response, uint32_t position, uint32_t bytes, uint32_t segment,
			 uint8_t tcp_flags);

/* The most payload that one push may have; 0: no more than a segment. */
uint32_t hg_outbox_run(const struct hg_outbox *outbox);

/* Sends everything. What the kernel cannot read withdraws its content. */
void hg_outbox_flush(struct hg_outbox *outbox);

#endif
