/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer that sends once per client: one thread, one AF_PACKET socket per
 * interface, sendmmsg() with the same frames that the members would get.
 *
 *   sendmmsg PAYLOAD_BYTES SECONDS INTERFACE...     prints frames per second
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define HEADER_BYTES 42 /* Ethernet, IPv4, UDP */

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (!address.sll_ifindex || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		fprintf(stderr, "sendmmsg: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t header[HEADER_BYTES] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45 };
	static uint8_t payload[65536];
	struct iovec parts[2] = { { header, sizeof(header) }, { payload, 0 } };
	struct mmsghdr messages[BATCH];
	double start, elapsed, seconds;
	uint64_t sent = 0;
	int count = argc - 3, *sockets;

	if (count < 1) {
		fprintf(stderr, "usage: sendmmsg PAYLOAD_BYTES SECONDS INTERFACE...\n");
		return 2;
	}
	parts[1].iov_len = (size_t)atoi(argv[1]);
	seconds = atof(argv[2]);
	sockets = calloc((size_t)count, sizeof(*sockets));
	if (!sockets)
		return 1;
	for (int i = 0; i < count; i++)
		sockets[i] = open_interface(argv[3 + i]);
	for (int i = 0; i < BATCH; i++)
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = parts, .msg_iovlen = 2 } };

	start = now_seconds();
	do {
		for (int i = 0; i < count; i++) {
			int done = sendmmsg(sockets[i], messages, BATCH, 0);

			if (done < 0 && errno != ENOBUFS) {
				fprintf(stderr, "sendmmsg: %s: %s\n", argv[3 + i], strerror(errno));
				return 1;
			}
			sent += done > 0 ? (uint64_t)done : 0;
		}
		elapsed = now_seconds() - start;
	} while (elapsed < seconds);
	printf("%.0f\n", (double)sent / elapsed);
	return 0;
}
