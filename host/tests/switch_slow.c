/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port that is slower than what is to leave by it: its frames wait, in order and within
 * bounds, and nothing else does. The port's interface has a queue with a rate (tbf); AF_XDP
 * passes that by, so there the kernel is made to say that it has no room. argv[1]: the test
 * pipeline.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "afxdp.h"
#include "clock.h"
#include "switch_lab.h"
#include "tx_queue.h"

#define TYPE_BACK 0x88b7 /* by port 1, where it came from */
#define FRAME_BYTES 1400u
#define NUMBER_AT 16
#define FEW 20u
#define BURST 100u
#define MARKER 0xfffffff0u
#define LONG_MS 60000u /* longer than a test */

#define STANDSTILL 8u        /* bytes a second */
#define SLOW 250000u         /* 2 Mbit/s */
#define FAST 125000000u
#define SHALLOW 4000u        /* bytes: less than FEW frames */
#define DEEP (16u << 20)     /* more than our socket may have there */

/* ---- what slows the port down ----------------------------------------------------- */

static _Atomic uint32_t xdp_rate = FAST;

ssize_t __real_sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t to_length);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t to_length);

/* AF_XDP's, which says that there are frames to be taken. Slowly: some of them, every now and then. */
ssize_t __wrap_sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t to_length)
{
	static _Atomic uint64_t last_ns;
	uint32_t rate = atomic_load(&xdp_rate);

	if (!bytes && rate != FAST) {
		uint64_t now = now_ns();

		if (rate == STANDSTILL || now - atomic_load(&last_ns) < 5000000) {
			errno = EAGAIN;
			return -1;
		}
		atomic_store(&last_ns, now);
	}
	return __real_sendto(fd, bytes, length, flags, to, to_length);
}

static void limit_port_2(uint32_t bytes_per_second, uint32_t limit_bytes)
{
	if (lab_io() == HG_IO_AFXDP)
		atomic_store(&xdp_rate, bytes_per_second);
	else
		net_limit("s2", bytes_per_second, limit_bytes);
}

/* ---- numbered frames ---------------------------------------------------------------- */

/* Not more at a time than the switch's receive ring holds; all are forwarded in the end. */
static void send_numbered(uint32_t first, uint32_t count)
{
	uint64_t before = lab_stats().ingress_packets;
	uint8_t frame[FRAME_BYTES];

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = first + i;

		memcpy(frame + NUMBER_AT, &number, sizeof(number));
		lab_send(lab.host_1, frame, sizeof(frame));
		if (i % BURST == BURST - 1 || i == count - 1)
			EVENTUALLY(lab_stats().ingress_packets == before + i + 1);
	}
}

/* The next one's number; UINT32_MAX: none comes. */
static uint32_t receive_numbered(int timeout_ms)
{
	uint8_t frame[FRAME_BYTES + 4];
	uint32_t number;

	if (net_receive(lab.host_2, frame, sizeof(frame), timeout_ms) != (int)FRAME_BYTES)
		return UINT32_MAX;
	memcpy(&number, frame + NUMBER_AT, sizeof(number));
	return number;
}

static void expect_numbered(uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		CHECK_EQUAL(receive_numbered(LAB_TIMEOUT_MS), i);
}

/* Frames that have left or are dropped. */
static uint64_t seen_to(const struct hg_port_stats *before)
{
	struct hg_port_stats now = lab_port(2);

	return now.tx_packets - before->tx_packets + now.tx_dropped - before->tx_dropped + now.tx_overflowed -
	       before->tx_overflowed;
}

/* More frames than the port takes, so that some wait; how many there are of all. */
static uint32_t fill_queue(void)
{
	/* AF_XDP's memory is full first, and AF_PACKET's frames lie in the interface's queue. */
	uint32_t taken = lab_io() == HG_IO_AFXDP ? AFXDP_FRAMES : SHALLOW / FRAME_BYTES + 2;
	uint64_t queued = lab_port(2).tx_queued;

	limit_port_2(STANDSTILL, SHALLOW);
	send_numbered(0, taken + FEW);
	EVENTUALLY(lab_port(2).queue_frames >= FEW);
	CHECK(lab_port(2).tx_queued >= queued + FEW);
	return taken + FEW;
}

