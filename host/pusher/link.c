/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"
#include "mark.h"
#include "wait.h"

/* Room for what the interface has not sent yet; the kernel's own limit may be less. */
#define SEND_BUFFER_BYTES (1 << 20)

static int query(const struct hg_link *link, unsigned long what, struct ifreq *request, char *error)
{
	memset(request, 0, sizeof(*request));
	memcpy(request->ifr_name, link->interface, IFNAMSIZ);
	if (ioctl(link->fd, what, request) < 0)
		return hg_fail(error, -errno, "%s: %s", link->interface,
			       errno == ENODEV ? "no such interface" : strerror(errno));
	return 0;
}

int hg_link_attach(struct hg_link *link, char *error)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	struct ifreq request;
	int ret;

	ret = query(link, SIOCGIFHWADDR, &request, error);
	if (ret)
		return ret;
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER && request.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)
		return hg_fail(error, -EPROTONOSUPPORT, "%s: not an Ethernet interface", link->interface);
	memcpy(link->mac, request.ifr_hwaddr.sa_data, HG_MAC_BYTES);
	ret = query(link, SIOCGIFMTU, &request, error);
	if (ret)
		return ret;
	link->mtu = (uint32_t)request.ifr_mtu;
	ret = query(link, SIOCGIFINDEX, &request, error);
	if (ret)
		return ret;
	/* No protocol: nothing is received on this socket. */
	address.sll_ifindex = request.ifr_ifindex;
	if (bind(link->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return hg_fail(error, -errno, "%s: cannot bind: %s", link->interface, strerror(errno));
	return hg_mark_attach(link, request.ifr_ifindex, error);
}

int hg_link_state(const struct hg_link *link, char *error)
{
	struct ifreq request;
	int ret;

	ret = query(link, SIOCGIFFLAGS, &request, error);
	if (ret)
		return ret;
	if (!(request.ifr_flags & IFF_UP))
		return hg_fail(error, -ENETDOWN, "%s: the interface is down", link->interface);
	if (!(request.ifr_flags & IFF_RUNNING))
		return hg_fail(error, -ENOLINK, "%s: the interface has no carrier", link->interface);
	return 0;
}

int hg_link_open(struct hg_link *link, const char *interface, bool bundles, char *error)
{
	int bytes = SEND_BUFFER_BYTES;
	int on = 1;
	int ret;

	link->fd = link->echo_fd = -1;
	link->bundles = bundles;
	link->window.now = (uint32_t)(hg_now() / 1000);
	if (if_nametoindex(interface) == 0)
		return hg_fail(error, -ENODEV, "%s: no such interface", interface);
	snprintf(link->interface, IFNAMSIZ, "%s", interface);
	link->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return hg_fail(error, -errno, "%s: cannot open a packet socket (it needs CAP_NET_RAW): %s",
			       interface, strerror(errno));
	/*
	 * Past the queueing discipline. It is as fast either way, but a discipline
	 * swallows frames without a word while there is no carrier; the driver says
	 * ENOBUFS, and nothing is lost.
	 */
	if (setsockopt(link->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0) {
		ret = hg_fail(error, -errno, "%s: PACKET_QDISC_BYPASS: %s", interface, strerror(errno));
		goto close;
	}
	if (bundles && setsockopt(link->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0) {
		ret = hg_fail(error, -errno, "%s: PACKET_VNET_HDR: %s", interface, strerror(errno));
		goto close;
	}
	setsockopt(link->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	ret = hg_mark_open(link, error);
	if (ret)
		goto close;
	ret = hg_link_attach(link, error);
	if (ret)
		goto close;
	return 0;
close:
	hg_link_close(link);
	return ret;
}

/* As far as its name tells, without a packet socket: closing one waits for the whole network stack. */
static int query_by_name(const char *interface, unsigned long what, struct ifreq *request)
{
	struct hg_link link = { .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), .echo_fd = -1 };
	char unused[HG_PUSHER_ERROR_BYTES];
	int ret;

	snprintf(link.interface, IFNAMSIZ, "%s", interface);
	ret = query(&link, what, request, unused);
	hg_link_close(&link);
	return ret;
}

uint32_t hg_link_mtu(const char *interface)
{
	struct ifreq request;

	return query_by_name(interface, SIOCGIFMTU, &request) ? 0 : (uint32_t)request.ifr_mtu;
}

int hg_link_mac(const char *interface, uint8_t mac[HG_MAC_BYTES])
{
	struct ifreq request;
	int ret = query_by_name(interface, SIOCGIFHWADDR, &request);

	if (!ret)
		memcpy(mac, request.ifr_hwaddr.sa_data, HG_MAC_BYTES);
	return ret;
}

void hg_link_close(struct hg_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	if (link->echo_fd >= 0)
		close(link->echo_fd);
	link->fd = link->echo_fd = -1;
}
