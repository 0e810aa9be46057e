/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two workers, each with a port whose frames it takes, send by the same port and write the
 * same cells: what comes in by one port leaves in its order, and everything is counted, and
 * metered, once. argv[1]: the test pipeline.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "switch_lab.h"
#include "thread.h"

#define FRAMES 20000u /* from each host */
#define FRAME_BYTES 100u
/* Of what has arrived: with a batch that is not given back yet, less than a receive ring holds. */
#define AHEAD 64u
#define PUNTS 100u /* from each host: the same */
#define TOKENS 60u

/* Where a frame says whose it is, and which. */
#define SOURCE_AT 14
#define NUMBER_AT 16

struct sender {
	pthread_t thread;
	int fd;
	uint8_t source;
	uint16_t ether_type;
	uint32_t count;
	_Atomic uint32_t arrived; /* of its frames */
};

static void *send_frames(void *opaque)
{
	struct sender *sender = opaque;
	uint8_t frame[FRAME_BYTES];

	lab_fill(frame, sizeof(frame), sender->ether_type);
	frame[SOURCE_AT] = sender->source;
	for (uint32_t i = 0; i < sender->count; i++) {
		while (i > atomic_load(&sender->arrived) + AHEAD)
			usleep(20);
		memcpy(frame + NUMBER_AT, &i, sizeof(i));
		lab_send(sender->fd, frame, sizeof(frame));
	}
	return NULL;
}

static void start(struct sender *senders, uint16_t ether_type, uint32_t count)
{
	for (uint8_t i = 0; i < 2; i++) {
		senders[i] = (struct sender){
			.fd = i ? lab.host_2 : lab.host_1, .source = i, .ether_type = ether_type, .count = count,
		};
		CHECK_EQUAL(thread_start(&senders[i].thread, "sender", send_frames, &senders[i]), 0);
	}
}

static void join(struct sender *senders)
{
	for (int i = 0; i < 2; i++)
		pthread_join(senders[i].thread, NULL);
}

/* Of the entry that steers it. */
static struct hg_counter_value counted(uint16_t ether_type)
{
	uint8_t key[] = { (uint8_t)(ether_type >> 8), (uint8_t)ether_type };
	uint32_t table = (uint32_t)hg_table_index(lab.loaded, "steer");
	struct hg_flat_entry entry = { .key = key };
	struct hg_snapshot *snapshot;
	struct hg_read_entry read;

	CHECK_EQUAL(hg_entry_get(lab.sw, lab.loaded, table, &entry, &snapshot), 0);
	hg_snapshot_get(snapshot, 0, &read);
	hg_snapshot_free(snapshot);
	return read.counter;
}

static void test_ports_are_shared_out(void)
{
	CHECK(lab_port(1).worker != lab_port(2).worker);
}

static void test_order_and_counts(void)
{
	struct sender senders[2];
	uint8_t frame[FRAME_BYTES + 4];
	uint32_t number;

	start(senders, TYPE_TO_2, FRAMES);
	for (uint32_t i = 0; i < 2 * FRAMES; i++) {
		CHECK_EQUAL(net_receive(lab.host_2, frame, sizeof(frame), LAB_TIMEOUT_MS), FRAME_BYTES);
		memcpy(&number, frame + NUMBER_AT, sizeof(number));
		CHECK_EQUAL(number, atomic_load(&senders[frame[SOURCE_AT]].arrived));
		atomic_fetch_add(&senders[frame[SOURCE_AT]].arrived, 1);
	}
	join(senders);
	EVENTUALLY(lab_port(2).tx_packets == 2 * FRAMES);
	CHECK_EQUAL(lab_port(1).rx_packets, FRAMES);
	CHECK_EQUAL(lab_port(2).rx_packets, FRAMES);
	CHECK_EQUAL(lab_stats().ingress_packets, 2 * FRAMES);
	CHECK_EQUAL(counted(TYPE_TO_2).packets, 2 * FRAMES);
	CHECK_EQUAL(counted(TYPE_TO_2).bytes, (uint64_t)2 * FRAMES * FRAME_BYTES);
}

/* A meter that gets no new tokens passes as many packets as it had, whoever asks. */
static void test_meter(void)
{
	const struct hg_meter_config config = { .configured = true, .pburst = TOKENS };
	struct sender senders[2];
	uint8_t frame[FRAME_BYTES + 4];
	uint64_t before = lab_stats().dropped_ingress;
	uint32_t punted = 0;

	CHECK_EQUAL(hg_meter_set(lab.sw, lab.loaded, (uint32_t)hg_meter_index(lab.loaded, "punts"), 0, &config), 0);
	start(senders, TYPE_CPU, PUNTS);
	for (int i = 0; i < 2; i++)
		atomic_store(&senders[i].arrived, PUNTS); /* nothing comes back */
	join(senders);
	EVENTUALLY(lab_stats().dropped_ingress - before == 2 * PUNTS - TOKENS);
	while (hg_cpu_receive(lab.sw, frame, sizeof(frame)) > 0)
		punted++;
	CHECK_EQUAL(punted, TOKENS);
}

int main(int argc, char **argv)
{
	CHECK_EQUAL(argc, 2);
	lab_open_with(argv[1], &(struct hg_switch_config){ .cpu_port = 510, .workers = 2 }, LAB_MTU_1);
	test_ports_are_shared_out();
	test_order_and_counts();
	test_meter();
	lab_close();
	return 0;
}
