/* SPDX-License-Identifier: Apache-2.0 */
#include "streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static int check_name(const char *name, char *error)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t length = strlen(name);

	if (length == 0 || length >= HG_STREAM_NAME_BYTES || strspn(name, letters) != length || name[0] == '-' ||
	    name[length - 1] == '-')
		return hg_fail(error, -EINVAL,
			       "stream name \"%s\": it must be 1 to %d of [a-z0-9-], with no - at either end", name,
			       HG_STREAM_NAME_BYTES - 1);
	return 0;
}

static bool same_source(const struct hg_stream_spec *a, const struct hg_stream_spec *b)
{
	if (a->source != b->source)
		return false;
	if (a->source == HG_SOURCE_PATH)
		return strcmp(a->path, b->path) == 0;
	return strcmp(a->udp.address, b->udp.address) == 0 && a->udp.port == b->udp.port &&
	       strcmp(a->udp.multicast_interface, b->udp.multicast_interface) == 0;
}

static bool same(const struct hg_named_stream *running, const struct hg_stream_spec *spec)
{
	const struct hg_stream_spec *its = &running->spec;

	return same_source(its, spec) && its->group_count == spec->group_count &&
	       memcmp(its->groups, spec->groups, spec->group_count * sizeof(spec->groups[0])) == 0 &&
	       its->content == spec->content && its->bits_per_second == spec->bits_per_second &&
	       its->packets_per_second == spec->packets_per_second && its->loop == spec->loop &&
	       its->start_offset == spec->start_offset &&
	       (running->asked_segment_bytes == spec->segment_bytes || its->segment_bytes == spec->segment_bytes);
}

static bool has_ended(struct hg_named_stream *stream)
{
	struct hg_stream_status status;

	hg_stream_status(stream->stream, &status);
	return status.state != HG_STREAM_RUNNING;
}

struct hg_named_stream *hg_streams_find(struct hg_streams *streams, const char *name)
{
	for (uint32_t i = 0; i < streams->count; i++)
		if (strcmp(streams->streams[i]->name, name) == 0)
			return streams->streams[i];
	return NULL;
}

void hg_streams_remove(struct hg_streams *streams, struct hg_named_stream *stream)
{
	struct hg_stream_status status;
	uint32_t i = 0;

	hg_stream_stop(stream->stream);
	hg_stream_status(stream->stream, &status);
	hg_traffic_add(&streams->removed, &status.traffic);
	while (streams->streams[i] != stream)
		i++;
	streams->count--;
	memmove(&streams->streams[i], &streams->streams[i + 1], (streams->count - i) * sizeof(streams->streams[0]));
	hg_stream_free(stream->stream);
	free(stream);
}

void hg_streams_remove_all(struct hg_streams *streams)
{
	while (streams->count)
		hg_streams_remove(streams, streams->streams[0]);
}

/* Room for one more, at the cost of the one that ended first if need be. */
static int make_room(struct hg_streams *streams, char *error)
{
	if (streams->count < HG_STREAMS_MAX)
		return 0;
	for (uint32_t i = 0; i < streams->count; i++) {
		if (has_ended(streams->streams[i])) {
			hg_streams_remove(streams, streams->streams[i]);
			return 0;
		}
	}
	return hg_fail(error, -ENOSPC, "%d streams run already", HG_STREAMS_MAX);
}

int hg_streams_start(struct hg_streams *streams, const char *name, const struct hg_stream_spec *spec,
		     struct hg_named_stream **started, char *error)
{
	struct hg_named_stream *old = hg_streams_find(streams, name);
	struct hg_named_stream *stream;
	int ret = check_name(name, error);

	if (ret)
		return ret;
	if (old && !has_ended(old)) {
		if (!same(old, spec))
			return hg_fail(error, -EEXIST, "stream %s runs already with another specification", name);
		*started = old;
		return 0;
	}
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return hg_fail(error, -ENOMEM, "no memory for stream %s", name);
	strcpy(stream->name, name);
	stream->spec = *spec;
	stream->spec.bundles = streams->bundles;
	stream->asked_segment_bytes = spec->segment_bytes;
	if (!old)
		ret = make_room(streams, error);
	if (!ret)
		ret = hg_stream_start(streams->interface, &stream->spec, &stream->stream, error);
	if (ret) {
		free(stream);
		return ret;
	}
	if (old)
		hg_streams_remove(streams, old);
	streams->streams[streams->count++] = stream;
	*started = stream;
	return 0;
}

void hg_streams_traffic(struct hg_streams *streams, struct hg_traffic *total)
{
	*total = streams->removed;
	for (uint32_t i = 0; i < streams->count; i++) {
		struct hg_stream_status status;

		hg_stream_status(streams->streams[i]->stream, &status);
		hg_traffic_add(total, &status.traffic);
	}
}
