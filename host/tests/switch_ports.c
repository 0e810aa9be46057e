/* SPDX-License-Identifier: Apache-2.0 */
/* The whole path over veth pairs: port 1 is s1 (a host's h1 behind it), port 2 s2. argv[1]: the test pipeline. */
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "hg_switch.h"
#include "switch_check.h"
#include "switch_net.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* since Linux 6.2's headers */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define MTU 9000u /* port 1's */
#define SMALL_MTU 1500u /* port 2's */
#define TIMEOUT_MS 5000
#define QUIET_MS 100

#define TYPE_TO_2 0x88b6
#define TYPE_GROUP 0x88b5
#define TYPE_CPU 0x0806
#define TYPE_NO_PORT 0x1234

static struct hg_switch *sw;
static struct hg_loaded *loaded;
static int host_1, host_2;

static void insert(const char *table, uint16_t key_value, const char *action, const uint8_t *params, uint32_t params_bytes)
{
	uint8_t key[] = { (uint8_t)(key_value >> 8), (uint8_t)key_value };
	uint32_t index = (uint32_t)hg_table_index(loaded, table);
	struct hg_flat_entry entry = {
		.key = key,
		.action = (uint32_t)hg_action_index(loaded, index, action),
		.params = params,
		.params_bytes = params_bytes,
	};

	CHECK_EQUAL(hg_entry_insert(sw, loaded, index, &entry), 0);
}

static void steer(uint16_t ether_type, const char *action, uint16_t param)
{
	uint8_t params[] = { (uint8_t)(param >> 8), (uint8_t)param };

	insert("steer", ether_type, action, params, param ? sizeof(params) : 0);
}

static void set_up(const char *pipeline)
{
	const struct hg_switch_config config = { .cpu_port = 510 };
	char error[HG_ERROR_BYTES];

	net_add_pair("s1", "h1", MTU);
	net_add_pair("s2", "h2", SMALL_MTU);
	CHECK_EQUAL(hg_switch_new(&config, &sw, error), 0);
	CHECK_EQUAL(hg_port_add(sw, 3, "nothing", error), -ENODEV);
	CHECK(strstr(error, "nothing"));
	CHECK_EQUAL(hg_port_add(sw, 2, "s2", error), 0);
	CHECK_EQUAL(hg_port_add(sw, 1, "s1", error), 0);
	CHECK_EQUAL(hg_port_add(sw, 1, "s2", error), -EEXIST);
	CHECK_EQUAL(hg_port_add(sw, 510, "lo", error), -EINVAL);
	host_1 = net_open("h1");
	host_2 = net_open("h2");

	CHECK_EQUAL(hg_pipeline_load(sw, pipeline, &loaded, error), 0);
	CHECK_EQUAL(hg_pipeline_commit(sw, loaded), 0);
	steer(TYPE_TO_2, "to_port", 2);
	steer(TYPE_GROUP, "to_group", 1);
	steer(TYPE_CPU, "to_cpu", 0);
	steer(TYPE_NO_PORT, "to_port", 77);
	CHECK_EQUAL(hg_switch_start(sw, error), 0);
	CHECK_EQUAL(hg_switch_start(sw, error), -EALREADY);
}

static struct hg_port_stats port_stats(uint32_t port)
{
	struct hg_port_stats stats[2];

	CHECK_EQUAL(hg_port_list(sw, stats, 2), 2);
	CHECK_EQUAL(stats[port - 1].port, port);
	return stats[port - 1];
}

static struct hg_switch_stats switch_stats(void)
{
	struct hg_switch_stats stats;

	hg_switch_stats_get(sw, &stats);
	return stats;
}

