/* SPDX-License-Identifier: Apache-2.0 */
/* hg_switch.h: indirect counters and meters. */
#include <errno.h>

#include "cell.h"
#include "switch.h"

static int check_cells(uint32_t first, uint32_t count, uint32_t size)
{
	return first <= size && count <= size - first ? 0 : -ERANGE;
}

static int check_counter(const struct hg_loaded *loaded, uint32_t counter, uint32_t first, uint32_t count)
{
	if (counter >= loaded->pipeline->counter_count)
		return -EINVAL;
	return check_cells(first, count, loaded->pipeline->counters[counter].size);
}

static int check_meter(const struct hg_loaded *loaded, uint32_t meter, uint32_t first, uint32_t count)
{
	if (meter >= loaded->pipeline->meter_count)
		return -EINVAL;
	return check_cells(first, count, loaded->pipeline->meters[meter].size);
}

int hg_counter_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t counter, uint32_t first, uint32_t count,
		   struct hg_counter_value *values)
{
	int ret = check_counter(loaded, counter, first, count);

	if (ret)
		return ret;
	switch_lock(sw);
	for (uint32_t i = 0; i < count; i++)
		cell_get(&loaded->counters[counter].cells[first + i], &loaded->counters[counter].bases[first + i],
			 &values[i]);
	return switch_unlock(sw, 0);
}

int hg_counter_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t counter, uint32_t index,
		   const struct hg_counter_value *value)
{
	int ret = check_counter(loaded, counter, index, 1);

	if (ret)
		return ret;
	switch_lock(sw);
	cell_set(&loaded->counters[counter].cells[index], &loaded->counters[counter].bases[index], value);
	return switch_unlock(sw, 0);
}

int hg_meter_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t meter, uint32_t first, uint32_t count,
		 struct hg_meter_config *configs)
{
	int ret = check_meter(loaded, meter, first, count);

	if (ret)
		return ret;
	switch_lock(sw);
	for (uint32_t i = 0; i < count; i++)
		meter_get(&loaded->meters[meter][first + i], &configs[i]);
	return switch_unlock(sw, 0);
}

int hg_meter_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t meter, uint32_t index,
		 const struct hg_meter_config *config)
{
	int ret = check_meter(loaded, meter, index, 1);

	if (ret)
		return ret;
	switch_lock(sw);
	return switch_unlock(sw, meter_set(&sw->epoch, &loaded->meters[meter][index], config));
}
