/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls in, their fields out; cut at every byte, and with what contradicts itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "pull.h"
#include "pusher_check.h"
#include "tcp_frames.h"

static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static struct pull_frame example(bool ipv4)
{
	return (struct pull_frame){
		.flags = HG_PULL_CURRENT,
		.constants = 0x5D,
		.secret = 9,
		.ingress_port = 3,
		.content = 77,
		.length = 1280,
		.current_position = 256,
		.previous_position = 0xFFFFFF80,
		.key = ipv4 ? ipv4_key(40000) : ipv6_key(40000),
		.vlan_tci = 0x2064,
		.seq = 1000,
		.ack = 0xFFFFFF00,
		.tcp_flags = HG_TCP_ACK | HG_TCP_FIN,
		.window = 502,
		.data = text,
		.data_bytes = sizeof(text) - 1,
	};
}

static void fields(bool ipv4)
{
	struct pull_frame made = example(ipv4);
	uint8_t frame[256];
	size_t bytes = make_pull(frame, &made);
	struct hg_pull pull;

	CHECK_EQUAL(hg_pull_parse(&pull, frame, bytes, bytes), 0);
	CHECK_EQUAL(pull.flags, HG_PULL_CURRENT);
	CHECK_EQUAL(pull.constants, 0x5D);
	CHECK_EQUAL(pull.secret, 9);
	CHECK_EQUAL(pull.ingress_port, 3);
	CHECK_EQUAL(pull.content, 77);
	CHECK_EQUAL(pull.length, 1280);
	CHECK_EQUAL(pull.current_position, 256);
	CHECK_EQUAL(pull.previous_position, 0xFFFFFF80);
	CHECK_EQUAL(pull.vlan_tci, 0x2064);
	CHECK_EQUAL(pull.seq, 1000);
	CHECK_EQUAL(pull.ack, 0xFFFFFF00);
	CHECK_EQUAL(pull.tcp_flags, HG_TCP_ACK | HG_TCP_FIN);
	CHECK_EQUAL(pull.window, 502);
	CHECK(memcmp(&pull.key, &made.key, sizeof(pull.key)) == 0);
	CHECK_EQUAL(pull.client_mac[5], 0xCC);
	CHECK_EQUAL(pull.service_mac[5], 0xAA);
	CHECK_EQUAL(pull.data_bytes, sizeof(text) - 1);
	CHECK(memcmp(pull.data, text, pull.data_bytes) == 0);
	CHECK(!pull.cut);
}

/* Ethernet's padding is none of the segment. */
static void padding(void)
{
	struct pull_frame made = example(true);
	uint8_t frame[256] = { 0 };
	struct hg_pull pull;
	size_t bytes;

	made.data_bytes = 0;
	bytes = make_pull(frame, &made);
	CHECK_EQUAL(hg_pull_parse(&pull, frame, bytes + 6, bytes + 6), 0);
	CHECK_EQUAL(pull.data_bytes, 0);
}

/* At every length: in memory of exactly that size, so that a sanitizer sees what is read beyond. */
static void short_frames(bool ipv4)
{
	struct pull_frame made = example(ipv4);
	uint8_t frame[256];
	size_t bytes = make_pull(frame, &made);

	for (size_t length = 0; length < bytes; length++) {
		uint8_t *copy = malloc(length + 1);
		struct hg_pull pull;

		memcpy(copy + 1, frame, length);
		CHECK_EQUAL(hg_pull_parse(&pull, copy + 1, length, length), -EBADMSG);
		/* The ring's slot ended there, the frame did not: the data that is here can be used. */
		if (length >= bytes - made.data_bytes) {
			CHECK_EQUAL(hg_pull_parse(&pull, copy + 1, length, bytes), 0);
			CHECK(pull.cut);
			CHECK_EQUAL(pull.data_bytes, length - (bytes - made.data_bytes));
			CHECK_EQUAL(pull.tcp_flags & HG_TCP_FIN, 0);
		} else {
			CHECK_EQUAL(hg_pull_parse(&pull, copy + 1, length, bytes), -EBADMSG);
		}
		free(copy);
	}
}

