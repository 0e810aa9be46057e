/* SPDX-License-Identifier: Apache-2.0 */
/* Any frame as a pull, and what it carries as a request, in one piece and in two. */
#include <stdint.h>

#include "pull.h"
#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum hg_request_result read_in_two(const uint8_t *data, size_t size, size_t cut)
{
	struct hg_request request = { 0 };
	enum hg_request_result result = hg_request_read(&request, data, cut, "etag");

	return result == HG_REQUEST_MORE ? hg_request_read(&request, data + cut, size - cut, "etag") : result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hg_pull pull;

	/* What the ring cut may be any beginning of the frame. */
	if (hg_pull_parse(&pull, data, size, size + 64) == 0 || hg_pull_parse(&pull, data, size, size) == 0) {
		if (pull.data < data || pull.data + pull.data_bytes > data + size)
			if (!(pull.flags & HG_PULL_ICMP))
				__builtin_trap();
	}
	if (read_in_two(data, size, 0) != read_in_two(data, size, size / 2))
		__builtin_trap();
	return 0;
}
