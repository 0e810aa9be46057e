/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link as real ones are, where the kernel has no netem. Pairs of interfaces, whose
 * frames pass from the one to the other and back:
 *
 *   relay [OPTION]... ONE OTHER [ONE OTHER]...
 *
 *   --rate MBIT       from each ONE to its OTHER; all pairs share one line (default: no limit)
 *   --back-rate MBIT  the same from each OTHER to its ONE
 *   --queue BYTES     that wait for the line, first in, first out; what finds no room is
 *                     dropped (default: no limit)
 *   --delay MS        of propagation, behind the line, each way
 *   --loss P, --duplicate P
 *   --reorder P       these come 3 ms late
 *   --silence S       nothing passes for one second, S seconds after the first frame
 *   --seed N          repeats what happens by chance
 *
 * Probabilities are 0 to 1. Ends with SIGTERM, and prints then what it did, as JSON.
 *
 * Queue and line are computed, not acted: a line knows when it has sent all that it was
 * given. By the kernel's time stamp of a frame that tells how long the frame waits, how
 * many bytes wait before it, and so whether it finds room. A relay that wakes up late
 * therefore sends late, but drops nothing for it and loses nothing of the rate.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 9216
#define FRAMES 65536 /* on their way at a time; their memory is touched only as far as it is used */
#define PORTS 128
#define BURST 256 /* frames that are taken before those that are due are sent */
#define SECOND_NS 1000000000ull
#define REORDER_NS 3000000
#define SILENCE_NS SECOND_NS
#define RECEIVE_BYTES (32 << 20)
#define DELAY_STEP_NS 100000 /* of the histogram */
#define DELAY_STEPS 100000

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct frame {
	uint64_t due; /* ns */
	uint64_t serial;
	uint32_t to; /* port */
	uint32_t bytes;
	uint8_t data[FRAME_BYTES];
};

struct count {
	uint64_t frames, bytes;
};

/* What all ports of one side are sent through, and what became of it. */
struct line {
	double ns_per_byte; /* 0: no limit */
	uint64_t free_at;   /* ns; when it has sent all that it was given */

	struct count in, out;
	struct count dropped_queue, dropped_loss, dropped_silence, dropped_memory, dropped_long;
	uint64_t waited_ns, waited_max_ns;
	uint32_t *waited; /* frames by DELAY_STEP_NS */
	uint64_t late_ns, late_max_ns; /* that frames left after their time */
};

/* An interface; i ^ 1 is the other one of its pair. */
struct port {
	int fd;
	struct frame *head;  /* received and not yet passed on */
	uint64_t arrived_at; /* ns; of the head */
	struct count in, out; /* that it gave, and that went to it */
	uint64_t dropped;     /* frames that it gave, in the line's queue */
};

static struct {
	double rate[2]; /* Mbit/s */
	uint64_t queue; /* bytes; 0: no limit */
	uint64_t delay; /* ns */
	double loss, duplicate, reorder;
	double silence; /* s; negative: none */
} options = { .silence = -1 };

static struct line lines[2]; /* by the side where it begins: 0 is ONE's */
static struct port ports[PORTS];
static uint32_t port_count;
static uint64_t silent_from, silent_until; /* ns */

/* A heap by time of departure; what is due together leaves as it came. */
static struct frame *heap[FRAMES];
static struct frame *unused[FRAMES];
static uint32_t waiting, unused_count;
static uint64_t serial, state;

static volatile sig_atomic_t ended;

/* Of the clock that the kernel stamps frames by. */
static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

/* splitmix64 */
static bool happens(double probability)
{
	uint64_t z = state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return (double)((z ^ z >> 31) >> 11) / (double)(1ull << 53) < probability;
}

