/* SPDX-License-Identifier: Apache-2.0 */
/* Super-frames and bundles through the whole switch, over veth pairs. argv[1]: the test pipeline. */
#include <linux/virtio_net.h>
#include <sys/socket.h>

#include "bundle.h"
#include "byteorder.h"
#include "super.h"
#include "switch_frames.h"
#include "switch_lab.h"

#define ACK 0x10
#define PSH 0x08
#define SEGMENTS 20u
#define SEGMENT_BYTES 1000u
#define SUPER_BYTES_MAX 65549u
#define BUNDLE_BYTES_MAX 65549u

static void make_segments(struct frame frames[SEGMENTS], struct frame_spec spec)
{
	spec.payload_bytes = SEGMENT_BYTES;
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		spec.tcp_flags = i + 1 == SEGMENTS ? ACK | PSH : ACK;
		if (i + 1 == SEGMENTS)
			spec.payload_bytes = 123;
		frame_make(&frames[i], &spec);
		spec.seq += SEGMENT_BYTES;
		spec.id++;
	}
}

static struct frame_spec flow_of(uint32_t kind)
{
	return (struct frame_spec){ .ipv6 = kind & 1, .udp = kind & 2, .tagged = kind & 4, .flow = 3, .seq = 0xfffffff0 };
}

/* Each segment reaches host 2, whether the kernel cuts on the way or hands on what was joined. */
static void expect_segments(const struct frame frames[SEGMENTS])
{
	for (uint32_t i = 0; i < SEGMENTS; i++)
		lab_expect(lab.host_2, frames[i].bytes, frames[i].length);
}

/*
 * A client's super-frame comes in by port 1; the pipeline sees its segments (they are
 * counted), they leave by port 2 joined again, and port 2's interface, which has no
 * offload of its own, has the kernel cut them up.
 */
static void test_from_a_client(void)
{
	static struct frame frames[SEGMENTS];
	static uint8_t message[SUPER_BYTES_MAX];
	int fd = net_open_offload("h1");

	for (uint32_t kind = 0; kind < 8; kind++) {
		struct hg_port_stats in = lab_port(1), out = lab_port(2);
		uint64_t packets = lab_stats().ingress_packets;
		uint32_t length;

		make_segments(frames, flow_of(kind));
		length = frame_join(message, frames, SEGMENTS);
		lab_send(fd, message, length);
		expect_segments(frames);
		EVENTUALLY(lab_port(2).tx_packets == out.tx_packets + SEGMENTS);
		CHECK_EQUAL(lab_port(1).rx_packets, in.rx_packets + SEGMENTS);
		CHECK_EQUAL(lab_port(1).rx_supers, in.rx_supers + 1);
		CHECK_EQUAL(lab_port(1).rx_super_segments, in.rx_super_segments + SEGMENTS);
		CHECK_EQUAL(lab_port(2).tx_supers, out.tx_supers + 1);
		CHECK_EQUAL(lab_port(2).tx_super_segments, out.tx_super_segments + SEGMENTS);
		CHECK_EQUAL(lab_stats().ingress_packets, packets + SEGMENTS);
	}
	close(fd);
}

/* ---- bundles ------------------------------------------------------------------- */

static uint8_t bundle[BUNDLE_BYTES_MAX];
static uint32_t bundle_bytes;

static void start_bundle(void)
{
	memset(bundle, 0, HG_BUNDLE_FRAME_BYTES);
	bundle[0] = 2;
	put16(bundle + 12, HG_ETHERTYPE_PUSH);
	bundle[HG_ETHERNET_BYTES] = HG_PUSH_VERSION << 4 | HG_PUSH_KIND_BUNDLE;
	bundle_bytes = HG_BUNDLE_FRAME_BYTES;
}

static void add_push(const uint8_t *frame, uint32_t length, uint32_t claimed, uint32_t segment_bytes)
{
	put16(bundle + bundle_bytes, (uint16_t)claimed);
	put16(bundle + bundle_bytes + 2, (uint16_t)segment_bytes);
	memcpy(bundle + bundle_bytes + HG_BUNDLE_ENTRY_BYTES, frame, length);
	bundle_bytes += HG_BUNDLE_ENTRY_BYTES + length;
}

static void test_bundle(void)
{
	static struct frame frames[SEGMENTS];
	struct hg_port_stats before = lab_port(1);

	for (uint32_t kind = 0; kind < 8; kind++) {
		make_segments(frames, flow_of(kind));
		start_bundle();
		for (uint32_t i = 0; i < SEGMENTS; i++)
			add_push(frames[i].bytes, frames[i].length, frames[i].length, 0);
		lab_send(lab.host_1, bundle, bundle_bytes);
		expect_segments(frames);
	}
	CHECK_EQUAL(lab_port(1).rx_bundles, before.rx_bundles + 8);
	CHECK_EQUAL(lab_port(1).rx_bundle_pushes, before.rx_bundle_pushes + 8 * SEGMENTS);
	CHECK_EQUAL(lab_port(1).rx_bundle_malformed, before.rx_bundle_malformed);
}

