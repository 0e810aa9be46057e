/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words are added as 32-bit numbers in the host's own order into 64-bit lanes,
 * which cannot overflow below 16 GiB, and folded to 16 bits at the end. Both are
 * allowed because 2^16 = 1 modulo 2^16 - 1, and because swapping the bytes of
 * every word swaps those of the sum (RFC 1071, 2 B).
 */
#include "sum.h"

#include <arpa/inet.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The sum of 32-bit words; the last bytes count as if zeros followed. */
static uint64_t add_words(const uint8_t *data, size_t length)
{
	uint64_t total = 0;
	uint32_t word;

	for (; length >= sizeof(word); data += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		total += word;
	}
	word = 0;
	memcpy(&word, data, length);
	return total + word;
}

static uint16_t fold(uint64_t total)
{
	while (total >> 16)
		total = (total & 0xFFFF) + (total >> 16);
	return ntohs((uint16_t)total);
}

uint16_t hg_sum_reference(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t total = 0;

	for (size_t i = 0; i < length; i++) {
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		total = (total & 0xFFFF) + (total >> 16);
	}
	return (uint16_t)total;
}

static uint16_t sum_portable(const void *data, size_t length)
{
	return fold(add_words(data, length));
}

static bool always(void)
{
	return true;
}

#if defined(__x86_64__)

/* Two accumulators, for the even and the odd 32-bit words of each vector. */
static uint16_t sum_sse2(const void *data, size_t length)
{
	const __m128i low = _mm_set1_epi64x(0xFFFFFFFF);
	const uint8_t *bytes = data;
	__m128i even = _mm_setzero_si128();
	__m128i odd = _mm_setzero_si128();
	uint64_t lanes[2];

	for (; length >= sizeof(__m128i); bytes += sizeof(__m128i), length -= sizeof(__m128i)) {
		__m128i words = _mm_loadu_si128((const __m128i *)bytes);

		even = _mm_add_epi64(even, _mm_and_si128(words, low));
		odd = _mm_add_epi64(odd, _mm_srli_epi64(words, 32));
	}
	_mm_storeu_si128((__m128i *)lanes, _mm_add_epi64(even, odd));
	return fold(lanes[0] + lanes[1] + add_words(bytes, length));
}

__attribute__((target("avx2"))) static uint16_t sum_avx2(const void *data, size_t length)
{
	const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
	const uint8_t *bytes = data;
	__m256i even[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };
	__m256i odd[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };
	uint64_t lanes[4];

	for (; length >= 2 * sizeof(__m256i); bytes += 2 * sizeof(__m256i), length -= 2 * sizeof(__m256i)) {
		for (int i = 0; i < 2; i++) {
			__m256i words = _mm256_loadu_si256((const __m256i *)bytes + i);

			even[i] = _mm256_add_epi64(even[i], _mm256_and_si256(words, low));
			odd[i] = _mm256_add_epi64(odd[i], _mm256_srli_epi64(words, 32));
		}
	}
	even[0] = _mm256_add_epi64(_mm256_add_epi64(even[0], odd[0]), _mm256_add_epi64(even[1], odd[1]));
	_mm256_storeu_si256((__m256i *)lanes, even[0]);
	return fold(lanes[0] + lanes[1] + lanes[2] + lanes[3] + add_words(bytes, length));
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

#endif

const struct hg_sum_variant hg_sum_variants[] = {
#if defined(__x86_64__)
	{ "avx2", has_avx2, sum_avx2 },
	{ "sse2", always, sum_sse2 }, /* part of x86-64 itself */
#endif
	{ "portable", always, sum_portable },
};

const size_t hg_sum_variant_count = sizeof(hg_sum_variants) / sizeof(hg_sum_variants[0]);

uint16_t hg_sum(const void *data, size_t length)
{
	const struct hg_sum_variant *variant = hg_sum_variants;

	while (!variant->usable())
		variant++;
	return variant->sum(data, length);
}
