/* SPDX-License-Identifier: Apache-2.0 */
/* What a client's segment is by itself, whatever connection it belongs to. */
#ifndef HG_SEGMENT_P4
#define HG_SEGMENT_P4

#include "headers.p4"

/* `sound`: the TCP header lies within what the IP header says. `next_seq_no`: behind all that the segment carries. */
control Segment(in headers_t hdr, in bit<16> tcp_length, out bool sound,
                out bit<32> next_seq_no) {
    bit<16> header_length;

    apply {
        header_length = (bit<16>) hdr.tcp.data_offset << 2;
        sound = hdr.tcp.data_offset >= 5 && (header_length |-| tcp_length) == 0;
        next_seq_no = hdr.tcp.seq_no + (bit<32>) (tcp_length |-| header_length);
        if (hdr.tcp.flags & TCP_SYN != 0) {
            next_seq_no = next_seq_no + 1;
        }
        if (hdr.tcp.flags & TCP_FIN != 0) {
            next_seq_no = next_seq_no + 1;
        }
    }
}

/*
 * Segments that RFC 9293 wants discarded (MUST-57, MUST-63; RFC 1122, 3.2.1.3, 3.3.6):
 * from no single host's address, or to everyone's Ethernet address.
 */
control Martian(in headers_t hdr, in connection_t connection, out bool found) {
    @id(ACTION_MARTIAN) @name(".martian")
    action martian() {
        found = true;
    }

    @id(ACTION_NO_MARTIAN) @name(".no_martian")
    action no_martian() {
        found = false;
    }

    @id(TABLE_MARTIAN) @name(".martian_source")
    table martian_source {
        key = {
            connection.client_addr : ternary @name("client_address") @id(1);
            hdr.ethernet.dst_addr : ternary @name("ethernet_destination") @id(2);
        }
        actions = {
            martian;
            @defaultonly no_martian;
        }
        const entries = {
            (_, 0x010000000000 &&& 0x010000000000) : martian();
            (0, _) : martian();
            (1, _) : martian();
            (0xFF << 120 &&& 0xFF << 120, _) : martian();
            (0xFFFF00000000 &&& ~(128w0xFFFFFF), _) : martian(); // 0.0.0.0/8
            (0xFFFF7F000000 &&& ~(128w0xFFFFFF), _) : martian(); // 127.0.0.0/8
            (0xFFFFE0000000 &&& ~(128w0x1FFFFFFF), _) : martian(); // 224.0.0.0/3
        }
        const default_action = no_martian();
    }

    apply {
        martian_source.apply();
    }
}

#endif
