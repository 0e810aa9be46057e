/* SPDX-License-Identifier: Apache-2.0 */
#include "egress.h"

#include <string.h>

#include "trace.h"

/* Of the packet as it leaves egress: its headers, and of metadata what the field list says. */
static void clone_egress(const struct forwarder *forwarder, struct hg_standard_metadata *standard,
			 const struct payload *payload, uint32_t depth)
{
	const struct group *session = session_of(forwarder, standard);
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	uint8_t headers[LOADED_HEADER_BYTES];
	struct hg_standard_metadata *copy;
	uint32_t bytes, header_bytes;
	struct payload rest = *payload;

	if (!session)
		return;
	if (depth == LOADED_CLONE_DEPTH) {
		count_dropped(forwarder, &forwarder->stats->dropped_clones, session->count, "a clone of too many clones");
		return;
	}
	if (forwarder->trace)
		trace_print("Cloning packet at egress: session %u, %u replicas", standard->clone_session, session->count);
	if (session->max_bytes) {
		header_bytes = pipeline->deparse(standard, headers);
		bytes = at_most(header_bytes + payload->length, session->max_bytes);
		rest.length = bytes > header_bytes ? bytes - header_bytes : 0;
	}
	copy = forwarder->lane->clones[depth];
	show_payload(forwarder->lane, &rest);
	for (uint32_t i = 0; i < session->count; i++) {
		memcpy(copy, standard, pipeline->phv_bytes);
		pipeline->reset_metadata(copy);
		pipeline->keep_fields(standard->clone_fields, copy, standard);
		copy->instance_type = HG_INSTANCE_EGRESS_CLONE;
		copy->egress_port = session->replicas[i].port;
		copy->egress_rid = session->replicas[i].instance;
		egress(forwarder, copy, &rest, depth + 1);
	}
	show_payload(forwarder->lane, payload);
	add_relaxed(&forwarder->stats->clones, session->count);
}

static void send(const struct forwarder *forwarder, const struct hg_standard_metadata *standard,
		 const struct payload *payload)
{
	struct output *output = forwarder->output;
	uint8_t *header = output->header(output, standard->egress_port);

	if (header)
		output->send(output, standard->egress_port, forwarder->loaded->pipeline->deparse(standard, header),
			     payload->bytes, payload->length);
}

/* Less of it than there is; of no bytes at all, nothing leaves. */
static void send_cut(const struct forwarder *forwarder, const struct hg_standard_metadata *standard,
		     const struct payload *payload)
{
	struct output *output = forwarder->output;
	uint32_t header_bytes, room;
	uint8_t *header;

	if (!standard->truncate_bytes) {
		count_dropped(forwarder, &forwarder->stats->dropped_egress, 1, "at the end of egress");
		return;
	}
	header = output->header(output, standard->egress_port);
	if (!header)
		return;
	header_bytes = forwarder->loaded->pipeline->deparse(standard, header);
	if (header_bytes > standard->truncate_bytes)
		header_bytes = standard->truncate_bytes;
	room = standard->truncate_bytes - header_bytes;
	output->send(output, standard->egress_port, header_bytes, payload->bytes,
		     payload->length < room ? payload->length : room);
}

void go_again(const struct forwarder *forwarder, struct again *again, const struct hg_standard_metadata *of,
	      enum hg_instance_type instance_type)
{
	forwarder->loaded->pipeline->keep_fields(of->again_fields, again->phv, of);
	again->phv->instance_type = instance_type;
	again->phv->packet_length = again->length;
	again_put(&forwarder->lane->again, again);
}

