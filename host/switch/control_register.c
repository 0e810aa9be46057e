/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: registers. */
#include <errno.h>

#include "switch.h"

static int check(const struct hg_loaded *loaded, uint32_t reg, uint32_t first, uint32_t count)
{
	uint32_t size;

	if (reg >= loaded->pipeline->register_count)
		return -EINVAL;
	size = loaded->pipeline->registers[reg].size;
	return first <= size && count <= size - first ? 0 : -ERANGE;
}

static void *cell_at(const struct hg_loaded *loaded, uint32_t reg, uint32_t index)
{
	return (uint8_t *)loaded->registers[reg] + (size_t)index * loaded->pipeline->registers[reg].stride;
}

static hg_u128 load(const void *cell, uint16_t stride)
{
	hg_u128 wide;

	switch (stride) {
	case 1:
		return hg_register_load((const uint8_t *)cell);
	case 2:
		return hg_register_load((const uint16_t *)cell);
	case 4:
		return hg_register_load((const uint32_t *)cell);
	case 8:
		return hg_register_load((const uint64_t *)cell);
	}
	memcpy(&wide, cell, sizeof(wide));
	return wide;
}

static void store(void *cell, uint16_t stride, hg_u128 value)
{
	switch (stride) {
	case 1:
		hg_register_store((uint8_t *)cell, (uint8_t)value);
		return;
	case 2:
		hg_register_store((uint16_t *)cell, (uint16_t)value);
		return;
	case 4:
		hg_register_store((uint32_t *)cell, (uint32_t)value);
		return;
	case 8:
		hg_register_store((uint64_t *)cell, (uint64_t)value);
		return;
	}
	memcpy(cell, &value, sizeof(value));
}

int hg_register_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t reg, uint32_t first, uint32_t count,
		    uint8_t *values)
{
	const struct hg_register_spec *spec;
	int ret = check(loaded, reg, first, count);
	uint32_t bytes;

	if (ret)
		return ret;
	spec = &loaded->pipeline->registers[reg];
	bytes = (spec->bits + 7u) / 8;
	switch_lock(sw);
	for (uint32_t i = 0; i < count; i++) {
		hg_u128 value = load(cell_at(loaded, reg, first + i), spec->stride);

		for (uint32_t at = bytes; at-- > 0; value >>= 8)
			values[(size_t)i * bytes + at] = (uint8_t)value;
	}
	return switch_unlock(sw, 0);
}

int hg_register_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t reg, uint32_t first, uint32_t count,
		    const uint8_t *bytes)
{
	const struct hg_register_spec *spec;
	int ret = check(loaded, reg, first, count);
	hg_u128 value = 0;

	if (ret)
		return ret;
	spec = &loaded->pipeline->registers[reg];
	for (uint32_t at = 0; at < (spec->bits + 7u) / 8; at++)
		value = value << 8 | bytes[at];
	if (spec->bits < 128 && value >> spec->bits)
		return -EINVAL;
	switch_lock(sw);
	for (uint32_t i = 0; i < count; i++)
		store(cell_at(loaded, reg, first + i), spec->stride, value);
	return switch_unlock(sw, 0);
}
