/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer at a time for each client, and no further request is read from it
 * before that is gone: a client that does not read holds up itself alone, and
 * what it can make the pusher keep is bounded.
 */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wait.h"

struct hg_client {
	int fd;
	bool closing;   /* once its answer is gone */
	bool served;    /* it has made a request */
	bool watches;   /* the cohorts, ... */
	uint32_t watch; /* ... by the request with this id */
	uint64_t since; /* when it made its last one, else when it connected; hg_now() */
	size_t received;
	size_t answer_bytes, sent;
	uint8_t requests[HG_MESSAGE_PREFIX_BYTES + HG_REQUEST_BYTES_MAX];
	uint8_t answer[HG_ANSWER_BYTES_MAX];
};

static void drop_client(struct hg_server *server, uint32_t index)
{
	if (server->clients[index]->watches)
		hg_engine_unwatch_cohorts(server->service.engine);
	close(server->clients[index]->fd);
	free(server->clients[index]);
	server->clients[index] = server->clients[--server->client_count];
}

static bool gives_way_to(const struct hg_client *client, const struct hg_client *other)
{
	if (client->watches != other->watches)
		return other->watches;
	if (client->served != other->served)
		return other->served;
	return client->since < other->since;
}

/*
 * When there are too many, whoever has been silent longest gives way, and those
 * who never said anything before the others.
 */
static void make_room(struct hg_server *server)
{
	uint32_t idle = 0;

	if (server->client_count < HG_CLIENTS_MAX)
		return;
	for (uint32_t i = 1; i < server->client_count; i++)
		if (gives_way_to(server->clients[i], server->clients[idle]))
			idle = i;
	drop_client(server, idle);
}

static void accept_client(struct hg_server *server)
{
	int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct hg_client *client;

	if (fd < 0)
		return;
	client = malloc(sizeof(*client));
	if (!client) {
		close(fd);
		return;
	}
	client->fd = fd;
	client->closing = false;
	client->served = false;
	client->watches = false;
	client->since = hg_now();
	client->received = client->answer_bytes = client->sent = 0;
	make_room(server);
	server->clients[server->client_count++] = client;
}

/* Sends what it can of the answer; false: the client is gone. */
static bool send_answer(struct hg_client *client)
{
	ssize_t sent = send(client->fd, client->answer + client->sent, client->answer_bytes - client->sent,
			    MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	client->sent += (size_t)sent;
	if (client->sent < client->answer_bytes)
		return true;
	client->answer_bytes = client->sent = 0;
	return !client->closing;
}

/* Answers requests that are there in full, until one's answer has to wait; false: drop the client. */
static bool answer_requests(struct hg_service *service, struct hg_client *client)
{
	while (client->answer_bytes == 0) {
		const uint8_t *message;
		size_t length = 0;
		int ret = hg_message_next(client->requests, client->received, &message, &length);

		if (ret == 0)
			return true;
		if (ret < 0) {
			client->answer_bytes = hg_service_refuse(service, length, client->answer);
			client->closing = true;
		} else {
			client->answer_bytes = hg_service_answer(service, message, length, client->answer);
			client->served = true;
			client->since = hg_now();
			if (service->watch_begun) {
				client->watches = true;
				client->watch = service->request.id;
			}
			length += HG_MESSAGE_PREFIX_BYTES;
			client->received -= length;
			memmove(client->requests, client->requests + length, client->received);
		}
		if (!send_answer(client))
			return false;
	}
	return true;
}

static bool receive(struct hg_client *client)
{
	ssize_t got = recv(client->fd, client->requests + client->received,
			   sizeof(client->requests) - client->received, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	client->received += (size_t)got;
	return got > 0;
}

static bool serve_client(struct hg_service *service, struct hg_client *client, short events)
{
	if (events & POLLOUT) {
		if (!send_answer(client))
			return false;
	} else if (!receive(client)) {
		return false;
	}
	return answer_requests(service, client);
}

/* Whoever asked last watches; the one before is sent away, without a word of its successor's events. */
static void keep_last_watcher(struct hg_server *server)
{
	for (uint32_t i = server->client_count; server->watcher && i-- > 0;) {
		if (!server->clients[i]->watches || server->clients[i] == server->watcher)
			continue;
		server->clients[i]->watches = false;
		drop_client(server, i);
	}
	server->watcher = NULL;
}

/* Events, until there is none or they have to wait; false: drop the client. */
static bool feed(struct hg_service *service, struct hg_client *client)
{
	while (client->answer_bytes == 0) {
		int bytes = hg_service_event(service, client->watch, client->answer);

		if (bytes <= 0)
			return bytes == 0;
		client->answer_bytes = (size_t)bytes;
		if (!send_answer(client))
			return false;
	}
	return true;
}

static void feed_watcher(struct hg_server *server)
{
	uint64_t value;

	if (read(server->service.cohorts_changed, &value, sizeof(value)) < 0 && errno != EAGAIN)
		return;
	for (uint32_t i = server->client_count; i-- > 0;)
		if (server->clients[i]->watches && !feed(&server->service, server->clients[i]))
			drop_client(server, i);
}

static void serve(struct hg_server *server, uint32_t index, short events)
{
	struct hg_client *client = server->clients[index];

	server->service.watch_begun = false;
	if (!serve_client(&server->service, client, events))
		drop_client(server, index);
	else if (server->service.watch_begun)
		server->watcher = client;
}

int hg_server_run(struct hg_server *server, int stop)
{
	struct pollfd fds[3 + HG_CLIENTS_MAX];

	for (;;) {
		uint32_t clients = server->client_count;

		fds[0] = (struct pollfd){ .fd = stop, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = server->listener.fd, .events = POLLIN };
		fds[2] = (struct pollfd){ .fd = server->service.cohorts_changed, .events = POLLIN };
		for (uint32_t i = 0; i < clients; i++)
			fds[3 + i] = (struct pollfd){
				.fd = server->clients[i]->fd,
				.events = server->clients[i]->answer_bytes ? POLLOUT : POLLIN,
			};
		if (poll(fds, 3 + clients, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			break;
		/* From the last, because dropping one moves the last into its place. */
		for (uint32_t i = clients; i-- > 0;)
			if (fds[3 + i].revents)
				serve(server, i, fds[3 + i].events);
		keep_last_watcher(server);
		feed_watcher(server);
		if (fds[1].revents)
			accept_client(server);
	}
	while (server->client_count)
		drop_client(server, 0);
	return 0;
}
