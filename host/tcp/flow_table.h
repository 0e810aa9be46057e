/* SPDX-License-Identifier: Apache-2.0 */
/* All flows, by connection: their records, their soft halves and an index by open addressing. */
#ifndef HG_FLOW_TABLE_H
#define HG_FLOW_TABLE_H

#include "flow.h"
#include "flow_file.h"

#define HG_FLOW_NONE UINT32_MAX

/* A multiple of HG_FLOW_CHUNK. */
#define HG_FLOWS_MAX (1u << 20)

struct hg_flow_table {
	struct hg_flow_file file;
	struct hg_flow *flows; /* by the records' index */
	uint64_t *index;       /* hash and place; 0: empty */
	uint32_t mask;
	uint32_t used;
	uint32_t free;  /* a list through timer.next */
	uint32_t fresh; /* from here on, records were never used */
	uint64_t seed[2];
};

/* Finds the flows that the file at `path` holds; `most` is a multiple of HG_FLOW_CHUNK. */
int hg_flow_table_open(struct hg_flow_table *table, const char *path, uint32_t most, char *error);
void hg_flow_table_close(struct hg_flow_table *table);

/* HG_FLOW_NONE: there is none. */
uint32_t hg_flow_table_find(const struct hg_flow_table *table, const struct hg_flow_key *key);

/*
 * A new one, in state FREE until the caller has filled its record; HG_FLOW_NONE: the
 * table is full. There is none with this key.
 */
uint32_t hg_flow_table_add(struct hg_flow_table *table, const struct hg_flow_key *key);

void hg_flow_table_remove(struct hg_flow_table *table, uint32_t index);

/* Makes room ahead of need, outside the packet path. */
void hg_flow_table_reserve(struct hg_flow_table *table);

static inline struct hg_flow_record *hg_flow_record_at(const struct hg_flow_table *table, uint32_t index)
{
	return &table->file.records[index];
}

#endif
