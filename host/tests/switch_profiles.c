/* SPDX-License-Identifier: Apache-2.0 */
/* Action profiles: what packets choose from while members, choices and ports change. */
#include <errno.h>
#include <pthread.h>

#include "profile.h"
#include "switch_check.h"
#include "thread.h"

#define ROUNDS 2000u
#define MEMBERS 8u
#define CHOICE 5u

static const struct hg_param params[] = { { "value", 32, 0, 4 } };
static const struct hg_action_spec actions[] = { { "set", 1, params, 4 }, { "none", 0, NULL, 0 } };
static const struct hg_profile_spec spec = { "profile", 64, 2, actions };

static bool up[512];
static struct epoch epoch;
static struct profile *profile;

static bool port_up(void *opaque, uint32_t port)
{
	(void)opaque;
	return up[port];
}

static const struct profile_home home = { &epoch, port_up, NULL };

static union {
	struct hg_entry entry;
	uint8_t room[sizeof(struct hg_entry) + sizeof(struct hg_choice_data)];
} found;

static const struct hg_entry *entry_of(uint32_t choice)
{
	struct hg_choice_data data = { choice };

	found.entry.action = HG_CHOICE_MADE;
	memcpy(found.entry.data, &data, sizeof(data));
	return &found.entry;
}

/* What the member that a hash chooses has; 0 for none. */
static uint32_t chosen_of(const struct hg_entry *entry, uint64_t hash)
{
	const struct hg_member *member = hg_member_of(hg_members_of(&profile->seen, entry), hash);
	uint32_t value = 0;

	if (member && member->action == 0)
		memcpy(&value, member->data, sizeof(value));
	return value;
}

static int set_member(uint32_t number, uint32_t value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value };

	return profile_member_set(profile, number, 0, bytes, sizeof(bytes));
}

static void test_members_and_choices(void)
{
	const struct hg_chosen one[] = { { .member = 1 } };
	const struct hg_chosen three[] = { { .member = 2 }, { .member = 1 }, { .member = 2 } };

	CHECK_EQUAL(chosen_of(entry_of(0), 0), 0); /* no choices at all */
	CHECK_EQUAL(profile_choice_set(profile, 0, one, 1), -EINVAL);
	CHECK_EQUAL(set_member(1, 0x11), 0);
	CHECK_EQUAL(set_member(2, 0x22), 0);
	CHECK_EQUAL(profile_choice_set(profile, 0, one, 1), 0);
	CHECK_EQUAL(profile_choice_set(profile, 900, three, 3), 0); /* the numbers need not be dense */
	CHECK_EQUAL(chosen_of(entry_of(0), 12345), 0x11);
	CHECK_EQUAL(chosen_of(entry_of(900), 0), 0x22);
	CHECK_EQUAL(chosen_of(entry_of(900), 4), 0x11);
	CHECK_EQUAL(chosen_of(entry_of(901), 0), 0);
	CHECK_EQUAL(set_member(1, 0x99), 0); /* in both at once */
	CHECK_EQUAL(chosen_of(entry_of(0), 0), 0x99);
	CHECK_EQUAL(chosen_of(entry_of(900), 1), 0x99);
	CHECK_EQUAL(profile_member_clear(profile, 1), -EBUSY);
	CHECK_EQUAL(profile_choice_set(profile, 900, NULL, 0), 0);
	CHECK_EQUAL(chosen_of(entry_of(900), 0), 0); /* an empty group */
	CHECK_EQUAL(profile_choice_clear(profile, 900), 0);
	CHECK_EQUAL(profile_choice_clear(profile, 900), -ENOENT);
	CHECK_EQUAL(profile_member_clear(profile, 2), 0);
	CHECK_EQUAL(profile_member_clear(profile, 2), -ENOENT);
	CHECK_EQUAL(profile_choice_clear(profile, 0), 0);
	CHECK_EQUAL(profile_member_clear(profile, 1), 0);
}

static void test_refusals(void)
{
	const uint8_t bytes[5] = { 0 };
	const struct hg_chosen none[] = { { .member = 3 } };

	CHECK_EQUAL(profile_member_set(profile, 3, 2, bytes, 4), -EINVAL); /* no such action */
	CHECK_EQUAL(profile_member_set(profile, 3, 0, bytes, 5), -EINVAL);
	CHECK_EQUAL(profile_member_set(profile, PROFILE_NUMBERS, 0, bytes, 4), -EINVAL);
	CHECK_EQUAL(profile_choice_set(profile, 3, none, 1), -EINVAL);
	CHECK_EQUAL(profile_choice_set(profile, PROFILE_NUMBERS, NULL, 0), -EINVAL);
}

