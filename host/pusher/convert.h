/* SPDX-License-Identifier: Apache-2.0 */
/* Between the protocol's messages and the library's structures. */
#ifndef HG_CONVERT_H
#define HG_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "pusher.pb.h"
#include "streams.h"

/* -EBADMSG: not a Request, or a field longer than pusher.options allows. */
int hg_request_decode(const uint8_t *message, size_t length, hg_pb_Request *request, char *error);

/* -EINVAL: a value that no stream can have. */
int hg_spec_from_message(struct hg_stream_spec *spec, const hg_pb_StreamSpec *message, char *error);
void hg_spec_to_message(hg_pb_StreamSpec *message, const struct hg_stream_spec *spec);
void hg_stream_to_message(hg_pb_Stream *message, struct hg_named_stream *stream);
void hg_traffic_to_message(hg_pb_Counters *message, const struct hg_traffic *traffic);

#endif
