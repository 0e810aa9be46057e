/* SPDX-License-Identifier: Apache-2.0 */
/* Rendered responses, contents of every awkward size, and any cut's bytes and sum. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content.h"
#include "pusher_check.h"
#include "segment.h"
#include "sum.h"

static char path[] = "/tmp/hectograph-content-XXXXXX";
static char error[HG_PUSHER_ERROR_BYTES];
static uint32_t state = 5;

static uint32_t random_below(uint32_t limit)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % limit;
}

static bool says(const struct hg_response *response, const char *text)
{
	return memmem(response->head, response->head_bytes, text, strlen(text)) != NULL;
}

static void rendered(void)
{
	static const struct {
		enum hg_response_kind kind;
		const char *texts[4];
	} expected[] = {
		{ HG_RESPONSE_CONTENT,
		  { "HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 5\r\n", "\r\nETag: \"e7a9\"\r\n", "\r\nAccept-Ranges: none\r\n" } },
		{ HG_RESPONSE_HEAD,
		  { "HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 5\r\n", "\r\nContent-Type: text/plain\r\n",
		    "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n" } },
		{ HG_RESPONSE_NOT_MODIFIED, { "HTTP/1.1 304 Not Modified\r\n", "\r\nETag: \"e7a9\"\r\n", "\r\n", "\r\n" } },
		{ HG_RESPONSE_BAD_REQUEST, { "HTTP/1.1 400 Bad Request\r\n", "\r\nContent-Length: 0\r\n", "\r\n", "\r\n" } },
		{ HG_RESPONSE_METHOD,
		  { "HTTP/1.1 405 Method Not Allowed\r\n", "\r\nAllow: GET, HEAD\r\n", "\r\nContent-Length: 0\r\n", "\r\n" } },
		{ HG_RESPONSE_NOT_FOUND, { "HTTP/1.1 404 Not Found\r\n", "\r\nContent-Length: 0\r\n", "\r\n", "\r\n" } },
	};
	struct hg_response_facts facts = { .bytes = 5, .type = "text/plain", .etag = "e7a9", .modified = 784111777 };
	struct hg_response responses[HG_RESPONSE_KINDS];

	CHECK_EQUAL(hg_responses_render(responses, &facts), 0);
	for (int i = 0; i < HG_RESPONSE_KINDS; i++) {
		const struct hg_response *response = &responses[expected[i].kind];

		for (int j = 0; j < 4; j++)
			CHECK(says(response, expected[i].texts[j]));
		CHECK(says(response, "\r\nConnection: close\r\n"));
		CHECK_EQUAL(response->length % HG_SEQ_GRANULE, 0);
		CHECK(memcmp(response->head + response->head_bytes - 4, "\r\n\r\n", 4) == 0);
		CHECK_EQUAL(memmem(response->head, response->head_bytes, "\r\n\r\n", 4) ==
				    response->head + response->head_bytes - 4, 1);
		CHECK_EQUAL(response->length - response->head_bytes, i == HG_RESPONSE_CONTENT ? 5 : 0);
		CHECK(response->length <= responses[HG_RESPONSE_CONTENT].length);
	}
	CHECK(!says(&responses[HG_RESPONSE_NOT_MODIFIED], "Content-Length"));
}

/* Whatever the lengths, all is a multiple of 128 and nothing is longer than the content's response. */
static void padded(void)
{
	char type[HG_CONTENT_TYPE_BYTES] = "";
	char etag[HG_ETAG_BYTES] = "";

	for (uint32_t i = 0; i < 2000; i++) {
		struct hg_response_facts facts = { .bytes = random_below(400), .type = type, .etag = etag };
		struct hg_response responses[HG_RESPONSE_KINDS];

		memset(type, 't', sizeof(type) - 1);
		memset(etag, 'e', sizeof(etag) - 1);
		type[random_below(sizeof(type))] = '\0';
		etag[1 + random_below(sizeof(etag) - 1)] = '\0';
		CHECK_EQUAL(hg_responses_render(responses, &facts), 0);
		for (int kind = 0; kind < HG_RESPONSE_KINDS; kind++) {
			CHECK_EQUAL(responses[kind].length % HG_SEQ_GRANULE, 0);
			CHECK(responses[kind].head_bytes <= HG_RESPONSE_HEAD_MAX);
			CHECK(responses[kind].length <= responses[HG_RESPONSE_CONTENT].length);
		}
		CHECK_EQUAL(responses[HG_RESPONSE_CONTENT].length - responses[HG_RESPONSE_CONTENT].head_bytes, facts.bytes);
	}
}

