/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"

#define BACKLOG 128

/* 0: nobody serves it any more. */
static int check_dead(const struct hg_listener *listener, char *error)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *path = listener->address.sun_path;
	struct ucred peer = { 0 };
	socklen_t length = sizeof(peer);
	int ret = 0;

	if (fd < 0)
		return hg_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (connect(fd, (const struct sockaddr *)&listener->address, sizeof(listener->address)) == 0) {
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
		ret = hg_fail(error, -EADDRINUSE, "%s: already served by pid %d", path, (int)peer.pid);
	} else if (errno != ECONNREFUSED) {
		/* EAGAIN: its backlog is full, so someone has it. */
		ret = hg_fail(error, -EADDRINUSE, "%s: in use: %s", path, strerror(errno));
	}
	close(fd);
	return ret;
}

static int remove_stale(const struct hg_listener *listener, char *error)
{
	const char *path = listener->address.sun_path;
	struct stat status;
	int ret;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : hg_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return hg_fail(error, -EADDRINUSE, "%s: exists and is not a socket", path);
	ret = check_dead(listener, error);
	if (ret)
		return ret;
	if (unlink(path) < 0)
		return hg_fail(error, -errno, "%s: cannot remove the stale socket: %s", path, strerror(errno));
	return 0;
}

static int make(struct hg_listener *listener, char *error)
{
	const char *path = listener->address.sun_path;
	/* The socket gets its mode from the mask: nobody else can connect in between. */
	mode_t mask = umask(0177);
	int ret = bind(listener->fd, (struct sockaddr *)&listener->address, sizeof(listener->address)) ? -errno : 0;

	umask(mask);
	if (!ret && (listen(listener->fd, BACKLOG) < 0 || stat(path, &listener->file) < 0))
		ret = -errno;
	if (ret)
		return hg_fail(error, ret, "%s: cannot listen: %s", path, strerror(-ret));
	return 0;
}

/* Two that start at once must not take the file from each other: one at a time per directory. */
static int lock_directory(const char *path, char *error)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;

	strcpy(copy, path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		int ret = hg_fail(error, -errno, "%s: %s", path, strerror(errno));

		if (fd >= 0)
			close(fd);
		return ret;
	}
	return fd;
}

int hg_listener_open(struct hg_listener *listener, const char *path, char *error)
{
	int lock;
	int ret;

	memset(listener, 0, sizeof(*listener));
	listener->fd = -1;
	listener->address.sun_family = AF_UNIX;
	if (strlen(path) == 0 || strlen(path) >= sizeof(listener->address.sun_path))
		return hg_fail(error, -ENAMETOOLONG, "%s: a socket's path has 1 to %zu bytes", path,
			       sizeof(listener->address.sun_path) - 1);
	strcpy(listener->address.sun_path, path);
	lock = lock_directory(path, error);
	if (lock < 0)
		return lock;
	ret = remove_stale(listener, error);
	if (ret)
		goto unlock;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0) {
		ret = hg_fail(error, -errno, "%s: %s", path, strerror(errno));
		goto unlock;
	}
	ret = make(listener, error);
	if (ret) {
		close(listener->fd);
		listener->fd = -1;
	}
unlock:
	close(lock);
	return ret;
}

void hg_listener_close(struct hg_listener *listener)
{
	struct stat now;

	if (listener->fd < 0)
		return;
	if (stat(listener->address.sun_path, &now) == 0 && now.st_ino == listener->file.st_ino &&
	    now.st_dev == listener->file.st_dev)
		unlink(listener->address.sun_path);
	close(listener->fd);
	listener->fd = -1;
}
