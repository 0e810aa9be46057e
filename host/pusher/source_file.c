/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A regular file: mapped for sending, and prepared as a whole before the first
 * push, so that sending touches no payload.
 *
 * Nothing here reads the mapping: the sums are made from what pread() copies into
 * a buffer that stays in the cache, and the kernel reads the mapping itself when
 * it sends. So a file that is truncated underneath cannot raise SIGBUS; the
 * kernel answers EFAULT, and fstat() before each batch says what happened. A page
 * that changes between the two goes out with the sum of what it was, and every
 * receiver's UDP drops it.
 */
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "wait.h"

#define PREPARE_BYTES (256 << 10) /* fits a core's second-level cache */

struct file_source {
	struct hg_source source;
	int file;
	const uint8_t *map;
	struct hg_push_tail *tails; /* one for each segment */
	struct timespec modified;
};

static struct file_source *file_of(struct hg_source *source)
{
	return (struct file_source *)source;
}

static uint64_t segments_of(const struct hg_source *source)
{
	return (source->total_bytes + source->segment_bytes - 1) / source->segment_bytes;
}

static uint32_t bytes_at(const struct hg_source *source, uint64_t offset)
{
	uint64_t left = source->total_bytes - offset;

	return left < source->segment_bytes ? (uint32_t)left : source->segment_bytes;
}

static int check_unchanged(const struct file_source *file, char *error)
{
	struct stat status;

	if (fstat(file->file, &status) < 0)
		return hg_fail(error, -errno, "%s: %s", file->source.name, strerror(errno));
	if ((uint64_t)status.st_size != file->source.total_bytes)
		return hg_fail(error, -ESTALE,
			       "%s: the file had %" PRIu64 " bytes and has %jd now: it changed while it was pushed",
			       file->source.name, file->source.total_bytes, (intmax_t)status.st_size);
	if (status.st_mtim.tv_sec != file->modified.tv_sec || status.st_mtim.tv_nsec != file->modified.tv_nsec)
		return hg_fail(error, -ESTALE, "%s: the file was written to while it was pushed", file->source.name);
	return 0;
}

/* All of `bytes` at `offset`, or an error. */
static int read_exactly(const struct file_source *file, uint8_t *buffer, size_t bytes, uint64_t offset, char *error)
{
	while (bytes) {
		ssize_t got = pread(file->file, buffer, bytes, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return hg_fail(error, -errno, "%s: cannot read at byte %" PRIu64 ": %s", file->source.name,
				       offset, strerror(errno));
		if (got == 0)
			return hg_fail(error, -ESTALE, "%s: the file shrank to %" PRIu64 " bytes while it was read",
				       file->source.name, offset);
		buffer += got;
		bytes -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

static int file_prepare(struct hg_source *source, int stop, char *error)
{
	struct file_source *file = file_of(source);
	uint64_t chunk_segments = source->segment_bytes < PREPARE_BYTES ? PREPARE_BYTES / source->segment_bytes : 1;
	uint64_t chunk_bytes = chunk_segments * source->segment_bytes;
	uint8_t *buffer = malloc(chunk_bytes);
	struct hg_push_tail *tail = file->tails;
	int ret = buffer ? 0 : hg_fail(error, -ENOMEM, "%s: no memory", source->name);

	for (uint64_t chunk = 0; !ret && chunk < source->total_bytes; chunk += chunk_bytes) {
		uint64_t left = source->total_bytes - chunk;
		uint64_t bytes = left < chunk_bytes ? left : chunk_bytes;

		ret = hg_wait(stop, -1, 0, 0);
		if (ret)
			break;
		ret = read_exactly(file, buffer, bytes, chunk, error);
		for (uint64_t at = 0; !ret && at < bytes; at += source->segment_bytes)
			hg_push_tail_make(tail++, source->content, chunk + at, buffer + at,
					  (uint16_t)bytes_at(source, chunk + at));
	}
	free(buffer);
	return ret;
}

static int file_peek(struct hg_source *source, struct hg_segment *segments, uint32_t count, char *error)
{
	struct file_source *file = file_of(source);
	uint64_t offset = source->offset;
	uint32_t n = 0;
	int ret = check_unchanged(file, error);

	if (ret)
		return ret;
	for (; n < count && offset < source->total_bytes; n++, offset += source->segment_bytes) {
		segments[n].payload = file->map + offset;
		segments[n].tail = &file->tails[offset / source->segment_bytes];
		segments[n].bytes = bytes_at(source, offset);
	}
	return (int)n;
}

static void file_advance(struct hg_source *source, uint32_t count)
{
	source->offset += (uint64_t)count * source->segment_bytes;
	if (source->offset > source->total_bytes)
		source->offset = source->total_bytes;
}

static void file_rewind(struct hg_source *source)
{
	source->offset = 0;
}

static void file_close(struct hg_source *source)
{
	struct file_source *file = file_of(source);

	munmap((void *)file->map, source->total_bytes);
	free(file->tails);
	close(file->file);
	free(file);
}

static const struct hg_source_ops file_ops = {
	.prepare = file_prepare,
	.peek = file_peek,
	.advance = file_advance,
	.rewind = file_rewind,
	.close = file_close,
};

static int check_spec(const struct hg_stream_spec *spec, uint64_t bytes, char *error)
{
	if (bytes == 0)
		return hg_fail(error, -ENODATA, "%s: the file is empty", spec->path);
	if (spec->start_offset >= bytes)
		return hg_fail(error, -EINVAL, "%s: start_offset %" PRIu64 " is not inside the file's %" PRIu64 " bytes",
			       spec->path, spec->start_offset, bytes);
	if (spec->start_offset % spec->segment_bytes)
		return hg_fail(error, -EINVAL, "%s: start_offset %" PRIu64 " is not a multiple of segment_bytes %" PRIu32,
			       spec->path, spec->start_offset, spec->segment_bytes);
	return 0;
}

int hg_file_open(struct hg_source **source, const struct hg_stream_spec *spec, int fd, char *error)
{
	struct file_source *file;
	struct stat status;
	void *map;
	int ret;

	if (fstat(fd, &status) < 0)
		return hg_fail(error, -errno, "%s: %s", spec->path, strerror(errno));
	ret = check_spec(spec, (uint64_t)status.st_size, error);
	if (ret)
		return ret;
	file = calloc(1, sizeof(*file));
	if (!file)
		return hg_fail(error, -ENOMEM, "%s: no memory", spec->path);
	file->source = (struct hg_source){
		.ops = &file_ops,
		.name = spec->path,
		.fd = -1,
		.content = spec->content,
		.segment_bytes = spec->segment_bytes,
		.wake = HG_FOREVER,
		.offset = spec->start_offset,
		.total_bytes = (uint64_t)status.st_size,
	};
	file->file = fd;
	file->modified = status.st_mtim;
	file->tails = calloc(segments_of(&file->source), sizeof(*file->tails));
	if (!file->tails) {
		ret = hg_fail(error, -ENOMEM, "%s: no memory for the headers of %" PRIu64 " segments", spec->path,
			      segments_of(&file->source));
		goto free_file;
	}
	map = mmap(NULL, file->source.total_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		ret = hg_fail(error, -errno, "%s: cannot map the file: %s", spec->path, strerror(errno));
		goto free_tails;
	}
	file->map = map;
	*source = &file->source;
	return 0;

free_tails:
	free(file->tails);
free_file:
	free(file);
	return ret;
}
