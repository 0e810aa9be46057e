/* SPDX-License-Identifier: Apache-2.0 */
#include "response.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sum.h"

#define PADDING_NAME "X-Padding: "
#define PADDING_LEAST (sizeof(PADDING_NAME) - 1 + 2) /* with its CR LF */

/* RFC 9110, 5.6.7, in English whatever the locale. */
static void format_date(char *text, size_t size, time_t when)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm tm;

	gmtime_r(&when, &tm);
	snprintf(text, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* How many bytes of padding header make `bytes` of a response a multiple of 128, and at least `least`. */
static uint32_t padding_for(uint64_t bytes, uint64_t least)
{
	uint64_t padded = bytes > least ? bytes : least;

	padded = (padded + HG_SEQ_GRANULE - 1) / HG_SEQ_GRANULE * HG_SEQ_GRANULE;
	if (padded > bytes && padded - bytes < PADDING_LEAST)
		padded += HG_SEQ_GRANULE;
	return (uint32_t)(padded - bytes);
}

/* Closes a header section of `head_bytes` with padding and the empty line. */
static void close_head(struct hg_response *response, uint64_t body_bytes, uint64_t least)
{
	char *end = (char *)response->head + response->head_bytes;
	uint32_t padding = padding_for(response->head_bytes + 2 + body_bytes, least);

	if (padding) {
		memcpy(end, PADDING_NAME, sizeof(PADDING_NAME) - 1);
		memset(end + sizeof(PADDING_NAME) - 1, '.', padding - PADDING_LEAST);
		memcpy(end + padding - 2, "\r\n", 2);
	}
	memcpy(end + padding, "\r\n", 2);
	response->head_bytes += padding + 2;
	response->length = (uint32_t)(response->head_bytes + body_bytes);
}

static void sum_head(struct hg_response *response)
{
	for (uint32_t at = 0; at < response->head_bytes; at += HG_SEQ_GRANULE)
		response->head_sums[at / HG_SEQ_GRANULE] = hg_sum(response->head + at, HG_SEQ_GRANULE);
	response->sums = response->head_sums;
}

static void begin(struct hg_response *response, const char *status, const char *fields)
{
	memset(response, 0, sizeof(*response));
	response->head_bytes = (uint32_t)snprintf((char *)response->head, sizeof(response->head),
						  "HTTP/1.1 %s\r\nServer: hectograph\r\nConnection: close\r\n%s",
						  status, fields);
}

int hg_responses_render(struct hg_response responses[HG_RESPONSE_KINDS], const struct hg_response_facts *facts)
{
	static const char empty[] = "Content-Length: 0\r\n";
	char entity[2 * HG_CONTENT_TYPE_BYTES + HG_ETAG_BYTES];
	char described[sizeof(entity) + 128];
	char allow[64];
	char date[32];

	format_date(date, sizeof(date), facts->modified);
	snprintf(entity, sizeof(entity), "ETag: \"%s\"\r\nLast-Modified: %s\r\n", facts->etag, date);
	snprintf(described, sizeof(described), "%sContent-Length: %" PRIu64 "\r\nContent-Type: %s\r\nAccept-Ranges: none\r\n",
		 entity, facts->bytes, facts->type);
	snprintf(allow, sizeof(allow), "Allow: GET, HEAD\r\n%s", empty);

	begin(&responses[HG_RESPONSE_CONTENT], "200 OK", described);
	begin(&responses[HG_RESPONSE_HEAD], "200 OK", described);
	begin(&responses[HG_RESPONSE_NOT_MODIFIED], "304 Not Modified", entity);
	begin(&responses[HG_RESPONSE_BAD_REQUEST], "400 Bad Request", empty);
	begin(&responses[HG_RESPONSE_METHOD], "405 Method Not Allowed", allow);
	begin(&responses[HG_RESPONSE_NOT_FOUND], "404 Not Found", empty);
	for (int kind = HG_RESPONSE_HEAD; kind < HG_RESPONSE_KINDS; kind++) {
		close_head(&responses[kind], 0, 0);
		sum_head(&responses[kind]);
	}
	/* The switch takes every position up to this response's length: none of the others may be longer. */
	if (facts->bytes > HG_POSITION_MAX - HG_RESPONSE_HEAD_MAX)
		return -EFBIG;
	close_head(&responses[HG_RESPONSE_CONTENT], facts->bytes, hg_responses_longest_other(responses));
	return 0;
}

uint32_t hg_responses_longest_other(const struct hg_response responses[HG_RESPONSE_KINDS])
{
	uint32_t longest = 0;

	for (int kind = HG_RESPONSE_HEAD; kind < HG_RESPONSE_KINDS; kind++)
		if (responses[kind].length > longest)
			longest = responses[kind].length;
	return longest;
}
