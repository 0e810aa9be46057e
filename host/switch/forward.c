/* SPDX-License-Identifier: Apache-2.0 */
#include "forward.h"

#include <string.h>

struct payload {
	const uint8_t *bytes;
	uint32_t length;
};

static uint64_t elapsed_us(const struct forwarder *forwarder)
{
	return (forwarder->now_ns - forwarder->start_ns) / 1000;
}

static void egress(const struct forwarder *forwarder, void *phv, const struct payload *payload)
{
	const struct hg_pipeline *pipeline = forwarder->loaded->pipeline;
	struct hg_standard_metadata *standard = phv;
	struct output *output = forwarder->output;
	uint8_t *header;

	standard->egress_global_timestamp = elapsed_us(forwarder);
	pipeline->egress(&forwarder->loaded->context, phv);
	if (standard->egress_spec == pipeline->drop_port) {
		add_relaxed(&forwarder->stats->dropped_egress, 1);
		return;
	}
	header = output->header(output, standard->egress_port);
	if (header)
		output->send(output, standard->egress_port, pipeline->deparse(phv, header), payload->bytes,
			     payload->length);
}

/* Copies in the order in which the group was written; none is pruned for where it came from. */
static void replicate(const struct forwarder *forwarder, const struct payload *payload)
{
	struct hg_loaded *loaded = forwarder->loaded;
	struct hg_standard_metadata *standard = loaded->phv;
	struct hg_standard_metadata *copy = loaded->replica;
	const struct group *group = group_find(loaded->groups, standard->mcast_grp);

	if (!group) {
		add_relaxed(&forwarder->stats->dropped_no_group, 1);
		return;
	}
	standard->instance_type = HG_INSTANCE_REPLICATION;
	for (uint32_t i = 0; i < group->count; i++) {
		memcpy(copy, standard, loaded->pipeline->phv_bytes);
		copy->egress_port = group->replicas[i].port;
		copy->egress_rid = group->replicas[i].instance;
		egress(forwarder, copy, payload);
	}
	add_relaxed(&forwarder->stats->replicas, group->count);
}

static void start_phv(const struct forwarder *forwarder, uint32_t port, uint32_t length)
{
	struct hg_loaded *loaded = forwarder->loaded;
	struct hg_standard_metadata *standard = loaded->phv;

	memset(standard, 0, loaded->pipeline->phv_bytes);
	standard->ingress_port = port;
	standard->packet_length = length;
	standard->ingress_global_timestamp = elapsed_us(forwarder);
	loaded->context.now_ns = forwarder->now_ns;
	loaded->context.frame_length = length;
}

void forward(const struct forwarder *forwarder, uint32_t port, const uint8_t *frame, uint32_t length)
{
	struct hg_loaded *loaded = forwarder->loaded;
	struct hg_standard_metadata *standard;
	struct payload payload;
	uint32_t parsed;

	add_relaxed(&forwarder->stats->ingress_packets, 1);
	if (!loaded) {
		add_relaxed(&forwarder->stats->dropped_no_pipeline, 1);
		return;
	}
	start_phv(forwarder, port, length);
	standard = loaded->phv;
	parsed = loaded->pipeline->parse(&loaded->context, standard, frame, length);
	payload = (struct payload){ frame + parsed, length - parsed };
	loaded->pipeline->ingress(&loaded->context, standard);

	if (standard->mcast_grp) {
		replicate(forwarder, &payload);
	} else if (standard->egress_spec == loaded->pipeline->drop_port) {
		add_relaxed(&forwarder->stats->dropped_ingress, 1);
	} else {
		standard->instance_type = HG_INSTANCE_NORMAL;
		standard->egress_port = standard->egress_spec;
		egress(forwarder, standard, &payload);
	}
}