/* Polls until the condition holds: what another thread does is soon, not now. */
#define EVENTUALLY(condition)                                                        \
	do {                                                                         \
		for (int tries_ = 0; !(condition); tries_++) {                       \
			CHECK(tries_ < TIMEOUT_MS && #condition);                    \
			usleep(1000);                                                \
		}                                                                    \
	} while (0)

static void fill(uint8_t *frame, uint32_t length, uint16_t ether_type)
{
	for (uint32_t i = 0; i < length; i++)
		frame[i] = (uint8_t)(i * 7);
	frame[0] = 2; /* unicast, locally administered */
	frame[12] = (uint8_t)(ether_type >> 8);
	frame[13] = (uint8_t)ether_type;
}

static void send_frame(int fd, const uint8_t *frame, uint32_t length)
{
	CHECK_EQUAL(write(fd, frame, length), length);
}

static void expect(int fd, const uint8_t *frame, uint32_t length)
{
	uint8_t received[HG_MAX_FRAME_BYTES + 4];

	CHECK_EQUAL(net_receive(fd, received, sizeof(received), TIMEOUT_MS), length);
	CHECK(!memcmp(received, frame, length));
}

static void expect_nothing(int fd)
{
	uint8_t received[HG_MAX_FRAME_BYTES + 4];

	CHECK_EQUAL(net_receive(fd, received, sizeof(received), QUIET_MS), -1);
}

static void test_unicast(void)
{
	uint8_t frame[1514];

	fill(frame, sizeof(frame), TYPE_TO_2);
	send_frame(host_1, frame, 60);
	expect(host_2, frame, 60);
	send_frame(host_1, frame, sizeof(frame));
	expect(host_2, frame, sizeof(frame));
	EVENTUALLY(port_stats(2).tx_packets == 2);
	CHECK_EQUAL(port_stats(2).tx_bytes, 60 + sizeof(frame));
	CHECK_EQUAL(port_stats(1).rx_packets, 2);
	expect_nothing(host_1);
}

/* Jumbo from port 1 does not fit port 2; a tag's four bytes do. */
static void test_oversized(void)
{
	uint8_t frame[SMALL_MTU + 19];

	fill(frame, sizeof(frame), TYPE_TO_2);
	send_frame(host_1, frame, sizeof(frame));
	EVENTUALLY(port_stats(2).tx_oversized == 1);
	send_frame(host_1, frame, SMALL_MTU + 18); /* not a tag: the kernel refuses it */
	EVENTUALLY(port_stats(2).tx_oversized == 2);
	CHECK_EQUAL(port_stats(2).tx_dropped, 0);
	expect_nothing(host_2);
}

static void test_tag(void)
{
	uint8_t frame[SMALL_MTU + 18];

	fill(frame, sizeof(frame), 0x8100);
	frame[14] = 0x60; /* priority 3, VLAN 5 */
	frame[15] = 0x05;
	frame[16] = TYPE_TO_2 >> 8;
	frame[17] = TYPE_TO_2 & 0xff;
	steer(0x8100, "to_port", 2);
	send_frame(host_1, frame, sizeof(frame));
	expect(host_2, frame, sizeof(frame));
	frame[12] = 0x88; /* 802.1ad */
	frame[13] = 0xa8;
	steer(0x88a8, "to_port", 2);
	send_frame(host_1, frame, 100);
	expect(host_2, frame, 100);
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
	fill(frame, LENGTH, TYPE_TO_2);
	send_frame(fd, message, sizeof(message));
	sum = checksum(frame + START, LENGTH - START);
	frame[START + OFFSET] = (uint8_t)(sum >> 8);
	frame[START + OFFSET + 1] = (uint8_t)sum;
	expect(host_2, frame, LENGTH);
	close(fd);
}

static void test_super_frame(void)
{
	uint8_t message[sizeof(struct virtio_net_hdr) + 2842], *frame = message + sizeof(struct virtio_net_hdr);
	struct virtio_net_hdr offload = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		.hdr_len = 42, .gso_size = 1400, .csum_start = 34, .csum_offset = 6,
	};
	const uint8_t ip_udp[] = {
		0x45, 0, 2828 >> 8, 2828 & 0xff, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x10, 0, 0x20, 0, 2808 >> 8, 2808 & 0xff, 0, 0,
	};
	uint64_t dropped = port_stats(1).rx_dropped;
	int fd = net_open_offload("h1");

	fill(frame, 2842, 0x0800);
	memcpy(frame + 14, ip_udp, sizeof(ip_udp));
	memcpy(message, &offload, sizeof(offload));
	send_frame(fd, message, sizeof(message));
	EVENTUALLY(port_stats(1).rx_dropped == dropped + 1);
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
		insert("rewrite", (uint16_t)(i + 1), "set_address", address, sizeof(address));
	}
	CHECK_EQUAL(hg_group_insert(sw, 1, replicas, COPIES), 0);
	fill(frame, sizeof(frame), TYPE_GROUP);
	send_frame(host_1, frame, sizeof(frame));
	for (uint32_t i = 0; i < COPIES; i++) {
		CHECK_EQUAL(net_receive(host_2, received, sizeof(received), TIMEOUT_MS), sizeof(frame));
		CHECK_EQUAL(received[4] << 8 | received[5], i + 1);
		CHECK(!memcmp(received + 6, frame + 6, sizeof(frame) - 6));
	}
	expect_nothing(host_2);
	CHECK_EQUAL(port_stats(2).tx_dropped, 0);
	CHECK_EQUAL(switch_stats().replicas, COPIES);
}

