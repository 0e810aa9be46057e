/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a content can be answered with: HTTP/1.1 header sections (RFC 9112), rendered
 * once, each padded so that all of the response is a multiple of 128 bytes. They are
 * made of the content's specification alone, so that every host, and this one after a
 * restart, renders the same bytes. That is also why there is no Date.
 */
#ifndef HG_RESPONSE_H
#define HG_RESPONSE_H

#include <stdint.h>
#include <time.h>

#include "wire.h"

/* In this order in the flow file: never renumbered. */
enum hg_response_kind {
	HG_RESPONSE_CONTENT = 0, /* 200 and the content */
	HG_RESPONSE_HEAD = 1,    /* the same header section, nothing behind it */
	HG_RESPONSE_NOT_MODIFIED = 2,
	HG_RESPONSE_BAD_REQUEST = 3,
	HG_RESPONSE_METHOD = 4,
	HG_RESPONSE_NOT_FOUND = 5,
	HG_RESPONSE_KINDS
};

/* Positions are differences of sequence numbers; half of their space is comparable. */
#define HG_POSITION_MAX (1u << 31)

#define HG_RESPONSE_HEAD_MAX 1024 /* of a header section, padded */
#define HG_CONTENT_TYPE_BYTES 128
#define HG_ETAG_BYTES 65 /* SHA-256 in hexadecimal and the terminating zero */

struct hg_response {
	uint32_t length;     /* header section and content, a multiple of 128 */
	uint32_t head_bytes; /* of it, in `head`; the rest is in `body` */
	uint8_t head[HG_RESPONSE_HEAD_MAX];
	const uint8_t *body; /* mapped: only the kernel reads it */
	const uint16_t *sums; /* of each 128 bytes of the response, one's complement */
	uint16_t head_sums[HG_RESPONSE_HEAD_MAX / HG_SEQ_GRANULE]; /* where nothing stands behind */
};

struct hg_response_facts {
	uint64_t bytes; /* of the content */
	const char *type;
	const char *etag; /* without quotes */
	time_t modified;
};

/*
 * Renders all kinds. responses[HG_RESPONSE_CONTENT] lacks body and sums. -EFBIG: more
 * than positions can name.
 */
int hg_responses_render(struct hg_response responses[HG_RESPONSE_KINDS], const struct hg_response_facts *facts);

/* The longest of those without a content: a position beyond it is in the content's. */
uint32_t hg_responses_longest_other(const struct hg_response responses[HG_RESPONSE_KINDS]);

#endif
