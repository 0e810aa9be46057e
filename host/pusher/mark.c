/* SPDX-License-Identifier: Apache-2.0 */
#include "mark.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "error.h"
#include "pusher.h"

#define ECHO_KIND (HG_PUSH_VERSION << 4 | HG_PUSH_KIND_ECHO)
/* Ethernet's padding is cut off. */
#define ECHO_BYTES HG_PUSH_FRAME_BYTES
#define SESSION_OFFSET (sizeof(struct hg_push_head) + offsetof(struct hg_push_tail, content))

/*
 * The far end sent marks of some session back: all sessions of a process are on the same link,
 * and a new one is bounded from its first frame on.
 */
static _Atomic bool switch_answers;

/* Pulls and other senders' echoes come by the same interface with the same EtherType. */
static int filter(const struct hg_link *link)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, HG_ETHERNET_BYTES),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ECHO_KIND, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SESSION_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, link->session, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ECHO_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(link->echo_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int hg_mark_open(struct hg_link *link, char *error)
{
	if (getrandom(&link->session, sizeof(link->session), 0) != sizeof(link->session))
		return hg_fail(error, -errno, "%s: no random number: %s", link->interface, strerror(errno));
	link->echo_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (link->echo_fd < 0 || filter(link) < 0)
		return hg_fail(error, -errno, "%s: cannot receive what the switch sends back: %s", link->interface,
			       strerror(errno));
	return 0;
}

int hg_mark_attach(struct hg_link *link, int ifindex, char *error)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(HG_ETHERTYPE_PUSH),
		.sll_ifindex = ifindex,
	};

	hg_link_window_reset(&link->window, atomic_load_explicit(&switch_answers, memory_order_relaxed));
	if (link->echo_fd >= 0 && bind(link->echo_fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return hg_fail(error, -errno, "%s: cannot receive what the switch sends back: %s", link->interface,
			       strerror(errno));
	return 0;
}

static void send_mark(struct hg_link *link)
{
	struct virtio_net_hdr vnet = { .hdr_len = HG_PUSH_FRAME_BYTES };
	struct hg_push_head head;
	struct hg_push_tail tail = { .content = htonl(link->session) };
	struct iovec parts[] = { { &vnet, sizeof(vnet) }, { &head, sizeof(head) }, { &tail, sizeof(tail) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };

	if (!link->bundles) {
		message.msg_iov++;
		message.msg_iovlen--;
	}
	hg_push_head_make(&head, link->mac, 0);
	head.version_kind = HG_PUSH_VERSION << 4 | HG_PUSH_KIND_MARK;
	tail.offset = htonl(hg_link_window_mark(&link->window));
	/* One that does not leave is one that is lost: the next tells. */
	(void)sendmsg(link->fd, &message, MSG_DONTWAIT);
}

uint32_t hg_mark_burst(const struct hg_link *link)
{
	return link->echo_fd < 0 ? UINT32_MAX : hg_link_window_burst(&link->window);
}

void hg_mark_sent(struct hg_link *link, int frames)
{
	if (link->echo_fd < 0 || frames <= 0)
		return;
	hg_link_window_sent(&link->window, (uint32_t)frames);
	if (hg_link_window_is_mark_due(&link->window))
		send_mark(link);
}

static void take_echoes(struct hg_link *link)
{
	uint8_t echo[ECHO_BYTES];
	struct hg_push_tail tail;
	ssize_t bytes;

	/* An error is that of an interface that went down: reading it clears it. */
	while ((bytes = recv(link->echo_fd, echo, sizeof(echo), 0)) >= 0 || errno == EINTR || errno == ENETDOWN) {
		if (bytes != sizeof(echo))
			continue;
		memcpy(&tail, echo + sizeof(struct hg_push_head), sizeof(tail));
		hg_link_window_echo(&link->window, ntohl(tail.offset));
	}
}

void hg_mark_poll(struct hg_link *link, uint32_t now)
{
	bool answered = link->window.answered;

	link->window.now = now;
	if (link->echo_fd < 0)
		return;
	take_echoes(link);
	hg_link_window_notice_silence(&link->window);
	if (link->window.answered != answered)
		atomic_store_explicit(&switch_answers, !answered, memory_order_relaxed);
	if (hg_link_window_is_mark_due(&link->window))
		send_mark(link);
}
