/* SPDX-License-Identifier: Apache-2.0 */
#include "push_log.h"

void hg_push_log_add(struct hg_push_log *log, uint32_t end, uint32_t at)
{
	log->entries[log->put++ % HG_PUSH_LOG] = (struct hg_push_entry){ end, at };
}

uint32_t hg_push_log_find(const struct hg_push_log *log, uint32_t position)
{
	uint32_t low = log->put > HG_PUSH_LOG ? log->put - HG_PUSH_LOG : 0, high = log->put;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (hg_push_log_at(log, middle)->end > position)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}
