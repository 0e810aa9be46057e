/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "forward.h"
#include "hg_switch.h"
#include "tx_queue.h"

static int init_lane(struct ports_lane *lane, uint32_t worker, const struct hg_switch_config *config)
{
	lane->stages.on = config->stages;
	lane->stages.now = STAGE_NONE;
	fanout_init(&lane->fanout, worker, config->workers, &lane->sum, &lane->stages);
	lane->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	return lane->poll_fd < 0 ? -errno : 0;
}

int ports_init(struct ports *ports, struct epoch *epoch, const struct hg_switch_config *config)
{
	struct port_set *set = calloc(1, sizeof(*set));
	int ret = 0;

	ports->epoch = epoch;
	ports->tx_frames = config->tx_frames ? config->tx_frames : PORT_TX_FRAMES;
	ports->queue_ms = config->port_queue_ms ? config->port_queue_ms : HG_PORT_QUEUE_MS;
	ports->io = config->io;
	atomic_store_explicit(&ports->set, set, memory_order_relaxed);
	ports->control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ports->lanes = calloc(config->workers, sizeof(*ports->lanes));
	if (!set || !ports->lanes)
		return -ENOMEM;
	ports->lane_count = config->workers;
	/* All of them, whatever one says: ports_clear() clears all. */
	for (uint32_t i = 0; i < ports->lane_count; i++) {
		int lane_ret = init_lane(&ports->lanes[i], i, config);

		ret = ret ? ret : lane_ret;
	}
	return ports->control_fd < 0 ? -EMFILE : ret;
}

static void close_lanes(struct port *port, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct io *io = atomic_load_explicit(&port->lanes[i].io, memory_order_relaxed);

		if (io)
			io->ops->close(io);
	}
}

void ports_clear(struct ports *ports)
{
	struct port_set *set = atomic_load_explicit(&ports->set, memory_order_relaxed);

	for (uint32_t i = 0; set && i < set->count; i++) {
		close_lanes(set->all[i], ports->lane_count);
		free(set->all[i]);
	}
	free(set);
	for (uint32_t i = 0; i < ports->lane_count; i++) {
		fanout_close(&ports->lanes[i].fanout);
		if (ports->lanes[i].poll_fd >= 0)
			close(ports->lanes[i].poll_fd);
	}
	free(ports->lanes);
	capture_close(ports->capture);
	if (ports->control_fd >= 0)
		close(ports->control_fd);
}

/* ---- interfaces ------------------------------------------------------------- */

struct link {
	int ifindex;
	uint32_t mtu;
	bool ethernet; /* else its frames are packets: IP's on a TUN device */
	bool up;
};

/* -ENODEV: there is no such interface now. */
static int read_link(int fd, const char *interface, struct link *link)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, interface, strnlen(interface, IFNAMSIZ - 1));
	if (ioctl(fd, SIOCGIFINDEX, &request))
		return -errno;
	link->ifindex = request.ifr_ifindex;
	if (ioctl(fd, SIOCGIFMTU, &request))
		return -errno;
	link->mtu = (uint32_t)request.ifr_mtu;
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		return -errno;
	link->ethernet = request.ifr_hwaddr.sa_family == ARPHRD_ETHER || request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		return -errno;
	link->up = (request.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	return 0;
}

