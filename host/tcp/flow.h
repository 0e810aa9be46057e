/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client's download, in two halves. The record lies in the flow file, which
 * survives the process: who the client is and where it stands. The rest is soft: lose
 * it and the next acknowledgement rebuilds it.
 *
 * A position counts the response's bytes that are before it: the sequence number less
 * that of the first byte. Our FIN takes the one at the response's length.
 */
#ifndef HG_FLOW_H
#define HG_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "cubic.h"
#include "flight.h"
#include "flow_header.h"
#include "recovery.h"
#include "request.h"
#include "rtt.h"
#include "tcp.h"
#include "timers.h"

/* Written so that whoever reads it after a kill -9 at any point finds it right: see each field. */
struct hg_flow_record {
	struct hg_flow_header header; /* as it goes out; before `state` when it is made */
	uint32_t content;
	uint32_t acked;               /* position */
	uint32_t sent;                /* highest position ever sent; before it is sent */
	uint32_t request_start;       /* sequence number of the client's first byte */
	struct hg_request request;    /* by one store; header.ack_no follows it */
	_Atomic uint8_t state;        /* last when it is made, first when it is freed */
	uint8_t response;             /* enum hg_response_kind; before `state` says RESPONSE */
	uint8_t flags;                /* HG_FLOW_* */
	uint8_t unused[5];
};

static_assert(sizeof(struct hg_flow_record) == 96, "the flow file's layout");

/* Of a record. */
#define HG_FLOW_CLIENT_FIN 1 /* the client has closed its side */
#define HG_FLOW_FIN_SENT 2   /* ours was sent */
#define HG_FLOW_ADOPTED 4    /* taken over in the middle: `sent` is not all that was sent */
#define HG_FLOW_HANDED_OVER 8 /* by a host that may have read and sent more than stands here */

enum hg_flow_timeout {
	HG_TIMEOUT_NONE,
	HG_TIMEOUT_RETRANSMIT, /* RFC 6298 */
	HG_TIMEOUT_TAIL,       /* RFC 8985, 7 */
	HG_TIMEOUT_REORDER,    /* the reordering window: RFC 8985, 6.2 */
	HG_TIMEOUT_PERSIST,    /* zero window: RFC 9293, 3.8.6.1 */
	HG_TIMEOUT_RESUME,     /* ask the client where it stands */
	HG_TIMEOUT_IDLE,       /* nothing to wait for but the client */
};

struct hg_flow {
	struct hg_timer timer;
	uint32_t timeout_at; /* us */
	uint32_t pace_at;    /* us: nothing is sent before */
	uint32_t window;     /* bytes, as the client last said */
	uint16_t window_max; /* the largest that it ever said; larger ones as 65,535 */
	uint16_t challenged; /* when an acknowledgement was last refused, in 2^17 us */
	struct hg_cubic cubic;
	struct hg_rtt rtt;
	struct hg_flight flight; /* [acked, sent) */
	struct hg_recovery recovery;
	uint32_t probed;     /* where the tail-loss probe ended; 0: it was new data */
	uint8_t timeout;   /* enum hg_flow_timeout */
	uint8_t backoff;   /* timeouts in a row without an answer */
	uint8_t segment;   /* largest payload, in 128 bytes */
	uint8_t soft;      /* HG_SOFT_* */
};

static_assert(sizeof(struct hg_flow) <= 192, "a million of them, in three cache lines each");

/* Of the soft half. */
#define HG_SOFT_SYNCHRONISED 1 /* request_start is the connection's beginning */
#define HG_SOFT_DOUBTED 2      /* a first segment was passed over that did not begin a request */
#define HG_SOFT_ACK_DUE 4
#define HG_SOFT_PACED 8        /* more could be sent at pace_at */
#define HG_SOFT_TAIL_PROBED 16 /* a tail-loss probe is out */
#define HG_SOFT_RESUMING 32    /* the client was not heard of since the restart, or since it is ours */
#define HG_SOFT_UNDOABLE 64    /* the last recovery may turn out to have been needless */
#define HG_SOFT_LINK_WAITS 128 /* more could be sent when its turn comes on the host link */

static inline bool hg_flow_has_sack(const struct hg_flow_record *record)
{
	return record->header.constants & 1;
}

/* RFC 7323, 2.3: a shift above 14 is taken as 14. */
static inline uint32_t hg_flow_window(const struct hg_flow_record *record, uint16_t window)
{
	uint32_t shift = record->header.constants >> 3;

	if (shift == HG_WSCALE_NONE)
		return window;
	return (uint32_t)window << (shift > 14 ? 14 : shift);
}

#endif
