/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is on the host link. Flows and cohorts ask before each push; while the
 * link's window (link_window.h) has no room they wait in the order in which they came,
 * and each turn is worth a bounded number of bytes. What was not handed to the link was
 * not sent: nobody's timer runs for it.
 */
#ifndef HG_HOST_LINK_H
#define HG_HOST_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct hg_engine;

/* A sender: a flow by its index, a cohort by its place with this bit. */
#define HG_SENDER_COHORT (1u << 31)
#define HG_SENDER_NONE UINT32_MAX

struct hg_host_link {
	uint32_t *senders; /* that wait: a ring; one that is gone, or does not want to any more, stays until its turn */
	uint32_t first, count;
	uint32_t turn;       /* whose it is; HG_SENDER_NONE: nobody's */
	uint64_t turn_until; /* bytes put into the outbox by then */
	bool answered;       /* as was last said to whoever reads the log */
	uint32_t ran_at;     /* us: when turns were last given */
};

/* -ENOMEM. */
int hg_host_link_open(struct hg_host_link *host_link);
void hg_host_link_close(struct hg_host_link *host_link);

/* May it push something now? false: it waits, and is called when its turn comes. */
bool hg_host_link_admits(struct hg_engine *engine, uint32_t sender);

/* What the switch has sent back; whoever waited longest goes on. */
void hg_host_link_run(struct hg_engine *engine);

struct hg_link_status;
void hg_host_link_status(const struct hg_engine *engine, struct hg_link_status *status);

/* How long (us) nothing but an echo gives anybody a turn. */
uint32_t hg_host_link_quiet(const struct hg_engine *engine);

#endif
