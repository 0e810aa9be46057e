/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: ports. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "switch.h"

static bool links_changed(void *opaque)
{
	struct hg_switch *sw = opaque;

	bool all;

	switch_lock(sw);
	all = ports_check(&sw->ports);
	all &= !switch_ports_changed(sw);
	return switch_unlock(sw, all);
}

static int add(struct hg_switch *sw, uint32_t number, const char *interface, char *error)
{
	int ret;

	if (number && number == sw->config.cpu_port) {
		snprintf(error, HG_ERROR_BYTES, "port %u: is the CPU port", number);
		return -EINVAL;
	}
	ret = link_watch_start(&sw->links, links_changed, sw);
	if (ret) {
		snprintf(error, HG_ERROR_BYTES, "port %u: watching interfaces: %s", number, strerror(-ret));
		return ret;
	}
	return port_add(&sw->ports, number, interface, error);
}

int hg_port_add(struct hg_switch *sw, uint32_t number, const char *interface, char *error)
{
	int ret;

	switch_lock(sw);
	ret = add(sw, number, interface, error);
	if (!ret && switch_ports_changed(sw)) {
		snprintf(error, HG_ERROR_BYTES, "port %u: out of memory", number);
		port_remove(&sw->ports, number);
		ret = -ENOMEM;
	}
	return switch_unlock(sw, ret);
}

int hg_port_remove(struct hg_switch *sw, uint32_t number)
{
	int ret;

	switch_lock(sw);
	ret = port_remove(&sw->ports, number);
	switch_ports_changed(sw);
	return switch_unlock(sw, ret);
}

int hg_port_take_bundles(struct hg_switch *sw, uint32_t number)
{
	struct port *port;

	switch_lock(sw);
	port = port_find(ports_now(&sw->ports), number);
	if (port)
		atomic_store_explicit(&port->bundles, true, memory_order_relaxed);
	return switch_unlock(sw, port ? 0 : -ENOENT);
}

/* A number of both of the port's capture files. */
static uint64_t read_files(const struct port *port, size_t offset)
{
	const struct capture_port *files = &port->capture;

	if (!files->capture)
		return 0;
	return read_relaxed((const _Atomic uint64_t *)((const uint8_t *)files->in + offset)) +
	       read_relaxed((const _Atomic uint64_t *)((const uint8_t *)files->out + offset));
}

static void add_lane(const struct port_lane *lane, struct hg_port_stats *stats)
{
	const struct io_counters *counters = &lane->counters;
	struct io *io = atomic_load_explicit(&lane->io, memory_order_relaxed);

	stats->rx_packets += read_relaxed(&counters->rx_packets);
	stats->rx_bytes += read_relaxed(&counters->rx_bytes);
	stats->tx_packets += read_relaxed(&counters->tx_packets);
	stats->tx_bytes += read_relaxed(&counters->tx_bytes);
	stats->rx_dropped += read_relaxed(&counters->rx_dropped);
	stats->tx_dropped += read_relaxed(&counters->tx_dropped);
	stats->tx_overflowed += read_relaxed(&counters->tx_overflowed);
	stats->tx_queued += read_relaxed(&counters->tx_queued);
	stats->tx_oversized += read_relaxed(&counters->tx_oversized);
	stats->tx_uncut += read_relaxed(&counters->tx_uncut);
	stats->tx_supers += read_relaxed(&counters->tx_supers);
	stats->tx_super_segments += read_relaxed(&counters->tx_super_segments);
	stats->tx_fanned += read_relaxed(&counters->tx_fanned);
	stats->rx_supers += read_relaxed(&counters->rx_supers);
	stats->rx_super_segments += read_relaxed(&counters->rx_super_segments);
	stats->rx_bundles += read_relaxed(&counters->rx_bundles);
	stats->rx_bundle_pushes += read_relaxed(&counters->rx_bundle_pushes);
	stats->rx_bundle_malformed += read_relaxed(&counters->rx_bundle_malformed);
	if (io) {
		stats->tx_waiting += io_unflushed(io);
		stats->queue_frames += atomic_load_explicit(&io->queued_frames, memory_order_relaxed);
		stats->queue_bytes += atomic_load_explicit(&io->queued_bytes, memory_order_relaxed);
		stats->tx_kernel_bytes += io->ops->tx_held(io);
	}
}

static void read_stats(const struct ports *ports, struct port *port, struct hg_port_stats *stats)
{
	struct io *io = atomic_load_explicit(&port->lanes[port->worker].io, memory_order_relaxed);

	if (io)
		port->rx_lost += io->ops->rx_lost(io);
	*stats = (struct hg_port_stats){
		.port = port->number,
		.worker = port->worker,
		.up = atomic_load_explicit(&port->up, memory_order_relaxed),
		.mtu = port->mtu,
		.rx_dropped = port->rx_lost,
		.tx_dropped = read_relaxed(&port->tx_lost),
		.queue_ms = ports->queue_ms,
		.captured = read_files(port, offsetof(struct capture_file, written)),
		.capture_lost = read_files(port, offsetof(struct capture_file, lost)),
		.capture_unwritten = read_files(port, offsetof(struct capture_file, unwritten)),
	};
	memcpy(stats->interface, port->interface, sizeof(stats->interface));
	for (uint32_t i = 0; i < ports->lane_count; i++)
		add_lane(&port->lanes[i], stats);
}

int hg_port_list(struct hg_switch *sw, struct hg_port_stats *stats, uint32_t capacity)
{
	const struct port_set *set;

	switch_lock(sw);
	set = ports_now(&sw->ports);
	for (uint32_t i = 0; i < set->count && i < capacity; i++)
		read_stats(&sw->ports, set->all[i], &stats[i]);
	return switch_unlock(sw, (int)set->count);
}
