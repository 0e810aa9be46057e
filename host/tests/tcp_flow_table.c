/* SPDX-License-Identifier: Apache-2.0 */
/* The table against a list of keys, through a restart, full, and with files that are not its own. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "flow_table.h"
#include "pusher_check.h"

#define KEYS 20000
#define MOST (2 * HG_FLOW_CHUNK)

static struct hg_flow_table table;
static char path[] = "/tmp/hectograph-flows-XXXXXX";
static char error[HG_PUSHER_ERROR_BYTES];
static bool there[KEYS];
static uint32_t state = 3;

static uint32_t random_below(uint32_t limit)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % limit;
}

static struct hg_flow_key key_of(uint32_t number)
{
	struct hg_flow_key key = { .client_port = (uint16_t)number, .service_port = 80 };

	memcpy(key.client_addr + 12, &number, sizeof(number));
	return key;
}

static void check_all(void)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		struct hg_flow_key key = key_of(i);
		uint32_t index = hg_flow_table_find(&table, &key);

		CHECK_EQUAL(index != HG_FLOW_NONE, there[i]);
		used += there[i];
		if (there[i])
			CHECK_EQUAL(hg_flow_record_at(&table, index)->content, i);
	}
	CHECK_EQUAL(table.used, used);
}

static void change(uint32_t times)
{
	while (times--) {
		uint32_t number = random_below(KEYS);
		struct hg_flow_key key = key_of(number);
		uint32_t index;

		hg_flow_table_reserve(&table);
		if (there[number]) {
			hg_flow_table_remove(&table, hg_flow_table_find(&table, &key));
			there[number] = false;
			continue;
		}
		index = hg_flow_table_add(&table, &key);
		if (index == HG_FLOW_NONE) {
			CHECK_EQUAL(table.used, MOST);
			continue;
		}
		hg_flow_record_at(&table, index)->content = number;
		hg_flow_record_at(&table, index)->state = HG_FLOW_REQUEST;
		there[number] = true;
	}
}

static void add_and_remove(void)
{
	CHECK_EQUAL(hg_flow_table_open(&table, path, MOST, error), 0);
	change(30000);
	check_all();
	hg_flow_table_close(&table);
}

/* As after a kill -9: the same records, found through another seed. */
static void restart(void)
{
	struct hg_flow_table other;

	CHECK_EQUAL(hg_flow_table_open(&table, path, MOST, error), 0);
	check_all();
	CHECK_EQUAL(hg_flow_table_open(&other, path, MOST, error), -EBUSY);
	CHECK(strstr(error, path));
	change(5000);
	check_all();
	hg_flow_table_close(&table);
}

static void full(void)
{
	CHECK_EQUAL(hg_flow_table_open(&table, path, MOST, error), 0);
	for (uint32_t i = 0; i < KEYS; i++) {
		struct hg_flow_key key = key_of(i);
		uint32_t index;

		hg_flow_table_reserve(&table);
		if (there[i])
			continue;
		index = hg_flow_table_add(&table, &key);
		if (index == HG_FLOW_NONE)
			break;
		hg_flow_record_at(&table, index)->content = i;
		hg_flow_record_at(&table, index)->state = HG_FLOW_REQUEST;
		there[i] = true;
	}
	CHECK_EQUAL(table.used, MOST);
	check_all();
	hg_flow_table_close(&table);
}

static void foreign_files(void)
{
	static const char *const texts[] = { "", "x", "HGFLOW1", "not a flow file at all, and longer than a header" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int fd = open(path, O_WRONLY | O_TRUNC);

		CHECK(write(fd, texts[i], strlen(texts[i])) == (ssize_t)strlen(texts[i]));
		close(fd);
		CHECK_EQUAL(hg_flow_table_open(&table, path, MOST, error), 0);
		CHECK_EQUAL(table.used, 0);
		hg_flow_table_close(&table);
	}
	/* Cut short behind its header: what it promises is not there. */
	CHECK_EQUAL(truncate(path, 5000), 0);
	CHECK_EQUAL(hg_flow_table_open(&table, path, MOST, error), 0);
	CHECK_EQUAL(table.used, 0);
	hg_flow_table_close(&table);
	CHECK_EQUAL(hg_flow_table_open(&table, "/nonexistent/flows", MOST, error), -ENOENT);
}

int main(void)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	add_and_remove();
	restart();
	full();
	foreign_files();
	unlink(path);
	return 0;
}
