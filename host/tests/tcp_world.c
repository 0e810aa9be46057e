/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bundle.h"
#include "mark.h"
#include "pusher.h"
#include "sum.h"
#include "tcp_invariants.h"

/* No descriptor of this process: only the functions below ever see it. */
#define NO_FD 1000000

struct world world;

/* Contents. */

#define LONGEST (HG_POSITION_MAX - 2 * HG_RESPONSE_HEAD_MAX)

static const uint64_t file_bytes[WORLD_CONTENTS][WORLD_VARIANTS] = {
	{ 300000, 180000 }, { 1000, 5000 }, { LONGEST, LONGEST }, { 0, 1 }, { 70000, 70001 },
};

/* Files that are longer are all zero, and so are their sums. */
#define FILLED_MAX (1u << 20)

static uint8_t file_byte(uint64_t bytes, uint64_t at)
{
	return bytes > FILLED_MAX ? 0 : (uint8_t)(at * 2654435761u >> 13);
}

/* With a page behind it that cannot be read. */
static uint8_t *map_file(uint64_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (bytes + page - 1) / page * page;
	uint8_t *map = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	MUST(map != MAP_FAILED);
	for (uint64_t i = 0; i < bytes && bytes <= FILLED_MAX; i++)
		map[i] = file_byte(bytes, i);
	MUST(mprotect(map, size + page, PROT_READ) == 0 && mprotect(map + size, page, PROT_NONE) == 0);
	return map;
}

static uint16_t sum_of(const struct hg_response *response, uint64_t bytes, uint32_t position)
{
	uint8_t granule[HG_SEQ_GRANULE];

	for (uint32_t i = 0; i < sizeof(granule); i++)
		granule[i] = position + i < response->head_bytes ? response->head[position + i] :
								   file_byte(bytes, position + i - response->head_bytes);
	return hg_sum(granule, sizeof(granule));
}

/* Of exactly their number, so that a sanitizer sees every one that is read beyond. */
static uint16_t *make_sums(const struct hg_response *response, uint64_t bytes)
{
	uint32_t count = response->length / HG_SEQ_GRANULE;
	uint16_t *sums = calloc(count, sizeof(*sums));

	MUST(sums);
	for (uint32_t i = 0; i < count && (bytes <= FILLED_MAX || i * HG_SEQ_GRANULE < response->head_bytes); i++)
		sums[i] = sum_of(response, bytes, i * HG_SEQ_GRANULE);
	return sums;
}

static struct hg_content *make_content(uint32_t number, uint32_t variant)
{
	uint64_t bytes = file_bytes[number - 1][variant];
	struct hg_content *content = calloc(1, sizeof(*content));
	struct hg_response *response;

	MUST(content);
	response = &content->responses[HG_RESPONSE_CONTENT];
	content->spec.id = number;
	snprintf(content->spec.path, sizeof(content->spec.path), "/%u/%u", number, variant);
	strcpy(content->spec.etag, "tag");
	content->file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	MUST(content->file >= 0);
	MUST(hg_responses_render(content->responses, &(struct hg_response_facts){ bytes, "text/plain", "tag", 0 }) == 0);
	content->longest_other = hg_responses_longest_other(content->responses);
	content->map = map_file(bytes);
	content->sums = make_sums(response, bytes);
	response->body = content->map;
	response->sums = content->sums;
	return content;
}

/* As it is when it was just opened. */
static void renew(struct hg_content *content)
{
	MUST(fstat(content->file, &content->status) == 0);
	content->state = world.unprepared ? HG_CONTENT_PREPARING : HG_CONTENT_READY;
	content->flows = 0;
	content->resumed = content->swept = content->demanded = false;
	content->checked = 0;
	content->demand = 0;
}

int __wrap_hg_content_open(struct hg_content **opened, const struct hg_content_spec *spec, int wake, char *error);
void __wrap_hg_content_close(struct hg_content *content);

int __wrap_hg_content_open(struct hg_content **opened, const struct hg_content_spec *spec, int wake, char *error)
{
	(void)wake;
	(void)error;
	for (uint32_t i = 0; i < WORLD_CONTENTS * WORLD_VARIANTS; i++) {
		struct hg_content *content = world.contents[i / WORLD_VARIANTS][i % WORLD_VARIANTS];

		if (strcmp(content->spec.path, spec->path) == 0)
			*opened = content;
	}
	renew(*opened);
	return 0;
}

