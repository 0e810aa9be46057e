/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "convert.h"

static_assert(sizeof(((hg_pb_CohortEvent *)0)->joined) / sizeof(hg_pb_CohortMember) >= HG_COHORT_EVENT_MEMBERS, "joined");
static_assert(sizeof(((hg_pb_CohortEvent *)0)->left) / sizeof(hg_pb_CohortLeft) >= HG_COHORT_EVENT_MEMBERS, "left");
static_assert(sizeof(((hg_pb_CohortEvent *)0)->groups) / sizeof(uint32_t) >= HG_COHORT_GROUPS_MAX, "groups");
static_assert(sizeof(((hg_pb_Cohort *)0)->left) / sizeof(uint32_t) >= HG_LEFT_REASONS, "reasons");
static_assert((int)hg_pb_CohortLeft_Reason_LONE == HG_LEFT_LONE, "reasons are numbered alike");
static_assert((int)hg_pb_CohortLeft_Reason_DISSOLVED == HG_LEFT_DISSOLVED, "reasons are numbered alike");
static_assert((int)hg_pb_Cohort_State_RUNNING == HG_COHORT_RUNNING, "states are numbered alike");

static void newcomer_to_message(hg_pb_CohortMember *message, const struct hg_cohort_newcomer *newcomer)
{
	const struct hg_flow_header *header = &newcomer->header;

	*message = (hg_pb_CohortMember){
		.instance = newcomer->instance,
		.client_port = ntohs(header->key.client_port),
		.service_port = ntohs(header->key.service_port),
		.vlan_tci = ntohs(header->vlan_tci),
		.port = ntohs(header->egress_port),
		.sequence_base = newcomer->base,
		.acknowledgement = ntohl(header->ack_no),
	};
	memcpy(message->client_address, header->key.client_addr, sizeof(message->client_address));
	memcpy(message->service_address, header->key.service_addr, sizeof(message->service_address));
	memcpy(message->client_mac, header->client_mac, sizeof(message->client_mac));
	memcpy(message->service_mac, header->service_mac, sizeof(message->service_mac));
}

void hg_cohort_event_to_message(hg_pb_CohortEvent *message, const struct hg_cohort_event *event)
{
	message->cohort = event->cohort;
	message->content = event->content;
	message->ended = event->ended;
	message->entered = event->entered;
	message->joined_count = (pb_size_t)event->joined_count;
	for (uint32_t i = 0; i < event->joined_count; i++)
		newcomer_to_message(&message->joined[i], &event->joined[i]);
	message->left_count = (pb_size_t)event->left_count;
	for (uint32_t i = 0; i < event->left_count; i++) {
		message->left[i].instance = event->left[i].instance;
		message->left[i].reason = (hg_pb_CohortLeft_Reason)event->left[i].reason;
	}
	message->groups_count = (pb_size_t)event->group_count;
	for (uint32_t i = 0; i < event->group_count; i++)
		message->groups[i] = event->groups[i];
}

void hg_cohort_to_message(hg_pb_Cohort *message, const struct hg_cohort_status *status)
{
	*message = (hg_pb_Cohort){
		.cohort = status->number,
		.content = status->content,
		.state = (hg_pb_Cohort_State)status->state,
		.members = status->members,
		.groups_count = (pb_size_t)status->group_count,
		.length = status->length,
		.sent = status->sent,
		.acked = status->acked,
		.segment_bytes = status->segment_bytes,
		.congestion_window = status->window,
		.rtt_microseconds = status->rtt_us,
		.age_microseconds = status->age_us,
		.pushes = status->pushes,
		.payload_bytes = status->payload_bytes,
		.repairs = status->repairs,
		.repair_bytes = status->repair_bytes,
		.group_repairs = status->group_repairs,
		.joined_late = status->joined_late,
		.left_count = HG_LEFT_REASONS,
	};
	for (uint32_t i = 0; i < status->group_count; i++)
		message->groups[i] = status->groups[i];
	memcpy(message->left, status->left, sizeof(status->left));
}

void hg_cohort_member_to_message(hg_pb_CohortMemberState *message, const struct hg_member_status *status)
{
	*message = (hg_pb_CohortMemberState){
		.instance = status->instance,
		.client_port = ntohs(status->key.client_port),
		.entered = status->entered,
		.acked = status->acked,
		.window = status->window,
		.repair_bytes = status->repair_bytes,
	};
	memcpy(message->client_address, status->key.client_addr, sizeof(message->client_address));
}
