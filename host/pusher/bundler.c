/* SPDX-License-Identifier: Apache-2.0 */
#include "bundler.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "mark.h"
#include "pusher.h"

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t frame_bytes(const struct mmsghdr *frame)
{
	uint32_t bytes = 0;

	for (size_t i = 0; i < frame->msg_hdr.msg_iovlen; i++)
		bytes += (uint32_t)frame->msg_hdr.msg_iov[i].iov_len;
	return bytes;
}

static void make_header(struct hg_bundler *bundler, const uint8_t source[HG_MAC_BYTES])
{
	static const uint8_t destination[HG_MAC_BYTES] = HG_PUSH_DESTINATION;
	const uint16_t type = htons(HG_ETHERTYPE_PUSH);

	memcpy(bundler->header, destination, HG_MAC_BYTES);
	memcpy(bundler->header + HG_MAC_BYTES, source, HG_MAC_BYTES);
	memcpy(bundler->header + 2 * HG_MAC_BYTES, &type, sizeof(type));
	bundler->header[HG_ETHERNET_BYTES] = HG_PUSH_VERSION << 4 | HG_PUSH_KIND_BUNDLE;
	bundler->header[HG_ETHERNET_BYTES + 1] = 0;
	bundler->vnet.hdr_len = sizeof(bundler->header);
}

/* How many of the frames one message takes: one that stands alone needs no bundle. */
static uint32_t choose(const struct mmsghdr *frames, uint32_t count, uint32_t mtu)
{
	uint32_t bytes = HG_BUNDLE_BYTES, taken = 0;

	while (taken < count && taken < HG_BUNDLE_PUSHES) {
		bytes += HG_BUNDLE_ENTRY_BYTES + frame_bytes(&frames[taken]);
		if (bytes > mtu)
			break;
		taken++;
	}
	return taken ? taken : 1;
}

static struct iovec *add_frame(struct iovec *part, const struct mmsghdr *frame)
{
	memcpy(part, frame->msg_hdr.msg_iov, frame->msg_hdr.msg_iovlen * sizeof(*part));
	return part + frame->msg_hdr.msg_iovlen;
}

static struct iovec *add_to_bundle(struct hg_bundler *bundler, struct iovec *part, const struct mmsghdr *frame,
				   uint16_t segment, uint32_t index)
{
	bundler->entries[index][0] = htons((uint16_t)frame_bytes(frame));
	bundler->entries[index][1] = htons(segment);
	*part++ = (struct iovec){ bundler->entries[index], HG_BUNDLE_ENTRY_BYTES };
	return add_frame(part, frame);
}

uint32_t hg_bundler_pack(struct hg_bundler *bundler, const uint8_t source[HG_MAC_BYTES], uint32_t mtu,
			 const struct mmsghdr *frames, const uint16_t *segments, uint32_t count)
{
	struct iovec *part = bundler->parts;
	uint32_t messages = 0;

	make_header(bundler, source);
	for (uint32_t at = 0; at < count; messages++) {
		uint32_t pushes = choose(frames + at, count - at, mtu);
		struct iovec *first = part;

		*part++ = (struct iovec){ &bundler->vnet, sizeof(bundler->vnet) };
		if (pushes == 1 && (!segments || !segments[at])) {
			part = add_frame(part, &frames[at]);
		} else {
			*part++ = (struct iovec){ bundler->header, sizeof(bundler->header) };
			for (uint32_t i = at; i < at + pushes; i++)
				part = add_to_bundle(bundler, part, &frames[i], segments ? segments[i] : 0, i);
		}
		bundler->messages[messages].msg_hdr =
			(struct msghdr){ .msg_iov = first, .msg_iovlen = (size_t)(part - first) };
		bundler->pushes[messages] = pushes;
		at += pushes;
	}
	return messages;
}

uint32_t hg_bundler_room(const struct hg_link *link, uint32_t push_bytes)
{
	uint32_t room = hg_link_window_room(&link->window);
	uint32_t most = link->bundles ? (link->mtu - HG_BUNDLE_BYTES) / (HG_BUNDLE_ENTRY_BYTES + push_bytes) : 0;

	return room > UINT32_MAX / HG_BUNDLE_PUSHES || most <= 1 ? room : room * least(most, HG_BUNDLE_PUSHES);
}

int hg_bundler_send(struct hg_bundler *bundler, struct hg_link *link, struct mmsghdr *frames,
		    const uint16_t *segments, uint32_t count)
{
	uint32_t messages, total = 0;
	int sent;

	if (!link->bundles) {
		sent = sendmmsg(link->fd, frames, least(count, hg_mark_burst(link)), MSG_DONTWAIT);
		hg_mark_sent(link, sent);
		return sent;
	}
	messages = hg_bundler_pack(bundler, link->mac, link->mtu, frames, segments, count);
	sent = sendmmsg(link->fd, bundler->messages, least(messages, hg_mark_burst(link)), MSG_DONTWAIT);
	/* Which of them cannot be read, or has become too long, only the first alone can tell. */
	if (sent < 0 && bundler->pushes[0] > 1 && (errno == EFAULT || errno == EMSGSIZE)) {
		if (errno == EMSGSIZE)
			link->mtu = hg_link_mtu(link->interface);
		hg_bundler_pack(bundler, link->mac, link->mtu, frames, segments, 1);
		sent = sendmmsg(link->fd, bundler->messages, 1, MSG_DONTWAIT);
	}
	hg_mark_sent(link, sent);
	if (sent < 0)
		return sent;
	for (int i = 0; i < sent; i++)
		total += bundler->pushes[i];
	return (int)total;
}
