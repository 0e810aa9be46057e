/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hectograph's pipeline on v1model: BMv2 and the embedded switch.
 * The controls under ../shared decide; this file only maps their verdict to
 * v1model's intrinsic metadata, and counts what is dropped.
 */
#include "target.p4"
#include "../shared/headers.p4"
#include "syn_options.p4"
#include "../shared/parser.p4"
#include "../shared/host_port.p4"
#include "../shared/push_admission.p4"
#include "../shared/push_group.p4"
#include "../shared/mark.p4"
#include "../shared/punt.p4"
#include "../shared/secrets.p4"
#include "../shared/service.p4"
#include "../shared/content_address.p4"
#include "stateless_tcp.p4"
#include "../shared/member.p4"
#include "../shared/vlan_tag.p4"
#include "checksum.p4"

const bit<9> CPU_PORT = HG_CPU_PORT;

/* hdr.packet_in is written in ingress only. */
@noWarn("uninitialized-use")
parser HectographParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                        inout standard_metadata_t standard_metadata) {
    PacketParser() packet_parser;

    state start {
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: parse_packet_out;
            default: parse_packet;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition parse_packet;
    }

    state parse_packet {
        packet_parser.apply(packet, hdr, meta);
        transition accept;
    }
}

control HectographIngress(inout headers_t hdr, inout metadata_t meta,
                inout standard_metadata_t standard_metadata) {
    HostPort() host_port;
    PushAdmission() push_admission;
    PushGroup() push_group;
    Mark() mark;
    Punt() punt;
    Secrets() secrets_table;
    FlowTuple() flow_tuple;
    ClientTuple() client_tuple;
    Service() service;
    ContentAddress() content_address;
    StatelessTcp() stateless_tcp;

    @id(COUNTER_INGRESS_DROPS) @name(".ingress_drops")
    counter(HG_DROP_REASONS, CounterType.packets_and_bytes) ingress_drops;
    @id(METER_PUNT) @name(".punt_meter")
    meter(HG_PUNT_REASONS, MeterType.packets) punt_meter;
    bit<32> color = 0;
    secrets_t secrets;
    bool ours = false;
    bit<16> port = 0;

    apply {
        meta.verdict = verdict_t.UNDECIDED;
        meta.reason = HG_DROP_MALFORMED;
        port = (bit<16>) standard_metadata.ingress_port;
        if (standard_metadata.parser_error == error.NoError) {
            if (hdr.packet_out.isValid()) {
                meta.egress_port = hdr.packet_out.egress_port;
                meta.verdict = verdict_t.DROP;
                meta.reason = HG_DROP_PACKET_OUT_PORT;
                if (meta.egress_port != 0 && meta.egress_port < HG_CPU_PORT) {
                    meta.verdict = verdict_t.SEND;
                }
            } else if (hdr.push.isValid()) {
                host_port.apply(standard_metadata.ingress_port, meta);
                push_admission.apply(hdr, (bit<16>) standard_metadata.packet_length, meta);
                if (meta.verdict == verdict_t.REPLICATE) {
                    push_group.apply(hdr, meta);
                } else if (meta.verdict == verdict_t.SEND && hdr.flow.isValid()) {
                    flow_tuple.apply(hdr, meta);
                } else if (meta.verdict == verdict_t.SEND) {
                    mark.apply(hdr, meta, port);
                }
            } else if (standard_metadata.checksum_error == 1) {
                meta.verdict = verdict_t.DROP;
                meta.reason = HG_DROP_CHECKSUM;
            } else {
                client_tuple.apply(hdr, meta);
                if (hdr.tcp.isValid() || hdr.inner_tcp.isValid()) {
                    service.apply(meta);
                }
                if (!meta.to_service) {
                    content_address.apply(hdr, meta, port, ours);
                }
            }

            if (meta.to_service || ours && hdr.tcp.isValid()
                || hdr.flow.isValid() && meta.verdict == verdict_t.SEND) {
                secrets_table.apply(secrets);
                stateless_tcp.apply(hdr, meta, secrets, port);
            } else if (meta.verdict == verdict_t.UNDECIDED) {
                punt.apply(hdr, meta);
                punt_meter.execute_meter((bit<32>) meta.reason, color);
                if (color == METER_RED) {
                    meta.verdict = verdict_t.DROP;
                    meta.reason = HG_DROP_PUNT_METER;
                }
            }
        }

        if (meta.verdict == verdict_t.REPLICATE) {
            standard_metadata.mcast_grp = meta.multicast_group;
        } else if (meta.verdict == verdict_t.PUNT) {
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = (bit<16>) standard_metadata.ingress_port;
            hdr.packet_in.reason = (bit<16>) meta.reason;
            standard_metadata.egress_spec = CPU_PORT;
        } else if (meta.verdict == verdict_t.SEND) {
            standard_metadata.egress_spec = (bit<9>) meta.egress_port;
        } else {
            ingress_drops.count((bit<32>) meta.reason);
            mark_to_drop(standard_metadata);
        }
    }
}

control HectographEgress(inout headers_t hdr, inout metadata_t meta,
               inout standard_metadata_t standard_metadata) {
    Member() member;
    UdpChecksum() udp_checksum;
    TcpChecksum() tcp_checksum;
    VlanTag() vlan_tag;

    @id(COUNTER_EGRESS_DROPS) @name(".egress_drops")
    counter(HG_DROP_REASONS, CounterType.packets_and_bytes) egress_drops;

    apply {
        if (meta.verdict == verdict_t.REPLICATE) {
            member.apply(hdr, meta, standard_metadata.egress_rid);
            if (meta.verdict == verdict_t.DROP) {
                egress_drops.count((bit<32>) meta.reason);
                mark_to_drop(standard_metadata);
            } else {
                if (hdr.tcp.isValid()) {
                    tcp_checksum.apply(hdr, meta);
                } else {
                    udp_checksum.apply(hdr, meta);
                }
                hdr.push.setInvalid();
            }
        }
        vlan_tag.apply(hdr, meta);
        hdr.packet_out.setInvalid();
    }
}

control HectographDeparser(packet_out packet, in headers_t hdr) {
    PacketDeparser() packet_deparser;

    apply {
        packet_deparser.apply(packet, hdr);
    }
}

@pkginfo(name="hectograph", version="0.1.0", organization="Hectograph")
@brief("Copies a pushed packet to a group's members and writes each copy's headers")
V1Switch(HectographParser(), VerifyIpv4(), HectographIngress(), HectographEgress(), Checksums(),
         HectographDeparser()) main;
