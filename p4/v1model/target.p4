/* SPDX-License-Identifier: Apache-2.0 */
/* How v1model spells what the shared controls need of their target. */
#ifndef HG_TARGET_P4
#define HG_TARGET_P4

#include <v1model.p4>

typedef bit<9> ingress_port_t;

const bit<32> METER_RED = 2; // v1model: 0 green, 1 yellow, 2 red

/* v1model counts a direct counter with every hit by itself. */
#define DIRECT_COUNTER(NAME) direct_counter(CounterType.packets_and_bytes) NAME;
#define ATTACH_DIRECT_COUNTER(NAME) counters = NAME;
#define COUNT_DIRECT(NAME)

#endif
