/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a client's SYN, one after the other: a loop, which not every target can. */
#ifndef HG_SYN_OPTIONS_P4
#define HG_SYN_OPTIONS_P4

#include "../shared/headers.p4"

/*
 * RFC 9293, 3.1: only the options' values are taken, the bytes are skipped, since the
 * answer has options of its own. Ends with syn.left not 0 when an option runs out of
 * the header.
 */
parser SynOptionParser(packet_in packet, inout syn_options_t syn) {
    bit<16> option_bytes;

    state start {
        transition select(syn.left) {
            0: accept;
            default: option;
        }
    }

    state option {
        transition select(packet.lookahead<bit<8>>()) {
            0: end;
            1: no_operation;
            default: length;
        }
    }

    state end {
        packet.advance((bit<32>) syn.left << 3);
        syn.left = 0;
        transition accept;
    }

    state no_operation {
        packet.advance(8);
        syn.left = syn.left - 1;
        transition start;
    }

    state length {
        transition select(syn.left) {
            1: accept;
            default: value;
        }
    }

    state value {
        transition select(syn.left, packet.lookahead<bit<16>>()) {
            (_, 0x0000 &&& 0x00FE): accept; // a length below 2 would never end
            (4 .. 40, 0x0204): mss;
            (3 .. 40, 0x0303): window_scale;
            (_, 0x0402): sack_permitted;
            default: other;
        }
    }

    state mss {
        syn.mss = packet.lookahead<bit<32>>()[15:0];
        transition other;
    }

    /* Above 14 counts as 14 (RFC 7323, 2.3). */
    state window_scale {
        syn.wscale = 14;
        transition select(packet.lookahead<bit<24>>()[7:0]) {
            0 .. 13: small_window_scale;
            default: other;
        }
    }

    state small_window_scale {
        syn.wscale = packet.lookahead<bit<24>>()[3:0];
        transition other;
    }

    state sack_permitted {
        syn.sack = 1;
        transition other;
    }

    state other {
        option_bytes = (bit<16>) packet.lookahead<bit<16>>()[7:0];
        syn.left = syn.left - option_bytes;
        transition select(syn.left) {
            0 .. 40: skip;
            default: accept; // below 0
        }
    }

    state skip {
        packet.advance(16); // apart, so that every way round the loop takes bytes
        packet.advance(((bit<32>) option_bytes << 3) - 16);
        transition start;
    }
}

#endif