void __wrap_hg_content_close(struct hg_content *content)
{
	/* Nothing of it may still wait to be sent. */
	for (uint32_t i = 0; content && i < world.engine.outbox.count; i++)
		MUST(world.engine.outbox.contents[i] != content);
}

void world_add_content(uint32_t number, uint32_t variant)
{
	char error[HG_PUSHER_ERROR_BYTES];
	static struct hg_content_status status;

	hg_engine_add_content(&world.engine, &world.contents[number - 1][variant]->spec, &status, error);
}

uint32_t world_length(uint32_t number)
{
	const struct hg_content *content = hg_contents_find(&world.engine.contents, number);

	if (!content)
		content = world.contents[number - 1][0];
	return content->responses[HG_RESPONSE_CONTENT].length;
}

/* Pushes. */

struct push {
	const uint8_t *headers;
	size_t header_bytes;
	const struct iovec *parts;
	size_t count;
};

/* What a frame that begins here has of the message's parts. */
static size_t parts_of(const struct iovec *parts, size_t count, size_t bytes)
{
	size_t n = 0;

	while (bytes) {
		MUST(n < count && parts[n].iov_len <= bytes);
		bytes -= parts[n++].iov_len;
	}
	return n;
}

static bool lies_in(const struct iovec *part, const uint8_t *memory, uint64_t bytes)
{
	const uint8_t *base = part->iov_base;

	return base >= memory && base + part->iov_len <= memory + bytes;
}

/* Which of the content's responses begins so; one that is all body is the content's own. */
static const struct hg_response *response_of(const struct hg_content *content, const struct iovec *part)
{
	for (uint32_t i = 0; i < HG_RESPONSE_KINDS; i++)
		if (lies_in(part, content->responses[i].head, sizeof(content->responses[i].head)))
			return &content->responses[i];
	return &content->responses[HG_RESPONSE_CONTENT];
}

static uint32_t fold(uint32_t sum)
{
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return sum == 0xFFFF ? 0 : sum; /* one's complement has two zeros */
}

/* Each part is where its position says, and nowhere outside; `payload` takes it all. */
static void check_payload(const struct push *push, const struct hg_content *content, uint32_t position,
			  uint8_t *payload)
{
	const struct hg_response *response = response_of(content, &push->parts[0]);
	uint64_t size = response->length - response->head_bytes;

	for (size_t i = 0; i < push->count; i++) {
		const struct iovec *part = &push->parts[i];
		bool in_head = position < response->head_bytes;
		const uint8_t *memory = in_head ? response->head : response->body;

		MUST(lies_in(part, memory, in_head ? response->head_bytes : size));
		MUST((const uint8_t *)part->iov_base == memory + position - (in_head ? 0 : response->head_bytes));
		memcpy(payload, part->iov_base, part->iov_len);
		payload += part->iov_len;
		position += (uint32_t)part->iov_len;
	}
	MUST(position <= response->length);
}

static void check_push(const struct push *push)
{
	static uint8_t payload[65536];
	struct hg_push_head head;
	struct hg_push_tail tail;
	const struct hg_content *content;
	uint32_t bytes = 0, kind;

	memcpy(&head, push->headers, sizeof(head));
	memcpy(&tail, push->headers + sizeof(head), sizeof(tail));
	kind = head.version_kind & 15;
	for (size_t i = 0; i < push->count; i++)
		bytes += (uint32_t)push->parts[i].iov_len;
	MUST(head.version_kind >> 4 == HG_PUSH_VERSION && (kind == HG_PUSH_KIND_FLOW || kind == HG_PUSH_KIND_GROUP));
	MUST(push->header_bytes == (kind == HG_PUSH_KIND_FLOW ? HG_FLOW_FRAME_BYTES : HG_PUSH_FRAME_BYTES));
	MUST(ntohs(tail.payload_length) == bytes);
	world.pushes++;
	world.bytes += bytes;
	MUST(world.pushes <= world.push_limit && world.bytes <= world.byte_limit);
	if (bytes <= 1) /* a probe's octet is no byte of the response */
		return;
	MUST(bytes % HG_SEQ_GRANULE == 0 && ntohl(tail.offset) % HG_SEQ_GRANULE == 0);
	content = hg_contents_find(&world.engine.contents, ntohl(tail.content));
	MUST(content);
	check_payload(push, content, ntohl(tail.offset), payload);
	MUST(fold(hg_sum(payload, bytes)) == fold(ntohs(tail.payload_sum)));
}

