/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <ctype.h>
#include <string.h>

#include "response.h"

enum phase {
	START,         /* empty lines before the request line are passed over (RFC 9112, 2.2) */
	METHOD,
	TARGET_FIRST,
	TARGET,
	VERSION,
	LINE_END,      /* after CR of the request line */
	NAME_FIRST,    /* at the beginning of a header line */
	NAME,
	VALUE,
	VALUE_END,     /* after CR of a header line */
	HEAD_END,      /* after CR of the empty line */
};

enum flag {
	HAS_LINE = 1,     /* the request line is read */
	HAS_HOST = 2,
	VERSION_1_0 = 4,  /* needs no Host */
	IN_TAG = 8,       /* between an entity tag's quotes */
	TAG_FAILED = 16,  /* this one is not ours */
	TAG_FOUND = 32,   /* one was ours, or any would do */
	SEEN_START = 64,  /* a value's leading blanks are over */
};

enum method { GET = 1, HEAD = 2, OTHER = 4 };

enum header { ANY, HOST, IF_NONE_MATCH };

static const struct {
	uint8_t method;
	const char *name;
} methods[] = { { GET, "GET" }, { HEAD, "HEAD" } };

static const char version[] = "HTTP/1.";

static const struct {
	enum header header;
	const char *name;
} headers[] = { { HOST, "host" }, { IF_NONE_MATCH, "if-none-match" } };

#define HEADERS (sizeof(headers) / sizeof(headers[0]))

