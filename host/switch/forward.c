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

static const struct group *take_session(const struct forwarder *forwarder, struct hg_standard_metadata *standard)
{
	uint32_t session = standard->clone_session & HG_CLONE_SESSION;

	standard->clone_session = 0;
	return group_find(forwarder->loaded->sessions, session);
}

static void egress(const struct forwarder *forwarder, void *phv, const struct payload *payload, uint32_t depth);

/* Of the packet as it leaves egress: its headers, and of metadata what the field list says. */
static void clone_egress(const struct forwarder *forwarder, struct hg_standard_metadata *standard,
			 const struct payload *payload, uint32_t depth)
{
	const struct group *session = take_session(forwarder, standard);
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

static void egress(const struct forwarder *forwarder, void *phv, const struct payload *payload, uint32_t depth)
{
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	struct hg_standard_metadata *standard = phv;
	struct output *output = forwarder->output;
	uint8_t *header;

	standard->egress_global_timestamp = forwarder->now_us;
	pipeline->egress(&forwarder->loaded->context, phv);
	if (standard->clone_session)
		clone_egress(forwarder, phv, payload, depth);
	if (standard->egress_spec == pipeline->drop_port) {
		add_relaxed(&forwarder->stats->dropped_egress, 1);
		return;
	}
	header = output->header(output, standard->egress_port);
	if (header)
		output->send(output, standard->egress_port, pipeline->deparse(phv, header), payload->bytes,
			     payload->length);
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

static void start_phv(const struct forwarder *forwarder, struct hg_standard_metadata *standard, uint32_t port,
		      uint32_t length)
{
	struct hg_loaded *loaded = forwarder->loaded;

	memset(standard, 0, loaded->pipeline->phv_bytes);
	standard->ingress_port = port;
	standard->packet_length = length;
	standard->ingress_global_timestamp = forwarder->now_us;
	loaded->context.now_ns = forwarder->now_ns;
	loaded->context.frame_length = length;
}

/* Of the packet as it was received, which is parsed again; of what became of it only the field list. */
static void clone_ingress(const struct forwarder *forwarder, struct hg_standard_metadata *standard,
			  const uint8_t *frame, uint32_t length)
{
	const struct group *session = take_session(forwarder, standard);
	struct hg_loaded *loaded = forwarder->loaded;
	struct hg_standard_metadata *clone = loaded->clone;
	struct payload payload;
	uint32_t bytes;

	if (!session)
		return;
	bytes = at_most(length, session->max_bytes);
	start_phv(forwarder, clone, standard->ingress_port, bytes);
	payload = parse(loaded, clone, frame, bytes);
	/* The parser may have looked at the port and set metadata; as in simple_switch, neither stays. */
	loaded->pipeline->reset_metadata(clone);
	loaded->pipeline->keep_fields(standard->clone_fields, clone, standard);
	clone->instance_type = HG_INSTANCE_INGRESS_CLONE;
	replicate(forwarder, clone, session, &payload);
	loaded->context.frame_length = length;
	add_relaxed(&forwarder->stats->clones, session->count);
}

void forward(const struct forwarder *forwarder, uint32_t port, const uint8_t *frame, uint32_t length)
{
	struct hg_loaded *loaded = forwarder->loaded;
	struct hg_standard_metadata *standard;
	struct payload payload;

	add_relaxed(&forwarder->stats->ingress_packets, 1);
	if (!loaded) {
		add_relaxed(&forwarder->stats->dropped_no_pipeline, 1);
		return;
	}
	standard = loaded->phv;
	start_phv(forwarder, standard, port, length);
	payload = parse(loaded, standard, frame, length);
	loaded->pipeline->ingress(&loaded->context, standard);
	if (standard->clone_session) {
		clone_ingress(forwarder, standard, frame, length);
		show_payload(loaded, &payload);
	}

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
