/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that can serve a cohort: takes the requests of so many clients from the
 * switch's pulls, and then pushes one response to all of them, as runs of segments in
 * bundles: to their group, or for comparison each by flow pushes. Nobody is slowed
 * down by a file, congestion control or statistics, so that what is left to measure
 * is the switch. Over IPv4.
 *
 *   group_push INTERFACE CLIENTS BYTES GROUP      GROUP 0: flow pushes
 *
 * Prints a line for each client (instance, port, client's and service's MAC, address
 * and port, sequence base, acknowledgement number) and an empty one; begins when
 * standard input says that their entries stand; prints pushes, repairs and CPU (us) in
 * the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bundle.h"
#include "byteorder.h"
#include "clock.h"
#include "sum.h"

#define CLIENTS_MAX 1024u
#define SEGMENT_BYTES HG_MSS_CLASS_2
#define RUN_BYTES (46 * SEGMENT_BYTES) /* with all headers, the longest that a bundle holds */
#define HEADER_BYTES HG_SEQ_GRANULE    /* of the HTTP response */
#define FIN 0x01
#define ACK 0x10
#define WINDOW 65535u
#define FLIGHT_BYTES (16u << 20) /* on their way to the switch: half of what its socket takes */
#define SILENT_NS 300000000u /* without progress: repair */
#define CLOSE_NS 2000000000u /* for clients to close */
#define RECEIVE_BUFFER (32 << 20)
#define IP_AT (HG_ETHERNET_BYTES + HG_PULL_BYTES + HG_ETHERNET_BYTES) /* of the client's packet in a pull */
#define TCP_AT (IP_AT + 20u)

struct client {
	uint8_t client_mac[6], service_mac[6];
	uint32_t address, service;
	uint16_t port, service_port, switch_port;
	uint8_t constants, secret;
	uint32_t base, ack_no;
	uint32_t acked, window, next; /* positions; `next` of its flow pushes */
	bool closed; /* the client has sent its FIN, which comes after ours */
};

static struct client clients[CLIENTS_MAX];
static uint32_t wanted, found, group, length;
static uint8_t payload[RUN_BYTES], first[RUN_BYTES];
static uint16_t payload_sum, first_sum;
static uint64_t pushes, repairs;
static uint64_t progressed; /* ns: when somebody acknowledged something new */
static int fd;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "group_push: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_link(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int one = 1, buffer = RECEIVE_BUFFER;

	address.sll_ifindex = (int)if_nametoindex(interface);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die(interface);
}

/* ---- pulls ---------------------------------------------------------------------- */

static struct client *client_of(const uint8_t *pull)
{
	const uint8_t *ip = pull + IP_AT, *tcp = pull + TCP_AT;
	struct client *client;

	for (uint32_t i = 0; i < found; i++)
		if (clients[i].address == get32(ip + 12) && clients[i].port == get16(tcp))
			return &clients[i];
	/* A new one, once it asks; its handshake alone carries no data. */
	if (get16(ip + 2) == 20 + (tcp[12] >> 4) * 4 || found == wanted)
		return NULL;
	client = &clients[found++];
	memcpy(client->client_mac, pull + IP_AT - 8, 6);
	memcpy(client->service_mac, pull + IP_AT - 14, 6);
	client->address = get32(ip + 12);
	client->service = get32(ip + 16);
	client->port = get16(tcp);
	client->service_port = get16(tcp + 2);
	client->switch_port = get16(pull + 16);
	client->constants = pull[34];
	client->secret = pull[35];
	client->base = get32(tcp + 8);
	client->ack_no = get32(tcp + 4) + get16(ip + 2) - 20 - (tcp[12] >> 4) * 4;
	return client;
}

static void take_pull(const uint8_t *pull)
{
	struct client *client = client_of(pull);
	const uint8_t *tcp = pull + TCP_AT;
	uint32_t acked, window;

	if (!client)
		return;
	acked = get32(tcp + 8) - client->base;
	window = (uint32_t)get16(tcp + 14) << (client->constants >> 3 & 15);
	if (acked > client->acked) {
		client->acked = acked;
		progressed = now_ns();
	}
	client->window = window < FLIGHT_BYTES / (group ? 1 : found) ? window : FLIGHT_BYTES / (group ? 1 : found);
	client->closed |= tcp[13] & FIN;
}

