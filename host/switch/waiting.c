/* SPDX-License-Identifier: Apache-2.0 */
#include "waiting.h"

#include "clock.h"

void waiting_init(struct waiting *waiting)
{
	*waiting = (struct waiting){ .retry_at_ns = IO_NONE_WAITS };
}

void waiting_note(struct waiting *waiting, const struct io *io)
{
	if (!io_waits(io))
		return;
	waiting->ports[io->port / 64] |= UINT64_C(1) << io->port % 64;
	if (io->retry_at_ns < waiting->retry_at_ns)
		waiting->retry_at_ns = io->retry_at_ns;
}

static void forget(struct waiting *waiting, uint32_t number)
{
	waiting->ports[number / 64] &= ~(UINT64_C(1) << number % 64);
}

/* The lowest number from `number` on; PORT_NUMBERS: there is none. */
static uint32_t next(const struct waiting *waiting, uint32_t number)
{
	while (number < PORT_NUMBERS) {
		uint64_t left = waiting->ports[number / 64] >> number % 64;

		if (left)
			return number + (uint32_t)__builtin_ctzll(left);
		number = (number / 64 + 1) * 64;
	}
	return PORT_NUMBERS;
}

/* What that worker sends by; NULL: the port is gone, or its interface. */
static struct io *io_of(const struct port_set *set, uint32_t number, uint32_t worker)
{
	const struct port *port = port_find(set, number);

	return port ? port_io(port, worker) : NULL;
}

void waiting_retry(struct waiting *waiting, const struct port_set *set, uint32_t worker, uint64_t now_ns)
{
	if (now_ns < waiting->retry_at_ns)
		return;
	waiting->retry_at_ns = IO_NONE_WAITS;
	for (uint32_t number = next(waiting, 0); number < PORT_NUMBERS; number = next(waiting, number + 1)) {
		struct io *io = io_of(set, number, worker);

		if (io && now_ns >= io->retry_at_ns)
			io->ops->retry(io, now_ns);
		if (io && io_waits(io))
			waiting_note(waiting, io);
		else
			forget(waiting, number);
	}
}

void waiting_prepare(const struct waiting *waiting, const struct port_set *set, uint32_t worker, int fd,
		     struct waiting_poll *on)
{
	on->fds[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	on->count = 1;
	for (uint32_t number = next(waiting, 0); number < PORT_NUMBERS; number = next(waiting, number + 1)) {
		const struct io *io = io_of(set, number, worker);

		if (!io || io->full_fd < 0)
			continue;
		on->ports[on->count] = number;
		on->fds[on->count++] = (struct pollfd){ .fd = io->full_fd, .events = POLLOUT };
	}
}

void waiting_sleep(const struct waiting *waiting, struct waiting_poll *on)
{
	uint64_t now = now_ns(), left_ns = waiting->retry_at_ns > now ? waiting->retry_at_ns - now : 0;
	const struct timespec timeout = {
		.tv_sec = (time_t)(left_ns / 1000000000),
		.tv_nsec = (long)(left_ns % 1000000000),
	};

	ppoll(on->fds, on->count, &timeout, NULL);
}

void waiting_wake(struct waiting *waiting, const struct port_set *set, uint32_t worker, const struct waiting_poll *on)
{
	for (uint32_t i = 1; i < on->count; i++) {
		struct io *io = on->fds[i].revents ? io_of(set, on->ports[i], worker) : NULL;

		if (io && io_waits(io)) {
			io->retry_at_ns = 0;
			waiting->retry_at_ns = 0;
		}
	}
}
