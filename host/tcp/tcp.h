/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stateless TCP's host side: contents in, clients' pulls answered by flow pushes, in a
 * thread of its own. Every function may be called from any thread. 0 or a negative
 * errno, with a line in `error` (HG_PUSHER_ERROR_BYTES) that names what was wrong.
 */
#ifndef HG_TCP_H
#define HG_TCP_H

#include <stdbool.h>

#include "cohort.h"
#include "content.h"
#include "counters.h"
#include "flow_header.h"
#include "request.h"

struct hg_engine;

/* `flows` is the path of the flow file; what it holds goes on. */
int hg_engine_start(struct hg_engine **engine, const char *interface, const char *flows, bool bundles,
		    char *error);
/* Flows stay in the file, for the next one. NULL is fine. */
void hg_engine_stop(struct hg_engine *engine);

struct hg_content_status {
	struct hg_content_spec spec;
	enum hg_content_state state;
	uint64_t file_bytes;
	uint64_t response_bytes; /* what the service table must say */
	uint64_t prepared_bytes; /* of the response */
	uint32_t flows;
	char error[HG_PUSHER_ERROR_BYTES];
};

/*
 * Begins to prepare it, and returns. One that is there with the same specification is
 * left alone (or serves again, if it was draining); one that is withdrawn is replaced.
 */
int hg_engine_add_content(struct hg_engine *engine, const struct hg_content_spec *spec,
			  struct hg_content_status *status, char *error);

/*
 * `reset`: its downloads end at once, and it is gone. Else it drains, and goes with the
 * last of them. -ENOENT.
 */
int hg_engine_remove_content(struct hg_engine *engine, uint32_t id, bool reset, struct hg_content_status *status,
			     char *error);

/* Up to `count` contents with numbers from `from` on, ascending; how many there are. */
uint32_t hg_engine_contents(struct hg_engine *engine, uint32_t from, struct hg_content_status *statuses, uint32_t count);

enum hg_flow_state {
	HG_FLOW_FREE = 0,
	HG_FLOW_REQUEST = 1,  /* waits for the end of a request head */
	HG_FLOW_RESPONSE = 2, /* sends a response */
	HG_FLOW_CLOSING = 3,  /* everything is acknowledged; waits for the client's FIN */
};

/* As one host tells of it and another takes it over. */
struct hg_flow_status {
	uint32_t id; /* its place: lists go on from there */
	struct hg_flow_header header;
	uint32_t content;
	uint32_t acked, sent, length;
	struct hg_request request; /* in state REQUEST */
	uint8_t state;    /* enum hg_flow_state */
	uint8_t response; /* enum hg_response_kind */
	bool client_fin;  /* the client has closed its side */
	/* These only describe it. */
	uint32_t window, congestion_window;
	uint32_t rtt_us;
	bool recovering;
};

/* Up to `count` flows with places from `from` on. */
uint32_t hg_engine_flows(struct hg_engine *engine, uint32_t from, struct hg_flow_status *statuses, uint32_t count);

/*
 * Makes records for those that are not known, and asks their clients where they stand
 * as soon as their content is ready. Known ones are left; a client that does not answer
 * is asked again. `made`: how many are new. -ENOSPC: not all had room.
 */
int hg_engine_adopt_flows(struct hg_engine *engine, const struct hg_flow_status *statuses, uint32_t count,
			  uint32_t *made, char *error);

/* Their records go, and the clients are told nothing: another host has them. Returns how many there were. */
uint32_t hg_engine_forget_flows(struct hg_engine *engine, const struct hg_flow_key *keys, uint32_t count);

/*
 * Cohorts (cohort.h): who watches is told who shall be in one, and says whose entries
 * stand. `changed` is an eventfd, written when there is something new to be told.
 */
void hg_engine_watch_cohorts(struct hg_engine *engine, uint32_t window_us, uint32_t patience_us, uint32_t most,
			     int changed);
/* Nobody watches: those that form are given up, those that run go on. */
void hg_engine_unwatch_cohorts(struct hg_engine *engine);

#define HG_COHORT_EVENT_MEMBERS 128

struct hg_cohort_newcomer {
	uint16_t instance;
	struct hg_flow_header header;
	uint32_t base; /* sequence number of the response's first byte */
};

/* What happened to one cohort, in this order: members joined, some left, it ended. */
struct hg_cohort_event {
	uint32_t cohort;
	uint32_t content;
	uint32_t joined_count, left_count, group_count;
	struct hg_cohort_newcomer joined[HG_COHORT_EVENT_MEMBERS];
	struct {
		uint16_t instance;
		uint8_t reason; /* enum hg_cohort_reason */
	} left[HG_COHORT_EVENT_MEMBERS];
	uint16_t groups[HG_COHORT_GROUPS_MAX]; /* of one that ran before anybody watched */
	bool entered; /* `joined` have their entries */
	bool ended;
};

/* The next; 0: there is none. -ENOBUFS: some are lost, and whoever watches must begin anew. */
int hg_engine_next_cohort_event(struct hg_engine *engine, struct hg_cohort_event *event);

struct hg_cohort_entries {
	uint32_t cohort;
	uint32_t group_count, entered_count, refused_count;
	const uint32_t *groups;  /* HG_COHORT_GROUP_FIRST to 65535; none: it is given up */
	const uint32_t *entered, *refused; /* instances; those that have left are passed over */
};

/* -ENOENT; -EINVAL. */
int hg_engine_enter_cohort(struct hg_engine *engine, const struct hg_cohort_entries *entries, char *error);

struct hg_cohort_status {
	uint32_t number, content;
	uint8_t state; /* enum hg_cohort_state */
	uint32_t members, length, sent, acked, segment_bytes, window, rtt_us;
	uint32_t group_count;
	uint16_t groups[HG_COHORT_GROUPS_MAX];
	uint64_t age_us;
	uint64_t pushes, payload_bytes, repairs, repair_bytes, group_repairs, joined_late;
	uint32_t left[HG_LEFT_REASONS];
};

/* Up to `count` with numbers from `from` on, ascending. */
uint32_t hg_engine_cohorts(struct hg_engine *engine, uint32_t from, struct hg_cohort_status *statuses, uint32_t count);

struct hg_member_status {
	uint16_t instance;
	struct hg_flow_key key;
	bool entered;
	uint32_t acked, window;
	uint64_t repair_bytes;
};

/* Up to `count` of its members with instances from `from` on, ascending. -ENOENT. */
int hg_engine_cohort_members(struct hg_engine *engine, uint32_t number, uint32_t from,
			     struct hg_member_status *statuses, uint32_t count, char *error);

/* As HostLink of the host protocol. */
struct hg_link_status {
	bool answers;
	uint32_t window, outstanding; /* frames */
	uint32_t trip_us, lowest_trip_us;
	uint32_t waiting;
};

struct hg_engine_totals {
	struct hg_tcp_counters counters;
	struct hg_link_status link;
	uint32_t flows;
	uint32_t contents;
};

void hg_engine_totals(struct hg_engine *engine, struct hg_engine_totals *totals);

#endif
