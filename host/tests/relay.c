/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad link between two interfaces, where the kernel has no netem: frames of both
 * directions are lost, doubled, held back behind later ones and delayed, as the
 * command line says and a seed repeats.
 *
 *   relay ONE OTHER [--loss P] [--duplicate P] [--reorder P] [--delay MS] [--seed N]
 *
 * Probabilities are 0 to 1. A reordered frame comes 3 ms late. Ends with SIGTERM.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 9216
#define FRAMES 8192 /* on their way at a time; more are lost */
#define REORDER_NS 3000000
#define RECEIVE_BYTES (32 << 20)

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct frame {
	uint64_t due; /* ns */
	uint64_t serial;
	int to;
	uint32_t bytes;
	uint8_t data[FRAME_BYTES];
};

struct faults {
	double loss, duplicate, reorder;
	uint64_t delay; /* ns */
};

/* A heap by time of departure; what is due together leaves as it came. */
static struct frame *heap[FRAMES];
static struct frame *unused[FRAMES];
static uint32_t waiting, unused_count;
static uint64_t serial, state;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* splitmix64 */
static bool happens(double probability)
{
	uint64_t z = state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return (double)((z ^ z >> 31) >> 11) / (double)(1ull << 53) < probability;
}

static bool before(const struct frame *a, const struct frame *b)
{
	return a->due != b->due ? a->due < b->due : a->serial < b->serial;
}

static void put(struct frame *frame)
{
	uint32_t i = waiting++;

	for (; i > 0 && before(frame, heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = frame;
}

static struct frame *take(void)
{
	struct frame *first = heap[0];
	struct frame *last = heap[--waiting];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= waiting)
			break;
		if (child + 1 < waiting && before(heap[child + 1], heap[child]))
			child++;
		if (!before(heap[child], last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return first;
}

static void send_later(const uint8_t *data, uint32_t bytes, int to, uint64_t due)
{
	struct frame *frame;

	if (unused_count == 0)
		return;
	frame = unused[--unused_count];
	frame->due = due;
	frame->serial = serial++;
	frame->to = to;
	frame->bytes = bytes;
	memcpy(frame->data, data, bytes);
	put(frame);
}

static void receive(int from, int to, const struct faults *faults)
{
	uint8_t data[FRAME_BYTES];
	ssize_t bytes;

	for (int i = 0; i < 64 && (bytes = recv(from, data, sizeof(data), MSG_DONTWAIT)) > 0; i++) {
		uint64_t due = now() + faults->delay;

		if (happens(faults->loss))
			continue;
		if (happens(faults->reorder))
			due += REORDER_NS;
		send_later(data, (uint32_t)bytes, to, due);
		if (happens(faults->duplicate))
			send_later(data, (uint32_t)bytes, to, due);
	}
}

static void send_due(void)
{
	while (waiting && heap[0]->due <= now()) {
		struct frame *frame = take();

		if (send(frame->to, frame->data, frame->bytes, 0) < 0 && errno != ENOBUFS)
			perror("send");
		unused[unused_count++] = frame;
	}
}

static int open_link(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int bytes = RECEIVE_BYTES, on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	address.sll_ifindex = (int)if_nametoindex(interface);
	if (fd < 0 || address.sll_ifindex == 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(interface);
		exit(1);
	}
	return fd;
}

static struct faults parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "loss", required_argument, NULL, 'l' },    { "duplicate", required_argument, NULL, 'd' },
		{ "reorder", required_argument, NULL, 'r' }, { "delay", required_argument, NULL, 'w' },
		{ "seed", required_argument, NULL, 's' },    { 0 },
	};
	struct faults faults = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'l')
			faults.loss = atof(optarg);
		else if (option == 'd')
			faults.duplicate = atof(optarg);
		else if (option == 'r')
			faults.reorder = atof(optarg);
		else if (option == 'w')
			faults.delay = (uint64_t)(atof(optarg) * 1e6);
		else if (option == 's')
			state = strtoull(optarg, NULL, 10);
		else
			exit(2);
	}
	if (argc - optind != 2) {
		fputs("relay: two interfaces are needed\n", stderr);
		exit(2);
	}
	return faults;
}

int main(int argc, char **argv)
{
	struct faults faults = parse(argc, argv);
	struct pollfd fds[] = { { .fd = open_link(argv[optind]), .events = POLLIN },
				{ .fd = open_link(argv[optind + 1]), .events = POLLIN } };
	struct frame *frames = calloc(FRAMES, sizeof(*frames));

	if (!frames)
		return 1;
	for (; unused_count < FRAMES; unused_count++)
		unused[unused_count] = &frames[unused_count];
	puts("ready");
	fflush(stdout);
	for (;;) {
		uint64_t time = now();
		uint64_t left = waiting && heap[0]->due > time ? heap[0]->due - time : 0;
		struct timespec timeout = { .tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000) };

		if (ppoll(fds, 2, waiting ? &timeout : NULL, NULL) < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < 2; i++)
			if (fds[i].revents & POLLIN)
				receive(fds[i].fd, fds[1 - i].fd, &faults);
		send_due();
	}
}
