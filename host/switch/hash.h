/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_HASH_H
#define HG_HASH_H

#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Multiply-and-fold over eight bytes at a time, as wyhash does. The seed is
 * random per switch, so that nobody outside can choose keys that collide.
 */
static inline uint64_t hash_bytes(const uint8_t *key, uint32_t bytes, uint64_t seed)
{
	const uint64_t odd = 0x9e3779b97f4a7c15; /* 2^64 / golden ratio */
	uint64_t state = seed ^ hash_mix(bytes ^ odd, odd);
	uint64_t word;

	for (; bytes >= sizeof(word); key += sizeof(word), bytes -= sizeof(word)) {
		memcpy(&word, key, sizeof(word));
		state = hash_mix(state ^ word, odd);
	}
	word = 0;
	for (uint32_t i = 0; i < bytes; i++)
		word = word << 8 | key[i];
	return hash_mix(state ^ word ^ seed, odd);
}

#endif
