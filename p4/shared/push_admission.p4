/* SPDX-License-Identifier: Apache-2.0 */
/* Is this push frame a host's, and is it what its header says? */
#ifndef HG_PUSH_ADMISSION_P4
#define HG_PUSH_ADMISSION_P4

#include "headers.p4"

/*
 * frame_length is the received frame's, in bytes. A frame up to Ethernet's
 * minimum may carry padding, which receivers cut off by the IP length.
 */
control PushAdmission(in headers_t hdr, in bit<16> frame_length, inout metadata_t meta) {
    bit<16> expected_length = 0;

    @hidden
    action refuse(bit<8> reason) {
        meta.verdict = verdict_t.DROP;
        meta.reason = reason;
    }

    apply {
        expected_length = hdr.push.payload_length |+| HG_PUSH_FRAME_BYTES;
        meta.verdict = verdict_t.REPLICATE;
        if (!meta.from_host) {
            refuse(HG_DROP_PUSH_FROM_CLIENT);
        } else if (hdr.push.version != HG_PUSH_VERSION) {
            refuse(HG_DROP_PUSH_VERSION);
        } else if (hdr.flow.isValid()) {
            meta.verdict = verdict_t.SEND;
            expected_length = hdr.push.payload_length |+| HG_FLOW_FRAME_BYTES;
            if (hdr.flow.egress_port == 0 || hdr.flow.egress_port >= HG_CPU_PORT) {
                refuse(HG_DROP_FLOW_PORT);
            }
        } else if (hdr.push.kind == HG_PUSH_KIND_MARK) {
            meta.verdict = verdict_t.SEND;
        } else if (hdr.push.kind != HG_PUSH_KIND_GROUP) {
            refuse(HG_DROP_PUSH_KIND);
        } else if (hdr.push.payload_length == 0) {
            refuse(HG_DROP_PUSH_EMPTY);
        }
        if (meta.verdict != verdict_t.DROP && frame_length != expected_length
                   && (frame_length |-| HG_ETHERNET_MIN_BYTES != 0
                       || expected_length |-| frame_length != 0)) {
            refuse(HG_DROP_PUSH_LENGTH);
        }
    }
}

#endif
