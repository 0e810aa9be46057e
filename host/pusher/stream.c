/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's life: checked and opened by the caller's thread, pushed by its own. */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "error.h"
#include "wait.h"

void hg_stream_trouble(struct hg_stream *stream, const char *text)
{
	pthread_mutex_lock(&stream->lock);
	memcpy(stream->error, text, HG_PUSHER_ERROR_BYTES);
	pthread_mutex_unlock(&stream->lock);
}

static void release(struct hg_stream *stream)
{
	if (stream->source)
		stream->source->ops->close(stream->source);
	stream->source = NULL;
	hg_link_close(&stream->link);
}

static void *run(void *opaque)
{
	struct hg_stream *stream = opaque;
	char error[HG_PUSHER_ERROR_BYTES] = "";
	enum hg_stream_state state = HG_STREAM_DONE;
	int ret;

	/* Of this thread: sleeps end when they should, not up to 50 us later. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	ret = hg_stream_push(stream, error);
	if (ret == -ECANCELED)
		state = HG_STREAM_STOPPED;
	else if (ret)
		state = HG_STREAM_FAILED;
	if (state != HG_STREAM_FAILED)
		error[0] = '\0';
	hg_stream_trouble(stream, error);
	atomic_store(&stream->ended_at, hg_now());
	/* An ended stream may stay listed for long; its port and memory are free now. */
	release(stream);
	atomic_store(&stream->state, state);
	eventfd_write(stream->ended, 1);
	return NULL;
}

static int check_groups(const struct hg_stream_spec *spec, char *error)
{
	if (spec->group_count == 0)
		return hg_fail(error, -EINVAL, "no group: a stream needs at least one");
	for (uint32_t i = 0; i < spec->group_count; i++) {
		/* A stream's push to a cohort's group would reach downloads. */
		if (spec->groups[i] == 0 || spec->groups[i] >= HG_COHORT_GROUP_FIRST)
			return hg_fail(error, -EINVAL, "group %u: a stream's group is 1 to %d", spec->groups[i],
				       HG_COHORT_GROUP_FIRST - 1);
		for (uint32_t j = 0; j < i; j++)
			if (spec->groups[i] == spec->groups[j])
				return hg_fail(error, -EINVAL, "group %u is named twice", spec->groups[i]);
	}
	return 0;
}

static int settle_segment_bytes(struct hg_stream_spec *spec, const struct hg_link *link, char *error)
{
	uint32_t mtu = link->mtu;

	if (spec->bundles && mtu > ETH_DATA_LEN)
		mtu = ETH_DATA_LEN;
	if (spec->segment_bytes == 0) {
		if (mtu <= HG_IPV6_UDP_BYTES)
			return hg_fail(error, -EMSGSIZE, "%s: an MTU of %" PRIu32 " leaves no room for a payload",
				       link->interface, mtu);
		spec->segment_bytes = mtu - HG_IPV6_UDP_BYTES;
		if (spec->segment_bytes > HG_SEGMENT_BYTES_MAX)
			spec->segment_bytes = HG_SEGMENT_BYTES_MAX;
	}
	if (spec->segment_bytes > HG_SEGMENT_BYTES_MAX)
		return hg_fail(error, -EMSGSIZE, "segment_bytes %" PRIu32 ": UDP carries at most %d", spec->segment_bytes,
			       HG_SEGMENT_BYTES_MAX);
	return hg_stream_fits(spec->segment_bytes, link, error);
}

int hg_stream_fits(uint32_t segment_bytes, const struct hg_link *link, char *error)
{
	if (segment_bytes + HG_PUSH_BYTES <= link->mtu)
		return 0;
	return hg_fail(error, -EMSGSIZE,
		       "segment_bytes %" PRIu32 " with the push header's %d is more than the MTU of %s, %" PRIu32,
		       segment_bytes, HG_PUSH_BYTES, link->interface, link->mtu);
}

static int open_all(struct hg_stream *stream, const char *interface, struct hg_stream_spec *spec, char *error)
{
	int ret = check_groups(spec, error);

	if (ret)
		return ret;
	if (spec->bits_per_second && spec->packets_per_second)
		return hg_fail(error, -EINVAL, "both bits_per_second and packets_per_second are set");
	ret = hg_link_open(&stream->link, interface, spec->bundles, error);
	if (ret)
		return ret;
	ret = settle_segment_bytes(spec, &stream->link, error);
	if (ret)
		return ret;
	stream->spec = *spec;
	ret = hg_source_open(&stream->source, &stream->spec, error);
	if (ret)
		return ret;
	atomic_store(&stream->total_bytes, stream->source->total_bytes);
	atomic_store(&stream->offset, stream->source->offset);
	hg_pacer_init(&stream->pacer, spec->bits_per_second, spec->packets_per_second);
	if (spec->bundles)
		stream->pacer.batch_frames = HG_PACER_BUNDLE_FRAMES;
	return 0;
}

