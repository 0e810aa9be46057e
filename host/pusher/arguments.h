/* SPDX-License-Identifier: Apache-2.0 */
/* The values that the command line takes. 0 or -EINVAL, with a line in `error`. */
#ifndef HG_ARGUMENTS_H
#define HG_ARGUMENTS_H

#include <stdint.h>

#include "pusher.h"

/* A whole number up to `most`; `what` names it in the error. */
int hg_parse_number(const char *what, const char *text, uint64_t most, uint64_t *value, char *error);

/* "100M", "2.5G", "800k", "64000": units a second, powers of 1000. */
int hg_parse_rate(const char *what, const char *text, uint64_t *value, char *error);

/* "7" or "1,2,3", added to those that the spec has. */
int hg_parse_groups(const char *text, struct hg_stream_spec *spec, char *error);

/* A path, "-" or "udp://ADDRESS:PORT" with an IPv6 address in brackets. */
int hg_parse_source(const char *text, struct hg_stream_spec *spec, char *error);

#endif
