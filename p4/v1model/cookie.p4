/* SPDX-License-Identifier: Apache-2.0 */
/* The keyed hash of a connection, in v1model's arithmetic. */
#ifndef HG_COOKIE_P4
#define HG_COOKIE_P4

#include "../shared/headers.p4"

/*
 * HalfSipHash-2-4 with 64 bits of output (Aumasson, Bernstein: SipHash; the
 * reference's halfsiphash.c) over the tuple's nine 32-bit words: client address,
 * service address, client and service port. Each word is taken as a number, most
 * significant byte first as on the wire; the message is 36 bytes long.
 */
control Cookie(in connection_t connection, in bit<64> secret, out bit<64> flow_hash) {
    bit<32> v0;
    bit<32> v1;
    bit<32> v2;
    bit<32> v3;
    bit<32> low;

    @hidden
    action round() {
        v0 = v0 + v1;
        v1 = v1[26:0] ++ v1[31:27];
        v1 = v1 ^ v0;
        v0 = v0[15:0] ++ v0[31:16];
        v2 = v2 + v3;
        v3 = v3[23:0] ++ v3[31:24];
        v3 = v3 ^ v2;
        v0 = v0 + v3;
        v3 = v3[24:0] ++ v3[31:25];
        v3 = v3 ^ v0;
        v2 = v2 + v1;
        v1 = v1[18:0] ++ v1[31:19];
        v1 = v1 ^ v2;
        v2 = v2[15:0] ++ v2[31:16];
    }

    @hidden
    action start() {
        v0 = secret[31:0];
        v1 = secret[63:32] ^ 0xEE;
        v2 = secret[31:0] ^ 0x6C796765;
        v3 = secret[63:32] ^ 0x74656462;
    }

    @hidden
    action compress(bit<32> word) {
        v3 = v3 ^ word;
        round();
        round();
        v0 = v0 ^ word;
    }

    @hidden
    action finish() {
        round();
        round();
        round();
        round();
    }

    apply {
        start();
        compress(connection.client_addr[127:96]);
        compress(connection.client_addr[95:64]);
        compress(connection.client_addr[63:32]);
        compress(connection.client_addr[31:0]);
        compress(connection.service_addr[127:96]);
        compress(connection.service_addr[95:64]);
        compress(connection.service_addr[63:32]);
        compress(connection.service_addr[31:0]);
        compress(connection.client_port ++ connection.service_port);
        compress(36 << 24);
        v2 = v2 ^ 0xEE;
        finish();
        low = v1 ^ v3;
        v1 = v1 ^ 0xDD;
        finish();
        flow_hash = (v1 ^ v3) ++ low;
    }
}

#endif
