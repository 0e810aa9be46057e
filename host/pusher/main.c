/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "command.h"

static const char usage[] =
	"usage: hectograph-pusher serve --interface IFACE --control PATH [--name NAME] [--flows PATH] [--bundles]\n"
	"       hectograph-pusher push --interface IFACE --group N[,N...] [options] SOURCE\n"
	"\n"
	"serve  waits for orders on the Unix socket PATH (mode 0600) until SIGINT or SIGTERM\n"
	"  --interface IFACE   the Ethernet interface that pushes leave by\n"
	"  --control PATH      the socket; what a killed predecessor left is replaced\n"
	"  --name NAME         what it calls itself; default: the host's name\n"
	"  --flows PATH        where running downloads outlive it; default: the socket's path and .flows\n"
	"  --bundles           many pushes in one frame: an embedded switch at the other end cuts them up\n"
	"\n"
	"push   pushes SOURCE, prints what it did and ends\n"
	"  SOURCE              a file, - for standard input, udp://ADDRESS:PORT\n"
	"  --group N[,N...]    each segment goes to each of these groups, 1 to 8191\n"
	"  --rate BITS         payload bits a second, like 800k, 100M, 2.5G\n"
	"  --pps N             pushes a second; without either, as fast as the interface can\n"
	"  --segment-bytes N   payload of a push; default: the interface's MTU less 48\n"
	"  --content N         the content's number in the push header; default 0\n"
	"  --loop              a file, over and over until interrupted\n"
	"  --start-offset N    a file, from this byte; a multiple of the segment size\n"
	"  --multicast-interface IFACE  where a multicast address of udp:// is joined\n"
	"  --bundles           as for serve; the default segment is then that of an MTU of 1,500 at most\n"
	"  --quiet             no progress, even on a terminal\n"
	"\n"
	"Both need CAP_NET_RAW. Exit status: 0 done, 1 failed, 2 bad usage, 128 + N on signal N\n"
	"(serve: 0).\n";

int hg_signal_fd(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

int hg_signal_read(int fd)
{
	struct signalfd_siginfo info = { 0 };

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return SIGTERM;
	return (int)info.ssi_signo;
}

int hg_complain(int status, const char *error)
{
	fprintf(stderr, "hectograph-pusher: %s\n", error);
	return status;
}

int hg_complain_usage(const char *error)
{
	fprintf(stderr, "hectograph-pusher: %s (see hectograph-pusher --help)\n", error);
	return HG_EXIT_USAGE;
}

/* `hectograph-pusher --help`, and behind a command. */
static bool asks_for_help(int argc, char **argv)
{
	const char *last = argv[argc - 1];

	return argc > 1 && argc < 4 && (strcmp(last, "--help") == 0 || strcmp(last, "-h") == 0);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (asks_for_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	if (strcmp(command, "serve") == 0)
		return hg_serve(argc - 1, argv + 1);
	if (strcmp(command, "push") == 0)
		return hg_push(argc - 1, argv + 1);
	if (strcmp(command, "--version") == 0) {
		puts("hectograph-pusher " HG_VERSION);
		return 0;
	}
	return hg_complain_usage(*command ? "the command is neither serve nor push" : "a command is needed: serve or push");
}