static void add(struct count *count, uint32_t bytes)
{
	count->frames++;
	count->bytes += bytes;
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

static struct frame *new_frame(void)
{
	return unused_count ? unused[--unused_count] : NULL;
}

static void free_frame(struct frame *frame)
{
	unused[unused_count++] = frame;
}

static void send_later(struct frame *frame, uint32_t to, uint64_t due)
{
	frame->due = due;
	frame->serial = serial++;
	frame->to = to;
	put(frame);
}

static void send_copy_later(struct line *line, const struct frame *frame)
{
	struct frame *copy = new_frame();

	if (!copy) {
		add(&line->dropped_memory, frame->bytes);
		return;
	}
	copy->bytes = frame->bytes;
	memcpy(copy->data, frame->data, frame->bytes);
	send_later(copy, frame->to, frame->due);
}

static bool silent(uint64_t at)
{
	if (options.silence < 0)
		return false;
	if (silent_until == 0) {
		silent_from = at + (uint64_t)(options.silence * 1e9);
		silent_until = silent_from + SILENCE_NS;
	}
	return at >= silent_from && at < silent_until;
}

static void count_wait(struct line *line, uint64_t wait)
{
	uint64_t step = wait / DELAY_STEP_NS;

	line->waited_ns += wait;
	if (wait > line->waited_max_ns)
		line->waited_max_ns = wait;
	line->waited[step < DELAY_STEPS ? step : DELAY_STEPS - 1]++;
}

/* Its frame is sent when those before it are. Returns when its last bit is, or 0 where the queue has no room. */
static uint64_t queue(struct line *line, uint64_t at, uint32_t bytes)
{
	uint64_t wait = line->free_at > at ? line->free_at - at : 0;

	if (line->ns_per_byte == 0)
		return at;
	if (options.queue && wait && (double)wait / line->ns_per_byte + bytes > (double)options.queue)
		return 0;
	count_wait(line, wait);
	line->free_at = at + wait + (uint64_t)(bytes * line->ns_per_byte + 0.5);
	return line->free_at;
}

static struct count *fate(struct port *port, struct line *line, uint64_t *due)
{
	const struct frame *frame = port->head;

	if (frame->bytes > FRAME_BYTES)
		return &line->dropped_long;
	if (silent(port->arrived_at))
		return &line->dropped_silence;
	if (happens(options.loss))
		return &line->dropped_loss;
	*due = queue(line, port->arrived_at, frame->bytes);
	if (*due == 0) {
		port->dropped++;
		return &line->dropped_queue;
	}
	return NULL;
}

static void pass_on(uint32_t number)
{
	struct port *port = &ports[number];
	struct line *line = &lines[number & 1];
	struct frame *frame = port->head;
	uint64_t due = 0;
	struct count *dropped = fate(port, line, &due);

	port->head = NULL;
	add(&line->in, frame->bytes);
	add(&port->in, frame->bytes);
	if (dropped) {
		add(dropped, frame->bytes);
		free_frame(frame);
		return;
	}
	due += options.delay;
	if (happens(options.reorder))
		due += REORDER_NS;
	send_later(frame, number ^ 1, due);
	if (happens(options.duplicate))
		send_copy_later(line, frame);
}

static uint64_t stamp(struct msghdr *message)
{
	struct timespec time;

	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&time, CMSG_DATA(control), sizeof(time));
		return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
	}
	return now();
}

/* false where there is nothing to receive. */
static bool receive(struct port *port, struct line *line)
{
	static struct frame spare;
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct frame *frame = new_frame();
	struct frame *into = frame ? frame : &spare;
	struct iovec part = { .iov_base = into->data, .iov_len = FRAME_BYTES };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	ssize_t bytes = recvmsg(port->fd, &message, MSG_DONTWAIT | MSG_TRUNC);

	if (bytes < 0) {
		if (frame)
			free_frame(frame);
		return false;
	}
	if (!frame) {
		add(&line->in, (uint32_t)bytes);
		add(&line->dropped_memory, (uint32_t)bytes);
		return true;
	}
	frame->bytes = (uint32_t)bytes;
	port->head = frame;
	port->arrived_at = stamp(&message);
	return true;
}

/* The port whose frame came first, of those that are readable; PORTS where none has any. */
static uint32_t earliest(struct pollfd *fds)
{
	uint32_t first = PORTS;

	for (uint32_t i = 0; i < port_count; i++) {
		while (fds[i].revents && !ports[i].head)
			if (!receive(&ports[i], &lines[i & 1]))
				fds[i].revents = 0;
		if (ports[i].head && (first == PORTS || ports[i].arrived_at < ports[first].arrived_at))
			first = i;
	}
	return first;
}

static void receive_all(struct pollfd *fds)
{
	uint32_t port;

	for (uint32_t i = 0; i < BURST && (port = earliest(fds)) != PORTS; i++)
		pass_on(port);
}

