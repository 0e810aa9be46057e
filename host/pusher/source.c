/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

static int open_path(struct hg_source **source, const struct hg_stream_spec *spec, char *error)
{
	struct stat status;
	/* Without O_NONBLOCK the opening of a FIFO waits for a writer. */
	int fd = open(spec->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int ret;

	if (fd < 0)
		return hg_fail(error, -errno, "%s: %s", spec->path, strerror(errno));
	if (fstat(fd, &status) < 0)
		ret = hg_fail(error, -errno, "%s: %s", spec->path, strerror(errno));
	else if (S_ISDIR(status.st_mode))
		ret = hg_fail(error, -EISDIR, "%s: %s", spec->path, strerror(EISDIR));
	else if (S_ISREG(status.st_mode))
		ret = hg_file_open(source, spec, fd, error);
	else if (spec->loop || spec->start_offset)
		ret = hg_fail(error, -EINVAL, "%s: only a regular file can loop or start at an offset", spec->path);
	else
		ret = hg_pipe_open(source, spec, fd, true, error);
	if (ret)
		close(fd);
	return ret;
}

int hg_source_open(struct hg_source **source, const struct hg_stream_spec *spec, char *error)
{
	if (spec->source == HG_SOURCE_PATH)
		return open_path(source, spec, error);
	if (spec->loop || spec->start_offset)
		return hg_fail(error, -EINVAL, "only a regular file can loop or start at an offset");
	if (spec->source == HG_SOURCE_FD)
		return hg_pipe_open(source, spec, spec->fd, false, error);
	return hg_udp_open(source, spec, error);
}
