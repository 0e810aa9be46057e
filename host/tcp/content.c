/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "sum.h"

#define PREPARE_BYTES (256 << 10) /* fits a core's second-level cache; a multiple of 128 */

#ifndef MADV_POPULATE_READ /* since Linux 5.14's headers */
#define MADV_POPULATE_READ 22
#endif

#define DEFAULT_TYPE "application/octet-stream"

static int check_text(const char *what, const char *text, const char *forbidden, char *error)
{
	for (const char *c = text; *c; c++)
		if (!isprint((unsigned char)*c) || strchr(forbidden, *c))
			return hg_fail(error, -EINVAL, "%s \"%s\": byte %td does not belong in a header field", what,
				       text, c - text);
	return 0;
}

static int check_spec(const struct hg_content_spec *spec, char *error)
{
	int ret;

	if (spec->id == 0)
		return hg_fail(error, -EINVAL, "content 0: a content's number is not 0");
	if (spec->path[0] != '/')
		return hg_fail(error, -EINVAL, "path \"%s\": it must be absolute", spec->path);
	if (!spec->etag[0])
		return hg_fail(error, -EINVAL, "content %" PRIu32 ": it needs an entity tag", spec->id);
	ret = check_text("entity tag", spec->etag, "\" ", error);
	return ret ? ret : check_text("media type", spec->type, "", error);
}

int hg_content_check(const struct hg_content *content, char *error)
{
	const struct stat *was = &content->status;
	const char *path = content->spec.path;
	struct stat now;

	if (fstat(content->file, &now) < 0)
		return hg_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (now.st_size != was->st_size)
		return hg_fail(error, -ESTALE, "%s: the file had %jd bytes and has %jd now", path,
			       (intmax_t)was->st_size, (intmax_t)now.st_size);
	if (now.st_mtim.tv_sec != was->st_mtim.tv_sec || now.st_mtim.tv_nsec != was->st_mtim.tv_nsec)
		return hg_fail(error, -ESTALE, "%s: the file was written to", path);
	return 0;
}

void hg_content_withdraw(struct hg_content *content, const char *why)
{
	hg_fail(content->error, 0, "%s", why);
	atomic_store_explicit(&content->state, HG_CONTENT_WITHDRAWN, memory_order_release);
}

