/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Action profiles: members, and choices among them that table entries hold by number.
 * The control plane says what a choice consists of; which of it can be chosen also
 * depends on the ports that it watches. Packets see one immutable list a choice.
 */
#ifndef HG_PROFILE_H
#define HG_PROFILE_H

#include "epoch.h"
#include "hg_switch.h"
#include "pipeline.h"

/* Numbers are indices of arrays that grow with them. */
#define PROFILE_NUMBERS (1u << 22)

/* Whether a port that a choice watches is up. */
typedef bool (*profile_port_up_fn)(void *opaque, uint32_t port);

struct profile_home {
	struct epoch *epoch;
	profile_port_up_fn port_up;
	void *opaque;
};

struct profile {
	struct hg_profile seen; /* by packets */
	const struct hg_profile_spec *spec;
	const struct profile_home *home;
	/* Control threads' own. */
	uint32_t member_room, choice_room;
	struct member **members;
	struct wanted **wanted;
};

int profile_new(const struct hg_profile_spec *spec, const struct profile_home *home, struct profile **made);
/* When no worker can reach it any more. NULL is fine. */
void profile_free(struct profile *profile);

/* New, or at once in all choices that have it. -EINVAL, -ENOMEM */
int profile_member_set(struct profile *profile, uint32_t number, uint32_t action, const uint8_t *params,
		       uint32_t params_bytes);
/* -ENOENT, -EBUSY: a choice has it */
int profile_member_clear(struct profile *profile, uint32_t number);
/* -EINVAL: there is no such member */
int profile_choice_set(struct profile *profile, uint32_t number, const struct hg_chosen *chosen, uint32_t count);
int profile_choice_clear(struct profile *profile, uint32_t number); /* -ENOENT */

/* A port went up or down. -ENOMEM: some choices are as they were. */
int profile_refresh(struct profile *profile);

#endif
