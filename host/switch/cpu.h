/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU port: packet-ins and packet-outs between the worker and the control plane. */
#ifndef HG_CPU_H
#define HG_CPU_H

#include <pthread.h>
#include <stdbool.h>

#include "queue.h"

/* What one worker sends there. */
struct cpu_lane {
	struct queue in;
	bool pending; /* put since the last cpu_flush() */
};

struct cpu {
	uint32_t lane_count;
	struct cpu_lane *lanes; /* one for each worker */
	uint32_t next;          /* the lane whose turn it is to be received from */
	struct queue out;       /* taken from by the first worker */
	int in_fd;              /* eventfd: readable while there are packet-ins */
	pthread_mutex_t receive_mutex, send_mutex; /* each queue's side that any thread may be */
};

int cpu_init(struct cpu *cpu, uint32_t workers);
void cpu_clear(struct cpu *cpu);

/* That worker's. */
uint8_t *cpu_header(struct cpu *cpu, uint32_t worker); /* NULL: full */
/* false: longer than the queue's frames. */
bool cpu_put(struct cpu *cpu, uint32_t worker, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes);
void cpu_flush(struct cpu *cpu, uint32_t worker);

/* Any thread's. */
uint32_t cpu_waiting(const struct cpu *cpu); /* packet-ins */
int cpu_receive(struct cpu *cpu, uint8_t *frame, uint32_t capacity);
int cpu_send(struct cpu *cpu, const uint8_t *frame, uint32_t length);

#endif
