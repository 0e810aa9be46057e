/* SPDX-License-Identifier: Apache-2.0 */
/* A UDP socket: each datagram becomes one segment, as it is. */
#include "source.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"
#include "ring.h"
#include "wait.h"

/* Room for bursts while a batch waits for its time. */
#define RECEIVE_BUFFER_BYTES (4 << 20)

struct udp_source {
	struct hg_source source;
	struct hg_ring ring;
	uint64_t read_offset;
	char name[HG_PUSHER_ADDRESS_BYTES + 16];
	struct mmsghdr messages[HG_RING_SEGMENTS];
	struct iovec buffers[HG_RING_SEGMENTS];
};

static struct udp_source *udp_of(struct hg_source *source)
{
	return (struct udp_source *)source;
}

/*
 * Datagrams go straight into the ring's free buffers; one that is dropped leaves
 * its buffer to the next, which then has to move down.
 */
static void keep(struct udp_source *udp, int received)
{
	uint32_t kept = 0;

	for (int i = 0; i < received; i++) {
		uint32_t bytes = udp->messages[i].msg_len;

		if (udp->messages[i].msg_hdr.msg_flags & MSG_TRUNC) {
			udp->source.oversized++;
		} else if (bytes == 0) {
			udp->source.empty++;
		} else {
			uint8_t *buffer = hg_ring_free_at(&udp->ring, 0);

			if (kept != (uint32_t)i)
				memcpy(buffer, udp->buffers[i].iov_base, bytes);
			hg_ring_push(&udp->ring, udp->source.content, udp->read_offset, bytes);
			udp->read_offset += bytes;
			kept++;
		}
	}
}

static int receive(struct udp_source *udp, char *error)
{
	uint32_t room = hg_ring_room(&udp->ring);
	int received;

	for (uint32_t i = 0; i < room; i++) {
		udp->buffers[i].iov_base = hg_ring_free_at(&udp->ring, i);
		udp->buffers[i].iov_len = udp->source.segment_bytes;
		udp->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &udp->buffers[i], .msg_iovlen = 1 };
	}
	received = recvmmsg(udp->source.fd, udp->messages, room, MSG_DONTWAIT, NULL);
	if (received < 0 && errno != EAGAIN && errno != EINTR)
		return hg_fail(error, -errno, "%s: cannot receive: %s", udp->name, strerror(errno));
	if (received > 0)
		keep(udp, received);
	return 0;
}

static void count_overflow(struct udp_source *udp)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(memory);

	if (getsockopt(udp->source.fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == 0)
		udp->source.overflow = memory[SK_MEMINFO_DROPS];
}

static int udp_peek(struct hg_source *source, struct hg_segment *segments, uint32_t count, char *error)
{
	struct udp_source *udp = udp_of(source);
	int ret;

	count_overflow(udp);
	if (hg_ring_used(&udp->ring) < count) {
		ret = receive(udp, error);
		if (ret)
			return ret;
	}
	return hg_ring_used(&udp->ring) ? (int)hg_ring_peek(&udp->ring, segments, count) : -EAGAIN;
}

static void udp_advance(struct hg_source *source, uint32_t count)
{
	source->offset += hg_ring_advance(&udp_of(source)->ring, count);
}

static void udp_close(struct hg_source *source)
{
	struct udp_source *udp = udp_of(source);

	if (source->fd >= 0)
		close(source->fd);
	hg_ring_free(&udp->ring);
	free(udp);
}

static const struct hg_source_ops udp_ops = {
	.peek = udp_peek,
	.advance = udp_advance,
	.close = udp_close,
};

static bool is_multicast(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return IN_MULTICAST(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
	return IN6_IS_ADDR_MULTICAST(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static int join(struct udp_source *udp, const struct addrinfo *address, const char *interface, char *error)
{
	struct group_req request = { .gr_interface = interface[0] ? if_nametoindex(interface) : 0 };
	int level = address->ai_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int on = 1;

	setsockopt(udp->source.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (interface[0] && request.gr_interface == 0)
		return hg_fail(error, -ENODEV, "%s: no such interface", interface);
	memcpy(&request.gr_group, address->ai_addr, address->ai_addrlen);
	if (setsockopt(udp->source.fd, level, MCAST_JOIN_GROUP, &request, sizeof(request)) < 0)
		return hg_fail(error, -errno, "%s: cannot join the multicast group: %s", udp->name, strerror(errno));
	return 0;
}

static int refuse_interface(struct udp_source *udp, const char *interface, char *error)
{
	if (interface[0])
		return hg_fail(error, -EINVAL, "%s: not a multicast address, but a multicast interface (%s) was given",
			       udp->name, interface);
	return 0;
}

static int bind_socket(struct udp_source *udp, const struct addrinfo *address, const char *interface, char *error)
{
	int bytes = RECEIVE_BUFFER_BYTES;
	int ret;
	int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return hg_fail(error, -errno, "%s: %s", udp->name, strerror(errno));
	udp->source.fd = fd;
	/* Without CAP_NET_ADMIN only up to net.core.rmem_max. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	/* Before bind(2): who sees the port bound may count on what is sent to the group from then on. */
	ret = is_multicast(address->ai_addr) ? join(udp, address, interface, error)
					     : refuse_interface(udp, interface, error);
	if (ret)
		return ret;
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0)
		return hg_fail(error, -errno, "%s: cannot bind: %s", udp->name, strerror(errno));
	return 0;
}

int hg_udp_open(struct hg_source **source, const struct hg_stream_spec *spec, char *error)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *address = NULL;
	struct udp_source *udp;
	char port[8];
	int ret;

	snprintf(port, sizeof(port), "%u", spec->udp.port);
	if (spec->udp.port == 0)
		return hg_fail(error, -EINVAL, "UDP port 0: a port is 1 to 65535");
	if (getaddrinfo(spec->udp.address, port, &hints, &address) != 0)
		return hg_fail(error, -EINVAL, "%s: not an IPv4 or IPv6 address", spec->udp.address);
	udp = calloc(1, sizeof(*udp));
	if (!udp || hg_ring_init(&udp->ring, spec->segment_bytes) < 0) {
		free(udp);
		freeaddrinfo(address);
		return hg_fail(error, -ENOMEM, "%s: no memory", spec->udp.address);
	}
	snprintf(udp->name, sizeof(udp->name), "%s port %s", spec->udp.address, port);
	udp->source = (struct hg_source){
		.ops = &udp_ops,
		.name = udp->name,
		.fd = -1,
		.content = spec->content,
		.segment_bytes = spec->segment_bytes,
		.wake = HG_FOREVER,
	};
	ret = bind_socket(udp, address, spec->udp.multicast_interface, error);
	freeaddrinfo(address);
	if (ret) {
		udp_close(&udp->source);
		return ret;
	}
	*source = &udp->source;
	return 0;
}
