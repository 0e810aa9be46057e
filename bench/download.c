/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of the TCP benchmark, the same for every server: each of so many
 * connections at a time downloads PATH, and again when it is done, until the time is
 * over; then the last ones are finished. Every download has to be complete.
 *
 *   download ADDRESS[:PORT] PATH CONNECTIONS SECONDS START_NS      START_NS: of CLOCK_MONOTONIC
 *
 * Prints body bytes, downloads, end (ns), CPU (us), then a line for each download:
 * us from connect() to the response's first byte, and to its last.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 80
#define CONNECTIONS_MAX 1024
#define READ_BYTES (256 << 10)
#define HEADER_BYTES_MAX 2048
#define NS_PER_SECOND 1000000000ull
#define STUCK_SECONDS 60 /* without any event: fail */

struct download {
	int fd;
	uint64_t started; /* ns */
	bool asked;
	uint32_t first_byte; /* us, since it was started */
	uint32_t header_bytes; /* taken so far; the header is complete when `length` is known */
	int64_t length;        /* of the body; -1: not known yet */
	int64_t received;      /* of the body */
	char header[HEADER_BYTES_MAX + 1];
};

struct client {
	struct sockaddr_in server;
	char request[256];
	uint64_t stop; /* ns: no new download after that */
	int epoll;
	uint32_t open;
	uint64_t bytes, done;
	struct {
		uint32_t first_byte, last_byte; /* us */
	} *times; /* of each download, as they ended */
	uint64_t room;
	struct download downloads[CONNECTIONS_MAX];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "download: %s: %s\n", what, why);
	exit(1);
}

static void begin(struct client *client, struct download *download)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = download };

	*download = (struct download){ .length = -1, .started = now_ns() };
	download->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (download->fd < 0)
		die("socket", strerror(errno));
	if (connect(download->fd, (struct sockaddr *)&client->server, sizeof(client->server)) && errno != EINPROGRESS)
		die("connect", strerror(errno));
	if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, download->fd, &event))
		die("epoll", strerror(errno));
	client->open++;
}

static void ask(struct client *client, struct download *download)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = download };
	size_t bytes = strlen(client->request);
	ssize_t sent = send(download->fd, client->request, bytes, MSG_NOSIGNAL);

	if (sent != (ssize_t)bytes)
		die("request", sent < 0 ? strerror(errno) : "not taken at once");
	download->asked = true;
	epoll_ctl(client->epoll, EPOLL_CTL_MOD, download->fd, &event);
}

static uint32_t us_since_start(const struct download *download)
{
	return (uint32_t)((now_ns() - download->started) / 1000);
}

static void note_times(struct client *client, const struct download *download)
{
	if (client->done == client->room) {
		client->room = client->room ? 2 * client->room : 4096;
		client->times = realloc(client->times, client->room * sizeof(*client->times));
		if (!client->times)
			die("memory", strerror(errno));
	}
	client->times[client->done].first_byte = download->first_byte;
	client->times[client->done].last_byte = us_since_start(download);
}

/* Takes what belongs to the header; returns how many of the bytes that were. */
static size_t read_header(struct download *download, const char *data, size_t bytes)
{
	size_t before = download->header_bytes, room = HEADER_BYTES_MAX - before;
	size_t taken = bytes < room ? bytes : room;
	const char *field;
	char *end;

	memcpy(download->header + before, data, taken);
	download->header[before + taken] = 0;
	download->header_bytes += (uint32_t)taken;
	end = strstr(download->header, "\r\n\r\n");
	if (!end) {
		if (download->header_bytes == HEADER_BYTES_MAX)
			die("response", "its header does not end");
		return taken;
	}
	end[2] = 0;
	field = strcasestr(download->header, "\r\nContent-Length:");
	if (strncmp(download->header, "HTTP/1.1 200 ", 13) || !field)
		die("response", download->header);
	download->length = strtoll(field + strlen("\r\nContent-Length:"), NULL, 10);
	return (size_t)(end + 4 - download->header) - before;
}

static void finish(struct client *client, struct download *download)
{
	if (download->length < 0 || download->received != download->length) {
		fprintf(stderr, "download: %lld of %lld bytes came\n", (long long)download->received,
			(long long)download->length);
		exit(1);
	}
	close(download->fd);
	client->open--;
	note_times(client, download);
	client->done++;
	client->bytes += (uint64_t)download->received;
	if (now_ns() < client->stop)
		begin(client, download);
}

static void take(struct client *client, struct download *download)
{
	static char buffer[READ_BYTES];
	ssize_t bytes = recv(download->fd, buffer, sizeof(buffer), 0);
	size_t header = 0;

	if (bytes < 0 && errno == EAGAIN)
		return;
	if (bytes < 0)
		die("recv", strerror(errno));
	if (!bytes) {
		finish(client, download);
		return;
	}
	if (!download->header_bytes)
		download->first_byte = us_since_start(download);
	if (download->length < 0)
		header = read_header(download, buffer, (size_t)bytes);
	download->received += bytes - (ssize_t)header;
}

static void run(struct client *client)
{
	struct epoll_event events[64];

	while (client->open) {
		int count = epoll_wait(client->epoll, events, 64, STUCK_SECONDS * 1000);

		if (count <= 0)
			die("waiting", count ? strerror(errno) : "nothing comes any more");
		for (int i = 0; i < count; i++) {
			struct download *download = events[i].data.ptr;

			if (download->asked)
				take(client, download);
			else
				ask(client, download);
		}
	}
}

static uint64_t cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static bool parse_address(struct sockaddr_in *address, const char *text)
{
	char host[INET_ADDRSTRLEN];
	const char *colon = strchrnul(text, ':');

	if ((size_t)(colon - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)(*colon ? atoi(colon + 1) : PORT));
	return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

int main(int argc, char **argv)
{
	static struct client client;
	uint64_t start;
	uint32_t connections;

	if (argc != 6 || !parse_address(&client.server, argv[1])) {
		fprintf(stderr, "usage: download ADDRESS[:PORT] PATH CONNECTIONS SECONDS START_NS\n");
		return 2;
	}
	snprintf(client.request, sizeof(client.request),
		 "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: hectograph-bench\r\nConnection: close\r\n\r\n", argv[2], argv[1]);
	connections = (uint32_t)atoi(argv[3]);
	if (!connections || connections > CONNECTIONS_MAX)
		die("CONNECTIONS", "from 1 to 1024");
	start = strtoull(argv[5], NULL, 10);
	client.stop = start + (uint64_t)(atof(argv[4]) * (double)NS_PER_SECOND);
	client.epoll = epoll_create1(0);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
			&(struct timespec){ (time_t)(start / NS_PER_SECOND), (long)(start % NS_PER_SECOND) }, NULL);
	for (uint32_t i = 0; i < connections; i++)
		begin(&client, &client.downloads[i]);
	run(&client);
	printf("%llu %llu %llu %llu\n", (unsigned long long)client.bytes, (unsigned long long)client.done,
	       (unsigned long long)now_ns(), (unsigned long long)cpu_us());
	for (uint64_t i = 0; i < client.done; i++)
		printf("%u %u\n", client.times[i].first_byte, client.times[i].last_byte);
	return 0;
}