/* Lets all that waits come, the interface's queue's too, up to a frame that is sent last; how many came. */
static uint32_t drain(void)
{
	uint32_t count = 0, number;

	limit_port_2(FAST, DEEP);
	EVENTUALLY(lab_port(2).queue_frames == 0);
	send_numbered(MARKER, 1);
	while ((number = receive_numbered(LAB_TIMEOUT_MS)) != MARKER) {
		CHECK(number != UINT32_MAX);
		count++;
	}
	return count;
}

/* ---- tests ---------------------------------------------------------------------------- */

/* What the kernel has no room for leaves when it has, with what came meanwhile behind it. */
static void test_order(void)
{
	uint32_t count = fill_queue();

	CHECK_EQUAL(lab_port(2).tx_overflowed, 0);
	send_numbered(count, 5);
	limit_port_2(FAST, DEEP);
	send_numbered(count + 5, 5);
	expect_numbered(0, count + 10);
	EVENTUALLY(lab_port(2).queue_frames == 0);
	CHECK_EQUAL(lab_port(2).queue_bytes, 0);
	EVENTUALLY(lab_port(2).tx_packets == count + 10);
	CHECK_EQUAL(lab_port(2).tx_dropped, 0);
	CHECK_EQUAL(lab_port(2).tx_overflowed, 0);
}

/* Our socket is full before the interface's queue is: then the kernel tells when there is room. */
static void test_full_socket(void)
{
	enum { COUNT = 1000 };
	uint64_t queued = lab_port(2).tx_queued;

	limit_port_2(10 * SLOW, DEEP);
	send_numbered(0, COUNT);
	expect_numbered(0, COUNT);
	CHECK(lab_port(2).tx_queued > queued);
	CHECK_EQUAL(lab_port(2).tx_overflowed, 0);
	drain();
}

/* The queue's memory ends: what comes then is dropped, and counted. */
static void test_full_queue(void)
{
	enum { COUNT = 2 * TX_QUEUE_BYTES / FRAME_BYTES };
	struct hg_port_stats before = lab_port(2);
	uint32_t arrived;

	limit_port_2(STANDSTILL, SHALLOW);
	send_numbered(0, COUNT);
	EVENTUALLY(lab_port(2).tx_overflowed > 0);
	CHECK(lab_port(2).queue_bytes <= TX_QUEUE_BYTES);
	CHECK(lab_port(2).queue_frames > 4096);
	arrived = drain();
	CHECK_EQUAL(lab_port(2).queue_frames, 0);
	EVENTUALLY(lab_port(2).tx_packets - before.tx_packets == arrived + 1);
	CHECK_EQUAL(arrived + lab_port(2).tx_overflowed - before.tx_overflowed, COUNT);
}

/* A switch by one of whose ports frames wait has little to do. */
static void test_waiting_is_cheap(void)
{
	struct timespec before, after;

	fill_queue();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	usleep(500000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec < 100000000);
	drain();
}

/* With the interface that is down or gone they are; what the kernel took just before that it may count as sent. */
static void test_interface_goes(void)
{
	struct hg_port_stats before = lab_port(2);
	uint32_t count = fill_queue();

	net_set_up("s2", false);
	atomic_store(&xdp_rate, FAST);
	EVENTUALLY(lab_port(2).queue_frames == 0);
	EVENTUALLY(seen_to(&before) >= count);
	net_set_up("s2", true);
	EVENTUALLY(lab_port(2).up);
	drain();

	before = lab_port(2);
	count = fill_queue();
	close(lab.host_2);
	net_delete("s2");
	atomic_store(&xdp_rate, FAST);
	EVENTUALLY(!lab_port(2).up);
	EVENTUALLY(seen_to(&before) >= count);
	CHECK_EQUAL(lab_port(2).queue_frames, 0);
	net_add_pair("s2", "h2", LAB_MTU_2);
	lab.host_2 = net_open("h2");
	EVENTUALLY(lab_port(2).up);
	send_numbered(0, FEW);
	expect_numbered(0, FEW);
}

/* Opened anew, a port begins anew: what waited is lost, and counted. */
static void test_another_mtu(void)
{
	uint64_t dropped = lab_port(2).tx_dropped;

	fill_queue();
	net_set_mtu("s2", LAB_MTU_2 - 8);
	EVENTUALLY(lab_port(2).mtu == LAB_MTU_2 - 8);
	EVENTUALLY(lab_port(2).tx_dropped >= dropped + FEW);
	CHECK_EQUAL(lab_port(2).queue_frames, 0);
	net_set_mtu("s2", LAB_MTU_2);
	EVENTUALLY(lab_port(2).mtu == LAB_MTU_2);
	drain();
	send_numbered(0, FEW);
	expect_numbered(0, FEW);
}

