/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: a Linux interface each, by name; it may go and come back under them. */
#ifndef HG_PORT_H
#define HG_PORT_H

#include <net/if.h>
#include <stddef.h>

#include "capture.h"
#include "fanout.h"
#include "io.h"
#include "stage.h"

/* v1model's ports are 9 bits wide. */
#define PORT_NUMBERS 512u
#define PORT_TX_FRAMES 1024u

/* What one worker has of a port. */
struct port_lane {
	_Alignas(64) struct io_counters counters;
	_Atomic(struct io *) io; /* NULL while there is no such interface */
};

/*
 * The worker that takes a port's frames forwards all of them, so that what comes in by
 * one port leaves by another in the order in which it came. Any worker may send by it.
 */
struct port {
	uint32_t number;
	uint32_t worker; /* takes what comes in */
	char interface[IFNAMSIZ];
	_Atomic bool up;      /* the interface is up and has a link */
	_Atomic bool bundles; /* those that come in are cut up */
	/* Control threads' own. */
	bool open; /* its lanes have their io */
	int ifindex;
	uint32_t mtu;
	struct capture_port capture;
	_Atomic uint64_t tx_lost; /* frames that waited when their interface went */
	uint64_t rx_lost; /* by the kernel, as of the last look; of closed backends too */
	struct port_lane lanes[]; /* one for each worker */
};

/* The ports as published: immutable, replaced as a whole. */
struct port_set {
	struct retired retired;
	uint32_t count;
	struct port *all[PORT_NUMBERS]; /* ascending */
	struct port *by_number[PORT_NUMBERS];
};

/* What one worker has of all ports. */
struct ports_lane {
	int poll_fd; /* epoll: readable when a port that it takes frames of has some; events carry the port's number */
	struct stages stages;
	/* The worker's, what control threads open and attach aside. */
	struct payload_sum sum;
	struct fanout fanout;
};

struct ports {
	struct epoch *epoch;
	_Atomic(struct port_set *) set;
	uint32_t tx_frames;
	uint32_t queue_ms;
	enum hg_io io;
	struct capture *capture; /* NULL: none */
	int control_fd; /* for interface ioctls */
	uint32_t lane_count;
	struct ports_lane *lanes; /* one for each worker */
};

int ports_init(struct ports *ports, struct epoch *epoch, const struct hg_switch_config *config);
/* When no worker runs. */
void ports_clear(struct ports *ports);

/* Control threads, under the switch's mutex. */
int port_add(struct ports *ports, uint32_t number, const char *interface, char *error);
int port_remove(struct ports *ports, uint32_t number);
/*
 * Follows what happened to the ports' interfaces: gone, back, up, down, another
 * MTU. false: one is there but could not be opened; worth another try.
 */
bool ports_check(struct ports *ports);

static inline const struct port_set *ports_now(const struct ports *ports)
{
	return atomic_load_explicit(&ports->set, memory_order_acquire);
}

static inline struct io *port_io(const struct port *port, uint32_t worker)
{
	return atomic_load_explicit(&port->lanes[worker].io, memory_order_acquire);
}

/* NULL: there is no such port. */
static inline struct port *port_find(const struct port_set *set, uint32_t number)
{
	return number < PORT_NUMBERS ? set->by_number[number] : NULL;
}

#endif
