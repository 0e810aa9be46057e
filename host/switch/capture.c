/* SPDX-License-Identifier: Apache-2.0 */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "thread.h"

static int fail(char *error, const char *where, int code)
{
	snprintf(error, HG_ERROR_BYTES, "capturing to %s: %s", where, strerror(code));
	return -code;
}

int capture_open(const char *directory, struct capture **made, char *error)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	int ret;

	if (!capture)
		return fail(error, directory, ENOMEM);
	capture->wake_fd = eventfd(0, EFD_CLOEXEC);
	capture->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	capture->ring = malloc(CAPTURE_RING_BYTES);
	capture->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (capture->directory < 0)
		ret = fail(error, directory, errno);
	else if (!capture->ring || capture->wake_fd < 0 || capture->failed_fd < 0)
		ret = fail(error, directory, ENOMEM);
	else if ((ret = thread_start(&capture->thread, "hg-capture", capture_write, capture)))
		fail(error, directory, -ret);
	if (ret) {
		capture_close(capture);
		return ret;
	}
	capture->running = true;
	*made = capture;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void free_file(struct capture_file *file)
{
	close_fd(file->fd);
	free(file->buffer);
	free(file);
}

void capture_close(struct capture *capture)
{
	struct capture_file *file, *next;

	if (!capture)
		return;
	if (capture->running) {
		atomic_store_explicit(&capture->stop, true, memory_order_release);
		(void)!write(capture->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
		pthread_join(capture->thread, NULL);
	}
	for (file = atomic_load_explicit(&capture->files, memory_order_relaxed); file; file = next) {
		next = file->next;
		free_file(file);
	}
	close_fd(capture->directory);
	close_fd(capture->wake_fd);
	close_fd(capture->failed_fd);
	free(capture->ring);
	free(capture);
}

/* ---- files ------------------------------------------------------------------------ */

static int open_file(struct capture *capture, const char *name, uint32_t link_type, struct capture_file **made)
{
	struct capture_file *file = calloc(1, sizeof(*file));
	int ret = -ENOMEM;

	if (!file)
		return ret;
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->link_type = link_type;
	file->fd = openat(capture->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file->fd < 0)
		ret = -errno;
	else
		ret = capture_file_start(file);
	if (ret) {
		free_file(file);
		return ret;
	}
	file->next = atomic_load_explicit(&capture->files, memory_order_relaxed);
	atomic_store_explicit(&capture->files, file, memory_order_release);
	*made = file;
	return 0;
}

static int find_or_open(struct capture *capture, const char *interface, const char *direction, uint32_t link_type,
			struct capture_file **found, char *error)
{
	struct capture_file *file = atomic_load_explicit(&capture->files, memory_order_relaxed);
	char name[CAPTURE_NAME_BYTES];
	int ret;

	snprintf(name, sizeof(name), "%s_%s.pcap", interface, direction);
	while (file && strcmp(file->name, name))
		file = file->next;
	*found = file;
	if (file)
		return 0;
	ret = open_file(capture, name, link_type, found);
	return ret ? fail(error, name, -ret) : 0;
}

int capture_add_port(struct capture *capture, const char *interface, uint32_t link_type, struct capture_port *port,
		     char *error)
{
	int ret = find_or_open(capture, interface, "in", link_type, &port->in, error);

	if (!ret)
		ret = find_or_open(capture, interface, "out", link_type, &port->out, error);
	port->capture = capture;
	return ret;
}

/* ---- the worker ------------------------------------------------------------------- */

uint64_t capture_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Around the ring's end, if need be; returns the place behind it. */
static uint64_t ring_write(struct capture *capture, uint64_t at, const void *bytes, size_t count)
{
	size_t begin = at % CAPTURE_RING_BYTES, first = CAPTURE_RING_BYTES - begin;

	if (first > count)
		first = count;
	memcpy(capture->ring + begin, bytes, first);
	memcpy(capture->ring, (const uint8_t *)bytes + first, count - first);
	return at + count;
}

static uint64_t write_parts(struct capture *capture, uint64_t at, uint32_t left, const struct iovec *parts,
			    size_t count, size_t skip)
{
	for (size_t i = 0; i < count && left; i++) {
		size_t bytes = parts[i].iov_len - skip;

		if (bytes > left)
			bytes = left;
		at = ring_write(capture, at, (const uint8_t *)parts[i].iov_base + skip, bytes);
		left -= (uint32_t)bytes;
		skip = 0;
	}
	return at;
}

void capture_put(struct capture *capture, struct capture_file *file, uint64_t time_ns, const struct iovec *parts,
		 size_t count, size_t skip)
{
	uint64_t put = atomic_load_explicit(&capture->put, memory_order_relaxed);
	uint64_t taken = atomic_load_explicit(&capture->taken, memory_order_acquire);
	struct capture_record record = { .file = file, .time_ns = time_ns };
	uint64_t at;

	for (size_t i = 0; i < count; i++)
		record.length += (uint32_t)parts[i].iov_len;
	record.length -= (uint32_t)skip;
	record.captured = record.length < CAPTURE_FRAME_BYTES ? record.length : CAPTURE_FRAME_BYTES;
	if (put - taken + capture_record_bytes(record.captured) > CAPTURE_RING_BYTES) {
		add_relaxed(&file->lost, 1);
		return;
	}
	at = ring_write(capture, put, &record, sizeof(record));
	write_parts(capture, at, record.captured, parts, count, skip);
	atomic_store_explicit(&capture->put, put + capture_record_bytes(record.captured), memory_order_release);
	capture->pending = true;
}

void capture_flush(struct capture *capture)
{
	if (!capture || !capture->pending)
		return;
	capture->pending = false;
	/* Either the writer's exchange comes later and it sees what was put, or we see that it is not told. */
	if (!atomic_exchange_explicit(&capture->announced, true, memory_order_acq_rel))
		(void)!write(capture->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}
