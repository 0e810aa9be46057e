/* SPDX-License-Identifier: Apache-2.0 */
/* How fast each way to sum is, over payloads that are in the cache: meson test --benchmark. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sum.h"
#include "wait.h"

#define PAYLOAD 1452
#define PAYLOADS 128 /* 186 kB: a core's second-level cache */
#define NS 200000000ULL

static uint8_t memory[PAYLOADS * PAYLOAD];
static volatile uint16_t sink;

static double bytes_per_ns(uint16_t (*sum)(const void *data, size_t length))
{
	uint64_t start = hg_now();
	uint64_t bytes = 0;

	while (hg_now() - start < NS) {
		for (size_t i = 0; i < PAYLOADS; i++)
			sink = sum(memory + i * PAYLOAD, PAYLOAD);
		bytes += sizeof(memory);
	}
	return (double)bytes / (double)(hg_now() - start);
}

int main(void)
{
	memset(memory, 0x5A, sizeof(memory));
	for (size_t i = 0; i < hg_sum_variant_count; i++)
		if (hg_sum_variants[i].usable())
			printf("%-10s %6.1f GB/s\n", hg_sum_variants[i].name, bytes_per_ns(hg_sum_variants[i].sum));
	printf("%-10s %6.1f GB/s\n", "reference", bytes_per_ns(hg_sum_reference));
	return 0;
}
