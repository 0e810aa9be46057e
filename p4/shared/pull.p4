/* SPDX-License-Identifier: Apache-2.0 */
/* A client's frame goes to a host, behind what the pipeline learned of it. */
#ifndef HG_PULL_P4
#define HG_PULL_P4

#include "headers.p4"
#include "secrets.p4"
#include "sizes.p4"

/*
 * A flow keeps its host while the table stays: the bucket is made of the client's
 * address and port alone. A host that dies is replaced by writing its buckets.
 */
control ServiceHost(inout headers_t hdr, inout metadata_t meta) {
    bit<4> bucket = 0;

    @id(ACTION_TO_HOST) @name(".to_host")
    action to_host(@id(1) bit<16> port, @id(2) mac_addr_t host_mac) {
        meta.verdict = verdict_t.SEND;
        meta.egress_port = port;
        hdr.pull_ethernet.setValid();
        hdr.pull_ethernet.dst_addr = host_mac;
        hdr.pull_ethernet.src_addr = hdr.ethernet.dst_addr;
        hdr.pull_ethernet.ether_type = ETHERTYPE_PUSH;
    }

    @id(ACTION_NO_HOST) @name(".no_host")
    action no_host() {
        meta.verdict = verdict_t.DROP;
        meta.reason = HG_DROP_NO_HOST;
    }

    @id(TABLE_SERVICE_HOST) @name(".service_host")
    table service_host {
        key = {
            meta.host_set : exact @name("host_set") @id(1);
            bucket : exact @name("bucket") @id(2);
        }
        actions = {
            to_host;
            @defaultonly no_host;
        }
        const default_action = no_host();
        size = SIZE_SERVICE_HOST;
    }

    apply {
        bucket = meta.connection.client_port[3:0] ^ meta.connection.client_port[7:4]
               ^ meta.connection.client_addr[3:0] ^ meta.connection.client_addr[7:4];
        service_host.apply();
    }
}

/* `number`: the one that the positions were read from. */
control Pull(inout headers_t hdr, inout metadata_t meta, in bit<16> ingress_port,
             in bit<8> flags, in bit<8> secret, in bit<32> number,
             in bit<32> current_position, in bit<32> previous_position) {
    ServiceHost() service_host;

    apply {
        hdr.pull.setValid();
        hdr.pull.version = HG_PUSH_VERSION;
        hdr.pull.kind = HG_PUSH_KIND_PULL;
        hdr.pull.flags = flags;
        hdr.pull.ingress_port = ingress_port;
        hdr.pull.content = meta.content;
        hdr.pull.length = meta.length;
        hdr.pull.current_position = current_position;
        hdr.pull.previous_position = previous_position;
        hdr.pull.constants = number[7:0] & 0x7F;
        hdr.pull.secret = secret;
        hdr.pull.reserved = 0;
        service_host.apply(hdr, meta);
    }
}

#endif
