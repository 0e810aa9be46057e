/* SPDX-License-Identifier: Apache-2.0 */
/* What is nobody's push goes to the controller, by class; the entry meters it. */
#ifndef HG_PUNT_P4
#define HG_PUNT_P4

#include "headers.p4"

control Punt(in headers_t hdr, inout metadata_t meta) {
    @id(ACTION_PUNT_AS) @name(".punt_as")
    action punt_as(@id(1) bit<8> reason) {
        meta.verdict = verdict_t.PUNT;
        meta.reason = reason;
    }

    @id(TABLE_PUNT_CLASS) @name(".punt_class")
    table punt_class {
        key = {
            hdr.ethernet.ether_type : ternary @name("ether_type") @id(1);
            hdr.icmp.isValid() : ternary @name("is_icmpv6") @id(2);
            hdr.icmp.type : ternary @name("icmpv6_type") @id(3);
        }
        actions = {
            punt_as;
        }
        const entries = {
            (ETHERTYPE_ARP, _, _) : punt_as(HG_PUNT_ARP);
            /* RFC 4861: router solicitation 133 ... redirect 137 */
            (ETHERTYPE_IPV6, true, 133) : punt_as(HG_PUNT_NEIGHBOUR_DISCOVERY);
            (ETHERTYPE_IPV6, true, 134 &&& 0xFE) : punt_as(HG_PUNT_NEIGHBOUR_DISCOVERY);
            (ETHERTYPE_IPV6, true, 136 &&& 0xFE) : punt_as(HG_PUNT_NEIGHBOUR_DISCOVERY);
        }
        const default_action = punt_as(HG_PUNT_UNKNOWN);
    }

    apply {
        punt_class.apply();
    }
}

#endif
