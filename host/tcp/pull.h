/* SPDX-License-Identifier: Apache-2.0 */
/* A pull as the switch sent it (docs/stateless-tcp.md): checked, and in the host's byte order. */
#ifndef HG_PULL_H
#define HG_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_header.h"

#define HG_PULL_SACKS_MAX 4

struct hg_pull {
	uint8_t flags; /* HG_PULL_* */
	uint8_t secret; /* the current one's number */
	uint8_t constants;
	uint16_t ingress_port;
	uint32_t content;
	uint32_t length;
	uint32_t current_position;
	uint32_t previous_position;

	struct hg_flow_key key;
	uint8_t client_mac[6];
	uint8_t service_mac[6];
	uint16_t vlan_tci; /* host order; 0: no tag */

	/* Of the client's segment. */
	uint32_t seq;
	uint32_t ack;
	uint8_t tcp_flags;
	uint16_t window; /* as it stands in the header */
	const uint8_t *data;
	uint32_t data_bytes; /* that are here */
	bool cut;            /* there was more of it: its end, and a FIN, are missing */
	uint32_t sack_count;
	struct {
		uint32_t left, right;
	} sacks[HG_PULL_SACKS_MAX];

	uint32_t mtu; /* of an ICMP error */
};

/*
 * `bytes` of the frame are here, `wire_bytes` were sent. -EBADMSG: not a pull, or
 * what it carries is cut or contradicts itself. -EILSEQ: TCP's checksum is wrong.
 */
int hg_pull_parse(struct hg_pull *pull, const uint8_t *frame, size_t bytes, size_t wire_bytes);

#endif
