/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles (docs/wire-format.md): many pushes in one frame, from the pusher to a port
 * of the embedded switch, which cuts them apart before its pipeline. No P4 program
 * sees one; where one gets to a pipeline it is a push of a kind that is not known.
 */
#ifndef HG_BUNDLE_H
#define HG_BUNDLE_H

#include "wire.h"

#define HG_PUSH_KIND_BUNDLE 4
#define HG_BUNDLE_BYTES 2 /* the bundle's own header: version and kind, zero */
#define HG_BUNDLE_FRAME_BYTES (HG_ETHERNET_BYTES + HG_BUNDLE_BYTES)
/*
 * Before each push: its length, and of a long one, which the port that it leaves by
 * cuts up, the payload of each segment (0: it is not cut).
 */
#define HG_BUNDLE_ENTRY_BYTES 4
#define HG_BUNDLE_PUSHES 128     /* at most */

#endif
