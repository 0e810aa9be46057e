/* SPDX-License-Identifier: Apache-2.0 */
#include "switch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

/* The CPU port is always up. */
static bool port_is_up(void *opaque, uint32_t number)
{
	struct hg_switch *sw = opaque;
	struct port *port = port_find(ports_now(&sw->ports), number);

	if (number && number == sw->config.cpu_port)
		return true;
	return port && atomic_load_explicit(&port->up, memory_order_relaxed);
}

int switch_ports_changed(struct hg_switch *sw)
{
	int ret = 0;

	for (struct hg_loaded *loaded = sw->loaded; loaded; loaded = loaded->next) {
		if (loaded_ports_changed(loaded))
			ret = -ENOMEM;
	}
	return ret;
}

static int init(struct hg_switch *sw)
{
	int ret, ports_ret;

	pthread_mutex_init(&sw->mutex, NULL);
	epoch_init(&sw->epoch, sw->config.workers);
	sw->start_ns = now_ns();
	sw->start_cycles = stage_clock();
	if (getrandom(&sw->seed, sizeof(sw->seed), 0) != sizeof(sw->seed))
		sw->seed = sw->start_ns;
	sw->digest_signal = (struct digest_signal){ eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), &sw->dropped_digests };
	sw->profile_home = (struct profile_home){ &sw->epoch, port_is_up, sw };
	/* Both, whatever the first says: hg_switch_free() clears both. */
	ret = cpu_init(&sw->cpu, sw->config.workers);
	ports_ret = ports_init(&sw->ports, &sw->epoch, &sw->config);
	if (!ret)
		ret = ports_ret;
	if (!ret && sw->digest_signal.fd < 0)
		ret = -EMFILE;
	return ret ? ret : workers_init(sw);
}

/* What is printed or captured of several workers would be in no order that means anything. */
static int check_workers(const struct hg_switch_config *config, char *error)
{
	if (config->workers > EPOCH_WORKERS)
		snprintf(error, HG_ERROR_BYTES, "switch: %u workers: at most %u", config->workers, EPOCH_WORKERS);
	else if (config->workers > 1 && config->io == HG_IO_AFXDP)
		snprintf(error, HG_ERROR_BYTES, "switch: %u workers: an interface has one AF_XDP socket, so one alone",
			 config->workers);
	else if (config->workers > 1 && (config->captures || config->trace_fd))
		snprintf(error, HG_ERROR_BYTES, "switch: %u workers: one alone where packets are captured or traced",
			 config->workers);
	else
		return 0;
	return -EINVAL;
}

static struct hg_switch *switch_alloc(void)
{
	struct hg_switch *sw = aligned_alloc(_Alignof(struct hg_switch), sizeof(*sw));

	if (sw)
		memset(sw, 0, sizeof(*sw));
	return sw;
}

int hg_switch_new(const struct hg_switch_config *config, struct hg_switch **made, char *error)
{
	struct hg_switch *sw;
	int ret = -ENOMEM;

	if (config->cpu_port >= PORT_NUMBERS) {
		snprintf(error, HG_ERROR_BYTES, "switch: CPU port %u: a port's number is at most %u", config->cpu_port,
			 PORT_NUMBERS - 1);
		return -EINVAL;
	}
	ret = check_workers(config, error);
	if (ret)
		return ret;
	ret = -ENOMEM;
	sw = switch_alloc();
	if (sw) {
		sw->config = *config;
		sw->config.captures = NULL; /* the caller's memory */
		sw->config.workers = config->workers ? config->workers : 1;
		if (!sw->config.max_groups)
			sw->config.max_groups = GROUP_IDS - 1;
		ret = init(sw);
	}
	if (ret) {
		snprintf(error, HG_ERROR_BYTES, "switch: %s", strerror(-ret));
		hg_switch_free(sw);
		return ret;
	}
	ret = config->captures ? capture_open(config->captures, &sw->ports.capture, error) : 0;
	if (!ret && config->trace_fd) {
		ret = trace_open(config->trace_fd, &sw->trace);
		if (ret)
			snprintf(error, HG_ERROR_BYTES, "switch: tracing: %s", strerror(-ret));
	}
	if (ret) {
		hg_switch_free(sw);
		return ret;
	}
	*made = sw;
	return 0;
}

