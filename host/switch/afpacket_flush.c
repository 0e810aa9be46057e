/* SPDX-License-Identifier: Apache-2.0 */
/* afpacket.h: what was gathered is handed to the kernel, and counted. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

#include "afpacket.h"
#include "capture.h"
#include "clock.h"
#include "stage.h"

#define PATIENCE_NS 20000000u /* per flush, before a frame that the kernel does not take is dropped */

/* One message for each frame: vnet header and headers, then its segments' payloads. */
static void make_message(struct afpacket_tx *tx, uint32_t index, struct iovec *parts)
{
	struct gather_frame *frame = &tx->gather.frames[index];
	struct msghdr *message = &tx->messages[index].msg_hdr;
	uint32_t part = frame->first;

	parts[0] = (struct iovec){ frame->run.headers, frame->header_bytes };
	if (tx->vnet) {
		struct virtio_net_hdr offload;

		gather_finish(frame, &offload);
		parts[0].iov_base = frame->run.headers - sizeof(offload);
		parts[0].iov_len += sizeof(offload);
		memcpy(parts[0].iov_base, &offload, sizeof(offload));
	}
	for (uint32_t i = 1; i <= frame->parts; i++) {
		parts[i] = (struct iovec){ (void *)tx->gather.parts[part].payload, tx->gather.parts[part].bytes };
		part = tx->gather.parts[part].next;
	}
	message->msg_iov = parts;
	message->msg_iovlen = 1 + frame->parts;
}

static void make_all_messages(struct afpacket_tx *tx)
{
	struct iovec *parts = tx->parts;

	for (uint32_t i = 0; i < tx->gather.frame_count; i++) {
		make_message(tx, i, parts);
		parts += tx->messages[i].msg_hdr.msg_iovlen;
	}
}

static void count_sent(struct io *io, const struct gather_frame *frames, uint32_t count)
{
	uint64_t bytes = 0, packets = 0, supers = 0, segments = 0;

	for (uint32_t i = 0; i < count; i++) {
		bytes += gather_wire_bytes(&frames[i]);
		packets += frames[i].run.segments;
		if (frames[i].run.segments > 1) {
			supers++;
			segments += frames[i].run.segments;
		}
	}
	add_relaxed(&io->counters->tx_packets, packets);
	add_relaxed(&io->counters->tx_bytes, bytes);
	add_relaxed(&io->counters->tx_supers, supers);
	add_relaxed(&io->counters->tx_super_segments, segments);
}

/* As the interface has them, without vnet headers. */
static void capture_out(struct io *io, const struct mmsghdr *messages, uint32_t count)
{
	size_t skip = ((struct afpacket *)io)->tx.vnet ? sizeof(struct virtio_net_hdr) : 0;
	uint64_t now_ns = capture_now_ns();

	for (uint32_t i = 0; i < count; i++)
		capture_put(io->capture->capture, io->capture->out, now_ns, messages[i].msg_hdr.msg_iov,
			    messages[i].msg_hdr.msg_iovlen, skip);
}

/* Lets the kernel drain its queue; false when our patience has ended. */
static bool wait_for_kernel(struct afpacket_tx *tx, int error, uint64_t *deadline_ns)
{
	struct pollfd writable = { .fd = tx->fd, .events = POLLOUT };
	uint64_t now = now_ns();

	if (tx->hopeless)
		return false;
	if (!*deadline_ns)
		*deadline_ns = now + PATIENCE_NS;
	if (now >= *deadline_ns) {
		tx->hopeless = true;
		return false;
	}
	if (error == EAGAIN)
		poll(&writable, 1, 1);
	else
		sched_yield(); /* ENOBUFS: the device's queue is full, and nothing tells when it is not */
	return true;
}

static void count_dropped(_Atomic uint64_t *counter, const struct gather_frame *frames, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		add_relaxed(counter, frames[i].run.segments);
}

/* What the kernel's refusal of the first of `left` frames means: how many frames to go on by. */
static uint32_t refused(struct io *io, int error, const struct gather_frame *frames, uint32_t left,
			uint64_t *deadline_ns)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	switch (error) {
	case EINTR:
		return 0;
	case EMSGSIZE:
		count_dropped(&io->counters->tx_oversized, frames, 1);
		return 1;
	case EAGAIN:
	case ENOBUFS:
		if (wait_for_kernel(tx, error, deadline_ns))
			return 0;
		count_dropped(&io->counters->tx_dropped, frames, 1);
		return 1;
	case EINVAL: /* it does not take this frame; the next it may */
		count_dropped(&io->counters->tx_dropped, frames, 1);
		return 1;
	default: /* ENETDOWN, ENXIO: the interface is down or gone */
		count_dropped(&io->counters->tx_dropped, frames, left);
		return left;
	}
}

