/* SPDX-License-Identifier: Apache-2.0 */
/* Group pushes: which replication tree makes the copies. */
#ifndef HG_PUSH_GROUP_P4
#define HG_PUSH_GROUP_P4

#include "headers.p4"
#include "sizes.p4"

control PushGroup(in headers_t hdr, inout metadata_t meta) {
    @id(DIRECT_COUNTER_PUSH_GROUP) @name(".push_group_counter")
    DIRECT_COUNTER(push_group_counter)

    @id(ACTION_REPLICATE) @name(".replicate")
    action replicate(@id(1) group_id_t multicast_group) {
        COUNT_DIRECT(push_group_counter)
        meta.multicast_group = multicast_group;
    }

    /* Also what a frame falls to whose group's entry is gone: nobody gets it. */
    @id(ACTION_UNKNOWN_GROUP) @name(".unknown_group")
    action unknown_group() {
        meta.verdict = verdict_t.DROP;
        meta.reason = HG_DROP_UNKNOWN_GROUP;
    }

    @id(TABLE_PUSH_GROUP) @name(".push_group")
    table push_group {
        key = {
            hdr.push.group : exact @name("group") @id(1);
        }
        actions = {
            replicate;
            @defaultonly unknown_group;
        }
        const default_action = unknown_group();
        size = SIZE_PUSH_GROUP;
        ATTACH_DIRECT_COUNTER(push_group_counter)
    }

    apply {
        push_group.apply();
    }
}

#endif
