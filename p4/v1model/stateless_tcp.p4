/* SPDX-License-Identifier: Apache-2.0 */
/* TCP to a content: answered here, handed to a host, or refused. */
#ifndef HG_STATELESS_TCP_P4
#define HG_STATELESS_TCP_P4

#include "../shared/headers.p4"
#include "../shared/secrets.p4"
#include "../shared/service.p4"
#include "../shared/handshake.p4"
#include "../shared/flow_push.p4"
#include "../shared/reply.p4"
#include "cookie.p4"
#include "flow_filter.p4"

/* What one secret says of an acknowledgement number. */
struct reading_t {
    bit<64> flow_hash;
    bit<32> position; // bytes of the response that the client has
    bool plausible; // within the response
    bool verified; // the flow has shown that it receives
}

/*
 * ack = hash + position + constants: the hash's 25 bits are the high ones of the first
 * data byte's sequence number, so the difference is a multiple of 128 plus the constants.
 */
control Reading(in bit<32> ack_no, in bit<32> length, inout reading_t reading) {
    bit<32> difference;

    apply {
        difference = ack_no - (reading.flow_hash[31:7] ++ 7w0);
        reading.position = difference[31:7] ++ 7w0;
        reading.plausible = (reading.position |-| length) == 0;
        reading.verified = false;
    }
}