/* All that have come; waits for the first one. */
static void take_pulls(int timeout_ms)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	uint8_t pull[2048];

	if (timeout_ms)
		poll(&readable, 1, timeout_ms);
	while (recv(fd, pull, sizeof(pull), MSG_DONTWAIT) >= (ssize_t)TCP_AT + 20)
		if (get16(pull + 12) == HG_ETHERTYPE_PUSH && pull[14] == (HG_PUSH_VERSION << 4 | HG_PUSH_KIND_PULL))
			take_pull(pull);
}

/* ---- pushes --------------------------------------------------------------------- */

/*
 * The next run that everyone has room for; 0: none. As the pusher, it waits for acknowledgements
 * rather than fill a window in small pieces, unless nothing is on its way.
 */
static uint32_t run_at(uint32_t position, const struct client *who, uint32_t count)
{
	uint32_t left = length - position, bytes = left < RUN_BYTES ? left : RUN_BYTES;
	bool idle = true;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t flight = position - who[i].acked, room = who[i].window > flight ? who[i].window - flight : 0;

		if (bytes > room)
			bytes = room / SEGMENT_BYTES * SEGMENT_BYTES;
		idle &= !flight;
	}
	return idle || bytes == left || bytes == RUN_BYTES ? bytes : 0;
}

static void write_flow(uint8_t *flow, const struct client *client)
{
	memcpy(flow, client->client_mac, 6);
	memcpy(flow + 6, client->service_mac, 6);
	put16(flow + 12, 0);
	flow[14] = client->secret;
	flow[15] = client->constants;
	memset(flow + 16, 0, 32);
	put16(flow + 26, 0xffff);
	put32(flow + 28, client->address);
	put16(flow + 42, 0xffff);
	put32(flow + 44, client->service);
	put16(flow + 48, client->port);
	put16(flow + 50, client->service_port);
	put32(flow + 52, client->ack_no);
	put16(flow + 56, WINDOW);
	put16(flow + 58, client->switch_port);
	put32(flow + 60, 0);
}

