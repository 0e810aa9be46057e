/* SPDX-License-Identifier: Apache-2.0 */
/* The packet loop. */
#ifndef HG_WORKER_H
#define HG_WORKER_H

#include <pthread.h>

#include "forward.h"
#include "port.h"

#define WORKER_UNFLUSHED PORT_NUMBERS

/* Where copies go while a worker runs: ports, and the CPU. */
struct worker_output {
	struct output output;
	struct hg_switch *sw;
	const struct port_set *set; /* of this round */
	struct io *io;              /* what header() chose; NULL: the CPU */
	uint8_t *headers;           /* what it gave */
	struct fanout *fanout;
	uint32_t segment_bytes;     /* of the frame that is being forwarded */
	uint32_t unflushed_count;
	struct io *unflushed[WORKER_UNFLUSHED]; /* have frames to flush */
};

struct worker {
	pthread_t thread;
	_Atomic bool stop;
	struct worker_output output;
	uint32_t lender_count;
	struct io *lenders[PORT_NUMBERS]; /* lent us frames in this round */
};

int worker_start(struct hg_switch *sw);
void worker_stop(struct hg_switch *sw);

#endif
