/* SPDX-License-Identifier: Apache-2.0 */
#include "afpacket.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fanout.h"
#include "hg_switch.h"

static int ethtool(int fd, const char *interface, uint32_t command, uint32_t *value)
{
	struct ethtool_value setting = { .cmd = command, .data = *value };
	struct ifreq request = { .ifr_data = (char *)&setting };
	int ret;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	ret = ioctl(fd, SIOCETHTOOL, &request);
	*value = setting.data;
	return ret;
}

/*
 * Frames that the kernel merged would be longer than what was sent to us. An
 * interface that does not know a setting does not merge by it either.
 */
static void receive_unmerged(int fd, const char *interface)
{
	uint32_t flags = 0;

	(void)ethtool(fd, interface, ETHTOOL_SGRO, &(uint32_t){ 0 });
	if (ethtool(fd, interface, ETHTOOL_GFLAGS, &flags) || !(flags & ETH_FLAG_LRO))
		return;
	flags &= ~(uint32_t)ETH_FLAG_LRO;
	(void)ethtool(fd, interface, ETHTOOL_SFLAGS, &flags);
}

/* What leaves by it is in the receiver's hands at once: it has no queue that could be full. */
static bool is_veth(int fd, const char *interface)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (char *)&driver };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return !ioctl(fd, SIOCETHTOOL, &request) && !strcmp(driver.driver, "veth");
}

/* What is cut up before it leaves is copied for that: then there is nothing to share, and each copy is many frames. */
static bool takes_supers(int fd, const char *interface)
{
	uint32_t on = 0;

	return !ethtool(fd, interface, ETHTOOL_GTSO, &on) && on;
}

static int fan_out(struct afpacket *port, const struct io_config *config, char *error)
{
	if (config->kind != HG_IO_FANOUT &&
	    (config->kind != HG_IO_AUTO || !port->tx.vnet || !is_veth(port->tx.fd, config->interface)))
		return 0;
	port->fanout_fd = takes_supers(port->tx.fd, config->interface) ?
				  fanout_attach(config->fanout, config->ifindex) :
				  -EOPNOTSUPP;
	port->io.fans_out = port->fanout_fd >= 0;
	if (port->io.fans_out || config->kind == HG_IO_AUTO)
		return 0;
	snprintf(error, HG_ERROR_BYTES, "%s: fanning out: %s", config->interface, strerror(-port->fanout_fd));
	return port->fanout_fd;
}

static void afpacket_close(struct io *io)
{
	struct afpacket *port = (struct afpacket *)io;

	if (port->fanout_fd >= 0)
		close(port->fanout_fd);
	afpacket_rx_close(port);
	afpacket_tx_close(port);
	free(port);
}

static int afpacket_open(const struct io_config *config, struct io **io, char *error)
{
	struct afpacket *port = calloc(1, sizeof(*port));
	int ret;

	if (!port) {
		snprintf(error, HG_ERROR_BYTES, "%s: out of memory", config->interface);
		return -ENOMEM;
	}
	port->io.ops = &afpacket_ops;
	port->io.counters = config->counters;
	port->io.stages = config->stages;
	port->io.capture = config->capture;
	port->io.fd = port->io.full_fd = -1;
	port->io.retry_at_ns = IO_NONE_WAITS;
	port->io.port = config->port;
	port->io.ifindex = config->ifindex;
	port->io.mtu = config->mtu;
	port->io.link_bytes = config->link_bytes;
	port->tx.fd = port->tx.xdp.fd = port->fanout_fd = -1;
	ret = afpacket_tx_open(port, config, error);
	if (!ret)
		ret = fan_out(port, config, error);
	if (!ret) {
		receive_unmerged(port->tx.fd, config->interface);
		ret = config->receives ? afpacket_rx_open(port, config, error) : 0;
	}
	if (ret)
		afpacket_close(&port->io);
	else
		*io = &port->io;
	return ret;
}

static void afpacket_clear_error(struct io *io)
{
	int error;

	getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof(error) });
}

const struct io_ops afpacket_ops = {
	.open = afpacket_open,
	.close = afpacket_close,
	.rx_lost = afpacket_rx_lost,
	.tx_held = afpacket_tx_held,
	.receive = afpacket_receive,
	.release = afpacket_release,
	.header = afpacket_header,
	.send = afpacket_send,
	.flush = afpacket_flush,
	.enqueue = afpacket_enqueue,
	.retry = afpacket_retry,
	.clear_error = afpacket_clear_error,
};
