/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket's file: made, taken over from the dead, removed. */
#ifndef HG_LISTENER_H
#define HG_LISTENER_H

#include <sys/stat.h>
#include <sys/un.h>

struct hg_listener {
	int fd;
	struct sockaddr_un address;
	struct stat file; /* ours, so that another's is not removed */
};

/*
 * Mode 0600. What a killed predecessor left is replaced; -EADDRINUSE when it is
 * served by someone who lives, or is not a socket.
 */
int hg_listener_open(struct hg_listener *listener, const char *path, char *error);
void hg_listener_close(struct hg_listener *listener);

#endif