static void test_watched_ports(void)
{
	const struct hg_chosen watched[] = {
		{ .member = 1, .watch = true, .port = 7 },
		{ .member = 2, .watch = true, .port = 8 },
		{ .member = 1, .watch = true, .port = 7 },
	};

	CHECK_EQUAL(set_member(1, 0x11), 0);
	CHECK_EQUAL(set_member(2, 0x22), 0);
	up[7] = true;
	CHECK_EQUAL(profile_choice_set(profile, 1, watched, 3), 0);
	for (uint64_t hash = 0; hash < 6; hash++)
		CHECK_EQUAL(chosen_of(entry_of(1), hash), 0x11);
	up[8] = true;
	CHECK_EQUAL(profile_refresh(profile), 0);
	CHECK_EQUAL(chosen_of(entry_of(1), 1), 0x22);
	up[7] = false;
	CHECK_EQUAL(profile_refresh(profile), 0);
	for (uint64_t hash = 0; hash < 6; hash++)
		CHECK_EQUAL(chosen_of(entry_of(1), hash), 0x22);
	up[8] = false;
	CHECK_EQUAL(profile_refresh(profile), 0);
	CHECK_EQUAL(chosen_of(entry_of(1), 0), 0); /* all are down */
	CHECK_EQUAL(profile_choice_clear(profile, 1), 0);
}

/* ---- beside a worker ------------------------------------------------------------ */

static _Atomic bool stop;

/* Whatever it chooses was whole: the halves of a value are the same. */
static void *choose(void *opaque)
{
	union {
		struct hg_entry entry;
		uint8_t room[sizeof(struct hg_entry) + sizeof(struct hg_choice_data)];
	} mine = { .entry.action = HG_CHOICE_MADE };
	struct hg_choice_data data = { CHOICE };

	(void)opaque;
	memcpy(mine.entry.data, &data, sizeof(data));
	epoch_online(&epoch, 0);
	for (uint64_t hash = 0; !atomic_load(&stop); hash++) {
		uint32_t value = chosen_of(&mine.entry, hash);

		CHECK_EQUAL(value >> 16, value & 0xffff);
		epoch_quiescent(&epoch, 0);
	}
	epoch_offline(&epoch, 0);
	return NULL;
}

static void test_beside_a_worker(void)
{
	struct hg_chosen chosen[MEMBERS];
	uint64_t random = 1;
	pthread_t worker;

	for (uint32_t i = 0; i < MEMBERS; i++)
		CHECK_EQUAL(set_member(i, i << 16 | i), 0);
	CHECK_EQUAL(thread_start(&worker, "worker", choose, NULL), 0);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t count = check_random(&random) % (MEMBERS + 1), value = check_random(&random) & 0xffff;

		for (uint32_t i = 0; i < count; i++)
			chosen[i] = (struct hg_chosen){ check_random(&random) % MEMBERS, true, round % 2 };
		up[round % 2] = check_random(&random) % 4;
		CHECK_EQUAL(profile_choice_set(profile, CHOICE, chosen, count), 0);
		CHECK_EQUAL(set_member(round % MEMBERS, value << 16 | value), 0);
		CHECK_EQUAL(profile_refresh(profile), 0);
		CHECK_EQUAL(profile_choice_set(profile, CHOICE + 1 + round, chosen, count), 0); /* the array grows */
		if (round % 16 == 0)
			CHECK_EQUAL(profile_choice_clear(profile, CHOICE), 0);
		epoch_reclaim(&epoch);
	}
	atomic_store(&stop, true);
	pthread_join(worker, NULL);
}

int main(void)
{
	epoch_init(&epoch, 1);
	CHECK_EQUAL(profile_new(&spec, &home, &profile), 0);
	test_members_and_choices();
	test_refusals();
	test_watched_ports();
	test_beside_a_worker();
	epoch_wait(&epoch);
	profile_free(profile);
	profile_free(NULL);
	epoch_clear(&epoch);
	return 0;
}
