/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of one pusher, by number. */
#ifndef HG_CONTENTS_H
#define HG_CONTENTS_H

#include "content.h"

#define HG_CONTENTS_MAX 16384 /* as many as the pipeline's service table holds */

struct hg_contents {
	struct hg_content *contents[HG_CONTENTS_MAX]; /* ascending by number */
	uint32_t count;
};

struct hg_content *hg_contents_find(const struct hg_contents *contents, uint32_t id);

/* The first whose number is `id` or more: its place, or `count`. */
uint32_t hg_contents_from(const struct hg_contents *contents, uint32_t id);

/*
 * -EEXIST: there is one of this number, of another specification. One of the same is
 * left as it is; one that is withdrawn is replaced by the caller first. `wake`: of
 * hg_content_open().
 */
int hg_contents_add(struct hg_contents *contents, const struct hg_content_spec *spec, int wake,
		    struct hg_content **added, char *error);

/* Takes it off the list and closes it. */
void hg_contents_remove(struct hg_contents *contents, struct hg_content *content);

#endif
