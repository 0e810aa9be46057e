/* SPDX-License-Identifier: Apache-2.0 */
/* Between the control plane's flat form (network order, whole bytes) and what a pipeline works on. */
#ifndef HG_FLAT_H
#define HG_FLAT_H

#include "hg_switch.h"
#include "pipeline.h"

enum table_kind { TABLE_EXACT, TABLE_LPM, TABLE_PRIORITY };

/* A table with ternary, range or optional fields goes by priority, else one with an lpm field by prefix length. */
enum table_kind flat_table_kind(const struct hg_table_spec *spec);

/*
 * Copies key and mask (NULL: all fields exact) in canonical form: mask bits only
 * where the field has bits. -EINVAL where the key has bits outside the mask or a
 * field's match kind does not allow its mask.
 */
int flat_key(const struct hg_table_spec *spec, const uint8_t *key, const uint8_t *mask, uint8_t *key_out,
	     uint8_t *mask_out);
uint32_t flat_prefix_bits(const struct hg_table_spec *spec, const uint8_t *mask);

uint32_t flat_params_bytes(const struct hg_action_spec *action);
/* -EINVAL: another length than the action's, or a value wider than its parameter. */
int flat_to_data(const struct hg_action_spec *action, const uint8_t *params, uint32_t bytes, uint8_t *data);
void flat_from_data(const struct hg_action_spec *action, const uint8_t *data, uint8_t *params);

#endif
