/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many TCP clients without a socket: each completes the handshake, asks for the content,
 * acknowledges what comes and closes its window. From then on it only answers probes. What
 * a server needs to keep such a connection is its own memory and its kernel's; nothing of
 * the client's is counted with it.
 *
 *   silent_clients INTERFACE FIRST_SOURCE CONNECTIONS DESTINATION DESTINATION_MAC PATH
 *
 * Sources are FIRST_SOURCE and the addresses after it, which have to lead here. Prints "open"
 * when every connection got data and closed its window; on SIGTERM resets them all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "raw_link.h"

#define PORT 80
#define FIRST_SOURCE_PORT 1024
#define PORTS_PER_SOURCE 4096
#define FRAME_BYTES_MAX 65600 /* the peer may send super-frames */
#define HEADERS_BYTES (sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct tcphdr))
#define WINDOW 16384   /* ten segments; Linux queues half of it beyond any limit of a send buffer */
#define AT_ONCE 256    /* connections on their way to being open */
#define REPEAT_MS 1000 /* SYN and request, while they are not answered */

enum state { NEW, SYN_SENT, ASKED, SILENT };

struct connection {
	enum state state;
	uint32_t seq;  /* next of ours */
	uint32_t ack;  /* next of theirs */
	uint64_t sent; /* ms, the last SYN or request */
};

struct clients {
	struct raw_link link;
	uint32_t first_source, destination;
	uint32_t count, started, silent;
	char request[RAW_PAYLOAD_MAX];
	struct connection *connections;
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "silent_clients: %s: %s\n", what, why);
	exit(1);
}

static void send_segment(const struct clients *clients, uint32_t index, uint8_t flags, const char *payload,
			 uint16_t window)
{
	const struct connection *connection = &clients->connections[index];
	struct raw_segment segment = {
		.source = clients->first_source + index / PORTS_PER_SOURCE,
		.destination = clients->destination,
		.source_port = (uint16_t)(FIRST_SOURCE_PORT + index % PORTS_PER_SOURCE),
		.destination_port = PORT,
		.seq = connection->seq,
		.ack = flags & TH_ACK ? connection->ack : 0,
		.window = window,
		.flags = flags,
		.payload = payload,
	};
	int ret = raw_link_send(&clients->link, &segment);

	if (ret)
		die("send", strerror(-ret));
}

static void send_syn(struct clients *clients, uint32_t index, uint64_t now)
{
	clients->connections[index] = (struct connection){
		.state = SYN_SENT,
		.seq = index * 65537, /* any will do */
		.sent = now,
	};
	send_segment(clients, index, TH_SYN, NULL, WINDOW);
}

static void send_request(struct clients *clients, uint32_t index, uint64_t now)
{
	clients->connections[index].sent = now;
	send_segment(clients, index, TH_ACK | TH_PUSH, clients->request, WINDOW);
}

/* In short batches, for the peer to keep up: what is not reset it would keep for minutes. */
static void reset_all(const struct clients *clients)
{
	for (uint32_t i = 0; i < clients->started; i++) {
		send_segment(clients, i, TH_RST | TH_ACK, NULL, 0);
		if (i % AT_ONCE == 0)
			poll(NULL, 0, 1);
	}
}

static void take_segment(struct clients *clients, uint32_t index, const struct tcphdr *tcp, uint32_t payload,
			 uint64_t now)
{
	struct connection *connection = &clients->connections[index];
	uint32_t seq = ntohl(tcp->th_seq);

	if (tcp->th_flags & TH_RST) {
		reset_all(clients);
		die("a connection", "was reset");
	}
	if (tcp->th_flags & TH_SYN) {
		if (connection->state != SYN_SENT)
			return;
		connection->state = ASKED;
		connection->seq++;
		connection->ack = seq + 1;
		send_segment(clients, index, TH_ACK, NULL, WINDOW);
		send_request(clients, index, now);
		return;
	}
	if (connection->state == ASKED && payload) {
		connection->state = SILENT;
		connection->seq += (uint32_t)strlen(clients->request);
		clients->silent++;
	}
	if (connection->state != SILENT)
		return;
	if (seq == connection->ack) /* the rest of the first window; probes have an old number */
		connection->ack += payload;
	send_segment(clients, index, TH_ACK, NULL, 0);
}