static void test_cpu_port(void)
{
	struct pollfd readable = { .fd = hg_cpu_fd(sw), .events = POLLIN };
	uint8_t frame[60], received[100];

	CHECK_EQUAL(hg_cpu_receive(sw, received, sizeof(received)), -EAGAIN);
	CHECK_EQUAL(poll(&readable, 1, 0), 0);
	fill(frame, sizeof(frame), TYPE_CPU);
	send_frame(host_2, frame, sizeof(frame));
	CHECK_EQUAL(poll(&readable, 1, TIMEOUT_MS), 1);
	CHECK_EQUAL(hg_cpu_receive(sw, received, 59), -EMSGSIZE);
	CHECK_EQUAL(hg_cpu_receive(sw, received, sizeof(received)), sizeof(frame));
	CHECK(!memcmp(received, frame, sizeof(frame)));
	CHECK_EQUAL(hg_cpu_receive(sw, received, sizeof(received)), -EAGAIN);
	CHECK_EQUAL(poll(&readable, 1, 0), 0);

	fill(frame, sizeof(frame), TYPE_TO_2);
	CHECK_EQUAL(hg_cpu_send(sw, frame, sizeof(frame)), 0);
	expect(host_2, frame, sizeof(frame));
	CHECK_EQUAL(hg_cpu_send(sw, frame, 0), -EMSGSIZE);
}

static void test_cpu_queue_full(void)
{
	enum { SENT = 1000 };
	uint8_t frame[60];
	uint64_t received = 0;

	fill(frame, sizeof(frame), TYPE_CPU);
	for (int i = 0; i < SENT; i++)
		send_frame(host_2, frame, sizeof(frame));
	EVENTUALLY(switch_stats().dropped_cpu_queue > 0);
	usleep(QUIET_MS * 1000);
	while (hg_cpu_receive(sw, frame, sizeof(frame)) > 0)
		received++;
	CHECK_EQUAL(received + switch_stats().dropped_cpu_queue, SENT);
}

static void test_no_such_port(void)
{
	uint8_t frame[60];

	fill(frame, sizeof(frame), TYPE_NO_PORT);
	send_frame(host_1, frame, sizeof(frame));
	EVENTUALLY(switch_stats().dropped_no_port == 1);
}

static void test_down_and_up(void)
{
	uint64_t dropped = port_stats(2).tx_dropped;
	uint8_t frame[60];

	fill(frame, sizeof(frame), TYPE_TO_2);
	net_set_up("s2", false);
	EVENTUALLY(!port_stats(2).up);
	send_frame(host_1, frame, sizeof(frame));
	EVENTUALLY(port_stats(2).tx_dropped == dropped + 1);
	net_set_up("s2", true);
	EVENTUALLY(port_stats(2).up);
	send_frame(host_1, frame, sizeof(frame));
	expect(host_2, frame, sizeof(frame));
}

static void test_vanish_and_return(void)
{
	uint8_t frame[60];
	uint64_t dropped = port_stats(2).tx_dropped;

	fill(frame, sizeof(frame), TYPE_TO_2);
	close(host_2);
	net_delete("s2");
	EVENTUALLY(!port_stats(2).up);
	send_frame(host_1, frame, sizeof(frame));
	EVENTUALLY(port_stats(2).tx_dropped == dropped + 1);
	net_add_pair("s2", "h2", SMALL_MTU);
	host_2 = net_open("h2");
	EVENTUALLY(port_stats(2).up);
	send_frame(host_1, frame, sizeof(frame));
	expect(host_2, frame, sizeof(frame));
	fill(frame, sizeof(frame), TYPE_CPU);
	send_frame(host_2, frame, sizeof(frame));
	EVENTUALLY(hg_cpu_receive(sw, frame, sizeof(frame)) > 0);
}

static uint64_t cpu_time_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* An idle switch sleeps: also after an interface went away under it. */
static void test_idle(void)
{
	uint64_t before = cpu_time_ns();

	usleep(500000);
	CHECK(cpu_time_ns() - before < 20000000);
}

static void test_removal(void)
{
	uint8_t frame[60];

	fill(frame, sizeof(frame), TYPE_TO_2);
	CHECK_EQUAL(hg_port_remove(sw, 3), -ENOENT);
	CHECK_EQUAL(hg_port_remove(sw, 2), 0);
	send_frame(host_1, frame, sizeof(frame));
	EVENTUALLY(switch_stats().dropped_no_port == 2);
	CHECK_EQUAL(hg_switch_stop(sw), 0);
	CHECK_EQUAL(hg_port_remove(sw, 1), 0);
}

int main(int argc, char **argv)
{
	CHECK_EQUAL(argc, 2);
	net_isolate();
	set_up(argv[1]);
	test_unicast();
	test_oversized();
	test_tag();
	test_unfinished_checksum();
	test_super_frame();
	test_large_group();
	test_cpu_port();
	test_cpu_queue_full();
	test_no_such_port();
	test_down_and_up();
	test_vanish_and_return();
	test_idle();
	test_removal();
	hg_switch_free(sw);
	return 0;
}
