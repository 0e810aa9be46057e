/* SPDX-License-Identifier: Apache-2.0 */
#include "forward.h"

#include <string.h>

struct payload {
	const uint8_t *bytes;
	uint32_t length;
};

static uint32_t at_most(uint32_t bytes, uint32_t limit)
{
	return limit && limit < bytes ? limit : bytes;
}

/* What checksums over the payload see. */
static void show_payload(struct hg_loaded *loaded, const struct payload *payload)
{
	loaded->context.payload = payload->bytes;
	loaded->context.payload_bytes = payload->length;
}

static const struct group *session_of(const struct forwarder *forwarder, const struct hg_standard_metadata *standard)
{
	return group_find(forwarder->loaded->sessions, standard->clone_session & HG_CLONE_SESSION);
}

static void egress(const struct forwarder *forwarder, void *phv, const struct payload *payload, uint32_t depth);

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
		add_relaxed(&forwarder->stats->dropped_clones, session->count);
		return;
	}
	if (session->max_bytes) {
		header_bytes = pipeline->deparse(standard, headers);
		bytes = at_most(header_bytes + payload->length, session->max_bytes);
		rest.length = bytes > header_bytes ? bytes - header_bytes : 0;
	}
	copy = forwarder->loaded->clones[depth];
	show_payload(forwarder->loaded, &rest);
	for (uint32_t i = 0; i < session->count; i++) {
		memcpy(copy, standard, pipeline->phv_bytes);
		pipeline->reset_metadata(copy);
		pipeline->keep_fields(standard->clone_fields, copy, standard);
		copy->instance_type = HG_INSTANCE_EGRESS_CLONE;
		copy->egress_port = session->replicas[i].port;
		copy->egress_rid = session->replicas[i].instance;
		egress(forwarder, copy, &rest, depth + 1);
	}
	show_payload(forwarder->loaded, payload);
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
		add_relaxed(&forwarder->stats->dropped_egress, 1);
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

/* With a PHV in which only that is set which it keeps. */
static void go_again(const struct forwarder *forwarder, struct again *again, const struct hg_standard_metadata *of,
		     enum hg_instance_type instance_type)
{
	forwarder->loaded->pipeline->keep_fields(of->again_fields, again->phv, of);
	again->phv->instance_type = instance_type;
	again->phv->packet_length = again->length;
	again_put(&forwarder->loaded->again, again);
}

static void resubmit(const struct forwarder *forwarder, const struct hg_standard_metadata *standard,
		     const uint8_t *frame, uint32_t length)
{
	struct again *again = again_new(&forwarder->loaded->again, 0);

	if (!again) {
		add_relaxed(&forwarder->stats->dropped_again, 1);
		return;
	}
	again->frame = frame;
	again->length = length;
	go_again(forwarder, again, standard, HG_INSTANCE_RESUBMIT);
}

static void recirculate(const struct forwarder *forwarder, const struct hg_standard_metadata *standard,
			const struct payload *payload)
{
	struct again_queue *queue = &forwarder->loaded->again;
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
	go_again(forwarder, again, standard, HG_INSTANCE_RECIRC);
	return;
dropped:
	add_relaxed(&forwarder->stats->dropped_again, 1);
}

/* What only few packets ask for: true, if that is the end of this one. */
static bool gave_up(const struct forwarder *forwarder, uint32_t asked)
{
	if (asked & HG_ASK_STUCK)
		add_relaxed(&forwarder->stats->dropped_stuck, 1);
	else if (asked & HG_ASK_FAILED)
		add_relaxed(&forwarder->stats->dropped_assertions, 1);
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
		add_relaxed(&forwarder->stats->dropped_egress, 1);
	else if (asked & HG_ASK_RECIRCULATE)
		recirculate(forwarder, standard, payload);
	else if (asked & HG_ASK_TRUNCATE)
		send_cut(forwarder, standard, payload);
	else
		send(forwarder, standard, payload);
}

static void egress(const struct forwarder *forwarder, void *phv, const struct payload *payload, uint32_t depth)
{
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	struct hg_standard_metadata *standard = phv;

	standard->egress_global_timestamp = forwarder->now_us;
	pipeline->egress(&forwarder->loaded->context, phv);
	if (standard->asked)
		egress_asked(forwarder, standard, payload, depth);
	else if (standard->egress_spec == pipeline->drop_port)
		add_relaxed(&forwarder->stats->dropped_egress, 1);
	else
		send(forwarder, standard, payload);
}

/*
 * Copies in the order in which the group was written; none is pruned for where it
 * came from. All are made in one PHV.
 */
static void replicate(const struct forwarder *forwarder, struct hg_standard_metadata *standard,
		      const struct group *group, const struct payload *payload)
{
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	void *saved = forwarder->loaded->saved;

	forwarder->output->copies = group->count;
	if (group->count > 1)
		pipeline->restore(saved, standard);
	for (uint32_t i = 0; i < group->count; i++) {
		if (i)
			pipeline->restore(standard, saved);
		standard->egress_port = group->replicas[i].port;
		standard->egress_rid = group->replicas[i].instance;
		egress(forwarder, standard, payload, 0);
	}
}

