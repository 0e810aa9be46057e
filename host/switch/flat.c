/* SPDX-License-Identifier: Apache-2.0 */
#include "flat.h"

#include <errno.h>
#include <string.h>

enum table_kind flat_table_kind(const struct hg_table_spec *spec)
{
	enum table_kind kind = TABLE_EXACT;

	for (uint32_t i = 0; i < spec->key_field_count; i++) {
		uint16_t match = spec->key[i].match;

		if (match == HG_MATCH_LPM)
			kind = TABLE_LPM;
		else if (match != HG_MATCH_EXACT)
			return TABLE_PRIORITY;
	}
	return kind;
}

/* The ones of a field of `bits` bits in byte `at` of its `bytes`. */
static uint8_t field_ones(const struct hg_key_field *field, uint32_t at)
{
	return at == 0 && field->bits % 8 ? (uint8_t)((1u << field->bits % 8) - 1) : 0xff;
}

static bool is_zero(const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static uint32_t count_ones(const uint8_t *bytes, uint32_t count)
{
	uint32_t ones = 0;

	for (uint32_t i = 0; i < count; i++)
		ones += (uint32_t)__builtin_popcount(bytes[i]);
	return ones;
}

/* All the field's ones stand before its zeros: bit i + 1 is never set without bit i. */
static bool is_prefix(const struct hg_key_field *field, const uint8_t *mask)
{
	bool ended = false;

	for (uint32_t i = field->bytes * 8u - field->bits; i < field->bytes * 8u; i++) {
		bool set = mask[i / 8] >> (7 - i % 8) & 1;

		if (set && ended)
			return false;
		ended = !set;
	}
	return true;
}

static bool mask_allowed(const struct hg_key_field *field, const uint8_t *key, const uint8_t *mask)
{
	switch (field->match) {
	case HG_MATCH_LPM:
		return is_prefix(field, mask);
	case HG_MATCH_OPTIONAL:
		return is_zero(mask, field->bytes) || count_ones(mask, field->bytes) == field->bits;
	case HG_MATCH_RANGE:
		return memcmp(key, mask, field->bytes) <= 0;
	default:
		return true;
	}
}

static int flat_field(const struct hg_key_field *field, const uint8_t *key, const uint8_t *mask, uint8_t *key_out,
		      uint8_t *mask_out)
{
	for (uint32_t i = 0; i < field->bytes; i++) {
		uint8_t ones = field_ones(field, i);

		key_out[i] = key[i];
		mask_out[i] = field->match == HG_MATCH_EXACT ? ones : mask[i] & ones;
		if (key[i] & ~(field->match == HG_MATCH_RANGE ? ones : mask_out[i]))
			return -EINVAL;
	}
	return mask_allowed(field, key_out, mask_out) ? 0 : -EINVAL;
}

int flat_key(const struct hg_table_spec *spec, const uint8_t *key, const uint8_t *mask, uint8_t *key_out,
	     uint8_t *mask_out)
{
	int ret = 0;

	if (!mask && flat_table_kind(spec) != TABLE_EXACT)
		return -EINVAL;
	for (uint32_t i = 0; i < spec->key_field_count && !ret; i++) {
		uint32_t at = spec->key[i].offset;

		ret = flat_field(&spec->key[i], key + at, mask ? mask + at : NULL, key_out + at, mask_out + at);
	}
	return ret;
}

uint32_t flat_prefix_bits(const struct hg_table_spec *spec, const uint8_t *mask)
{
	for (uint32_t i = 0; i < spec->key_field_count; i++) {
		if (spec->key[i].match == HG_MATCH_LPM)
			return count_ones(mask + spec->key[i].offset, spec->key[i].bytes);
	}
	return 0;
}

static uint32_t param_bytes(const struct hg_param *param)
{
	return (param->bits + 7u) / 8;
}

uint32_t flat_params_bytes(const struct hg_action_spec *action)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < action->param_count; i++)
		bytes += param_bytes(&action->params[i]);
	return bytes;
}

/* Where byte `i`, counted from the least significant, of a host-order integer lies. */
static uint32_t host_byte(const struct hg_param *param, uint32_t i)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return param->offset + i;
#else
	return param->offset + param->size - 1 - i;
#endif
}

int flat_to_data(const struct hg_action_spec *action, const uint8_t *params, uint32_t bytes, uint8_t *data)
{
	if (bytes != flat_params_bytes(action))
		return -EINVAL;
	for (uint32_t p = 0; p < action->param_count; p++) {
		const struct hg_param *param = &action->params[p];
		uint32_t count = param_bytes(param);

		if (param->bits % 8 && params[0] >> param->bits % 8)
			return -EINVAL;
		memset(data + param->offset, 0, param->size);
		for (uint32_t i = 0; i < count; i++)
			data[host_byte(param, i)] = params[count - 1 - i];
		params += count;
	}
	return 0;
}

void flat_from_data(const struct hg_action_spec *action, const uint8_t *data, uint8_t *params)
{
	for (uint32_t p = 0; p < action->param_count; p++) {
		const struct hg_param *param = &action->params[p];
		uint32_t count = param_bytes(param);

		for (uint32_t i = 0; i < count; i++)
			params[count - 1 - i] = data[host_byte(param, i)];
		params += count;
	}
}
