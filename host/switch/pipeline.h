/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between a compiled pipeline and the embedded switch's runtime.
 *
 * controller/hectograph/switch/compiler turns a BMv2 JSON into one C file that
 * includes only this header; the C compiler turns that into a shared object that
 * exports `hg_pipeline`. The runtime loads it, makes the tables, counters and
 * meters that it describes, and calls its functions for every packet.
 *
 * A pipeline never allocates, locks or blocks. It works on a PHV (packet header
 * vector): one struct, laid out by the compiler, that begins with `struct
 * hg_standard_metadata` and holds every header's fields as host-order integers
 * with a validity flag each. A PHV is plain data, aligned to HG_PHV_ALIGN.
 */
#ifndef HG_PIPELINE_H
#define HG_PIPELINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Goes up with every change of a struct or meaning in this file. */
#define HG_PIPELINE_ABI 7

#define HG_PHV_ALIGN 16 /* bytes: 128-bit fields lie in it */

typedef unsigned __int128 hg_u128;
typedef __int128 hg_i128;

/* v1model's standard_metadata_t, field for field; the first member of every PHV. */
struct hg_standard_metadata {
	uint32_t ingress_port;
	uint32_t egress_spec;
	uint32_t egress_port;
	uint32_t instance_type; /* enum hg_instance_type */
	uint32_t packet_length; /* bytes, as received */
	uint32_t enq_timestamp;
	uint32_t enq_qdepth;
	uint32_t deq_timedelta;
	uint32_t deq_qdepth;
	uint32_t mcast_grp;
	uint32_t egress_rid;
	uint32_t checksum_error;
	uint32_t parser_error; /* index in the JSON's `errors`; 0 is NoError */
	uint32_t priority;
	uint64_t ingress_global_timestamp; /* microseconds since the switch started */
	uint64_t egress_global_timestamp;
	/* Not v1model's: what is to become of the packet besides. */
	uint32_t asked;          /* enum hg_ask; 0 for nearly all packets */
	uint32_t clone_session;
	uint32_t clone_fields;   /* the field list that the clone keeps; 0: none */
	uint32_t again_fields;   /* the same of a packet that goes through the pipeline again */
	uint32_t truncate_bytes; /* the most that is to leave of it */
};

enum hg_ask {
	HG_ASK_CLONE = 1,
	HG_ASK_RESUBMIT = 2,    /* ingress */
	HG_ASK_RECIRCULATE = 4, /* egress */
	HG_ASK_TRUNCATE = 8,    /* what leaves; stays until then */
	HG_ASK_FAILED = 16,     /* an assertion does not hold */
	HG_ASK_STUCK = 32,      /* a loop did not end */
};

/* A session's number has 15 bits, as in simple_switch. */
#define HG_CLONE_SESSION 0x7fffu

/* BMv2's values of standard_metadata.instance_type. */
enum hg_instance_type {
	HG_INSTANCE_NORMAL = 0,
	HG_INSTANCE_INGRESS_CLONE = 1,
	HG_INSTANCE_EGRESS_CLONE = 2,
	HG_INSTANCE_RECIRC = 4,
	HG_INSTANCE_REPLICATION = 5,
	HG_INSTANCE_RESUBMIT = 6,
};

/* ---- what a pipeline describes ------------------------------------------ */

enum hg_match { HG_MATCH_EXACT, HG_MATCH_LPM, HG_MATCH_TERNARY, HG_MATCH_RANGE, HG_MATCH_OPTIONAL };

/*
 * A key is the concatenation of its fields, each in network order and padded
 * with leading zero bits to whole bytes, as P4Runtime has them.
 */
struct hg_key_field {
	const char *name;
	uint16_t bits;
	uint16_t offset; /* bytes from the key's start */
	uint16_t bytes;
	uint16_t match; /* enum hg_match */
};

/* An action parameter: where its host-order integer lies in the entry's data. */
struct hg_param {
	const char *name;
	uint16_t bits;
	uint16_t offset; /* bytes from the data's start, aligned to size */
	uint16_t size;   /* 1, 2, 4, 8 or 16 bytes */
};

