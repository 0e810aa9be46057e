/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "command.h"
#include "error.h"
#include "pusher.h"

#define PROGRESS_MS 250

struct push_options {
	const char *interface;
	struct hg_stream_spec spec;
	bool quiet;
};

static int parse_option(int option, struct push_options *options, char *error)
{
	struct hg_stream_spec *spec = &options->spec;
	uint64_t number = 0;
	int ret;

	switch (option) {
	case 'i':
		options->interface = optarg;
		return 0;
	case 'g':
		return hg_parse_groups(optarg, spec, error);
	case 'r':
		return hg_parse_rate("rate", optarg, &spec->bits_per_second, error);
	case 'p':
		return hg_parse_rate("pps", optarg, &spec->packets_per_second, error);
	case 's':
		ret = hg_parse_number("segment-bytes", optarg, HG_SEGMENT_BYTES_MAX, &number, error);
		if (!ret && number == 0)
			ret = hg_fail(error, -EINVAL, "segment-bytes \"0\": a segment has at least one byte");
		spec->segment_bytes = (uint32_t)number;
		return ret;
	case 'c':
		ret = hg_parse_number("content", optarg, UINT32_MAX, &number, error);
		spec->content = (uint32_t)number;
		return ret;
	case 'o':
		return hg_parse_number("start-offset", optarg, INT64_MAX, &spec->start_offset, error);
	case 'l':
		spec->loop = true;
		return 0;
	case 'm':
		if (strlen(optarg) >= sizeof(spec->udp.multicast_interface))
			return hg_fail(error, -EINVAL, "%s: no such interface", optarg);
		strcpy(spec->udp.multicast_interface, optarg);
		return 0;
	case 'b':
		spec->bundles = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	}
	return -EINVAL;
}

static int parse(int argc, char **argv, struct push_options *options, char *error)
{
	static const struct option known[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "group", required_argument, NULL, 'g' },
		{ "rate", required_argument, NULL, 'r' },
		{ "pps", required_argument, NULL, 'p' },
		{ "segment-bytes", required_argument, NULL, 's' },
		{ "content", required_argument, NULL, 'c' },
		{ "start-offset", required_argument, NULL, 'o' },
		{ "loop", no_argument, NULL, 'l' },
		{ "multicast-interface", required_argument, NULL, 'm' },
		{ "bundles", no_argument, NULL, 'b' },
		{ "quiet", no_argument, NULL, 'q' },
		{ 0 },
	};
	int option;
	int ret;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == '?')
			return hg_fail(error, -EINVAL, "%s: unknown option, or its value is missing", argv[optind - 1]);
		ret = parse_option(option, options, error);
		if (ret)
			return ret;
	}
	if (!options->interface || !options->spec.group_count || optind != argc - 1)
		return hg_fail(error, -EINVAL, "push needs --interface, --group and one SOURCE");
	if (options->spec.bits_per_second && options->spec.packets_per_second)
		return hg_fail(error, -EINVAL, "--rate and --pps exclude each other");
	return hg_parse_source(argv[optind], &options->spec, error);
}

static double per_second(uint64_t what, const struct hg_stream_status *status)
{
	return status->elapsed_ns ? (double)what * 1e9 / (double)status->elapsed_ns : 0;
}

static void show_progress(const struct hg_stream_status *status)
{
	fprintf(stderr, "\r\033[K%.1f", (double)status->offset / 1e6);
	if (status->total_bytes)
		fprintf(stderr, " of %.1f MB, %3.0f %%", (double)status->total_bytes / 1e6,
			100.0 * (double)status->offset / (double)status->total_bytes);
	else
		fprintf(stderr, " MB");
	fprintf(stderr, "  %.1f Mbit/s, %.0f pushes/s  %s", per_second(status->traffic.payload_bytes, status) * 8 / 1e6,
		per_second(status->traffic.pushes, status), status->error);
}

static void show_result(const struct hg_stream_status *status)
{
	const struct hg_traffic *traffic = &status->traffic;

	printf("pushes %" PRIu64 ", payload bytes %" PRIu64 ", frame bytes %" PRIu64 ", rounds %" PRIu64 "\n",
	       traffic->pushes, traffic->payload_bytes, traffic->frame_bytes, status->rounds);
	printf("seconds %.6f, payload Mbit/s %.3f, pushes/s %.1f, worst delay us %.1f, time given up us %.1f\n",
	       (double)status->elapsed_ns / 1e9, per_second(traffic->payload_bytes, status) * 8 / 1e6,
	       per_second(traffic->pushes, status), (double)status->late_ns / 1e3, (double)status->skipped_ns / 1e3);
	printf("send retries %" PRIu64 ", send errors %" PRIu64 ", datagrams dropped: oversized %" PRIu64
	       ", empty %" PRIu64 ", overflow %" PRIu64 "\n",
	       traffic->send_retries, traffic->send_errors, traffic->source_oversized, traffic->source_empty,
	       traffic->source_overflow);
}

/* Until the stream has ended or a signal came: the signal, or 0. */
static int wait_for_end(struct hg_stream *stream, int signals, bool progress)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = hg_stream_ended_fd(stream), .events = POLLIN },
	};
	struct hg_stream_status status;

	while (poll(fds, 2, progress ? PROGRESS_MS : -1) <= 0) {
		hg_stream_status(stream, &status);
		show_progress(&status);
	}
	if (progress)
		fputs("\r\033[K", stderr);
	return fds[0].revents ? hg_signal_read(signals) : 0;
}

int hg_push(int argc, char **argv)
{
	struct push_options options = { 0 };
	char error[HG_PUSHER_ERROR_BYTES];
	struct hg_stream_status status;
	struct hg_stream *stream;
	int signals, signal;

	if (parse(argc, argv, &options, error))
		return hg_complain_usage(error);
	signals = hg_signal_fd();
	if (hg_stream_start(options.interface, &options.spec, &stream, error))
		return hg_complain(HG_EXIT_FAILED, error);
	signal = wait_for_end(stream, signals, isatty(STDERR_FILENO) && !options.quiet);
	hg_stream_stop(stream);
	hg_stream_status(stream, &status);
	hg_stream_free(stream);
	close(signals);
	show_result(&status);
	if (status.state == HG_STREAM_FAILED)
		return hg_complain(HG_EXIT_FAILED, status.error);
	return signal ? HG_EXIT_SIGNAL + signal : 0;
}
