/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "link.h"
#include "server.h"

struct serve_options {
	const char *interface;
	const char *control;
	const char *name;
	const char *flows;
	bool bundles;
};

static int parse(int argc, char **argv, struct serve_options *options, char *error)
{
	static const struct option known[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "control", required_argument, NULL, 'c' },
		{ "name", required_argument, NULL, 'n' },
		{ "flows", required_argument, NULL, 'f' },
		{ "bundles", no_argument, NULL, 'b' },
		{ 0 },
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'i')
			options->interface = optarg;
		else if (option == 'c')
			options->control = optarg;
		else if (option == 'n')
			options->name = optarg;
		else if (option == 'f')
			options->flows = optarg;
		else if (option == 'b')
			options->bundles = true;
		else
			return hg_fail(error, -EINVAL, "%s: unknown option, or its value is missing", argv[optind - 1]);
	}
	if (optind < argc)
		return hg_fail(error, -EINVAL, "%s: serve takes no such argument", argv[optind]);
	if (!options->interface || !options->control)
		return hg_fail(error, -EINVAL, "serve needs --interface and --control");
	return 0;
}

/* Refuses at once what would refuse every stream: a wrong name, no right to send. */
static int check_interface(const char *interface, uint32_t *mtu, char *error)
{
	struct hg_link link;
	int ret = hg_link_open(&link, interface, false, error);

	if (ret)
		return ret;
	*mtu = link.mtu;
	hg_link_close(&link);
	return 0;
}

int hg_serve(int argc, char **argv)
{
	struct serve_options options = { 0 };
	char error[HG_PUSHER_ERROR_BYTES];
	char host[65] = "";
	struct hg_server *server;
	char *flows = NULL;
	int signals;
	uint32_t mtu;
	int ret;

	if (parse(argc, argv, &options, error))
		return hg_complain_usage(error);
	if (check_interface(options.interface, &mtu, error))
		return hg_complain(HG_EXIT_FAILED, error);
	gethostname(host, sizeof(host) - 1);
	server = calloc(1, sizeof(*server));
	signals = hg_signal_fd();
	if (!server || signals < 0 || asprintf(&flows, "%s.flows", options.control) < 0) {
		free(server);
		return hg_complain(HG_EXIT_FAILED, strerror(errno));
	}
	hg_service_init(&server->service, options.interface, options.bundles, options.name ? options.name : host);
	ret = hg_listener_open(&server->listener, options.control, error);
	if (ret)
		goto free;
	/* After the socket: who has that has the flow file too. */
	ret = hg_engine_start(&server->service.engine, options.interface, options.flows ? options.flows : flows,
			      options.bundles, error);
	if (ret)
		goto close;
	fprintf(stderr, "hectograph-pusher %s: interface %s, MTU %u; control socket %s\n", HG_VERSION,
		options.interface, mtu, options.control);
	ret = hg_server_run(server, signals);
	if (ret)
		hg_fail(error, ret, "%s: %s", options.control, strerror(-ret));
	hg_service_close(&server->service);
	hg_engine_stop(server->service.engine);
close:
	hg_listener_close(&server->listener);
free:
	free(flows);
	free(server);
	close(signals);
	return ret ? hg_complain(HG_EXIT_FAILED, error) : 0;
}
