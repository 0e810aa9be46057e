/* SPDX-License-Identifier: Apache-2.0 */
/* Marks on a host link: frames that the switch's pipeline sends back (docs/host-link.md). */
#ifndef HG_MARK_H
#define HG_MARK_H

#include "link.h"

/* For hg_link_open() and hg_link_attach(). */
int hg_mark_open(struct hg_link *link, char *error);
int hg_mark_attach(struct hg_link *link, int ifindex, char *error);

/* Frames that sendmmsg() may be given at a time. */
uint32_t hg_mark_burst(const struct hg_link *link);
/* What sendmmsg() returned; sends a mark if it is time for one. */
void hg_mark_sent(struct hg_link *link, int frames);

/*
 * At any time from `now` (us) on: takes what has come back, and asks again if nothing
 * has. Whoever waits for room calls it when `link->echo_fd` is readable and when
 * hg_link_window_quiet() is over.
 */
void hg_mark_poll(struct hg_link *link, uint32_t now);

#endif
