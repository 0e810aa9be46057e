/* SPDX-License-Identifier: Apache-2.0 */
/* SYN → SYN-ACK, without host, controller or memory. */
#ifndef HG_HANDSHAKE_P4
#define HG_HANDSHAKE_P4

#include "headers.p4"
#include "secrets.p4"

/* The option sum stays below 2^16 for every MSS up to 61,000. The caller turns the packet round; here is what a SYN-ACK says. */
control Handshake(inout headers_t hdr, inout metadata_t meta, in secrets_t secrets,
                  in bit<64> flow_hash) {
    bit<2> mss_class = 0;
    bit<4> words = 6;

    apply {
        if (meta.syn.mss >= HG_MSS_CLASS_3) {
            mss_class = 3;
        } else if (meta.syn.mss >= HG_MSS_CLASS_2) {
            mss_class = 2;
        } else if (meta.syn.mss >= HG_MSS_CLASS_1) {
            mss_class = 1;
        }
        /* All ones would carry into the hash when our FIN is acknowledged; without SACK they do not. */
        if (meta.syn.wscale == HG_WSCALE_NONE && mss_class == 3) {
            meta.syn.sack = 0;
        }

        hdr.tcp.ack_no = hdr.tcp.seq_no + 1;
        hdr.tcp.seq_no = (flow_hash[31:7] ++ meta.syn.wscale ++ mss_class ++ meta.syn.sack) - 1;
        hdr.tcp.flags = TCP_SYN | TCP_ACK;
        hdr.tcp.window = 0xFFFF;
        hdr.mss.setValid();
        hdr.mss.kind = 2;
        hdr.mss.length = 4;
        hdr.mss.mss = secrets.mss;
        meta.tcp_option_sum = secrets.mss + 0x0204;
        if (meta.syn.sack == 1) {
            hdr.sack.setValid();
            hdr.sack.nops = 0x0101;
            hdr.sack.kind = 4;
            hdr.sack.length = 2;
            meta.tcp_option_sum = meta.tcp_option_sum + 0x0503;
            words = words + 1;
        }
        if (meta.syn.wscale != HG_WSCALE_NONE) {
            hdr.wscale.setValid();
            hdr.wscale.nop = 1;
            hdr.wscale.kind = 3;
            hdr.wscale.length = 3;
            hdr.wscale.shift = 0;
            meta.tcp_option_sum = meta.tcp_option_sum + 0x0403;
            words = words + 1;
        }
        hdr.tcp.data_offset = words;
        meta.tcp_length = (bit<16>) words << 2;
    }
}

#endif