/* Those from `first` to before `end`. */
static void send_messages(struct io *io, uint32_t first, uint32_t end)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	const struct gather_frame *frames = tx->gather.frames;
	uint64_t deadline_ns = 0;

	for (uint32_t done = first; done < end;) {
		int sent = sendmmsg(tx->fd, tx->messages + done, end - done, MSG_DONTWAIT);

		if (sent < 0) {
			done += refused(io, errno, frames + done, end - done, &deadline_ns);
			continue;
		}
		tx->hopeless = false;
		count_sent(io, frames + done, (uint32_t)sent);
		if (io->capture)
			capture_out(io, tx->messages + done, (uint32_t)sent);
		done += (uint32_t)sent;
	}
}

/* For as long as it goes on taking frames, or having sent them, and our patience after that. */
static int push(struct afpacket_tx *tx, uint32_t *lost)
{
	uint64_t deadline_ns = 0;

	for (;;) {
		uint32_t held = afxdp_held(&tx->xdp);
		int ret = afxdp_push(&tx->xdp);

		if (!ret) {
			tx->hopeless = false;
			return 0;
		}
		if (ret == -EBUSY)
			++*lost;
		if (ret == -EINTR || ret == -EBUSY)
			continue;
		if (ret != -EAGAIN && ret != -ENOBUFS && ret != -ENOMEM)
			return ret; /* ENETDOWN, ENXIO: the interface is down or gone */
		if (afxdp_held(&tx->xdp) < held)
			deadline_ns = 0;
		else if (!wait_for_kernel(tx, ENOBUFS, &deadline_ns))
			return ret;
	}
}

/*
 * What was put, from `first` to before `end`. Nothing of it stays behind to leave later:
 * what the kernel does not take is lost with its socket, and the port goes on with the
 * packet socket until it is opened anew.
 */
static void push_messages(struct io *io, uint32_t first, uint32_t end)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	const struct gather_frame *frames = tx->gather.frames;
	uint32_t count = end - first, lost = 0;

	if (!count)
		return;
	if (push(tx, &lost)) {
		lost += afxdp_held(&tx->xdp);
		afxdp_close(&tx->xdp);
		io_reopen(io);
	}
	if (lost > count)
		lost = count;
	count_dropped(&io->counters->tx_dropped, frames + first, lost);
	count_sent(io, frames + first + lost, count - lost);
	if (io->capture)
		capture_out(io, tx->messages + first + lost, count - lost);
}

/* Others are the packet socket's to refuse: a frame that is longer than the MTU leaves only with a tag. */
static bool fits_xdp(const struct io *io, const struct gather_frame *frame)
{
	uint64_t bytes = gather_wire_bytes(frame);

	return bytes >= ETH_HLEN && bytes <= AFXDP_FRAME_BYTES && bytes <= io->mtu + ETH_HLEN;
}

static bool put(struct io *io, uint32_t index)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	const struct msghdr *message = &tx->messages[index].msg_hdr;

	return tx->xdp.fd >= 0 && fits_xdp(io, &tx->gather.frames[index]) &&
	       afxdp_put(&tx->xdp, message->msg_iov, message->msg_iovlen);
}

/* By AF_XDP, and what does not fit there by the packet socket, in order. */
static void put_all(struct io *io)
{
	uint32_t count = ((struct afpacket *)io)->tx.gather.frame_count, first = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (put(io, i))
			continue;
		push_messages(io, first, i);
		first = i;
		if (put(io, i)) /* there was no room */
			continue;
		send_messages(io, i, i + 1);
		first = i + 1;
	}
	push_messages(io, first, count);
}

static void send_all(struct io *io)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	make_all_messages(tx);
	if (tx->xdp.fd >= 0)
		put_all(io);
	else
		send_messages(io, 0, tx->gather.frame_count);
}

void afpacket_flush(struct io *io)
{
	struct gather *gather = &((struct afpacket *)io)->tx.gather;

	if (io->stages->on) {
		enum hg_stage before = stage_enter(io->stages, HG_STAGE_TRANSMIT);

		stage_count(io->stages, HG_STAGE_TRANSMIT, gather->frame_count);
		send_all(io);
		stage_enter(io->stages, before);
	} else {
		send_all(io);
	}
	gather_restart(gather);
	io_set_unflushed(io, 0);
}