struct hg_action_spec {
	const char *name; /* as in P4Info's preamble */
	uint32_t param_count;
	const struct hg_param *params;
	uint32_t data_bytes;
};

/*
 * An entry that the program itself declares (`const entries` or `entries`).
 * key and mask are key_bytes long, mask as in struct hg_flat_entry (hg_switch.h):
 * all ones for exact fields, the prefix for lpm, upper bounds for range; NULL
 * for a table whose fields are all exact.
 */
struct hg_static_entry {
	const uint8_t *key;
	const uint8_t *mask;
	int32_t priority; /* P4Runtime's sense: larger wins; 0 where the table has none */
	uint32_t action;  /* index in the table's actions */
	const void *data; /* in the action's layout */
};

struct hg_table_spec {
	const char *name;
	uint32_t key_field_count;
	const struct hg_key_field *key;
	uint32_t key_bytes;
	uint32_t action_count;
	const struct hg_action_spec *actions;
	uint32_t size; /* entries guaranteed and held at most */
	bool is_const; /* entries may not be written */
	bool const_default;
	bool has_counter; /* direct counter */
	bool has_meter;   /* direct meter */
	bool meter_in_bytes;
	bool support_timeout; /* entries know when they were last hit */
	uint32_t default_action; /* index in actions */
	const void *default_data;
	uint32_t entry_count;
	const struct hg_static_entry *entries;
};

/*
 * An action profile: members, each an action with its arguments, that the entries of
 * several tables share. Such an entry holds a choice, by its number: one member, or
 * those of a group. Its table has two actions of its own for that.
 */
struct hg_profile_spec {
	const char *name;
	uint32_t size; /* as the program gives it */
	uint32_t action_count;
	const struct hg_action_spec *actions; /* of its members */
};

enum hg_choice_action { HG_CHOICE_NONE, HG_CHOICE_MADE, HG_CHOICE_ACTIONS };

/* A parser value set is a table, too: what has an entry in it is a member. */
enum hg_value_set_action { HG_VALUE_SET_OUT, HG_VALUE_SET_IN, HG_VALUE_SET_ACTIONS };

struct hg_choice_data {
	uint32_t choice;
};

struct hg_counter_spec {
	const char *name;
	uint32_t size;
};

struct hg_meter_spec {
	const char *name;
	uint32_t size;
	bool in_bytes;
};

/* Cells are host-order unsigned integers of `stride` bytes, zero at first. */
struct hg_register_spec {
	const char *name;
	uint32_t size;
	uint16_t bits;
	uint16_t stride;
};

/*
 * What digest() sends: fields one after the other, each in network order and
 * padded with leading zero bits to whole bytes. A P4 program may send one digest
 * from several places; each is an element here and they share the name.
 */
struct hg_digest_spec {
	const char *name;
	uint32_t bytes;
};

/* ---- what the runtime keeps, as a pipeline sees it ----------------------- */

/* Held by one worker for a few instructions, while others that want it spin. */
struct hg_lock {
	_Atomic bool held;
};

static inline void hg_lock(struct hg_lock *lock)
{
	while (atomic_exchange_explicit(&lock->held, true, memory_order_acquire)) {
		while (atomic_load_explicit(&lock->held, memory_order_relaxed))
			__asm__ volatile("" ::: "memory");
	}
}

static inline void hg_unlock(struct hg_lock *lock)
{
	atomic_store_explicit(&lock->held, false, memory_order_release);
}

/*
 * Written by workers, read by anyone: relaxed atomics, so that a reader sees whole
 * numbers and a worker that is alone pays for no lock prefix (hg_count).
 */
struct hg_cell {
	_Atomic uint64_t packets;
	_Atomic uint64_t bytes;
};

/* Immutable once published, but for what its pointers point to. */
struct hg_entry {
	uint32_t action; /* index in the table's actions */
	bool hit;        /* false for the default entry */
	struct hg_meter_cell *meter; /* direct meter, NULL without */
	struct hg_cell *cell;        /* direct counter, NULL without; survives MODIFY */
	_Atomic uint64_t *hit_ns;    /* when it was last hit, NULL where nobody asks; survives MODIFY */
	_Alignas(16) uint8_t data[];
};

