/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A line for each CPU, of hexadecimal numbers (softnet_seq_show() of Linux); the list's length is the twelfth. */
#define PART_BYTES 4096u /* which the kernel gives at a time: some 30 lines */
#define LENGTH_FIELD 11u

/* Frames that may wait when more are sent. */
#define ENOUGH 128u
/* Ours to work off; what is still there then is another CPU's. */
#define TURNS 32u
#define PATIENCE_TURNS 64u
#define PAUSE_NS 100000

void backlog_open(struct backlog *backlog)
{
	backlog->fd = open("/proc/net/softnet_stat", O_RDONLY | O_CLOEXEC);
}

void backlog_close(struct backlog *backlog)
{
	if (backlog->fd >= 0)
		close(backlog->fd);
	backlog->fd = -1;
}

static uint32_t length_of(const char *line)
{
	for (uint32_t field = 0; field < LENGTH_FIELD; field++) {
		line = strchr(line, ' ');
		if (!line)
			return 0;
		line++;
	}
	return (uint32_t)strtoul(line, NULL, 16);
}

/* Of the whole lines in the text, and how many bytes they are. */
static size_t read_lines(char *text, uint32_t *longest)
{
	char *line = text;

	for (char *end; (end = strchr(line, '\n')); line = end + 1) {
		uint32_t length;

		*end = 0;
		length = length_of(line);
		if (length > *longest)
			*longest = length;
	}
	return (size_t)(line - text);
}

uint32_t backlog_longest(const struct backlog *backlog)
{
	char text[PART_BYTES + 1];
	uint32_t longest = 0;
	size_t at = 0, taken;
	ssize_t bytes;

	while (backlog->fd >= 0 && (bytes = pread(backlog->fd, text, PART_BYTES, (off_t)at)) > 0) {
		text[bytes] = 0;
		taken = read_lines(text, &longest);
		if (!taken)
			break;
		at += taken;
	}
	return longest;
}

void backlog_settle(const struct backlog *backlog, int socket_fd)
{
	for (uint32_t turn = 0; turn < TURNS + PATIENCE_TURNS && backlog_longest(backlog) > ENOUGH; turn++) {
		/* Taking a socket's lock is enough: on the way out the kernel does what it was interrupted at. */
		if (turn < TURNS)
			(void)setsockopt(socket_fd, SOL_SOCKET, SO_PRIORITY, &(int){ 0 }, sizeof(int));
		else
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
}
