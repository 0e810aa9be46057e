/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define MAGIC "HGFLOW1"
#define HEADER_BYTES 4096 /* a page */

struct hg_flow_file_header {
	char magic[8];
	uint32_t record_bytes;
	uint32_t count; /* records; after they were allocated */
};

static size_t bytes_for(uint32_t records)
{
	return HEADER_BYTES + (size_t)records * sizeof(struct hg_flow_record);
}

/* Is what the file holds ours, and all of it there? */
static bool is_ours(const struct hg_flow_file *file, uint32_t most)
{
	struct hg_flow_file_header header;
	struct stat status;

	return pread(file->fd, &header, sizeof(header), 0) == sizeof(header) &&
	       memcmp(header.magic, MAGIC, sizeof(header.magic)) == 0 &&
	       header.record_bytes == sizeof(struct hg_flow_record) && header.count % HG_FLOW_CHUNK == 0 &&
	       header.count <= most && fstat(file->fd, &status) == 0 &&
	       (size_t)status.st_size >= bytes_for(header.count);
}

/* One page that says that there are no records. */
static int begin(struct hg_flow_file *file)
{
	struct hg_flow_file_header header = { .magic = MAGIC, .record_bytes = sizeof(struct hg_flow_record) };

	if (ftruncate(file->fd, 0) < 0)
		return -errno;
	if (fallocate(file->fd, 0, 0, HEADER_BYTES) < 0)
		return -errno;
	if (pwrite(file->fd, &header, sizeof(header), 0) != sizeof(header))
		return -EIO;
	return 0;
}

int hg_flow_file_open(struct hg_flow_file *file, const char *path, uint32_t most, char *error)
{
	void *map;
	int ret;

	memset(file, 0, sizeof(*file));
	file->most = most;
	file->mapped = bytes_for(most);
	file->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return hg_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (flock(file->fd, LOCK_EX | LOCK_NB) < 0) {
		ret = hg_fail(error, -EBUSY, "%s: another pusher has these flows", path);
		goto close;
	}
	ret = is_ours(file, most) ? 0 : begin(file);
	if (ret) {
		hg_fail(error, ret, "%s: %s", path, strerror(-ret));
		goto close;
	}
	map = mmap(NULL, file->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	if (map == MAP_FAILED) {
		ret = hg_fail(error, -errno, "%s: cannot map: %s", path, strerror(errno));
		goto close;
	}
	file->header = map;
	file->records = (struct hg_flow_record *)(void *)((uint8_t *)map + HEADER_BYTES);
	file->count = file->header->count;
	return 0;
close:
	close(file->fd);
	file->fd = -1;
	return ret;
}

int hg_flow_file_grow(struct hg_flow_file *file)
{
	if (file->count == file->most)
		return -ENOSPC;
	/* Allocated now: a mapped page that the device has no room for would be a SIGBUS later. */
	if (fallocate(file->fd, 0, (off_t)bytes_for(file->count), (off_t)HG_FLOW_CHUNK * (off_t)sizeof(*file->records)) < 0)
		return -errno;
	file->count += HG_FLOW_CHUNK;
	file->header->count = file->count;
	return 0;
}

void hg_flow_file_close(struct hg_flow_file *file)
{
	if (file->fd < 0)
		return;
	munmap(file->header, file->mapped);
	close(file->fd);
	file->fd = -1;
}
