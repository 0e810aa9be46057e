/* SPDX-License-Identifier: Apache-2.0 */
/* A host's mark goes back to it, behind all that the host sent before. */
#ifndef HG_MARK_P4
#define HG_MARK_P4

#include "headers.p4"

/*
 * Nothing is remembered, and nobody but the port that a mark came from gets its echo.
 * An echo is of another kind, so that none is answered where two switches are joined.
 */
control Mark(inout headers_t hdr, inout metadata_t meta, in bit<16> ingress_port) {
    mac_addr_t host_mac = 0;

    apply {
        host_mac = hdr.ethernet.src_addr;
        hdr.ethernet.src_addr = hdr.ethernet.dst_addr;
        hdr.ethernet.dst_addr = host_mac;
        hdr.push.kind = HG_PUSH_KIND_ECHO;
        meta.egress_port = ingress_port;
    }
}

#endif
