/* SPDX-License-Identifier: Apache-2.0 */
/* The replication engine's groups: immutable replica lists, by id. */
#ifndef HG_GROUP_H
#define HG_GROUP_H

#include "epoch.h"
#include "hg_switch.h"

/* v1model's mcast_grp and egress_rid are 16 bits wide. */
#define GROUP_IDS 65536u
#define GROUP_INSTANCES 65536u

struct group {
	struct retired retired;
	uint32_t count;
	uint32_t max_bytes; /* a clone session's; 0: all of a packet */
	struct hg_replica replicas[]; /* in the order they were written, and are sent */
};

struct groups {
	struct epoch *epoch;
	uint32_t count;
	uint32_t max;
	_Atomic(struct group *) by_id[GROUP_IDS];
};

struct groups *groups_new(struct epoch *epoch, uint32_t max);
/* When no worker can reach them any more. */
void groups_free(struct groups *groups);

int group_insert(struct groups *groups, uint32_t id, const struct hg_replica *replicas, uint32_t count,
		 uint32_t max_bytes);
int group_modify(struct groups *groups, uint32_t id, const struct hg_replica *replicas, uint32_t count,
		 uint32_t max_bytes);
int group_delete(struct groups *groups, uint32_t id);

/* The worker's; NULL when there is no such group. */
static inline const struct group *group_find(const struct groups *groups, uint32_t id)
{
	return id < GROUP_IDS ? atomic_load_explicit(&groups->by_id[id], memory_order_acquire) : NULL;
}

#endif
