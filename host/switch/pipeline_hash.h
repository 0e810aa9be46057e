/* SPDX-License-Identifier: Apache-2.0 */
/* The sums and hashes of compiled pipelines: v1model's HashAlgorithm, as BMv2 computes them. */
#ifndef HG_PIPELINE_HASH_H
#define HG_PIPELINE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * RFC 1071: the end-around carries of a sum of 16- or 32-bit words. A word plus
 * itself with its halves swapped has the sum of the halves, carry and all, in its
 * upper half.
 */
static inline uint16_t hg_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/*
 * The same sum where headers that are not valid are left out, so that what
 * follows them lies at an offset known only then: a string of bits, put together
 * a word at a time.
 */
struct hg_bits {
	uint64_t sum;  /* of the whole words so far */
	uint64_t rest; /* the bits after them */
	unsigned int rest_bits;
};

/* `bits` is at most 32, and value has no others. */
static inline void hg_bits_add(struct hg_bits *to, uint64_t value, unsigned int bits)
{
	to->rest = to->rest << bits | value;
	to->rest_bits += bits;
	for (; to->rest_bits >= 16; to->rest_bits -= 16)
		to->sum += to->rest >> (to->rest_bits - 16) & 0xffff;
	to->rest &= ((uint64_t)1 << to->rest_bits) - 1;
}

static inline void hg_bits_add_bytes(struct hg_bits *to, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		hg_bits_add(to, bytes[i], 8);
}

static inline uint16_t hg_bits_fold(const struct hg_bits *of)
{
	return hg_fold(of->sum + (of->rest << (16 - of->rest_bits) & 0xffff));
}

/* Behind them, from the next byte on. */
static inline uint64_t hg_payload_sum(const uint8_t *bytes, uint32_t count, bool odd)
{
	uint64_t sum = 0;
	uint16_t half;

	for (uint32_t i = 0; i + 1 < count; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (count % 2)
		sum += (uint32_t)bytes[count - 1] << 8;
	half = hg_fold(sum);
	return odd ? (uint16_t)(half << 8 | half >> 8) : half;
}

static inline void hg_bits_add_payload(struct hg_bits *to, const uint8_t *bytes, uint32_t count)
{
	hg_bits_add(to, 0, (8 - to->rest_bits % 8) % 8);
	to->sum += hg_payload_sum(bytes, count, to->rest_bits == 8);
}

/* ---- hashes, over bytes ----------------------------------------------------- */

/* Puts `count` (at most 32) bits behind the first `bits`; what follows them is zero. Returns how many there are. */
static inline uint32_t hg_put_bits(uint8_t *bytes, uint32_t bits, uint64_t value, uint32_t count)
{
	uint64_t word = value << (64 - count) >> bits % 8;

	for (uint32_t i = 0; i < (bits % 8 + count + 7) / 8; i++)
		bytes[bits / 8 + i] |= (uint8_t)(word >> (56 - 8 * i));
	return bits + count;
}

static inline uint32_t hg_put_bytes(uint8_t *bytes, uint32_t bits, const uint8_t *from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		bits = hg_put_bits(bytes, bits, from[i], 8);
	return bits;
}

/*
 * CRCs of two strings, put one behind the other, four bits at a time: `table` holds
 * what each nibble does to the reflected remainder.
 */
static inline uint32_t hg_crc(uint32_t remainder, const uint32_t *table, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		remainder ^= bytes[i];
		remainder = remainder >> 4 ^ table[remainder & 15];
		remainder = remainder >> 4 ^ table[remainder & 15];
	}
	return remainder;
}

/* Polynomial 0x8005, reflected; the remainder begins as 0. */
static inline uint64_t hg_crc16(const uint8_t *bytes, uint32_t count, const uint8_t *more, uint32_t more_count)
{
	static const uint32_t table[16] = {
		0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401,
		0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400,
	};

	return hg_crc(hg_crc(0, table, bytes, count), table, more, more_count);
}

/* Polynomial 0x04c11db7, reflected; the remainder begins as ones and ends inverted (IEEE 802.3). */
static inline uint64_t hg_crc32(const uint8_t *bytes, uint32_t count, const uint8_t *more, uint32_t more_count)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t remainder = hg_crc(UINT32_MAX, table, bytes, count);

	return (uint32_t)~hg_crc(remainder, table, more, more_count);
}

/* The first eight bytes, as a number. */
static inline uint64_t hg_identity(const uint8_t *bytes, uint32_t count)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < count && i < sizeof(value); i++)
		value = value << 8 | bytes[i];
	return value;
}

static inline uint64_t hg_xor16(const uint8_t *bytes, uint32_t count)
{
	uint16_t value = 0;

	for (uint32_t i = 0; i < count; i++)
		value ^= (uint16_t)(i % 2 ? bytes[i] : bytes[i] << 8);
	return value;
}

/* What a hash is taken modulo of. */
static inline uint64_t hg_at_least_1(uint64_t size)
{
	return size ? size : 1;
}

#endif