static void send_frame(struct frame *frame, uint64_t time)
{
	struct port *port = &ports[frame->to];
	struct line *line = &lines[(frame->to & 1) ^ 1];
	uint64_t late = time - frame->due;

	if (send(port->fd, frame->data, frame->bytes, 0) < 0 && errno != ENOBUFS)
		perror("send");
	add(&line->out, frame->bytes);
	add(&port->out, frame->bytes);
	line->late_ns += late;
	if (late > line->late_max_ns)
		line->late_max_ns = late;
	free_frame(frame);
}

static void send_due(void)
{
	uint64_t time;

	while (waiting && heap[0]->due <= (time = now()))
		send_frame(take(), time);
}

static int open_port(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int bytes = RECEIVE_BYTES, on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	address.sll_ifindex = (int)if_nametoindex(interface);
	if (fd < 0 || address.sll_ifindex == 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(interface);
		exit(1);
	}
	return fd;
}

/* Frames that came faster than the relay took them. */
static uint64_t unread(int side)
{
	uint64_t frames = 0;

	for (uint32_t i = (uint32_t)side; i < port_count; i += 2) {
		struct tpacket_stats stats;
		socklen_t bytes = sizeof(stats);

		if (getsockopt(ports[i].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
			frames += stats.tp_drops;
	}
	return frames;
}

/* ms */
static double percentile(const struct line *line, double share)
{
	uint64_t all = 0, below = 0;
	uint32_t step = 0;

	for (uint32_t i = 0; i < DELAY_STEPS; i++)
		all += line->waited[i];
	while (step < DELAY_STEPS - 1 && (double)(below += line->waited[step]) < share * (double)all)
		step++;
	return all ? (step + 1) * (DELAY_STEP_NS / 1e6) : 0;
}

static void print_waits(const struct line *line)
{
	uint64_t frames = 0;

	for (uint32_t i = 0; i < DELAY_STEPS; i++)
		frames += line->waited[i];
	printf("\"queueing_ms\": {\"mean\": %.3f, \"p50\": %.1f, \"p95\": %.1f, \"p99\": %.1f, \"max\": %.3f}",
	       frames ? (double)line->waited_ns / (double)frames / 1e6 : 0, percentile(line, 0.5), percentile(line, 0.95),
	       percentile(line, 0.99), (double)line->waited_max_ns / 1e6);
}

static void print_count(const char *name, struct count count, const char *end)
{
	printf("\"%s\": {\"frames\": %" PRIu64 ", \"bytes\": %" PRIu64 "}%s", name, count.frames, count.bytes, end);
}

static void print_line(int side)
{
	const struct line *line = &lines[side];

	printf("{");
	print_count("in", line->in, ", ");
	print_count("out", line->out, ", ");
	printf("\"dropped\": {");
	print_count("queue", line->dropped_queue, ", ");
	print_count("loss", line->dropped_loss, ", ");
	print_count("silence", line->dropped_silence, ", ");
	print_count("memory", line->dropped_memory, ", ");
	print_count("long", line->dropped_long, "}, ");
	printf("\"unread_frames\": %" PRIu64 ", ", unread(side));
	printf("\"late_ms\": {\"mean\": %.3f, \"max\": %.3f}, ",
	       line->out.frames ? (double)line->late_ns / (double)line->out.frames / 1e6 : 0,
	       (double)line->late_max_ns / 1e6);
	print_waits(line);
	printf(", \"pairs\": [");
	for (uint32_t i = (uint32_t)side; i < port_count; i += 2) {
		printf("%s{", i > 1 ? ", " : "");
		print_count("in", ports[i].in, ", ");
		print_count("out", ports[i ^ 1].out, ", ");
		printf("\"queue_dropped_frames\": %" PRIu64 "}", ports[i].dropped);
	}
	printf("]}");
}

static void print_statistics(void)
{
	printf("{\"there\": ");
	print_line(0);
	printf(", \"back\": ");
	print_line(1);
	puts("}");
	fflush(stdout);
}

static double number(const char *name, const char *text, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value <= max)) {
		fprintf(stderr, "relay: --%s takes a number of 0 to %g, not '%s'\n", name, max, text);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "rate", required_argument, NULL, 'r' },	{ "back-rate", required_argument, NULL, 'b' },
		{ "queue", required_argument, NULL, 'q' },	{ "delay", required_argument, NULL, 'w' },
		{ "loss", required_argument, NULL, 'l' },	{ "duplicate", required_argument, NULL, 'd' },
		{ "reorder", required_argument, NULL, 'o' },	{ "silence", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'n' },	{ 0 },
	};
	int option, index;

	while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
		const char *name = option == '?' ? "" : known[index].name;

		switch (option) {
		case 'r':
			options.rate[0] = number(name, optarg, 1e6);
			break;
		case 'b':
			options.rate[1] = number(name, optarg, 1e6);
			break;
		case 'q':
			options.queue = (uint64_t)number(name, optarg, 1e9);
			break;
		case 'w':
			options.delay = (uint64_t)(number(name, optarg, 1e5) * 1e6);
			break;
		case 'l':
			options.loss = number(name, optarg, 1);
			break;
		case 'd':
			options.duplicate = number(name, optarg, 1);
			break;
		case 'o':
			options.reorder = number(name, optarg, 1);
			break;
		case 's':
			options.silence = number(name, optarg, 1e6);
			break;
		case 'n':
			state = (uint64_t)number(name, optarg, 1e15);
			break;
		default:
			exit(2);
		}
	}
	port_count = (uint32_t)(argc - optind);
	if (port_count < 2 || port_count % 2 || port_count > PORTS) {
		fprintf(stderr, "relay: pairs of interfaces are needed, at most %d, not %u names\n", PORTS / 2, port_count);
		exit(2);
	}
}

