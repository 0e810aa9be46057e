/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "switch.h"
#include "thread.h"

/*
 * After a packet the worker looks for another one this long before it sleeps:
 * about what falling asleep and being woken costs.
 */
#define SPIN_NS 20000u
#define EVENTS 64

/* ---- output ------------------------------------------------------------------- */

static void flush(struct worker_output *output)
{
	fanout_flush(&output->worker->io->fanout);
	for (uint32_t i = 0; i < output->unflushed_count; i++) {
		struct io *io = output->unflushed[i];

		io->ops->flush(io);
		io->listed = false;
		waiting_note(&output->worker->waiting, io);
	}
	output->unflushed_count = 0;
}

/* It is flushed at the round's end, at the latest. */
static void list(struct worker_output *output, struct io *io)
{
	if (io->listed)
		return;
	io->listed = true;
	output->unflushed[output->unflushed_count++] = io;
	if (output->unflushed_count == WORKER_UNFLUSHED)
		flush(output);
}

static uint8_t *cpu_output_header(struct worker *worker)
{
	uint8_t *header = cpu_header(&worker->sw->cpu, worker->number);

	if (!header)
		add_relaxed(&worker->stats.dropped_cpu_queue, 1);
	return header;
}

static uint8_t *port_header(struct worker_output *output, uint32_t number)
{
	struct worker *worker = output->worker;
	struct port *port = port_find(output->set, number);
	struct io *io;

	if (!port) {
		add_relaxed(&worker->stats.dropped_no_port, 1);
		return NULL;
	}
	io = port_io(port, worker->number);
	if (!io || !atomic_load_explicit(&port->up, memory_order_relaxed)) {
		add_relaxed(&port->lanes[worker->number].counters.tx_dropped, 1);
		return NULL;
	}
	output->io = io;
	return io->ops->header(io);
}

static uint8_t *worker_header(struct output *base, uint32_t port)
{
	struct worker_output *output = (struct worker_output *)base;

	output->io = NULL;
	if (port == output->worker->sw->config.cpu_port && port)
		return cpu_output_header(output->worker);
	return output->headers = port_header(output, port);
}

/* Copies of a run. What left by the port before leaves before them, and the other way round. */
static bool fan_out(struct worker_output *output, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes)
{
	struct outgoing copy = { { 0 }, output->headers, header_bytes, payload, payload_bytes };
	struct fanout *fanout = &output->worker->io->fanout;
	struct io *io = output->io;

	if (output->segment_bytes && output->output.copies > 1 && io->fans_out &&
	    fanout_add(fanout, io, &copy, output->segment_bytes)) {
		if (io_unflushed(io))
			io->ops->flush(io);
		return true;
	}
	if (io->fanned)
		fanout_flush(fanout);
	return false;
}

static void worker_send(struct output *base, uint32_t port, uint32_t header_bytes, const uint8_t *payload,
			uint32_t payload_bytes)
{
	struct worker_output *output = (struct worker_output *)base;
	struct io *io = output->io;

	(void)port;
	if (!io) {
		struct worker *worker = output->worker;

		if (!cpu_put(&worker->sw->cpu, worker->number, header_bytes, payload, payload_bytes))
			add_relaxed(&worker->stats.dropped_cpu_queue, 1);
		return;
	}
	if (!fan_out(output, header_bytes, payload, payload_bytes))
		io->ops->send(io, header_bytes, payload, payload_bytes, output->segment_bytes);
	list(output, io);
}

/* ---- rounds ------------------------------------------------------------------- */

/* Now, not at the round's end: copies may take long, and what waits is to leave meanwhile. */
static void retry_waiting(struct worker *worker)
{
	if (waiting_any(&worker->waiting))
		waiting_retry(&worker->waiting, worker->output.set, worker->number, now_ns());
}

/* Up to a batch from every port whose frames it takes, in turn. */
static bool receive_from_ports(struct worker *worker, const struct forwarder *forwarder)
{
	const struct port_set *set = worker->output.set;
	struct io_frame frames[IO_FRAMES];

	worker->lender_count = 0;
	for (uint32_t i = 0; i < set->count; i++) {
		struct port *port = set->all[i];
		struct io *io = port->worker == worker->number ? port_io(port, worker->number) : NULL;
		uint32_t count = io ? io->ops->receive(io, frames, IO_FRAMES) : 0;

		if (!count)
			continue;
		worker->lenders[worker->lender_count++] = io;
		for (uint32_t f = 0; f < count; f++) {
			worker->output.segment_bytes = frames[f].segment_bytes;
			forward(forwarder, port->number, frames[f].bytes, frames[f].length);
			retry_waiting(worker);
		}
	}
	return worker->lender_count;
}

static const struct queue_frame *receive_from_cpu(struct worker *worker, const struct forwarder *forwarder)
{
	struct hg_switch *sw = worker->sw;
	const struct queue_frame *frame = worker->number ? NULL : queue_peek(&sw->cpu.out);

	worker->output.segment_bytes = 0;
	if (frame)
		forward(forwarder, sw->config.cpu_port, frame->bytes, frame->length);
	return frame;
}

