/* SPDX-License-Identifier: Apache-2.0 */
#include "switch_net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "switch_check.h"

#define RECEIVE_BUFFER_BYTES (64 << 20)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void be_root_of_own_user_namespace(void)
{
	char map[64];
	unsigned int uid = getuid(), gid = getgid();

	CHECK(unshare(CLONE_NEWUSER) == 0);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
}

void net_isolate(void)
{
	if (getuid() != 0)
		be_root_of_own_user_namespace();
	CHECK(unshare(CLONE_NEWNET) == 0);
	/* Only our frames: no router solicitations of the kernel's own. */
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/* ---- rtnetlink ---------------------------------------------------------------- */

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct tcmsg qdisc;
	};
	char attributes[512];
};

static struct rtattr *begin(struct request *request, unsigned short type, const void *data, size_t bytes)
{
	struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(bytes);
	if (bytes)
		memcpy(RTA_DATA(attribute), data, bytes);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

static void end(const struct request *request, struct rtattr *attribute)
{
	attribute->rta_len = (unsigned short)((const char *)request + request->header.nlmsg_len - (char *)attribute);
}

static void ask(struct request *request, unsigned short type, unsigned short flags)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;

	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	CHECK(fd >= 0 && send(fd, request, request->header.nlmsg_len, 0) == (ssize_t)request->header.nlmsg_len);
	CHECK(recv(fd, &answer, sizeof(answer), 0) > 0);
	CHECK_EQUAL(answer.header.nlmsg_type, NLMSG_ERROR);
	CHECK_EQUAL(answer.error.error, 0);
	close(fd);
}

void net_add_pair(const char *name, const char *peer, uint32_t mtu)
{
	struct request request = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) };
	struct rtattr *info, *data, *other;
	const struct ifinfomsg other_link = { 0 };

	begin(&request, IFLA_IFNAME, name, strlen(name) + 1);
	begin(&request, IFLA_MTU, &mtu, sizeof(mtu));
	info = begin(&request, IFLA_LINKINFO, NULL, 0);
	begin(&request, IFLA_INFO_KIND, "veth", 4);
	data = begin(&request, IFLA_INFO_DATA, NULL, 0);
	other = begin(&request, VETH_INFO_PEER, &other_link, sizeof(other_link));
	begin(&request, IFLA_IFNAME, peer, strlen(peer) + 1);
	begin(&request, IFLA_MTU, &mtu, sizeof(mtu));
	end(&request, other);
	end(&request, data);
	end(&request, info);
	ask(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	net_set_up(name, true);
	net_set_up(peer, true);
}

int net_add_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	memcpy(request.ifr_name, name, strlen(name));
	CHECK(fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0);
	net_set_up(name, true);
	return fd;
}

void net_delete(const char *name)
{
	struct request request = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) };

	request.link.ifi_index = (int)if_nametoindex(name);
	ask(&request, RTM_DELLINK, 0);
}

void net_set_up(const char *name, bool up)
{
	struct request request = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) };

	request.link.ifi_index = (int)if_nametoindex(name);
	request.link.ifi_change = IFF_UP;
	request.link.ifi_flags = up ? IFF_UP : 0;
	ask(&request, RTM_NEWLINK, 0);
}

void net_set_mtu(const char *name, uint32_t mtu)
{
	struct request request = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) };

	request.link.ifi_index = (int)if_nametoindex(name);
	begin(&request, IFLA_MTU, &mtu, sizeof(mtu));
	ask(&request, RTM_NEWLINK, 0);
}

void net_limit(const char *name, uint32_t bytes_per_second, uint32_t limit_bytes)
{
	struct request request = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)) };
	const struct tc_tbf_qopt limit = {
		.rate = { .rate = bytes_per_second, .linklayer = TC_LINKLAYER_ETHERNET },
		.limit = limit_bytes,
	};
	const uint32_t burst_bytes = 2000; /* one frame */
	struct rtattr *options;

	request.qdisc.tcm_ifindex = (int)if_nametoindex(name);
	request.qdisc.tcm_parent = TC_H_ROOT;
	begin(&request, TCA_KIND, "tbf", 4);
	options = begin(&request, TCA_OPTIONS, NULL, 0);
	begin(&request, TCA_TBF_PARMS, &limit, sizeof(limit));
	begin(&request, TCA_TBF_BURST, &burst_bytes, sizeof(burst_bytes));
	end(&request, options);
	ask(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
}

void net_offload_off(const char *name)
{
	struct ethtool_value off = { .cmd = ETHTOOL_STXCSUM };
	struct ifreq request = { .ifr_data = (char *)&off };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(request.ifr_name, name, strlen(name));
	CHECK(fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0);
	close(fd);
}

/* ---- raw frames ----------------------------------------------------------------- */

static int open_raw(const char *name, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int bytes = RECEIVE_BUFFER_BYTES, on = 1;

	CHECK(fd >= 0);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	CHECK(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) == 0);
	/* The tag, which the kernel takes off what it delivers, comes with the frame. */
	CHECK(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) == 0);
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

int net_open(const char *name)
{
	return open_raw(name, ETH_P_ALL);
}

int net_open_tap(const char *name)
{
	int fd = net_open(name), off = 0;

	CHECK(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &off, sizeof(off)) == 0);
	return fd;
}

int net_open_offload(const char *name)
{
	int fd = open_raw(name, 0), on = 1;

	CHECK(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) == 0);
	return fd;
}

/* Puts the tag that `message` tells of back into the frame. */
static int with_tag(struct msghdr *message, uint8_t *frame, int length)
{
	struct tpacket_auxdata auxiliary;
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	uint16_t tag[2];

	CHECK(control && control->cmsg_type == PACKET_AUXDATA);
	memcpy(&auxiliary, CMSG_DATA(control), sizeof(auxiliary));
	if (!(auxiliary.tp_status & TP_STATUS_VLAN_VALID))
		return length;
	tag[0] = htons(auxiliary.tp_vlan_tpid);
	tag[1] = htons(auxiliary.tp_vlan_tci);
	memmove(frame + 12 + sizeof(tag), frame + 12, (size_t)length - 12);
	memcpy(frame + 12, tag, sizeof(tag));
	return length + (int)sizeof(tag);
}

int net_receive(int fd, uint8_t *frame, uint32_t capacity, int timeout_ms)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec part = { .iov_base = frame, .iov_len = capacity - 4 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length;

	if (poll(&readable, 1, timeout_ms) <= 0)
		return -1;
	length = recvmsg(fd, &message, MSG_DONTWAIT);
	return length < 0 ? -1 : with_tag(&message, frame, (int)length);
}