static int open_lane(struct ports *ports, struct port *port, uint32_t worker, const struct link *link, char *error)
{
	struct ports_lane *lane = &ports->lanes[worker];
	struct io_config config = {
		.interface = port->interface,
		.port = port->number,
		.ifindex = link->ifindex,
		.mtu = link->mtu,
		.link_bytes = link->ethernet ? ETH_HLEN : 0,
		.tx_frames = ports->tx_frames,
		.queue_ms = ports->queue_ms,
		/* What joins frames, and AF_XDP, know Ethernet's. */
		.kind = link->ethernet ? ports->io : HG_IO_AFPACKET,
		.bundles = &port->bundles,
		.receives = worker == port->worker,
		.sum = &lane->sum,
		.fanout = &lane->fanout,
		.counters = &port->lanes[worker].counters,
		.stages = &lane->stages,
		.tx_lost = &port->tx_lost,
		.capture = ports->capture ? &port->capture : NULL,
	};
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = port->number };
	struct io *io;
	int ret = afpacket_ops.open(&config, &io, error);

	if (ret)
		return ret;
	if (config.receives && epoll_ctl(lane->poll_fd, EPOLL_CTL_ADD, io->fd, &event)) {
		ret = -errno;
		snprintf(error, HG_ERROR_BYTES, "%s: waiting for its frames: %s", port->interface, strerror(-ret));
		io->ops->close(io);
		return ret;
	}
	atomic_store_explicit(&port->lanes[worker].io, io, memory_order_release);
	return 0;
}

static void io_release(struct retired *retired)
{
	struct io *io = (struct io *)retired;

	io->ops->close(io);
}

static void close_io(struct ports *ports, struct port *port)
{
	atomic_store_explicit(&port->up, false, memory_order_relaxed);
	port->open = false;
	for (uint32_t i = 0; i < ports->lane_count; i++) {
		struct io *io = atomic_load_explicit(&port->lanes[i].io, memory_order_relaxed);

		if (!io)
			continue;
		if (i == port->worker) {
			port->rx_lost += io->ops->rx_lost(io);
			epoll_ctl(ports->lanes[i].poll_fd, EPOLL_CTL_DEL, io->fd, NULL);
		}
		atomic_store_explicit(&port->lanes[i].io, NULL, memory_order_release);
		epoch_retire(ports->epoch, &io->retired, io_release);
	}
}

static int open_io(struct ports *ports, struct port *port, const struct link *link, char *error)
{
	int ret = 0;

	for (uint32_t i = 0; i < ports->lane_count && !ret; i++)
		ret = open_lane(ports, port, i, link, error);
	if (ret) {
		close_io(ports, port);
		return ret;
	}
	port->ifindex = link->ifindex;
	port->mtu = link->mtu;
	port->open = true;
	return 0;
}

static bool is_to_close(const struct port *port, const struct link *link)
{
	const struct io *io = atomic_load_explicit(&port->lanes[port->worker].io, memory_order_relaxed);

	if (!port->open)
		return false;
	return link->ifindex != port->ifindex || link->mtu != port->mtu ||
	       atomic_load_explicit(&io->reopen, memory_order_relaxed);
}

static bool check_port(struct ports *ports, struct port *port)
{
	char error[HG_ERROR_BYTES];
	struct link link;

	if (read_link(ports->control_fd, port->interface, &link)) {
		close_io(ports, port);
		return true;
	}
	if (is_to_close(port, &link)) {
		close_io(ports, port);
		if (ports->io == HG_IO_AFXDP)
			epoch_wait(ports->epoch); /* while the old socket is there a new one cannot be */
	}
	if (!port->open && open_io(ports, port, &link, error))
		return false;
	atomic_store_explicit(&port->up, link.up, memory_order_relaxed);
	return true;
}

bool ports_check(struct ports *ports)
{
	const struct port_set *set = ports_now(ports);
	bool all = true;

	for (uint32_t i = 0; i < set->count; i++)
		all &= check_port(ports, set->all[i]);
	return all;
}

/* ---- the set of ports --------------------------------------------------------- */

static void set_release(struct retired *retired)
{
	free(retired);
}

/* Publishes the set with `port` as that number; NULL takes the number out. */
static int publish(struct ports *ports, uint32_t number, struct port *port)
{
	struct port_set *old = atomic_load_explicit(&ports->set, memory_order_relaxed);
	struct port_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	memcpy(set->by_number, old->by_number, sizeof(set->by_number));
	set->by_number[number] = port;
	for (uint32_t i = 0; i < PORT_NUMBERS; i++) {
		if (set->by_number[i])
			set->all[set->count++] = set->by_number[i];
	}
	atomic_store_explicit(&ports->set, set, memory_order_release);
	epoch_retire(ports->epoch, &old->retired, set_release);
	return 0;
}

