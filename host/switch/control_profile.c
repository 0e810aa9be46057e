/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: action profiles. */
#include <errno.h>
#include <string.h>

#include "switch.h"

int hg_profile_index(const struct hg_loaded *loaded, const char *name)
{
	for (uint32_t i = 0; i < loaded->pipeline->profile_count; i++) {
		if (!strcmp(loaded->pipeline->profiles[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

int hg_profile_action_index(const struct hg_loaded *loaded, uint32_t profile, const char *name)
{
	const struct hg_profile_spec *spec = &loaded->pipeline->profiles[profile];

	for (uint32_t i = 0; profile < loaded->pipeline->profile_count && i < spec->action_count; i++) {
		if (!strcmp(spec->actions[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

/* Locked, unless there is no such profile: then NULL. */
static struct profile *lock_profile(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t number)
{
	if (number >= loaded->pipeline->profile_count)
		return NULL;
	switch_lock(sw);
	return loaded->profiles[number];
}

int hg_member_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t number, uint32_t member, uint32_t action,
		  const uint8_t *params, uint32_t params_bytes)
{
	struct profile *profile = lock_profile(sw, loaded, number);

	return profile ? switch_unlock(sw, profile_member_set(profile, member, action, params, params_bytes))
		       : -EINVAL;
}

int hg_member_clear(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t number, uint32_t member)
{
	struct profile *profile = lock_profile(sw, loaded, number);

	return profile ? switch_unlock(sw, profile_member_clear(profile, member)) : -EINVAL;
}

int hg_choice_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t number, uint32_t choice,
		  const struct hg_chosen *chosen, uint32_t count)
{
	struct profile *profile = lock_profile(sw, loaded, number);

	return profile ? switch_unlock(sw, profile_choice_set(profile, choice, chosen, count)) : -EINVAL;
}

int hg_choice_clear(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t number, uint32_t choice)
{
	struct profile *profile = lock_profile(sw, loaded, number);

	return profile ? switch_unlock(sw, profile_choice_clear(profile, choice)) : -EINVAL;
}
