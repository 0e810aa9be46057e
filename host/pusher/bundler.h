/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Push frames on their way out: each by itself, or many in one frame (a bundle,
 * docs/wire-format.md) on a link whose far end is known to cut bundles up. The
 * kernel's price is per frame; so a bundle costs little more than one push.
 */
#ifndef HG_BUNDLER_H
#define HG_BUNDLER_H

#include <linux/virtio_net.h>
#include <sys/socket.h>

#include "bundle.h"
#include "link.h"

#define HG_BUNDLER_FRAMES 128    /* that it takes at a time */
#define HG_BUNDLER_FRAME_PARTS 3 /* of each, at most */

struct hg_bundler {
	/* Before every frame on a link with bundles; without an offload it only says how much is to be linear memory. */
	struct virtio_net_hdr vnet;
	uint8_t header[HG_BUNDLE_FRAME_BYTES];
	uint16_t entries[HG_BUNDLER_FRAMES][2]; /* as on the wire */
	uint32_t pushes[HG_BUNDLER_FRAMES]; /* of each message */
	struct mmsghdr messages[HG_BUNDLER_FRAMES];
	struct iovec parts[HG_BUNDLER_FRAMES * (3 + HG_BUNDLER_FRAME_PARTS)];
};

/*
 * The messages of `count` push frames for a link of that MTU; how many. `segments`:
 * for each, into what payloads it is to be cut, 0 for none; NULL: none is.
 */
uint32_t hg_bundler_pack(struct hg_bundler *bundler, const uint8_t source[HG_MAC_BYTES], uint32_t mtu,
			 const struct mmsghdr *frames, const uint16_t *segments, uint32_t count);

/* How many pushes of that length the link's window has room for: several in each frame where it has bundles. */
uint32_t hg_bundler_room(const struct hg_link *link, uint32_t push_bytes);

/*
 * As sendmmsg() without waiting: how many of the frames were sent, or -1 and errno
 * as the first of them had it. The bundler is not used where the link has none.
 */
int hg_bundler_send(struct hg_bundler *bundler, struct hg_link *link, struct mmsghdr *frames,
		    const uint16_t *segments, uint32_t count);

#endif