/* Immutable once published. */
struct hg_member {
	uint32_t action; /* index in the profile's actions */
	_Alignas(16) uint8_t data[];
};

/* What changes when a member is modified, in all choices that it is in. */
struct hg_member_slot {
	_Atomic(const struct hg_member *) now;
};

/* What a choice is among, a member as often as its weight says; one whose watched port is down is not there. */
struct hg_members {
	uint32_t count;
	const struct hg_member_slot *list[];
};

struct hg_choices {
	uint32_t count;
	_Atomic(const struct hg_members *) list[]; /* NULL: there is no such choice */
};

struct hg_profile {
	_Atomic(const struct hg_choices *) choices;
};

struct hg_table; /* host/switch/table.h */
struct hg_meter_cell;
struct hg_digests; /* host/switch/digests.h */
struct hg_context;

/*
 * What a pipeline needs of the runtime while it works on one packet. One per
 * worker. Arrays are in the order of the pipeline's specs.
 */
struct hg_context {
	bool shared; /* other workers write the same cells at the same time */
	struct hg_table *const *tables;
	struct hg_cell *const *counters;
	struct hg_meter_cell *const *meters;
	void *const *registers;
	struct hg_lock *register_locks; /* one for each array */
	struct hg_profile *const *profiles;
	struct hg_digests *digests; /* NULL where the pipeline has none */
	const uint8_t *payload;     /* what the parser left of the packet */
	uint32_t payload_bytes;
	uint64_t now_ns;       /* CLOCK_MONOTONIC of this batch */
	uint64_t random;       /* the state of hg_random(), not 0 */
	uint32_t frame_length; /* bytes, as received: what counters and meters add */
	const struct hg_runtime_ops *ops;
};

/*
 * Functions of the runtime that a pipeline calls; a table of pointers, so that
 * the shared object has no undefined symbols and can be loaded in any process.
 */
struct hg_runtime_ops {
	/*
	 * The matching entry or the table's default entry; never NULL. `key` is
	 * key_bytes long, NULL for a table without a key.
	 */
	const struct hg_entry *(*lookup)(const struct hg_table *table, const uint8_t *key);
	/*
	 * RFC 2698 in colour-blind mode: 0 green, 1 yellow, 2 red; green when not configured.
	 * `cells` is an entry's direct meter (index 0) or one of the context's meters.
	 */
	uint32_t (*meter)(struct hg_meter_cell *cells, uint32_t index, uint64_t now_ns, uint32_t amount);
	/* To the control plane, unless it does not want this digest; dropped and counted when too many wait. */
	void (*digest)(struct hg_digests *digests, uint32_t digest, const uint8_t *data);
	/* Of a pipeline with traces: what it does, in one line; and which copy its egress is about. */
	void (*trace)(const char *line);
	void (*trace_copy)(uint32_t port, uint32_t instance);
};

static inline void hg_count(const struct hg_context *ctx, struct hg_cell *cell, uint32_t bytes)
{
	uint64_t packets, sum;

	if (ctx->shared) {
		atomic_fetch_add_explicit(&cell->packets, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&cell->bytes, bytes, memory_order_relaxed);
		return;
	}
	packets = atomic_load_explicit(&cell->packets, memory_order_relaxed);
	sum = atomic_load_explicit(&cell->bytes, memory_order_relaxed);
	atomic_store_explicit(&cell->packets, packets + 1, memory_order_relaxed);
	atomic_store_explicit(&cell->bytes, sum + bytes, memory_order_relaxed);
}

/*
 * A register's cell, which the control plane may read and write at any time. On
 * integers of up to 64 bits; a wider cell is read and written as it comes.
 */
#define hg_register_load(cell) __atomic_load_n(cell, __ATOMIC_RELAXED)
#define hg_register_store(cell, value) __atomic_store_n(cell, value, __ATOMIC_RELAXED)

