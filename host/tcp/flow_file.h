/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of flow records: mapped and shared, so that what is written is there for
 * the next process however this one ends. It belongs in a runtime directory (tmpfs):
 * after a reboot no flow is left that it could name.
 */
#ifndef HG_FLOW_FILE_H
#define HG_FLOW_FILE_H

#include "flow.h"

/* Records that the file grows by: 3/4 MiB. */
#define HG_FLOW_CHUNK 8192

struct hg_flow_file_header;

struct hg_flow_file {
	int fd;
	size_t mapped; /* bytes of address space */
	struct hg_flow_file_header *header;
	struct hg_flow_record *records; /* the first `count` are there */
	uint32_t count;
	uint32_t most;
};

/*
 * Opens or makes it, for at most `most` records, a multiple of HG_FLOW_CHUNK. What
 * another layout left is thrown away. -EBUSY: another process has it.
 */
int hg_flow_file_open(struct hg_flow_file *file, const char *path, uint32_t most, char *error);

/* HG_FLOW_CHUNK more records, all zero. -ENOSPC: `most`, or no room on the device. */
int hg_flow_file_grow(struct hg_flow_file *file);

/* The file stays. */
void hg_flow_file_close(struct hg_flow_file *file);

#endif