static bool prepare(char **interfaces)
{
	struct frame *frames = calloc(FRAMES, sizeof(*frames));

	if (!frames)
		return false;
	/* The first are used first, so that the others' memory stays untouched. */
	for (; unused_count < FRAMES; unused_count++)
		unused[unused_count] = &frames[FRAMES - 1 - unused_count];
	for (int side = 0; side < 2; side++) {
		lines[side].ns_per_byte = options.rate[side] > 0 ? 8000 / options.rate[side] : 0;
		lines[side].waited = calloc(DELAY_STEPS, sizeof(*lines[side].waited));
		if (!lines[side].waited)
			return false;
	}
	for (uint32_t i = 0; i < port_count; i++)
		ports[i].fd = open_port(interfaces[i]);
	return true;
}

/* Late frames come in bursts, which overflow short queues further on. Without the right to it, be late. */
static void be_punctual(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	prctl(PR_SET_TIMERSLACK, 1); /* ns, of 50,000: a frame at 1 Gbit/s takes 12,000 */
	if (options.rate[0] > 0)
		sched_setscheduler(0, SCHED_FIFO, &first);
}

static void end(int number)
{
	(void)number;
	ended = 1;
}

/* SIGTERM comes only while the relay waits for frames. */
static sigset_t handle_sigterm(void)
{
	struct sigaction action = { .sa_handler = end };
	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigdelset(&before, SIGTERM);
	sigaction(SIGTERM, &action, NULL);
	return before;
}

static bool wait_for_frames(struct pollfd *fds, const sigset_t *signals)
{
	uint64_t time = now();
	uint64_t left = waiting && heap[0]->due > time ? heap[0]->due - time : 0;
	struct timespec timeout = { .tv_sec = (time_t)(left / SECOND_NS), .tv_nsec = (long)(left % SECOND_NS) };

	if (ppoll(fds, port_count, waiting ? &timeout : NULL, signals) >= 0)
		return true;
	for (uint32_t i = 0; i < port_count; i++)
		fds[i].revents = 0;
	return errno == EINTR;
}

int main(int argc, char **argv)
{
	struct pollfd fds[PORTS];
	sigset_t signals;

	parse(argc, argv);
	if (!prepare(&argv[optind]))
		return 1;
	for (uint32_t i = 0; i < port_count; i++)
		fds[i] = (struct pollfd){ .fd = ports[i].fd, .events = POLLIN };
	be_punctual();
	signals = handle_sigterm();
	puts("ready");
	fflush(stdout);
	while (!ended) {
		if (!wait_for_frames(fds, &signals))
			return 1;
		receive_all(fds);
		send_due();
	}
	print_statistics();
	return 0;
}
