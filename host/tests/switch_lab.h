/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running switch between two hosts, in a network namespace of its own: port 1
 * is s1 with h1 behind it, port 2 s2 with h2. It runs switch_pipeline.c, with so many
 * workers as LAB_WORKERS in the environment says, and sends by AF_XDP where LAB_IO is "afxdp".
 */
#ifndef HG_SWITCH_LAB_H
#define HG_SWITCH_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "hg_switch.h"
#include "switch_check.h"
#include "switch_net.h"

#define LAB_MTU_1 9000u /* of port 1 */
#define LAB_MTU_2 1500u
#define LAB_MTU_BUNDLES 65535u
#define LAB_TIMEOUT_MS 5000
#define LAB_QUIET_MS 100

/* EtherTypes, and what the lab has the pipeline do with them. */
#define TYPE_TO_2 0x88b6
#define TYPE_GROUP 0x88b5 /* group 1 */
#define TYPE_CPU 0x0806
#define TYPE_NO_PORT 0x1234

struct lab {
	struct hg_switch *sw;
	struct hg_loaded *loaded;
	int host_1, host_2; /* raw sockets on h1 and h2 */
};

extern struct lab lab;

void lab_open(const char *pipeline);
void lab_open_io(const char *pipeline, enum hg_io io, uint32_t mtu_1);
void lab_open_with(const char *pipeline, const struct hg_switch_config *config, uint32_t mtu_1);
void lab_close(void);
enum hg_io lab_io(void);    /* HG_IO_AUTO unless LAB_IO says so */
uint32_t lab_workers(void); /* 1 unless LAB_WORKERS says so */

void lab_insert(const char *table, uint16_t key, const char *action, const uint8_t *params, uint32_t params_bytes);
void lab_steer(uint16_t ether_type, const char *action, uint16_t param); /* param 0: none */

struct hg_port_stats lab_port(uint32_t port);
struct hg_switch_stats lab_stats(void);

/* A pattern, with a unicast destination and that EtherType. */
void lab_fill(uint8_t *frame, uint32_t length, uint16_t ether_type);
void lab_send(int host, const uint8_t *frame, uint32_t length);
void lab_expect(int host, const uint8_t *frame, uint32_t length);
void lab_expect_nothing(int host);

/* Polls until the condition holds: what another thread does is soon, not now. */
#define EVENTUALLY(condition)                                             \
	do {                                                              \
		for (int tries_ = 0; !(condition); tries_++) {            \
			CHECK(tries_ < LAB_TIMEOUT_MS && #condition);     \
			usleep(1000);                                     \
		}                                                         \
	} while (0)

#endif
