/* SPDX-License-Identifier: Apache-2.0 */
/* What the controller rotates: the cookie's secrets and the filter's epoch. */
#ifndef HG_SECRETS_P4
#define HG_SECRETS_P4

#include "headers.p4"

struct secrets_t {
    bit<64> current;
    bit<64> previous;
    bit<8> number;         // of the current secret; the previous one's is one less
    bit<8> epoch;          // never 0, which is what cells hold at first
    bit<8> previous_epoch;
    bit<16> mss;           // that our SYN-ACKs announce
}

control Secrets(out secrets_t secrets) {
    @id(ACTION_SET_SECRETS) @name(".set_secrets")
    action set_secrets(@id(1) bit<64> current, @id(2) bit<64> previous, @id(3) bit<8> epoch,
                       @id(4) bit<8> previous_epoch, @id(5) bit<16> mss, @id(6) bit<8> number) {
        secrets.current = current;
        secrets.previous = previous;
        secrets.epoch = epoch;
        secrets.previous_epoch = previous_epoch;
        secrets.mss = mss;
        secrets.number = number;
    }

    /* No key: the controller writes the default action. */
    @id(TABLE_FLOW_SECRETS) @name(".flow_secrets")
    table flow_secrets {
        actions = {
            set_secrets;
        }
        default_action = set_secrets(0, 0, 1, 1, 1220, 0);
    }

    apply {
        flow_secrets.apply();
    }
}

#endif