static void check_bundle(const struct iovec *parts, size_t count)
{
	while (count) {
		uint16_t bytes;
		size_t taken;

		MUST(parts[0].iov_len == HG_BUNDLE_ENTRY_BYTES);
		memcpy(&bytes, parts[0].iov_base, sizeof(bytes));
		taken = parts_of(parts + 1, count - 1, ntohs(bytes));
		check_push(&(struct push){ parts[1].iov_base, parts[1].iov_len, parts + 2, taken - 1 });
		parts += 1 + taken;
		count -= 1 + taken;
	}
}

static void check_message(const struct msghdr *message)
{
	const struct iovec *parts = message->msg_iov;
	size_t count = message->msg_iovlen;

	if (world.engine.outbox.link.bundles) {
		parts++; /* the vnet header */
		count--;
	}
	MUST(count > 0);
	if (parts[0].iov_len == HG_BUNDLE_FRAME_BYTES)
		check_bundle(parts + 1, count - 1);
	else
		check_push(&(struct push){ parts[0].iov_base, parts[0].iov_len, parts + 1, count - 1 });
}

/* The kernel. */

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recv(int fd, void *buffer, size_t bytes, int flags);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
ssize_t __wrap_getrandom(void *buffer, size_t bytes, unsigned int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	(void)flags;
	MUST(fd == NO_FD);
	for (unsigned int i = 0; i < count; i++) {
		if (world.send_error && world.send_after-- == 0) {
			errno = world.send_error;
			world.send_error = 0;
			return i ? (int)i : -1;
		}
		check_message(&messages[i].msg_hdr);
	}
	return (int)count;
}

/* A mark: the switch has answered it by the next turn. */
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	const struct iovec *tail = &message->msg_iov[message->msg_iovlen - 1];

	(void)flags;
	MUST(fd == NO_FD && tail->iov_len == sizeof(struct hg_push_tail));
	if (world.reflects && world.mark_count < sizeof(world.marks) / sizeof(world.marks[0]))
		world.marks[world.mark_count++] = ((const struct hg_push_tail *)tail->iov_base)->offset;
	return HG_PUSH_FRAME_BYTES;
}

ssize_t __wrap_recv(int fd, void *buffer, size_t bytes, int flags)
{
	struct hg_push_tail tail = { 0 };

	(void)flags;
	MUST(fd == NO_FD && bytes == HG_PUSH_FRAME_BYTES);
	if (!world.echo_count) {
		errno = EAGAIN;
		return -1;
	}
	world.echo_count--;
	tail.offset = world.marks[0];
	memmove(world.marks, world.marks + 1, --world.mark_count * sizeof(world.marks[0]));
	memcpy((uint8_t *)buffer + sizeof(struct hg_push_head), &tail, sizeof(tail));
	return HG_PUSH_FRAME_BYTES;
}

/* A full queue does not become empty by waiting. */
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	(void)fds;
	(void)count;
	(void)timeout;
	(void)mask;
	return 0;
}

ssize_t __wrap_getrandom(void *buffer, size_t bytes, unsigned int flags)
{
	(void)flags;
	memset(buffer, 0x5A, bytes);
	return (ssize_t)bytes;
}

/* The engine. */

