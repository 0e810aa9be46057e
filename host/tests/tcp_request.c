/* SPDX-License-Identifier: Apache-2.0 */
/* Request heads: whole, in two parts at every point, and byte by byte, always the same answer. */
#include <string.h>

#include "pusher_check.h"
#include "request.h"

#define ETAG "0123abcd"

static const struct {
	const char *name;
	const char *text;
	enum hg_request_result result;
} cases[] = {
	{ "curl", "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n", HG_REQUEST_GET },
	{ "absolute form", "GET http://[2001:db8::1]/x HTTP/1.1\r\nHost: a\r\n\r\n", HG_REQUEST_GET },
	{ "query", "GET /a/b?c=d&e HTTP/1.1\r\nhOsT: a\r\n\r\n", HG_REQUEST_GET },
	{ "1.0 without Host", "GET / HTTP/1.0\r\n\r\n", HG_REQUEST_GET },
	{ "1.0 with headers", "HEAD / HTTP/1.0\r\nX: y\r\n\r\n", HG_REQUEST_HEAD },
	{ "lone LF", "GET / HTTP/1.1\nHost: a\n\n", HG_REQUEST_GET },
	{ "empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HG_REQUEST_GET },
	{ "empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HG_REQUEST_GET },
	{ "what follows is not read", "GET / HTTP/1.1\r\nHost: a\r\n\r\n\x80nonsense", HG_REQUEST_GET },
	{ "head", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", HG_REQUEST_HEAD },
	{ "etag", "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"" ETAG "\"\r\n\r\n", HG_REQUEST_NOT_MODIFIED },
	{ "weak etag", "GET / HTTP/1.1\r\nHost: a\r\nif-none-match:W/\"" ETAG "\"\r\n\r\n", HG_REQUEST_NOT_MODIFIED },
	{ "any etag", "HEAD / HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n", HG_REQUEST_NOT_MODIFIED },
	{ "in a list", "GET / HTTP/1.1\r\nIf-None-Match: \"x\", \"" ETAG "\" , \"y\"\r\nHost: a\r\n\r\n",
	  HG_REQUEST_NOT_MODIFIED },
	{ "in a second field", "GET / HTTP/1.1\r\nIf-None-Match: \"x\"\r\nHost: a\r\nIf-None-Match: \"" ETAG "\"\r\n\r\n",
	  HG_REQUEST_NOT_MODIFIED },
	{ "another etag", "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"0123abce\"\r\n\r\n", HG_REQUEST_GET },
	{ "longer etag", "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"" ETAG "e\"\r\n\r\n", HG_REQUEST_GET },
	{ "shorter etag", "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"0123abc\"\r\n\r\n", HG_REQUEST_GET },
	{ "etag without quotes", "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: " ETAG "\r\n\r\n", HG_REQUEST_GET },
	{ "star in a tag", "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"*\"\r\n\r\n", HG_REQUEST_GET },
	{ "a longer name", "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Matches: *\r\n\r\n", HG_REQUEST_GET },
	{ "post", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", HG_REQUEST_METHOD },
	{ "gets", "GETS / HTTP/1.1\r\nHost: a\r\n\r\n", HG_REQUEST_METHOD },
	{ "get", "get / HTTP/1.1\r\nHost: a\r\n\r\n", HG_REQUEST_METHOD },
	{ "options", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HG_REQUEST_METHOD },
	{ "no Host", "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", HG_REQUEST_BAD },
	{ "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HG_REQUEST_BAD },
	{ "no version", "GET /\r\n\r\n", HG_REQUEST_BAD },
	{ "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HG_REQUEST_BAD },
	{ "TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", HG_REQUEST_BAD },
	{ "a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", HG_REQUEST_BAD },
	{ "a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", HG_REQUEST_BAD },
	{ "no name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", HG_REQUEST_BAD },
	{ "a bare CR", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", HG_REQUEST_BAD },
	{ "a control character", "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", HG_REQUEST_BAD },
	{ "two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HG_REQUEST_BAD },
	{ "nothing", "GET / HTTP/1.1\r\nHost: a\r\n", HG_REQUEST_MORE },
};

static enum hg_request_result read_in(const char *text, size_t length, const size_t *cuts, size_t count)
{
	struct hg_request request = { 0 };
	enum hg_request_result result = HG_REQUEST_MORE;
	size_t at = 0;

	for (size_t i = 0; i <= count && result == HG_REQUEST_MORE; i++) {
		size_t end = i < count ? cuts[i] : length;

		result = hg_request_read(&request, (const uint8_t *)text + at, end - at, ETAG);
		at = end;
	}
	return result;
}

static void whole_and_in_parts(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].text);
		size_t every[512];

		for (size_t cut = 0; cut <= length; cut++) {
			if (read_in(cases[i].text, length, &cut, 1) != cases[i].result) {
				fprintf(stderr, "%s, cut at %zu: not %d\n", cases[i].name, cut, cases[i].result);
				exit(1);
			}
			every[cut] = cut;
		}
		CHECK_EQUAL(read_in(cases[i].text, length, every, length), cases[i].result);
	}
}

static void too_long(void)
{
	struct hg_request request = { 0 };
	enum hg_request_result result;
	uint32_t bytes = 0;

	result = hg_request_read(&request, (const uint8_t *)"GET / HTTP/1.1\r\nX: ", 19, ETAG);
	while (result == HG_REQUEST_MORE && bytes < 100000) {
		result = hg_request_read(&request, (const uint8_t *)"x", 1, ETAG);
		bytes++;
	}
	CHECK_EQUAL(result, HG_REQUEST_BAD);
	CHECK_EQUAL(bytes, HG_REQUEST_HEAD_MAX - 19 + 1);
}

static void line_seen(void)
{
	struct hg_request request = { 0 };

	hg_request_read(&request, (const uint8_t *)"GET / HTTP/1.1\r", 15, ETAG);
	CHECK(!hg_request_line_seen(&request));
	hg_request_read(&request, (const uint8_t *)"\n", 1, ETAG);
	CHECK(hg_request_line_seen(&request));
}

int main(void)
{
	whole_and_in_parts();
	too_long();
	line_seen();
	return 0;
}
