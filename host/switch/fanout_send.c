/* SPDX-License-Identifier: Apache-2.0 */
/* fanout.h: what was gathered is handed to the kernel, and counted. */
#include <errno.h>
#include <string.h>

#include "capture.h"
#include "fanout.h"
#include "forward.h"

/* What an interface's queue says, besides 0 and an errno (include/linux/netdevice.h). */
#define NET_XMIT_DROP 1
#define NET_XMIT_CN 2 /* it may have sent the frame */

struct message {
	struct sockaddr_ll to;
	struct iovec parts[3];
	_Alignas(struct cmsghdr) uint8_t mark[CMSG_SPACE(sizeof(uint32_t))];
};

static void make_message(struct fanout *fanout, uint32_t index, struct message *message, struct msghdr *header)
{
	struct fanout_frame *frame = &fanout->frames[index];
	struct fanout_list *list = &fanout->program.lists[index];
	uint32_t mark = fanout->mark + index;
	struct cmsghdr *control;

	/* The last copy's, which is the frame itself: so we hear what becomes of that one, too. */
	message->to = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)list->copies[list->count - 1].ifindex,
	};
	message->parts[0] = (struct iovec){ &frame->offload, sizeof(frame->offload) };
	message->parts[1] = (struct iovec){ list->copies[0].headers, list->header_bytes };
	message->parts[2] = (struct iovec){ (void *)frame->payload, frame->payload_bytes };
	*header = (struct msghdr){
		.msg_name = &message->to,
		.msg_namelen = sizeof(message->to),
		.msg_iov = message->parts,
		.msg_iovlen = 3,
		.msg_control = message->mark,
		.msg_controllen = sizeof(message->mark),
	};
	control = CMSG_FIRSTHDR(header);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SO_MARK;
	control->cmsg_len = CMSG_LEN(sizeof(mark));
	memcpy(CMSG_DATA(control), &mark, sizeof(mark));
}

/* What has become of a copy. */
enum outcome { SENT, NO_ROOM, DROPPED };

/* Of a result that the program wrote: an errno, or what the interface's queue said. */
static enum outcome outcome_of(int32_t result)
{
	if (result == 0 || result == NET_XMIT_CN)
		return SENT;
	return result == NET_XMIT_DROP || result == -EAGAIN || result == -ENOBUFS || result == -ENOMEM ? NO_ROOM :
													DROPPED;
}

static void count_sent(const struct fanout_frame *frame, uint32_t header_bytes, struct io_counters *counters)
{
	add_relaxed(&counters->tx_packets, frame->segments);
	add_relaxed(&counters->tx_bytes, (uint64_t)frame->segments * header_bytes + frame->payload_bytes);
	add_relaxed(&counters->tx_supers, 1);
	add_relaxed(&counters->tx_super_segments, frame->segments);
	add_relaxed(&counters->tx_fanned, 1);
}

static void capture_copy(const struct fanout_frame *frame, const struct fanout_list *list, uint32_t index)
{
	const struct capture_port *capture = frame->ios[index]->capture;
	const struct iovec parts[] = {
		{ (void *)list->copies[index].headers, list->header_bytes },
		{ (void *)frame->payload, frame->payload_bytes },
	};

	if (capture)
		capture_put(capture->capture, capture->out, capture_now_ns(), parts, 2, 0);
}

/* It leaves by its port alone, behind what waits there. */
static void enqueue_copy(const struct fanout_frame *frame, const struct fanout_list *list, uint32_t index)
{
	const struct iovec parts[] = {
		{ (void *)&frame->offload, sizeof(frame->offload) },
		{ (void *)list->copies[index].headers, list->header_bytes },
		{ (void *)frame->payload, frame->payload_bytes },
	};
	const struct io_size size = {
		.segments = frame->segments,
		.bytes = frame->segments * list->header_bytes + frame->payload_bytes,
	};
	struct io *io = frame->ios[index];

	io->ops->enqueue(io, parts, 3, &size);
}

