/* SPDX-License-Identifier: Apache-2.0 */
/* TCP to a content: answered here, handed to a host, or refused. */
#ifndef HG_STATELESS_TCP_P4
#define HG_STATELESS_TCP_P4

#include "../shared/headers.p4"
#include "../shared/secrets.p4"
#include "../shared/segment.p4"
#include "../shared/handshake.p4"
#include "../shared/flow_push.p4"
#include "../shared/pull.p4"
#include "../shared/reply.p4"
#include "cookie.p4"
#include "flow_filter.p4"
#include "flow_learning.p4"

/* What one secret says of a number in the space of our sequence numbers. */
struct reading_t {
    bit<64> flow_hash;
    bit<32> position; // in the response, bytes
    bool plausible; // within the response
    bool verified; // the flow has shown that it receives
}

/*
 * number = hash + position + constants: the hash's 25 bits are the high ones of the first
 * data byte's sequence number, so the difference is a multiple of 128 plus the constants.
 */
control Reading(in bit<32> number, in bit<32> length, inout reading_t reading) {
    bit<32> difference;

    apply {
        difference = number - (reading.flow_hash[31:7] ++ 7w0);
        reading.position = difference[31:7] ++ 7w0;
        reading.plausible = (reading.position |-| length) == 0;
    }
}

