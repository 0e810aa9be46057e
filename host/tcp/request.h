/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads an HTTP/1 request head (RFC 9112) as it comes, in eight bytes of state: what
 * is asked for was said by the address, so only the method, If-None-Match and the
 * head's end matter. The state is small enough to be stored by one instruction, so
 * that a reader that dies never leaves half of it.
 */
#ifndef HG_REQUEST_H
#define HG_REQUEST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A head longer than this is refused. */
#define HG_REQUEST_HEAD_MAX 32768

struct hg_request {
	_Alignas(uint64_t) uint16_t consumed; /* bytes of the head so far */
	uint8_t phase;     /* enum in request.c */
	uint8_t flags;     /* likewise */
	uint8_t method;    /* which methods it may still be */
	uint8_t matched;   /* bytes of a name that matched so far */
	uint8_t header;    /* which header's value this is */
	uint8_t tag;       /* bytes of the entity tag that matched so far */
};

static_assert(sizeof(struct hg_request) == sizeof(uint64_t), "stored at once");

enum hg_request_result {
	HG_REQUEST_MORE,         /* the head is not complete */
	HG_REQUEST_GET,
	HG_REQUEST_HEAD,
	HG_REQUEST_NOT_MODIFIED, /* GET or HEAD, and the client has this entity */
	HG_REQUEST_METHOD,       /* a method that a content has not */
	HG_REQUEST_BAD,
};

/*
 * Takes what it needs of the next `length` bytes: request->consumed says how far it
 * came. `etag` is the content's entity tag without its quotes. Not called again
 * after another result than HG_REQUEST_MORE.
 */
enum hg_request_result hg_request_read(struct hg_request *request, const uint8_t *data, size_t length,
				       const char *etag);

/* Could a reader have left this? What came from elsewhere is looked at before it is gone on with. */
bool hg_request_is_sound(const struct hg_request *request);

/* A GET's or HEAD's request line was read in full: these bytes do begin a request. */
bool hg_request_line_seen(const struct hg_request *request);

#endif