static void replicate_to_group(const struct forwarder *forwarder, struct hg_standard_metadata *standard,
			       const struct payload *payload)
{
	const struct group *group = group_find(forwarder->loaded->groups, standard->mcast_grp);

	if (!group) {
		add_relaxed(&forwarder->stats->dropped_no_group, 1);
		return;
	}
	standard->instance_type = HG_INSTANCE_REPLICATION;
	standard->asked = 0; /* as in BMv2, ingress truncates no copies */
	replicate(forwarder, standard, group, payload);
	add_relaxed(&forwarder->stats->replicas, group->count);
}

static struct payload parse(struct hg_loaded *loaded, void *phv, const uint8_t *frame, uint32_t length)
{
	uint32_t parsed = loaded->pipeline->parse(&loaded->context, phv, frame, length);
	struct payload payload = { frame + parsed, length - parsed };

	show_payload(loaded, &payload);
	return payload;
}

/* All zero but for what the switch sets of a packet that it received. */
static void start_phv(const struct forwarder *forwarder, struct hg_standard_metadata *standard, uint32_t port,
		      uint32_t length)
{
	memset(standard, 0, forwarder->loaded->pipeline->phv_bytes);
	standard->ingress_port = port;
	standard->packet_length = length;
	standard->ingress_global_timestamp = forwarder->now_us;
}

/* Of the packet as it was received, which is parsed again; of what became of it only the field list. */
static void clone_ingress(const struct forwarder *forwarder, struct hg_standard_metadata *standard, uint32_t port,
			  const uint8_t *frame, uint32_t length)
{
	const struct group *session = session_of(forwarder, standard);
	struct hg_loaded *loaded = forwarder->loaded;
	struct hg_standard_metadata *clone = loaded->clone;
	struct payload payload;
	uint32_t bytes;

	if (!session)
		return;
	bytes = at_most(length, session->max_bytes);
	start_phv(forwarder, clone, port, bytes);
	loaded->context.frame_length = bytes;
	payload = parse(loaded, clone, frame, bytes);
	/* The parser may have looked at the port and set metadata; as in simple_switch, neither stays. */
	loaded->pipeline->reset_metadata(clone);
	loaded->pipeline->keep_fields(standard->clone_fields, clone, standard);
	clone->instance_type = HG_INSTANCE_INGRESS_CLONE;
	replicate(forwarder, clone, session, &payload);
	loaded->context.frame_length = length;
	add_relaxed(&forwarder->stats->clones, session->count);
}

/* false: that was the end of it. */
static bool ingress_asked(const struct forwarder *forwarder, struct hg_standard_metadata *standard, uint32_t port,
			  const uint8_t *frame, uint32_t length, const struct payload *payload)
{
	uint32_t asked = standard->asked;

	standard->asked &= HG_ASK_TRUNCATE;
	if (gave_up(forwarder, asked))
		return false;
	if (asked & HG_ASK_CLONE) {
		clone_ingress(forwarder, standard, port, frame, length);
		show_payload(forwarder->loaded, payload);
	}
	if (asked & HG_ASK_RESUBMIT)
		resubmit(forwarder, standard, frame, length);
	return !(asked & HG_ASK_RESUBMIT);
}

/* Once through the pipeline. */
static void pass(const struct forwarder *forwarder, struct hg_standard_metadata *standard, uint32_t port,
		 const uint8_t *frame, uint32_t length)
{
	struct hg_loaded *loaded = forwarder->loaded;
	struct payload payload;

	loaded->context.frame_length = length;
	payload = parse(loaded, standard, frame, length);
	loaded->pipeline->ingress(&loaded->context, standard);
	if (standard->asked && !ingress_asked(forwarder, standard, port, frame, length, &payload))
		return;
	if (standard->mcast_grp) {
		replicate_to_group(forwarder, standard, &payload);
	} else if (standard->egress_spec == loaded->pipeline->drop_port) {
		add_relaxed(&forwarder->stats->dropped_ingress, 1);
	} else {
		standard->instance_type = HG_INSTANCE_NORMAL;
		standard->egress_port = standard->egress_spec;
		forwarder->output->copies = 1;
		egress(forwarder, standard, &payload, 0);
	}
}

/* What the packet has sent again, and what that sends again. */
static void pass_again(const struct forwarder *forwarder, uint32_t port)
{
	struct again *again;

	for (uint32_t passes = 0; (again = again_take(&forwarder->loaded->again)); passes++) {
		if (passes < AGAIN_PASSES)
			pass(forwarder, again->phv, port, again->frame, again->length);
		else
			add_relaxed(&forwarder->stats->dropped_again, 1);
	}
}

void forward(const struct forwarder *forwarder, uint32_t port, const uint8_t *frame, uint32_t length)
{
	struct hg_loaded *loaded = forwarder->loaded;

	add_relaxed(&forwarder->stats->ingress_packets, 1);
	if (!loaded) {
		add_relaxed(&forwarder->stats->dropped_no_pipeline, 1);
		return;
	}
	start_phv(forwarder, loaded->phv, port, length);
	loaded->context.now_ns = forwarder->now_ns;
	pass(forwarder, loaded->phv, port, frame, length);
	if (loaded->again.oldest)
		pass_again(forwarder, port);
}
