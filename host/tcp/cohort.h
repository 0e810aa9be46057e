/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cohorts: clients that download one content together. Each segment is pushed once, to
 * groups whose members the switch's tables name; what a member lost comes by flow pushes.
 *
 * A member stays a flow like any other: its acknowledgements, its flight and its
 * timers are its own. Only new data comes from the cohort. So leaving costs nothing: the
 * flow goes on from where its client stands.
 */
#ifndef HG_COHORT_H
#define HG_COHORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cubic.h"
#include "flight.h"
#include "push_log.h"
#include "rtt.h"

#define HG_COHORTS_MAX 256
#define HG_COHORT_GROUPS_MAX 64
#define HG_COHORT_MEMBERS_MAX 4096   /* of one */
#define HG_COHORT_INSTANCES_MAX 16384 /* that one may have in its life */
#define HG_MEMBERS_MAX 16384         /* of all: what the pipeline's member table holds */

/* Shorter responses are sent sooner than entries are written. */
#define HG_COHORT_LENGTH_MIN (64u << 10)

/* As CohortLeft.Reason of the host protocol. */
enum hg_cohort_reason {
	HG_LEFT_LONE = 1,
	HG_LEFT_LATE,
	HG_LEFT_ALL_SENT,
	HG_LEFT_BEHIND,
	HG_LEFT_SILENT,
	HG_LEFT_RESET,
	HG_LEFT_CLOSED,
	HG_LEFT_PATH,
	HG_LEFT_DISSOLVED,
	HG_LEFT_REASONS,
};

enum hg_cohort_state {
	HG_COHORT_FREE = 0,
	HG_COHORT_FORMING = 1, /* its members wait for others, and for their entries */
	HG_COHORT_RUNNING = 2,
};

enum hg_entry {
	HG_ENTRY_ASKED,
	HG_ENTRY_STANDS,
	HG_ENTRY_REFUSED,
};

/* Time in which few wait counts for less than it is. */
#define HG_HELD_SCALE 16u

struct hg_member {
	uint32_t flow;
	uint32_t base;     /* sequence number of the response's first byte */
	uint32_t joined_at; /* us */
	uint32_t nudged;   /* up to here it was sent something again after a timeout, and nothing beyond came; 0: no */
	uint32_t probed;   /* what was pushed when its last tail-loss probe went out; 0: none did */
	uint32_t lost_point; /* what was pushed when it last counted among those that lose */
	uint32_t missing;  /* below it, what it lacks is what it came too late for */
	uint16_t cohort;   /* its place among them */
	uint16_t place;    /* in the cohort's arrays */
	uint16_t instance;
	uint8_t entry;     /* enum hg_entry: what the controller said */
	uint8_t asked;     /* how often its client was asked where it stands, and has not answered */
	bool entered;      /* its entry stands, and it follows */
	bool lags;         /* it holds the others up: since the cohort's `held_at` */
	uint32_t held;     /* so long it has done so in all: us, times HG_HELD_SCALE */
	uint64_t repair_bytes;
};

/* What many members lack is pushed to all of them again. */
struct hg_cohort_hole {
	uint32_t start, end;
	uint32_t wanted;  /* by how many */
	uint16_t by;      /* instance: the last of them */
	uint32_t seen_at; /* us, first */
	bool pushed;      /* to the groups, again */
};

#define HG_COHORT_HOLES 16

struct hg_cohort {
	uint32_t number; /* never used again */
	uint32_t content;
	uint32_t length; /* of the response */
	enum hg_cohort_state state;
	uint8_t segment; /* granules */
	uint8_t group_count;
	bool answered;   /* the controller has said something that was not looked at yet */
	bool unwanted;   /* it has no groups for it */
	uint16_t groups[HG_COHORT_GROUPS_MAX];
	uint16_t count;   /* of members */
	uint16_t entered; /* of those */
	uint16_t instances; /* handed out */
	uint32_t begun_at;  /* us: first request */
	uint64_t begun;     /* ns, likewise */
	uint32_t closes_at; /* FORMING: the window ends */
	uint32_t late_at;   /* FORMING: who has no entry by then goes alone */

	/* RUNNING */
	uint32_t sent;
	struct hg_cubic cubic;
	struct hg_rtt rtt;
	struct hg_push_log log; /* of new data: when each of it was pushed */
	uint32_t sample; /* us: how long what was last to arrive took, in this turn; 0: nothing did */
	uint32_t last_rtt; /* us: the last such */
	uint32_t pace_at;
	bool link_waits;    /* more could be pushed when its turn comes on the host link */
	uint32_t sent_at;   /* us: when something was last pushed */
	uint32_t heard_at;  /* us: when anything was last acknowledged, or asked for */
	uint8_t silences;   /* retransmission timeouts since then */
	uint32_t edge;      /* of the members that have an entry: the least of what they take, ... */
	uint32_t progress;  /* ... of what reached them */
	uint32_t acked;     /* ... and of what they acknowledged */
	bool stale;         /* these three are to be computed anew */
	uint32_t mean_edge, mean_progress, mean_repairing;
	uint32_t run_at;    /* us: since when it runs */
	uint32_t held_at;   /* us: when it was last seen that some hold the others up; 0: none do */
	uint16_t waiting;   /* who could do with more since then */
	uint32_t held_most; /* us: of those the one who has done so the longest */
	uint32_t cost_us;   /* of those who had to leave for it */
	uint32_t point;     /* what was sent when the window was last made smaller */
	uint16_t losers;    /* members that lost something since then */
	uint32_t losers_at; /* position: until it is everywhere they are counted */
	uint32_t refresh_at; /* us: the next member's place in the switch's filter */
	uint16_t refreshed; /* place */
	struct hg_cohort_hole holes[HG_COHORT_HOLES];

