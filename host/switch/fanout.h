/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of one run of segments, as the kernel shares their payload: it is handed
 * over once, with the headers of every copy beside it, and a program where the frame
 * leaves (fanout_program.h) sends a clone to each copy's interface. Without that every
 * copy would be copied into the kernel, which is most of what it costs.
 *
 * Clones are not accounted to our socket, so that nothing tells us when a queue is about
 * to be full: only interfaces without one are fanned out to by themselves (veth), and
 * what the kernel has to receive of those is looked at (backlog.h). What an interface has
 * no room for all the same waits in its port's queue (tx_queue.h).
 */
#ifndef HG_FANOUT_H
#define HG_FANOUT_H

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "backlog.h"
#include "fanout_program.h"
#include "io.h"
#include "outgoing.h"

/* A frame that is handed over, and what its copies are to their ports. */
struct fanout_frame {
	struct virtio_net_hdr offload;
	const uint8_t *payload;
	uint32_t payload_bytes;
	uint32_t segments; /* of each copy */
	struct io *ios[FANOUT_COPIES];
};

struct fanout {
	struct fanout_program program;
	uint32_t mark; /* of its frames, from here on */
	int fd; /* sends, by whatever interface the message names; -1: fanout_open() has not been called */
	int error; /* why there is none; 0: it is open */
	/* The worker's. */
	struct backlog backlog;
	uint32_t unseen; /* copies since it was looked at */
	uint32_t unseen_most;
	struct payload_sum *sum;
	struct stages *stages;
	uint32_t count; /* frames, each with its list in the program */
	struct fanout_frame frames[FANOUT_FRAMES];
};

/* Of one worker of so many. */
void fanout_init(struct fanout *fanout, uint32_t worker, uint32_t workers, struct payload_sum *sum, struct stages *stages);
void fanout_close(struct fanout *fanout);

/*
 * Control threads': of an interface that copies may leave by, a descriptor to close when
 * they no longer may. A negative errno where the kernel does not do it, or not for us.
 */
int fanout_attach(struct fanout *fanout, int ifindex);

/*
 * Takes a copy that leaves by a port which fans out; false: it is no run of segments that
 * fits there. Its payload has to stay in place until fanout_flush().
 */
bool fanout_add(struct fanout *fanout, struct io *io, struct outgoing *copy, uint32_t segment_bytes);
void fanout_flush(struct fanout *fanout);

#endif