static void take_frame(struct clients *clients, const uint8_t *frame, size_t bytes, uint64_t now)
{
	const struct ether_header *eth = (const struct ether_header *)frame;
	const struct iphdr *ip = (const struct iphdr *)(eth + 1);
	const struct tcphdr *tcp = (const struct tcphdr *)(ip + 1);
	uint32_t index, port;

	if (bytes < HEADERS_BYTES || eth->ether_type != htons(ETHERTYPE_IP) || ip->protocol != IPPROTO_TCP ||
	    ip->ihl != 5 || ntohl(ip->saddr) != clients->destination || ntohs(tcp->th_sport) != PORT)
		return;
	port = ntohs(tcp->th_dport) - FIRST_SOURCE_PORT;
	index = (ntohl(ip->daddr) - clients->first_source) * PORTS_PER_SOURCE + port;
	if (port < PORTS_PER_SOURCE && index < clients->count)
		take_segment(clients, index, tcp, ntohs(ip->tot_len) - (ip->ihl + tcp->th_off) * 4u, now);
}

static void receive(struct clients *clients)
{
	static uint8_t buffer[2 + FRAME_BYTES_MAX] __attribute__((aligned(8)));
	uint8_t *frame = buffer + 2; /* aligns what follows the Ethernet header */
	uint64_t now = now_ms();
	ssize_t bytes;

	while ((bytes = recv(clients->link.fd, frame, FRAME_BYTES_MAX, MSG_DONTWAIT)) > 0)
		take_frame(clients, frame, (size_t)bytes, now);
}

/* As many new ones as may be on their way; those that wait too long once more. */
static void go_on(struct clients *clients)
{
	uint64_t now = now_ms();
	uint32_t under_way = 0;

	for (uint32_t i = 0; i < clients->started; i++) {
		struct connection *connection = &clients->connections[i];

		if (connection->state == SILENT)
			continue;
		under_way++;
		if (now - connection->sent < REPEAT_MS)
			continue;
		if (connection->state == SYN_SENT)
			send_syn(clients, i, now);
		else
			send_request(clients, i, now);
	}
	for (; under_way < AT_ONCE && clients->started < clients->count; under_way++)
		send_syn(clients, clients->started++, now);
}

static bool parse(struct clients *clients, char **argv)
{
	struct in_addr source, destination;
	struct ether_addr *mac = ether_aton(argv[5]);

	if (inet_pton(AF_INET, argv[2], &source) != 1 || inet_pton(AF_INET, argv[4], &destination) != 1 || !mac)
		return false;
	memcpy(clients->link.peer_mac, mac, ETH_ALEN);
	clients->first_source = ntohl(source.s_addr);
	clients->destination = ntohl(destination.s_addr);
	clients->count = (uint32_t)atoi(argv[3]);
	snprintf(clients->request, sizeof(clients->request), "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
		 argv[6], argv[4]);
	return clients->count > 0;
}

int main(int argc, char **argv)
{
	struct clients clients = { 0 };
	bool told = false;
	int ret;

	if (argc != 7 || !parse(&clients, argv)) {
		fprintf(stderr, "usage: silent_clients INTERFACE FIRST_SOURCE CONNECTIONS DESTINATION "
				"DESTINATION_MAC PATH\n");
		return 2;
	}
	clients.connections = calloc(clients.count, sizeof(*clients.connections));
	if (!clients.connections)
		die("memory", strerror(errno));
	ret = raw_link_open(&clients.link, argv[1]);
	if (ret)
		die(argv[1], strerror(-ret));
	signal(SIGTERM, end);
	while (!ended) {
		if (clients.silent < clients.count)
			go_on(&clients);
		else if (!told)
			told = puts("open") >= 0 && !fflush(stdout);
		poll(&(struct pollfd){ .fd = clients.link.fd, .events = POLLIN }, 1, 100);
		receive(&clients);
	}
	reset_all(&clients);
	return 0;
}