/*
 * Around an action that uses an array's registers, where some action writes there and uses
 * registers more than once, or where cells are wide: as in BMv2, it is alone with them. In
 * the arrays' order, so that two never wait for each other.
 */
static inline void hg_registers_enter(const struct hg_context *ctx, uint32_t array)
{
	if (ctx->shared)
		hg_lock(&ctx->register_locks[array]);
}

static inline void hg_registers_leave(const struct hg_context *ctx, uint32_t array)
{
	if (ctx->shared)
		hg_unlock(&ctx->register_locks[array]);
}

/* The entry was found. */
static inline void hg_hit(const struct hg_entry *entry, uint64_t now_ns)
{
	if (entry->hit_ns)
		atomic_store_explicit(entry->hit_ns, now_ns, memory_order_relaxed);
}

/* What the entry's choice is among; nothing where it has none. */
static inline const struct hg_members *hg_members_of(const struct hg_profile *profile, const struct hg_entry *entry)
{
	static const struct hg_members none;
	uint32_t choice = ((const struct hg_choice_data *)entry->data)->choice;
	const struct hg_choices *choices = atomic_load_explicit(&profile->choices, memory_order_acquire);
	const struct hg_members *members = NULL;

	if (entry->action == HG_CHOICE_MADE && choice < choices->count)
		members = atomic_load_explicit(&choices->list[choice], memory_order_acquire);
	return members ? members : &none;
}

/* The member that a hash chooses; NULL where there is none. */
static inline const struct hg_member *hg_member_of(const struct hg_members *members, uint64_t hash)
{
	const struct hg_member_slot *slot = members->count ? members->list[hash % members->count] : NULL;

	return slot ? atomic_load_explicit(&slot->now, memory_order_acquire) : NULL;
}

/* ---- the export ----------------------------------------------------------- */

struct hg_pipeline {
	uint32_t abi;          /* HG_PIPELINE_ABI */
	const char *digest;    /* SHA-256 (hex) of what it was compiled from */
	uint32_t phv_bytes;
	uint32_t max_header_bytes; /* the most that deparse() can write */
	uint32_t drop_port;        /* egress_spec that drops: 511 */

	uint32_t table_count;
	const struct hg_table_spec *tables;
	uint32_t counter_count;
	const struct hg_counter_spec *counters;
	uint32_t meter_count;
	const struct hg_meter_spec *meters;
	uint32_t register_count;
	const struct hg_register_spec *registers;
	uint32_t profile_count;
	const struct hg_profile_spec *profiles;
	uint32_t digest_count;
	const struct hg_digest_spec *digests;

	/*
	 * Parse `frame` into `phv`, whose standard metadata the runtime has set and
	 * whose other bytes are zero; verify checksums; set parser_error and
	 * checksum_error. Returns the payload's offset in the frame: the first byte
	 * that no state extracted.
	 */
	uint32_t (*parse)(struct hg_context *ctx, void *phv, const uint8_t *frame, uint32_t length);
	void (*ingress)(struct hg_context *ctx, void *phv);
	/*
	 * Egress, and then the update of checksums. The runtime has set what is the
	 * replica's own (egress_port, egress_rid, instance_type, times, queue depths);
	 * egress() itself begins with egress_spec at a value that does not drop and
	 * packet_length at what ingress made of it, as BMv2 does.
	 */
	void (*egress)(struct hg_context *ctx, void *phv);
	/*
	 * Every replica's egress works on the same PHV. This copies what some path
	 * through egress writes and some path reads before it writes it: out of the
	 * PHV before its first egress, and back into it before each further one.
	 */
	void (*restore)(void *phv, const void *from);
	/* Write the emitted headers to `out`; returns their length in bytes. */
	uint32_t (*deparse)(const void *phv, uint8_t *out);
	/*
	 * For clones and packets that go again; NULL where the program makes none: copy a
	 * field list, and zero all metadata.
	 */
	void (*keep_fields)(uint32_t fields, void *phv, const void *from);
	void (*reset_metadata)(void *phv);
	bool goes_again; /* packets may be resubmitted or recirculated */
};

extern const struct hg_pipeline hg_pipeline;

#endif
