/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "error.h"
#include "wait.h"

/* Runs beyond one for each flow: a window of single segments for some hundred flows, or a few runs for each. */
#define RUNS_MORE (1u << 20)

/* Pulls that are taken in one turn, before timers have theirs. */
#define PULLS_A_TURN 512

/* So often timers may have to wait for pulls that have come, before they have their turn. */
#define TURNS_LATE 8

/* How often contents and interface are looked after. */
#define LOOK_NS (100 * HG_NS_PER_MS)
/* How often the files of contents that nobody downloads are looked at, in such looks. */
#define LOOKS_A_FILE 10

static void take_pull(struct hg_engine *engine, const uint8_t *frame, size_t bytes, size_t wire_bytes)
{
	struct hg_pull pull;
	int ret = hg_pull_parse(&pull, frame, bytes, wire_bytes);

	hg_count(engine, HG_TCP_pulls);
	if (ret == -EILSEQ)
		hg_count(engine, HG_TCP_pull_checksum);
	else if (ret)
		hg_count(engine, HG_TCP_pull_malformed);
	else
		hg_receive(engine, &pull);
}

/* true: there may be more. */
static bool take_pulls(struct hg_engine *engine)
{
	for (uint32_t i = 0; i < PULLS_A_TURN; i++) {
		size_t bytes, wire_bytes;
		const uint8_t *frame = hg_pull_ring_peek(&engine->ring, &bytes, &wire_bytes);

		if (!frame)
			return false;
		take_pull(engine, frame, bytes, wire_bytes);
		hg_pull_ring_release(&engine->ring);
	}
	return true;
}

static void look_after_content(struct hg_engine *engine, struct hg_content *content, bool look_at_file)
{
	char error[HG_PUSHER_ERROR_BYTES];

	if (look_at_file && hg_content_serves(content) && hg_content_check(content, error))
		hg_content_withdraw(content, error);
	if (hg_content_serves(content) && !content->resumed)
		hg_resume_content(engine, content);
	if (content->state == HG_CONTENT_WITHDRAWN && !content->swept) {
		content->swept = true;
		hg_count(engine, HG_TCP_contents_withdrawn);
		hg_flows_reset(engine, content->spec.id, false);
	}
}

static void look_after_contents(struct hg_engine *engine)
{
	bool look_at_files = ++engine->looks % LOOKS_A_FILE == 0;

	for (uint32_t i = engine->contents.count; i-- > 0;) {
		struct hg_content *content = engine->contents.contents[i];

		look_after_content(engine, content, look_at_files);
		if (content->state == HG_CONTENT_DRAINING && content->flows == 0) {
			/* The last of its segments may still be waiting to be sent. */
			hg_outbox_flush(&engine->outbox);
			hg_contents_remove(&engine->contents, content);
		}
	}
}

/* An interface that was deleted and made anew is another one: both sockets must find it again. */
static void look_after_link(struct hg_engine *engine)
{
	char error[HG_PUSHER_ERROR_BYTES];
	struct hg_pull_ring ring;

	if (!engine->outbox.link_lost || hg_link_attach(&engine->outbox.link, error) ||
	    hg_link_state(&engine->outbox.link, error) || hg_pull_ring_open(&ring, engine->interface, error))
		return;
	hg_pull_ring_close(&engine->ring);
	engine->ring = ring;
	engine->outbox.link_lost = false;
}

