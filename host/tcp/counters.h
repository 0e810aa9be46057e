/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that stateless TCP counts, by name: each pull and each push ends in one of these. */
#ifndef HG_TCP_COUNTERS_H
#define HG_TCP_COUNTERS_H

#include <stdint.h>

/* name, what it counts */
#define HG_TCP_COUNTERS(X)                                                              \
	X(pulls, "frames from the switch")                                              \
	X(pull_lost, "frames that the receive ring had no room for")                    \
	X(pull_malformed, "shorter than its own headers, or not a pull")                \
	X(pull_checksum, "client's TCP checksum wrong")                                 \
	X(pull_no_content, "for a content that is not here, or not ready")              \
	X(pull_unknown_unverified, "not in the switch's filter, and no flow of ours")   \
	X(pull_unknown_reset, "RST for no flow of ours")                                \
	X(pull_secret, "of a flow whose secret is gone")                                \
	X(pull_out_of_window, "client's sequence number outside our window")            \
	X(pull_old_ack, "acknowledges less than the last one did")                      \
	X(pull_ack_beyond, "acknowledges what was never sent")                          \
	X(pull_table_full, "a new flow, and no room for it")                            \
	X(flows_opened, "new connections")                                              \
	X(flows_adopted, "taken over in the middle, from the position alone")           \
	X(flows_restored, "found in the flow file after a restart")                     \
	X(flows_handed_over, "made from what another host, or the controller, knew of them") \
	X(flows_forgotten, "handed over to another host")                               \
	X(flows_unanswered, "asked where they stand, and never heard of: gone, or another host's") \
	X(flows_finished, "everything was acknowledged")                                \
	X(flows_replaced, "their ports were used for a new connection")                 \
	X(flows_reset_by_client, "RST received")                                        \
	X(flows_reset, "RST sent: content gone, or not known what was being sent")      \
	X(flows_timed_out, "no answer to too many retransmissions")                     \
	X(flows_idle, "no request came")                                                \
	X(requests_content, "answered 200")                                             \
	X(requests_head, "HEAD")                                                        \
	X(requests_not_modified, "answered 304")                                        \
	X(requests_bad, "answered 400")                                                 \
	X(requests_not_found, "answered 404: the content is withdrawn")                 \
	X(requests_method, "answered 405")                                              \
	X(requests_doubted, "first segment did not begin a request; waited for its retransmission") \
	X(segments, "pushes with payload")                                              \
	X(segment_bytes, "their payload")                                               \
	X(acks, "pushes that carry nothing of a response")                              \
	X(retransmits, "segments sent again")                                           \
	X(retransmit_bytes, "their payload")                                            \
	X(fast_recoveries, "losses found by duplicate or selective acknowledgements")   \
	X(spurious_recoveries, "of which nothing had been lost, only reordered")        \
	X(timeouts, "retransmission timeouts")                                          \
	X(tail_probes, "tail-loss probes")                                              \
	X(window_probes, "zero-window probes")                                          \
	X(resume_probes, "clients asked where they stand")                              \
	X(keep_alives, "clients' keep-alives answered")                                 \
	X(packet_too_big, "segments made smaller by an ICMP error")                     \
	X(icmp_ignored, "ICMP errors about no flow of ours, or that change nothing")    \
	X(beyond_response, "not sent, and the flow reset: it was not of the response")  \
	X(send_retries, "transmit queue full; sent later")                              \
	X(send_dropped, "given up after retries, or refused by the kernel")             \
	X(link_marks, "sent on the host link (docs/host-link.md)")                      \
	X(link_echoes, "of those, that the switch has sent back")                       \
	X(link_marks_lost, "of those, that were overtaken: frames beside them were lost, too") \
	X(link_silences, "times that the switch had sent none back for three seconds")  \
	X(link_waits, "times that a flow or a cohort had to wait for its turn on the host link") \
	X(link_wait_us, "microseconds in which some did")                               \
	X(contents_withdrawn, "a file changed or vanished")                             \
	X(cohorts, "begun to form")                                                     \
	X(cohorts_run, "of those, that began to push")                                  \
	X(cohort_joins, "members, also those that left before they got anything")       \
	X(cohort_late_joins, "members that came while it ran")                          \
	X(cohort_pushes, "group pushes, once for each group")                           \
	X(cohort_push_bytes, "their payload")                                           \
	X(cohort_delivered_bytes, "their payload, once for each member")                \
	X(cohort_repairs, "flow pushes of what a member had lost or come too late for") \
	X(cohort_repair_bytes, "their payload")                                         \
	X(cohort_group_repairs, "group pushes of what many had lost")                   \
	X(cohort_left_lone, "nobody else came")                                         \
	X(cohort_left_late, "the entry did not come in time")                           \
	X(cohort_left_all_sent, "everything was pushed")                                \
	X(cohort_left_behind, "held the others up")                                     \
	X(cohort_left_silent, "acknowledged nothing for a retransmission timeout")      \
	X(cohort_left_reset, "by the client")                                           \
	X(cohort_left_closed, "its flow ended otherwise")                               \
	X(cohort_left_path, "its path has changed, or takes smaller segments")          \
	X(cohort_left_dissolved, "the whole cohort: no progress, or no groups")

enum hg_tcp_counter {
#define X(name, text) HG_TCP_##name,
	HG_TCP_COUNTERS(X)
#undef X
	HG_TCP_COUNTER_COUNT
};

struct hg_tcp_counters {
	uint64_t values[HG_TCP_COUNTER_COUNT];
};

const char *hg_tcp_counter_name(enum hg_tcp_counter counter);

#endif
