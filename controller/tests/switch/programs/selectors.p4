/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Action profiles and selectors: a profile that two tables share, a selector by CRC-16
 * over fields of any width, one by the fields themselves, and one by CRC-32 over headers
 * that may not be there. selectors.json and selectors.p4info.txtpb are made by
 *   p4c-bm2-ss --arch v1model --p4runtime-files selectors.p4info.txtpb -o selectors.json selectors.p4
 */
#include <core.p4>
#include <v1model.p4>

header base_t {
    bit<8> kind;
    bit<8> table_;
    bit<16> flow;
    bit<4> nibble;
    bit<12> twelve;
    bit<32> mark; /* what a member writes */
}

header extra_t {
    bit<24> flow;
}

struct headers_t {
    base_t base;
    extra_t extra;
}

struct metadata_t {
    bit<7> odd;
}

parser SelectorsParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                       inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.base);
        meta.odd = hdr.base.kind[6:0];
        transition select(hdr.base.kind) {
            0x80 &&& 0x80: extra;
            default: accept;
        }
    }
    state extra {
        packet.extract(hdr.extra);
        transition accept;
    }
}

control SelectorsVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control SelectorsIngress(inout headers_t hdr, inout metadata_t meta,
                         inout standard_metadata_t standard_metadata) {
    action mark(bit<32> value) {
        hdr.base.mark = value;
    }
    action forward(bit<9> port, bit<16> value) {
        standard_metadata.egress_spec = port;
        hdr.base.mark = 16w0xffff ++ value;
    }
    action missed() {
        hdr.base.mark = 0xdeadbeef;
    }

    action_profile(64) shared_profile;
    table first {
        key = { hdr.base.flow: exact; }
        actions = { mark; forward; NoAction; }
        implementation = shared_profile;
    }
    table second {
        key = { hdr.base.flow: ternary; }
        actions = { mark; forward; NoAction; }
        implementation = shared_profile;
    }

    @max_group_size(16)
    action_selector(HashAlgorithm.crc16, 128, 16) by_crc16;
    direct_counter(CounterType.packets_and_bytes) hits;
    table crc16 {
        key = {
            hdr.base.kind: lpm;
            hdr.base.flow: selector;
            hdr.base.twelve: selector;
            meta.odd: selector;
        }
        actions = { mark; forward; NoAction; }
        implementation = by_crc16;
        counters = hits;
    }

    action_selector(HashAlgorithm.identity, 128, 8) by_identity;
    table identity {
        key = {
            hdr.base.kind: exact;
            hdr.base.nibble: selector;
            hdr.base.flow: selector;
        }
        actions = { mark; forward; missed; NoAction; }
        implementation = by_identity;
        default_action = missed();
    }

    action_selector(HashAlgorithm.crc32, 128, 32) by_crc32;
    table crc32 {
        key = {
            hdr.base.kind: exact;
            hdr.extra.flow: selector;
            hdr.base.flow: selector;
        }
        actions = { mark; forward; NoAction; }
        implementation = by_crc32;
    }

    apply {
        standard_metadata.egress_spec = 1;
        if (hdr.base.table_ == 1) {
            first.apply();
        } else if (hdr.base.table_ == 2) {
            switch (second.apply().action_run) {
                mark: { hdr.base.twelve = 0x111; }
                forward: { hdr.base.twelve = 0x222; }
            }
        } else if (hdr.base.table_ == 3) {
            if (crc16.apply().hit) hdr.base.nibble = 1;
        } else if (hdr.base.table_ == 4) {
            identity.apply();
        } else {
            crc32.apply();
        }
    }
}

control SelectorsEgress(inout headers_t hdr, inout metadata_t meta,
                        inout standard_metadata_t standard_metadata) {
    apply {}
}

control SelectorsCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control SelectorsDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(SelectorsParser(), SelectorsVerify(), SelectorsIngress(), SelectorsEgress(),
         SelectorsCompute(), SelectorsDeparser()) main;
