/* SPDX-License-Identifier: Apache-2.0 */
/*
 * v1model's hash algorithms over fields of any width, headers that may not be there, a
 * varbit and constants; checksums that cover the payload. hashes.json and
 * hashes.p4info.txtpb are made by
 *   p4c-bm2-ss --arch v1model --p4runtime-files hashes.p4info.txtpb -o hashes.json hashes.p4
 */
#include <core.p4>
#include <v1model.p4>

header base_t {
    bit<8> op;
    bit<8> kind;
    bit<8> size;
    bit<3> three;
    bit<13> thirteen;
    bit<48> wide;
    bit<1> one;
    bit<7> seven;
    bit<64> result;
}

header extra_t {
    bit<20> twenty;
    bit<4> four;
}

header more_t {
    varbit<32> octets;
}

header sums_t {
    bit<16> static_sum;
    bit<16> string_sum;
    bit<16> by_crc16;
    bit<32> by_crc32;
    bit<8> wrong;
}

struct headers_t {
    sums_t sums;
    base_t base;
    extra_t extra;
    more_t more;
}

struct metadata_t {}

parser HashesParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.base);
        transition select(hdr.base.kind) {
            1 &&& 1: extra;
            default: more;
        }
    }
    state extra {
        packet.extract(hdr.extra);
        transition more;
    }
    state more {
        packet.extract(hdr.more, (bit<32>)hdr.base.size << 3);
        transition accept;
    }
}

control HashesVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum_with_payload(hdr.extra.isValid(), { hdr.base.wide, hdr.base.seven },
                                     hdr.base.result, HashAlgorithm.csum16);
    }
}

control HashesIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard_metadata) {
    apply {
        standard_metadata.egress_spec = 1;
        bit<64> zero = 0;
        if (hdr.base.op == 1) {
            hash(hdr.base.result, HashAlgorithm.crc16, zero, { hdr.base.wide, 8w7 }, 64w65536);
        } else if (hdr.base.op == 2) {
            hash(hdr.base.result, HashAlgorithm.crc32, zero, { hdr.base.three, hdr.base.wide },
                 64w0x100000000);
        } else if (hdr.base.op == 3) {
            hash(hdr.base.result, HashAlgorithm.identity, zero, { hdr.base.seven, hdr.base.wide },
                 64w0xffffffffffffffff);
        } else if (hdr.base.op == 4) {
            hash(hdr.base.result, HashAlgorithm.xor16, zero, { hdr.base.wide, hdr.base.kind },
                 64w65536);
        } else if (hdr.base.op == 5) {
            hash(hdr.base.result, HashAlgorithm.csum16, zero, { hdr.base.wide, hdr.base.size },
                 64w65536);
        } else if (hdr.base.op == 6 && hdr.extra.isValid()) {
            hash(hdr.base.result, HashAlgorithm.crc32, 64w100,
                 { hdr.extra.twenty, hdr.base.one, hdr.extra.four, hdr.base.wide }, 64w1000);
        } else if (hdr.base.op == 7 && hdr.more.isValid()) {
            hash(hdr.base.thirteen, HashAlgorithm.crc16, 13w5,
                 { hdr.more.octets, hdr.base.three, hdr.more.octets }, 64w0xfff0);
        } else if (hdr.base.op == 8) {
            hash(hdr.base.result, HashAlgorithm.crc32_custom, zero, { hdr.base.wide },
                 (bit<64>)hdr.base.size);
        } else if (hdr.base.op == 9) {
            hash(hdr.base.result, HashAlgorithm.crc16_custom, zero,
                 { hdr.base.wide, hdr.base.seven }, 64w65536);
        } else if (hdr.base.op == 10 && hdr.extra.isValid() && hdr.more.isValid()) {
            hash(hdr.base.result, HashAlgorithm.xor16, zero,
                 { hdr.extra.twenty, hdr.base.three, hdr.more.octets }, 64w65536);
        } else if (hdr.base.op == 11 && hdr.more.isValid()) {
            hash(hdr.base.result, HashAlgorithm.identity, 64w0xfffffffffffffff0,
                 { hdr.more.octets, hdr.base.wide }, 64w0xffffffffffffffff);
        }
    }
}

control HashesEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard_metadata) {
    apply {
        hdr.sums.setValid();
        hdr.sums.wrong = (bit<8>)standard_metadata.checksum_error;
    }
}

control HashesCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum_with_payload(true, { hdr.base.wide, hdr.base.size, hdr.base.seven },
                                     hdr.sums.static_sum, HashAlgorithm.csum16);
        update_checksum_with_payload(true, { hdr.extra.twenty, hdr.base.wide, hdr.more.octets },
                                     hdr.sums.string_sum, HashAlgorithm.csum16);
        update_checksum(true, { hdr.base.wide, hdr.extra.twenty }, hdr.sums.by_crc16,
                        HashAlgorithm.crc16);
        update_checksum_with_payload(hdr.base.isValid(), { hdr.base.wide, hdr.more.octets },
                                     hdr.sums.by_crc32, HashAlgorithm.crc32);
    }
}

control HashesDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(HashesParser(), HashesVerify(), HashesIngress(), HashesEgress(), HashesCompute(),
         HashesDeparser()) main;
