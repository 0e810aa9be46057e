/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h: the thread that writes the files, https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"

#define PCAP_NANOSECONDS 0xa1b23c4du
#define PCAP_MAJOR 2
#define PCAP_MINOR 4

struct pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snapshot_bytes;
	uint32_t link_type;
};

struct pcap_record {
	uint32_t seconds, nanoseconds;
	uint32_t captured, length; /* bytes */
};

/* Holds the longest record: what does not fit is written before. */
#define BUFFER_BYTES (sizeof(struct pcap_record) + CAPTURE_FRAME_BYTES)

/* `written` is how much of it, also where it fails. */
static int write_all(int fd, const uint8_t *bytes, size_t count, size_t *written)
{
	*written = 0;
	while (*written < count) {
		ssize_t more = write(fd, bytes + *written, count - *written);

		if (more < 0 && errno != EINTR)
			return -errno;
		*written += more > 0 ? (size_t)more : 0;
	}
	return 0;
}

int capture_file_start(struct capture_file *file)
{
	const struct pcap_header header = {
		.magic = PCAP_NANOSECONDS,
		.major = PCAP_MAJOR,
		.minor = PCAP_MINOR,
		.snapshot_bytes = CAPTURE_FRAME_BYTES,
		.link_type = file->link_type,
	};

	size_t written;

	file->buffer = malloc(BUFFER_BYTES);
	if (!file->buffer)
		return -ENOMEM;
	file->bytes = sizeof(header);
	return write_all(file->fd, (const uint8_t *)&header, sizeof(header), &written);
}

/* The whole records among the buffer's first bytes: how many, and their length. */
static uint32_t whole_records(const struct capture_file *file, size_t bytes, size_t *length)
{
	struct pcap_record record;
	uint32_t count = 0;

	for (*length = 0; *length + sizeof(record) <= bytes; count++) {
		memcpy(&record, file->buffer + *length, sizeof(record));
		if (*length + sizeof(record) + record.captured > bytes)
			break;
		*length += sizeof(record) + record.captured;
	}
	return count;
}

/* The first time it is told, the others are counted: a full disk is full for all of them. */
static void give_up(struct capture *capture, struct capture_file *file, int code)
{
	file->broken = true;
	/* The file ends in a whole record, if the disk lets it. */
	(void)!ftruncate(file->fd, (off_t)file->bytes);
	if (capture->failed)
		return;
	capture->failed = true;
	snprintf(capture->error, sizeof(capture->error), "%s: %s: it ends here; what is not written is counted",
		 file->name, strerror(code));
	(void)!write(capture->failed_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static void flush_file(struct capture *capture, struct capture_file *file)
{
	size_t written, length = file->used;
	int ret = write_all(file->fd, file->buffer, file->used, &written);
	uint32_t count = ret ? whole_records(file, written, &length) : file->buffered;

	file->bytes += length;
	add_relaxed(&file->written, count);
	add_relaxed(&file->unwritten, file->buffered - count);
	if (ret)
		give_up(capture, file, -ret);
	file->buffered = 0;
	file->used = 0;
}

static void flush_files(struct capture *capture)
{
	struct capture_file *file = atomic_load_explicit(&capture->files, memory_order_acquire);

	for (; file; file = file->next)
		flush_file(capture, file);
}

static void ring_read(const struct capture *capture, uint64_t at, void *bytes, size_t count)
{
	size_t begin = at % CAPTURE_RING_BYTES, first = CAPTURE_RING_BYTES - begin;

	if (first > count)
		first = count;
	memcpy(bytes, capture->ring + begin, first);
	memcpy((uint8_t *)bytes + first, capture->ring, count - first);
}

static void append(struct capture *capture, const struct capture_record *from, uint64_t at)
{
	struct capture_file *file = from->file;
	const struct pcap_record record = {
		.seconds = (uint32_t)(from->time_ns / 1000000000),
		.nanoseconds = (uint32_t)(from->time_ns % 1000000000),
		.captured = from->captured,
		.length = from->length,
	};

	if (!file->broken && file->used + sizeof(record) + from->captured > BUFFER_BYTES)
		flush_file(capture, file);
	if (file->broken) {
		add_relaxed(&file->unwritten, 1);
		return;
	}
	memcpy(file->buffer + file->used, &record, sizeof(record));
	ring_read(capture, at, file->buffer + file->used + sizeof(record), from->captured);
	file->used += sizeof(record) + from->captured;
	file->buffered++;
}

static void take_all(struct capture *capture)
{
	uint64_t taken = atomic_load_explicit(&capture->taken, memory_order_relaxed);

	while (taken != atomic_load_explicit(&capture->put, memory_order_acquire)) {
		struct capture_record record;

		ring_read(capture, taken, &record, sizeof(record));
		append(capture, &record, taken + sizeof(record));
		taken += capture_record_bytes(record.captured);
		atomic_store_explicit(&capture->taken, taken, memory_order_release);
	}
	flush_files(capture);
}

void *capture_write(void *opaque)
{
	struct capture *capture = opaque;
	bool stop;

	do {
		(void)!read(capture->wake_fd, &(uint64_t){ 0 }, sizeof(uint64_t));
		stop = atomic_load_explicit(&capture->stop, memory_order_acquire);
		atomic_exchange_explicit(&capture->announced, false, memory_order_acq_rel);
		take_all(capture);
	} while (!stop);
	return NULL;
}
