/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp_frames.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "sum.h"

static uint8_t *put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t count)
{
	memcpy(at, bytes, count);
	return at + count;
}

static bool is_ipv4(const struct hg_flow_key *key)
{
	static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };

	return memcmp(key->client_addr, mapped, sizeof(mapped)) == 0;
}

static uint8_t *put_ip(uint8_t *at, bool ipv4, const uint8_t *source, const uint8_t *destination, uint8_t protocol,
		       uint32_t bytes)
{
	memset(at, 0, 40);
	if (ipv4) {
		at[0] = 0x45;
		put16(at + 2, 20 + bytes);
		at[6] = 0x40;
		at[8] = 64;
		at[9] = protocol;
		put(at + 12, source + 12, 4);
		put(at + 16, destination + 12, 4);
		return at + 20;
	}
	at[0] = 0x60;
	put16(at + 4, bytes);
	at[6] = protocol;
	at[7] = 64;
	put(at + 8, source, 16);
	put(at + 24, destination, 16);
	return at + 40;
}

static uint8_t *put_tcp(uint8_t *at, const struct pull_frame *pull)
{
	uint8_t *tcp = at;
	uint32_t bytes = 20 + pull->option_bytes + pull->data_bytes;
	uint8_t pseudo[34];
	uint32_t sum;

	at = put(at, &pull->key.client_port, 2);
	at = put(at, &pull->key.service_port, 2);
	at = put32(put32(at, pull->seq), pull->ack);
	*at++ = (uint8_t)((20 + pull->option_bytes) / 4 << 4);
	*at++ = pull->tcp_flags;
	at = put32(put16(at, pull->window), 0); /* checksum, urgent pointer */
	at = put(at, pull->options, pull->option_bytes);
	if (pull->data_bytes)
		at = put(at, pull->data, pull->data_bytes);
	memcpy(pseudo, pull->key.client_addr, 16);
	memcpy(pseudo + 16, pull->key.service_addr, 16);
	put16(pseudo + 32, bytes);
	sum = (uint32_t)hg_sum_reference(pseudo, 34) + hg_sum_reference(tcp, bytes) + 6;
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	put16(tcp + 16, ~sum);
	return at;
}

static uint8_t *put_icmp(uint8_t *at, const struct pull_frame *pull, bool ipv4)
{
	*at++ = ipv4 ? 3 : 2;
	*at++ = ipv4 ? 4 : 0;
	at = put32(put16(at, 0), pull->mtu);
	at = put_ip(at, ipv4, pull->key.service_addr, pull->key.client_addr, 6, 1000);
	at = put(at, &pull->key.service_port, 2);
	at = put(at, &pull->key.client_port, 2);
	return put32(at, 0);
}

size_t make_pull(uint8_t *frame, const struct pull_frame *pull)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 0xAA, 2, 0, 0, 0, 0, 0xCC };
	bool ipv4 = is_ipv4(&pull->key);
	bool icmp = pull->flags & HG_PULL_ICMP;
	uint32_t payload = icmp ? 8 + (ipv4 ? 20 : 40) + 8 : 20 + pull->option_bytes + pull->data_bytes;
	uint8_t *at = put16(put(frame, macs, 12), HG_ETHERTYPE_PUSH);

	*at++ = HG_PUSH_VERSION << 4 | HG_PUSH_KIND_PULL;
	*at++ = pull->flags;
	at = put32(put32(put16(at, pull->ingress_port), pull->content), pull->length);
	at = put32(put32(at, pull->current_position), pull->previous_position);
	*at++ = pull->constants;
	*at++ = pull->secret;
	at = put(put16(at, 0), macs, 12);
	if (pull->vlan_tci)
		at = put16(put16(at, 0x8100), pull->vlan_tci);
	at = put16(at, ipv4 ? 0x0800 : 0x86DD);
	at = put_ip(at, ipv4, pull->key.client_addr, pull->key.service_addr,
		    (uint8_t)(!icmp ? 6 : ipv4 ? 1 : 58), payload);
	at = icmp ? put_icmp(at, pull, ipv4) : put_tcp(at, pull);
	return (size_t)(at - frame);
}

struct hg_flow_key ipv4_key(uint16_t client_port)
{
	struct hg_flow_key key = { .client_port = htons(client_port), .service_port = htons(80) };

	key.client_addr[10] = key.client_addr[11] = key.service_addr[10] = key.service_addr[11] = 0xFF;
	put32(key.client_addr + 12, 0x0A000002);
	put32(key.service_addr + 12, 0x0A000001);
	return key;
}

struct hg_flow_key ipv6_key(uint16_t client_port)
{
	struct hg_flow_key key = { .client_port = htons(client_port), .service_port = htons(80) };

	inet_pton(AF_INET6, "2001:db8::2", key.client_addr);
	inet_pton(AF_INET6, "2001:db8::1", key.service_addr);
	return key;
}
