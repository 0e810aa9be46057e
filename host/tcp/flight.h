/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is outstanding of one flow: the bytes between the acknowledged and the sent position,
 * as a list of runs, each of which was last sent at one time. SACK (RFC 2018) splits runs, RACK (RFC
 * 8985) compares their times, and the pipe (RFC 6675) is what is neither selectively
 * acknowledged nor lost.
 *
 * Runs come from a pool that all flows share. When it is used up, or one flow has more
 * than its share, runs are merged or a selective acknowledgement is ignored: that costs a
 * retransmission that was not needed and is otherwise harmless.
 *
 * Positions are multiples of HG_SEQ_GRANULE, and [acked, end) is what the list covers.
 */
#ifndef HG_FLIGHT_H
#define HG_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

#define HG_RUN_SACKED 1 /* the client has it */
#define HG_RUN_LOST 2   /* and it was not sent again since */
#define HG_RUN_RESENT 4 /* it was sent more than once */

struct hg_run {
	uint32_t next;    /* in its flight, or in the free list; 0: none */
	uint32_t end;     /* position; it begins where the run before it ends */
	uint32_t sent_at; /* us: last */
	uint8_t state;    /* HG_RUN_* */
};

struct hg_runs {
	struct hg_run *runs; /* run 0 is not used */
	uint32_t size;
	uint32_t free;     /* list */
	uint32_t fresh;    /* from here on they were never used */
	uint32_t left;     /* how many are free */
	uint32_t reserved; /* of those, one for each flow that has none yet */
};

struct hg_flight {
	uint32_t acked, end;
	uint32_t first, last;  /* runs; 0: none */
	uint32_t sacked, lost; /* bytes in such runs */
	uint32_t highest;      /* end of the highest run that the client has, or had; at least `acked` */
	uint16_t count;        /* of runs */
	uint16_t duplicates;   /* without SACK: segments that have left the network (RFC 6582) */
};

struct hg_range {
	uint32_t start, end;
};

/* What one packet acknowledges that was not acknowledged before, selectively or not. */
struct hg_delivery {
	uint32_t now;       /* us */
	uint32_t least_rtt; /* us: a retransmission that was answered sooner is not what was answered */

	uint32_t bytes;
	uint32_t once_at;   /* us: when the last of that was sent which was sent once and is above all that it had */
	uint32_t sent_at;   /* us: when the last of all that count for RACK was sent, ... */
	uint32_t end;       /* ... and where that ends */
	bool once, any;     /* are there such */
	bool reordered;     /* some was sent once, and is below what the client already had (RFC 8985, 6.2, step 3) */
	bool resent;        /* some was sent more than once */
	bool not_lost;      /* some counted as lost and was never sent again (RFC 5682) */
};

/* RACK's most recently sent of what was delivered (RFC 8985, 5.2). */
struct hg_rack {
	uint32_t sent_at, end;
	uint32_t rtt; /* us; 0: nothing was delivered yet */
};

/* Room for `flows` flows and `more` runs beyond one for each; pages that are not used cost nothing. -ENOMEM. */
int hg_runs_open(struct hg_runs *runs, uint32_t flows, uint32_t more);
void hg_runs_close(struct hg_runs *runs);

/* Nothing is outstanding, at `position`. */
void hg_flight_reset(struct hg_runs *runs, struct hg_flight *flight, uint32_t position);

/* [flight->end, end) is sent for the first time. */
void hg_flight_append(struct hg_runs *runs, struct hg_flight *flight, uint32_t end, uint32_t now);

/* [start, end) is sent again. */
void hg_flight_resend(struct hg_runs *runs, struct hg_flight *flight, uint32_t start, uint32_t end, uint32_t now);

/* Everything below `position` is acknowledged. */
void hg_flight_ack(struct hg_runs *runs, struct hg_flight *flight, uint32_t position, struct hg_delivery *delivery);

/* The client has [start, end), which is outstanding. */
void hg_flight_sack(struct hg_runs *runs, struct hg_flight *flight, uint32_t start, uint32_t end,
		    struct hg_delivery *delivery);

/* [start, end) is lost but for what the client has. */
void hg_flight_lose(struct hg_runs *runs, struct hg_flight *flight, uint32_t start, uint32_t end);

/* The client has thrown away what it selectively acknowledged (RFC 2018, 8): it is lost. */
void hg_flight_renege(struct hg_runs *runs, struct hg_flight *flight);

/* What counts as lost is only late: it is outstanding again. */
void hg_flight_restore(struct hg_runs *runs, struct hg_flight *flight);

/* Takes what was delivered into account (RFC 8985, 6.2, step 2). */
void hg_rack_update(struct hg_rack *rack, const struct hg_delivery *delivery);

/*
 * RFC 8985, 6.2, step 5: what was sent before something that was delivered, longer ago than
 * a round trip and the reordering window, is lost. Returns how long (us) until the next one
 * is; 0: none would be.
 */
uint32_t hg_flight_find_lost(struct hg_runs *runs, struct hg_flight *flight, const struct hg_rack *rack,
			     uint32_t window, uint32_t now);

/* The first that is lost; false: nothing is. */
bool hg_flight_first_lost(const struct hg_runs *runs, const struct hg_flight *flight, struct hg_range *range);

/* Bytes that are thought to be in the network (RFC 6675, SetPipe); `segment`: of one that a duplicate stands for. */
static inline uint32_t hg_flight_pipe(const struct hg_flight *flight, uint32_t segment)
{
	uint32_t pipe = flight->end - flight->acked - flight->sacked - flight->lost;
	uint32_t left = flight->duplicates * segment;

	return pipe > left ? pipe - left : 0;
}

#endif
