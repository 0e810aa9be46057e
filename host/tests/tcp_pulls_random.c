/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the harness of tcp_pulls_fuzz.c without libFuzzer: each file named, and then inputs that a
 * generator makes, for so many seconds (-t). Each has a seed of its own, one more than the last one's;
 * what fails is told by it, and done alone with -s SEED -t 0.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pusher_check.h"

#define BYTES_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *what = "";
static uint64_t seed, first_seed;
static uint64_t state;

static uint32_t next(void)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 33);
}

/* In memory of exactly that size, so that a sanitizer sees every byte read beyond. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	CHECK(copy);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_file(const char *path)
{
	uint8_t data[BYTES_MAX];
	FILE *stream = fopen(path, "rb");
	size_t size;

	CHECK(stream);
	size = fread(data, 1, sizeof(data), stream);
	fclose(stream);
	what = path;
	run(data, size);
}

/* Half of all are requests, acknowledgements, losses, time and a controller that answers: else little is ever sent. */
static uint8_t make_byte(void)
{
	static const uint8_t calm[] = {
		0x02, 0x12, 0x22, 0x32, 0x03, 0x13, 0x04, 0x14, 0x05, 0x15, 0x06, 0x16, 0x85, 0x87, 0x87, 0x88, 0x8A, 0x8B, 0x8C, 0x8D,
	};

	return next() % 2 ? calm[next() % sizeof(calm)] : (uint8_t)next();
}

static void run_seed(void)
{
	uint8_t data[BYTES_MAX];
	size_t size;

	what = "";
	/* The generator's first numbers are as near to each other as two seeds are. */
	state = seed * 0x9E3779B97F4A7C15;
	next();
	size = next() % sizeof(data);
	for (size_t i = 0; i < size; i++)
		data[i] = make_byte();
	run(data, size);
}

static uint64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

static void tell(int number)
{
	char line[256];
	int length = *what ? snprintf(line, sizeof(line), "in %s\n", what) :
			     snprintf(line, sizeof(line), "in the input of seed %" PRIu64 "\n", seed);

	if (write(STDERR_FILENO, line, (size_t)length) != length)
		_exit(1);
	signal(number, SIG_DFL);
	raise(number);
}

int main(int argc, char **argv)
{
	uint64_t end, seconds = 10;
	int option;

	first_seed = (uint64_t)time(NULL) << 16;
	while ((option = getopt(argc, argv, "s:t:")) != -1) {
		CHECK(option == 's' || option == 't');
		*(option == 's' ? &first_seed : &seconds) = strtoull(optarg, NULL, 10);
	}
	signal(SIGABRT, tell);
	for (; optind < argc; optind++)
		run_file(argv[optind]);
	printf("seeds from %" PRIu64 "\n", first_seed);
	fflush(stdout);
	seed = first_seed;
	end = seconds_now() + seconds;
	do {
		run_seed();
		seed++;
	} while (seconds_now() < end);
	printf("%" PRIu64 " inputs\n", seed - first_seed);
	return 0;
}
