/* SPDX-License-Identifier: Apache-2.0 */
/* What the switch says of itself (hg_observe.h), over veth pairs. argv[1]: the test pipeline. */
#include "hg_observe.h"

#include "stage.h"
#include "switch_lab.h"

#define COPIES 3u

static struct hg_stage_cycles stages[HG_STAGES];

static void open_lab(const char *pipeline, bool measured)
{
	const struct hg_switch_config config = { .io = lab_io(), .cpu_port = 510, .stages = measured };

	lab_open_with(pipeline, &config, LAB_MTU_1);
}

/* So many frames, one after the other. */
static void send(uint16_t type, uint32_t count, uint64_t *ingress)
{
	uint8_t frame[64];

	lab_fill(frame, sizeof(frame), type);
	for (uint32_t i = 0; i < count; i++)
		lab_send(lab.host_1, frame, sizeof(frame));
	*ingress += count;
	EVENTUALLY(lab_stats().ingress_packets == *ingress);
}

static void add_group(void)
{
	struct hg_replica replicas[COPIES];

	for (uint32_t i = 0; i < COPIES; i++) {
		replicas[i] = (struct hg_replica){ .port = 2, .instance = i + 1 };
		lab_insert("rewrite", (uint16_t)(i + 1), "none", NULL, 0);
	}
	CHECK_EQUAL(hg_group_insert(lab.sw, 1, replicas, COPIES), 0);
}

/* Of each STAGE_SAMPLE packets the first is measured, with its copies. */
static void test_stages(const char *pipeline)
{
	uint64_t ingress = 0;

	open_lab(pipeline, true);
	add_group();
	send(TYPE_TO_2, STAGE_SAMPLE, &ingress);
	send(TYPE_GROUP, 1, &ingress);
	EVENTUALLY(lab_port(2).tx_packets == STAGE_SAMPLE + COPIES);
	EVENTUALLY((hg_stages_get(lab.sw, stages), stages[HG_STAGE_TRANSMIT].times == STAGE_SAMPLE + COPIES));
	CHECK(hg_stages_get(lab.sw, stages) > 0);
	CHECK_EQUAL(stages[HG_STAGE_PARSER].times, 2);
	CHECK_EQUAL(stages[HG_STAGE_INGRESS].times, 2);
	CHECK_EQUAL(stages[HG_STAGE_REPLICATION].times, COPIES);
	CHECK_EQUAL(stages[HG_STAGE_EGRESS].times, 1 + COPIES);
	for (uint32_t i = 0; i < HG_STAGES; i++)
		CHECK(stages[i].cycles > 0);
	lab_close();
}

static void test_off(const char *pipeline)
{
	uint64_t ingress = 0;

	open_lab(pipeline, false);
	send(TYPE_TO_2, 1, &ingress);
	EVENTUALLY(lab_port(2).tx_packets == 1);
	hg_stages_get(lab.sw, stages);
	for (uint32_t i = 0; i < HG_STAGES; i++) {
		CHECK_EQUAL(stages[i].cycles, 0);
		CHECK_EQUAL(stages[i].times, 0);
	}
	lab_close();
}

/* Packet-ins wait until somebody takes them. */
static void test_queues(const char *pipeline)
{
	uint8_t frame[HG_MAX_FRAME_BYTES];
	struct hg_queues queues;
	uint64_t ingress = 0;

	open_lab(pipeline, false);
	send(TYPE_CPU, 3, &ingress);
	EVENTUALLY((hg_queues_get(lab.sw, &queues), queues.packet_ins == 3));
	CHECK(hg_cpu_receive(lab.sw, frame, sizeof(frame)) > 0);
	hg_queues_get(lab.sw, &queues);
	CHECK_EQUAL(queues.packet_ins, 2);
	CHECK_EQUAL(queues.packet_outs, 0);
	CHECK_EQUAL(queues.digests, 0);
	CHECK(queues.packet_ins_max >= 3 && queues.packet_outs_max >= 3);
	CHECK_EQUAL(lab_port(2).tx_waiting, 0);
	lab_close();
}

int main(int argc, char **argv)
{
	CHECK_EQUAL(argc, 2);
	test_stages(argv[1]);
	test_off(argv[1]);
	test_queues(argv[1]);
	return 0;
}
