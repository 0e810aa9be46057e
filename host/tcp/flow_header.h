/* SPDX-License-Identifier: Apache-2.0 */
/* The flow header of a flow push, as on the wire: p4/shared/headers.p4, flow_t. */
#ifndef HG_FLOW_HEADER_H
#define HG_FLOW_HEADER_H

#include <assert.h>
#include <stdint.h>

#include "wire.h"

/* One connection, as pipeline and host name it: network order, IPv4 as ::ffff:a.b.c.d. */
struct hg_flow_key {
	uint8_t client_addr[16];
	uint8_t service_addr[16];
	uint16_t client_port;
	uint16_t service_port;
};

struct hg_flow_header {
	uint8_t client_mac[6];
	uint8_t service_mac[6];
	uint16_t vlan_tci;
	uint8_t secret;    /* the number of the one that the SYN was answered under */
	uint8_t constants; /* low bits of the sequence numbers */
	struct hg_flow_key key;
	uint32_t ack_no;
	uint16_t window;
	uint16_t egress_port;
	uint32_t reserved;
};

static_assert(sizeof(struct hg_flow_header) == HG_FLOW_BYTES, "as on the wire");

/* TCP flags (RFC 9293, 3.1). */
#define HG_TCP_FIN 0x01
#define HG_TCP_SYN 0x02
#define HG_TCP_RST 0x04
#define HG_TCP_PSH 0x08
#define HG_TCP_ACK 0x10

/* What every segment advertises: requests are short, and no window scale was offered. */
#define HG_RECEIVE_WINDOW 65535

/* How far `a` is ahead of `b`, in the arithmetic of sequence numbers (RFC 9293, 3.4). */
static inline int32_t hg_ahead(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

#endif
