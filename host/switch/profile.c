/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flat.h"

/* What was written to a member, and the slot that it stays in. */
struct content {
	struct retired retired;
	struct hg_member seen;
};

struct member {
	struct retired retired;
	struct hg_member_slot seen;
	uint32_t uses; /* in choices */
};

struct members {
	struct retired retired;
	struct hg_members seen;
};

struct choices {
	struct retired retired;
	struct hg_choices seen;
};

/* A choice as the control plane wrote it. */
struct wanted {
	uint32_t count;
	struct hg_chosen chosen[];
};

static void release(struct retired *retired)
{
	free(retired);
}

static struct choices *choices_of(struct profile *profile)
{
	const struct hg_choices *seen = atomic_load_explicit(&profile->seen.choices, memory_order_relaxed);

	return (struct choices *)((char *)(uintptr_t)seen - offsetof(struct choices, seen));
}

/* ---- lists that packets choose from ----------------------------------------------- */

static bool is_up(const struct profile *profile, const struct hg_chosen *chosen)
{
	return !chosen->watch || profile->home->port_up(profile->home->opaque, chosen->port);
}

/* Publishes what can be chosen of a choice; of none, NULL. */
static int publish(struct profile *profile, uint32_t number)
{
	const struct wanted *wanted = profile->wanted[number];
	_Atomic(const struct hg_members *) *slot = &choices_of(profile)->seen.list[number];
	const struct hg_members *old = atomic_load_explicit(slot, memory_order_relaxed);
	struct members *members = NULL;

	if (wanted) {
		members = malloc(sizeof(*members) + wanted->count * sizeof(members->seen.list[0]));
		if (!members)
			return -ENOMEM;
		members->seen.count = 0;
		for (uint32_t i = 0; i < wanted->count; i++) {
			if (is_up(profile, &wanted->chosen[i]))
				members->seen.list[members->seen.count++] =
					&profile->members[wanted->chosen[i].member]->seen;
		}
	}
	atomic_store_explicit(slot, members ? &members->seen : NULL, memory_order_release);
	if (old)
		epoch_retire(profile->home->epoch,
			     (struct retired *)((char *)(uintptr_t)old - offsetof(struct members, seen)), release);
	return 0;
}

static bool watches(const struct wanted *wanted)
{
	for (uint32_t i = 0; wanted && i < wanted->count; i++) {
		if (wanted->chosen[i].watch)
			return true;
	}
	return false;
}

int profile_refresh(struct profile *profile)
{
	int ret = 0;

	for (uint32_t i = 0; i < profile->choice_room; i++) {
		if (watches(profile->wanted[i]) && publish(profile, i))
			ret = -ENOMEM;
	}
	return ret;
}

/* ---- room --------------------------------------------------------------------------- */

static uint32_t room_for(uint32_t number, uint32_t room)
{
	return number < 2 * room ? 2 * room : number + 16;
}

static int grow_members(struct profile *profile, uint32_t number)
{
	uint32_t room = room_for(number, profile->member_room);
	struct member **members;

	if (number < profile->member_room)
		return 0;
	members = realloc(profile->members, room * sizeof(struct member *));
	if (!members)
		return -ENOMEM;
	memset(members + profile->member_room, 0, (room - profile->member_room) * sizeof(struct member *));
	profile->members = members;
	profile->member_room = room;
	return 0;
}

/* Packets may be reading the old array: its successor takes over all that is in it. */
static int grow_choices(struct profile *profile, uint32_t number)
{
	uint32_t room = room_for(number, profile->choice_room);
	struct choices *old = choices_of(profile), *choices;
	struct wanted **wanted;

	if (number < profile->choice_room)
		return 0;
	wanted = realloc(profile->wanted, room * sizeof(struct wanted *));
	if (!wanted)
		return -ENOMEM;
	profile->wanted = wanted;
	choices = calloc(1, sizeof(*choices) + room * sizeof(choices->seen.list[0]));
	if (!choices)
		return -ENOMEM;
	memset(wanted + profile->choice_room, 0, (room - profile->choice_room) * sizeof(struct wanted *));
	choices->seen.count = room;
	for (uint32_t i = 0; i < profile->choice_room; i++)
		atomic_init(&choices->seen.list[i], atomic_load_explicit(&old->seen.list[i], memory_order_relaxed));
	atomic_store_explicit(&profile->seen.choices, &choices->seen, memory_order_release);
	epoch_retire(profile->home->epoch, &old->retired, release);
	profile->choice_room = room;
	return 0;
}

/* ---- members -------------------------------------------------------------------------- */

static struct content *content_of(const struct member *member)
{
	const struct hg_member *seen = atomic_load_explicit(&member->seen.now, memory_order_relaxed);

	return (struct content *)((char *)(uintptr_t)seen - offsetof(struct content, seen));
}

