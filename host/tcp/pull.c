/* SPDX-License-Identifier: Apache-2.0 */
#include "pull.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "sum.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86DD
#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_ICMPV6 58

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define TCP_BYTES 20
#define ICMP_BYTES 8
#define PORTS_BYTES 4

/* What is left of the frame, from where it is being read. */
struct cursor {
	const uint8_t *at;
	size_t left; /* bytes that are here */
	size_t wire; /* bytes that were sent */
};

/* The next `bytes`, or NULL. */
static const uint8_t *take(struct cursor *cursor, size_t bytes)
{
	const uint8_t *at = cursor->at;

	if (cursor->left < bytes)
		return NULL;
	cursor->at += bytes;
	cursor->left -= bytes;
	cursor->wire -= bytes;
	return at;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void map_ipv4(uint8_t *to, const uint8_t *from)
{
	memset(to, 0, 10);
	memset(to + 10, 0xFF, 2);
	memcpy(to + 12, from, 4);
}

/* What the IP header says of what follows it. */
struct ip {
	uint8_t protocol;
	uint8_t source[16], destination[16];
	size_t payload_bytes;
};

static bool take_ipv4(struct cursor *cursor, struct ip *ip)
{
	const uint8_t *header = take(cursor, IPV4_BYTES);

	/* The switch looks behind neither options nor fragments. */
	if (!header || header[0] != 0x45 || get16(header + 6) & 0x3FFF || get16(header + 2) < IPV4_BYTES)
		return false;
	ip->payload_bytes = get16(header + 2) - IPV4_BYTES;
	ip->protocol = header[9];
	map_ipv4(ip->source, header + 12);
	map_ipv4(ip->destination, header + 16);
	return true;
}

static bool take_ipv6(struct cursor *cursor, struct ip *ip)
{
	const uint8_t *header = take(cursor, IPV6_BYTES);

	if (!header || header[0] >> 4 != 6)
		return false;
	ip->payload_bytes = get16(header + 4);
	ip->protocol = header[6];
	memcpy(ip->source, header + 8, 16);
	memcpy(ip->destination, header + 24, 16);
	return true;
}

/* Cuts Ethernet's padding off; a frame shorter than its IP header says was never whole. */
static bool fit(struct cursor *cursor, const struct ip *ip)
{
	if (cursor->wire < ip->payload_bytes)
		return false;
	cursor->wire = ip->payload_bytes;
	if (cursor->left > cursor->wire)
		cursor->left = cursor->wire;
	return true;
}

static bool take_pull_header(struct hg_pull *pull, struct cursor *cursor)
{
	const uint8_t *ethernet = take(cursor, HG_ETHERNET_BYTES);
	const uint8_t *header = take(cursor, HG_PULL_BYTES);

	if (!ethernet || !header || get16(ethernet + 12) != HG_ETHERTYPE_PUSH ||
	    header[0] != (HG_PUSH_VERSION << 4 | HG_PUSH_KIND_PULL))
		return false;
	pull->flags = header[1];
	pull->ingress_port = get16(header + 2);
	pull->content = get32(header + 4);
	pull->length = get32(header + 8);
	pull->current_position = get32(header + 12);
	pull->previous_position = get32(header + 16);
	pull->constants = header[20];
	pull->secret = header[21];
	return pull->constants < HG_SEQ_GRANULE && pull->ingress_port && pull->ingress_port < HG_CPU_PORT &&
	       pull->length % HG_SEQ_GRANULE == 0;
}

/* Ethernet, a tag and IP of the client's frame. */
static bool take_client_headers(struct hg_pull *pull, struct cursor *cursor, struct ip *ip)
{
	const uint8_t *ethernet = take(cursor, HG_ETHERNET_BYTES);
	uint16_t type;

	if (!ethernet)
		return false;
	memcpy(pull->service_mac, ethernet, 6);
	memcpy(pull->client_mac, ethernet + 6, 6);
	type = get16(ethernet + 12);
	if (type == ETHERTYPE_VLAN) {
		const uint8_t *tag = take(cursor, 4);

		if (!tag)
			return false;
		pull->vlan_tci = get16(tag);
		type = get16(tag + 2);
	}
	if (type == ETHERTYPE_IPV4)
		return take_ipv4(cursor, ip);
	return type == ETHERTYPE_IPV6 && take_ipv6(cursor, ip);
}

/* RFC 9293, 3.2: options end with kind 0; kind 1 is one byte; else a length of at least 2. */
static bool read_options(struct hg_pull *pull, const uint8_t *option, size_t left)
{
	while (left) {
		size_t length;

		if (option[0] == 0)
			return true;
		length = option[0] == 1 ? 1 : left > 1 ? option[1] : 0;
		if (length == 0 || (option[0] != 1 && length < 2) || length > left)
			return false;
		/* RFC 2018 */
		for (size_t i = 2; option[0] == 5 && i + 8 <= length && pull->sack_count < HG_PULL_SACKS_MAX; i += 8) {
			pull->sacks[pull->sack_count].left = get32(option + i);
			pull->sacks[pull->sack_count].right = get32(option + i + 4);
			pull->sack_count++;
		}
		option += length;
		left -= length;
	}
	return true;
}

/* Only of what came whole: the rest of a cut segment is not used either. */
static bool checksum_is_right(const struct ip *ip, const uint8_t *tcp, size_t bytes)
{
	uint8_t pseudo[32];
	uint32_t sum;

	memcpy(pseudo, ip->source, 16);
	memcpy(pseudo + 16, ip->destination, 16);
	/* The 0xFFFF before a mapped IPv4 address adds nothing in one's complement. */
	sum = hg_sum(pseudo, 32) + hg_sum(tcp, bytes) + PROTOCOL_TCP + (uint32_t)bytes;
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return sum == 0xFFFF;
}

static int parse_tcp(struct hg_pull *pull, struct cursor *cursor, const struct ip *ip)
{
	struct cursor whole = *cursor;
	const uint8_t *header = take(cursor, TCP_BYTES);
	const uint8_t *options;
	size_t option_bytes;

	if (!header || header[12] >> 4 < 5)
		return -EBADMSG;
	option_bytes = (size_t)(header[12] >> 4) * 4 - TCP_BYTES;
	options = take(cursor, option_bytes);
	if (!options || !read_options(pull, options, option_bytes))
		return -EBADMSG;
	pull->cut = cursor->left < cursor->wire;
	if (!pull->cut && !checksum_is_right(ip, whole.at, whole.left))
		return -EILSEQ;
	memcpy(pull->key.client_addr, ip->source, 16);
	memcpy(pull->key.service_addr, ip->destination, 16);
	memcpy(&pull->key.client_port, header, 2);
	memcpy(&pull->key.service_port, header + 2, 2);
	pull->seq = get32(header + 4);
	pull->ack = get32(header + 8);
	pull->tcp_flags = header[13];
	pull->window = get16(header + 14);
	pull->data = cursor->at;
	pull->data_bytes = (uint32_t)cursor->left;
	if (pull->cut)
		pull->tcp_flags &= (uint8_t)~HG_TCP_FIN;
	return 0;
}

/* The quoted packet is one of ours: its source is the service, its destination the client. */
static int parse_icmp(struct hg_pull *pull, struct cursor *cursor)
{
	const uint8_t *header = take(cursor, ICMP_BYTES);
	const uint8_t *ports;
	struct ip quoted;

	if (!header || cursor->left == 0)
		return -EBADMSG;
	/* RFC 1191, 4 has 16 bits of it behind 16 unused; RFC 4443, 3.2 has 32. */
	pull->mtu = get32(header + 4);
	if (cursor->at[0] >> 4 == 4)
		pull->mtu &= 0xFFFF;
	if (!(cursor->at[0] >> 4 == 4 ? take_ipv4(cursor, &quoted) : take_ipv6(cursor, &quoted)) ||
	    quoted.protocol != PROTOCOL_TCP)
		return -EBADMSG;
	ports = take(cursor, PORTS_BYTES);
	if (!ports)
		return -EBADMSG;
	memcpy(pull->key.client_addr, quoted.destination, 16);
	memcpy(pull->key.service_addr, quoted.source, 16);
	memcpy(&pull->key.service_port, ports, 2);
	memcpy(&pull->key.client_port, ports + 2, 2);
	return 0;
}

int hg_pull_parse(struct hg_pull *pull, const uint8_t *frame, size_t bytes, size_t wire_bytes)
{
	struct cursor cursor = { frame, bytes, wire_bytes };
	struct ip ip;

	memset(pull, 0, sizeof(*pull));
	if (wire_bytes < bytes || !take_pull_header(pull, &cursor) || !take_client_headers(pull, &cursor, &ip) ||
	    !fit(&cursor, &ip))
		return -EBADMSG;
	if (pull->flags & HG_PULL_ICMP)
		return ip.protocol == PROTOCOL_ICMP || ip.protocol == PROTOCOL_ICMPV6 ? parse_icmp(pull, &cursor) :
											-EBADMSG;
	return ip.protocol == PROTOCOL_TCP ? parse_tcp(pull, &cursor, &ip) : -EBADMSG;
}
