/* SPDX-License-Identifier: Apache-2.0 */
/* Whose TCP packet it is, and which content it is for. */
#ifndef HG_SERVICE_P4
#define HG_SERVICE_P4

#include "headers.p4"
#include "sizes.p4"

/* The connection's tuple from a client's packet. */
control ClientTuple(in headers_t hdr, inout metadata_t meta) {
    @hidden
    action ipv4() {
        meta.connection.client_addr = IPV4_MAPPED ++ hdr.ipv4.src_addr;
        meta.connection.service_addr = IPV4_MAPPED ++ hdr.ipv4.dst_addr;
        meta.tcp_length = hdr.ipv4.total_length |-| IPV4_HEADER_BYTES;
    }

    @hidden
    action ipv6() {
        meta.connection.client_addr = hdr.ipv6.src_addr;
        meta.connection.service_addr = hdr.ipv6.dst_addr;
        meta.tcp_length = hdr.ipv6.payload_length;
    }

    /* An ICMP error quotes what the service sent. */
    @hidden
    action quoted_ipv4() {
        meta.connection.client_addr = IPV4_MAPPED ++ hdr.inner_ipv4.dst_addr;
        meta.connection.service_addr = IPV4_MAPPED ++ hdr.inner_ipv4.src_addr;
    }

    @hidden
    action quoted_ipv6() {
        meta.connection.client_addr = hdr.inner_ipv6.dst_addr;
        meta.connection.service_addr = hdr.inner_ipv6.src_addr;
    }

    @hidden
    action ports(l4_port_t client_port, l4_port_t service_port) {
        meta.connection.client_port = client_port;
        meta.connection.service_port = service_port;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            ipv4();
        } else {
            ipv6();
        }
        ports(hdr.tcp.src_port, hdr.tcp.dst_port);
        if (hdr.inner_tcp.isValid()) {
            if (hdr.inner_ipv4.isValid()) {
                quoted_ipv4();
            } else {
                quoted_ipv6();
            }
            ports(hdr.inner_tcp.dst_port, hdr.inner_tcp.src_port);
        }
    }
}

control Service(inout metadata_t meta) {
    @id(DIRECT_COUNTER_SERVICE) @name(".service_counter")
    DIRECT_COUNTER(service_counter)

    @id(ACTION_SERVE) @name(".serve")
    action serve(@id(1) bit<32> content, @id(2) bit<32> response_length, @id(3) bit<16> host_set) {
        COUNT_DIRECT(service_counter)
        meta.to_service = true;
        meta.content = content;
        meta.length = response_length;
        meta.host_set = host_set;
    }

    @id(ACTION_NO_SERVICE) @name(".no_service")
    action no_service() {
        meta.to_service = false;
    }

    @id(TABLE_SERVICE) @name(".service")
    table service {
        key = {
            meta.connection.service_addr : exact @name("address") @id(1);
            meta.connection.service_port : exact @name("port") @id(2);
        }
        actions = {
            serve;
            @defaultonly no_service;
        }
        const default_action = no_service();
        size = SIZE_SERVICE;
        ATTACH_DIRECT_COUNTER(service_counter)
    }

    apply {
        service.apply();
    }
}

#endif
