/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What compiled pipelines compute with. Their arithmetic is BMv2's: exact on
 * integers of any size, cut to a field's width when it is stored; the compiler
 * chooses the C type in which each step is exact. Loads and stores are in network
 * order and need no alignment.
 */
#ifndef HG_PIPELINE_OPS_H
#define HG_PIPELINE_OPS_H

#include "pipeline.h"
#include "pipeline_hash.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HG_ORDER16(x) __builtin_bswap16(x)
#define HG_ORDER32(x) __builtin_bswap32(x)
#define HG_ORDER64(x) __builtin_bswap64(x)
#else
#define HG_ORDER16(x) (x)
#define HG_ORDER32(x) (x)
#define HG_ORDER64(x) (x)
#endif

/* A 128-bit constant from its halves. */
#define HG_U128(high, low) ((hg_u128)(high) << 64 | (low))

static inline uint16_t hg_load16(const uint8_t *at)
{
	uint16_t word;

	memcpy(&word, at, sizeof(word));
	return HG_ORDER16(word);
}

static inline uint32_t hg_load32(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return HG_ORDER32(word);
}

static inline uint64_t hg_load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return HG_ORDER64(word);
}

static inline hg_u128 hg_load128(const uint8_t *at)
{
	return HG_U128(hg_load64(at), hg_load64(at + 8));
}

static inline void hg_store16(uint8_t *at, uint16_t value)
{
	value = HG_ORDER16(value);
	memcpy(at, &value, sizeof(value));
}

static inline void hg_store32(uint8_t *at, uint32_t value)
{
	value = HG_ORDER32(value);
	memcpy(at, &value, sizeof(value));
}

static inline void hg_store64(uint8_t *at, uint64_t value)
{
	value = HG_ORDER64(value);
	memcpy(at, &value, sizeof(value));
}

static inline void hg_store128(uint8_t *at, hg_u128 value)
{
	hg_store64(at, (uint64_t)(value >> 64));
	hg_store64(at + 8, (uint64_t)value);
}

/* Not as operators: when ~ of what was a narrower field is compared, gcc warns. */

static inline uint64_t hg_not64(uint64_t value)
{
	return ~value;
}

static inline hg_u128 hg_not128(hg_u128 value)
{
	return ~value;
}

/* Shifts by a variable amount: C leaves undefined what is as wide as the type. */

static inline uint64_t hg_shl64(uint64_t value, hg_u128 amount)
{
	return amount < 64 ? value << amount : 0;
}

static inline hg_u128 hg_shl128(hg_u128 value, hg_u128 amount)
{
	return amount < 128 ? value << amount : 0;
}

static inline uint64_t hg_shr64(uint64_t value, hg_u128 amount)
{
	return amount < 64 ? value >> amount : 0;
}

static inline hg_u128 hg_shr128(hg_u128 value, hg_u128 amount)
{
	return amount < 128 ? value >> amount : 0;
}

/* Towards minus infinity. */
static inline int64_t hg_sar64(int64_t value, hg_u128 amount)
{
	return value >> (amount < 64 ? (unsigned int)amount : 63);
}

static inline hg_i128 hg_sar128(hg_i128 value, hg_u128 amount)
{
	return value >> (amount < 128 ? (unsigned int)amount : 127);
}

/* The signed value of the low `bits` bits (1 to the type's width), in two's complement. */

