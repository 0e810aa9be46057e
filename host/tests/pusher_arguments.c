/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's values: what is taken and what is refused. */
#include <errno.h>
#include <string.h>

#include "arguments.h"
#include "pusher_check.h"

static char error[HG_PUSHER_ERROR_BYTES];

static void rate(const char *text, uint64_t expected)
{
	uint64_t value;

	CHECK_EQUAL(hg_parse_rate("rate", text, &value, error), expected ? 0 : -EINVAL);
	if (expected)
		CHECK_EQUAL(value, expected);
	else
		CHECK(strstr(error, text));
}

static void rates(void)
{
	rate("64000", 64000);
	rate("800k", 800000);
	rate("100M", 100000000);
	rate("2.5G", 2500000000);
	rate("", 0);
	rate("0", 0);
	rate("-1", 0);
	rate(" 1", 0);
	rate("M", 0);
	rate("10MB", 0);
	rate("inf", 0);
	rate("nan", 0);
	rate("0x10", 0);
	rate("1e9", 0);
	rate("9999999T", 0);
}

static void groups(void)
{
	struct hg_stream_spec spec = { 0 };

	CHECK_EQUAL(hg_parse_groups("1,65535", &spec, error), 0);
	CHECK_EQUAL(hg_parse_groups("7", &spec, error), 0);
	CHECK_EQUAL(spec.group_count, 3);
	CHECK(spec.groups[0] == 1 && spec.groups[1] == 65535 && spec.groups[2] == 7);
	CHECK_EQUAL(hg_parse_groups("65536", &spec, error), -EINVAL);
	CHECK_EQUAL(hg_parse_groups("1,,2", &spec, error), -EINVAL);
	CHECK_EQUAL(hg_parse_groups("-1", &spec, error), -EINVAL);
	while (spec.group_count < HG_PUSHER_GROUPS_MAX)
		CHECK_EQUAL(hg_parse_groups("1", &spec, error), 0);
	CHECK_EQUAL(hg_parse_groups("1", &spec, error), -EINVAL);
}

static void udp(const char *text, const char *address, uint16_t port)
{
	struct hg_stream_spec spec = { 0 };

	CHECK_EQUAL(hg_parse_source(text, &spec, error), port ? 0 : -EINVAL);
	if (port) {
		CHECK_EQUAL(spec.source, HG_SOURCE_UDP);
		CHECK(strcmp(spec.udp.address, address) == 0);
		CHECK_EQUAL(spec.udp.port, port);
	}
}

static void sources(void)
{
	struct hg_stream_spec spec = { 0 };
	char long_path[HG_PUSHER_PATH_BYTES + 1];

	udp("udp://127.0.0.1:9000", "127.0.0.1", 9000);
	udp("udp://[ff02::1%eth0]:65535", "ff02::1%eth0", 65535);
	udp("udp://::1:9000", NULL, 0);
	udp("udp://127.0.0.1", NULL, 0);
	udp("udp://:9000", NULL, 0);
	udp("udp://127.0.0.1:65536", NULL, 0);
	udp("udp://127.0.0.1:", NULL, 0);
	udp("udp://[]:1", NULL, 0);
	udp("udp://0123456789012345678901234567890123456789012345678901234567890123456789:1", NULL, 0);
	CHECK_EQUAL(hg_parse_source("-", &spec, error), 0);
	CHECK_EQUAL(spec.source, HG_SOURCE_FD);
	CHECK_EQUAL(hg_parse_source("./-", &spec, error), 0);
	CHECK_EQUAL(spec.source, HG_SOURCE_PATH);
	memset(long_path, 'x', sizeof(long_path));
	long_path[HG_PUSHER_PATH_BYTES] = '\0';
	CHECK_EQUAL(hg_parse_source(long_path, &spec, error), -ENAMETOOLONG);
}

int main(void)
{
	rates();
	groups();
	sources();
	return 0;
}
