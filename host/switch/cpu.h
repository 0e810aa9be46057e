/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU port: packet-ins and packet-outs between the worker and the control plane. */
#ifndef HG_CPU_H
#define HG_CPU_H

#include <pthread.h>
#include <stdbool.h>

#include "queue.h"

struct cpu {
	struct queue in, out;
	int in_fd;   /* eventfd: readable while there are packet-ins */
	int wake_fd; /* eventfd: wakes the worker */
	pthread_mutex_t receive_mutex, send_mutex; /* each queue's side that any thread may be */
	bool in_pending; /* the worker's: put since the last cpu_flush() */
};

int cpu_init(struct cpu *cpu);
void cpu_clear(struct cpu *cpu);

/* The worker's. */
uint8_t *cpu_header(struct cpu *cpu); /* NULL: full */
/* false: longer than the queue's frames. */
bool cpu_put(struct cpu *cpu, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes);
void cpu_flush(struct cpu *cpu);
void cpu_worker_woken(struct cpu *cpu);

/* Any thread's. */
void cpu_wake_worker(struct cpu *cpu);
int cpu_receive(struct cpu *cpu, uint8_t *frame, uint32_t capacity);
int cpu_send(struct cpu *cpu, const uint8_t *frame, uint32_t length);

#endif
