/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define UDP_SCHEME "udp://"

int hg_parse_number(const char *what, const char *text, uint64_t most, uint64_t *value, char *error)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	/* strtoull() takes signs and blanks. */
	if (!isdigit((unsigned char)text[0]) || *end || errno || *value > most)
		return hg_fail(error, -EINVAL, "%s \"%s\": not a whole number from 0 to %" PRIu64, what, text, most);
	return 0;
}

int hg_parse_rate(const char *what, const char *text, uint64_t *value, char *error)
{
	static const char units[] = "kMGT";
	double scale = 1;
	double number;
	char *end;

	number = strtod(text, &end);
	if (*end) {
		const char *unit = strchr(units, *end == 'K' ? 'k' : *end);

		if (!unit || end[1])
			goto bad;
		for (const char *u = units; u <= unit; u++)
			scale *= 1000;
	}
	/* strtod() takes signs, blanks, hexadecimal, "inf" and "nan". */
	if (!isdigit((unsigned char)text[0]) || strpbrk(text, "xXeE") || number * scale < 1 || number * scale > 1e15)
		goto bad;
	*value = (uint64_t)(number * scale);
	return 0;
bad:
	return hg_fail(error, -EINVAL, "%s \"%s\": not a rate like 800k, 100M or 2.5G", what, text);
}

int hg_parse_groups(const char *text, struct hg_stream_spec *spec, char *error)
{
	char *copy = strdup(text);
	char *rest = copy;
	char *item;
	int ret = copy ? 0 : hg_fail(error, -ENOMEM, "no memory");

	while (!ret && (item = strsep(&rest, ",")) != NULL) {
		uint64_t group;

		if (spec->group_count == HG_PUSHER_GROUPS_MAX)
			ret = hg_fail(error, -EINVAL, "more than %d groups", HG_PUSHER_GROUPS_MAX);
		else
			ret = hg_parse_number("group", item, UINT16_MAX, &group, error);
		if (!ret)
			spec->groups[spec->group_count++] = (uint16_t)group;
	}
	free(copy);
	return ret;
}

static int parse_udp(const char *text, struct hg_stream_spec *spec, char *error)
{
	const char *address = text + strlen(UDP_SCHEME);
	const char *colon = strrchr(address, ':');
	size_t length = colon ? (size_t)(colon - address) : 0;
	uint64_t port;
	int ret;

	if (length > 1 && address[0] == '[' && address[length - 1] == ']') {
		address++;
		length -= 2;
	} else if (memchr(address, ':', length)) {
		length = 0; /* an IPv6 address without its brackets */
	}
	if (length == 0 || length >= sizeof(spec->udp.address))
		return hg_fail(error, -EINVAL, "%s: not of the form udp://ADDRESS:PORT or udp://[ADDRESS]:PORT", text);
	ret = hg_parse_number("UDP port", colon + 1, UINT16_MAX, &port, error);
	if (ret)
		return ret;
	spec->source = HG_SOURCE_UDP;
	memcpy(spec->udp.address, address, length);
	spec->udp.address[length] = '\0';
	spec->udp.port = (uint16_t)port;
	return 0;
}

int hg_parse_source(const char *text, struct hg_stream_spec *spec, char *error)
{
	if (strncmp(text, UDP_SCHEME, strlen(UDP_SCHEME)) == 0)
		return parse_udp(text, spec, error);
	if (strcmp(text, "-") == 0) {
		spec->source = HG_SOURCE_FD;
		spec->fd = STDIN_FILENO;
		strcpy(spec->path, "standard input");
		return 0;
	}
	if (strlen(text) >= sizeof(spec->path))
		return hg_fail(error, -ENAMETOOLONG, "a path of %zu bytes; at most %zu are allowed", strlen(text),
			       sizeof(spec->path) - 1);
	spec->source = HG_SOURCE_PATH;
	strcpy(spec->path, text);
	return 0;
}
