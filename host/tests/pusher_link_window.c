/* SPDX-License-Identifier: Apache-2.0 */
/* The link's window against a switch with a receive ring, and a clock of the test's own. */
#include "link_window.h"
#include "pusher_check.h"

#define SECOND 1000000u
#define RING_MAX 4096

/* A switch that takes a frame each so many ns, and a wire on the way there and back. */
struct far_end {
	uint32_t slots; /* of its ring */
	uint32_t frame_ns, wire_us;
	bool reflects, runs;
	struct {
		uint32_t due; /* us */
		bool mark;
		uint32_t number;
	} wire[RING_MAX], ring[RING_MAX], echoes[RING_MAX];
	uint32_t wire_first, wire_count, ring_first, ring_count, echo_first, echo_count;
	uint64_t time_ns, taken, lost, idle_ns;
};

static struct far_end far;
static struct hg_link_window window;

static void begin(uint32_t slots, uint32_t frame_ns, uint32_t wire_us)
{
	far = (struct far_end){ .slots = slots, .frame_ns = frame_ns, .wire_us = wire_us, .reflects = true, .runs = true };
	window = (struct hg_link_window){ .now = 5 * SECOND };
	hg_link_window_reset(&window, false);
}

static void put(bool mark, uint32_t number)
{
	uint32_t at = (far.wire_first + far.wire_count++) % RING_MAX;

	CHECK(far.wire_count <= RING_MAX);
	far.wire[at].due = window.now + far.wire_us;
	far.wire[at].mark = mark;
	far.wire[at].number = number;
}

/* As mark.c: the frames, and a mark if it is time for one. */
static void send_frames(uint32_t frames)
{
	while (frames) {
		uint32_t burst = hg_link_window_burst(&window);

		if (burst > frames)
			burst = frames;
		for (uint32_t i = 0; i < burst; i++)
			put(false, 0);
		hg_link_window_sent(&window, burst);
		if (hg_link_window_is_mark_due(&window))
			put(true, hg_link_window_mark(&window));
		frames -= burst;
	}
}

static void arrive(void)
{
	while (far.wire_count && (int32_t)(window.now - far.wire[far.wire_first].due) >= 0) {
		if (far.ring_count == far.slots || !far.runs)
			far.lost++;
		else
			far.ring[(far.ring_first + far.ring_count++) % RING_MAX] = far.wire[far.wire_first];
		far.wire_first = (far.wire_first + 1) % RING_MAX;
		far.wire_count--;
	}
}

static void work(uint32_t us)
{
	far.time_ns += us * 1000ull;
	while (far.ring_count && far.time_ns >= far.frame_ns) {
		uint32_t at = (far.echo_first + far.echo_count) % RING_MAX;

		if (far.ring[far.ring_first].mark && far.reflects) {
			far.echoes[at] = far.ring[far.ring_first];
			far.echoes[at].due = window.now + far.wire_us;
			far.echo_count++;
		}
		far.taken += !far.ring[far.ring_first].mark;
		far.ring_first = (far.ring_first + 1) % RING_MAX;
		far.ring_count--;
		far.time_ns -= far.frame_ns;
	}
	if (far.ring_count)
		return;
	far.idle_ns += far.time_ns;
	far.time_ns = 0;
}

static void hear(void)
{
	while (far.echo_count && (int32_t)(window.now - far.echoes[far.echo_first].due) >= 0) {
		hg_link_window_echo(&window, far.echoes[far.echo_first].number);
		far.echo_first = (far.echo_first + 1) % RING_MAX;
		far.echo_count--;
	}
	hg_link_window_notice_silence(&window);
	if (hg_link_window_is_mark_due(&window))
		put(true, hg_link_window_mark(&window));
}

/* `greedy`: whatever the window allows, every 10 us; else that many frames a millisecond. */
static void run(uint32_t us, bool greedy, uint32_t frames)
{
	for (uint32_t passed = 0; passed < us; passed += 10) {
		uint32_t room = hg_link_window_room(&window), wanted = frames;

		window.now += 10;
		if (greedy)
			wanted = room > 128 ? 128 : room;
		else if (passed % 1000)
			wanted = 0;
		else if (wanted > room)
			wanted = room;
		if (room == 0)
			hg_link_window_limits(&window);
		if (wanted)
			send_frames(wanted);
		arrive();
		work(10);
		hear();
	}
}

