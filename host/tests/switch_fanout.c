/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a run that share their payload in the kernel (fanout.h), over veth pairs
 * whose far ends see what came out of the cutting. argv[1]: the test pipeline.
 */
#include <errno.h>
#include <linux/virtio_net.h>

#include "bundle.h"
#include "byteorder.h"
#include "fanout_program.h"
#include "super.h"
#include "switch_frames.h"
#include "switch_lab.h"

#define SKIPPED 77 /* meson's */
#define ACK 0x10
#define PSH 0x08
#define GROUP 1
#define SEGMENT_BYTES 1000u
#define SEGMENTS 5u
#define LAST_BYTES 321u
#define RUN_BYTES ((SEGMENTS - 1) * SEGMENT_BYTES + LAST_BYTES)
#define BUNDLE_BYTES_MAX 65549u
#define ROUNDS 20u /* of what depends on who is faster */
#define MANY (FANOUT_COPIES + 6u)
#define FILLER_BYTES 1400u
#define SMALL_BYTES 100u /* of a segment, where many runs are in one bundle */

/* ---- bundles ------------------------------------------------------------------ */

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

static uint8_t *add(uint32_t length, uint32_t segment_bytes)
{
	uint8_t *entry = bundle + bundle_bytes;

	put16(entry, (uint16_t)length);
	put16(entry + 2, (uint16_t)segment_bytes);
	bundle_bytes += HG_BUNDLE_ENTRY_BYTES + length;
	CHECK(bundle_bytes <= sizeof(bundle));
	return entry + HG_BUNDLE_ENTRY_BYTES;
}

static struct frame_spec flow_of(uint32_t kind)
{
	return (struct frame_spec){
		.ipv6 = kind & 1,
		.udp = kind & 2,
		.tagged = kind & 4,
		.flow = 3,
		.seq = 0xfffffff0,
		.payload_bytes = SEGMENT_BYTES,
		.tcp_flags = ACK,
	};
}

/* The segments that follow one another from `spec` on. */
static void make_segments(struct frame *frames, uint32_t count, struct frame_spec spec, uint32_t last_bytes)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i + 1 == count) {
			spec.tcp_flags |= PSH;
			spec.payload_bytes = last_bytes;
		}
		frame_make(&frames[i], &spec);
		spec.seq += spec.payload_bytes;
		spec.id++;
	}
}

/* They as one long frame; the last one's flags are all of theirs. */
static void add_run(const struct frame *frames, uint32_t count, const struct frame_spec *spec)
{
	uint32_t headers = frames[0].header_bytes, length = headers, transport;
	uint8_t *run;

	for (uint32_t i = 0; i < count; i++)
		length += frames[i].length - headers;
	run = add(length, spec->payload_bytes);
	memcpy(run, frames[count - 1].bytes, headers);
	memcpy(run + frames[0].transport, frames[0].bytes + frames[0].transport, 8); /* TCP's sequence number */
	put16(run + frames[0].ip + 4, get16(frames[0].bytes + frames[0].ip + 4));
	transport = length - frames[0].transport;
	if (spec->ipv6)
		put16(run + frames[0].ip + 4, (uint16_t)transport);
	else
		put16(run + frames[0].ip + 2, (uint16_t)(20 + transport));
	if (spec->udp)
		put16(run + frames[0].transport + 4, (uint16_t)transport);
	for (uint32_t i = 0, at = headers; i < count; i++) {
		memcpy(run + at, frames[i].bytes + headers, frames[i].length - headers);
		at += frames[i].length - headers;
	}
	frame_sum_long(run, length);
}

/* ---- members ------------------------------------------------------------------ */

static void address_of(uint32_t instance, uint8_t mac[6])
{
	const uint8_t address[] = { 2, 0, 0, 0, (uint8_t)(instance >> 8), (uint8_t)instance };

	memcpy(mac, address, sizeof(address));
}

static void add_members(void)
{
	uint8_t mac[6];

	for (uint32_t instance = 1; instance <= MANY; instance++) {
		address_of(instance, mac);
		lab_insert("rewrite", (uint16_t)instance, "set_address", mac, sizeof(mac));
	}
	CHECK_EQUAL(hg_group_insert(lab.sw, GROUP, (const struct hg_replica[]){ { 2, 1 }, { 2, 2 } }, 2), 0);
}

static void set_group(const struct hg_replica *replicas, uint32_t count)
{
	CHECK_EQUAL(hg_group_modify(lab.sw, GROUP, replicas, count), 0);
}

