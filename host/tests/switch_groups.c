/* SPDX-License-Identifier: Apache-2.0 */
/* The replication engine's groups, through the switch's interface. argv[1]: the test pipeline. */
#include <errno.h>
#include <stdint.h>

#include "hg_switch.h"
#include "switch_check.h"

#define MAX_GROUPS 3
#define MANY 100000u

static struct hg_switch *sw;

static void set_up(const char *pipeline)
{
	const struct hg_switch_config config = { .max_groups = MAX_GROUPS };
	struct hg_loaded *loaded;
	char error[HG_ERROR_BYTES];

	CHECK_EQUAL(hg_switch_new(&config, &sw, error), 0);
	CHECK_EQUAL(hg_pipeline_load(sw, pipeline, &loaded, error), 0);
	CHECK_EQUAL(hg_pipeline_commit(sw, loaded), 0);
}

static void test_insert_modify_delete(void)
{
	const struct hg_replica two[] = { { 5, 1 }, { 3, 1 } }, one[] = { { 9, 65535 } };
	struct hg_replica read[2];

	CHECK_EQUAL(hg_group_modify(sw, 7, two, 2), -ENOENT);
	CHECK_EQUAL(hg_group_delete(sw, 7), -ENOENT);
	CHECK_EQUAL(hg_group_get(sw, 7, read, 2), -ENOENT);
	CHECK_EQUAL(hg_group_insert(sw, 7, two, 2), 0);
	CHECK_EQUAL(hg_group_insert(sw, 7, one, 1), -EEXIST);
	CHECK_EQUAL(hg_group_get(sw, 7, read, 2), 2);
	CHECK(!memcmp(read, two, sizeof(two))); /* as written, not sorted */
	CHECK_EQUAL(hg_group_modify(sw, 7, one, 1), 0);
	CHECK_EQUAL(hg_group_get(sw, 7, read, 0), 1);
	CHECK_EQUAL(hg_group_get(sw, 7, read, 2), 1);
	CHECK(!memcmp(read, one, sizeof(one)));
	CHECK_EQUAL(hg_group_delete(sw, 7), 0);
	CHECK_EQUAL(hg_group_list(sw, NULL, 0), 0);
}

static void test_refusals(void)
{
	const struct hg_replica twice[] = { { 5, 1 }, { 3, 1 }, { 5, 1 } }, wide[] = { { 1, 65536 } };

	CHECK_EQUAL(hg_group_insert(sw, 0, NULL, 0), -EINVAL);
	CHECK_EQUAL(hg_group_insert(sw, 65536, NULL, 0), -EINVAL);
	CHECK_EQUAL(hg_group_insert(sw, 1, twice, 3), -EINVAL);
	CHECK_EQUAL(hg_group_insert(sw, 1, wide, 1), -EINVAL);
	CHECK_EQUAL(hg_group_insert(sw, 1, twice, 2), 0);
	CHECK_EQUAL(hg_group_modify(sw, 1, twice, 3), -EINVAL);
	CHECK_EQUAL(hg_group_get(sw, 1, NULL, 0), 2); /* as it was */
	CHECK_EQUAL(hg_group_delete(sw, 1), 0);
}

static void test_limit(void)
{
	uint32_t ids[MAX_GROUPS];

	CHECK_EQUAL(hg_group_insert(sw, 65535, NULL, 0), 0);
	CHECK_EQUAL(hg_group_insert(sw, 2, NULL, 0), 0);
	CHECK_EQUAL(hg_group_insert(sw, 300, NULL, 0), 0);
	CHECK_EQUAL(hg_group_insert(sw, 4, NULL, 0), -ENOSPC);
	CHECK_EQUAL(hg_group_list(sw, ids, MAX_GROUPS), 3);
	CHECK(ids[0] == 2 && ids[1] == 300 && ids[2] == 65535);
	CHECK_EQUAL(hg_group_delete(sw, 300), 0);
	CHECK_EQUAL(hg_group_insert(sw, 4, NULL, 0), 0);
}

static void test_many_replicas(void)
{
	static struct hg_replica replicas[MANY];

	for (uint32_t i = 0; i < MANY; i++)
		replicas[i] = (struct hg_replica){ .port = 1 + i / 50000, .instance = i % 50000 };
	CHECK_EQUAL(hg_group_modify(sw, 2, replicas, MANY), 0);
	CHECK_EQUAL(hg_group_get(sw, 2, NULL, 0), MANY);
}

int main(int argc, char **argv)
{
	CHECK_EQUAL(argc, 2);
	set_up(argv[1]);
	test_insert_modify_delete();
	test_refusals();
	test_limit();
	test_many_replicas();
	hg_switch_free(sw);
	return 0;
}
