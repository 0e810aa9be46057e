/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded switch: what it may be asked about itself, besides the counters of
 * hg_switch.h. Any thread may ask, at any time; read by cffi like hg_switch.h.
 */
#ifndef HG_OBSERVE_H
#define HG_OBSERVE_H

#include "hg_switch.h"

/* CFFI BEGIN */

/* What the worker does with a packet, one after the other. */
enum hg_stage {
	HG_STAGE_PARSER,
	HG_STAGE_INGRESS,
	HG_STAGE_REPLICATION, /* the group, and what each copy has put back before its egress */
	HG_STAGE_EGRESS,      /* with the deparser, and joining segments to super-frames */
	HG_STAGE_TRANSMIT,    /* the kernel's work on what is handed to it */
	HG_STAGES,
};

/*
 * What was measured, where hg_switch_config has `stages`: a sample of the packets, by
 * stage. `times` are packets; of replication and egress copies, of transmit frames as
 * they are handed to the kernel.
 */
struct hg_stage_cycles {
	uint64_t cycles; /* of the time stamp counter on x86-64, else ns */
	uint64_t times;
};
/* `stages` has room for HG_STAGES. Returns how many cycles a second has, or 0 in the switch's first moments. */
uint64_t hg_stages_get(struct hg_switch *sw, struct hg_stage_cycles *stages);

/* What waits, and how much can at most. */
struct hg_queues {
	uint32_t packet_ins, packet_ins_max; /* of all workers */
	uint32_t packet_outs, packet_outs_max;
	uint32_t digests, digests_max; /* of the running pipeline */
};
void hg_queues_get(struct hg_switch *sw, struct hg_queues *queues);

/*
 * Captures, where hg_switch_config has `captures`: INTERFACE_in.pcap and
 * INTERFACE_out.pcap for each port, frames as the interface has them: a super-frame or
 * bundle is one, with the checksums that the kernel is yet to make. The descriptor is
 * readable once a file could not be written (-ENODEV without captures); hg_capture_error()
 * takes the line that says why, or returns -EAGAIN. It is said once.
 */
int hg_capture_fd(struct hg_switch *sw);
int hg_capture_error(struct hg_switch *sw, char *error);

/* CFFI END */

#endif
