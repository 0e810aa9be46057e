/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket's clients: bytes in, answers out, and nobody waits for anybody. */
#ifndef HG_SERVER_H
#define HG_SERVER_H

#include <stdint.h>

#include "listener.h"
#include "service.h"

#define HG_CLIENTS_MAX 32

struct hg_client;

struct hg_server {
	struct hg_listener listener;
	struct hg_service service;
	struct hg_client *clients[HG_CLIENTS_MAX];
	uint32_t client_count;
	const struct hg_client *watcher; /* that has just begun to watch the cohorts; else NULL */
};

/* Serves until `stop` is readable. */
int hg_server_run(struct hg_server *server, int stop);

#endif
