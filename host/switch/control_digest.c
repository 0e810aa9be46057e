/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: digests. */
#include <errno.h>

#include "switch.h"

int hg_digest_fd(struct hg_switch *sw)
{
	return sw->digest_signal.fd;
}

uint32_t hg_digest_count(const struct hg_loaded *loaded)
{
	return loaded->pipeline->digest_count;
}

const char *hg_digest_name(const struct hg_loaded *loaded, uint32_t digest)
{
	return digest < loaded->pipeline->digest_count ? loaded->pipeline->digests[digest].name : NULL;
}

uint32_t hg_digest_bytes(const struct hg_loaded *loaded, uint32_t digest)
{
	return digest < loaded->pipeline->digest_count ? loaded->pipeline->digests[digest].bytes : 0;
}

int hg_digest_want(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t digest, bool wanted)
{
	if (digest >= loaded->pipeline->digest_count)
		return -EINVAL;
	switch_lock(sw);
	atomic_store_explicit(&loaded->digests->wanted[digest], wanted, memory_order_relaxed);
	return switch_unlock(sw, 0);
}

int hg_digest_receive(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t *digests, uint8_t *data, uint32_t capacity)
{
	uint32_t count = 0;

	switch_lock(sw);
	if (loaded->digests)
		count = digests_take(loaded->digests, digests, data, capacity);
	else
		digest_signal_clear(&sw->digest_signal); /* raised by a pipeline that ran before */
	return switch_unlock(sw, (int)count);
}
