/* SPDX-License-Identifier: Apache-2.0 */
#include "service_tcp.h"

#include <errno.h>

#include "convert.h"
#include "error.h"
#include "service_cohorts.h"

#define CONTENTS (sizeof(((hg_pb_ContentList *)0)->contents) / sizeof(hg_pb_Content))
#define FLOWS (sizeof(((hg_pb_FlowList *)0)->flows) / sizeof(hg_pb_Flow))

static int add_content(struct hg_service *service, char *error)
{
	struct hg_content_status status;
	struct hg_content_spec spec;
	int ret;

	hg_content_spec_from_message(&spec, &service->request.what.add_content);
	ret = hg_engine_add_content(service->engine, &spec, &status, error);
	if (ret)
		return ret;
	service->response.which_what = hg_pb_Response_content_tag;
	hg_content_to_message(&service->response.what.content, &status);
	return 0;
}

static int remove_content(struct hg_service *service, char *error)
{
	const hg_pb_RemoveContent *request = &service->request.what.remove_content;
	struct hg_content_status status;
	int ret = hg_engine_remove_content(service->engine, request->id, request->reset, &status, error);

	if (ret)
		return ret;
	service->response.which_what = hg_pb_Response_content_tag;
	hg_content_to_message(&service->response.what.content, &status);
	return 0;
}

/* One more than is sent is asked for: it tells where the rest begins. */
static int list_contents(struct hg_service *service)
{
	hg_pb_ContentList *answer = &service->response.what.contents;
	struct hg_content_status status;
	uint32_t from = service->request.what.list_contents.first;

	service->response.which_what = hg_pb_Response_contents_tag;
	answer->contents_count = 0;
	answer->next = 0;
	while (hg_engine_contents(service->engine, from, &status, 1)) {
		if (answer->contents_count == CONTENTS) {
			answer->next = status.spec.id;
			break;
		}
		hg_content_to_message(&answer->contents[answer->contents_count++], &status);
		from = status.spec.id + 1;
		if (from == 0)
			break;
	}
	return 0;
}

static int list_flows(struct hg_service *service)
{
	hg_pb_FlowList *answer = &service->response.what.flows;
	struct hg_flow_status statuses[FLOWS + 1];
	uint32_t count = hg_engine_flows(service->engine, service->request.what.list_flows.first, statuses, FLOWS + 1);

	service->response.which_what = hg_pb_Response_flows_tag;
	answer->next = count > FLOWS ? statuses[FLOWS].id : 0;
	answer->flows_count = (pb_size_t)(count > FLOWS ? FLOWS : count);
	for (uint32_t i = 0; i < answer->flows_count; i++)
		hg_flow_to_message(&answer->flows[i], &statuses[i]);
	return 0;
}

static int adopt_flows(struct hg_service *service, char *error)
{
	const hg_pb_AdoptFlows *request = &service->request.what.adopt_flows;
	struct hg_flow_status statuses[sizeof(request->flows) / sizeof(request->flows[0])];
	uint32_t made;
	int ret;

	for (uint32_t i = 0; i < request->flows_count; i++) {
		ret = hg_flow_from_message(&statuses[i], &request->flows[i], i + 1, error);
		if (ret)
			return ret;
	}
	ret = hg_engine_adopt_flows(service->engine, statuses, request->flows_count, &made, error);
	if (ret)
		return ret;
	service->response.which_what = hg_pb_Response_flows_changed_tag;
	service->response.what.flows_changed.flows = made;
	return 0;
}

static int forget_flows(struct hg_service *service, char *error)
{
	const hg_pb_ForgetFlows *request = &service->request.what.forget_flows;
	struct hg_flow_key keys[sizeof(request->flows) / sizeof(request->flows[0])];

	for (uint32_t i = 0; i < request->flows_count; i++) {
		int ret = hg_flow_key_from_message(&keys[i], &request->flows[i], i + 1, error);

		if (ret)
			return ret;
	}
	service->response.which_what = hg_pb_Response_flows_changed_tag;
	service->response.what.flows_changed.flows = hg_engine_forget_flows(service->engine, keys, request->flows_count);
	return 0;
}

static int flow_counters(struct hg_service *service)
{
	struct hg_engine_totals totals;

	hg_engine_totals(service->engine, &totals);
	service->response.which_what = hg_pb_Response_flow_counters_tag;
	hg_flow_counters_to_message(&service->response.what.flow_counters, &totals);
	return 0;
}

int hg_service_tcp(struct hg_service *service, char *error)
{
	if (service->request.which_what < hg_pb_Request_add_content_tag ||
	    service->request.which_what > hg_pb_Request_list_cohort_members_tag)
		return hg_fail(error, -ENOSYS, "the request asks for nothing that this pusher (%s) knows", HG_VERSION);
	if (!service->engine)
		return hg_fail(error, -ENOTSUP, "this pusher serves no contents");
	switch (service->request.which_what) {
	case hg_pb_Request_add_content_tag:
		return add_content(service, error);
	case hg_pb_Request_remove_content_tag:
		return remove_content(service, error);
	case hg_pb_Request_list_contents_tag:
		return list_contents(service);
	case hg_pb_Request_list_flows_tag:
		return list_flows(service);
	case hg_pb_Request_adopt_flows_tag:
		return adopt_flows(service, error);
	case hg_pb_Request_forget_flows_tag:
		return forget_flows(service, error);
	case hg_pb_Request_flow_counters_tag:
		return flow_counters(service);
	default:
		return hg_service_cohorts(service, error);
	}
}
