/* SPDX-License-Identifier: Apache-2.0 */
/* TCP over IPv4 from a raw socket: segments out, frames in. */
#ifndef RAW_LINK_H
#define RAW_LINK_H

#include <net/ethernet.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_PAYLOAD_MAX 256

struct raw_link {
	int fd;
	uint8_t mac[ETH_ALEN], peer_mac[ETH_ALEN];
};

/* Addresses, ports and numbers in host order. */
struct raw_segment {
	uint32_t source, destination;
	uint16_t source_port, destination_port;
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags; /* TH_SYN and so on; a SYN gets its options */
	const char *payload;
};

/* 0 or a negative errno. */
int raw_link_open(struct raw_link *link, const char *interface);

/* What a full queue does not take is lost. */
int raw_link_send(const struct raw_link *link, const struct raw_segment *segment);

#endif