static void limits(void)
{
	struct hg_response_facts facts = { .type = "a/b", .etag = "e" };
	struct hg_response responses[HG_RESPONSE_KINDS];

	facts.bytes = (1ull << 31) - HG_RESPONSE_HEAD_MAX;
	CHECK_EQUAL(hg_responses_render(responses, &facts), 0);
	CHECK(responses[HG_RESPONSE_CONTENT].length <= 1u << 31);
	facts.bytes++;
	CHECK_EQUAL(hg_responses_render(responses, &facts), -EFBIG);
}

static uint8_t *make_file(size_t bytes)
{
	uint8_t *data = malloc(bytes + 1);
	int fd = open(path, O_WRONLY | O_TRUNC);

	CHECK(data && fd >= 0);
	for (size_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)random_below(256);
	CHECK(write(fd, data, bytes) == (ssize_t)bytes);
	close(fd);
	return data;
}

static struct hg_content_spec spec_of(uint32_t id)
{
	struct hg_content_spec spec = { .id = id, .type = "text/plain", .etag = "abc" };

	strcpy(spec.path, path);
	return spec;
}

static struct hg_content *open_ready(void)
{
	struct hg_content_spec spec = spec_of(1);
	struct hg_content *content;

	CHECK_EQUAL(hg_content_open(&content, &spec, -1, error), 0);
	while (content->state == HG_CONTENT_PREPARING)
		usleep(100);
	return content;
}

static void check_cut(const struct hg_response *response, const uint8_t *whole, uint32_t position, uint32_t bytes)
{
	struct iovec parts[HG_SEGMENT_PARTS];
	uint32_t count = hg_segment_parts(response, position, bytes, parts);
	uint32_t at = position;
	uint16_t sum = hg_segment_sum(response, position, bytes);
	uint16_t expected = hg_sum_reference(whole + position, bytes);

	for (uint32_t i = 0; i < count; i++) {
		CHECK(memcmp(whole + at, parts[i].iov_base, parts[i].iov_len) == 0);
		at += (uint32_t)parts[i].iov_len;
	}
	CHECK_EQUAL(at - position, bytes);
	CHECK(sum == expected || sum % 0xFFFF == expected % 0xFFFF);
}

static void cuts(void)
{
	static const size_t sizes[] = { 0, 1, 2, 127, 128, 129, 255, 1000, 262143, 262144, 262145, 1048576 + 77 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *data = make_file(sizes[i]);
		struct hg_content *content = open_ready();
		const struct hg_response *response = &content->responses[HG_RESPONSE_CONTENT];
		uint8_t *whole = malloc(response->length);

		CHECK_EQUAL(content->state, HG_CONTENT_READY);
		CHECK_EQUAL(content->prepared, response->length);
		memcpy(whole, response->head, response->head_bytes);
		memcpy(whole + response->head_bytes, data, sizes[i]);
		for (uint32_t cut = 0; cut < 300; cut++) {
			uint32_t granules = response->length / HG_SEQ_GRANULE;
			uint32_t first = cut < granules ? cut : random_below(granules);
			uint32_t most = granules - first < 69 ? granules - first : 69;

			check_cut(response, whole, first * HG_SEQ_GRANULE, (1 + random_below(most)) * HG_SEQ_GRANULE);
		}
		hg_content_close(content);
		free(whole);
		free(data);
	}
}