/* One long frame goes through the pipeline once and leaves as its segments. */
static void test_run_in_a_bundle(void)
{
	static struct frame frames[SEGMENTS];
	static uint8_t run[SUPER_BYTES_MAX];

	for (uint32_t kind = 0; kind < 8; kind++) {
		uint64_t packets = lab_stats().ingress_packets;
		uint32_t length = 0;

		make_segments(frames, flow_of(kind));
		length = frame_join(run, frames, SEGMENTS) - (uint32_t)sizeof(struct virtio_net_hdr);
		frame_sum_long(run + sizeof(struct virtio_net_hdr), length);
		start_bundle();
		add_push(run + sizeof(struct virtio_net_hdr), length, length, SEGMENT_BYTES);
		lab_send(lab.host_1, bundle, bundle_bytes);
		expect_segments(frames);
		CHECK_EQUAL(lab_stats().ingress_packets, packets + 1);
	}
}

/* What cannot be cut is counted: a wrong sum, segments too long for the port, neither TCP nor UDP. */
static void test_bad_runs(void)
{
	static struct frame frames[SEGMENTS];
	static uint8_t run[SUPER_BYTES_MAX], *frame = run + sizeof(struct virtio_net_hdr);
	uint64_t before = lab_port(2).tx_uncut;
	uint32_t length;

	make_segments(frames, flow_of(0));
	length = frame_join(run, frames, SEGMENTS) - (uint32_t)sizeof(struct virtio_net_hdr);
	start_bundle();
	add_push(frame, length, length, SEGMENT_BYTES); /* its checksum is the pseudo-header's alone */
	frame_sum_long(frame, length);
	add_push(frame, length, length, LAB_MTU_2);
	put16(frame + 12, TYPE_TO_2);
	add_push(frame, length, length, SEGMENT_BYTES);
	lab_send(lab.host_1, bundle, bundle_bytes);
	EVENTUALLY(lab_port(2).tx_uncut == before + 3);
	lab_expect_nothing(lab.host_2);
}

/* What was good before the broken place arrives, the rest does not. */
static void test_malformed_bundles(void)
{
	uint64_t before = lab_port(1).rx_bundle_malformed;
	uint8_t frame[100];

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	start_bundle();
	add_push(frame, sizeof(frame), sizeof(frame), 0);
	add_push(frame, sizeof(frame), sizeof(frame) + 1, 0);
	lab_send(lab.host_1, bundle, bundle_bytes);
	lab_expect(lab.host_2, frame, sizeof(frame));
	EVENTUALLY(lab_port(1).rx_bundle_malformed == before + 1);
	start_bundle();
	add_push(frame, sizeof(frame), 13, 0);
	lab_send(lab.host_1, bundle, bundle_bytes);
	EVENTUALLY(lab_port(1).rx_bundle_malformed == before + 2);
	start_bundle();
	lab_send(lab.host_1, bundle, bundle_bytes);
	EVENTUALLY(lab_port(1).rx_bundle_malformed == before + 3);
	start_bundle();
	add_push(frame, sizeof(frame), sizeof(frame), 0);
	memset(bundle + bundle_bytes, 0, 9); /* as Ethernet pads */
	lab_send(lab.host_1, bundle, bundle_bytes + 9);
	lab_expect(lab.host_2, frame, sizeof(frame));
	bundle[bundle_bytes + 8] = 1;
	lab_send(lab.host_1, bundle, bundle_bytes + 9);
	lab_expect(lab.host_2, frame, sizeof(frame));
	EVENTUALLY(lab_port(1).rx_bundle_malformed == before + 4);
	lab_expect_nothing(lab.host_2);
}

/* By a port that nobody said it of, a bundle is a frame like any other. */
static void test_bundle_elsewhere(void)
{
	uint8_t frame[100];

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	start_bundle();
	add_push(frame, sizeof(frame), sizeof(frame), 0);
	lab_send(lab.host_2, bundle, bundle_bytes);
	EVENTUALLY(lab_stats().dropped_no_group == 1);
	CHECK_EQUAL(lab_port(2).rx_bundles, 0);
}

static void run_all(const char *pipeline, enum hg_io io)
{
	lab_open_io(pipeline, io, LAB_MTU_BUNDLES);
	lab_steer(0x0800, "to_port", 2);
	lab_steer(0x86dd, "to_port", 2);
	lab_steer(0x8100, "to_port", 2);
	CHECK_EQUAL(hg_port_take_bundles(lab.sw, 1), 0);
	CHECK_EQUAL(hg_port_take_bundles(lab.sw, 3), -2);
	/* The kernel has to cut what leaves by s2 before h2 sees it. */
	net_offload_off("s2");
	if (io == HG_IO_SUPER)
		test_from_a_client();
	test_bundle();
	test_run_in_a_bundle();
	test_bad_runs();
	test_malformed_bundles();
	test_bundle_elsewhere();
	lab_close();
}

int main(int argc, char **argv)
{
	CHECK_EQUAL(argc, 2);
	run_all(argv[1], HG_IO_SUPER);
	run_all(argv[1], HG_IO_AFPACKET);
	if (lab_workers() == 1)
		run_all(argv[1], HG_IO_AFXDP);
	return 0;
}
