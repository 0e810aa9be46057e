/* SPDX-License-Identifier: Apache-2.0 */
#include "fanout.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Of frames that an interface has not taken yet. */
#define SEND_BUFFER_BYTES (512 << 10)

void fanout_init(struct fanout *fanout, uint32_t worker, uint32_t workers, struct payload_sum *sum, struct stages *stages)
{
	fanout->mark = FANOUT_MARK + worker * FANOUT_FRAMES;
	/* They share the kernel's lists, and each looks for itself. */
	fanout->unseen_most = BACKLOG_COPIES / workers > FANOUT_COPIES ? BACKLOG_COPIES / workers : FANOUT_COPIES;
	fanout->stages = stages;
	fanout->program = (struct fanout_program){ -1, -1, NULL };
	fanout->fd = -1;
	fanout->backlog.fd = -1;
	fanout->unseen = 0;
	fanout->sum = sum;
}

static int open_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int half = SEND_BUFFER_BYTES / 2; /* the kernel doubles it */

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &(int){ 1 }, sizeof(int))) {
		int ret = -errno;

		if (fd >= 0)
			close(fd);
		return ret;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half));
	return fd;
}

/* Once: what the kernel does not do now it will not do later either. */
static int fanout_open(struct fanout *fanout)
{
	if (fanout->fd >= 0 || fanout->error)
		return fanout->error;
	fanout->error = fanout_program_open(&fanout->program, fanout->mark);
	if (fanout->error)
		return fanout->error;
	fanout->fd = open_socket();
	if (fanout->fd < 0) {
		fanout->error = fanout->fd;
		fanout_program_close(&fanout->program);
	} else {
		backlog_open(&fanout->backlog);
	}
	return fanout->error;
}

void fanout_close(struct fanout *fanout)
{
	if (fanout->fd >= 0)
		close(fanout->fd);
	backlog_close(&fanout->backlog);
	fanout_program_close(&fanout->program);
}

int fanout_attach(struct fanout *fanout, int ifindex)
{
	int ret = fanout_open(fanout);

	return ret ? ret : fanout_program_attach(&fanout->program, ifindex);
}

static bool same_frame(const struct fanout_frame *frame, const struct fanout_list *list, const struct outgoing *copy,
		       const struct virtio_net_hdr *offload)
{
	return frame->payload == copy->payload && frame->payload_bytes == copy->payload_bytes &&
	       list->header_bytes == copy->header_bytes && !memcmp(&frame->offload, offload, sizeof(*offload));
}

/* The frame that this may be a copy of, or a new one. Backwards: mostly it is the last. */
static uint32_t frame_of(struct fanout *fanout, const struct outgoing *copy, const struct virtio_net_hdr *offload)
{
	for (uint32_t i = fanout->count; i-- > 0;) {
		const struct fanout_list *list = &fanout->program.lists[i];

		if (list->count < FANOUT_COPIES && same_frame(&fanout->frames[i], list, copy, offload))
			return i;
	}
	if (fanout->count == FANOUT_FRAMES)
		fanout_flush(fanout);
	fanout->frames[fanout->count].offload = *offload;
	fanout->frames[fanout->count].payload = copy->payload;
	fanout->frames[fanout->count].payload_bytes = copy->payload_bytes;
	fanout->program.lists[fanout->count].count = 0;
	fanout->program.lists[fanout->count].header_bytes = copy->header_bytes;
	return fanout->count++;
}

bool fanout_add(struct fanout *fanout, struct io *io, struct outgoing *copy, uint32_t segment_bytes)
{
	struct virtio_net_hdr offload;
	struct fanout_list *list;
	struct super_run run;
	uint32_t index;

	if (!outgoing_read(copy) || !outgoing_is_segment(copy, fanout->sum) ||
	    !outgoing_fits(copy, segment_bytes, io->mtu) || copy->payload_bytes <= segment_bytes ||
	    copy->header_bytes > FANOUT_HEADER_BYTES)
		return false;
	super_start_run(&run, &copy->shape, copy->headers, segment_bytes);
	super_finish(&run, &offload);
	index = frame_of(fanout, copy, &offload);
	fanout->frames[index].segments = run.segments;
	fanout->frames[index].ios[fanout->program.lists[index].count] = io;
	list = &fanout->program.lists[index];
	list->copies[list->count].ifindex = (uint32_t)io->ifindex;
	list->copies[list->count].result = FANOUT_NOT_SENT;
	memcpy(list->copies[list->count].headers, copy->headers, copy->header_bytes);
	list->count++;
	io->fanned = true;
	return true;
}
