/* SPDX-License-Identifier: Apache-2.0 */
/* The second half of forward.h's way: from a copy that is to be made to where it leaves from. */
#ifndef HG_EGRESS_H
#define HG_EGRESS_H

#include "forward.h"

/* What the parser left of a packet. */
struct payload {
	const uint8_t *bytes;
	uint32_t length;
};

/* What checksums over the payload see. */
static inline void show_payload(struct lane *lane, const struct payload *payload)
{
	lane->context.payload = payload->bytes;
	lane->context.payload_bytes = payload->length;
}

static inline uint32_t at_most(uint32_t bytes, uint32_t limit)
{
	return limit && limit < bytes ? limit : bytes;
}

static inline const struct group *session_of(const struct forwarder *forwarder, const struct hg_standard_metadata *standard)
{
	return group_find(forwarder->loaded->sessions, standard->clone_session & HG_CLONE_SESSION);
}

/* One packet; `depth` is how many clones it is a clone of. */
void egress(const struct forwarder *forwarder, void *phv, const struct payload *payload, uint32_t depth);

/*
 * Copies in the order in which the group was written; none is pruned for where it
 * came from. All are made in one PHV.
 */
void replicate(const struct forwarder *forwarder, struct hg_standard_metadata *standard, const struct group *group,
	       const struct payload *payload);

/* What only few packets ask for: true, if that is the end of this one. */
bool gave_up(const struct forwarder *forwarder, uint32_t asked);

/* To be parsed once more, with a PHV in which only that is set which it keeps. */
void go_again(const struct forwarder *forwarder, struct again *again, const struct hg_standard_metadata *of,
	      enum hg_instance_type instance_type);

#endif