int hg_stream_start(const char *interface, struct hg_stream_spec *spec, struct hg_stream **result, char *error)
{
	struct hg_stream *stream = calloc(1, sizeof(*stream));
	int ret;

	if (!stream)
		return hg_fail(error, -ENOMEM, "no memory for a stream");
	pthread_mutex_init(&stream->lock, NULL);
	stream->link.fd = stream->link.echo_fd = -1;
	stream->ended = eventfd(0, EFD_CLOEXEC);
	stream->stop = eventfd(0, EFD_CLOEXEC);
	if (stream->ended < 0 || stream->stop < 0) {
		ret = hg_fail(error, -errno, "no descriptor for a stream: %s", strerror(errno));
		goto free;
	}
	ret = open_all(stream, interface, spec, error);
	if (ret)
		goto free;
	atomic_store(&stream->state, HG_STREAM_RUNNING);
	ret = -pthread_create(&stream->thread, NULL, run, stream);
	if (ret) {
		hg_fail(error, ret, "no thread for a stream: %s", strerror(-ret));
		goto free;
	}
	stream->joinable = true;
	*result = stream;
	return 0;
free:
	hg_stream_free(stream);
	return ret;
}

void hg_stream_stop(struct hg_stream *stream)
{
	if (!stream->joinable)
		return;
	eventfd_write(stream->stop, 1);
	pthread_join(stream->thread, NULL);
	stream->joinable = false;
}

void hg_stream_free(struct hg_stream *stream)
{
	if (!stream)
		return;
	hg_stream_stop(stream);
	release(stream);
	if (stream->stop >= 0)
		close(stream->stop);
	if (stream->ended >= 0)
		close(stream->ended);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
}

int hg_stream_ended_fd(const struct hg_stream *stream)
{
	return stream->ended;
}

static uint64_t elapsed(struct hg_stream *stream)
{
	uint64_t started_at = atomic_load(&stream->started_at);
	uint64_t ended_at = atomic_load(&stream->ended_at);

	if (!started_at)
		return 0;
	return (ended_at ? ended_at : hg_now()) - started_at;
}

void hg_stream_status(struct hg_stream *stream, struct hg_stream_status *status)
{
	const struct hg_shared_traffic *traffic = &stream->traffic;

	/* The state first: what an ended stream left is complete. */
	*status = (struct hg_stream_status){
		.state = atomic_load(&stream->state),
		.traffic = {
			.pushes = atomic_load(&traffic->pushes),
			.frame_bytes = atomic_load(&traffic->frame_bytes),
			.payload_bytes = atomic_load(&traffic->payload_bytes),
			.send_errors = atomic_load(&traffic->send_errors),
			.send_retries = atomic_load(&traffic->send_retries),
			.source_oversized = atomic_load(&traffic->source_oversized),
			.source_empty = atomic_load(&traffic->source_empty),
			.source_overflow = atomic_load(&traffic->source_overflow),
			.link_waits = atomic_load(&traffic->link_waits),
		},
		.total_bytes = atomic_load(&stream->total_bytes),
		.offset = atomic_load(&stream->offset),
		.rounds = atomic_load(&stream->rounds),
		.late_ns = atomic_load(&stream->late),
		.skipped_ns = atomic_load(&stream->skipped),
		.elapsed_ns = elapsed(stream),
	};
	pthread_mutex_lock(&stream->lock);
	memcpy(status->error, stream->error, HG_PUSHER_ERROR_BYTES);
	pthread_mutex_unlock(&stream->lock);
}

void hg_traffic_add(struct hg_traffic *total, const struct hg_traffic *traffic)
{
	total->pushes += traffic->pushes;
	total->frame_bytes += traffic->frame_bytes;
	total->payload_bytes += traffic->payload_bytes;
	total->send_errors += traffic->send_errors;
	total->send_retries += traffic->send_retries;
	total->source_oversized += traffic->source_oversized;
	total->source_empty += traffic->source_empty;
	total->source_overflow += traffic->source_overflow;
	total->link_waits += traffic->link_waits;
}
