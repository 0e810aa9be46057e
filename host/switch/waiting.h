/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ports by which frames of one worker wait to leave (tx_queue.h), by number: a port
 * may go between two rounds, and a number may be another one's then.
 */
#ifndef HG_WAITING_H
#define HG_WAITING_H

#include <poll.h>

#include "port.h"

struct waiting {
	uint64_t ports[PORT_NUMBERS / 64];
	uint64_t retry_at_ns; /* the first of theirs; IO_NONE_WAITS */
};

/* What a worker sleeps on. */
struct waiting_poll {
	uint32_t count;
	struct pollfd fds[1 + PORT_NUMBERS];
	uint32_t ports[1 + PORT_NUMBERS]; /* whose each is, but the first */
};

static inline bool waiting_any(const struct waiting *waiting)
{
	return waiting->retry_at_ns != IO_NONE_WAITS;
}

void waiting_init(struct waiting *waiting);
/* That port's frames wait, if they do. */
void waiting_note(struct waiting *waiting, const struct io *io);
/* Has those ports send what waits which are due, of that worker. */
void waiting_retry(struct waiting *waiting, const struct port_set *set, uint32_t worker, uint64_t now_ns);

/*
 * Sleeping while some wait: prepared while the worker may look at ports, slept on when it
 * may not, until `fd` is readable, a port has room, or the first one is to be tried again.
 * Then what has room is due.
 */
void waiting_prepare(const struct waiting *waiting, const struct port_set *set, uint32_t worker, int fd,
		     struct waiting_poll *on);
void waiting_sleep(const struct waiting *waiting, struct waiting_poll *on);
void waiting_wake(struct waiting *waiting, const struct port_set *set, uint32_t worker, const struct waiting_poll *on);

#endif