/* It is asked before anything is sent; from then on it is bounded. */
static void get_to_know(void)
{
	CHECK_EQUAL(hg_link_window_room(&window), UINT32_MAX);
	CHECK(hg_link_window_is_mark_due(&window));
	run(2000 + 2 * far.wire_us, false, 0);
	CHECK(window.answered);
	CHECK_EQUAL(window.echoes, 1);
	CHECK_EQUAL(hg_link_window_room(&window), HG_LINK_DEPTH);
}

/* Every ring that the embedded switch has, every rate and wire: the switch is never idle, and loses nothing. */
static void keeps_busy_and_loses_nothing(void)
{
	static const uint32_t slots[] = { 256, 512, 2048 }, frame_ns[] = { 500, 2000, 20000 }, wires[] = { 0, 20, 500 };

	for (size_t s = 0; s < 3; s++)
		for (size_t f = 0; f < 3; f++)
			for (size_t w = 0; w < 3; w++) {
				begin(slots[s], frame_ns[f], wires[w]);
				get_to_know();
				run(SECOND, true, 0);
				far.idle_ns = 0;
				run(SECOND, true, 0);
				CHECK_EQUAL(far.lost, 0);
				CHECK_EQUAL(far.lost, 0);
				CHECK_EQUAL(window.lost, 0);
				CHECK(far.idle_ns < SECOND * 1000ull / 50);
			}
}

/* Beyond what waits at the far end, only as much as the wire holds. */
static void bounds_the_queue(void)
{
	begin(2048, 2000, 20);
	get_to_know();
	run(SECOND, true, 0);
	CHECK(window.frames <= HG_LINK_DEPTH + 40);
	CHECK(far.ring_count <= HG_LINK_DEPTH + 40);
}

/* A ring that is full, because others use it or because it is small: the window finds what is left. */
static void a_full_ring(void)
{
	uint64_t lost, taken;

	begin(16, 20000, 20);
	get_to_know();
	run(SECOND, true, 0);
	CHECK(far.lost > 0);
	CHECK(window.lost > 0);
	CHECK(window.depth <= 16);
	lost = far.lost;
	taken = far.taken;
	run(10 * SECOND, true, 0);
	/* One or two of a thousand; and what the switch can, less a mark for each three frames. */
	CHECK((far.lost - lost) * 500 < far.taken - taken);
	CHECK(far.taken - taken > 10 * SECOND / 20 * 7 / 10);

	/* It has room again: so has the window, in some seconds. */
	far.slots = 256;
	run(20 * SECOND, true, 0);
	CHECK_EQUAL(window.depth, HG_LINK_DEPTH);
	lost = far.lost;
	run(SECOND, true, 0);
	CHECK_EQUAL(far.lost, lost);
}

/* Marks that are lost with everything else on the wire, the last ones too: nobody waits for long. */
static void lost_marks(void)
{
	begin(256, 2000, 20);
	get_to_know();
	run(100000, true, 0);
	far.wire_count = far.ring_count = far.echo_count = 0;
	run(50000, true, 0);
	CHECK(window.lost > 0);
	CHECK(hg_link_window_room(&window) > 0 || far.ring_count > 0);
	CHECK_EQUAL(window.silences, 0);
}

/* A switch that is killed, and back after two seconds: nothing is sent meanwhile, everything goes on at once. */
static void restarted_switch(void)
{
	uint64_t taken;
	uint32_t sent;

	begin(256, 2000, 20);
	get_to_know();
	run(SECOND, true, 0);
	far.runs = false;
	far.ring_count = 0;
	run(100000, true, 0);
	sent = window.sent;
	run(2 * SECOND, true, 0);
	/* Marks alone, one each 50 ms in the end. */
	CHECK(window.sent - sent <= 2 * SECOND / 50000 + 10);
	CHECK_EQUAL(hg_link_window_room(&window), 0);
	far.runs = true;
	taken = far.taken;
	run(60000, true, 0);
	CHECK(window.answered);
	CHECK_EQUAL(window.silences, 0);
	CHECK(far.taken - taken > 1000);
}

