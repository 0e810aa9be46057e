/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many clients at one engine, and what stands between: a switch with a member table
 * and a controller that fills it. A group's number is used once, as in the real one.
 */
#ifndef TCP_CROWD_H
#define TCP_CROWD_H

#include "tcp_client.h"

#define CROWD_MAX 64
#define CROWD_ENTRIES 4096

struct crowd_entry {
	uint32_t due;      /* us: stands from then on */
	bool stands;
	uint32_t cohort;
	uint16_t group, instance;
	uint32_t base;
	struct client *client;
};

struct crowd {
	struct sim sim;
	uint32_t latency;  /* us that the controller takes */
	bool deaf;         /* it writes nothing */
	bool blank;        /* the switch has lost its tables */
	bool split;        /* every other member is in a second group */
	uint16_t last_group;
	uint32_t drop_offset, drop_times; /* the group push with this position reaches nobody, so often */
	struct crowd_entry entries[CROWD_ENTRIES];
	uint32_t entry_count;
	uint32_t left[HG_LEFT_REASONS]; /* as events told */
	uint32_t formed, ended;
	uint32_t group_pushes;
	uint32_t asked_seq[CROWD_MAX], asked_at[CROWD_MAX]; /* each client's request */
};

/* As sim_open(), with a watcher. */
void crowd_open(struct crowd *crowd, const char *flows, const char *content, uint32_t clients);
void crowd_watch(struct crowd *crowd, uint32_t window, uint32_t patience);
void crowd_close(struct crowd *crowd);
/* Client `i` connects and asks. */
void crowd_get(struct crowd *crowd, uint32_t i);
void crowd_run(struct crowd *crowd, uint32_t us);
/* Until every client has finished or was reset, but for those of the mask; false: not within that time. */
bool crowd_run_until_done(struct crowd *crowd, uint32_t us, uint64_t without);

#endif