/* Flow pushes from hosts, and what clients send to a content's address and port. */
control StatelessTcp(inout headers_t hdr, inout metadata_t meta, in secrets_t secrets,
                     in bit<16> ingress_port) {
    Cookie() cookie;
    FlowFilter() flow_filter;
    FlowPush() flow_push;
    Handshake() handshake;
    TcpReply() reply;
    Reading() read;
    ServiceHost() service_host;
    reading_t current;
    reading_t previous;
    bit<64> secret;
    bool entered;
    bit<32> acknowledged;
    bit<32> color = 0;

    @id(METER_TCP) @name(".tcp_meter")
    meter(HG_TCP_METERS, MeterType.packets) tcp_meter;

    @hidden
    action refuse(bit<8> reason) {
        meta.verdict = verdict_t.DROP;
        meta.reason = reason;
    }

    /* RFC 9293, 3.10.7.1: a reset of what acknowledged takes its number from there. */
    @hidden
    action reset() {
        hdr.tcp.seq_no = hdr.tcp.ack_no;
        hdr.tcp.ack_no = 0;
        hdr.tcp.flags = TCP_RST;
        hdr.tcp.window = 0;
        hdr.tcp.data_offset = 5;
        meta.tcp_length = TCP_HEADER_BYTES;
    }

    /* The client's FIN takes one sequence number; data before it is acknowledged too. */
    @hidden
    action acknowledge_fin() {
        hdr.tcp.seq_no = hdr.tcp.seq_no + 1
            + (bit<32>) (meta.tcp_length - ((bit<16>) hdr.tcp.data_offset << 2));
        hdr.tcp.window = 0xFFFF;
        hdr.tcp.data_offset = 5;
        meta.tcp_length = TCP_HEADER_BYTES;
        hdr.tcp.flags = TCP_ACK;
    }

    @hidden
    action swap_numbers() {
        acknowledged = hdr.tcp.ack_no;
        hdr.tcp.ack_no = hdr.tcp.seq_no;
        hdr.tcp.seq_no = acknowledged;
    }

    @hidden
    action pull(bit<8> flags) {
        hdr.pull.setValid();
        hdr.pull.version = HG_PUSH_VERSION;
        hdr.pull.kind = HG_PUSH_KIND_PULL;
        hdr.pull.flags = flags;
        hdr.pull.ingress_port = ingress_port;
        hdr.pull.content = meta.content;
        hdr.pull.length = meta.length;
        hdr.pull.current_position = current.position;
        hdr.pull.previous_position = previous.position;
        hdr.pull.constants = hdr.tcp.ack_no[7:0] & 0x7F;
        hdr.pull.secret = secrets.number;
        hdr.pull.reserved = 0;
    }

    /* RFC 9293, 3.10.7.1: what does not acknowledge is acknowledged by the reset. */
    @hidden
    action reset_unacknowledged() {
        hdr.tcp.ack_no = hdr.tcp.seq_no + 1;
        hdr.tcp.seq_no = 0;
        hdr.tcp.flags = TCP_RST | TCP_ACK;
        hdr.tcp.window = 0;
        hdr.tcp.data_offset = 5;
        meta.tcp_length = TCP_HEADER_BYTES;
    }

    apply {
        current = { 0, 0, false, false };
        previous = { 0, 0, false, false };
        secret = secrets.current;
        if (hdr.flow.isValid() && hdr.flow.secret != secrets.number) {
            secret = secrets.previous;
        }
        cookie.apply(meta.connection, secret, current.flow_hash);

        /* Named by number, a push on its way while secrets rotate is never numbered by the wrong one. */
        if (hdr.flow.isValid() && hdr.flow.secret != secrets.number
            && hdr.flow.secret + 1 != secrets.number) {
            refuse(HG_DROP_FLOW_SECRET);
        } else if (hdr.flow.isValid()) {
            flow_filter.apply(current.flow_hash, secrets, true, entered);
            flow_push.apply(hdr, meta, current.flow_hash);
        } else if (hdr.inner_tcp.isValid()) {
            pull(HG_PULL_ICMP);
            service_host.apply(hdr, meta);
        } else if (!meta.to_service) {
            /* Nothing listens on this port of the address. */
            if (hdr.tcp.flags & TCP_RST != 0) {
                refuse(HG_DROP_TCP_INVALID);
            } else {
                tcp_meter.execute_meter(HG_TCP_METER_RESET, color);
                if (color == 2) {
                    refuse(HG_DROP_RESET_METER);
                } else {
                    if (hdr.tcp.flags & TCP_ACK != 0) {
                        reset();
                    } else {
                        reset_unacknowledged();
                    }
                    reply.apply(hdr, meta, ingress_port);
                }
            }
        } else if (hdr.tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN) == TCP_SYN) {
            if (meta.syn.left != 0) {
                refuse(HG_DROP_TCP_OPTIONS);
            } else {
                handshake.apply(hdr, meta, secrets, current.flow_hash);
                reply.apply(hdr, meta, ingress_port);
            }
        } else if (hdr.tcp.flags & (TCP_SYN | TCP_ACK) != TCP_ACK) {
            refuse(HG_DROP_TCP_INVALID);
        } else {
            cookie.apply(meta.connection, secrets.previous, previous.flow_hash);
            read.apply(hdr.tcp.ack_no, meta.length, current);
            read.apply(hdr.tcp.ack_no, meta.length, previous);
            /* Position 0 completes a handshake: who can name it has received our SYN-ACK. */
            if (current.plausible) {
                flow_filter.apply(current.flow_hash, secrets, current.position == 0, current.verified);
            }
            if (previous.plausible && !current.verified) {
                flow_filter.apply(previous.flow_hash, secrets, previous.position == 0, previous.verified);
            }
            if (current.verified || previous.verified) {
                if (current.verified) {
                    pull(HG_PULL_CURRENT);
                } else {
                    pull(HG_PULL_PREVIOUS);
                }
                service_host.apply(hdr, meta);
            } else if (hdr.tcp.flags & TCP_RST != 0) {
                refuse(HG_DROP_TCP_INVALID);
            } else if (hdr.tcp.flags & TCP_FIN != 0
                       && (current.plausible && current.position == meta.length
                           || previous.plausible && previous.position == meta.length)) {
                /* Nobody remembers it and nothing is left to send: let it close. */
                acknowledge_fin();
                swap_numbers();
                reply.apply(hdr, meta, ingress_port);
            } else if (current.plausible || previous.plausible) {
                tcp_meter.execute_meter(HG_TCP_METER_UNVERIFIED, color);
                if (color == 2) {
                    refuse(HG_DROP_UNVERIFIED_METER);
                } else {
                    if (current.plausible && previous.plausible) {
                        pull(HG_PULL_MAYBE_CURRENT | HG_PULL_MAYBE_PREVIOUS);
                    } else if (current.plausible) {
                        pull(HG_PULL_MAYBE_CURRENT);
                    } else {
                        pull(HG_PULL_MAYBE_PREVIOUS);
                    }
                    service_host.apply(hdr, meta);
                }
            } else {
                tcp_meter.execute_meter(HG_TCP_METER_RESET, color);
                if (color == 2) {
                    refuse(HG_DROP_RESET_METER);
                } else {
                    reset();
                    reply.apply(hdr, meta, ingress_port);
                }
            }
        }
    }
}

#endif
