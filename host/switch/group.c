/* SPDX-License-Identifier: Apache-2.0 */
#include "group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct groups *groups_new(struct epoch *epoch, uint32_t max)
{
	struct groups *groups = calloc(1, sizeof(*groups));

	if (!groups)
		return NULL;
	groups->epoch = epoch;
	groups->max = max;
	return groups;
}

void groups_free(struct groups *groups)
{
	if (!groups)
		return;
	for (uint32_t id = 0; id < GROUP_IDS; id++)
		free(atomic_load_explicit(&groups->by_id[id], memory_order_relaxed));
	free(groups);
}

static void group_release(struct retired *retired)
{
	free(retired);
}

static int by_port_and_instance(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hg_replica));
}

/* P4Runtime: (port, instance) is unique in a group. */
static int check_replicas(const struct hg_replica *replicas, uint32_t count)
{
	struct hg_replica *sorted;
	int ret = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (replicas[i].instance >= GROUP_INSTANCES)
			return -EINVAL;
	}
	if (count < 2)
		return 0;
	sorted = malloc(count * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, replicas, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_port_and_instance);
	for (uint32_t i = 1; i < count && !ret; i++) {
		if (!by_port_and_instance(&sorted[i - 1], &sorted[i]))
			ret = -EINVAL;
	}
	free(sorted);
	return ret;
}

static int group_new(const struct hg_replica *replicas, uint32_t count, uint32_t max_bytes, struct group **made)
{
	struct group *group;
	int ret = check_replicas(replicas, count);

	if (ret)
		return ret;
	group = malloc(sizeof(*group) + count * sizeof(*replicas));
	if (!group)
		return -ENOMEM;
	group->count = count;
	group->max_bytes = max_bytes;
	if (count)
		memcpy(group->replicas, replicas, count * sizeof(*replicas));
	*made = group;
	return 0;
}

static void publish(struct groups *groups, uint32_t id, struct group *group)
{
	struct group *old = atomic_load_explicit(&groups->by_id[id], memory_order_relaxed);

	atomic_store_explicit(&groups->by_id[id], group, memory_order_release);
	if (old)
		epoch_retire(groups->epoch, &old->retired, group_release);
}

int group_insert(struct groups *groups, uint32_t id, const struct hg_replica *replicas, uint32_t count,
		 uint32_t max_bytes)
{
	struct group *group;
	int ret;

	if (id == 0 || id >= GROUP_IDS)
		return -EINVAL;
	if (group_find(groups, id))
		return -EEXIST;
	if (groups->count == groups->max)
		return -ENOSPC;
	ret = group_new(replicas, count, max_bytes, &group);
	if (ret)
		return ret;
	publish(groups, id, group);
	groups->count++;
	return 0;
}

int group_modify(struct groups *groups, uint32_t id, const struct hg_replica *replicas, uint32_t count,
		 uint32_t max_bytes)
{
	struct group *group;
	int ret;

	if (!group_find(groups, id))
		return -ENOENT;
	ret = group_new(replicas, count, max_bytes, &group);
	if (ret)
		return ret;
	publish(groups, id, group);
	return 0;
}

int group_delete(struct groups *groups, uint32_t id)
{
	if (!group_find(groups, id))
		return -ENOENT;
	publish(groups, id, NULL);
	groups->count--;
	return 0;
}
