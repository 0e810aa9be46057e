/* SPDX-License-Identifier: Apache-2.0 */
#include "contents.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "error.h"

uint32_t hg_contents_from(const struct hg_contents *contents, uint32_t id)
{
	uint32_t low = 0;
	uint32_t high = contents->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (contents->contents[middle]->spec.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct hg_content *hg_contents_find(const struct hg_contents *contents, uint32_t id)
{
	uint32_t place = hg_contents_from(contents, id);

	if (place == contents->count || contents->contents[place]->spec.id != id)
		return NULL;
	return contents->contents[place];
}

static bool same(const struct hg_content_spec *a, const struct hg_content_spec *b)
{
	return strcmp(a->path, b->path) == 0 && strcmp(a->type, b->type) == 0 && strcmp(a->etag, b->etag) == 0 &&
	       a->modified == b->modified;
}

int hg_contents_add(struct hg_contents *contents, const struct hg_content_spec *spec, int wake,
		    struct hg_content **added, char *error)
{
	uint32_t place = hg_contents_from(contents, spec->id);
	struct hg_content *content = hg_contents_find(contents, spec->id);
	int ret;

	if (content) {
		*added = content;
		if (same(&content->spec, spec))
			return 0;
		return hg_fail(error, -EEXIST, "content %" PRIu32 " is there already with another specification",
			       spec->id);
	}
	if (contents->count == HG_CONTENTS_MAX)
		return hg_fail(error, -ENOSPC, "%d contents are there already", HG_CONTENTS_MAX);
	ret = hg_content_open(&content, spec, wake, error);
	if (ret)
		return ret;
	memmove(&contents->contents[place + 1], &contents->contents[place],
		(contents->count - place) * sizeof(contents->contents[0]));
	contents->contents[place] = content;
	contents->count++;
	*added = content;
	return 0;
}

void hg_contents_remove(struct hg_contents *contents, struct hg_content *content)
{
	uint32_t place = hg_contents_from(contents, content->spec.id);

	contents->count--;
	memmove(&contents->contents[place], &contents->contents[place + 1],
		(contents->count - place) * sizeof(contents->contents[0]));
	hg_content_close(content);
}
