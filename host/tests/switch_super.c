/* SPDX-License-Identifier: Apache-2.0 */
/* Which frames are joined to a super-frame, and that cutting it up gives them back. */
#include <stdlib.h>

#include "byteorder.h"
#include "cut.h"
#include "gather.h"
#include "switch_check.h"
#include "switch_frames.h"

#define MTU 1500u
#define FRAMES 1024u
#define ACK 0x10
#define PSH 0x08
#define FIN 0x01

static struct payload_sum sum;
static struct gather gather;
static struct frame given[FRAMES]; /* the payloads that `gather` points to */
static uint32_t given_count;

static void give(const struct frame *frame, uint32_t parsed)
{
	struct frame *kept = &given[given_count++];

	*kept = *frame;
	memcpy(gather_room(&gather), kept->bytes, parsed);
	gather_add(&gather, parsed, kept->bytes + parsed, kept->length - parsed);
}

static void restart(void)
{
	gather_restart(&gather);
	sum = (struct payload_sum){ 0 };
	given_count = 0;
}

/* The frames that leave, super-frames cut up again. */
static uint32_t leave(struct frame *out)
{
	static uint8_t super[70000], room[200000];
	struct io_frame cut[SUPER_SEGMENTS];
	uint32_t count = 0;

	for (uint32_t i = 0; i < gather.frame_count; i++) {
		struct gather_frame *frame = &gather.frames[i];
		struct virtio_net_hdr offload;
		uint32_t length = frame->header_bytes, part = frame->first, segments = 1;

		gather_finish(frame, &offload);
		memcpy(super, frame->run.headers, length);
		for (uint32_t s = 0; s < frame->run.segments; s++, part = gather.parts[part].next) {
			memcpy(super + length, gather.parts[part].payload, gather.parts[part].bytes);
			length += gather.parts[part].bytes;
		}
		cut[0] = (struct io_frame){ super, length, 0 };
		if (frame->run.segments > 1) {
			segments = cut_super(super, length, &offload, room, sizeof(room), cut, SUPER_SEGMENTS);
			CHECK_EQUAL(segments, frame->run.segments);
		} else {
			CHECK_EQUAL(offload.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		}
		for (uint32_t s = 0; s < segments; s++) {
			CHECK(cut[s].length <= FRAME_BYTES_MAX);
			out[count].length = cut[s].length;
			memcpy(out[count++].bytes, cut[s].bytes, cut[s].length);
		}
	}
	return count;
}

static bool equal(const struct frame *a, const struct frame *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

/* ---- the rule, pair by pair ------------------------------------------------------ */

enum change {
	NOTHING, SHORTER, LONGER, EMPTY, SAME_SEQ, GAP, PSH_LAST, FIN_LAST, PSH_FIRST, SYN_FLAG, RST_FLAG, URG_FLAG,
	CWR_FLAG, ECE_SECOND, NO_ACK, ACK_NUMBER, WINDOW, URGENT, OPTIONS, OTHER_OPTIONS, TTL, TOS, MAC, TAG, OTHER_TAG,
	PORT, ADDRESS, TRANSPORT_CHECKSUM, IP_CHECKSUM, NO_CHECKSUM, PADDED, FRAGMENT, ID_SAME, ID_JUMPS,
	FRAGMENTABLE_SAME, FRAGMENTABLE_NEXT, OVERSIZED, FLOW_LABEL,
};

struct pair {
	const char *name;
	enum change change; /* what the second is not as the first */
	bool udp, ipv6;
	bool joins;
};

static const struct pair pairs[] = {
	{ "next segment", NOTHING, false, false, true },
	{ "next segment, IPv6", NOTHING, false, true, true },
	{ "datagrams", NOTHING, true, false, true },
	{ "datagrams, IPv6", NOTHING, true, true, true },
	{ "shorter last", SHORTER, false, false, true },
	{ "shorter last datagram", SHORTER, true, true, true },
	{ "longer", LONGER, false, false, false },
	{ "longer datagram", LONGER, true, false, false },
	{ "empty segment", EMPTY, false, true, false },
	{ "empty datagram", EMPTY, true, false, false },
	{ "sent again", SAME_SEQ, false, false, false },
	{ "gap", GAP, false, true, false },
	{ "PSH on the last", PSH_LAST, false, false, true },
	{ "FIN on the last", FIN_LAST, false, true, true },
	{ "PSH on the first", PSH_FIRST, false, false, false },
	{ "SYN", SYN_FLAG, false, false, false },
	{ "RST", RST_FLAG, false, false, false },
	{ "URG", URG_FLAG, false, false, false },
	{ "CWR", CWR_FLAG, false, false, false },
	{ "ECE on the second alone", ECE_SECOND, false, false, false },
	{ "no ACK", NO_ACK, false, false, false },
	{ "another acknowledgement", ACK_NUMBER, false, false, false },
	{ "another window", WINDOW, false, true, false },
	{ "another urgent pointer", URGENT, false, false, false },
	{ "same options", OPTIONS, false, false, true },
	{ "other options", OTHER_OPTIONS, false, true, false },
	{ "another TTL", TTL, false, false, false },
	{ "another hop limit", TTL, true, true, false },
	{ "another traffic class", TOS, false, false, false },
	{ "another flow label", FLOW_LABEL, false, true, false },
	{ "another MAC address", MAC, true, false, false },
	{ "both tagged", TAG, false, false, true },
	{ "both tagged, IPv6 datagrams", TAG, true, true, true },
	{ "another tag", OTHER_TAG, false, false, false },
	{ "another port", PORT, true, false, false },
	{ "another address", ADDRESS, true, true, false },
	{ "wrong checksum", TRANSPORT_CHECKSUM, false, false, false },
	{ "wrong checksum, UDP", TRANSPORT_CHECKSUM, true, true, false },
	{ "wrong IPv4 checksum", IP_CHECKSUM, true, false, false },
	{ "no UDP checksum", NO_CHECKSUM, true, false, false },
	{ "Ethernet's padding", PADDED, true, false, false },
	{ "fragment", FRAGMENT, true, false, false },
	{ "same identification, DF", ID_SAME, false, false, true },
	{ "identification jumps", ID_JUMPS, false, false, false },
	{ "same identification, may be fragmented", FRAGMENTABLE_SAME, true, false, false },
	{ "next identification, may be fragmented", FRAGMENTABLE_NEXT, true, false, true },
	{ "too long for the interface", OVERSIZED, false, false, false },
};

static void make_pair(const struct pair *pair, struct frame frames[2])
{
	struct frame_spec spec[2];
	struct frame *second = &frames[1];
	enum change change = pair->change;

	for (int i = 0; i < 2; i++) {
		spec[i] = (struct frame_spec){ .ipv6 = pair->ipv6, .udp = pair->udp, .flow = 9, .tcp_flags = ACK };
		spec[i].payload_bytes = change == OVERSIZED ? 1461 : 1000;
		spec[i].seq = 0xffffff00u + (uint32_t)i * spec[0].payload_bytes; /* wraps */
		spec[i].id = (uint16_t)(0xffff + i * (change != ID_SAME && change != FRAGMENTABLE_SAME));
		spec[i].tagged = change == TAG || change == OTHER_TAG;
		spec[i].option_bytes = change == OPTIONS || change == OTHER_OPTIONS ? 12 : 0;
		spec[i].may_fragment = change == FRAGMENTABLE_NEXT || change == FRAGMENTABLE_SAME;
	}
	spec[1].payload_bytes = change == SHORTER ? 1 : change == LONGER ? 1001 : change == EMPTY ? 0 : spec[1].payload_bytes;
	spec[1].seq += change == GAP ? 1 : change == SAME_SEQ ? (uint32_t)-1000 : 0;
	spec[1].id = (uint16_t)(spec[1].id + (change == ID_JUMPS));
	spec[change != PSH_FIRST].tcp_flags |= change == PSH_FIRST || change == PSH_LAST ? PSH : change == FIN_LAST ? FIN : 0;
	spec[1].tcp_flags |= change == SYN_FLAG ? 2 : change == RST_FLAG ? 4 : change == URG_FLAG ? 0x20 :
			     change == CWR_FLAG ? 0x80 : change == ECE_SECOND ? 0x40 : 0;
	spec[1].tcp_flags &= (uint8_t)(change == NO_ACK ? ~ACK : 0xff);
	for (int i = 0; i < 2; i++)
		frame_make(&frames[i], &spec[i]);
	second->bytes[second->transport + 11] ^= change == ACK_NUMBER;
	second->bytes[second->transport + 15] ^= change == WINDOW;
	second->bytes[second->transport + 19] ^= change == URGENT;
	second->bytes[second->transport + 31] ^= change == OTHER_OPTIONS;
	second->bytes[second->ip + (pair->ipv6 ? 7 : 8)] ^= change == TTL;
	second->bytes[second->ip + 1] ^= change == TOS;
	second->bytes[second->ip + 3] ^= change == FLOW_LABEL;
	second->bytes[11] ^= change == MAC;
	second->bytes[15] ^= change == OTHER_TAG;
	second->bytes[second->transport + 3] ^= change == PORT;
	second->bytes[second->ip + (pair->ipv6 ? 23 : 15)] ^= change == ADDRESS;
	second->bytes[second->ip + 6] |= change == FRAGMENT ? 0x20 : 0;
	frame_sum(second);
	second->bytes[second->transport + (pair->udp ? 7 : 17)] ^= change == TRANSPORT_CHECKSUM;
	second->bytes[second->ip + 11] ^= change == IP_CHECKSUM;
	if (change == NO_CHECKSUM)
		put16(second->bytes + second->transport + 6, 0);
	second->length += change == PADDED;
}

static void test_pairs(void)
{
	static struct frame frames[2], out[2];

	for (uint32_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		make_pair(&pairs[i], frames);
		/* However much of the headers the program itself parsed. */
		for (uint32_t parsed = 14; parsed <= frames[0].header_bytes; parsed++) {
			restart();
			give(&frames[0], parsed);
			give(&frames[1], parsed < frames[1].header_bytes ? parsed : frames[1].header_bytes);
			if (gather.frame_count != (pairs[i].joins ? 1 : 2)) {
				fprintf(stderr, "%s: %u bytes parsed: %u frames\n", pairs[i].name, parsed,
					gather.frame_count);
				exit(1);
			}
			CHECK_EQUAL(leave(out), 2);
			if (pairs[i].change == ID_SAME) { /* the kernel counts up what has no meaning */
				CHECK_EQUAL(get16(out[1].bytes + 18), (uint16_t)(get16(frames[1].bytes + 18) + 1));
				memcpy(out[1].bytes + 18, frames[1].bytes + 18, 2);
				memcpy(out[1].bytes + 24, frames[1].bytes + 24, 2);
			}
			CHECK(equal(&out[0], &frames[0]) && equal(&out[1], &frames[1]));
		}
	}
}

/* ---- runs ------------------------------------------------------------------------ */

static void give_spec(const struct frame_spec *spec)
{
	struct frame frame;

	frame_make(&frame, spec);
	give(&frame, frame.header_bytes);
}

/* A push after the other to 64 members: one super-frame for each member. */
static void test_interleaved_flows(void)
{
	enum { FLOWS = 64, PUSHES = 16 };

	restart();
	for (uint32_t push = 0; push < PUSHES; push++)
		for (uint8_t flow = 0; flow < FLOWS; flow++)
			give_spec(&(struct frame_spec){ .udp = true, .flow = flow, .payload_bytes = 500, .seq = push });
	CHECK_EQUAL(gather.frame_count, FLOWS);
}

/* No longer than IP can say, nor more than the kernel takes. */
static void test_limits(void)
{
	restart();
	for (uint32_t i = 0; i < 47; i++)
		give_spec(&(struct frame_spec){ .seq = i * 1408, .payload_bytes = 1408, .tcp_flags = ACK });
	CHECK_EQUAL(gather.frame_count, 2);
	CHECK_EQUAL(gather.frames[0].run.segments, 46); /* 64,808 bytes */
	restart();
	for (uint32_t i = 0; i < SUPER_SEGMENTS + 1; i++)
		give_spec(&(struct frame_spec){ .udp = true, .payload_bytes = 8, .seq = i });
	CHECK_EQUAL(gather.frame_count, 2);
	CHECK_EQUAL(gather.frames[0].run.segments, SUPER_SEGMENTS);
}

/* What closes a run: a short segment, one that is sent again, a frame of no known flow. */
static void test_closing(void)
{
	const struct frame_spec one = { .seq = 0, .payload_bytes = 100, .tcp_flags = ACK };
	struct frame_spec next = one;
	struct frame arp = { .length = 60, .header_bytes = 14, .bytes = { [12] = 8, [13] = 6 } };

	restart();
	give_spec(&one);
	give(&arp, 14);
	next.seq = 100;
	give_spec(&next);
	CHECK_EQUAL(gather.frame_count, 3);
	next.seq = 200;
	next.payload_bytes = 50;
	give_spec(&next);
	CHECK_EQUAL(gather.frame_count, 3);
	next.seq = 250;
	give_spec(&next);
	CHECK_EQUAL(gather.frame_count, 4);
	give_spec(&one);
	next.seq = 300;
	give_spec(&next);
	CHECK_EQUAL(gather.frame_count, 6);
}

/* Any mixture comes out flow by flow as it went in. */
static void test_random_mixtures(void)
{
	enum { FLOWS = 8, ROUNDS = 300, LENGTH = 200 };
	static struct frame out[LENGTH];
	uint64_t random = 7;

	for (int round = 0; round < ROUNDS; round++) {
		struct frame_spec at[FLOWS];
		uint32_t next[FLOWS] = { 0 };

		restart();
		for (uint8_t f = 0; f < FLOWS; f++)
			at[f] = (struct frame_spec){ .ipv6 = f & 1, .udp = f & 2, .tagged = f & 4, .flow = f,
						     .payload_bytes = 200, .tcp_flags = ACK };
		for (int i = 0; i < LENGTH; i++) {
			struct frame_spec *spec = &at[check_random(&random) % FLOWS];
			uint32_t dice = check_random(&random) % 20;

			spec->payload_bytes = dice == 0 ? 100 : dice == 1 ? 0 : 200;
			spec->tcp_flags = dice == 2 ? ACK | PSH : dice == 3 ? ACK | FIN : ACK;
			spec->seq += dice == 4 ? 11 : 0;
			give_spec(spec);
			spec->seq += spec->payload_bytes;
			spec->id++;
		}
		CHECK_EQUAL(leave(out), LENGTH);
		for (int i = 0; i < LENGTH; i++) {
			uint8_t flow = out[i].bytes[5];

			while (given[next[flow]].bytes[5] != flow)
				next[flow]++;
			CHECK(equal(&out[i], &given[next[flow]++]));
		}
	}
}

/* What a vnet header may say that is not so: nothing is cut, or what is there. */
static void test_bad_supers(void)
{
	static uint8_t room[20000];
	struct virtio_net_hdr offload = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 100 };
	struct io_frame cut[10];
	struct frame frame;

	frame_make(&frame, &(struct frame_spec){ .payload_bytes = 1000, .tcp_flags = ACK | PSH });
	CHECK_EQUAL(cut_super(frame.bytes, frame.length, &offload, room, sizeof(room), cut, 10), 10);
	CHECK_EQUAL(cut_super(frame.bytes, frame.length, &offload, room, sizeof(room), cut, 9), 0);
	CHECK_EQUAL(cut_super(frame.bytes, frame.length, &offload, room, 1000, cut, 10), 0);
	CHECK_EQUAL(cut_super(frame.bytes, 53, &offload, room, sizeof(room), cut, 10), 0);
	offload.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	CHECK_EQUAL(cut_super(frame.bytes, frame.length, &offload, room, sizeof(room), cut, 10), 0);
	offload.gso_type = VIRTIO_NET_HDR_GSO_UDP; /* fragments: a kernel since 4.14 makes none */
	CHECK_EQUAL(cut_super(frame.bytes, frame.length, &offload, room, sizeof(room), cut, 10), 0);
	offload.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	offload.gso_size = 0;
	CHECK_EQUAL(cut_super(frame.bytes, frame.length, &offload, room, sizeof(room), cut, 10), 0);
}

/* CWR is the first segment's alone. */
static void test_cut_cwr(void)
{
	static uint8_t room[4000];
	struct virtio_net_hdr offload = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, .gso_size = 500 };
	struct io_frame cut[2];
	struct frame frame;

	frame_make(&frame, &(struct frame_spec){ .payload_bytes = 1000, .tcp_flags = ACK | PSH | 0x80 });
	CHECK_EQUAL(cut_super(frame.bytes, frame.length, &offload, room, sizeof(room), cut, 2), 2);
	CHECK_EQUAL(cut[0].bytes[34 + 13], ACK | 0x80);
	CHECK_EQUAL(cut[1].bytes[34 + 13], ACK | PSH);
}

int main(void)
{
	CHECK_EQUAL(gather_init(&gather, FRAMES, MTU, &sum), 0);
	gather.tcp = gather.udp = true;
	test_pairs();
	test_interleaved_flows();
	test_limits();
	test_closing();
	test_random_mixtures();
	test_bad_supers();
	test_cut_cwr();
	gather_clear(&gather);
	return 0;
}
