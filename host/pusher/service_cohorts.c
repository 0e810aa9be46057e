/* SPDX-License-Identifier: Apache-2.0 */
#include "service_cohorts.h"

#include <errno.h>

#include "convert.h"
#include "error.h"

#define COHORTS (sizeof(((hg_pb_CohortList *)0)->cohorts) / sizeof(hg_pb_Cohort))
#define MEMBERS (sizeof(((hg_pb_CohortMemberList *)0)->members) / sizeof(hg_pb_CohortMemberState))

/* An hour: far from where the times of the engine wrap. */
#define WINDOW_US_MAX 3600000000u

static int watch_cohorts(struct hg_service *service, char *error)
{
	const hg_pb_WatchCohorts *request = &service->request.what.watch_cohorts;

	if (request->window_microseconds > WINDOW_US_MAX || request->patience_microseconds > WINDOW_US_MAX)
		return hg_fail(error, -EINVAL, "window or patience of more than an hour");
	hg_engine_watch_cohorts(service->engine, request->window_microseconds, request->patience_microseconds,
				request->members, service->cohorts_changed);
	service->watch_begun = true;
	service->response.which_what = hg_pb_Response_cohort_event_tag;
	service->response.what.cohort_event = (hg_pb_CohortEvent)hg_pb_CohortEvent_init_zero;
	return 0;
}

static int enter_cohort(struct hg_service *service, char *error)
{
	const hg_pb_EnterCohort *request = &service->request.what.enter_cohort;
	const struct hg_cohort_entries entries = {
		.cohort = request->cohort,
		.groups = request->groups,
		.group_count = request->groups_count,
		.entered = request->entered,
		.entered_count = request->entered_count,
		.refused = request->refused,
		.refused_count = request->refused_count,
	};

	return hg_engine_enter_cohort(service->engine, &entries, error);
}

/* One more than is sent is asked for: it tells where the rest begins. */
static int list_cohorts(struct hg_service *service)
{
	hg_pb_CohortList *answer = &service->response.what.cohorts;
	struct hg_cohort_status statuses[COHORTS + 1];
	uint32_t count = hg_engine_cohorts(service->engine, service->request.what.list_cohorts.first, statuses, COHORTS + 1);

	service->response.which_what = hg_pb_Response_cohorts_tag;
	answer->next = count > COHORTS ? statuses[COHORTS].number : 0;
	answer->cohorts_count = (pb_size_t)(count > COHORTS ? COHORTS : count);
	for (uint32_t i = 0; i < answer->cohorts_count; i++)
		hg_cohort_to_message(&answer->cohorts[i], &statuses[i]);
	return 0;
}

static int list_members(struct hg_service *service, char *error)
{
	const hg_pb_ListCohortMembers *request = &service->request.what.list_cohort_members;
	hg_pb_CohortMemberList *answer = &service->response.what.cohort_members;
	struct hg_member_status statuses[MEMBERS + 1];
	int count = hg_engine_cohort_members(service->engine, request->cohort, request->first, statuses, MEMBERS + 1, error);

	if (count < 0)
		return count;
	service->response.which_what = hg_pb_Response_cohort_members_tag;
	answer->next = count > (int)MEMBERS ? statuses[MEMBERS].instance : 0;
	answer->members_count = (pb_size_t)(count > (int)MEMBERS ? (int)MEMBERS : count);
	for (uint32_t i = 0; i < answer->members_count; i++)
		hg_cohort_member_to_message(&answer->members[i], &statuses[i]);
	return 0;
}

int hg_service_cohorts(struct hg_service *service, char *error)
{
	switch (service->request.which_what) {
	case hg_pb_Request_watch_cohorts_tag:
		return watch_cohorts(service, error);
	case hg_pb_Request_enter_cohort_tag:
		return enter_cohort(service, error);
	case hg_pb_Request_list_cohorts_tag:
		return list_cohorts(service);
	default:
		return list_members(service, error);
	}
}
