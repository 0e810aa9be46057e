/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P4Runtime ids of every object, so that they stay what they are when the
 * program around them changes. An id is never reused for something else. The
 * top byte is the object's kind (P4Runtime specification, "ID allocation").
 * Names are absolute (`@name(".x")`), so that they do not depend on how a
 * target's entry nests the controls.
 */
#ifndef HG_IDS_P4
#define HG_IDS_P4

/* Tables, 0x02 */
#define TABLE_HOST_PORT 0x02000001
#define TABLE_PUSH_GROUP 0x02000002
#define TABLE_MEMBER 0x02000003
#define TABLE_PUNT_CLASS 0x02000004
#define TABLE_SERVICE 0x02000005
#define TABLE_SERVICE_HOST 0x02000006
#define TABLE_FLOW_SECRETS 0x02000007
#define TABLE_CONTENT_ADDRESS 0x02000008
#define TABLE_MARTIAN 0x02000009

/* Actions, 0x01 */
#define ACTION_IS_HOST 0x01000001
#define ACTION_IS_CLIENT 0x01000002
#define ACTION_REPLICATE 0x01000003
#define ACTION_UNKNOWN_GROUP 0x01000004
#define ACTION_UDP_IPV4 0x01000005
#define ACTION_UDP_IPV6 0x01000006
#define ACTION_EMPTY_SLOT 0x01000007
#define ACTION_PUNT_AS 0x01000008
#define ACTION_SERVE 0x01000009
#define ACTION_NO_SERVICE 0x0100000A
#define ACTION_TO_HOST 0x0100000B
#define ACTION_NO_HOST 0x0100000C
#define ACTION_SET_SECRETS 0x0100000D
#define ACTION_OWN_ADDRESS 0x0100000E
#define ACTION_OTHER_ADDRESS 0x0100000F
#define ACTION_MARTIAN 0x01000010
#define ACTION_NO_MARTIAN 0x01000011
#define ACTION_TCP_IPV4 0x01000012
#define ACTION_TCP_IPV6 0x01000013

/* Counters, 0x12; direct counters, 0x13; meters, 0x14; registers, 0x16 */
#define COUNTER_INGRESS_DROPS 0x12000001
#define COUNTER_EGRESS_DROPS 0x12000002
#define DIRECT_COUNTER_PUSH_GROUP 0x13000001
#define DIRECT_COUNTER_MEMBER 0x13000002
#define DIRECT_COUNTER_SERVICE 0x13000003
#define METER_PUNT 0x14000001
#define METER_TCP 0x14000002
#define REGISTER_FILTER_A 0x16000001
#define REGISTER_FILTER_B 0x16000002

#endif