static void see_to(const struct fanout_frame *frame, const struct fanout_list *list, uint32_t index, enum outcome outcome)
{
	struct io *io = frame->ios[index];

	io->fanned = false;
	if (outcome == NO_ROOM) {
		enqueue_copy(frame, list, index);
	} else if (outcome == DROPPED) {
		add_relaxed(&io->counters->tx_dropped, frame->segments);
	} else {
		count_sent(frame, list->header_bytes, io->counters);
		capture_copy(frame, list, index);
	}
}

/* To all copies but the last, whose outcome the program does not know. */
static void see_to_all(const struct fanout_frame *frame, const struct fanout_list *list, enum outcome last)
{
	for (uint32_t i = 0; i + 1 < list->count; i++)
		see_to(frame, list, i, outcome_of(list->copies[i].result));
	see_to(frame, list, list->count - 1, last);
}

/* Copies for ports by which frames wait do not pass those. false: none is left. */
static bool set_aside(struct fanout_frame *frame, struct fanout_list *list)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		if (io_waits(frame->ios[i])) {
			see_to(frame, list, i, NO_ROOM);
			continue;
		}
		if (left != i) {
			frame->ios[left] = frame->ios[i];
			list->copies[left] = list->copies[i];
		}
		left++;
	}
	list->count = left;
	return left;
}

/* What the kernel's refusal of the frame means: true when it is done with. */
static bool refused(struct fanout_frame *frame, struct fanout_list *list, int error)
{
	bool full = error == EAGAIN || error == ENOBUFS;

	if (error == EINTR)
		return false;
	if (list->count > 1 && list->copies[0].result != FANOUT_NOT_SENT) {
		see_to_all(frame, list, full ? NO_ROOM : DROPPED); /* the others were sent */
		return true;
	}
	if (full) {
		/* Our socket is full, of frames that some port has not sent: each goes on by itself. */
		for (uint32_t i = 0; i < list->count; i++)
			see_to(frame, list, i, NO_ROOM);
		return true;
	}
	/* ENETDOWN, ENXIO: the interface is down or gone; by the copy's before it, if there is one. */
	see_to(frame, list, list->count - 1, DROPPED);
	return !--list->count;
}

/* Not too many copies are sent without looking at the kernel's backlog. */
static void settle(struct fanout *fanout, uint32_t copies)
{
	if (fanout->unseen + copies > fanout->unseen_most) {
		backlog_settle(&fanout->backlog, fanout->fd);
		fanout->unseen = 0;
	}
	fanout->unseen += copies;
}

/* One frame at a time: what was refused of one decides whom the next one is for. */
static void send_frame(struct fanout *fanout, uint32_t index)
{
	struct fanout_frame *frame = &fanout->frames[index];
	struct fanout_list *list = &fanout->program.lists[index];
	bool done = !set_aside(frame, list);
	struct message message;
	struct msghdr header;

	if (!done)
		settle(fanout, list->count);
	while (!done) {
		make_message(fanout, index, &message, &header);
		if (sendmsg(fanout->fd, &header, MSG_DONTWAIT) < 0) {
			done = refused(frame, list, errno);
		} else {
			see_to_all(frame, list, SENT);
			done = true;
		}
	}
}

static void send_frames(struct fanout *fanout)
{
	for (uint32_t i = 0; i < fanout->count; i++)
		send_frame(fanout, i);
}

static void send_timed(struct fanout *fanout)
{
	enum hg_stage before;

	if (!fanout->stages->on) {
		send_frames(fanout);
	} else if (fanout->count) {
		before = stage_enter(fanout->stages, HG_STAGE_TRANSMIT);
		stage_count(fanout->stages, HG_STAGE_TRANSMIT, fanout->count);
		send_frames(fanout);
		stage_enter(fanout->stages, before);
	}
}

void fanout_flush(struct fanout *fanout)
{
	send_timed(fanout);
	/* From now on the program leaves frames with these marks alone. */
	for (uint32_t i = 0; i < fanout->count; i++)
		fanout->program.lists[i].header_bytes = 0;
	fanout->count = 0;
}
