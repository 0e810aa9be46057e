/* SPDX-License-Identifier: Apache-2.0 */
/* afpacket.h: messages are handed to the kernel, and counted; none waits for it to have room. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#include "afpacket.h"
#include "capture.h"

static void count_sent(struct io_counters *counters, const struct io_size *sizes, uint32_t count)
{
	uint64_t bytes = 0, packets = 0, supers = 0, segments = 0;

	for (uint32_t i = 0; i < count; i++) {
		bytes += sizes[i].bytes;
		packets += sizes[i].segments;
		if (sizes[i].segments > 1) {
			supers++;
			segments += sizes[i].segments;
		}
	}
	add_relaxed(&counters->tx_packets, packets);
	add_relaxed(&counters->tx_bytes, bytes);
	add_relaxed(&counters->tx_supers, supers);
	add_relaxed(&counters->tx_super_segments, segments);
}

static void count_dropped(_Atomic uint64_t *counter, const struct io_size *sizes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		add_relaxed(counter, sizes[i].segments);
}

/* ---- by the packet socket --------------------------------------------------------- */

/* As the interface has them, without vnet headers. */
static void capture_sent(struct io *io, const struct mmsghdr *messages, uint32_t count)
{
	size_t skip = ((struct afpacket *)io)->tx.vnet ? sizeof(struct virtio_net_hdr) : 0;
	uint64_t now_ns = capture_now_ns();

	for (uint32_t i = 0; i < count; i++)
		capture_put(io->capture->capture, io->capture->out, now_ns, messages[i].msg_hdr.msg_iov,
			    messages[i].msg_hdr.msg_iovlen, skip);
}

static void sent(struct io *io, uint32_t first, uint32_t count)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	count_sent(io->counters, tx->sizes + first, count);
	if (io->capture)
		capture_sent(io, tx->messages + first, count);
}

/* What the kernel's refusal of the first of `left` messages means: how many never leave. */
static uint32_t refused(struct io *io, int error, const struct io_size *sizes, uint32_t left)
{
	switch (error) {
	case EMSGSIZE:
		count_dropped(&io->counters->tx_oversized, sizes, 1);
		return 1;
	case EINVAL: /* it does not take this frame; the next it may */
		count_dropped(&io->counters->tx_dropped, sizes, 1);
		return 1;
	default: /* ENETDOWN, ENXIO: the interface is down or gone */
		count_dropped(&io->counters->tx_dropped, sizes, left);
		return left;
	}
}

/* Those from `first` to before `end`: the first for which there is no room, or `end`. */
static uint32_t send_messages(struct io *io, uint32_t first, uint32_t end)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	while (first < end) {
		int count = sendmmsg(tx->fd, tx->messages + first, end - first, MSG_DONTWAIT);

		if (count >= 0) {
			sent(io, first, (uint32_t)count);
			first += (uint32_t)count;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			/* What is full is our socket, or the device's queue: of that nothing tells. */
			io->full_fd = errno == EAGAIN ? tx->fd : -1;
			return first;
		} else if (errno != EINTR) {
			first += refused(io, errno, tx->sizes + first, end - first);
		}
	}
	return end;
}

/* ---- by AF_XDP -------------------------------------------------------------------- */

/* Counts what the kernel has taken since the last time. */
static void count_taken(struct io *io)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;
	uint64_t now_ns = io->capture ? capture_now_ns() : 0, packets = 0, bytes = 0;
	struct iovec frame;

	while (afxdp_take(&tx->xdp, &frame)) {
		packets++;
		bytes += frame.iov_len;
		if (io->capture)
			capture_put(io->capture->capture, io->capture->out, now_ns, &frame, 1, 0);
	}
	add_relaxed(&io->counters->tx_packets, packets);
	add_relaxed(&io->counters->tx_bytes, bytes);
}

/* The interface is down or gone: the port goes on with the packet socket until it is opened anew. */
static void close_xdp(struct io *io)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	add_relaxed(&io->counters->tx_dropped, afxdp_put_not_taken(&tx->xdp));
	afxdp_close(&tx->xdp);
	io_reopen(io);
}

/* For as long as the kernel goes on taking frames, or having sent them; false: some are still to be taken. */
static bool push(struct io *io)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	for (;;) {
		uint32_t held = afxdp_held(&tx->xdp);
		int ret = afxdp_push(&tx->xdp);

		if (ret == -EBUSY) {
			afxdp_lose(&tx->xdp);
			add_relaxed(&io->counters->tx_dropped, 1);
		}
		count_taken(io);
		if (!ret)
			return true;
		if (ret == -EINTR || ret == -EBUSY)
			continue;
		if (ret != -EAGAIN && ret != -ENOBUFS && ret != -ENOMEM) {
			close_xdp(io);
			return true;
		}
		if (afxdp_held(&tx->xdp) >= held) {
			io->full_fd = -1;
			return false;
		}
	}
}

/* Others are the packet socket's to refuse: a frame that is longer than the MTU leaves only with a tag. */
static bool fits_xdp(const struct io *io, const struct io_size *size)
{
	return size->bytes >= ETH_HLEN && size->bytes <= AFXDP_FRAME_BYTES && size->bytes <= io->mtu + ETH_HLEN;
}

static bool put(struct afpacket_tx *tx, uint32_t index)
{
	const struct msghdr *message = &tx->messages[index].msg_hdr;

	return tx->xdp.fd >= 0 && afxdp_put(&tx->xdp, message->msg_iov, message->msg_iovlen);
}

/* By AF_XDP, and what does not fit there by the packet socket, in order. */
static uint32_t put_messages(struct io *io, uint32_t count)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	for (uint32_t i = 0; i < count; i++) {
		if (fits_xdp(io, &tx->sizes[i])) {
			if (put(tx, i))
				continue;
			push(io);
			if (put(tx, i))
				continue;
			if (tx->xdp.fd >= 0)
				return i;
		} else if (!push(io)) {
			return i;
		}
		if (tx->xdp.fd < 0)
			return send_messages(io, i, count);
		if (send_messages(io, i, i + 1) == i)
			return i;
	}
	push(io);
	return count;
}

bool afpacket_holds_back(const struct afpacket *port)
{
	return port->tx.xdp.fd >= 0 && afxdp_put_not_taken(&port->tx.xdp);
}

uint32_t afpacket_hand_over(struct io *io, uint32_t count)
{
	struct afpacket_tx *tx = &((struct afpacket *)io)->tx;

	return tx->xdp.fd >= 0 ? put_messages(io, count) : send_messages(io, 0, count);
}