static int check_new(const struct ports *ports, uint32_t number, const char *interface, char *error)
{
	const struct port_set *set = ports_now(ports);

	if (number >= PORT_NUMBERS) {
		snprintf(error, HG_ERROR_BYTES, "port %u: a port's number is at most %u", number, PORT_NUMBERS - 1);
		return -EINVAL;
	}
	if (strlen(interface) >= IFNAMSIZ || !*interface) {
		snprintf(error, HG_ERROR_BYTES, "port %u: \"%s\" is not an interface's name", number, interface);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->all[i]->number == number || !strcmp(set->all[i]->interface, interface)) {
			snprintf(error, HG_ERROR_BYTES, "port %u on %s: port %u is on %s already", number, interface,
				 set->all[i]->number, set->all[i]->interface);
			return -EEXIST;
		}
	}
	return 0;
}

/* With the fewest ports. */
static uint32_t idlest_worker(const struct ports *ports)
{
	const struct port_set *set = ports_now(ports);
	uint32_t counts[EPOCH_WORKERS] = { 0 }, idlest = 0;

	for (uint32_t i = 0; i < set->count; i++)
		counts[set->all[i]->worker]++;
	for (uint32_t i = 1; i < ports->lane_count; i++) {
		if (counts[i] < counts[idlest])
			idlest = i;
	}
	return idlest;
}

static struct port *port_new(const struct ports *ports)
{
	size_t bytes = sizeof(struct port) + ports->lane_count * sizeof(struct port_lane);
	struct port *port;

	bytes = (bytes + _Alignof(struct port) - 1) / _Alignof(struct port) * _Alignof(struct port);
	port = aligned_alloc(_Alignof(struct port), bytes);
	if (port)
		memset(port, 0, bytes);
	return port;
}

static int capture_port_of(struct ports *ports, struct port *port, const struct link *link, char *error)
{
	uint32_t type = link->ethernet ? CAPTURE_ETHERNET : CAPTURE_RAW;

	return capture_add_port(ports->capture, port->interface, type, &port->capture, error);
}

int port_add(struct ports *ports, uint32_t number, const char *interface, char *error)
{
	struct port *port;
	struct link link;
	int ret = check_new(ports, number, interface, error);

	if (ret)
		return ret;
	ret = read_link(ports->control_fd, interface, &link);
	if (ret) {
		snprintf(error, HG_ERROR_BYTES, "port %u: interface %s: %s", number, interface, strerror(-ret));
		return ret;
	}
	port = port_new(ports);
	if (!port) {
		snprintf(error, HG_ERROR_BYTES, "port %u: out of memory", number);
		return -ENOMEM;
	}
	port->number = number;
	port->worker = idlest_worker(ports);
	memcpy(port->interface, interface, strlen(interface));
	ret = ports->capture ? capture_port_of(ports, port, &link, error) : 0;
	if (!ret)
		ret = open_io(ports, port, &link, error);
	if (ret)
		goto cleanup;
	atomic_store_explicit(&port->up, link.up, memory_order_relaxed);
	ret = publish(ports, number, port);
	if (ret) {
		snprintf(error, HG_ERROR_BYTES, "port %u: out of memory", number);
		close_io(ports, port);
	}
cleanup:
	if (ret) {
		epoch_wait(ports->epoch);
		free(port);
	}
	return ret;
}

int port_remove(struct ports *ports, uint32_t number)
{
	struct port *port = port_find(ports_now(ports), number);
	int ret;

	if (!port)
		return -ENOENT;
	ret = publish(ports, number, NULL);
	if (ret)
		return ret;
	close_io(ports, port);
	epoch_wait(ports->epoch);
	free(port);
	return 0;
}