/* This member's segments, in order. */
static void expect(int host, uint32_t instance, const struct frame *frames, uint32_t count)
{
	uint8_t copy[FRAME_BYTES_MAX];

	for (uint32_t i = 0; i < count; i++) {
		memcpy(copy, frames[i].bytes, frames[i].length);
		address_of(instance, copy);
		lab_expect(host, copy, frames[i].length);
	}
}

/* ---- tests -------------------------------------------------------------------- */

/* Copies for two ports, of every kind of flow; each is counted by its own port. */
static void test_each_gets_its_segments(void)
{
	static struct frame frames[SEGMENTS];

	set_group((const struct hg_replica[]){ { 2, 1 }, { 1, 2 }, { 2, 3 } }, 3);
	for (uint32_t kind = 0; kind < 8; kind++) {
		struct hg_port_stats one = lab_port(1), two = lab_port(2);
		struct frame_spec spec = flow_of(kind);

		make_segments(frames, SEGMENTS, spec, LAST_BYTES);
		start_bundle();
		add_run(frames, SEGMENTS, &spec);
		lab_send(lab.host_1, bundle, bundle_bytes);
		expect(lab.host_2, 1, frames, SEGMENTS);
		expect(lab.host_2, 3, frames, SEGMENTS);
		expect(lab.host_1, 2, frames, SEGMENTS);
		EVENTUALLY(lab_port(2).tx_fanned == two.tx_fanned + 2);
		CHECK_EQUAL(lab_port(2).tx_packets, two.tx_packets + 2 * SEGMENTS);
		CHECK_EQUAL(lab_port(2).tx_bytes, two.tx_bytes + 2 * (SEGMENTS * frames[0].header_bytes + RUN_BYTES));
		CHECK_EQUAL(lab_port(2).tx_supers, two.tx_supers + 2);
		CHECK_EQUAL(lab_port(2).tx_super_segments, two.tx_super_segments + 2 * SEGMENTS);
		CHECK_EQUAL(lab_port(1).tx_fanned, one.tx_fanned + 1);
		CHECK_EQUAL(lab_port(1).tx_packets, one.tx_packets + SEGMENTS);
	}
}

/* More copies than a list holds, and in one bundle more runs than there are lists. */
static void test_more_than_fit(void)
{
	static struct frame frames[3 * FANOUT_FRAMES][2];
	struct hg_replica replicas[MANY];
	struct frame_spec spec = flow_of(0);
	uint64_t before = lab_port(2).tx_fanned;

	for (uint32_t i = 0; i < MANY; i++)
		replicas[i] = (struct hg_replica){ 2, i + 1 };
	set_group(replicas, MANY);
	make_segments(frames[0], 2, spec, SEGMENT_BYTES);
	start_bundle();
	add_run(frames[0], 2, &spec);
	lab_send(lab.host_1, bundle, bundle_bytes);
	for (uint32_t i = 0; i < MANY; i++)
		expect(lab.host_2, i + 1, frames[0], 2);
	EVENTUALLY(lab_port(2).tx_fanned == before + MANY);

	set_group(replicas, 2);
	spec.payload_bytes = SMALL_BYTES;
	start_bundle();
	for (uint32_t i = 0; i < 3 * FANOUT_FRAMES; i++, spec.seq += 2 * SMALL_BYTES) {
		make_segments(frames[i], 2, spec, SMALL_BYTES);
		add_run(frames[i], 2, &spec);
	}
	lab_send(lab.host_1, bundle, bundle_bytes);
	for (uint32_t i = 0; i < 3 * FANOUT_FRAMES; i++)
		for (uint32_t instance = 1; instance <= 2; instance++)
			expect(lab.host_2, instance, frames[i], 2);
	EVENTUALLY(lab_port(2).tx_fanned == before + MANY + 6 * FANOUT_FRAMES);
}

/* A run, a single segment, a run: whatever way each leaves, none passes another of its flow. */
static void test_order(void)
{
	static struct frame before[SEGMENTS], between[1], after[SEGMENTS];
	struct frame_spec spec = flow_of(0);
	uint64_t fanned = lab_port(2).tx_fanned;

	set_group((const struct hg_replica[]){ { 2, 1 }, { 2, 2 } }, 2);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		make_segments(before, SEGMENTS, spec, SEGMENT_BYTES);
		spec.seq += SEGMENTS * SEGMENT_BYTES;
		make_segments(between, 1, spec, SEGMENT_BYTES);
		spec.seq += SEGMENT_BYTES;
		make_segments(after, SEGMENTS, spec, SEGMENT_BYTES);
		spec.seq += SEGMENTS * SEGMENT_BYTES;
		start_bundle();
		add_run(before, SEGMENTS, &spec);
		memcpy(add(between[0].length, 0), between[0].bytes, between[0].length);
		add_run(after, SEGMENTS, &spec);
		lab_send(lab.host_1, bundle, bundle_bytes);
		expect(lab.host_2, 1, before, SEGMENTS);
		expect(lab.host_2, 2, before, SEGMENTS);
		expect(lab.host_2, 1, between, 1);
		expect(lab.host_2, 2, between, 1);
		expect(lab.host_2, 1, after, SEGMENTS);
		expect(lab.host_2, 2, after, SEGMENTS);
	}
	EVENTUALLY(lab_port(2).tx_fanned == fanned + 4 * ROUNDS);
}

