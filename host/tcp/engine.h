/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the engine: what its thread works on, and the parts that its files give each other. */
#ifndef HG_ENGINE_H
#define HG_ENGINE_H

#include <net/if.h>
#include <pthread.h>

#include "cohort.h"
#include "contents.h"
#include "flow_table.h"
#include "host_link.h"
#include "outbox.h"
#include "pull.h"
#include "pull_ring.h"
#include "tcp.h"

struct hg_engine {
	char interface[IFNAMSIZ];
	struct hg_contents contents;
	struct hg_flow_table table;
	struct hg_runs runs;
	struct hg_timers timers;
	struct hg_outbox outbox;
	struct hg_host_link host_link;
	struct hg_pull_ring ring;
	struct hg_cohorts cohorts;
	struct hg_tcp_counters counters;
	uint32_t now;    /* us, of this turn of the loop */
	uint32_t ask_at; /* us: when the next client is asked where it stands */
	uint64_t turn;
	uint32_t late; /* turns that timers have waited */
	uint64_t looked; /* ns: when contents and interface were last looked after */
	uint32_t looks;

	pthread_t thread;
	pthread_mutex_t lock;    /* of all above; the thread lets go of it when it waits */
	_Atomic uint32_t waiting; /* others that want the lock */
	int wake; /* eventfd */
	_Atomic bool stop;
};

static inline struct hg_flow *hg_flow_at(const struct hg_engine *engine, uint32_t index)
{
	return &engine->table.flows[index];
}

static inline struct hg_flow_record *hg_record_at(const struct hg_engine *engine, uint32_t index)
{
	return hg_flow_record_at(&engine->table, index);
}

/* Other threads get in between two turns of the loop. */
static inline void hg_engine_enter(struct hg_engine *engine)
{
	atomic_fetch_add(&engine->waiting, 1);
	pthread_mutex_lock(&engine->lock);
	atomic_fetch_sub(&engine->waiting, 1);
}

static inline void hg_engine_leave(struct hg_engine *engine)
{
	pthread_mutex_unlock(&engine->lock);
}

static inline void hg_count(struct hg_engine *engine, enum hg_tcp_counter counter)
{
	engine->counters.values[counter]++;
}

/* flow.c: from its first packet to its last. */

/* HG_FLOW_NONE: no room. Its record is filled but for its state. */
uint32_t hg_flow_open(struct hg_engine *engine, const struct hg_pull *pull, uint8_t secret);
/* The soft half of a record that is there. */
void hg_flow_begin(struct hg_engine *engine, uint32_t index);
/* It answers with this from now on. */
void hg_flow_respond(struct hg_engine *engine, uint32_t index, struct hg_content *content, enum hg_response_kind kind);
/* Nothing more is sent; what is left is to let the client close, and late packets come. */
void hg_flow_finish(struct hg_engine *engine, uint32_t index, enum hg_tcp_counter why);
/* All of [acked, sent) counts as lost, and is sent again as windows allow. */
void hg_flow_lose_all(struct hg_engine *engine, uint32_t index);
/* Forgets it. */
void hg_flow_close(struct hg_engine *engine, uint32_t index);
/* With a RST. */
void hg_flow_reset(struct hg_engine *engine, uint32_t index, enum hg_tcp_counter why);
/* An empty segment with the next sequence number. */
void hg_flow_send_ack(struct hg_engine *engine, uint32_t index);
/*
 * An old byte: every TCP answers where it stands (RFC 9293, 3.10.7.4). It is the garbage
 * octet of RFC 1122, 4.2.3.6, since to an empty segment Linux answers twice a second at
 * most (tcp_invalid_ratelimit), and a host that dies more often would hear of nobody.
 */
void hg_flow_probe(struct hg_engine *engine, uint32_t index);
/* What it answers with; NULL: its content is not here now. */
const struct hg_response *hg_flow_response(const struct hg_engine *engine, const struct hg_flow_record *record,
					   struct hg_content **content);
/* Those that are being answered from this content; `all`: also those that only get a header section. */
void hg_flows_reset(struct hg_engine *engine, uint32_t content, bool all);

/* transmit.c: what is sent when. */

/* Whatever windows, pacing and recovery allow now. */
void hg_transmit(struct hg_engine *engine, uint32_t index);
/* Does it serve? Its file is looked at before anything of it is sent, once in each turn of the loop. */
bool hg_content_is_fit(struct hg_engine *engine, struct hg_content *content);
/* Sends [start, end), and the FIN if it is the end. false: that is not of the response; the flow is no more. */
bool hg_transmit_piece(struct hg_engine *engine, uint32_t index, struct hg_content *content,
		       const struct hg_response *response, uint32_t start, uint32_t end);

/* timeout.c: what happens when nothing does. */

/* Sets what the flow now waits for; `restart`: from now on, even if it waited for that already. */
void hg_timeout_arm(struct hg_engine *engine, uint32_t index, bool restart);
void hg_timeout_set(struct hg_engine *engine, uint32_t index, enum hg_flow_timeout timeout, uint32_t after);
/* The wheel's timer for whichever comes first: its timeout or its pacing. */
void hg_timeout_schedule(struct hg_engine *engine, uint32_t index);
void hg_timeouts_run(struct hg_engine *engine);

/* acknowledge.c: what an acknowledgement says. `acked` is its exact position. */
void hg_acknowledge(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t acked,
		    uint32_t length);
/* One that others have overtaken: what came twice, it alone may tell. */
void hg_acknowledge_old(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t acked);
/* The reordering window has ended for something. */
void hg_acknowledge_late(struct hg_engine *engine, uint32_t index);

/* client_stream.c: what the client sends. */

/* Nothing was taken yet of a connection whose beginning was not seen: it may begin earlier than it seemed. */
void hg_stream_find_beginning(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull);
/* Data and FIN, in order; what was here before is cut off, what comes too early is asked for again. */
void hg_stream_read(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull);

/* receive.c: a pull, from the ring to its flow. */
void hg_receive(struct hg_engine *engine, const struct hg_pull *pull);

/* resume.c: flows that another process, or another host, had. */

/* Soft halves for all that the file holds. */
void hg_resume_all(struct hg_engine *engine);
/* The content is new here: flows that are answered with it may wait for it already. */
void hg_resume_count(struct hg_engine *engine, struct hg_content *content);
/* It is prepared: asks its clients where they stand. */
void hg_resume_content(struct hg_engine *engine, struct hg_content *content);
/* One with a soft half: its client is asked when its turn comes and its content is here. */
void hg_resume_flow(struct hg_engine *engine, uint32_t index);
/* Until its content is prepared. */
void hg_resume_wait(struct hg_engine *engine, uint32_t index);
/* Its client may be reached again: one that does not answer is asked, or sent, at once what it would be later. */
void hg_resume_again(struct hg_engine *engine, uint32_t index);

/* handover.c: flows that come from another host, and that go to one. */

/* true: it was made; HG_FLOW_NONE in `index`: there is no room. */
bool hg_flow_adopt(struct hg_engine *engine, const struct hg_flow_status *status, uint32_t *index);
/* What the client's packet says of how far others came with it; false: no more is to be done with that packet. */
bool hg_flow_settle(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t position);

#endif