static int content_new(const struct hg_profile_spec *spec, uint32_t action, const uint8_t *params,
		       uint32_t params_bytes, struct content **made)
{
	size_t bytes = sizeof(struct content) + spec->actions[action].data_bytes;
	struct content *content = aligned_alloc(_Alignof(struct content), (bytes + 15) / 16 * 16);
	int ret;

	if (!content)
		return -ENOMEM;
	memset(content, 0, bytes);
	content->seen.action = action;
	ret = flat_to_data(&spec->actions[action], params, params_bytes, content->seen.data);
	if (ret)
		free(content);
	else
		*made = content;
	return ret;
}

static void member_free(struct member *member)
{
	if (member)
		free(content_of(member));
	free(member);
}

static void member_release(struct retired *retired)
{
	member_free((struct member *)retired);
}

int profile_member_set(struct profile *profile, uint32_t number, uint32_t action, const uint8_t *params,
		       uint32_t params_bytes)
{
	struct content *content, *old = NULL;
	struct member *member;
	int ret;

	if (number >= PROFILE_NUMBERS || action >= profile->spec->action_count)
		return -EINVAL;
	ret = grow_members(profile, number);
	if (!ret)
		ret = content_new(profile->spec, action, params, params_bytes, &content);
	if (ret)
		return ret;
	member = profile->members[number];
	if (member)
		old = content_of(member);
	else
		member = calloc(1, sizeof(*member));
	if (!member) {
		free(content);
		return -ENOMEM;
	}
	profile->members[number] = member;
	atomic_store_explicit(&member->seen.now, &content->seen, memory_order_release);
	if (old)
		epoch_retire(profile->home->epoch, &old->retired, release);
	return 0;
}

int profile_member_clear(struct profile *profile, uint32_t number)
{
	struct member *member = number < profile->member_room ? profile->members[number] : NULL;

	if (!member)
		return -ENOENT;
	if (member->uses)
		return -EBUSY;
	profile->members[number] = NULL;
	epoch_retire(profile->home->epoch, &member->retired, member_release);
	return 0;
}

/* ---- choices -------------------------------------------------------------------------- */

static void count_uses(struct profile *profile, const struct wanted *wanted, int32_t more)
{
	for (uint32_t i = 0; wanted && i < wanted->count; i++)
		profile->members[wanted->chosen[i].member]->uses += (uint32_t)more;
}

int profile_choice_set(struct profile *profile, uint32_t number, const struct hg_chosen *chosen, uint32_t count)
{
	struct wanted *wanted, *old;
	int ret;

	if (number >= PROFILE_NUMBERS)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (chosen[i].member >= profile->member_room || !profile->members[chosen[i].member])
			return -EINVAL;
	}
	ret = grow_choices(profile, number);
	if (ret)
		return ret;
	wanted = malloc(sizeof(*wanted) + count * sizeof(wanted->chosen[0]));
	if (!wanted)
		return -ENOMEM;
	wanted->count = count;
	if (count)
		memcpy(wanted->chosen, chosen, count * sizeof(wanted->chosen[0]));
	old = profile->wanted[number];
	profile->wanted[number] = wanted;
	ret = publish(profile, number);
	if (ret) {
		profile->wanted[number] = old;
		free(wanted);
		return ret;
	}
	count_uses(profile, wanted, 1);
	count_uses(profile, old, -1);
	free(old);
	return 0;
}

int profile_choice_clear(struct profile *profile, uint32_t number)
{
	struct wanted *old = number < profile->choice_room ? profile->wanted[number] : NULL;

	if (!old)
		return -ENOENT;
	profile->wanted[number] = NULL;
	publish(profile, number);
	count_uses(profile, old, -1);
	free(old);
	return 0;
}

/* ---- making and ending ------------------------------------------------------------------ */

int profile_new(const struct hg_profile_spec *spec, const struct profile_home *home, struct profile **made)
{
	struct profile *profile = calloc(1, sizeof(*profile));
	struct choices *choices = calloc(1, sizeof(*choices));

	if (!profile || !choices) {
		free(profile);
		free(choices);
		return -ENOMEM;
	}
	profile->spec = spec;
	profile->home = home;
	atomic_init(&profile->seen.choices, &choices->seen);
	*made = profile;
	return 0;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	for (uint32_t i = 0; i < profile->choice_room; i++) {
		const struct hg_members *members =
			atomic_load_explicit(&choices_of(profile)->seen.list[i], memory_order_relaxed);

		if (members)
			free((char *)(uintptr_t)members - offsetof(struct members, seen));
		free(profile->wanted[i]);
	}
	for (uint32_t i = 0; i < profile->member_room; i++)
		member_free(profile->members[i]);
	free(choices_of(profile));
	free(profile->wanted);
	free(profile->members);
	free(profile);
}
