/* SPDX-License-Identifier: Apache-2.0 */
/* fanout.h: what was gathered is handed to the kernel, and counted. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "capture.h"
#include "clock.h"
#include "fanout.h"
#include "forward.h"

#define PATIENCE_NS 20000000u /* per flush, before a frame that the kernel does not take is dropped */

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

	message->to = (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_ifindex = (int)list->copies[0].ifindex };
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

static void count_copy(const struct fanout_frame *frame, uint32_t header_bytes, struct io_counters *counters, bool sent)
{
	if (!sent) {
		add_relaxed(&counters->tx_dropped, frame->segments);
		return;
	}
	add_relaxed(&counters->tx_packets, frame->segments);
	add_relaxed(&counters->tx_bytes, (uint64_t)frame->segments * header_bytes + frame->payload_bytes);
	add_relaxed(&counters->tx_supers, 1);
	add_relaxed(&counters->tx_super_segments, frame->segments);
	add_relaxed(&counters->tx_fanned, 1);
}

static void capture_copy(const struct fanout_frame *frame, const struct fanout_list *list, uint32_t index,
			 uint64_t now_ns)
{
	const struct capture_port *capture = frame->ios[index]->capture;
	const struct iovec parts[] = {
		{ (void *)list->copies[index].headers, list->header_bytes },
		{ (void *)frame->payload, frame->payload_bytes },
	};

	capture_put(capture->capture, capture->out, now_ns, parts, 2, 0);
}

/* sent: as in count_copies(). */
static void capture_copies(const struct fanout_frame *frame, const struct fanout_list *list, bool sent)
{
	uint32_t last = list->count - 1;
	uint64_t now_ns;

	if (!frame->ios[last]->capture)
		return; /* one switch's ports capture all or none */
	now_ns = capture_now_ns();
	for (uint32_t i = 0; i < last; i++) {
		if (!list->copies[i].result)
			capture_copy(frame, list, i, now_ns);
	}
	if (sent)
		capture_copy(frame, list, last, now_ns);
}

/* sent: the last one, which is the frame itself. */
static void count_copies(const struct fanout_frame *frame, const struct fanout_list *list, bool sent)
{
	uint32_t last = list->count - 1;

	for (uint32_t i = 0; i < last; i++)
		count_copy(frame, list->header_bytes, frame->ios[i]->counters, !list->copies[i].result);
	count_copy(frame, list->header_bytes, frame->ios[last]->counters, sent);
	capture_copies(frame, list, sent);
}

/* The interface that the frame was to leave by is down or gone: by the next copy's, if there is one (false: none). */
static bool drop_first(struct fanout_frame *frame, struct fanout_list *list)
{
	count_copy(frame, list->header_bytes, frame->ios[0]->counters, false);
	frame->ios[0]->fanned = false;
	list->count--;
	memmove(frame->ios, frame->ios + 1, list->count * sizeof(*frame->ios));
	memmove(list->copies, list->copies + 1, list->count * sizeof(*list->copies));
	return list->count;
}

/* false: our patience has ended. */
static bool wait_for_kernel(int fd, uint64_t *deadline_ns)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	uint64_t now = now_ns();

	if (!*deadline_ns)
		*deadline_ns = now + PATIENCE_NS;
	return now < *deadline_ns && poll(&writable, 1, 1) >= 0;
}

/* What the kernel's refusal of the first of the messages means: true when it is done with. */
static bool refused(struct fanout *fanout, uint32_t index, int error, uint64_t *deadline_ns)
{
	struct fanout_frame *frame = &fanout->frames[index];
	struct fanout_list *list = &fanout->program.lists[index];

	if (list->count > 1 && list->copies[0].result != FANOUT_NOT_SENT) {
		count_copies(frame, list, false); /* the others were seen to */
		return true;
	}
	switch (error) {
	case EINTR:
		return false;
	case EAGAIN:
	case ENOBUFS:
		if (wait_for_kernel(fanout->fd, deadline_ns))
			return false;
		count_copies(frame, list, false);
		return true;
	default: /* ENETDOWN, ENXIO */
		return !drop_first(frame, list);
	}
}

/* How many frames from `first` on may be sent without looking at the kernel's backlog. */
static uint32_t next_slice(struct fanout *fanout, uint32_t first)
{
	uint32_t frames = 1, copies = fanout->program.lists[first].count;

	if (fanout->unseen + copies > fanout->unseen_most) {
		backlog_settle(&fanout->backlog, fanout->fd);
		fanout->unseen = 0;
	}
	while (first + frames < fanout->count &&
	       fanout->unseen + copies + fanout->program.lists[first + frames].count <= fanout->unseen_most)
		copies += fanout->program.lists[first + frames++].count;
	fanout->unseen += copies;
	return frames;
}

static void send_frames(struct fanout *fanout)
{
	struct message messages[FANOUT_FRAMES];
	struct mmsghdr headers[FANOUT_FRAMES];
	uint64_t deadline_ns = 0;
	uint32_t done = 0;

	for (uint32_t i = 0; i < fanout->count; i++)
		make_message(fanout, i, &messages[i], &headers[i].msg_hdr);
	while (done < fanout->count) {
		int sent = sendmmsg(fanout->fd, headers + done, next_slice(fanout, done), MSG_DONTWAIT);

		if (sent < 0 && refused(fanout, done, errno, &deadline_ns))
			done++;
		else if (sent < 0)
			make_message(fanout, done, &messages[done], &headers[done].msg_hdr);
		for (int i = 0; i < sent; i++, done++)
			count_copies(&fanout->frames[done], &fanout->program.lists[done], true);
	}
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
	for (uint32_t i = 0; i < fanout->count; i++) {
		/* From now on the program leaves frames with this mark alone. */
		fanout->program.lists[i].header_bytes = 0;
		for (uint32_t j = 0; j < fanout->program.lists[i].count; j++)
			fanout->frames[i].ios[j]->fanned = false;
	}
	fanout->count = 0;
}