void world_make(void)
{
	int fd;

	for (uint32_t number = 1; number <= WORLD_CONTENTS; number++)
		for (uint32_t variant = 0; variant < WORLD_VARIANTS; variant++)
			world.contents[number - 1][variant] = make_content(number, variant);
	/* In memory, where there is such a place: it is made anew for each run. */
	snprintf(world.flows, sizeof(world.flows), "%s/hectograph-flows-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	fd = mkstemp(world.flows);
	MUST(fd >= 0);
	close(fd);
	unlink(world.flows);
	MUST(hg_cohorts_open(&world.engine.cohorts) == 0 && hg_host_link_open(&world.engine.host_link) == 0);
}

/* Their memory is made once: it is more than a run of the engine takes otherwise. */
static void renew_cohorts(struct hg_cohorts *cohorts)
{
	for (uint32_t i = 0; i < cohorts->used; i++)
		cohorts->cohorts[i].state = HG_COHORT_FREE;
	for (uint32_t i = 0; i < HG_MEMBERS_MAX; i++)
		cohorts->free_members[i] = (uint16_t)(HG_MEMBERS_MAX - i);
	*cohorts = (struct hg_cohorts){
		.cohorts = cohorts->cohorts,
		.members = cohorts->members,
		.free_members = cohorts->free_members,
		.free_count = HG_MEMBERS_MAX,
		.changes = cohorts->changes,
		.changed = -1,
	};
}

static void start(uint32_t now, const struct hg_link *link)
{
	struct hg_engine *engine = &world.engine;
	struct hg_cohorts cohorts = engine->cohorts;
	struct hg_host_link host_link = { .senders = engine->host_link.senders, .turn = HG_SENDER_NONE };
	char error[HG_PUSHER_ERROR_BYTES];

	renew_cohorts(&cohorts);
	memset(engine, 0, sizeof(*engine));
	engine->cohorts = cohorts;
	engine->host_link = host_link;
	engine->now = engine->ask_at = now;
	engine->wake = -1;
	engine->outbox.counters = &engine->counters;
	engine->outbox.link.fd = link->fd;
	engine->outbox.link.echo_fd = link->echo_fd;
	engine->outbox.link.mtu = link->mtu;
	engine->outbox.link.bundles = link->bundles;
	engine->outbox.link.window.now = now;
	hg_link_window_reset(&engine->outbox.link.window, false);
	MUST(hg_flow_table_open(&engine->table, world.flows, HG_FLOW_CHUNK, error) == 0);
	hg_timers_init(&engine->timers, engine->table.flows, sizeof(struct hg_flow), engine->now);
	MUST(hg_runs_open(&engine->runs, HG_FLOW_CHUNK, world.more_runs) == 0);
	hg_resume_all(engine);
}

static void stop(void)
{
	hg_flow_table_close(&world.engine.table);
	hg_runs_close(&world.engine.runs);
}

void world_open(uint32_t now, uint32_t mtu, bool bundles, bool marks)
{
	struct hg_link link = { .fd = NO_FD, .echo_fd = marks ? NO_FD : -1, .mtu = mtu, .bundles = bundles };

	unlink(world.flows);
	world.mark_count = world.echo_count = 0;
	world.send_error = 0;
	world.unprepared = false;
	world_expect(UINT32_MAX, UINT64_MAX);
	start(now, &link);
}

void world_restart(void)
{
	struct hg_link link = world.engine.outbox.link;

	stop();
	start(world.engine.now, &link);
}

void world_close(void)
{
	struct hg_engine *engine = &world.engine;

	for (uint32_t i = 0; i < engine->table.fresh; i++)
		if (hg_record_at(engine, i)->state != HG_FLOW_FREE)
			hg_flow_close(engine, i);
	check_engine(engine);
	MUST(engine->table.used == 0 && engine->runs.left == engine->runs.size - 1);
	MUST(engine->cohorts.free_count == HG_MEMBERS_MAX && engine->timers.set == 0);
	world_turn(0);
	hg_outbox_flush(&engine->outbox);
	for (uint32_t i = 0; i < engine->contents.count; i++)
		MUST(engine->contents.contents[i]->flows == 0);
	stop();
	unlink(world.flows);
}

void world_expect(uint32_t pushes, uint64_t bytes)
{
	world.pushes = 0;
	world.push_limit = pushes;
	world.bytes = 0;
	world.byte_limit = bytes;
}

/* As engine.c does ten times a second. */
static void look_after_content(struct hg_engine *engine, struct hg_content *content)
{
	if (hg_content_serves(content) && !content->resumed)
		hg_resume_content(engine, content);
	if (content->state == HG_CONTENT_WITHDRAWN && !content->swept) {
		content->swept = true;
		hg_flows_reset(engine, content->spec.id, false);
	}
	if (content->state == HG_CONTENT_DRAINING && content->flows == 0) {
		hg_outbox_flush(&engine->outbox);
		hg_contents_remove(&engine->contents, content);
	}
}

void world_turn(uint32_t us)
{
	struct hg_engine *engine = &world.engine;

	engine->turn++;
	engine->now += us;
	world.echo_count = world.mark_count;
	/* Without a line for whoever reads the log. */
	hg_mark_poll(&engine->outbox.link, engine->now);
	engine->host_link.answered = engine->outbox.link.window.answered;
	hg_host_link_run(engine);
	hg_timeouts_run(engine);
	hg_cohorts_run(engine);
	for (uint32_t i = engine->contents.count; i-- > 0;)
		look_after_content(engine, engine->contents.contents[i]);
	hg_flow_table_reserve(&engine->table);
	hg_outbox_flush(&engine->outbox);
}
