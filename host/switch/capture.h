/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes in and out of ports, into pcap files: one file for each direction of a
 * port, named as BMv2 names them. The worker copies frames into a ring and never waits;
 * a thread writes the files. What the ring does not take, and what the disk does not, is
 * counted.
 */
#ifndef HG_CAPTURE_H
#define HG_CAPTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "hg_switch.h"
#include "relaxed.h"

#define CAPTURE_RING_BYTES (16u << 20) /* a power of two */
#define CAPTURE_FRAME_BYTES (256u << 10) /* pcap's snapshot length; longer than any super-frame */
#define CAPTURE_NAME_BYTES 32u

struct capture_file {
	struct capture_file *next;
	char name[CAPTURE_NAME_BYTES];
	uint32_t link_type;
	int fd;
	_Atomic uint64_t lost; /* the worker's: the ring was full */
	/* The writer's. */
	_Atomic uint64_t written, unwritten;
	bool broken;       /* nothing more is written */
	uint64_t bytes;    /* in the file, whole records all */
	uint32_t buffered; /* records in the buffer, */
	size_t used;       /* and bytes */
	uint8_t *buffer;
};

/* pcap's LINKTYPE_ETHERNET, and LINKTYPE_RAW: IP without a link's header. */
#define CAPTURE_ETHERNET 1u
#define CAPTURE_RAW 101u

/* A port's; NULL where a switch does not capture. */
struct capture_port {
	struct capture *capture;
	struct capture_file *in, *out;
};

struct capture {
	int directory;
	int wake_fd;   /* eventfd: there is something in the ring, or an end to it */
	int failed_fd; /* eventfd: readable once a file could not be written */
	uint8_t *ring;
	_Atomic uint64_t put, taken; /* bytes ever */
	_Atomic bool announced;      /* the writer was woken since it last looked */
	_Atomic bool stop;
	_Atomic(struct capture_file *) files; /* never shorter */
	pthread_t thread;
	bool running;
	bool pending; /* the worker's: put since the last capture_flush() */
	bool failed;  /* the writer's: it has said so */
	char error[HG_ERROR_BYTES]; /* written before failed_fd is raised */
};

/* Into that directory, which is there. Writes what went wrong to `error`. */
int capture_open(const char *directory, struct capture **capture, char *error);
/* Writes what waits, when no worker puts any more. NULL is fine. */
void capture_close(struct capture *capture);

/* Control threads, under the switch's mutex. The files of an interface that had been a port go on. */
int capture_add_port(struct capture *capture, const char *interface, uint32_t link_type, struct capture_port *port,
		     char *error);

/* The worker's: a frame in parts, of whose first `skip` bytes are none of it; CLOCK_REALTIME. */
void capture_put(struct capture *capture, struct capture_file *file, uint64_t time_ns, const struct iovec *parts,
		 size_t count, size_t skip);
void capture_flush(struct capture *capture); /* NULL is fine */

uint64_t capture_now_ns(void);

/* ---- between capture.c and capture_write.c ---------------------------------------- */

/* In the ring, before a frame's bytes; as long as says capture_record_bytes(). */
struct capture_record {
	struct capture_file *file;
	uint64_t time_ns;
	uint32_t length;   /* of the frame */
	uint32_t captured; /* of it, behind this */
};

static inline uint64_t capture_record_bytes(uint32_t captured)
{
	return sizeof(struct capture_record) + (captured + 7u) / 8u * 8u;
}

int capture_file_start(struct capture_file *file);
void *capture_write(void *capture);

#endif
