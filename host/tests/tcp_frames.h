/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls as a switch makes them, for tests. */
#ifndef TCP_FRAMES_H
#define TCP_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "flow_header.h"

struct pull_frame {
	/* Of the pull header. */
	uint8_t flags, constants, secret;
	uint16_t ingress_port;
	uint32_t content, length, current_position, previous_position;
	/* Of the client's segment; `key` says which IP version. */
	struct hg_flow_key key;
	uint16_t vlan_tci;
	uint32_t seq, ack;
	uint8_t tcp_flags;
	uint16_t window;
	uint8_t options[40];
	uint32_t option_bytes; /* a multiple of 4 */
	const void *data;
	uint32_t data_bytes;
	uint32_t mtu; /* flags has HG_PULL_ICMP: an error about one of our segments instead */
};

/* Returns its length. */
size_t make_pull(uint8_t *frame, const struct pull_frame *pull);

struct hg_flow_key ipv4_key(uint16_t client_port);
struct hg_flow_key ipv6_key(uint16_t client_port);

#endif