	/* By place; of members without an entry as far as can be. */
	uint32_t *edges, *reached, *ackeds;
	uint32_t *repairing;    /* bytes on their way that were sent again, to it alone or to all */
	uint16_t *lowest;       /* round-trip time of each, in HG_CUBIC_LOWEST_US; 0: none yet */
	uint32_t *widest;       /* the largest window that each has shown */
	uint16_t *members;      /* handles */
	uint16_t *by_instance;  /* handles; 0: gone */

	uint64_t pushes, payload_bytes; /* frames, once for each group */
	uint64_t repairs, repair_bytes, group_repairs;
	uint64_t joined_late;
	uint32_t left[HG_LEFT_REASONS];
};

/* What has changed, for the one who watches; in order. */
enum hg_cohort_news {
	HG_NEWS_RUNNING, /* of one that ran before anybody watched */
	HG_NEWS_HERE,    /* its member that has an entry */
	HG_NEWS_JOINED,
	HG_NEWS_LEFT,
	HG_NEWS_ENDED,
};

struct hg_cohort_change {
	uint32_t cohort; /* number */
	uint32_t content;
	uint16_t instance;
	uint8_t news;   /* enum hg_cohort_news */
	uint8_t reason; /* enum hg_cohort_reason */
};

#define HG_COHORT_CHANGES 65536

struct hg_cohorts {
	struct hg_cohort *cohorts; /* HG_COHORTS_MAX */
	struct hg_member *members; /* by handle; 0 is none */
	uint16_t *free_members;
	uint32_t free_count;
	uint32_t last; /* number */
	uint32_t used; /* places from 0 on that may be in use */

	bool watched;
	bool forsaken;     /* who watched those that form is gone */
	bool lost;         /* changes that had no room: whoever watches must begin anew */
	uint32_t window;   /* us */
	uint32_t patience; /* us */
	uint32_t most;     /* members of one */
	struct hg_cohort_change *changes; /* a ring */
	uint32_t put, taken, told;
	int changed; /* eventfd; -1: nobody waits */
};

struct hg_engine;
struct hg_pull;

/* -ENOMEM. */
int hg_cohorts_open(struct hg_cohorts *cohorts);
void hg_cohorts_close(struct hg_cohorts *cohorts);

/* cohort.c: who is in one. */

struct hg_cohort *hg_cohort_of(const struct hg_engine *engine, uint32_t index, struct hg_member **member);
struct hg_cohort *hg_cohort_find(const struct hg_engine *engine, uint32_t number);
/* HG_COHORT_FREE when there is room; NULL: there is none. */
struct hg_cohort *hg_cohort_new(struct hg_engine *engine, uint32_t content, uint32_t length, uint8_t segment);
/* false: no room. */
bool hg_cohort_join(struct hg_engine *engine, struct hg_cohort *cohort, uint32_t index, uint32_t base);
/* Of any flow: it goes on alone, if it goes on. */
void hg_cohort_leave(struct hg_engine *engine, uint32_t index, enum hg_cohort_reason reason);
/* Everyone; it is gone. */
void hg_cohort_end(struct hg_engine *engine, struct hg_cohort *cohort, enum hg_cohort_reason reason);
void hg_cohort_tell(struct hg_engine *engine, const struct hg_cohort *cohort, uint16_t instance,
		    enum hg_cohort_news news, enum hg_cohort_reason reason);

/* cohort_form.c: from requests to a cohort that runs. */

/* A request for a whole content was read: true if it waits for others, or joined some. */
bool hg_cohort_invite(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull);
/* What the controller said of its members. */
void hg_cohort_admit(struct hg_engine *engine, struct hg_cohort *cohort);
void hg_cohort_form(struct hg_engine *engine, struct hg_cohort *cohort);

/* What the rest of the engine asks and tells. */

/* Is it still waiting for others, or for its entry? */
bool hg_cohort_holds(const struct hg_engine *engine, uint32_t index);
/* Brings the record up to what was pushed to it. */
void hg_cohort_sync(struct hg_engine *engine, uint32_t index);
/* A member's acknowledgement was read, and this is what it brought. */
void hg_cohort_heard(struct hg_engine *engine, uint32_t index, const struct hg_delivery *delivery);
/*
 * A tail-loss probe of a member goes out: the second one before which nothing has come that was pushed
 * to the group shows that such pushes do not reach it, and it leaves.
 */
void hg_cohort_probes(struct hg_engine *engine, uint32_t index);
/*
 * A retransmission timeout of a member. true, for the first time: it may only be late, and
 * is to get the segment up to `end` again. Comes nothing but that, it was no delay.
 */
bool hg_cohort_bears(struct hg_engine *engine, uint32_t index, uint32_t end);
/* A member begins to recover from a loss. */
void hg_cohort_lost(struct hg_engine *engine, uint32_t index);
/* So much is sent to a member alone, that the cohort had pushed before. */
void hg_cohort_repaired(struct hg_engine *engine, uint32_t index, uint32_t bytes);
/* A member lacks this: true if it comes by a group push. */
bool hg_cohort_repair(struct hg_engine *engine, uint32_t index, uint32_t start, uint32_t end);
void hg_cohorts_run(struct hg_engine *engine);
/* This one; it may be a free one. */
void hg_cohort_run(struct hg_engine *engine, struct hg_cohort *cohort);
/* How long (us) none has anything to do. */
uint32_t hg_cohorts_quiet(const struct hg_engine *engine);

#endif