/* One copy alone needs nobody to share with; what is wrong in a sum is counted for every copy. */
static void test_what_is_not_fanned_out(void)
{
	static struct frame frames[SEGMENTS];
	struct frame_spec spec = flow_of(0);
	struct hg_port_stats before = lab_port(2);

	make_segments(frames, SEGMENTS, spec, LAST_BYTES);
	set_group((const struct hg_replica[]){ { 2, 1 } }, 1);
	start_bundle();
	add_run(frames, SEGMENTS, &spec);
	lab_send(lab.host_1, bundle, bundle_bytes);
	expect(lab.host_2, 1, frames, SEGMENTS);
	set_group((const struct hg_replica[]){ { 2, 1 }, { 2, 2 } }, 2);
	bundle[bundle_bytes - 1] ^= 1;
	lab_send(lab.host_1, bundle, bundle_bytes);
	EVENTUALLY(lab_port(2).tx_uncut == before.tx_uncut + 2);
	CHECK_EQUAL(lab_port(2).tx_fanned, before.tx_fanned);
	lab_expect_nothing(lab.host_2);
}

/* The others get theirs when an interface is down, also the one that carries them all. */
static void test_interface_down(void)
{
	static struct frame frames[SEGMENTS];
	struct frame_spec spec = flow_of(0);
	uint64_t dropped;

	make_segments(frames, SEGMENTS, spec, LAST_BYTES);
	start_bundle();
	add_run(frames, SEGMENTS, &spec);
	for (int down = 0; down < 2; down++) {
		if (down)
			set_group((const struct hg_replica[]){ { 2, 1 }, { 1, 2 }, { 1, 3 } }, 3);
		else
			set_group((const struct hg_replica[]){ { 1, 2 }, { 1, 3 }, { 2, 1 } }, 3);
		dropped = lab_port(2).tx_dropped;
		net_set_up("s2", false);
		EVENTUALLY(!lab_port(2).up);
		lab_send(lab.host_1, bundle, bundle_bytes);
		expect(lab.host_1, 2, frames, SEGMENTS);
		expect(lab.host_1, 3, frames, SEGMENTS);
		EVENTUALLY(lab_port(2).tx_dropped > dropped);
		net_set_up("s2", true);
		EVENTUALLY(lab_port(2).up);
	}
	lab_send(lab.host_1, bundle, bundle_bytes);
	expect(lab.host_2, 1, frames, SEGMENTS);
	expect(lab.host_1, 2, frames, SEGMENTS);
	expect(lab.host_1, 3, frames, SEGMENTS);
}

/* While it comes and goes, every segment of the others' arrives: the worker may learn of it late. */
static void test_interface_that_flaps(void)
{
	static struct frame frames[SEGMENTS];
	struct frame_spec spec = flow_of(0);

	make_segments(frames, SEGMENTS, spec, LAST_BYTES);
	start_bundle();
	add_run(frames, SEGMENTS, &spec);
	set_group((const struct hg_replica[]){ { 2, 1 }, { 1, 2 }, { 2, 4 }, { 1, 3 } }, 4);
	for (uint32_t i = 0; i < 2 * ROUNDS; i++) {
		net_set_up("s2", i & 1);
		lab_send(lab.host_1, bundle, bundle_bytes);
		expect(lab.host_1, 2, frames, SEGMENTS);
		expect(lab.host_1, 3, frames, SEGMENTS);
	}
	EVENTUALLY(lab_port(2).up);
}

/*
 * Copies that a slow interface has no room for wait in its port's queue, all others' are
 * there at once; and when there is room, all are in order, whatever way each would leave.
 */
