/* SPDX-License-Identifier: Apache-2.0 */
/* What the pusher answers to a request; knows nothing of sockets. */
#ifndef HG_SERVICE_H
#define HG_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "framing.h"
#include "pusher.pb.h"
#include "streams.h"
#include "tcp.h"

#define HG_ANSWER_BYTES_MAX (HG_MESSAGE_PREFIX_BYTES + hg_pb_Response_size)

struct hg_service {
	struct hg_streams streams;
	struct hg_engine *engine; /* the caller's; NULL: no contents are served */
	const char *name;
	uint64_t started; /* Unix time, us */
	uint64_t requests;
	uint64_t bad_requests;
	int cohorts_changed; /* eventfd: there may be events for who watches the cohorts */
	bool watch_begun;    /* by the last request */
	/* Too large for a stack. */
	hg_pb_Request request;
	hg_pb_Response response;
	struct hg_cohort_event event;
};

/* Both names must outlive the service. */
void hg_service_init(struct hg_service *service, const char *interface, bool bundles, const char *name);
void hg_service_close(struct hg_service *service);

/* Acts on one message and writes the answer, with its prefix; returns its bytes. */
size_t hg_service_answer(struct hg_service *service, const uint8_t *message, size_t length, uint8_t *answer);

/*
 * The next of the many answers to request `id`, a WatchCohorts. 0: there is none now.
 * -ENOBUFS: some are lost, and who watches must begin anew.
 */
int hg_service_event(struct hg_service *service, uint32_t id, uint8_t *answer);

/* The answer to a message that is longer than allowed. */
size_t hg_service_refuse(struct hg_service *service, size_t length, uint8_t *answer);

#endif
