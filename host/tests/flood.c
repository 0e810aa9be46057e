/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SYNs as fast as one core makes them, from random IPv4 addresses and ports.
 *
 *   flood INTERFACE MAC ADDRESS syn|broken SECONDS
 *
 * `broken`: with a wrong IPv4 header checksum, which a switch drops and no more.
 * Prints how many were sent.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define MSS_OPTION 0x020405B4 /* 1460 */

struct frame {
	struct ether_header ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
	uint32_t option;
} __attribute__((packed));

static uint64_t state = 1;

/* splitmix64 */
static uint64_t dice(void)
{
	uint64_t z = state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static uint32_t sum(const void *data, size_t bytes, uint32_t total)
{
	const uint8_t *at = data;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		total += (uint32_t)at[i] << 8 | at[i + 1];
	return total;
}

static uint16_t fold(uint32_t total)
{
	total = (total & 0xFFFF) + (total >> 16);
	return htons((uint16_t)~(total + (total >> 16)));
}

static void prepare(struct frame *frame, const uint8_t mac[6], uint32_t address)
{
	memset(frame, 0, sizeof(*frame));
	memcpy(frame->ethernet.ether_dhost, mac, 6);
	memcpy(frame->ethernet.ether_shost, "\2\0\0\0\1\x66", 6);
	frame->ethernet.ether_type = htons(ETHERTYPE_IP);
	frame->ip.version = 4;
	frame->ip.ihl = 5;
	frame->ip.ttl = 64;
	frame->ip.protocol = IPPROTO_TCP;
	frame->ip.tot_len = htons(sizeof(*frame) - sizeof(frame->ethernet));
	frame->ip.daddr = address;
	frame->tcp.dest = htons(80);
	frame->tcp.doff = 6;
	frame->tcp.syn = 1;
	frame->tcp.window = htons(64240);
	frame->option = htonl(MSS_OPTION);
}

/* Unicast sources that no one in the test has: 11.0.0.0/8 to 126.0.0.0/8. */
static void aim(struct frame *frame, bool broken)
{
	uint64_t random = dice();
	uint32_t pseudo;

	frame->ip.saddr = htonl((11 + (uint32_t)(random % 116)) << 24 | (uint32_t)(random >> 32 & 0xFFFFFF));
	frame->tcp.source = (uint16_t)(random >> 16);
	frame->tcp.seq = (uint32_t)dice();
	frame->ip.check = frame->tcp.check = 0;
	frame->ip.check = fold(sum(&frame->ip, sizeof(frame->ip), broken));
	pseudo = sum(&frame->ip.saddr, 8, IPPROTO_TCP + sizeof(frame->tcp) + sizeof(frame->option));
	frame->tcp.check = fold(sum(&frame->tcp, sizeof(frame->tcp) + sizeof(frame->option), pseudo));
}

static uint64_t flood(int fd, struct frame *frames, bool broken, double seconds)
{
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH] = { 0 };
	struct timespec begun, now;
	uint64_t sent = 0;

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ &frames[i], sizeof(frames[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	clock_gettime(CLOCK_MONOTONIC, &begun);
	do {
		int ret;

		for (int i = 0; i < BATCH; i++)
			aim(&frames[i], broken);
		ret = sendmmsg(fd, messages, BATCH, 0);
		if (ret > 0)
			sent += (uint64_t)ret;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) * 1e-9 < seconds);
	return sent;
}

int main(int argc, char **argv)
{
	static struct frame frames[BATCH];
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	unsigned int mac[6];
	uint8_t bytes[6];

	if (argc != 6 || sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) != 6) {
		fputs("flood: interface, MAC, IPv4 address, syn or broken, and seconds are needed\n", stderr);
		return 2;
	}
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)mac[i];
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror(argv[1]);
		return 1;
	}
	for (int i = 0; i < BATCH; i++)
		prepare(&frames[i], bytes, inet_addr(argv[3]));
	printf("%llu\n", (unsigned long long)flood(fd, frames, strcmp(argv[4], "broken") == 0, atof(argv[5])));
	return 0;
}
