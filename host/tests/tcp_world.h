/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine without interface, threads and files: what it asks of the kernel, and of
 * those that prepare contents, ends here (the linker's --wrap: meson.build). Nothing is left
 * to chance, so that the same bytes always lead to the same end; and every push is looked
 * at, byte by byte, before it would leave.
 */
#ifndef TCP_WORLD_H
#define TCP_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "engine.h"

/* abort(), because a debugger and libFuzzer stop there. */
#define MUST(condition)                                                                           \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

/* Contents by number; one is as long as positions reach. The second of a number is another file under it. */
#define WORLD_CONTENTS 5
#define WORLD_VARIANTS 2
#define WORLD_LONGEST 3 /* its number */

struct world {
	struct hg_engine engine;
	struct hg_content *contents[WORLD_CONTENTS][WORLD_VARIANTS];
	char flows[64];      /* path of the flow file */
	uint32_t more_runs;  /* beyond one for each flow */
	bool unprepared;     /* a content that is added is not ready at once */

	/* The kernel's next answers. */
	int send_error;       /* errno; 0: it sends */
	uint32_t send_after;  /* pushes */
	/* The switch's. */
	bool reflects;        /* marks */
	uint32_t marks[64], mark_count, echo_count;

	uint32_t pushes, push_limit; /* since world_expect() */
	uint64_t bytes, byte_limit;
};

extern struct world world;

/* Once for the process. */
void world_make(void);
/* A new engine with an empty flow file, at this time (us). */
void world_open(uint32_t now, uint32_t mtu, bool bundles, bool marks);
/* As kill -9 and a new process: its contents have to be added again. */
void world_restart(void);
/* Ends all that there is, and finds everything given back. */
void world_close(void);

/* Content `number` (1 to WORLD_CONTENTS), in the one or the other variant. */
void world_add_content(uint32_t number, uint32_t variant);
/* What the switch's service table says of it. */
uint32_t world_length(uint32_t number);

/* More than this until it is called again is a fault. */
void world_expect(uint32_t pushes, uint64_t bytes);

/* One turn of the engine's loop after so many microseconds, but for the pulls. */
void world_turn(uint32_t us);

#endif