/* false: there was nothing to do. */
static bool do_round(struct worker *worker)
{
	struct hg_switch *sw = worker->sw;
	struct forwarder forwarder = {
		.stats = &worker->stats,
		.stages = &worker->io->stages,
		.trace = sw->trace,
		.output = trace_output(sw->trace, &worker->output.output),
	};
	const struct queue_frame *packet_out;
	bool received;

	forward_by(&forwarder, switch_running(sw), worker->number);
	forward_at(&forwarder, now_ns(), sw->start_ns);
	worker->io->sum = (struct payload_sum){ 0 }; /* its payload was given back */
	worker->output.set = ports_now(&sw->ports);
	retry_waiting(worker);
	received = receive_from_ports(worker, &forwarder);
	packet_out = receive_from_cpu(worker, &forwarder);
	/* Copies leave before what they point into is given back. */
	flush(&worker->output);
	cpu_flush(&sw->cpu, worker->number);
	capture_flush(sw->ports.capture);
	forward_flushed(&forwarder);
	for (uint32_t i = 0; i < worker->lender_count; i++)
		worker->lenders[i]->ops->release(worker->lenders[i]);
	if (packet_out)
		queue_take(&sw->cpu.out);
	return received || packet_out;
}

/* A port whose interface went down reports an error until somebody takes it. */
static void clear_errors(struct worker *worker, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		struct port *port = port_find(ports_now(&worker->sw->ports), events[i].data.u32);
		struct io *io = port && port->worker == worker->number ? port_io(port, worker->number) : NULL;

		if (io && events[i].events & EPOLLERR)
			io->ops->clear_error(io);
	}
}

/* While frames wait it wakes when there is room for them, or it is time to look. */
static void wait_while_some_wait(struct worker *worker)
{
	struct epoch *epoch = &worker->sw->epoch;
	struct ports *ports = &worker->sw->ports;
	struct waiting_poll on;

	waiting_prepare(&worker->waiting, ports_now(ports), worker->number, worker->io->poll_fd, &on);
	epoch_offline(epoch, worker->number);
	waiting_sleep(&worker->waiting, &on);
	epoch_online(epoch, worker->number);
	waiting_wake(&worker->waiting, ports_now(ports), worker->number, &on);
}

static void sleep_until_work(struct worker *worker)
{
	struct epoch *epoch = &worker->sw->epoch;
	struct epoll_event events[EVENTS];
	int timeout_ms = -1, count;

	if (waiting_any(&worker->waiting)) {
		wait_while_some_wait(worker);
		timeout_ms = 0;
	}
	epoch_offline(epoch, worker->number);
	count = epoll_wait(worker->io->poll_fd, events, EVENTS, timeout_ms);
	epoch_online(epoch, worker->number);
	(void)!read(worker->wake_fd, &(uint64_t){ 0 }, sizeof(uint64_t));
	clear_errors(worker, events, count);
}

static void *work(void *opaque)
{
	struct worker *worker = opaque;
	struct epoch *epoch = &worker->sw->epoch;
	uint64_t busy_ns = now_ns();

	epoch_online(epoch, worker->number);
	while (!atomic_load_explicit(&worker->stop, memory_order_acquire)) {
		if (do_round(worker))
			busy_ns = now_ns();
		else if (now_ns() - busy_ns > SPIN_NS)
			sleep_until_work(worker);
		epoch_quiescent(epoch, worker->number);
	}
	epoch_offline(epoch, worker->number);
	return NULL;
}

/* ---- start and stop ------------------------------------------------------------- */

int workers_init(struct hg_switch *sw)
{
	uint32_t count = sw->config.workers;
	int ret = 0;

	sw->workers = calloc(count, sizeof(*sw->workers));
	if (!sw->workers)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct epoll_event woken = { .events = EPOLLIN, .data.u32 = PORT_NUMBERS };
		struct worker *worker = &sw->workers[i];

		worker->sw = sw;
		worker->number = i;
		worker->io = &sw->ports.lanes[i];
		worker->output.output = (struct output){ .header = worker_header, .send = worker_send };
		worker->output.worker = worker;
		waiting_init(&worker->waiting);
		worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (worker->wake_fd < 0 || epoll_ctl(worker->io->poll_fd, EPOLL_CTL_ADD, worker->wake_fd, &woken))
			ret = -errno;
	}
	return ret;
}

void workers_clear(struct hg_switch *sw)
{
	for (uint32_t i = 0; sw->workers && i < sw->config.workers; i++) {
		if (sw->workers[i].wake_fd >= 0)
			close(sw->workers[i].wake_fd);
	}
	free(sw->workers);
}

void worker_wake(struct worker *worker)
{
	(void)!write(worker->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static void stop(struct worker *workers, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		atomic_store_explicit(&workers[i].stop, true, memory_order_release);
		worker_wake(&workers[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
}

int workers_start(struct hg_switch *sw)
{
	for (uint32_t i = 0; i < sw->config.workers; i++) {
		struct worker *worker = &sw->workers[i];
		int ret;

		atomic_store_explicit(&worker->stop, false, memory_order_relaxed);
		ret = thread_start(&worker->thread, "hg-worker", work, worker);
		if (ret) {
			stop(sw->workers, i);
			return ret;
		}
	}
	return 0;
}

void workers_stop(struct hg_switch *sw)
{
	stop(sw->workers, sw->config.workers);
}