static void test_slow_interface(void)
{
	static struct frame before[SEGMENTS], between[1], after[SEGMENTS], last[SEGMENTS];
	struct frame_spec spec = flow_of(0);
	uint8_t filler[FILLER_BYTES], left[FRAME_BYTES_MAX];

	while (net_receive(lab.host_2, left, sizeof(left), LAB_QUIET_MS) > 0)
		; /* of the test before */
	lab_fill(filler, sizeof(filler), TYPE_TO_2);
	for (int slow_last = 0; slow_last < 2; slow_last++) {
		struct hg_port_stats stats = lab_port(2);

		if (slow_last)
			set_group((const struct hg_replica[]){ { 1, 2 }, { 2, 1 } }, 2);
		else
			set_group((const struct hg_replica[]){ { 2, 1 }, { 1, 2 } }, 2);
		/* One passes, two wait there, and then there is no room for a segment. */
		net_limit("s2", 8, 2 * FILLER_BYTES + SEGMENT_BYTES / 2);
		for (uint32_t i = 0; i < 3; i++)
			lab_send(lab.host_1, filler, sizeof(filler));
		EVENTUALLY(lab_port(2).tx_packets == stats.tx_packets + 3);

		make_segments(before, SEGMENTS, spec, SEGMENT_BYTES);
		spec.seq += SEGMENTS * SEGMENT_BYTES;
		make_segments(between, 1, spec, SEGMENT_BYTES);
		spec.seq += SEGMENT_BYTES;
		make_segments(after, SEGMENTS, spec, SEGMENT_BYTES);
		spec.seq += SEGMENTS * SEGMENT_BYTES;
		start_bundle();
		add_run(before, SEGMENTS, &spec);
		memcpy(add(between[0].length, 0), between[0].bytes, between[0].length);
		add_run(after, SEGMENTS, &spec);
		lab_send(lab.host_1, bundle, bundle_bytes);
		expect(lab.host_1, 2, before, SEGMENTS);
		expect(lab.host_1, 2, between, 1);
		expect(lab.host_1, 2, after, SEGMENTS);
		EVENTUALLY(lab_port(2).queue_frames == 3);
		CHECK_EQUAL(lab_port(2).queue_bytes, (2 * SEGMENTS + 1) * before[0].length);

		/* There is room, and what waits is to be tried again in a moment: nothing passes it meanwhile. */
		usleep(LAB_QUIET_MS * 1000);
		make_segments(last, SEGMENTS, spec, SEGMENT_BYTES);
		spec.seq += SEGMENTS * SEGMENT_BYTES;
		start_bundle();
		add_run(last, SEGMENTS, &spec);
		net_limit("s2", 125000000, 1 << 20);
		lab_send(lab.host_1, bundle, bundle_bytes);
		expect(lab.host_1, 2, last, SEGMENTS);
		for (uint32_t i = 0; i < 3; i++)
			lab_expect(lab.host_2, filler, sizeof(filler));
		expect(lab.host_2, 1, before, SEGMENTS);
		expect(lab.host_2, 1, between, 1);
		expect(lab.host_2, 1, after, SEGMENTS);
		expect(lab.host_2, 1, last, SEGMENTS);
		EVENTUALLY(lab_port(2).tx_packets == stats.tx_packets + 3 + 3 * SEGMENTS + 1);
		EVENTUALLY(lab_port(2).queue_frames == 0);
		CHECK(lab_port(2).tx_queued >= stats.tx_queued + 2 * SEGMENTS + 1);
		CHECK_EQUAL(lab_port(2).tx_dropped, stats.tx_dropped);
		CHECK_EQUAL(lab_port(2).tx_overflowed, 0);
	}
}

int main(int argc, char **argv)
{
	const struct hg_switch_config config = { .io = HG_IO_FANOUT, .cpu_port = 510, .port_queue_ms = 60000 };
	struct fanout_program program;
	int ret;

	CHECK_EQUAL(argc, 2);
	ret = fanout_program_open(&program, FANOUT_MARK);
	if (ret) {
		printf("this kernel does not fan out, or not for us: %s\n", strerror(-ret));
		return SKIPPED;
	}
	fanout_program_close(&program);
	lab_open_with(argv[1], &config, LAB_MTU_BUNDLES);
	lab_steer(0x0800, "to_group", GROUP);
	lab_steer(0x86dd, "to_group", GROUP);
	lab_steer(0x8100, "to_group", GROUP);
	CHECK_EQUAL(hg_port_take_bundles(lab.sw, 1), 0);
	/* The kernel has to cut what leaves by them before the far ends see it. */
	net_offload_off("s1");
	net_offload_off("s2");
	add_members();
	test_each_gets_its_segments();
	test_more_than_fit();
	test_order();
	test_what_is_not_fanned_out();
	test_interface_down();
	test_interface_that_flaps();
	test_slow_interface();
	lab_close();
	return 0;
}