/* Every flipped bit of the client's segment is seen, but for those that no checksum covers. */
static void checksums(bool ipv4)
{
	struct pull_frame made = example(ipv4);
	uint8_t frame[256];
	size_t bytes = make_pull(frame, &made);
	size_t tcp = bytes - made.data_bytes - 20;

	for (size_t bit = tcp * 8; bit < bytes * 8; bit++) {
		struct hg_pull pull;

		frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK(hg_pull_parse(&pull, frame, bytes, bytes) < 0);
		frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void sacks(void)
{
	static const uint8_t options[] = { 1, 1, 5, 18, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 16, 0, 0, 0, 20, 0 };
	struct pull_frame made = example(false);
	uint8_t frame[256];
	struct hg_pull pull;
	size_t bytes;

	memcpy(made.options, options, sizeof(options));
	made.option_bytes = sizeof(options);
	bytes = make_pull(frame, &made);
	CHECK_EQUAL(hg_pull_parse(&pull, frame, bytes, bytes), 0);
	CHECK_EQUAL(pull.sack_count, 2);
	CHECK_EQUAL(pull.sacks[0].left, 1024);
	CHECK_EQUAL(pull.sacks[0].right, 2048);
	CHECK_EQUAL(pull.sacks[1].right, 5120);
	made.options[3] = 1; /* an option shorter than itself */
	bytes = make_pull(frame, &made);
	CHECK_EQUAL(hg_pull_parse(&pull, frame, bytes, bytes), -EBADMSG);
	made.options[3] = 19; /* longer than the header */
	bytes = make_pull(frame, &made);
	CHECK_EQUAL(hg_pull_parse(&pull, frame, bytes, bytes), -EBADMSG);
	made.options[2] = 0; /* the end: what follows does not count */
	bytes = make_pull(frame, &made);
	CHECK_EQUAL(hg_pull_parse(&pull, frame, bytes, bytes), 0);
	CHECK_EQUAL(pull.sack_count, 0);
}

static void icmp(bool ipv4)
{
	struct pull_frame made = example(ipv4);
	uint8_t frame[256];
	struct hg_pull pull;
	size_t bytes;

	made.flags = HG_PULL_ICMP;
	made.mtu = 1280;
	bytes = make_pull(frame, &made);
	CHECK_EQUAL(hg_pull_parse(&pull, frame, bytes, bytes), 0);
	CHECK_EQUAL(pull.mtu, 1280);
	CHECK(memcmp(&pull.key, &made.key, sizeof(pull.key)) == 0);
	for (size_t length = 0; length < bytes - 4; length++)
		CHECK_EQUAL(hg_pull_parse(&pull, frame, length, length), -EBADMSG);
}

static void not_pulls(void)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{ 12, 0x08 },   /* EtherType */
		{ 14, 0x23 },   /* version */
		{ 14, 0x11 },   /* kind */
		{ 16, 0xFF },   /* port beyond the CPU's */
		{ 25, 0x01 },   /* a length that is no multiple of 128 */
		{ 34, 0x80 },   /* constants */
		{ 56, 0x12 },   /* IP version */
	};
	struct pull_frame made = example(true);
	uint8_t frame[256];
	struct hg_pull pull;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t bytes = make_pull(frame, &made);

		frame[changes[i].at] = changes[i].value;
		CHECK_EQUAL(hg_pull_parse(&pull, frame, bytes, bytes), -EBADMSG);
	}
}

int main(void)
{
	for (int ipv4 = 0; ipv4 < 2; ipv4++) {
		fields(ipv4);
		short_frames(ipv4);
		checksums(ipv4);
		icmp(ipv4);
	}
	padding();
	sacks();
	not_pulls();
	return 0;
}
