/* SPDX-License-Identifier: Apache-2.0 */
/* Minimum guaranteed sizes: how many entries every target must hold. */
#ifndef HG_SIZES_P4
#define HG_SIZES_P4

/* Ports that a host pushes from. */
#define SIZE_HOST_PORT 64

/* Groups that can be pushed to; BMv2's replication engine has 4,096 by default. */
#define SIZE_PUSH_GROUP 4096

/* Members of all groups together; 16,384 is what fits Tofino 1 (DESIGN: measured). */
#ifndef SIZE_MEMBER
#define SIZE_MEMBER 16384
#endif

#endif