/* All of `bytes` of the file from `offset`. */
static int read_exactly(const struct hg_content *content, uint8_t *buffer, size_t bytes, uint64_t offset, char *error)
{
	while (bytes) {
		ssize_t got = pread(content->file, buffer, bytes, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return hg_fail(error, -errno, "%s: cannot read at byte %" PRIu64 ": %s", content->spec.path,
				       offset, strerror(errno));
		if (got == 0)
			return hg_fail(error, -ESTALE, "%s: the file shrank to %" PRIu64 " bytes while it was read",
				       content->spec.path, offset);
		buffer += got;
		bytes -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

/* A window of the response, [at, at + bytes): its header section, then the file. */
static int read_window(const struct hg_content *content, uint8_t *buffer, uint32_t at, uint32_t bytes, char *error)
{
	const struct hg_response *response = &content->responses[HG_RESPONSE_CONTENT];
	uint32_t head = 0;

	if (at < response->head_bytes) {
		head = response->head_bytes - at < bytes ? response->head_bytes - at : bytes;
		memcpy(buffer, response->head + at, head);
	}
	return read_exactly(content, buffer + head, bytes - head, (uint64_t)at + head - response->head_bytes, error);
}

static int make_sums(struct hg_content *content, uint8_t *buffer, char *error)
{
	uint32_t length = content->responses[HG_RESPONSE_CONTENT].length;
	uint16_t *sum = content->sums;

	for (uint32_t at = 0, bytes; at < length; at += bytes) {
		int ret;

		if (atomic_load_explicit(&content->stop, memory_order_relaxed))
			return hg_fail(error, -ECANCELED, "%s: removed while it was prepared", content->spec.path);
		bytes = length - at < PREPARE_BYTES ? length - at : PREPARE_BYTES;
		ret = read_window(content, buffer, at, bytes, error);
		if (ret)
			return ret;
		for (uint32_t i = 0; i < bytes; i += HG_SEQ_GRANULE)
			*sum++ = hg_sum(buffer + i, HG_SEQ_GRANULE);
		atomic_store_explicit(&content->prepared, at + bytes, memory_order_relaxed);
	}
	/* What changed while it was read may have been read half old, half new. */
	return hg_content_check(content, error);
}

static void *prepare(void *argument)
{
	struct hg_content *content = argument;
	char error[HG_PUSHER_ERROR_BYTES];
	uint8_t *buffer = malloc(PREPARE_BYTES);
	enum hg_content_state preparing = HG_CONTENT_PREPARING;
	int ret = buffer ? make_sums(content, buffer, error) :
			   hg_fail(error, -ENOMEM, "%s: no memory", content->spec.path);

	free(buffer);
	if (ret)
		hg_content_withdraw(content, error);
	else
		atomic_compare_exchange_strong(&content->state, &preparing, HG_CONTENT_READY);
	if (content->wake >= 0)
		eventfd_write(content->wake, 1);
	/* Else every push's first pages are faults. What cannot be mapped now is found out when it is sent. */
	if (content->map)
		(void)madvise((void *)content->map, (size_t)content->status.st_size, MADV_POPULATE_READ);
	return NULL;
}

static int64_t changed_ns(const struct stat *status)
{
	return status->st_ctim.tv_sec * INT64_C(1000000000) + status->st_ctim.tv_nsec;
}

static bool is_wanted_file(const struct hg_file_identity *wanted, const struct stat *found)
{
	return wanted->inode == 0 || (wanted->device == found->st_dev && wanted->inode == found->st_ino &&
				      wanted->changed_ns == changed_ns(found));
}

static int open_file(struct hg_content *content, char *error)
{
	/* A FIFO would block here until someone writes to it; a link of /proc is somebody's open file. */
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
				.resolve = RESOLVE_NO_MAGICLINKS };
	const char *path = content->spec.path;

	content->file = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (content->file < 0 || fstat(content->file, &content->status) < 0)
		return hg_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(content->status.st_mode))
		return hg_fail(error, -EINVAL, "%s: not a regular file", path);
	if (!is_wanted_file(&content->spec.file, &content->status))
		return hg_fail(error, -ESTALE, "%s: not the file whose digest was taken", path);
	return 0;
}

static int map_file(struct hg_content *content, char *error)
{
	struct hg_response *response = &content->responses[HG_RESPONSE_CONTENT];
	size_t bytes = (size_t)content->status.st_size;
	void *map;

	content->sums = calloc(response->length / HG_SEQ_GRANULE, sizeof(*content->sums));
	if (!content->sums)
		return hg_fail(error, -ENOMEM, "%s: no memory for its sums", content->spec.path);
	if (bytes) {
		map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, content->file, 0);
		if (map == MAP_FAILED)
			return hg_fail(error, -errno, "%s: cannot map the file: %s", content->spec.path,
				       strerror(errno));
		content->map = map;
	}
	response->body = content->map;
	response->sums = content->sums;
	return 0;
}

static int render(struct hg_content *content, char *error)
{
	struct hg_content_spec *spec = &content->spec;
	struct hg_response_facts facts = {
		.bytes = (uint64_t)content->status.st_size,
		.type = spec->type[0] ? spec->type : DEFAULT_TYPE,
		.etag = spec->etag,
		.modified = spec->modified ? (time_t)spec->modified : content->status.st_mtime,
	};

	if (hg_responses_render(content->responses, &facts))
		return hg_fail(error, -EFBIG, "%s: %" PRIu64 " bytes; a content with its header has at most 2^31",
			       spec->path, facts.bytes);
	content->longest_other = hg_responses_longest_other(content->responses);
	return 0;
}

int hg_content_open(struct hg_content **opened, const struct hg_content_spec *spec, int wake, char *error)
{
	struct hg_content *content;
	int ret = check_spec(spec, error);

	if (ret)
		return ret;
	content = calloc(1, sizeof(*content));
	if (!content)
		return hg_fail(error, -ENOMEM, "%s: no memory", spec->path);
	content->spec = *spec;
	content->state = HG_CONTENT_PREPARING;
	content->wake = wake;
	ret = open_file(content, error);
	if (!ret)
		ret = render(content, error);
	if (!ret)
		ret = map_file(content, error);
	if (ret)
		goto fail;
	ret = -pthread_create(&content->thread, NULL, prepare, content);
	if (ret) {
		hg_fail(error, ret, "%s: no thread: %s", spec->path, strerror(-ret));
		goto fail;
	}
	*opened = content;
	return 0;
fail:
	if (content->map)
		munmap((void *)content->map, (size_t)content->status.st_size);
	if (content->file >= 0)
		close(content->file);
	free(content->sums);
	free(content);
	return ret;
}

void hg_content_close(struct hg_content *content)
{
	if (!content)
		return;
	atomic_store_explicit(&content->stop, true, memory_order_relaxed);
	pthread_join(content->thread, NULL);
	if (content->map)
		munmap((void *)content->map, (size_t)content->status.st_size);
	close(content->file);
	free(content->sums);
	free(content);
}
