/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline written by hand, so that the runtime's tests need no compiler.
 * Ingress: table `steer` by EtherType, punted to the CPU through a meter or
 * sent to a port or a group. Egress: table `rewrite` by egress_rid writes the
 * destination address of a copy, or drops it.
 */
#include "pipeline.h"

#define CPU_PORT 510
#define DROP_PORT 511
#define MAC_BYTES 6
#define ETHERNET_BYTES 14

enum { TABLE_STEER, TABLE_REWRITE };
enum { STEER_DROP, STEER_PORT, STEER_GROUP, STEER_CPU };
enum { REWRITE_DROP, REWRITE_ADDRESS, REWRITE_NONE };

struct phv {
	struct hg_standard_metadata standard;
	bool has_ethernet;
	uint8_t ethernet[ETHERNET_BYTES];
};

struct port_data {
	uint16_t port;
};

struct address_data {
	uint64_t address;
};

static const struct hg_param port_params[] = { { "port", 9, 0, 2 } };
static const struct hg_param group_params[] = { { "group", 16, 0, 2 } };
static const struct hg_param address_params[] = { { "address", 48, 0, 8 } };

static const struct hg_action_spec steer_actions[] = {
	[STEER_DROP] = { .name = "drop" },
	[STEER_PORT] = { "to_port", 1, port_params, sizeof(struct port_data) },
	[STEER_GROUP] = { "to_group", 1, group_params, sizeof(struct port_data) },
	[STEER_CPU] = { .name = "to_cpu" },
};
static const struct hg_action_spec rewrite_actions[] = {
	[REWRITE_DROP] = { .name = "drop" },
	[REWRITE_ADDRESS] = { "set_address", 1, address_params, sizeof(struct address_data) },
	[REWRITE_NONE] = { .name = "none" },
};

static const struct hg_key_field steer_key[] = { { "ether_type", 16, 0, 2, HG_MATCH_EXACT } };
static const struct hg_key_field rewrite_key[] = { { "instance", 16, 0, 2, HG_MATCH_EXACT } };

static const uint8_t no_instance[2], all_ones[2] = { 0xff, 0xff };
static const struct hg_static_entry rewrite_entries[] = {
	{ .key = no_instance, .mask = all_ones, .action = REWRITE_NONE },
};

static const struct hg_table_spec tables[] = {
	[TABLE_STEER] = {
		.name = "steer", .key_field_count = 1, .key = steer_key, .key_bytes = 2,
		.action_count = 4, .actions = steer_actions, .size = 64,
		.has_counter = true, .default_action = STEER_DROP,
	},
	[TABLE_REWRITE] = {
		.name = "rewrite", .key_field_count = 1, .key = rewrite_key, .key_bytes = 2,
		.action_count = 3, .actions = rewrite_actions, .size = 16384,
		.has_counter = true, .const_default = true, .default_action = REWRITE_DROP,
		.entry_count = 1, .entries = rewrite_entries,
	},
};
static const struct hg_counter_spec counters[] = { { "received", 512 } };
static const struct hg_meter_spec meters[] = { { "punts", 1, false } };

static uint32_t parse(struct hg_context *ctx, void *opaque, const uint8_t *frame, uint32_t length)
{
	struct phv *phv = opaque;

	(void)ctx;
	if (length < ETHERNET_BYTES) {
		phv->standard.parser_error = 1;
		return 0;
	}
	phv->has_ethernet = true;
	memcpy(phv->ethernet, frame, ETHERNET_BYTES);
	return ETHERNET_BYTES;
}

static const struct hg_entry *apply(struct hg_context *ctx, uint32_t table, const uint8_t *key)
{
	const struct hg_entry *entry = ctx->ops->lookup(ctx->tables[table], key);

	if (entry->hit && entry->cell)
		hg_count(ctx, entry->cell, ctx->frame_length);
	return entry;
}

static void ingress(struct hg_context *ctx, void *opaque)
{
	struct phv *phv = opaque;
	struct hg_standard_metadata *standard = &phv->standard;
	const struct hg_entry *entry;
	struct port_data data;

	hg_count(ctx, &ctx->counters[0][standard->ingress_port], ctx->frame_length);
	if (!phv->has_ethernet) {
		standard->egress_spec = DROP_PORT;
		return;
	}
	entry = apply(ctx, TABLE_STEER, phv->ethernet + 2 * MAC_BYTES);
	memcpy(&data, entry->data, sizeof(data));
	if (entry->action == STEER_PORT)
		standard->egress_spec = data.port;
	else if (entry->action == STEER_GROUP)
		standard->mcast_grp = data.port;
	else if (entry->action == STEER_CPU && ctx->ops->meter(ctx->meters[0], 0, ctx->now_ns, 1) < 2)
		standard->egress_spec = CPU_PORT;
	else
		standard->egress_spec = DROP_PORT;
}

static void egress(struct hg_context *ctx, void *opaque)
{
	struct phv *phv = opaque;
	uint8_t key[2] = { (uint8_t)(phv->standard.egress_rid >> 8), (uint8_t)phv->standard.egress_rid };
	const struct hg_entry *entry = apply(ctx, TABLE_REWRITE, key);
	struct address_data data;

	phv->standard.egress_spec = 0;
	if (entry->action == REWRITE_DROP)
		phv->standard.egress_spec = DROP_PORT;
	if (entry->action != REWRITE_ADDRESS)
		return;
	memcpy(&data, entry->data, sizeof(data));
	for (int i = 0; i < MAC_BYTES; i++)
		phv->ethernet[i] = (uint8_t)(data.address >> (8 * (MAC_BYTES - 1 - i)));
}

static void restore(void *opaque, const void *opaque_from)
{
	const struct phv *from = opaque_from;
	struct phv *phv = opaque;

	memcpy(phv->ethernet, from->ethernet, ETHERNET_BYTES);
}

static uint32_t deparse(const void *opaque, uint8_t *out)
{
	const struct phv *phv = opaque;

	if (!phv->has_ethernet)
		return 0;
	memcpy(out, phv->ethernet, ETHERNET_BYTES);
	return ETHERNET_BYTES;
}

const struct hg_pipeline hg_pipeline = {
	.abi = HG_PIPELINE_ABI,
	.digest = "0123456789abcdef",
	.phv_bytes = sizeof(struct phv),
	.max_header_bytes = ETHERNET_BYTES,
	.drop_port = DROP_PORT,
	.table_count = 2,
	.tables = tables,
	.counter_count = 1,
	.counters = counters,
	.meter_count = 1,
	.meters = meters,
	.parse = parse,
	.ingress = ingress,
	.egress = egress,
	.restore = restore,
	.deparse = deparse,
};
