/* SPDX-License-Identifier: Apache-2.0 */
/* Which ports are hosts': only these may push. */
#ifndef HG_HOST_PORT_P4
#define HG_HOST_PORT_P4

#include "headers.p4"
#include "sizes.p4"

control HostPort(in ingress_port_t ingress_port, inout metadata_t meta) {
    @id(ACTION_IS_HOST) @name(".is_host")
    action is_host() {
        meta.from_host = true;
    }

    @id(ACTION_IS_CLIENT) @name(".is_client")
    action is_client() {
        meta.from_host = false;
    }

    @id(TABLE_HOST_PORT) @name(".host_port")
    table host_port {
        key = {
            ingress_port : exact @name("ingress_port") @id(1);
        }
        actions = {
            is_host;
            @defaultonly is_client;
        }
        const default_action = is_client();
        size = SIZE_HOST_PORT;
    }

    apply {
        host_port.apply();
    }
}

#endif