/* One that does not reflect: nothing is bounded, and it is asked once a second, at first sooner. */
static void older_switch(void)
{
	begin(2048, 2000, 20);
	far.reflects = false;
	run(SECOND, false, 1);
	CHECK(window.marks_sent > 10 && window.marks_sent < 60);
	begin(2048, 2000, 20);
	far.reflects = false;
	run(400 * SECOND, false, 0);
	CHECK(window.marks_sent >= 399 && window.marks_sent <= 401);
	run(10 * SECOND, false, 1);
	CHECK(!window.answered);
	CHECK_EQUAL(hg_link_window_room(&window), UINT32_MAX);
	CHECK(window.marks_sent <= 401 + 11);
	CHECK_EQUAL(far.taken, 10000);
	/* Its successor does. */
	far.reflects = true;
	run(2 * SECOND, false, 1);
	CHECK(window.answered);
	CHECK_EQUAL(window.lost, 0);
	/* And that one's successor does not: after three seconds nobody waits any more. */
	far.reflects = false;
	run(4 * SECOND, true, 0);
	CHECK(!window.answered);
	CHECK_EQUAL(window.silences, 1);
	CHECK_EQUAL(hg_link_window_room(&window), UINT32_MAX);
}

/* What comes twice, too late, or was never sent changes nothing. */
static void strange_echoes(void)
{
	struct hg_link_window before;

	begin(256, 2000, 20);
	get_to_know();
	send_frames(40);
	before = window;
	CHECK(!hg_link_window_echo(&window, window.next));
	CHECK(!hg_link_window_echo(&window, window.next + 1000));
	CHECK(!hg_link_window_echo(&window, window.oldest - 1));
	CHECK_EQUAL(window.through, before.through);
	CHECK_EQUAL(window.echoes, before.echoes);
	CHECK_EQUAL(window.next - window.oldest, 2);
	CHECK(hg_link_window_echo(&window, window.oldest));
	CHECK(hg_link_window_echo(&window, window.oldest));
	CHECK(!hg_link_window_echo(&window, window.next - 1));
	CHECK_EQUAL(window.echoes, before.echoes + 2);
	/* Eight have no mark behind them yet. */
	CHECK_EQUAL(hg_link_window_room(&window), HG_LINK_DEPTH - 8);
}

/* Of an interface's earlier life: its numbers are not used again. */
static void reset(void)
{
	uint32_t next;

	begin(256, 2000, 20);
	get_to_know();
	send_frames(40);
	next = window.next;
	hg_link_window_reset(&window, false);
	CHECK(!window.answered);
	CHECK_EQUAL(window.marks_sent, 3);
	CHECK(hg_link_window_is_mark_due(&window));
	CHECK_EQUAL(hg_link_window_mark(&window), next);
	CHECK(!hg_link_window_echo(&window, next - 1));
	CHECK(hg_link_window_echo(&window, next));
	CHECK_EQUAL(window.lost, 0);
}

/* Now and then a few frames: no mark for each, and the clock's and the numbers' ends are none. */
static void sparse_traffic(void)
{
	uint64_t marks;

	begin(256, 2000, 20);
	window.now = UINT32_MAX - SECOND;
	window.sent = window.through = UINT32_MAX - 2000;
	window.marks[(window.next - 1) % HG_LINK_MARKS].sent = window.sent;
	window.marks[(window.next - 1) % HG_LINK_MARKS].at = window.now;
	get_to_know();
	marks = window.marks_sent;
	run(10 * SECOND, false, 1);
	CHECK_EQUAL(far.taken, 10000);
	CHECK(window.marks_sent - marks <= 10000 / 15 + 1);
	CHECK_EQUAL(window.lost, 0);
	CHECK_EQUAL(far.lost, 0);
}

int main(void)
{
	keeps_busy_and_loses_nothing();
	bounds_the_queue();
	a_full_ring();
	lost_marks();
	restarted_switch();
	older_switch();
	strange_echoes();
	reset();
	sparse_traffic();
	return 0;
}
