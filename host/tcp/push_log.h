/* SPDX-License-Identifier: Apache-2.0 */
/* When a cohort pushed what: for its own round-trip time, and for what its members find lost. */
#ifndef HG_PUSH_LOG_H
#define HG_PUSH_LOG_H

#include <stdint.h>

/* A window of single segments; what is older counts as pushed with the oldest that is known. */
#define HG_PUSH_LOG 4096

struct hg_push_entry {
	uint32_t end; /* position; it begins where the one before ends */
	uint32_t at;  /* us */
};

struct hg_push_log {
	struct hg_push_entry *entries; /* HG_PUSH_LOG, a ring */
	uint32_t put; /* ever */
};

static inline const struct hg_push_entry *hg_push_log_at(const struct hg_push_log *log, uint32_t index)
{
	return &log->entries[index % HG_PUSH_LOG];
}

void hg_push_log_add(struct hg_push_log *log, uint32_t end, uint32_t at);

/* The first that ends beyond `position`; `log->put`: none does. */
uint32_t hg_push_log_find(const struct hg_push_log *log, uint32_t position);

#endif
