/* SPDX-License-Identifier: Apache-2.0 */
/* What the client sends: a request, and whatever comes behind it. */
#include <arpa/inet.h>

#include "engine.h"

static void respond(struct hg_engine *engine, uint32_t index, enum hg_request_result result)
{
	static const struct {
		enum hg_response_kind kind;
		enum hg_tcp_counter counter;
	} answers[] = {
		[HG_REQUEST_GET] = { HG_RESPONSE_CONTENT, HG_TCP_requests_content },
		[HG_REQUEST_HEAD] = { HG_RESPONSE_HEAD, HG_TCP_requests_head },
		[HG_REQUEST_NOT_MODIFIED] = { HG_RESPONSE_NOT_MODIFIED, HG_TCP_requests_not_modified },
		[HG_REQUEST_METHOD] = { HG_RESPONSE_METHOD, HG_TCP_requests_method },
		[HG_REQUEST_BAD] = { HG_RESPONSE_BAD_REQUEST, HG_TCP_requests_bad },
	};
	struct hg_content *content = hg_contents_find(&engine->contents, hg_record_at(engine, index)->content);

	if (content->state != HG_CONTENT_READY && result != HG_REQUEST_BAD) {
		hg_count(engine, HG_TCP_requests_not_found);
		hg_flow_respond(engine, index, content, HG_RESPONSE_NOT_FOUND);
		return;
	}
	hg_count(engine, answers[result].counter);
	hg_flow_respond(engine, index, content, answers[result].kind);
}

/*
 * The first segment that is seen of a connection need not be its first: what does not
 * begin like a request is taken for one only when it comes a second time.
 */
static bool is_doubtful(struct hg_engine *engine, struct hg_flow *flow, const struct hg_request *request,
			enum hg_request_result result)
{
	if (flow->soft & (HG_SOFT_SYNCHRONISED | HG_SOFT_DOUBTED) ||
	    (result != HG_REQUEST_BAD && hg_request_line_seen(request)))
		return false;
	flow->soft |= HG_SOFT_DOUBTED;
	hg_count(engine, HG_TCP_requests_doubted);
	return true;
}

/* `data` is the next of the client's bytes; true: they were taken. */
static bool read_request(struct hg_engine *engine, uint32_t index, const uint8_t *data, uint32_t bytes)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	const struct hg_content *content = hg_contents_find(&engine->contents, record->content);
	struct hg_request request = record->request;
	enum hg_request_result result;

	/* Not acknowledged: the client asks again, and the content may be here by then. */
	if (!content || content->state == HG_CONTENT_PREPARING) {
		hg_count(engine, HG_TCP_pull_no_content);
		return false;
	}
	result = hg_request_read(&request, data, bytes, content->spec.etag);
	if (is_doubtful(engine, flow, &request, result))
		return false;
	flow->soft |= HG_SOFT_SYNCHRONISED;
	if (result == HG_REQUEST_MORE)
		__atomic_store(&record->request, &request, __ATOMIC_RELAXED);
	else
		respond(engine, index, result);
	return true;
}

void hg_stream_find_beginning(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);

	if (record->state != HG_FLOW_REQUEST || flow->soft & HG_SOFT_SYNCHRONISED ||
	    hg_ahead(pull->seq, record->request_start) >= 0)
		return;
	record->request_start = pull->seq;
	record->header.ack_no = htonl(pull->seq);
	flow->soft &= (uint8_t)~HG_SOFT_DOUBTED;
}

void hg_stream_read(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint32_t expected = ntohl(record->header.ack_no);
	int32_t old = hg_ahead(expected, pull->seq);
	bool fin = pull->tcp_flags & HG_TCP_FIN;
	uint32_t bytes = pull->data_bytes;

	if (bytes || fin)
		flow->soft |= HG_SOFT_ACK_DUE;
	if (old < 0 || (uint32_t)old > bytes || record->flags & HG_FLOW_CLIENT_FIN)
		return;
	if ((uint32_t)old < bytes && record->state == HG_FLOW_REQUEST &&
	    !read_request(engine, index, pull->data + old, bytes - (uint32_t)old)) {
		flow->soft &= (uint8_t)~HG_SOFT_ACK_DUE;
		return;
	}
	expected += bytes - (uint32_t)old;
	if (fin) {
		expected++;
		record->flags |= HG_FLOW_CLIENT_FIN;
		/* Nothing more will complete a request that is not complete. */
		if (record->state == HG_FLOW_REQUEST && hg_contents_find(&engine->contents, record->content))
			respond(engine, index, HG_REQUEST_BAD);
	}
	record->header.ack_no = htonl(expected);
}
