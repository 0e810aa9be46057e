/* SPDX-License-Identifier: Apache-2.0 */
/* The packet loop, in one thread or several: port.h says which takes what. */
#ifndef HG_WORKER_H
#define HG_WORKER_H

#include <pthread.h>

#include "forward.h"
#include "port.h"
#include "waiting.h"

#define WORKER_UNFLUSHED PORT_NUMBERS

struct worker;

/* Where copies go while a worker runs: ports, and the CPU. */
struct worker_output {
	struct output output;
	struct worker *worker;
	const struct port_set *set; /* of this round */
	struct io *io;              /* what header() chose; NULL: the CPU */
	uint8_t *headers;           /* what it gave */
	uint32_t segment_bytes;     /* of the frame that is being forwarded */
	uint32_t unflushed_count;
	struct io *unflushed[WORKER_UNFLUSHED]; /* have frames to flush, or to be fanned out */
};

struct worker {
	struct hg_switch *sw;
	uint32_t number;       /* from 0; the first also takes what the control plane sends */
	struct ports_lane *io; /* its lane of the ports */
	struct forward_stats stats;
	pthread_t thread;
	int wake_fd; /* eventfd: ends its sleep */
	_Atomic bool stop;
	struct worker_output output;
	struct waiting waiting;
	uint32_t lender_count;
	struct io *lenders[PORT_NUMBERS]; /* lent us frames in this round */
};

/* config.workers of them, which do not run yet. */
int workers_init(struct hg_switch *sw);
void workers_clear(struct hg_switch *sw);

int workers_start(struct hg_switch *sw);
void workers_stop(struct hg_switch *sw);
/* Any thread's. */
void worker_wake(struct worker *worker);

#endif
