/* SPDX-License-Identifier: Apache-2.0 */
/* Match-action tables: any of P4Runtime's match kinds behind one lookup. */
#ifndef HG_TABLE_H
#define HG_TABLE_H

#include "hg_switch.h"
#include "space.h"

struct hg_table {
	const struct hg_table_spec *spec;
	struct space space;
	_Atomic(struct record *) miss; /* the default entry */
	/* Control threads' own. */
	uint32_t count;
	uint64_t next_age;
	struct record *oldest, *newest;
};

/* With the program's static entries. -EINVAL names what is wrong with the spec in `error`. */
int table_new(const struct hg_table_spec *spec, struct epoch *epoch, uint64_t seed, struct hg_table **table,
	      char *error);
/* When no worker can reach it any more. NULL is fine. */
void table_free(struct hg_table *table);

/* hg_runtime_ops.lookup */
const struct hg_entry *table_lookup(const struct hg_table *table, const uint8_t *key);

int table_insert(struct hg_table *table, const struct hg_flat_entry *entry);
int table_modify(struct hg_table *table, const struct hg_flat_entry *entry);
int table_delete(struct hg_table *table, const struct hg_flat_entry *entry);
int table_default_set(struct hg_table *table, uint32_t action, const uint8_t *params, uint32_t params_bytes);

/* The entry with `entry`'s key, mask and priority; NULL `entry`: the default entry. -ENOENT, -EINVAL */
int table_get(const struct hg_table *table, const struct hg_flat_entry *entry, struct record **record);

#endif