static void recirculate(const struct forwarder *forwarder, const struct hg_standard_metadata *standard,
			const struct payload *payload)
{
	struct again_queue *queue = &forwarder->lane->again;
	struct again *again = again_new(queue, LOADED_HEADER_BYTES + payload->length);
	uint32_t header_bytes;
	uint8_t *frame;

	if (!again)
		goto dropped;
	frame = again_frame(queue, again);
	header_bytes = forwarder->loaded->pipeline->deparse(standard, frame);
	memcpy(frame + header_bytes, payload->bytes, payload->length);
	again->frame = frame;
	again->length = header_bytes + payload->length;
	if (again->length > HG_MAX_FRAME_BYTES)
		goto dropped;
	if (forwarder->trace)
		trace_print("Recirculating packet");
	go_again(forwarder, again, standard, HG_INSTANCE_RECIRC);
	return;
dropped:
	count_dropped(forwarder, &forwarder->stats->dropped_again, 1, "sent through the pipeline again too often");
}

bool gave_up(const struct forwarder *forwarder, uint32_t asked)
{
	if (asked & HG_ASK_STUCK)
		count_dropped(forwarder, &forwarder->stats->dropped_stuck, 1, "a loop in an action did not end");
	else if (asked & HG_ASK_FAILED)
		count_dropped(forwarder, &forwarder->stats->dropped_assertions, 1, "an assertion does not hold");
	return asked & (HG_ASK_STUCK | HG_ASK_FAILED);
}

static void egress_asked(const struct forwarder *forwarder, struct hg_standard_metadata *standard,
			 const struct payload *payload, uint32_t depth)
{
	uint32_t asked = standard->asked;

	standard->asked &= HG_ASK_TRUNCATE;
	if (gave_up(forwarder, asked))
		return;
	if (asked & HG_ASK_CLONE)
		clone_egress(forwarder, standard, payload, depth);
	if (standard->egress_spec == forwarder->loaded->pipeline->drop_port)
		count_dropped(forwarder, &forwarder->stats->dropped_egress, 1, "at the end of egress");
	else if (asked & HG_ASK_RECIRCULATE)
		recirculate(forwarder, standard, payload);
	else if (asked & HG_ASK_TRUNCATE)
		send_cut(forwarder, standard, payload);
	else
		send(forwarder, standard, payload);
}

void egress(const struct forwarder *forwarder, void *phv, const struct payload *payload, uint32_t depth)
{
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	struct hg_standard_metadata *standard = phv;

	standard->egress_global_timestamp = forwarder->now_us;
	pipeline->egress(&forwarder->lane->context, phv);
	if (standard->asked)
		egress_asked(forwarder, standard, payload, depth);
	else if (standard->egress_spec == pipeline->drop_port)
		count_dropped(forwarder, &forwarder->stats->dropped_egress, 1, "at the end of egress");
	else
		send(forwarder, standard, payload);
}

/* `timed` is a constant where this is called: what is not timed has no trace of it. */
static inline __attribute__((always_inline)) void make_copies(const struct forwarder *forwarder,
							     struct hg_standard_metadata *standard,
							     const struct group *group,
							     const struct payload *payload, const bool timed)
{
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	void *saved = forwarder->lane->saved;

	for (uint32_t i = 0; i < group->count; i++) {
		if (i)
			pipeline->restore(standard, saved);
		standard->egress_port = group->replicas[i].port;
		standard->egress_rid = group->replicas[i].instance;
		if (timed)
			stage_enter(forwarder->stages, HG_STAGE_EGRESS);
		egress(forwarder, standard, payload, 0);
		if (timed)
			stage_enter(forwarder->stages, HG_STAGE_REPLICATION);
	}
}

static void make_timed_copies(const struct forwarder *forwarder, struct hg_standard_metadata *standard,
			      const struct group *group, const struct payload *payload)
{
	make_copies(forwarder, standard, group, payload, true);
	stage_count(forwarder->stages, HG_STAGE_REPLICATION, group->count);
	stage_count(forwarder->stages, HG_STAGE_EGRESS, group->count);
}

void replicate(const struct forwarder *forwarder, struct hg_standard_metadata *standard, const struct group *group,
	       const struct payload *payload)
{
	forwarder->output->copies = group->count;
	if (group->count > 1)
		forwarder->loaded->pipeline->restore(forwarder->lane->saved, standard);
	if (forwarder->stages->timed)
		make_timed_copies(forwarder, standard, group, payload);
	else
		make_copies(forwarder, standard, group, payload, false);
}
