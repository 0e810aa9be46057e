/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int cpu_init(struct cpu *cpu, uint32_t workers)
{
	int ret = queue_init(&cpu->out);

	pthread_mutex_init(&cpu->receive_mutex, NULL);
	pthread_mutex_init(&cpu->send_mutex, NULL);
	cpu->in_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	cpu->lanes = calloc(workers, sizeof(*cpu->lanes));
	if (!cpu->lanes)
		return -ENOMEM;
	cpu->lane_count = workers;
	for (uint32_t i = 0; i < workers && !ret; i++)
		ret = queue_init(&cpu->lanes[i].in);
	if (!ret && cpu->in_fd < 0)
		ret = -EMFILE;
	return ret;
}

void cpu_clear(struct cpu *cpu)
{
	for (uint32_t i = 0; i < cpu->lane_count; i++)
		queue_clear(&cpu->lanes[i].in);
	free(cpu->lanes);
	queue_clear(&cpu->out);
	if (cpu->in_fd >= 0)
		close(cpu->in_fd);
	pthread_mutex_destroy(&cpu->receive_mutex);
	pthread_mutex_destroy(&cpu->send_mutex);
}

/* Neither can fail: an eventfd that is at its limit, or at 0, already says what we say. */
static void raise_event(int fd)
{
	(void)!write(fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static void clear_event(int fd)
{
	(void)!read(fd, &(uint64_t){ 0 }, sizeof(uint64_t));
}

uint8_t *cpu_header(struct cpu *cpu, uint32_t worker)
{
	struct queue_frame *room = queue_room(&cpu->lanes[worker].in);

	return room ? room->bytes : NULL;
}

bool cpu_put(struct cpu *cpu, uint32_t worker, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes)
{
	struct cpu_lane *lane = &cpu->lanes[worker];
	struct queue_frame *room = queue_room(&lane->in);

	if (header_bytes + payload_bytes > QUEUE_FRAME_BYTES)
		return false;
	memcpy(room->bytes + header_bytes, payload, payload_bytes);
	room->length = header_bytes + payload_bytes;
	queue_put(&lane->in);
	lane->pending = true;
	return true;
}

void cpu_flush(struct cpu *cpu, uint32_t worker)
{
	if (cpu->lanes[worker].pending)
		raise_event(cpu->in_fd);
	cpu->lanes[worker].pending = false;
}

uint32_t cpu_waiting(const struct cpu *cpu)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < cpu->lane_count; i++)
		waiting += queue_waiting(&cpu->lanes[i].in);
	return waiting;
}

/* The queue that has frames and whose turn comes first; NULL: all are empty. */
static struct queue *next_queue(struct cpu *cpu)
{
	for (uint32_t i = 0; i < cpu->lane_count; i++) {
		struct queue *queue = &cpu->lanes[(cpu->next + i) % cpu->lane_count].in;

		if (queue_peek(queue)) {
			cpu->next = (cpu->next + i) % cpu->lane_count;
			return queue;
		}
	}
	return NULL;
}

/* The event goes before the last look, so that a frame that comes meanwhile raises it again. */
static struct queue *next_or_clear(struct cpu *cpu)
{
	struct queue *queue = next_queue(cpu);

	if (queue)
		return queue;
	clear_event(cpu->in_fd);
	queue = next_queue(cpu);
	if (queue)
		raise_event(cpu->in_fd);
	return queue;
}

int cpu_receive(struct cpu *cpu, uint8_t *bytes, uint32_t capacity)
{
	struct queue_frame *frame;
	struct queue *queue;
	int ret = -EAGAIN;

	pthread_mutex_lock(&cpu->receive_mutex);
	queue = next_or_clear(cpu);
	frame = queue ? queue_peek(queue) : NULL;
	if (frame && frame->length > capacity) {
		ret = -EMSGSIZE;
	} else if (frame) {
		ret = (int)frame->length;
		memcpy(bytes, frame->bytes, frame->length);
		queue_take(queue);
		cpu->next = (cpu->next + 1) % cpu->lane_count;
	}
	pthread_mutex_unlock(&cpu->receive_mutex);
	return ret;
}

int cpu_send(struct cpu *cpu, const uint8_t *bytes, uint32_t length)
{
	struct queue_frame *room;
	int ret = 0;

	if (length == 0 || length > QUEUE_FRAME_BYTES)
		return -EMSGSIZE;
	pthread_mutex_lock(&cpu->send_mutex);
	room = queue_room(&cpu->out);
	if (room) {
		memcpy(room->bytes, bytes, length);
		room->length = length;
		queue_put(&cpu->out);
	} else {
		ret = -ENOBUFS;
	}
	pthread_mutex_unlock(&cpu->send_mutex);
	return ret;
}
