/* SPDX-License-Identifier: Apache-2.0 */
#include "raw_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RECEIVE_BUFFER (64 << 20)

static const uint8_t syn_options[8] = { 2, 4, 1460 >> 8, 1460 & 255, 4, 2, 1, 1 }; /* MSS, SACK permitted */

int raw_link_open(struct raw_link *link, const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int one = 1, buffer = RECEIVE_BUFFER;
	struct ifreq request = { 0 };
	int ret;

	address.sll_ifindex = (int)if_nametoindex(interface);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	link->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (link->fd < 0)
		return -errno;
	if (ioctl(link->fd, SIOCGIFHWADDR, &request) ||
	    setsockopt(link->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(link->fd, (struct sockaddr *)&address, sizeof(address))) {
		ret = -errno;
		close(link->fd);
		return ret;
	}
	memcpy(link->mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	/* More than the machine allows, where one may; less serves, only slower. */
	if (setsockopt(link->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	return 0;
}

static uint32_t sum(const void *data, size_t bytes, uint32_t start)
{
	const uint8_t *at = data;

	for (; bytes > 1; at += 2, bytes -= 2)
		start += (uint32_t)at[0] << 8 | at[1];
	return bytes ? start + ((uint32_t)at[0] << 8) : start;
}

static uint16_t checksum(const void *data, size_t bytes, uint32_t start)
{
	uint32_t value = sum(data, bytes, start);

	value = (value & 0xffff) + (value >> 16);
	return htons((uint16_t)~((value & 0xffff) + (value >> 16)));
}

int raw_link_send(const struct raw_link *link, const struct raw_segment *segment)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct tcphdr tcp;
		uint8_t rest[sizeof(syn_options) + RAW_PAYLOAD_MAX];
	} __attribute__((packed)) frame = { .eth.h_proto = htons(ETH_P_IP) };
	size_t options = segment->flags & TH_SYN ? sizeof(syn_options) : 0;
	size_t payload = segment->payload ? strnlen(segment->payload, RAW_PAYLOAD_MAX) : 0;
	size_t tcp_bytes = sizeof(frame.tcp) + options + payload;

	memcpy(frame.eth.h_dest, link->peer_mac, ETH_ALEN);
	memcpy(frame.eth.h_source, link->mac, ETH_ALEN);
	frame.ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP };
	frame.ip.tot_len = htons((uint16_t)(sizeof(frame.ip) + tcp_bytes));
	frame.ip.saddr = htonl(segment->source);
	frame.ip.daddr = htonl(segment->destination);
	frame.ip.check = checksum(&frame.ip, sizeof(frame.ip), 0);
	frame.tcp.th_sport = htons(segment->source_port);
	frame.tcp.th_dport = htons(segment->destination_port);
	frame.tcp.th_seq = htonl(segment->seq);
	frame.tcp.th_ack = htonl(segment->ack);
	frame.tcp.th_off = (uint8_t)((sizeof(frame.tcp) + options) / 4) & 15;
	frame.tcp.th_flags = segment->flags;
	frame.tcp.th_win = htons(segment->window);
	memcpy(frame.rest, syn_options, options);
	if (payload)
		memcpy(frame.rest + options, segment->payload, payload);
	frame.tcp.th_sum = checksum(&frame.tcp, tcp_bytes,
				    sum(&frame.ip.saddr, 8, IPPROTO_TCP + (uint32_t)tcp_bytes));
	if (send(link->fd, &frame, sizeof(frame.eth) + sizeof(frame.ip) + tcp_bytes, 0) < 0 && errno != ENOBUFS)
		return -errno;
	return 0;
}
