/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces that go down, vanish, come back and change under their ports. argv[1]: the test pipeline. */
#include <errno.h>
#include <time.h>

#include "switch_lab.h"

static void test_refused_ports(void)
{
	const struct hg_switch_config beyond = { .cpu_port = 512 };
	char error[HG_ERROR_BYTES];
	struct hg_switch *sw;

	CHECK_EQUAL(hg_port_add(lab.sw, 3, "nothing", error), -ENODEV);
	CHECK(strstr(error, "nothing"));
	CHECK_EQUAL(hg_port_add(lab.sw, 3, "a-name-that-is-too-long", error), -EINVAL);
	CHECK_EQUAL(hg_port_add(lab.sw, 1, "lo", error), -EEXIST);
	CHECK_EQUAL(hg_port_add(lab.sw, 3, "s2", error), -EEXIST);
	CHECK_EQUAL(hg_port_add(lab.sw, 510, "lo", error), -EINVAL); /* the CPU's */
	CHECK_EQUAL(hg_port_add(lab.sw, 512, "lo", error), -EINVAL);
	CHECK_EQUAL(hg_port_list(lab.sw, NULL, 0), 2);
	CHECK_EQUAL(hg_switch_start(lab.sw, error), -EALREADY);
	CHECK_EQUAL(hg_switch_new(&beyond, &sw, error), -EINVAL);
}

static void test_port_0(void)
{
	char error[HG_ERROR_BYTES];

	CHECK_EQUAL(hg_port_add(lab.sw, 0, "lo", error), 0);
	CHECK_EQUAL(hg_port_list(lab.sw, NULL, 0), 3);
	CHECK_EQUAL(hg_port_remove(lab.sw, 0), 0);
}

/* Packet taps see what leaves by a packet socket, and not what leaves by AF_XDP. */
static void test_way_out(void)
{
	uint8_t frame[60];
	int tap = net_open_tap("s2");

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	lab_send(lab.host_1, frame, sizeof(frame));
	lab_expect(lab.host_2, frame, sizeof(frame));
	if (lab_io() == HG_IO_AFXDP)
		lab_expect_nothing(tap);
	else
		lab_expect(tap, frame, sizeof(frame));
	close(tap);
}

static void test_down_and_up(void)
{
	uint64_t dropped = lab_port(2).tx_dropped;
	uint8_t frame[60];

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	net_set_up("s2", false);
	EVENTUALLY(!lab_port(2).up);
	lab_send(lab.host_1, frame, sizeof(frame));
	EVENTUALLY(lab_port(2).tx_dropped == dropped + 1);
	net_set_up("s2", true);
	EVENTUALLY(lab_port(2).up);
	lab_send(lab.host_1, frame, sizeof(frame));
	lab_expect(lab.host_2, frame, sizeof(frame));
}

static void test_vanish_and_return(void)
{
	uint8_t frame[60];
	uint64_t dropped = lab_port(2).tx_dropped;

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	close(lab.host_2);
	net_delete("s2");
	EVENTUALLY(!lab_port(2).up);
	lab_send(lab.host_1, frame, sizeof(frame));
	EVENTUALLY(lab_port(2).tx_dropped == dropped + 1);
	net_add_pair("s2", "h2", LAB_MTU_2);
	lab.host_2 = net_open("h2");
	EVENTUALLY(lab_port(2).up);
	lab_send(lab.host_1, frame, sizeof(frame));
	lab_expect(lab.host_2, frame, sizeof(frame));
	lab_fill(frame, sizeof(frame), TYPE_CPU);
	lab_send(lab.host_2, frame, sizeof(frame));
	EVENTUALLY(hg_cpu_receive(lab.sw, frame, sizeof(frame)) > 0);
}

/* A link that carries more from now on. */
static void test_another_mtu(void)
{
	uint8_t frame[LAB_MTU_2 + 100];

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	lab_send(lab.host_1, frame, sizeof(frame));
	EVENTUALLY(lab_port(2).tx_oversized == 1);
	net_set_mtu("h2", LAB_MTU_1);
	net_set_mtu("s2", LAB_MTU_1);
	EVENTUALLY(lab_port(2).mtu == LAB_MTU_1);
	lab_send(lab.host_1, frame, sizeof(frame));
	lab_expect(lab.host_2, frame, sizeof(frame));
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

	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	CHECK_EQUAL(hg_port_remove(lab.sw, 3), -ENOENT);
	CHECK_EQUAL(hg_port_remove(lab.sw, 2), 0);
	lab_send(lab.host_1, frame, sizeof(frame));
	EVENTUALLY(lab_stats().dropped_no_port == 1);
	CHECK_EQUAL(hg_switch_stop(lab.sw), 0);
	CHECK_EQUAL(hg_port_remove(lab.sw, 1), 0);
}

int main(int argc, char **argv)
{
	CHECK_EQUAL(argc, 2);
	lab_open(argv[1]);
	test_refused_ports();
	test_port_0();
	test_way_out();
	test_down_and_up();
	test_way_out();
	test_vanish_and_return();
	test_way_out();
	test_another_mtu();
	test_idle();
	test_removal();
	lab_close();
	return 0;
}
