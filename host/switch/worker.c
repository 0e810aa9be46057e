/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <sys/epoll.h>

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
	fanout_flush(output->fanout);
	for (uint32_t i = 0; i < output->unflushed_count; i++) {
		output->unflushed[i]->ops->flush(output->unflushed[i]);
		output->unflushed[i]->listed = false;
	}
	output->unflushed_count = 0;
}

static uint8_t *cpu_output_header(struct hg_switch *sw)
{
	uint8_t *header = cpu_header(&sw->cpu);

	if (!header)
		add_relaxed(&sw->stats.dropped_cpu_queue, 1);
	return header;
}

static uint8_t *port_header(struct worker_output *output, uint32_t number)
{
	struct port *port = port_find(output->set, number);
	struct io *io;

	if (!port) {
		add_relaxed(&output->sw->stats.dropped_no_port, 1);
		return NULL;
	}
	io = atomic_load_explicit(&port->io, memory_order_acquire);
	if (!io || !atomic_load_explicit(&port->up, memory_order_relaxed)) {
		add_relaxed(&port->counters.tx_dropped, 1);
		return NULL;
	}
	output->io = io;
	return io->ops->header(io);
}

static uint8_t *worker_header(struct output *base, uint32_t port)
{
	struct worker_output *output = (struct worker_output *)base;

	output->io = NULL;
	if (port == output->sw->config.cpu_port && port)
		return cpu_output_header(output->sw);
	return output->headers = port_header(output, port);
}

/* Copies of a run. What left by the port before leaves before them, and the other way round. */
static bool fan_out(struct worker_output *output, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes)
{
	struct outgoing copy = { { 0 }, output->headers, header_bytes, payload, payload_bytes };
	struct io *io = output->io;

	if (output->segment_bytes && output->output.copies > 1 && io->fans_out &&
	    fanout_add(output->fanout, io, &copy, output->segment_bytes)) {
		if (io_unflushed(io))
			io->ops->flush(io);
		return true;
	}
	if (io->fanned)
		fanout_flush(output->fanout);
	return false;
}

static void worker_send(struct output *base, uint32_t port, uint32_t header_bytes, const uint8_t *payload,
			uint32_t payload_bytes)
{
	struct worker_output *output = (struct worker_output *)base;
	struct io *io = output->io;

	(void)port;
	if (!io) {
		if (!cpu_put(&output->sw->cpu, header_bytes, payload, payload_bytes))
			add_relaxed(&output->sw->stats.dropped_cpu_queue, 1);
		return;
	}
	if (fan_out(output, header_bytes, payload, payload_bytes))
		return;
	io->ops->send(io, header_bytes, payload, payload_bytes, output->segment_bytes);
	if (io_unflushed(io) && !io->listed) {
		io->listed = true;
		output->unflushed[output->unflushed_count++] = io;
	}
	if (output->unflushed_count == WORKER_UNFLUSHED)
		flush(output);
}

/* ---- rounds ------------------------------------------------------------------- */

/* Up to a batch from every port, in turn. */
static bool receive_from_ports(struct worker *worker, const struct forwarder *forwarder)
{
	const struct port_set *set = worker->output.set;
	struct io_frame frames[IO_FRAMES];

	worker->lender_count = 0;
	for (uint32_t i = 0; i < set->count; i++) {
		struct port *port = set->all[i];
		struct io *io = atomic_load_explicit(&port->io, memory_order_acquire);
		uint32_t count = io ? io->ops->receive(io, frames, IO_FRAMES) : 0;

		if (!count)
			continue;
		worker->lenders[worker->lender_count++] = io;
		for (uint32_t f = 0; f < count; f++) {
			worker->output.segment_bytes = frames[f].segment_bytes;
			forward(forwarder, port->number, frames[f].bytes, frames[f].length);
		}
	}
	return worker->lender_count;
}

static const struct queue_frame *receive_from_cpu(struct hg_switch *sw, const struct forwarder *forwarder)
{
	const struct queue_frame *frame = queue_peek(&sw->cpu.out);

	sw->worker.output.segment_bytes = 0;
	if (frame)
		forward(forwarder, sw->config.cpu_port, frame->bytes, frame->length);
	return frame;
}

/* false: there was nothing to do. */
static bool do_round(struct hg_switch *sw)
{
	struct worker *worker = &sw->worker;
	struct forwarder forwarder = {
		.loaded = switch_running(sw),
		.stats = &sw->stats,
		.stages = &sw->stages,
		.trace = sw->trace,
		.output = trace_output(sw->trace, &worker->output.output),
	};
	const struct queue_frame *packet_out;
	bool received;

	forward_at(&forwarder, now_ns(), sw->start_ns);
	sw->ports.sum = (struct payload_sum){ 0 }; /* its payload was given back */
	worker->output.set = ports_now(&sw->ports);
	received = receive_from_ports(worker, &forwarder);
	packet_out = receive_from_cpu(sw, &forwarder);
	/* Copies leave before what they point into is given back. */
	flush(&worker->output);
	cpu_flush(&sw->cpu);
	capture_flush(sw->ports.capture);
	forward_flushed(forwarder.loaded);
	for (uint32_t i = 0; i < worker->lender_count; i++)
		worker->lenders[i]->ops->release(worker->lenders[i]);
	if (packet_out)
		queue_take(&sw->cpu.out);
	return received || packet_out;
}

/* A port whose interface went down reports an error until somebody takes it. */
static void clear_errors(struct hg_switch *sw, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		struct port *port = port_find(ports_now(&sw->ports), events[i].data.u32);
		struct io *io = port ? atomic_load_explicit(&port->io, memory_order_acquire) : NULL;

		if (io && events[i].events & EPOLLERR)
			io->ops->clear_error(io);
	}
}

static void sleep_until_work(struct hg_switch *sw)
{
	struct epoll_event events[EVENTS];
	int count;

	epoch_offline(&sw->epoch);
	count = epoll_wait(sw->ports.poll_fd, events, EVENTS, -1);
	epoch_online(&sw->epoch);
	cpu_worker_woken(&sw->cpu);
	clear_errors(sw, events, count);
}

static void *work(void *opaque)
{
	struct hg_switch *sw = opaque;
	uint64_t busy_ns = now_ns();

	epoch_online(&sw->epoch);
	while (!atomic_load_explicit(&sw->worker.stop, memory_order_acquire)) {
		if (do_round(sw))
			busy_ns = now_ns();
		else if (now_ns() - busy_ns > SPIN_NS)
			sleep_until_work(sw);
		epoch_quiescent(&sw->epoch);
	}
	epoch_offline(&sw->epoch);
	return NULL;
}

/* ---- start and stop ------------------------------------------------------------- */

int worker_start(struct hg_switch *sw)
{
	struct worker *worker = &sw->worker;

	atomic_store_explicit(&worker->stop, false, memory_order_relaxed);
	worker->output.output = (struct output){ .header = worker_header, .send = worker_send };
	worker->output.sw = sw;
	worker->output.fanout = &sw->ports.fanout;
	return thread_start(&worker->thread, "hg-worker", work, sw);
}

void worker_stop(struct hg_switch *sw)
{
	atomic_store_explicit(&sw->worker.stop, true, memory_order_release);
	cpu_wake_worker(&sw->cpu);
	pthread_join(sw->worker.thread, NULL);
}