static void test_port_is_removed(void)
{
	char error[HG_ERROR_BYTES];

	fill_queue();
	CHECK_EQUAL(hg_port_remove(lab.sw, 2), 0);
	CHECK_EQUAL(hg_port_add(lab.sw, 2, "s2", error), 0);
	drain();
	send_numbered(0, FEW);
	expect_numbered(0, FEW);
	CHECK_EQUAL(lab_port(2).queue_frames, 0);
}

/* Frames for another port, in turns with more than this one can take, are back at once. */
static void test_others_go_on(void)
{
	enum { TURNS = 200, SLOWED = 10 };
	uint64_t start;
	uint8_t frame[60];

	lab_steer(TYPE_BACK, "to_port", 1);
	lab_fill(frame, sizeof(frame), TYPE_BACK);
	limit_port_2(SLOW, SHALLOW);
	start = now_ns();
	for (uint32_t i = 0; i < TURNS; i++) {
		send_numbered(i * SLOWED, SLOWED);
		lab_send(lab.host_1, frame, sizeof(frame));
		lab_expect(lab.host_1, frame, sizeof(frame));
	}
	/* Of which those that the slow port takes would need 11 s. */
	CHECK(now_ns() - start < UINT64_C(3000000000));
	drain();
}

/* A program has the far end, and reads nothing: it gets what the kernel keeps, in order, and nobody waits for it. */
static void test_nobody_reads(void)
{
	enum { TURNS = 100, UNREAD = 50 };
	char error[HG_ERROR_BYTES];
	int tap = net_add_tap("t2");
	uint8_t back[60], frame[FRAME_BYTES];
	uint32_t number, read_count = 0, last = 0;

	CHECK_EQUAL(hg_port_remove(lab.sw, 2), 0);
	CHECK_EQUAL(hg_port_add(lab.sw, 2, "t2", error), 0);
	EVENTUALLY(lab_port(2).up);
	lab_fill(back, sizeof(back), TYPE_BACK);
	for (uint32_t i = 0; i < TURNS; i++) {
		send_numbered(1 + i * UNREAD, UNREAD);
		lab_send(lab.host_1, back, sizeof(back));
		lab_expect(lab.host_1, back, sizeof(back));
	}
	while (read(tap, frame, sizeof(frame)) == sizeof(frame)) {
		memcpy(&number, frame + NUMBER_AT, sizeof(number));
		CHECK(number > last);
		last = number;
		read_count++;
	}
	CHECK(read_count > 0 && read_count < TURNS * UNREAD);
	CHECK_EQUAL(hg_port_remove(lab.sw, 2), 0);
	close(tap);
	CHECK_EQUAL(hg_port_add(lab.sw, 2, "s2", error), 0);
}

/* What has waited for longer than the limit is dropped, and counted; what comes later is not. */
static void test_expiry(void)
{
	uint32_t count = fill_queue();

	EVENTUALLY(lab_port(2).queue_frames == 0);
	CHECK(lab_port(2).tx_overflowed > 10);
	CHECK_EQUAL(lab_port(2).tx_overflowed + drain(), count);
	send_numbered(count, FEW);
	expect_numbered(count, FEW);
	CHECK_EQUAL(lab_port(2).tx_dropped, 0);
}

int main(int argc, char **argv)
{
	struct hg_switch_config config = { .io = lab_io(), .cpu_port = 510, .port_queue_ms = LONG_MS };

	CHECK_EQUAL(argc, 2);
	lab_open_with(argv[1], &config, LAB_MTU_2);
	test_order();
	if (lab_io() != HG_IO_AFXDP)
		test_full_socket();
	test_full_queue();
	test_waiting_is_cheap();
	test_interface_goes();
	test_another_mtu();
	test_port_is_removed();
	fill_queue(); /* and so it is closed */
	lab_close();

	config.port_queue_ms = 20;
	atomic_store(&xdp_rate, FAST);
	lab_open_with(argv[1], &config, LAB_MTU_2);
	test_expiry();
	test_others_go_on();
	test_nobody_reads();
	lab_close();
	return 0;
}
