/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_HASH_H
#define HG_HASH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* All of at most seven bytes in one word, by loads that may overlap. */
static inline uint64_t short_word(const uint8_t *bytes, uint32_t count)
{
	uint32_t first, last;

	if (count >= sizeof(first)) {
		memcpy(&first, bytes, sizeof(first));
		memcpy(&last, bytes + count - sizeof(last), sizeof(last));
		return (uint64_t)first << 32 | last;
	}
	return count ? bytes[0] | (uint64_t)bytes[count / 2] << 8 | (uint64_t)bytes[count - 1] << 16 : 0;
}

/* memcmp() == 0, without a call for what is often four bytes. */
static inline bool same_bytes(const uint8_t *a, const uint8_t *b, uint32_t bytes)
{
	uint64_t x, y;

	for (; bytes >= sizeof(x); a += sizeof(x), b += sizeof(x), bytes -= sizeof(x)) {
		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		if (x != y)
			return false;
	}
	return short_word(a, bytes) == short_word(b, bytes);
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
	return hash_mix(state ^ short_word(key, bytes) ^ seed, odd);
}

#endif