static void look_after(struct hg_engine *engine)
{
	uint64_t now = hg_now();

	if (now - engine->looked < LOOK_NS)
		return;
	engine->looked = now;
	look_after_contents(engine);
	look_after_link(engine);
	hg_flow_table_reserve(&engine->table);
	engine->counters.values[HG_TCP_pull_lost] += hg_pull_ring_lost(&engine->ring);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Lets whoever wants the lock have it, and waits for something to do. */
static void rest(struct hg_engine *engine, bool busy)
{
	struct pollfd fds[] = {
		{ .fd = engine->ring.fd, .events = POLLIN },
		{ .fd = engine->wake, .events = POLLIN },
		{ .fd = engine->outbox.link.echo_fd, .events = POLLIN },
	};
	uint64_t quiet = (uint64_t)least(least(hg_timers_quiet(&engine->timers, engine->now), hg_cohorts_quiet(engine)),
					 hg_host_link_quiet(engine)) * 1000;
	struct timespec timeout = { 0 };
	uint64_t value;

	if (!busy)
		timeout.tv_nsec = (long)(quiet < LOOK_NS ? quiet : LOOK_NS);
	pthread_mutex_unlock(&engine->lock);
	while (atomic_load_explicit(&engine->waiting, memory_order_relaxed))
		sched_yield();
	ppoll(fds, sizeof(fds) / sizeof(fds[0]), &timeout, NULL);
	pthread_mutex_lock(&engine->lock);
	if (fds[0].revents & POLLERR) {
		int error;
		socklen_t length = sizeof(error);

		getsockopt(engine->ring.fd, SOL_SOCKET, SO_ERROR, &error, &length);
		engine->outbox.link_lost = true;
	}
	/* A content may be prepared now, and clients wait for it. */
	if (fds[1].revents && read(engine->wake, &value, sizeof(value)) > 0)
		engine->looked = 0;
}

/* Whoever watches the cohorts is woken once for all that has changed. */
static void tell(struct hg_engine *engine)
{
	struct hg_cohorts *cohorts = &engine->cohorts;

	if (cohorts->watched && cohorts->changed >= 0 && (cohorts->put != cohorts->told || cohorts->lost)) {
		cohorts->told = cohorts->put;
		eventfd_write(cohorts->changed, 1);
	}
}

static void *run(void *argument)
{
	struct hg_engine *engine = argument;

	pthread_mutex_lock(&engine->lock);
	while (!atomic_load_explicit(&engine->stop, memory_order_relaxed)) {
		bool busy;

		engine->turn++;
		engine->now = (uint32_t)(hg_now() / 1000);
		hg_host_link_run(engine);
		busy = take_pulls(engine);
		/* What has come may be what they wait for. */
		if (!busy || ++engine->late == TURNS_LATE) {
			hg_timeouts_run(engine);
			engine->late = 0;
		}
		hg_cohorts_run(engine);
		look_after(engine);
		hg_outbox_flush(&engine->outbox);
		tell(engine);
		rest(engine, busy);
	}
	pthread_mutex_unlock(&engine->lock);
	return NULL;
}

int hg_engine_start(struct hg_engine **started, const char *interface, const char *flows, bool bundles,
		    char *error)
{
	struct hg_engine *engine = calloc(1, sizeof(*engine));
	int ret;

	if (!engine)
		return hg_fail(error, -ENOMEM, "no memory");
	snprintf(engine->interface, sizeof(engine->interface), "%s", interface);
	engine->outbox.counters = &engine->counters;
	engine->outbox.link.fd = engine->outbox.link.echo_fd = engine->ring.fd = engine->wake = -1;
	engine->now = engine->ask_at = (uint32_t)(hg_now() / 1000);
	ret = hg_flow_table_open(&engine->table, flows, HG_FLOWS_MAX, error);
	if (ret)
		goto free;
	hg_timers_init(&engine->timers, engine->table.flows, sizeof(struct hg_flow), engine->now);
	ret = hg_runs_open(&engine->runs, HG_FLOWS_MAX, RUNS_MORE);
	if (ret) {
		hg_fail(error, ret, "no memory for what is in flight");
		goto close;
	}
	ret = hg_cohorts_open(&engine->cohorts);
	if (ret) {
		hg_fail(error, ret, "no memory for cohorts");
		goto close;
	}
	ret = hg_host_link_open(&engine->host_link);
	if (ret) {
		hg_fail(error, ret, "no memory for those who wait for the host link");
		goto close;
	}
	ret = hg_link_open(&engine->outbox.link, interface, bundles, error);
	if (ret)
		goto close;
	ret = hg_pull_ring_open(&engine->ring, interface, error);
	if (ret)
		goto close;
	engine->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&engine->lock, NULL);
	hg_resume_all(engine);
	ret = engine->wake < 0 ? -errno : -pthread_create(&engine->thread, NULL, run, engine);
	if (ret) {
		hg_fail(error, ret, "no thread for the flows: %s", strerror(-ret));
		goto close;
	}
	*started = engine;
	return 0;
close:
	if (engine->wake >= 0)
		close(engine->wake);
	hg_pull_ring_close(&engine->ring);
	hg_link_close(&engine->outbox.link);
	hg_host_link_close(&engine->host_link);
	hg_flow_table_close(&engine->table);
	hg_runs_close(&engine->runs);
	hg_cohorts_close(&engine->cohorts);
free:
	free(engine);
	return ret;
}

void hg_engine_stop(struct hg_engine *engine)
{
	if (!engine)
		return;
	atomic_store(&engine->stop, true);
	eventfd_write(engine->wake, 1);
	pthread_join(engine->thread, NULL);
	while (engine->contents.count)
		hg_contents_remove(&engine->contents, engine->contents.contents[engine->contents.count - 1]);
	close(engine->wake);
	hg_pull_ring_close(&engine->ring);
	hg_link_close(&engine->outbox.link);
	hg_host_link_close(&engine->host_link);
	hg_flow_table_close(&engine->table);
	hg_runs_close(&engine->runs);
	hg_cohorts_close(&engine->cohorts);
	pthread_mutex_destroy(&engine->lock);
	free(engine);
}
