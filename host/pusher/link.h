/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface that pushes leave by: a packet socket that only sends, and one that only
 * hears how far the switch is (mark.h).
 */
#ifndef HG_LINK_H
#define HG_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "link_window.h"

struct hg_link {
	char interface[IFNAMSIZ];
	int fd;
	bool bundles; /* its far end cuts them up; frames begin with a vnet header then */
	uint32_t mtu; /* bytes, as of the last hg_link_attach() */
	uint8_t mac[HG_MAC_BYTES];
	int echo_fd;      /* -1: no marks are sent */
	uint32_t session; /* of this opening, random: nobody else's marks are taken for ours */
	struct hg_link_window window;
};

/* -ENODEV: no such interface; -EPERM: no CAP_NET_RAW. */
int hg_link_open(struct hg_link *link, const char *interface, bool bundles, char *error);

/*
 * Finds the interface (again) by its name and binds the socket to it: after an
 * interface was deleted and made anew, it is another one. -ENODEV while there is
 * none, -EPROTONOSUPPORT if it is not Ethernet.
 */
int hg_link_attach(struct hg_link *link, char *error);

/* 0, or why nothing can leave now: -ENODEV, -ENETDOWN (set down), -ENOLINK (no carrier). */
int hg_link_state(const struct hg_link *link, char *error);

/* In bytes; 0: there is no such interface. */
uint32_t hg_link_mtu(const char *interface);

/* The interface's address; -ENODEV: there is no such interface. */
int hg_link_mac(const char *interface, uint8_t mac[HG_MAC_BYTES]);

void hg_link_close(struct hg_link *link);

#endif
