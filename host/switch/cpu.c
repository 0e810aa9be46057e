/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int cpu_init(struct cpu *cpu)
{
	int ret = queue_init(&cpu->in);

	pthread_mutex_init(&cpu->receive_mutex, NULL);
	pthread_mutex_init(&cpu->send_mutex, NULL);
	cpu->in_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	cpu->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!ret)
		ret = queue_init(&cpu->out);
	if (!ret && (cpu->in_fd < 0 || cpu->wake_fd < 0))
		ret = -EMFILE;
	return ret;
}

void cpu_clear(struct cpu *cpu)
{
	queue_clear(&cpu->in);
	queue_clear(&cpu->out);
	if (cpu->in_fd >= 0)
		close(cpu->in_fd);
	if (cpu->wake_fd >= 0)
		close(cpu->wake_fd);
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

uint8_t *cpu_header(struct cpu *cpu)
{
	struct queue_frame *room = queue_room(&cpu->in);

	return room ? room->bytes : NULL;
}

bool cpu_put(struct cpu *cpu, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes)
{
	struct queue_frame *room = queue_room(&cpu->in);

	if (header_bytes + payload_bytes > QUEUE_FRAME_BYTES)
		return false;
	memcpy(room->bytes + header_bytes, payload, payload_bytes);
	room->length = header_bytes + payload_bytes;
	queue_put(&cpu->in);
	cpu->in_pending = true;
	return true;
}

void cpu_flush(struct cpu *cpu)
{
	if (cpu->in_pending)
		raise_event(cpu->in_fd);
	cpu->in_pending = false;
}

void cpu_worker_woken(struct cpu *cpu)
{
	clear_event(cpu->wake_fd);
}

void cpu_wake_worker(struct cpu *cpu)
{
	raise_event(cpu->wake_fd);
}

/* The event goes before the last look, so that a frame that comes meanwhile raises it again. */
static struct queue_frame *peek_or_clear(struct cpu *cpu)
{
	struct queue_frame *frame = queue_peek(&cpu->in);

	if (frame)
		return frame;
	clear_event(cpu->in_fd);
	frame = queue_peek(&cpu->in);
	if (frame)
		raise_event(cpu->in_fd);
	return frame;
}

int cpu_receive(struct cpu *cpu, uint8_t *bytes, uint32_t capacity)
{
	struct queue_frame *frame;
	int ret;

	pthread_mutex_lock(&cpu->receive_mutex);
	frame = peek_or_clear(cpu);
	if (!frame) {
		ret = -EAGAIN;
	} else if (frame->length > capacity) {
		ret = -EMSGSIZE;
	} else {
		ret = (int)frame->length;
		memcpy(bytes, frame->bytes, frame->length);
		queue_take(&cpu->in);
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
	if (!ret)
		cpu_wake_worker(cpu);
	return ret;
}
