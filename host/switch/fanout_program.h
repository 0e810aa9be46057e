/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's half of a fan-out (fanout.h): an eBPF program where a port's frames leave. */
#ifndef HG_FANOUT_PROGRAM_H
#define HG_FANOUT_PROGRAM_H

#include <stdint.h>

/* Of one frame: below the kernel's backlog of 1,000, which all of them pass before it is emptied. */
#define FANOUT_COPIES 64u
/* Frames that are handed to the kernel at once. */
#define FANOUT_FRAMES 16u
#define FANOUT_HEADER_BYTES 120u

/*
 * Frames with marks from here on are copied: FANOUT_FRAMES marks for each worker, which has
 * a program of its own; their low bits say by which list.
 */
#define FANOUT_MARK 0x48470000u

/* fanout_copy.result, until the program has written another. */
#define FANOUT_NOT_SENT INT32_MIN

/* What the program reads, and for each copy writes back: the memory is shared. */
struct fanout_copy {
	uint32_t ifindex;
	int32_t result; /* 0: it has left; of the last copy, which is the frame itself, nothing is written */
	uint8_t headers[FANOUT_HEADER_BYTES];
};

struct fanout_list {
	uint32_t count;
	uint32_t header_bytes; /* of every copy, from the frame's beginning */
	struct fanout_copy copies[FANOUT_COPIES];
};

struct fanout_program {
	int map_fd, program_fd;
	struct fanout_list *lists; /* FANOUT_FRAMES of them */
};

/* Negative errno: the kernel has no such programs, or not for us. */
int fanout_program_open(struct fanout_program *program, uint32_t mark);
void fanout_program_close(struct fanout_program *program);
/* From now on marked frames that leave by this interface are copied; a descriptor, whose closing ends it. */
int fanout_program_attach(const struct fanout_program *program, int ifindex);

#endif
