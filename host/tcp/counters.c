/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

const char *hg_tcp_counter_name(enum hg_tcp_counter counter)
{
	static const char *const names[] = {
#define X(name, text) #name,
		HG_TCP_COUNTERS(X)
#undef X
	};

	return names[counter];
}
