/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine without interface, and one client at the other end of a bad link: time is
 * simulated, so that minutes pass in milliseconds and every run is the same. The client
 * is a TCP receiver of RFC 9293 with SACK and delayed acknowledgements; between the two
 * stands what the switch does: position and constants from an acknowledgement number.
 */
#ifndef TCP_CLIENT_H
#define TCP_CLIENT_H

#include "engine.h"
#include "tcp_frames.h"

#ifndef CLIENT_BYTES_MAX
#define CLIENT_BYTES_MAX (5 << 18)
#endif

struct link {
	uint32_t delay;   /* us, one way */
	uint32_t loss;    /* of 1000 */
	uint32_t reorder; /* of 1000: three milliseconds late */
	uint32_t rate;    /* pushes a millisecond that a switch takes; 0: any number */
	/* Towards the client: a rate, and a queue before it that drops what has no room. */
	uint32_t kbit;    /* a second; 0: any */
	uint32_t queue;   /* bytes */
	uint64_t free_at; /* ns: when all that it holds has left */
	uint32_t passed, dropped; /* frames */
};

struct client {
	struct hg_flow_key key;
	struct link *link; /* NULL: the sim's */
	uint32_t base;      /* sequence number of the response's first byte */
	uint8_t secret;     /* that its SYN was answered under */
	uint32_t seq;       /* its next own */
	uint32_t window;    /* bytes that it would take */
	uint32_t consumed;  /* position that its program has read to; window counts from it when `reads` is not set */
	bool reads;         /* its program takes everything at once */
	bool sack;
	uint32_t received;  /* position up to which all is there */
	uint32_t end;       /* position of the FIN; 0: not known */
	bool finished;      /* FIN taken */
	bool reset;
	uint32_t unacked;   /* segments since the last acknowledgement */
	uint32_t ack_at;    /* us; 0: none is due */
	uint32_t last_ack_no; /* of the server's segments: how much of ours it has */
	uint32_t acks;      /* that it sent */
	uint32_t answered_old_at; /* us; when it last answered an old, empty segment */
	uint8_t has[CLIENT_BYTES_MAX / HG_SEQ_GRANULE];
	uint8_t data[CLIENT_BYTES_MAX];
	struct {
		uint32_t start, end;
	} recent[4]; /* of SACK */
	uint32_t twice_start, twice_end; /* what came a second time, for the next acknowledgement (RFC 2883) */
};

#define SIM_SLOTS_MAX 256

/* What receives on the host's port: a ring, and a pipeline that takes so many frames of it each 100 us. */
struct sim_switch {
	uint32_t slots; /* 0: there is none, and pushes need nobody to take them */
	uint32_t speed;
	bool reflects; /* marks */
	bool dead;     /* what comes is lost; ... */
	bool stopped;  /* ... nothing is taken */
	int echo_far;
	uint32_t first, count;
	struct {
		uint32_t bytes;
		uint8_t frame[2048];
	} ring[SIM_SLOTS_MAX];
	uint32_t lost, most; /* frames; the most that the ring ever held */
};

struct sim;

struct sim {
	struct hg_engine engine;
	struct link link;
	struct client client;
	struct client *focus; /* whom sim_send() and the like are about: `client`, or one of `crowd` */
	struct client *crowd; /* more of them; else NULL */
	uint32_t crowd_count;
	/* Whom a push to this group reaches, by sim_deliver(); NULL: nobody. */
	void (*replicate)(struct sim *sim, uint16_t group, const uint8_t *frame, uint32_t bytes);
	/* Sees every push that comes out, whoever it is for; NULL: nobody does. */
	void (*observe)(struct sim *sim, const uint8_t *frame, uint32_t bytes);
	uint8_t secret;       /* the switch's current one */
	bool verified;        /* the client is in the switch's filter */
	bool elsewhere;       /* what the client sends goes to another host */
	uint32_t length;      /* the service table's response_length */
	int far;              /* where pushes come out */
	uint32_t drop_offset, drop_times; /* the push with this position is lost so often */
	uint32_t pushes;      /* since the beginning */
	struct sim_switch board;
};

/* `flows`: path of the flow file. The content has number 1 and is in the file `content`. */
void sim_open(struct sim *sim, const char *flows, const char *content);
/* As kill -9 and a new process: the content has to be added again. */
void sim_restart(struct sim *sim, const char *flows);
void sim_add_content(struct sim *sim, const char *content);
/* The same, but its clients are not asked where they stand yet. */
void sim_prepare_content(struct sim *sim, const char *content);
void sim_close(struct sim *sim);

/* From now on pushes have to pass a switch with such a ring. */
void sim_join_switch(struct sim *sim, uint32_t slots, uint32_t speed, bool reflects);

/* A replica of this push is on its way to the client. */
void sim_deliver(struct sim *sim, struct client *client, const uint8_t *frame, uint32_t bytes);

/* A new connection: window scale 7 and, when asked for, SACK; MSS class 2. */
void sim_connect(struct sim *sim, uint16_t port, bool sack);
/* The client sends this, now, across the link. */
void sim_send(struct sim *sim, uint8_t flags, const void *data, uint32_t bytes);
/* The same with other numbers than it would send: an exact position, its own sequence number. */
void sim_send_as(struct sim *sim, uint8_t flags, uint32_t seq, uint32_t position, const void *data, uint32_t bytes);
void sim_get(struct sim *sim);

/* Lets time pass. */
void sim_run(struct sim *sim, uint32_t us);
/* Until the client has everything or was reset; false: not within that time. */
bool sim_run_until_done(struct sim *sim, uint32_t us);

uint64_t sim_counter(const struct sim *sim, enum hg_tcp_counter counter);
uint32_t sim_random(uint32_t limit);

#endif
