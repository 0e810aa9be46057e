/* SPDX-License-Identifier: Apache-2.0 */
#include "forward.h"

#include <string.h>

#include "egress.h"
#include "trace.h"

static void resubmit(const struct forwarder *forwarder, const struct hg_standard_metadata *standard,
		     const uint8_t *frame, uint32_t length)
{
	struct again *again = again_new(&forwarder->lane->again, 0);

	if (!again) {
		count_dropped(forwarder, &forwarder->stats->dropped_again, 1, "sent through the pipeline again too often");
		return;
	}
	if (forwarder->trace)
		trace_print("Resubmitting packet");
	again->frame = frame;
	again->length = length;
	go_again(forwarder, again, standard, HG_INSTANCE_RESUBMIT);
}

static void replicate_to_group(const struct forwarder *forwarder, struct hg_standard_metadata *standard,
			       const struct payload *payload)
{
	const struct group *group;

	stage_next(forwarder->stages, HG_STAGE_REPLICATION, 0);
	group = group_find(forwarder->loaded->groups, standard->mcast_grp);
	if (!group) {
		count_dropped(forwarder, &forwarder->stats->dropped_no_group, 1, "no such multicast group");
		return;
	}
	if (forwarder->trace)
		trace_print("Multicast requested for packet: group %u, %u replicas", standard->mcast_grp, group->count);
	standard->instance_type = HG_INSTANCE_REPLICATION;
	standard->asked = 0; /* as in BMv2, ingress truncates no copies */
	replicate(forwarder, standard, group, payload);
	add_relaxed(&forwarder->stats->replicas, group->count);
}

static struct payload parse(const struct forwarder *forwarder, void *phv, const uint8_t *frame, uint32_t length)
{
	struct payload payload;
	uint32_t parsed;

	stage_next(forwarder->stages, HG_STAGE_PARSER, 1);
	parsed = forwarder->loaded->pipeline->parse(&forwarder->lane->context, phv, frame, length);
	payload = (struct payload){ frame + parsed, length - parsed };
	show_payload(forwarder->lane, &payload);
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
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	struct lane *lane = forwarder->lane;
	struct hg_standard_metadata *clone = lane->clone;
	struct payload payload;
	uint32_t bytes;

	if (!session)
		return;
	if (forwarder->trace)
		trace_print("Cloning packet at ingress: session %u, %u replicas", standard->clone_session, session->count);
	bytes = at_most(length, session->max_bytes);
	start_phv(forwarder, clone, port, bytes);
	lane->context.frame_length = bytes;
	payload = parse(forwarder, clone, frame, bytes);
	/* The parser may have looked at the port and set metadata; as in simple_switch, neither stays. */
	pipeline->reset_metadata(clone);
	pipeline->keep_fields(standard->clone_fields, clone, standard);
	clone->instance_type = HG_INSTANCE_INGRESS_CLONE;
	stage_next(forwarder->stages, HG_STAGE_REPLICATION, 0);
	replicate(forwarder, clone, session, &payload);
	lane->context.frame_length = length;
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
		show_payload(forwarder->lane, payload);
	}
	if (asked & HG_ASK_RESUBMIT)
		resubmit(forwarder, standard, frame, length);
	return !(asked & HG_ASK_RESUBMIT);
}

/* Once through the pipeline. */
static void pass(const struct forwarder *forwarder, struct hg_standard_metadata *standard, uint32_t port,
		 const uint8_t *frame, uint32_t length)
{
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	struct hg_context *context = &forwarder->lane->context;
	struct payload payload;

	context->frame_length = length;
	payload = parse(forwarder, standard, frame, length);
	stage_next(forwarder->stages, HG_STAGE_INGRESS, 1);
	pipeline->ingress(context, standard);
	if (standard->asked && !ingress_asked(forwarder, standard, port, frame, length, &payload))
		return;
	if (standard->mcast_grp) {
		replicate_to_group(forwarder, standard, &payload);
	} else if (standard->egress_spec == pipeline->drop_port) {
		count_dropped(forwarder, &forwarder->stats->dropped_ingress, 1, "at the end of ingress");
	} else {
		standard->instance_type = HG_INSTANCE_NORMAL;
		standard->egress_port = standard->egress_spec;
		forwarder->output->copies = 1;
		stage_next(forwarder->stages, HG_STAGE_EGRESS, 1);
		egress(forwarder, standard, &payload, 0);
	}
}

/* What the packet has sent again, and what that sends again. */
static void pass_again(const struct forwarder *forwarder, uint32_t port)
{
	struct again *again;

	for (uint32_t passes = 0; (again = again_take(&forwarder->lane->again)); passes++) {
		if (passes < AGAIN_PASSES)
			pass(forwarder, again->phv, port, again->frame, again->length);
		else
			count_dropped(forwarder, &forwarder->stats->dropped_again, 1, "sent through the pipeline again too often");
	}
}

static void forward_packet(const struct forwarder *forwarder, uint32_t port, const uint8_t *frame, uint32_t length)
{
	struct lane *lane = forwarder->lane;

	if (!lane) {
		count_dropped(forwarder, &forwarder->stats->dropped_no_pipeline, 1, "no pipeline runs");
		return;
	}
	start_phv(forwarder, lane->phv, port, length);
	lane->context.now_ns = forwarder->now_ns;
	stage_begin(forwarder->stages);
	pass(forwarder, lane->phv, port, frame, length);
	if (lane->again.oldest)
		pass_again(forwarder, port);
	stage_end(forwarder->stages);
}

void forward(const struct forwarder *forwarder, uint32_t port, const uint8_t *frame, uint32_t length)
{
	add_relaxed(&forwarder->stats->ingress_packets, 1);
	if (forwarder->trace)
		trace_begin(forwarder->trace, port, length);
	forward_packet(forwarder, port, frame, length);
	if (forwarder->trace)
		trace_end(forwarder->trace);
}