/* client NULL: to the group. */
static void push(uint32_t position, uint32_t bytes, const struct client *client)
{
	uint32_t headers = client ? HG_FLOW_FRAME_BYTES : HG_PUSH_FRAME_BYTES;
	uint8_t frame[HG_BUNDLE_FRAME_BYTES + HG_BUNDLE_ENTRY_BYTES + HG_FLOW_FRAME_BYTES] = { [0] = 2, [6] = 2 };
	uint8_t *entry = frame + HG_BUNDLE_FRAME_BYTES, *inner = entry + HG_BUNDLE_ENTRY_BYTES, *header = inner + HG_ETHERNET_BYTES;
	struct iovec parts[2] = { { frame, HG_BUNDLE_FRAME_BYTES + HG_BUNDLE_ENTRY_BYTES + headers },
				  { position ? payload : first, bytes } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	bool whole = bytes == RUN_BYTES;

	put16(frame + 12, HG_ETHERTYPE_PUSH);
	frame[HG_ETHERNET_BYTES] = HG_PUSH_VERSION << 4 | HG_PUSH_KIND_BUNDLE;
	put16(entry, (uint16_t)(headers + bytes));
	put16(entry + 2, bytes > SEGMENT_BYTES ? SEGMENT_BYTES : 0);
	memcpy(inner, frame, HG_ETHERNET_BYTES);
	header[0] = HG_PUSH_VERSION << 4 | (client ? HG_PUSH_KIND_FLOW : HG_PUSH_KIND_GROUP);
	header[1] = position + bytes == length ? FIN | ACK : ACK;
	put16(header + 2, (uint16_t)group);
	put16(header + 4, (uint16_t)bytes);
	put16(header + 6, whole ? position ? payload_sum : first_sum : hg_sum(parts[1].iov_base, bytes));
	put32(header + 12, position);
	if (client)
		write_flow(header + HG_PUSH_BYTES, client);
	while (sendmsg(fd, &message, 0) < 0)
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("push");
	pushes++;
}

/* One run to everyone, when everyone has room for it. */
static bool push_to_group(uint32_t *next)
{
	uint32_t bytes = run_at(*next, clients, found);

	if (bytes)
		push(*next, bytes, NULL);
	*next += bytes;
	return bytes;
}

static bool push_to_flows(void)
{
	bool any = false;

	for (struct client *client = clients; client < clients + found; client++) {
		uint32_t bytes = run_at(client->next, client, 1);

		if (bytes)
			push(client->next, bytes, client);
		client->next += bytes;
		any |= bytes;
	}
	return any;
}

/* What nobody acknowledged for long is sent again, a run to each who lacks it. */
static void repair(uint32_t next)
{
	for (struct client *client = clients; client < clients + found; client++) {
		uint32_t sent = group ? next : client->next, missing = sent - client->acked;

		if (!missing)
			continue;
		push(client->acked, missing < RUN_BYTES ? missing : RUN_BYTES, client);
		pushes--;
		repairs++;
	}
}

static bool all_done(void)
{
	for (uint32_t i = 0; i < found; i++)
		if (clients[i].acked < length)
			return false;
	return true;
}

static void serve(void)
{
	uint32_t next = 0;

	progressed = now_ns();
	while (!all_done()) {
		bool pushed = group ? push_to_group(&next) : push_to_flows();

		take_pulls(pushed ? 0 : 10);
		if (now_ns() - progressed > SILENT_NS) {
			repair(next);
			progressed = now_ns();
		}
	}
}

/* Acknowledges the clients' FINs, for which they would wait. */
static void close_all(void)
{
	uint64_t end = now_ns() + CLOSE_NS;

	for (uint32_t i = 0; i < found; i++) {
		while (!clients[i].closed && now_ns() < end)
			take_pulls(10);
		clients[i].ack_no++;
		push(length + 1, 0, &clients[i]);
	}
}

/* ---- clients -------------------------------------------------------------------- */

static void print_mac(const uint8_t *mac)
{
	printf(" %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void collect(void)
{
	char text[INET_ADDRSTRLEN];

	while (found < wanted)
		take_pulls(1000);
	for (uint32_t i = 0; i < found; i++) {
		const struct client *client = &clients[i];

		printf("%u %u", i + 1, client->switch_port);
		print_mac(client->client_mac);
		print_mac(client->service_mac);
		printf(" %s %u", inet_ntop(AF_INET, &(uint32_t){ htonl(client->address) }, text, sizeof(text)), client->port);
		printf(" %s %u", inet_ntop(AF_INET, &(uint32_t){ htonl(client->service) }, text, sizeof(text)), client->service_port);
		printf(" %u %u\n", client->base, client->ack_no);
	}
	printf("\n");
	fflush(stdout);
	if (getchar() == EOF)
		die("standard input");
}

static uint64_t cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
	uint64_t before;
	uint32_t body;

	if (argc != 5) {
		fprintf(stderr, "usage: group_push INTERFACE CLIENTS BYTES GROUP\n");
		return 2;
	}
	open_link(argv[1]);
	wanted = (uint32_t)strtoul(argv[2], NULL, 10);
	body = (uint32_t)strtoul(argv[3], NULL, 10) / HG_SEQ_GRANULE * HG_SEQ_GRANULE;
	group = (uint32_t)strtoul(argv[4], NULL, 10);
	length = HEADER_BYTES + body;
	if (!wanted || wanted > CLIENTS_MAX)
		return 2;
	for (uint32_t i = 0; i < RUN_BYTES; i++)
		payload[i] = first[i] = (uint8_t)(i * 7 % 251);
	memset(first, ' ', HEADER_BYTES);
	memcpy(first + snprintf((char *)first, HEADER_BYTES, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\nX:", body), "  ", 2);
	memcpy(first + HEADER_BYTES - 4, "\r\n\r\n", 4);
	payload_sum = hg_sum(payload, RUN_BYTES);
	first_sum = hg_sum(first, RUN_BYTES);
	collect();
	before = cpu_us();
	serve();
	close_all();
	printf("%llu %llu %llu\n", (unsigned long long)pushes, (unsigned long long)repairs,
	       (unsigned long long)(cpu_us() - before));
	return 0;
}
