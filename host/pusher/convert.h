/* SPDX-License-Identifier: Apache-2.0 */
/* Between the protocol's messages and the library's structures. */
#ifndef HG_CONVERT_H
#define HG_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "pusher.pb.h"
#include "streams.h"
#include "tcp.h"

/* -EBADMSG: not a Request, or a field longer than pusher.options allows. */
int hg_request_decode(const uint8_t *message, size_t length, hg_pb_Request *request, char *error);

/* -EINVAL: a value that no stream can have. */
int hg_spec_from_message(struct hg_stream_spec *spec, const hg_pb_StreamSpec *message, char *error);
void hg_spec_to_message(hg_pb_StreamSpec *message, const struct hg_stream_spec *spec);
void hg_stream_to_message(hg_pb_Stream *message, struct hg_named_stream *stream);
void hg_traffic_to_message(hg_pb_Counters *message, const struct hg_traffic *traffic);

void hg_content_spec_from_message(struct hg_content_spec *spec, const hg_pb_AddContent *request);
void hg_content_to_message(hg_pb_Content *message, const struct hg_content_status *status);
void hg_flow_to_message(hg_pb_Flow *message, const struct hg_flow_status *status);
/* -EINVAL: a value that no flow can have; `place` says which of a list's it is. */
int hg_flow_from_message(struct hg_flow_status *status, const hg_pb_Flow *message, uint32_t place, char *error);
int hg_flow_key_from_message(struct hg_flow_key *key, const hg_pb_FlowKey *message, uint32_t place, char *error);
void hg_cohort_event_to_message(hg_pb_CohortEvent *message, const struct hg_cohort_event *event);
void hg_cohort_to_message(hg_pb_Cohort *message, const struct hg_cohort_status *status);
void hg_cohort_member_to_message(hg_pb_CohortMemberState *message, const struct hg_member_status *status);
void hg_flow_counters_to_message(hg_pb_FlowCounters *message, const struct hg_engine_totals *totals);

#endif
