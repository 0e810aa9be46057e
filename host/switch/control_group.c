/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: the running pipeline's multicast groups and clone sessions. */
#include <errno.h>

#include "switch.h"

/* Locked, unless there is no pipeline yet: then NULL, and there can be no groups. */
static struct groups *lock_groups(struct hg_switch *sw)
{
	struct hg_loaded *loaded;

	switch_lock(sw);
	loaded = switch_running(sw);
	if (loaded)
		return loaded->groups;
	switch_unlock(sw, 0);
	return NULL;
}

int hg_group_insert(struct hg_switch *sw, uint32_t group, const struct hg_replica *replicas, uint32_t count)
{
	struct groups *groups = lock_groups(sw);

	return groups ? switch_unlock(sw, group_insert(groups, group, replicas, count, 0)) : -ENODEV;
}

int hg_group_modify(struct hg_switch *sw, uint32_t group, const struct hg_replica *replicas, uint32_t count)
{
	struct groups *groups = lock_groups(sw);

	return groups ? switch_unlock(sw, group_modify(groups, group, replicas, count, 0)) : -ENODEV;
}

int hg_group_delete(struct hg_switch *sw, uint32_t group)
{
	struct groups *groups = lock_groups(sw);

	return groups ? switch_unlock(sw, group_delete(groups, group)) : -ENODEV;
}

int hg_group_list(struct hg_switch *sw, uint32_t *ids, uint32_t capacity)
{
	struct groups *groups = lock_groups(sw);
	uint32_t count = 0;

	if (!groups)
		return 0;
	for (uint32_t id = 1; id < GROUP_IDS && count < capacity && count < groups->count; id++) {
		if (group_find(groups, id))
			ids[count++] = id;
	}
	return switch_unlock(sw, (int)groups->count);
}

int hg_group_get(struct hg_switch *sw, uint32_t id, struct hg_replica *replicas, uint32_t capacity)
{
	struct groups *groups = lock_groups(sw);
	const struct group *group;

	if (!groups)
		return -ENODEV;
	group = group_find(groups, id);
	if (!group)
		return switch_unlock(sw, -ENOENT);
	for (uint32_t i = 0; i < group->count && i < capacity; i++)
		replicas[i] = group->replicas[i];
	return switch_unlock(sw, (int)group->count);
}

/* As lock_groups(). */
static struct groups *lock_sessions(struct hg_switch *sw)
{
	return lock_groups(sw) ? switch_running(sw)->sessions : NULL;
}

int hg_session_insert(struct hg_switch *sw, uint32_t session, const struct hg_replica *replicas, uint32_t count,
		      uint32_t max_bytes)
{
	struct groups *sessions = session <= HG_CLONE_SESSION ? lock_sessions(sw) : NULL;

	if (session > HG_CLONE_SESSION)
		return -EINVAL;
	return sessions ? switch_unlock(sw, group_insert(sessions, session, replicas, count, max_bytes)) : -ENODEV;
}

int hg_session_modify(struct hg_switch *sw, uint32_t session, const struct hg_replica *replicas, uint32_t count,
		      uint32_t max_bytes)
{
	struct groups *sessions = lock_sessions(sw);

	return sessions ? switch_unlock(sw, group_modify(sessions, session, replicas, count, max_bytes)) : -ENODEV;
}

int hg_session_delete(struct hg_switch *sw, uint32_t session)
{
	struct groups *sessions = lock_sessions(sw);

	return sessions ? switch_unlock(sw, group_delete(sessions, session)) : -ENODEV;
}
