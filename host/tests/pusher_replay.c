/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the fuzz harness without libFuzzer: each file named, every beginning of it,
 * and it with each of its bytes changed in a few ways.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pusher_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly that size, so that a sanitizer sees every byte read beyond. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	CHECK(copy);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

int main(int argc, char **argv)
{
	static const uint8_t changes[] = { 0x01, 0x08, 0x80, 0xFF };
	uint8_t data[4096];

	CHECK(argc > 1);
	for (int file = 1; file < argc; file++) {
		FILE *stream = fopen(argv[file], "rb");
		size_t size;

		CHECK(stream);
		size = fread(data, 1, sizeof(data), stream);
		fclose(stream);
		for (size_t length = 0; length <= size; length++)
			run(data, length);
		for (size_t i = 0; i < size * sizeof(changes); i++) {
			uint8_t change = changes[i % sizeof(changes)];

			data[i / sizeof(changes)] ^= change;
			run(data, size);
			data[i / sizeof(changes)] ^= change;
		}
	}
	return 0;
}