void hg_switch_free(struct hg_switch *sw)
{
	struct hg_loaded *loaded, *next;

	if (!sw)
		return;
	hg_switch_stop(sw);
	link_watch_stop(&sw->links); /* without the mutex, which the watching thread takes */
	epoch_wait(&sw->epoch);
	ports_clear(&sw->ports);
	trace_close(sw->trace);
	for (loaded = sw->loaded; loaded; loaded = next) {
		next = loaded->next;
		loaded_close(loaded);
	}
	workers_clear(sw);
	cpu_clear(&sw->cpu);
	if (sw->digest_signal.fd >= 0)
		close(sw->digest_signal.fd);
	epoch_clear(&sw->epoch);
	pthread_mutex_destroy(&sw->mutex);
	free(sw);
}

int hg_switch_start(struct hg_switch *sw, char *error)
{
	int ret;

	switch_lock(sw);
	ret = sw->started ? -EALREADY : workers_start(sw);
	if (ret)
		snprintf(error, HG_ERROR_BYTES, "switch: starting: %s", strerror(-ret));
	else
		sw->started = true;
	return switch_unlock(sw, ret);
}

int hg_switch_stop(struct hg_switch *sw)
{
	switch_lock(sw);
	if (sw->started)
		workers_stop(sw);
	sw->started = false;
	return switch_unlock(sw, 0);
}

void hg_switch_hold(struct hg_switch *sw)
{
	epoch_hold(&sw->epoch);
}

void hg_switch_release(struct hg_switch *sw)
{
	epoch_release(&sw->epoch);
}

void hg_switch_stats_get(struct hg_switch *sw, struct hg_switch_stats *stats)
{
	*stats = (struct hg_switch_stats){ .dropped_digests = read_relaxed(&sw->dropped_digests) };
	for (uint32_t i = 0; i < sw->config.workers; i++) {
		const struct forward_stats *from = &sw->workers[i].stats;

		stats->ingress_packets += read_relaxed(&from->ingress_packets);
		stats->replicas += read_relaxed(&from->replicas);
		stats->clones += read_relaxed(&from->clones);
		stats->dropped_clones += read_relaxed(&from->dropped_clones);
		stats->dropped_no_pipeline += read_relaxed(&from->dropped_no_pipeline);
		stats->dropped_ingress += read_relaxed(&from->dropped_ingress);
		stats->dropped_egress += read_relaxed(&from->dropped_egress);
		stats->dropped_no_group += read_relaxed(&from->dropped_no_group);
		stats->dropped_no_port += read_relaxed(&from->dropped_no_port);
		stats->dropped_cpu_queue += read_relaxed(&from->dropped_cpu_queue);
		stats->dropped_again += read_relaxed(&from->dropped_again);
		stats->dropped_assertions += read_relaxed(&from->dropped_assertions);
		stats->dropped_stuck += read_relaxed(&from->dropped_stuck);
	}
}

int hg_cpu_fd(struct hg_switch *sw)
{
	return sw->cpu.in_fd;
}

int hg_cpu_receive(struct hg_switch *sw, uint8_t *frame, uint32_t capacity)
{
	return cpu_receive(&sw->cpu, frame, capacity);
}

int hg_cpu_send(struct hg_switch *sw, const uint8_t *frame, uint32_t length)
{
	int ret = sw->config.cpu_port ? cpu_send(&sw->cpu, frame, length) : -ENODEV;

	if (!ret)
		worker_wake(&sw->workers[0]);
	return ret;
}
