/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replicas that the kernel makes. Of a run of segments that goes to many members only
 * the headers differ: so it is handed to the kernel once, with all the headers beside
 * it, and an eBPF program clones it for each port. The clones share the payload's pages,
 * which else would be copied for each (cloner_program.h).
 *
 * A port that has no room for its clone is tried again for a while, as afpacket_tx.c does.
 */
#ifndef HG_CLONER_H
#define HG_CLONER_H

#include <linux/virtio_net.h>

#include "cloner_program.h"
#include "gather.h"
#include "io.h"

/* Replicas of one shape that wait to be made. */
struct clone_pending {
	struct clone_batch *batch;
	struct virtio_net_hdr offload;
	uint32_t segments;
	struct io *ios[CLONE_MEMBERS]; /* whose the members are */
};

struct cloner {
	int program, map; /* -1: this kernel, or this process, cannot */
	struct clone_memory *memory;
	const uint8_t *payload; /* all pending replicas' */
	uint32_t payload_bytes;
	uint32_t pending_count;
	struct clone_pending pending[CLONE_BATCHES];
	struct gather_sum sum;
};

/* -errno where it cannot; then nothing is ever taken. */
int cloner_open(struct cloner *cloner);
void cloner_close(struct cloner *cloner);

/*
 * Takes a replica whose headers were written to the port's room; its payload stays in
 * place until cloner_flush(). false: it has to leave by the port itself.
 */
bool cloner_take(struct cloner *cloner, struct io *io, uint8_t *headers, uint32_t header_bytes, const uint8_t *payload,
		 uint32_t payload_bytes, uint32_t segment_bytes);

void cloner_flush(struct cloner *cloner);

#endif
