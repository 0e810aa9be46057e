/* SPDX-License-Identifier: Apache-2.0 */
/* Egress: the 802.1Q tag of what a host pushed, where the copy has one. */
#ifndef HG_VLAN_TAG_P4
#define HG_VLAN_TAG_P4

#include "headers.p4"

control VlanTag(inout headers_t hdr, in metadata_t meta) {
    apply {
        if (meta.vlan_tci != 0) {
            hdr.vlan.setValid();
            hdr.vlan.pcp = meta.vlan_tci[15:13];
            hdr.vlan.dei = meta.vlan_tci[12:12];
            hdr.vlan.vid = meta.vlan_tci[11:0];
            hdr.vlan.ether_type = hdr.ethernet.ether_type;
            hdr.ethernet.ether_type = ETHERTYPE_VLAN;
        }
    }
}

#endif
