/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline's shared object, opened, with the tables and cells that it describes. */
#ifndef HG_LOADED_H
#define HG_LOADED_H

#include "again.h"
#include "digests.h"
#include "group.h"
#include "profile.h"
#include "table.h"

/* The most that a pipeline's deparser may write before the payload. */
#define LOADED_HEADER_BYTES 2048u

/* Egress may clone, and the clone's egress again: so often. */
#define LOADED_CLONE_DEPTH 4u

struct counter {
	struct hg_cell *cells;
	struct hg_counter_value *bases; /* cell.h */
};

/* What one worker needs of a pipeline while it works on a packet. */
struct lane {
	_Alignas(64) struct hg_context context;
	void *phv;   /* as parsed, and after ingress */
	void *saved; /* of a PHV that several copies share, what their egress restores */
	void *clone; /* a packet that ingress cloned, as parsed again */
	struct again_queue again;
	void *clones[LOADED_CLONE_DEPTH]; /* of what egress cloned, and of clones of these */
};

struct hg_loaded {
	void *object; /* dlopen's */
	const struct hg_pipeline *pipeline;
	struct epoch *epoch;
	struct hg_table **tables;
	struct counter *counters;
	struct groups *groups, *sessions; /* a pipeline starts with none */
	struct profile **profiles;
	struct hg_digests *digests; /* NULL: none in it */
	struct hg_loaded *next;

	/* As every lane's context has them. */
	struct hg_cell **cells;         /* context.counters */
	struct hg_meter_cell **meters;  /* context.meters */
	void **registers;               /* context.registers */
	struct hg_lock *register_locks;
	struct hg_profile **choosable;  /* context.profiles */

	uint32_t lane_count;
	struct lane *lanes; /* one for each worker */
};

/* What a pipeline needs of the switch that loads it. */
struct loaded_home {
	struct epoch *epoch;
	uint64_t seed;
	uint32_t max_groups;
	uint32_t workers;
	const struct digest_signal *digest_signal;
	const struct profile_home *profiles;
	bool traced; /* lookups are printed: trace.h */
};

int loaded_open(const char *path, const struct loaded_home *home, struct hg_loaded **loaded, char *error);
/* A port went up or down. -ENOMEM */
int loaded_ports_changed(struct hg_loaded *loaded);
/* When no worker can reach it any more. NULL is fine. */
void loaded_close(struct hg_loaded *loaded);

#endif
