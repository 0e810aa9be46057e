/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "error.h"

/* A full transmit queue is tried again after 50 us, doubled each time: 12.8 ms in all. */
#define RETRY_NS 50000
#define RETRIES 8

/* As long as a frame with 16 bits of length can be; what stands before a run's payload is more than IP and TCP. */
#define RUN_MTU 65535

/* The next frame's headers but for a flow's; their place. NULL: it is not of the response, and is not sent. */
static uint8_t *put_push(struct hg_outbox *outbox, struct hg_content *content, const struct hg_response *response,
			 uint32_t header_bytes, const struct hg_segment *segment)
{
	static const uint8_t octet; /* its sum is 0 */
	uint8_t *headers;
	struct iovec *parts;
	uint32_t count = 1;
	uint16_t sum = 0;

	if (response && !hg_segment_fits(response, segment->position, segment->bytes))
		return NULL;
	if (outbox->count == HG_OUTBOX_FRAMES)
		hg_outbox_flush(outbox);
	headers = outbox->headers[outbox->count];
	parts = outbox->parts[outbox->count];
	if (response) {
		count += hg_segment_parts(response, segment->position, segment->bytes, parts + 1);
		sum = hg_segment_sum(response, segment->position, segment->bytes);
	} else if (segment->bytes) {
		/* sendmmsg() only reads; struct iovec has no const. */
		parts[count++] = (struct iovec){ (void *)&octet, sizeof(octet) };
	}
	hg_segment_headers(headers, outbox->link.mac, content ? content->spec.id : 0, segment, sum);
	parts[0] = (struct iovec){ headers, header_bytes };
	outbox->contents[outbox->count] = content;
	outbox->segments[outbox->count] = segment->bytes > segment->cut ? (uint16_t)segment->cut : 0;
	outbox->messages[outbox->count].msg_hdr = (struct msghdr){ .msg_iov = parts, .msg_iovlen = count };
	outbox->count++;
	outbox->put_bytes += segment->bytes;
	return headers;
}

bool hg_outbox_put(struct hg_outbox *outbox, const struct hg_flow_header *flow, struct hg_content *content,
		   const struct hg_response *response, uint32_t position, uint32_t bytes, uint32_t segment,
		   uint8_t tcp_flags)
{
	const struct hg_segment push = { HG_PUSH_KIND_FLOW, 0, tcp_flags, position, bytes, segment };
	uint8_t *headers = put_push(outbox, content, response, HG_FLOW_FRAME_BYTES, &push);

	if (!headers)
		return false;
	memcpy(headers + HG_PUSH_FRAME_BYTES, flow, sizeof(*flow));
	if (response) {
		outbox->counters->values[HG_TCP_segments] += (bytes + segment - 1) / segment;
		outbox->counters->values[HG_TCP_segment_bytes] += bytes;
	} else {
		outbox->counters->values[HG_TCP_acks]++;
	}
	return true;
}

bool hg_outbox_put_group(struct hg_outbox *outbox, uint16_t group, struct hg_content *content,
			 const struct hg_response *response, uint32_t position, uint32_t bytes, uint32_t segment,
			 uint8_t tcp_flags)
{
	const struct hg_segment push = { HG_PUSH_KIND_GROUP, group, tcp_flags, position, bytes, segment };

	if (!put_push(outbox, content, response, HG_PUSH_FRAME_BYTES, &push))
		return false;
	outbox->counters->values[HG_TCP_cohort_pushes]++;
	outbox->counters->values[HG_TCP_cohort_push_bytes] += bytes;
	return true;
}

uint32_t hg_outbox_run(const struct hg_outbox *outbox)
{
	uint32_t overhead = HG_BUNDLE_BYTES + HG_BUNDLE_ENTRY_BYTES + HG_FLOW_FRAME_BYTES;
	uint32_t mtu = outbox->link.mtu < RUN_MTU ? outbox->link.mtu : RUN_MTU;

	return outbox->link.bundles && mtu > overhead ? mtu - overhead : 0;
}

static void unreadable(struct hg_content *content)
{
	char error[HG_PUSHER_ERROR_BYTES];

	if (!content || !hg_content_serves(content))
		return;
	if (hg_content_check(content, error) == 0)
		hg_fail(error, 0, "%s: cannot be read", content->spec.path);
	hg_content_withdraw(content, error);
}

/* How many of the frames, which begin at `at`, are done with after an error. */
static uint32_t give_up(struct hg_outbox *outbox, uint32_t at, int reason)
{
	switch (reason) {
	case ENETDOWN:
	case ENXIO: /* what a packet socket says when its interface has been deleted */
	case ENODEV:
		outbox->link_lost = true;
		return outbox->count - at;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return outbox->count - at;
	case EFAULT:
		unreadable(outbox->contents[at]);
		return 1;
	default:
		return 1;
	}
}

static bool is_full(int reason)
{
	return reason == EAGAIN || reason == ENOBUFS || reason == ENOMEM;
}

static void wait_for_queue(struct hg_outbox *outbox, int reason, uint32_t retry)
{
	struct timespec time = { .tv_nsec = RETRY_NS << retry };
	struct pollfd fd = { .fd = outbox->link.fd, .events = POLLOUT };

	/* EAGAIN: the socket's buffer is full, and poll() sees that; else the driver's queue is. */
	ppoll(&fd, reason == EAGAIN ? 1 : 0, &time, NULL);
}

void hg_outbox_flush(struct hg_outbox *outbox)
{
	uint32_t retry = 0;

	for (uint32_t at = 0; at < outbox->count;) {
		int sent = hg_bundler_send(&outbox->bundler, &outbox->link, outbox->messages + at,
					   outbox->segments + at, outbox->count - at);

		if (sent > 0) {
			at += (uint32_t)sent;
			retry = 0;
		} else if (errno == EINTR) {
			continue;
		} else if (is_full(errno) && retry < RETRIES) {
			outbox->counters->values[HG_TCP_send_retries]++;
			wait_for_queue(outbox, errno, retry++);
		} else {
			uint32_t dropped = give_up(outbox, at, errno);

			outbox->counters->values[HG_TCP_send_dropped] += dropped;
			at += dropped;
		}
	}
	outbox->count = 0;
}
