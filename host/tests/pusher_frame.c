/* SPDX-License-Identifier: Apache-2.0 */
/* The headers byte for byte, as docs/wire-format.md draws them. */
#include <string.h>

#include "batch.h"
#include "frame.h"
#include "pusher_check.h"

static void headers(void)
{
	static const uint8_t source[HG_MAC_BYTES] = { 0x02, 0, 0, 0, 0, 0x07 };
	static const uint8_t expected[HG_PUSH_FRAME_BYTES] = {
		0x02, 0x48, 0x47, 0x50, 0x55, 0x53, /* destination */
		0x02, 0,    0,	  0,	0,    0x07, /* source */
		0x88, 0xb5,			    /* EtherType */
		0x11, 0x00,			    /* version 1, kind group; TCP flags */
		0x01, 0x02,			    /* group */
		0x00, 0x03,			    /* payload length */
		0x68, 0x34,			    /* its sum: 1234 + 5600 */
		0xde, 0xad, 0xbe, 0xef,		    /* content */
		0x00, 0x00, 0x00, 0x05,		    /* offset, modulo 2^32 */
	};
	static const uint8_t payload[] = { 0x12, 0x34, 0x56 };
	struct hg_push_head head;
	struct hg_push_tail tail;
	uint8_t frame[HG_PUSH_FRAME_BYTES];

	hg_push_head_make(&head, source, 0x0102);
	hg_push_tail_make(&tail, 0xdeadbeef, (1ULL << 32) + 5, payload, sizeof(payload));
	memcpy(frame, &head, sizeof(head));
	memcpy(frame + sizeof(head), &tail, sizeof(tail));
	CHECK(memcmp(frame, expected, sizeof(frame)) == 0);
}

/* Two segments to three groups, beginning in the middle of the first one's turn. */
static void batch_order(void)
{
	static struct hg_batch batch;
	static const struct hg_push_head heads[3];
	static const struct hg_push_tail tails[2];
	static const uint8_t payload[10];

	batch.segments[0] = (struct hg_segment){ payload, &tails[0], 10 };
	batch.segments[1] = (struct hg_segment){ payload, &tails[1], 7 };
	hg_batch_fill(&batch, 2, heads, 3, 2, HG_BATCH_FRAMES);
	CHECK_EQUAL(batch.frames, 4);
	for (uint32_t frame = 0; frame < 4; frame++) {
		CHECK(batch.parts[frame][0].iov_base == &heads[(2 + frame) % 3]);
		CHECK(batch.parts[frame][1].iov_base == &tails[(2 + frame) / 3]);
	}
	CHECK_EQUAL(hg_batch_payload_bytes(&batch, 4), 10 + 3 * 7);
	CHECK_EQUAL(hg_batch_payload_bytes(&batch, 1), 10);
	hg_batch_fill(&batch, 2, heads, 3, 0, 2);
	CHECK_EQUAL(batch.frames, 2);
}

int main(void)
{
	headers();
	batch_order();
	return 0;
}
