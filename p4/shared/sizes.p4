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

/* Contents, each with its address and port. */
#define SIZE_SERVICE 16384
#define SIZE_CONTENT_ADDRESS 16384

/* Buckets of all host sets: 16 for each set of hosts that serve the same contents. */
#define SIZE_SERVICE_HOST 1024

/* Cells of each half of the flow filter: the index is this many bits of a hash. */
#define SIZE_FILTER_BITS 20
#define SIZE_FILTER (1 << SIZE_FILTER_BITS)

#endif
