/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One content: a file, mapped, and its responses. The sums of its 128-byte granules
 * are made by a thread of its own; nothing here reads the mapping, so a file that is
 * cut short raises no SIGBUS (the kernel answers EFAULT when it sends).
 */
#ifndef HG_CONTENT_H
#define HG_CONTENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "pusher.h"
#include "response.h"

/* Which file a path has to name when it is opened. */
struct hg_file_identity {
	uint64_t device;
	uint64_t inode; /* 0: whichever it names */
	int64_t changed_ns;
};

struct hg_content_spec {
	uint32_t id; /* the pipeline's number of it; not 0 */
	char path[HG_PUSHER_PATH_BYTES]; /* absolute */
	char type[HG_CONTENT_TYPE_BYTES]; /* media type; empty: application/octet-stream */
	char etag[HG_ETAG_BYTES];
	int64_t modified; /* Unix time; 0: the file's */
	struct hg_file_identity file;
};

enum hg_content_state {
	HG_CONTENT_PREPARING = 1,
	HG_CONTENT_READY = 2,
	HG_CONTENT_DRAINING = 3,  /* removed: running downloads finish, new ones get 404 */
	HG_CONTENT_WITHDRAWN = 4, /* its file changed, vanished or could not be read: see error */
};

struct hg_content {
	struct hg_content_spec spec;
	_Atomic enum hg_content_state state;
	_Atomic uint64_t prepared; /* bytes of the response that have their sums */
	char error[HG_PUSHER_ERROR_BYTES]; /* written before the state that it explains */
	struct hg_response responses[HG_RESPONSE_KINDS];
	uint32_t longest_other; /* bytes */
	uint32_t flows;         /* that are being answered; the engine's */
	bool resumed;           /* the engine has asked its flows where they stand */
	bool swept;             /* withdrawn, and its downloads were reset */
	uint64_t checked;       /* the engine's loop in which the file was last looked at */
	bool demanded;          /* somebody has asked for it */
	float demand;           /* requests not long before `demanded_at` (us): cohort_form.c */
	uint32_t demanded_at;

	int file;
	struct stat status; /* of the file when it was added */
	const uint8_t *map;
	uint16_t *sums;
	int wake;
	pthread_t thread;
	_Atomic bool stop;
};

/*
 * Opens and maps the file and begins to prepare it; whatever comes of that, `wake` (an
 * eventfd, or -1) is told. -EFBIG, -EINVAL, or the file's errno.
 */
int hg_content_open(struct hg_content **content, const struct hg_content_spec *spec, int wake, char *error);

/* -ESTALE, and why, once the file is not what it was when it was added. */
int hg_content_check(const struct hg_content *content, char *error);

/* Nothing more is sent of it. */
void hg_content_withdraw(struct hg_content *content, const char *why);

static inline bool hg_content_serves(const struct hg_content *content)
{
	enum hg_content_state state = atomic_load_explicit(&content->state, memory_order_acquire);

	return state == HG_CONTENT_READY || state == HG_CONTENT_DRAINING;
}

/* NULL is fine. */
void hg_content_close(struct hg_content *content);

#endif