/* RFC 9110, 5.6.2 */
static bool is_token(uint8_t c)
{
	return isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool read_method(struct hg_request *request, uint8_t c)
{
	if (c == ' ') {
		for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
			if (request->method & methods[i].method && strlen(methods[i].name) == request->matched) {
				request->method = methods[i].method;
				goto known;
			}
		request->method = OTHER;
known:
		request->phase = TARGET_FIRST;
		return request->matched > 0;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (request->matched >= strlen(methods[i].name) ||
		    methods[i].name[request->matched] != (char)c)
			request->method &= (uint8_t)~methods[i].method;
	/* No method is that long: a stream of letters is no request. */
	return is_token(c) && ++request->matched < 32;
}

/* RFC 9112, 2.3: "HTTP/" DIGIT "." DIGIT, of major version 1. */
static bool read_version(struct hg_request *request, uint8_t c)
{
	if (request->matched < sizeof(version) - 1)
		return c == (uint8_t)version[request->matched++];
	if (request->matched == sizeof(version) - 1) {
		request->matched++;
		if (c == '0')
			request->flags |= VERSION_1_0;
		return isdigit(c);
	}
	request->phase = LINE_END;
	return c == '\r' || c == '\n';
}

static void begin_name(struct hg_request *request)
{
	request->phase = NAME_FIRST;
	request->matched = 0;
	/* Every header's bit, until a letter says otherwise. */
	request->header = (1u << HEADERS) - 1;
}

static bool read_name(struct hg_request *request, uint8_t c)
{
	if (c == ':') {
		uint8_t candidates = request->header;

		request->header = ANY;
		for (size_t i = 0; i < HEADERS; i++)
			if (candidates & 1u << i && strlen(headers[i].name) == request->matched)
				request->header = headers[i].header;
		request->flags &= (uint8_t)~(IN_TAG | TAG_FAILED | SEEN_START);
		request->phase = VALUE;
		if (request->header != HOST)
			return true;
		if (request->flags & HAS_HOST)
			return false; /* RFC 9112, 3.2: more than one is a bad request */
		request->flags |= HAS_HOST;
		return true;
	}
	for (size_t i = 0; i < HEADERS; i++)
		if (request->matched >= strlen(headers[i].name) || headers[i].name[request->matched] != tolower(c))
			request->header &= (uint8_t)~(1u << i);
	if (request->matched < UINT8_MAX)
		request->matched++;
	return is_token(c);
}

/* RFC 9110, 13.1.2: compared weakly, so W/ before a tag makes no difference. */
static void read_tag(struct hg_request *request, uint8_t c, const char *etag)
{
	if (!(request->flags & IN_TAG)) {
		if (c == '"') {
			request->flags |= IN_TAG;
			request->flags &= (uint8_t)~TAG_FAILED;
			request->tag = 0;
		} else if (c == '*' && !(request->flags & SEEN_START)) {
			request->flags |= TAG_FOUND;
		}
	} else if (c == '"') {
		if (!(request->flags & TAG_FAILED) && etag[request->tag] == '\0')
			request->flags |= TAG_FOUND;
		request->flags &= (uint8_t)~IN_TAG;
	} else if (request->flags & TAG_FAILED || etag[request->tag] == '\0' || etag[request->tag] != (char)c) {
		request->flags |= TAG_FAILED;
	} else {
		request->tag++;
	}
}

static bool read_value(struct hg_request *request, uint8_t c, const char *etag)
{
	if (c == '\r' || c == '\n') {
		request->phase = VALUE_END;
		return true;
	}
	if (request->header == IF_NONE_MATCH)
		read_tag(request, c, etag);
	if (c != ' ' && c != '\t')
		request->flags |= SEEN_START;
	return c >= ' ' || c == '\t';
}

/* One byte; false: no request. A lone LF ends a line too (RFC 9112, 2.2). */
static bool read_byte(struct hg_request *request, uint8_t c, const char *etag)
{
	switch ((enum phase)request->phase) {
	case START:
		if (c == '\r' || c == '\n')
			return true;
		request->phase = METHOD;
		request->method = GET | HEAD;
		request->matched = 0;
		return read_method(request, c);
	case METHOD:
		return read_method(request, c);
	case TARGET_FIRST:
		request->phase = TARGET;
		return c > ' ' && c != 0x7F;
	case TARGET:
		if (c != ' ')
			return c > ' ' && c != 0x7F;
		request->phase = VERSION;
		request->matched = 0;
		return true;
	case VERSION:
		if (!read_version(request, c))
			return false;
		if (request->phase != LINE_END || c == '\r')
			return true;
		/* fall through */
	case LINE_END:
		request->flags |= HAS_LINE;
		begin_name(request);
		return c == '\n';
	case NAME_FIRST:
		if (c == '\r' || c == '\n') {
			request->phase = HEAD_END;
			return true;
		}
		request->phase = NAME;
		return c != ':' && read_name(request, c);
	case NAME:
		return read_name(request, c);
	case VALUE:
		if (!read_value(request, c, etag))
			return false;
		if (request->phase != VALUE_END || c == '\r')
			return true;
		/* fall through */
	case VALUE_END:
		begin_name(request);
		return c == '\n';
	case HEAD_END:
		return c == '\n';
	}
	return false;
}

static enum hg_request_result conclude(const struct hg_request *request)
{
	if (!(request->flags & (HAS_HOST | VERSION_1_0)))
		return HG_REQUEST_BAD; /* RFC 9112, 3.2 */
	if (request->method == OTHER)
		return HG_REQUEST_METHOD;
	if (request->flags & TAG_FOUND)
		return HG_REQUEST_NOT_MODIFIED;
	return request->method == HEAD ? HG_REQUEST_HEAD : HG_REQUEST_GET;
}

enum hg_request_result hg_request_read(struct hg_request *request, const uint8_t *data, size_t length,
				       const char *etag)
{
	for (size_t i = 0; i < length; i++) {
		bool ok = read_byte(request, data[i], etag);

		request->consumed++;
		if (!ok || request->consumed > HG_REQUEST_HEAD_MAX)
			return HG_REQUEST_BAD;
		if (request->phase == HEAD_END && data[i] == '\n')
			return conclude(request);
	}
	return HG_REQUEST_MORE;
}

bool hg_request_is_sound(const struct hg_request *request)
{
	/* Every place that the others index is compared with a length first. */
	return request->consumed <= HG_REQUEST_HEAD_MAX && request->phase <= HEAD_END && request->tag < HG_ETAG_BYTES;
}

bool hg_request_line_seen(const struct hg_request *request)
{
	return request->flags & HAS_LINE && request->method != OTHER;
}