/* Flow pushes from hosts, what clients send to a content, and ICMP errors about what they got. */
control StatelessTcp(inout headers_t hdr, inout metadata_t meta, in secrets_t secrets,
                     in bit<16> ingress_port) {
    Cookie() cookie;
    FlowFilter() flow_filter;
    FlowLearning() flow_learning;
    FlowPush() flow_push;
    Segment() segment;
    Martian() martian;
    Handshake() handshake;
    Reading() read;
    Pull() pull;
    Reset() reset;
    Acknowledge() acknowledge;
    TcpReply() reply;
    reading_t current = { 0, 0, false, false };
    reading_t previous = { 0, 0, false, false };
    bit<64> secret = 0;
    bit<32> number = 0; // of ours: acknowledged by a client, or quoted by an ICMP error
    bit<32> next_seq_no = 0;
    bit<8> pull_flags = 0; // HG_PULL_*; 0: no pull
    bool refused = false; // by a reset
    bool sound = false;
    bool from_martian = false;
    bit<32> color = 0;
    bit<8> secret_number = 0;

    @id(METER_TCP) @name(".tcp_meter")
    meter(HG_TCP_METERS, MeterType.packets) tcp_meter;

    @hidden
    action drop(bit<8> reason) {
        meta.verdict = verdict_t.DROP;
        meta.reason = reason;
    }

    apply {
        secret = secrets.current;
        if (hdr.flow.isValid() && hdr.flow.secret != secrets.number) {
            secret = secrets.previous;
        }
        cookie.apply(meta.connection, secret, current.flow_hash);
        if (hdr.inner_tcp.isValid() || hdr.tcp.isValid() && hdr.tcp.flags & TCP_SYN == 0) {
            if (hdr.inner_tcp.isValid()) {
                number = hdr.inner_tcp.seq_no;
            } else {
                number = hdr.tcp.ack_no;
            }
            cookie.apply(meta.connection, secrets.previous, previous.flow_hash);
            read.apply(number, meta.length, current);
            read.apply(number, meta.length, previous);
        }

        if (hdr.flow.isValid()) {
            /* Named by number, a push on its way while secrets rotate is never numbered by the wrong one. */
            if (hdr.flow.secret == secrets.number || hdr.flow.secret + 1 == secrets.number) {
                flow_filter.apply(current.flow_hash, secrets, true, current.verified);
                flow_push.apply(hdr, meta, current.flow_hash);
            } else {
                drop(HG_DROP_FLOW_SECRET);
            }
        } else if (hdr.inner_tcp.isValid()) {
            if (current.plausible || previous.plausible) {
                pull_flags = HG_PULL_ICMP;
            } else {
                drop(HG_DROP_ICMP);
            }
        } else {
            segment.apply(hdr, meta.tcp_length, sound, next_seq_no);
            martian.apply(hdr, meta.connection, from_martian);
            if (!sound) {
                drop(HG_DROP_MALFORMED);
            } else if (from_martian) {
                drop(HG_DROP_MARTIAN);
            } else if (!meta.to_service || hdr.tcp.flags & (TCP_SYN | TCP_ACK) == (TCP_SYN | TCP_ACK)) {
                /* Nothing listens on this port, or nothing of ours has sent a SYN. */
                if (hdr.tcp.flags & TCP_RST != 0) {
                    drop(HG_DROP_TCP_INVALID);
                } else {
                    refused = true;
                }
            } else if (hdr.tcp.flags & (TCP_SYN | TCP_RST | TCP_FIN) == TCP_SYN) {
                if (meta.syn.left != 0) {
                    drop(HG_DROP_TCP_OPTIONS);
                } else {
                    handshake.apply(hdr, meta, secrets, current.flow_hash);
                    reply.apply(hdr, meta, ingress_port);
                }
            } else if (hdr.tcp.flags & TCP_SYN != 0 || hdr.tcp.flags & (TCP_ACK | TCP_RST) == 0) {
                drop(HG_DROP_TCP_INVALID);
            } else {
                /* A reset in answer to a segment of ours acknowledges nothing: the filter alone tells. */
                if (hdr.tcp.flags & TCP_ACK == 0) {
                    current.plausible = true;
                    previous.plausible = true;
                }
                /* Position 0 completes a handshake: who can name it has received our SYN-ACK. */
                if (current.plausible) {
                    flow_filter.apply(current.flow_hash, secrets,
                                      current.position == 0 && hdr.tcp.flags & TCP_RST == 0,
                                      current.verified);
                }
                if (previous.plausible) {
                    flow_filter.apply(previous.flow_hash, secrets,
                                      previous.position == 0 && hdr.tcp.flags & TCP_RST == 0,
                                      previous.verified);
                }

                if (current.verified && previous.verified && current.position != 0) {
                    /* One is the filter's mistake: only a host that knows the flow can tell which. */
                    pull_flags = HG_PULL_MAYBE_CURRENT | HG_PULL_MAYBE_PREVIOUS;
                } else if (current.verified) {
                    pull_flags = HG_PULL_CURRENT;
                } else if (previous.verified) {
                    pull_flags = HG_PULL_PREVIOUS;
                } else if (hdr.tcp.flags & TCP_RST != 0) {
                    drop(HG_DROP_TCP_INVALID);
                } else if (hdr.tcp.flags & TCP_FIN != 0
                           && (current.plausible && current.position == meta.length
                               || previous.plausible && previous.position == meta.length)) {
                    /* Nobody remembers it and nothing is left to send: let it close. */
                    acknowledge.apply(hdr, meta, next_seq_no);
                    reply.apply(hdr, meta, ingress_port);
                } else if (current.plausible || previous.plausible) {
                    tcp_meter.execute_meter(HG_TCP_METER_UNVERIFIED, color);
                    if (color == METER_RED) {
                        drop(HG_DROP_UNVERIFIED_METER);
                    } else {
                        if (current.plausible) {
                            pull_flags = HG_PULL_MAYBE_CURRENT;
                        }
                        if (previous.plausible) {
                            pull_flags = pull_flags | HG_PULL_MAYBE_PREVIOUS;
                        }
                    }
                } else {
                    refused = true;
                }
            }
        }

        /* An ACK alone: what follows at position 0 carries the request. */
        if ((pull_flags == HG_PULL_CURRENT && current.position == 0
             || pull_flags == HG_PULL_PREVIOUS && previous.position == 0)
            && hdr.tcp.flags & (TCP_RST | TCP_FIN) == 0 && next_seq_no == hdr.tcp.seq_no) {
            tcp_meter.execute_meter(HG_TCP_METER_LEARN, color);
            if (color != METER_RED) {
                secret_number = secrets.number;
                if (pull_flags == HG_PULL_PREVIOUS) {
                    secret_number = secrets.number - 1;
                }
                flow_learning.apply(hdr, meta, ingress_port, secret_number, number);
            }
        }
        if (pull_flags != 0) {
            pull.apply(hdr, meta, ingress_port, pull_flags, secrets.number, number,
                       current.position, previous.position);
        } else if (refused) {
            tcp_meter.execute_meter(HG_TCP_METER_RESET, color);
            if (color == METER_RED) {
                drop(HG_DROP_RESET_METER);
            } else {
                reset.apply(hdr, meta, next_seq_no);
                reply.apply(hdr, meta, ingress_port);
            }
        }
    }
}

#endif
