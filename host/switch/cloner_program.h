/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF program by which the kernel makes a frame's replicas, and the memory that it
 * shares with us. It runs where frames leave by a port's interface (TCX, Linux 6.6), and
 * leaves alone all that do not carry our mark.
 */
#ifndef HG_CLONER_PROGRAM_H
#define HG_CLONER_PROGRAM_H

#include <stdint.h>

#define CLONE_BATCHES 4u  /* a push's replicas of different shape: IPv4 and IPv6, tagged or not */
#define CLONE_MEMBERS 256u /* of one batch: less than what a veth's backlog takes (1,000) */
#define CLONE_HEADER_BYTES 96u
#define CLONE_MARK 0x48670000u /* of a socket buffer, plus the batch's place */
#define CLONE_NOT_MADE INT32_MIN

struct clone_member {
	uint32_t ifindex;
	int32_t result; /* of bpf_clone_redirect(): 0 when it has left */
	uint8_t headers[CLONE_HEADER_BYTES]; /* the beginning of this replica */
};

struct clone_batch {
	uint32_t count;
	uint32_t header_bytes; /* that are different: of every member */
	struct clone_member members[CLONE_MEMBERS];
};

struct clone_memory {
	struct clone_batch batches[CLONE_BATCHES];
};

/* Both as file descriptors; -errno: this kernel, or this process, cannot. */
int cloner_program_load(int *program, int *map);
/* Frames that leave by that interface run through it until the descriptor is closed. */
int cloner_program_attach(int program, int ifindex);

#endif