static void changes(void)
{
	struct hg_content *content;
	uint8_t byte = 1;
	int fd;

	free(make_file(1000));
	content = open_ready();
	CHECK_EQUAL(hg_content_check(content, error), 0);
	usleep(20000); /* the clock of mtime is coarse */
	fd = open(path, O_WRONLY);
	CHECK(pwrite(fd, &byte, 1, 500) == 1);
	close(fd);
	CHECK_EQUAL(hg_content_check(content, error), -ESTALE);
	CHECK(strstr(error, "written to"));
	CHECK_EQUAL(truncate(path, 10), 0);
	CHECK_EQUAL(hg_content_check(content, error), -ESTALE);
	CHECK(strstr(error, "1000 bytes and has 10"));
	hg_content_withdraw(content, error);
	CHECK(!hg_content_serves(content));
	hg_content_close(content);
	content = open_ready();
	/* Whoever reads it goes on with what was opened. */
	CHECK_EQUAL(unlink(path), 0);
	CHECK_EQUAL(hg_content_check(content, error), 0);
	hg_content_close(content);
}

/* Another file under the path, as when it is exchanged after its digest was taken. */
static void exchanged(void)
{
	struct hg_content_spec wanted = spec_of(1);
	struct hg_content *content;
	struct stat status;

	free(make_file(1000));
	CHECK_EQUAL(stat(path, &status), 0);
	wanted.file = (struct hg_file_identity){
		.device = status.st_dev,
		.inode = status.st_ino,
		.changed_ns = status.st_ctim.tv_sec * INT64_C(1000000000) + status.st_ctim.tv_nsec,
	};
	CHECK_EQUAL(hg_content_open(&content, &wanted, -1, error), 0);
	hg_content_close(content);
	wanted.file.inode++;
	CHECK_EQUAL(hg_content_open(&content, &wanted, -1, error), -ESTALE);
	wanted.file.inode--;
	wanted.file.changed_ns++;
	CHECK_EQUAL(hg_content_open(&content, &wanted, -1, error), -ESTALE);
	CHECK(strstr(error, "not the file whose digest was taken"));
}

static void refuses(struct hg_content_spec spec, int code, const char *text)
{
	struct hg_content *content;

	CHECK_EQUAL(hg_content_open(&content, &spec, -1, error), code);
	if (!strstr(error, text)) {
		fprintf(stderr, "\"%s\" does not say \"%s\"\n", error, text);
		exit(1);
	}
}

static void refused(void)
{
	struct hg_content_spec spec = spec_of(0);

	refuses(spec, -EINVAL, "content 0");
	spec = spec_of(1);
	strcpy(spec.path, "relative");
	refuses(spec, -EINVAL, "absolute");
	strcpy(spec.path, "/nonexistent");
	refuses(spec, -ENOENT, "/nonexistent");
	strcpy(spec.path, "/tmp");
	refuses(spec, -EINVAL, "not a regular file");
	spec = spec_of(1);
	spec.etag[0] = '\0';
	refuses(spec, -EINVAL, "entity tag");
	strcpy(spec.etag, "a\"b");
	refuses(spec, -EINVAL, "byte 1");
	spec = spec_of(1);
	strcpy(spec.type, "a/b\r\nX: y");
	refuses(spec, -EINVAL, "media type");
}

static void segment_sizes(void)
{
	/* Class, MTU of the host's link, payload. */
	CHECK_EQUAL(hg_segment_granules(0 << 1, 1500) * 128, 512);
	CHECK_EQUAL(hg_segment_granules(1 << 1, 1500) * 128, 1152);
	CHECK_EQUAL(hg_segment_granules(2 << 1 | 0x79, 1500) * 128, 1408);
	CHECK_EQUAL(hg_segment_granules(3 << 1, 1500) * 128, 1408);
	CHECK_EQUAL(hg_segment_granules(3 << 1, 9000) * 128, 8832);
	CHECK_EQUAL(hg_segment_granules(2 << 1, 68) * 128, 128);
}

int main(void)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	rendered();
	padded();
	limits();
	cuts();
	exchanged();
	refused();
	changes();
	segment_sizes();
	unlink(path);
	return 0;
}