static inline int64_t hg_signed64(uint64_t value, unsigned int bits)
{
	return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

static inline hg_i128 hg_signed128(hg_u128 value, unsigned int bits)
{
	return (hg_i128)(value << (128 - bits)) >> (128 - bits);
}

/* Saturation. */

static inline uint64_t hg_min64(uint64_t value, uint64_t high)
{
	return value < high ? value : high;
}

static inline hg_u128 hg_min128(hg_u128 value, hg_u128 high)
{
	return value < high ? value : high;
}

static inline int64_t hg_clamp64(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static inline hg_i128 hg_clamp128(hg_i128 value, hg_i128 low, hg_i128 high)
{
	return value < low ? low : value > high ? high : value;
}

/* |+| and |-| on operands that fill 128 bits, whose exact result no C type holds. */

static inline hg_u128 hg_saturating_add128(hg_u128 left, hg_u128 right, hg_u128 high)
{
	hg_u128 sum;

	return __builtin_add_overflow(left, right, &sum) || sum > high ? high : sum;
}

static inline hg_u128 hg_saturating_sub128(hg_u128 left, hg_u128 right, hg_u128 high)
{
	return left > right ? hg_min128(left - right, high) : 0;
}

/*
 * A signed field keeps, as BMv2's does, any value from its minimum to the largest
 * of the unsigned field as wide; what lies outside is wrapped.
 */

static inline int64_t hg_keep64(int64_t value, unsigned int bits)
{
	int64_t half = (int64_t)1 << (bits - 1);

	return value < -half || value > half - 1 + half ? hg_signed64((uint64_t)value, bits) : value;
}

static inline hg_i128 hg_keep128(hg_i128 value, unsigned int bits)
{
	hg_i128 half = (hg_i128)1 << (bits - 1);

	return value < -half || value > half - 1 + half ? hg_signed128((hg_u128)value, bits) : value;
}

/* A parser may go so often through states of a loop that need not take a byte; then it is ParserTimeout. */
#define HG_PARSER_STEPS 65536u

/* An action may jump back so often; then the packet is dropped. */
#define HG_ACTION_TURNS 65536u

/* Of the numbers from low to high, which is not below it: xorshift64*, scaled. */
static inline uint64_t hg_random(struct hg_context *ctx, uint64_t low, uint64_t high)
{
	uint64_t state = ctx->random, count = high - low + 1;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	ctx->random = state;
	state *= 0x2545f4914f6cdd1dull;
	return count ? low + (uint64_t)((hg_u128)state * count >> 64) : state;
}

static inline void hg_truncate(struct hg_standard_metadata *standard, uint64_t bytes)
{
	if (standard->asked & HG_ASK_TRUNCATE && standard->truncate_bytes < bytes)
		return;
	standard->truncate_bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
	standard->asked |= HG_ASK_TRUNCATE;
}

/* Where a stack's element is looked for: beyond the end lies one that is never valid. */
static inline uint32_t hg_slot(uint64_t index, uint32_t size)
{
	return index < size ? (uint32_t)index : size;
}

/*
 * A varbit is whole bytes, but may begin `skip` bits after the start of one.
 * hg_varbit_take() reads it, hg_varbit_put() makes room for it before the `rest`
 * bytes of its header that are written already, the first of which is the one
 * that it begins in.
 */
static inline void hg_varbit_take(uint8_t *to, const uint8_t *at, uint32_t skip, uint32_t bytes)
{
	if (!skip) {
		memcpy(to, at, bytes);
		return;
	}
	for (uint32_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(at[i] << skip | at[i + 1] >> (8 - skip));
}

static inline void hg_varbit_put(uint8_t *at, uint32_t rest, uint32_t skip, const uint8_t *varbit, uint32_t bytes)
{
	uint8_t before;

	memmove(at + bytes, at, rest);
	if (!skip) {
		memcpy(at, varbit, bytes);
		return;
	}
	before = at[0] & (uint8_t)(0xff00 >> skip);
	for (uint32_t i = 0; i < bytes; i++) {
		at[i] = before | varbit[i] >> skip;
		before = (uint8_t)(varbit[i] << (8 - skip));
	}
	at[bytes] = before | (at[bytes] & 0xff >> skip);
}

/* The actions of a table with an action profile. */
static const struct hg_param hg_choice_params[] = {
	{ "choice", 32, offsetof(struct hg_choice_data, choice), sizeof(uint32_t) },
};
static const struct hg_action_spec hg_choice_actions[HG_CHOICE_ACTIONS] = {
	[HG_CHOICE_NONE] = { "none", 0, NULL, 0 },
	[HG_CHOICE_MADE] = { "choice", 1, hg_choice_params, sizeof(struct hg_choice_data) },
};

static const struct hg_action_spec hg_value_set_actions[HG_VALUE_SET_ACTIONS] = {
	[HG_VALUE_SET_OUT] = { "out", 0, NULL, 0 },
	[HG_VALUE_SET_IN] = { "in", 0, NULL, 0 },
};

#endif
