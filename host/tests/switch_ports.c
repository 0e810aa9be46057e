/* SPDX-License-Identifier: Apache-2.0 */
/* Frames through the whole switch, over veth pairs. argv[1]: the test pipeline. */
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>

#include "switch_lab.h"

static void test_unicast(void)
{
	uint8_t frame[1514];

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	lab_send(lab.host_1, frame, 60);
	lab_expect(lab.host_2, frame, 60);
	lab_send(lab.host_1, frame, sizeof(frame));
	lab_expect(lab.host_2, frame, sizeof(frame));
	EVENTUALLY(lab_port(2).tx_packets == 2);
	CHECK_EQUAL(lab_port(2).tx_bytes, 60 + sizeof(frame));
	CHECK_EQUAL(lab_port(1).rx_packets, 2);
	lab_expect_nothing(lab.host_1);
}

/* Jumbo from port 1 does not fit port 2; a tag's four bytes do. */
static void test_oversized(void)
{
	uint8_t frame[LAB_MTU_2 + 19];

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	lab_send(lab.host_1, frame, sizeof(frame));
	EVENTUALLY(lab_port(2).tx_oversized == 1);
	lab_send(lab.host_1, frame, LAB_MTU_2 + 18); /* not a tag: the kernel refuses it */
	EVENTUALLY(lab_port(2).tx_oversized == 2);
	CHECK_EQUAL(lab_port(2).tx_dropped, 0);
	lab_expect_nothing(lab.host_2);
}

static void test_tag(void)
{
	uint8_t frame[LAB_MTU_2 + 18];

	lab_fill(frame, sizeof(frame), 0x8100);
	frame[14] = 0x60; /* priority 3, VLAN 5 */
	frame[15] = 0x05;
	frame[16] = TYPE_TO_2 >> 8;
	frame[17] = TYPE_TO_2 & 0xff;
	lab_steer(0x8100, "to_port", 2);
	lab_send(lab.host_1, frame, sizeof(frame));
	lab_expect(lab.host_2, frame, sizeof(frame));
	frame[12] = 0x88; /* 802.1ad */
	frame[13] = 0xa8;
	lab_steer(0x88a8, "to_port", 2);
	lab_send(lab.host_1, frame, 100);
	lab_expect(lab.host_2, frame, 100);
}

/* RFC 1071 as it is written: 16-bit words in network order, the last one padded with zero. */
static uint16_t checksum(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void test_unfinished_checksum(void)
{
	enum { LENGTH = 101, START = 54, OFFSET = 6 };
	struct virtio_net_hdr offload = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = START, .csum_offset = OFFSET };
	uint8_t message[sizeof(offload) + LENGTH], *frame = message + sizeof(offload);
	int fd = net_open_offload("h1");
	uint16_t sum;

	memcpy(message, &offload, sizeof(offload));
	lab_fill(frame, LENGTH, TYPE_TO_2);
	lab_send(fd, message, sizeof(message));
	sum = checksum(frame + START, LENGTH - START);
	frame[START + OFFSET] = (uint8_t)(sum >> 8);
	frame[START + OFFSET + 1] = (uint8_t)sum;
	lab_expect(lab.host_2, frame, LENGTH);
	close(fd);
}

/* More copies than any queue on the way holds: none is lost, and their order is the group's. */
static void test_large_group(void)
{
	enum { COPIES = 4096 };
	static struct hg_replica replicas[COPIES];
	uint8_t frame[1400], received[1500];

	for (uint32_t i = 0; i < COPIES; i++) {
		uint8_t address[] = { 2, 0, 0, 0, (uint8_t)((i + 1) >> 8), (uint8_t)(i + 1) };

		replicas[i] = (struct hg_replica){ .port = 2, .instance = i + 1 };
		lab_insert("rewrite", (uint16_t)(i + 1), "set_address", address, sizeof(address));
	}
	CHECK_EQUAL(hg_group_insert(lab.sw, 1, replicas, COPIES), 0);
	lab_fill(frame, sizeof(frame), TYPE_GROUP);
	lab_send(lab.host_1, frame, sizeof(frame));
	for (uint32_t i = 0; i < COPIES; i++) {
		CHECK_EQUAL(net_receive(lab.host_2, received, sizeof(received), LAB_TIMEOUT_MS), sizeof(frame));
		CHECK_EQUAL(received[4] << 8 | received[5], i + 1);
		CHECK(!memcmp(received + 6, frame + 6, sizeof(frame) - 6));
	}
	lab_expect_nothing(lab.host_2);
	CHECK_EQUAL(lab_port(2).tx_dropped, 0);
	CHECK_EQUAL(lab_stats().replicas, COPIES);
}

static void test_cpu_port(void)
{
	struct pollfd readable = { .fd = hg_cpu_fd(lab.sw), .events = POLLIN };
	uint8_t frame[60], received[100];

	CHECK_EQUAL(hg_cpu_receive(lab.sw, received, sizeof(received)), -EAGAIN);
	CHECK_EQUAL(poll(&readable, 1, 0), 0);
	lab_fill(frame, sizeof(frame), TYPE_CPU);
	lab_send(lab.host_2, frame, sizeof(frame));
	CHECK_EQUAL(poll(&readable, 1, LAB_TIMEOUT_MS), 1);
	CHECK_EQUAL(hg_cpu_receive(lab.sw, received, 59), -EMSGSIZE);
	CHECK_EQUAL(hg_cpu_receive(lab.sw, received, sizeof(received)), sizeof(frame));
	CHECK(!memcmp(received, frame, sizeof(frame)));
	CHECK_EQUAL(hg_cpu_receive(lab.sw, received, sizeof(received)), -EAGAIN);
	CHECK_EQUAL(poll(&readable, 1, 0), 0);

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	CHECK_EQUAL(hg_cpu_send(lab.sw, frame, sizeof(frame)), 0);
	lab_expect(lab.host_2, frame, sizeof(frame));
	CHECK_EQUAL(hg_cpu_send(lab.sw, frame, 0), -EMSGSIZE);
}

static void test_cpu_queue_full(void)
{
	enum { SENT = 1000 };
	uint8_t frame[60];
	uint64_t received = 0;

	lab_fill(frame, sizeof(frame), TYPE_CPU);
	for (int i = 0; i < SENT; i++)
		lab_send(lab.host_2, frame, sizeof(frame));
	EVENTUALLY(lab_stats().dropped_cpu_queue > 0);
	usleep(LAB_QUIET_MS * 1000);
	while (hg_cpu_receive(lab.sw, frame, sizeof(frame)) > 0)
		received++;
	CHECK_EQUAL(received + lab_stats().dropped_cpu_queue, SENT);
}

static void test_no_such_port(void)
{
	uint8_t frame[60];

	lab_fill(frame, sizeof(frame), TYPE_NO_PORT);
	lab_send(lab.host_1, frame, sizeof(frame));
	EVENTUALLY(lab_stats().dropped_no_port == 1);
}

int main(int argc, char **argv)
{
	CHECK_EQUAL(argc, 2);
	lab_open(argv[1]);
	test_unicast();
	test_oversized();
	test_tag();
	test_unfinished_checksum();
	test_large_group();
	test_cpu_port();
	test_cpu_queue_full();
	test_no_such_port();
	lab_close();
	return 0;
}
