/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded switch: what a control plane may ask of it.
 *
 * All functions may be called from any thread; calls that change the same
 * switch are serialised by a mutex that the packet path never takes. A lookup
 * finds an entry as it was before a change or as it is after, never between;
 * pipeline, groups and ports change between two packets. Memory is freed after
 * every worker has passed a quiescent point.
 *
 * Functions return 0 (or a count) or a negative errno; those with `error` also
 * write one line of at most HG_ERROR_BYTES that says what and where.
 * This header is also what cffi reads (between the two CFFI markers): plain C,
 * no preprocessor inside.
 */
#ifndef HG_SWITCH_H
#define HG_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_ERROR_BYTES 512
#define HG_PORT_QUEUE_MS 50
#define HG_MAX_FRAME_BYTES 9234 /* jumbo MTU 9216 + Ethernet + one tag */

/* CFFI BEGIN */

struct hg_switch;

/* How frames leave by a port. */
enum hg_io {
	HG_IO_AUTO = 0,     /* the most of the following that the kernel takes */
	HG_IO_AFPACKET = 1, /* each by itself */
	HG_IO_SUPER = 2,    /* as super-frames; a port where the kernel does not take them is refused */
	HG_IO_FANOUT = 3,   /* those that are copies of one run also share its payload; likewise */
	/* Not one of those that HG_IO_AUTO chooses from: it passes by what tc has set up at the interface. */
	HG_IO_AFXDP = 4,    /* each by itself, through memory shared with the kernel; one worker */
};

struct hg_switch_config {
	enum hg_io io;
	uint32_t cpu_port;    /* 0: none */
	uint32_t max_groups;  /* multicast groups; 0: 65535 */
	uint32_t tx_frames;   /* that a port gathers before it hands them to the kernel; 0: 1,024, the most */
	uint32_t port_queue_ms; /* how long a frame waits for a port that has no room before it is dropped; 0: HG_PORT_QUEUE_MS */
	uint32_t workers;     /* threads that forward; 0: one. A port's frames are all one worker's */
	bool stages;          /* measure them: hg_observe.h */
	int trace_fd;         /* where each packet's way is printed, which is slow; 0: nowhere */
	const char *captures; /* the directory for captures of all ports (hg_observe.h); NULL: none are made */
};

int hg_switch_new(const struct hg_switch_config *config, struct hg_switch **sw, char *error);
/* Stops the workers, closes ports, frees everything. NULL is fine. */
void hg_switch_free(struct hg_switch *sw);

/*
 * Ports 1 to 511: a Linux interface each, in the network namespace of the thread
 * that made the switch. An interface that vanishes takes the port down, not the
 * switch; when one of that name is there again, the port goes on with it.
 */
int hg_port_add(struct hg_switch *sw, uint32_t port, const char *interface, char *error);
int hg_port_remove(struct hg_switch *sw, uint32_t port);
/* Bundles that come in by that port are cut up from now on. -ENOENT */
int hg_port_take_bundles(struct hg_switch *sw, uint32_t port);

struct hg_port_stats {
	uint32_t port;
	uint32_t worker; /* whose frames are the port's, from 0 */
	char interface[16];
	bool up;
	uint32_t mtu; /* bytes, the interface's */
	/* Of plain frames, also where they came or left in one super-frame or bundle. */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t rx_dropped;   /* receive ring full; longer than HG_MAX_FRAME_BYTES; super-frames that cannot be cut */
	uint64_t tx_dropped;   /* interface down or gone */
	uint64_t tx_overflowed; /* had waited for the kernel to have room for too long, or there was no room to wait in */
	uint64_t tx_oversized; /* longer than the interface's MTU allows */
	uint64_t tx_uncut;     /* long frames to be cut up that are no TCP or UDP, are wrong in a sum, or whose segments are too long */
	uint64_t tx_supers, tx_super_segments; /* super-frames, and the frames in them */
	uint64_t tx_fanned; /* super-frames that shared their payload with others */
	uint64_t rx_supers, rx_super_segments;
	uint64_t rx_bundles, rx_bundle_pushes;
	uint64_t rx_bundle_malformed; /* bundles of which the rest, from the first bad push on, was dropped */
	uint64_t captured;            /* frames in its capture files */
	uint64_t capture_lost;        /* those that came faster than the files were written */
	uint64_t capture_unwritten;   /* those that the files did not take */
	uint64_t tx_queued;           /* for which the kernel had no room at once, so that they waited */
	uint32_t queue_ms;            /* how long a frame may wait for that */
	uint32_t queue_frames;        /* now: frames, whole super-frames, that wait for the kernel to have room */
	uint32_t queue_bytes;         /* in them */
	uint32_t tx_waiting;          /* now: frames that are gathered and not yet handed to the kernel */
	uint32_t tx_kernel_bytes;     /* now: what the kernel holds of ours and has not sent, as it counts memory */
};
/* Up to `capacity` ports in ascending order; returns how many there are. */
int hg_port_list(struct hg_switch *sw, struct hg_port_stats *stats, uint32_t capacity);

/*
 * Pipelines. hg_pipeline_load() opens a shared object and makes its tables, with
 * the program's static entries; the packet path does not see it until
 * hg_pipeline_commit(), which replaces the running one (NULL until the first)
 * between two packets; the new one starts without groups. Everything below that
 * takes a `struct hg_loaded` works on that pipeline, committed or not.
 */
struct hg_loaded;
int hg_pipeline_load(struct hg_switch *sw, const char *path, struct hg_loaded **loaded, char *error);
/* An uncommitted or replaced pipeline; the running one may not be unloaded: -EBUSY. */
int hg_pipeline_unload(struct hg_switch *sw, struct hg_loaded *loaded);
/* -EBUSY: it is the running one already. */
int hg_pipeline_commit(struct hg_switch *sw, struct hg_loaded *loaded);
const char *hg_pipeline_digest(const struct hg_loaded *loaded);
/* Index of the object with that P4Info name, or -ENOENT. */
int hg_table_index(const struct hg_loaded *loaded, const char *name);
int hg_action_index(const struct hg_loaded *loaded, uint32_t table, const char *name);
int hg_counter_index(const struct hg_loaded *loaded, const char *name);
int hg_meter_index(const struct hg_loaded *loaded, const char *name);
int hg_register_index(const struct hg_loaded *loaded, const char *name);

/*
 * A table entry in flat form. key and mask are key_bytes long, fields in the
 * key's order, each in network order padded to whole bytes. mask: for ternary
 * and optional fields the mask, for range fields the upper bound (key holds the
 * lower), for lpm the prefix as a mask, for exact all ones; NULL for a table
 * whose fields are all exact. A key has no bits outside its mask, and no field or
 * parameter more bits than it is wide: -EINVAL. params: the action's parameters
 * in order, each in network order padded to whole bytes.
 */
struct hg_flat_entry {
	const uint8_t *key;
	const uint8_t *mask;
	int32_t priority; /* > 0 where the table has ternary, range or optional fields, else 0 */
	uint32_t action;  /* index in the table's actions */
	const uint8_t *params;
	uint32_t params_bytes;
	uint64_t cookie; /* the caller's own, returned by reads */
	uint64_t idle_timeout_ns; /* 0: none; where the table supports timeouts */
};

/* -EEXIST, -ENOENT, -ENOSPC (table full), -EINVAL (shape), -EPERM (const table) */
int hg_entry_insert(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry);
int hg_entry_modify(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry);
int hg_entry_delete(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry);
/* action UINT32_MAX: back to the program's own default. -EPERM for a const default. */
int hg_default_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, uint32_t action, const uint8_t *params, uint32_t params_bytes);

struct hg_counter_value {
	uint64_t packets;
	uint64_t bytes;
};

/* RFC 2698, rates per second in bytes or packets, as the meter counts. */
struct hg_meter_config {
	bool configured; /* false: everything is green */
	uint64_t cir, cburst, pir, pburst;
};

/* One entry as read. Pointers are into the snapshot; key and mask are NULL for a default entry alone. */
struct hg_read_entry {
	const uint8_t *key;
	const uint8_t *mask;
	const uint8_t *params;
	uint32_t params_bytes;
	int32_t priority;
	uint32_t action;
	bool is_const; /* declared by the program */
	uint64_t cookie;
	uint64_t idle_timeout_ns;
	uint64_t idle_ns; /* since it was hit, or inserted; where the table supports timeouts */
	struct hg_counter_value counter;
	struct hg_meter_config meter;
};

/*
 * A snapshot of a table, made under the writers' mutex; the caller frees it.
 * Entries in the order in which they were inserted.
 */
struct hg_snapshot;
int hg_table_snapshot(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, struct hg_snapshot **snapshot);
uint32_t hg_snapshot_count(const struct hg_snapshot *snapshot);
void hg_snapshot_get(const struct hg_snapshot *snapshot, uint32_t index, struct hg_read_entry *entry);
void hg_snapshot_free(struct hg_snapshot *snapshot);
/* The entry with entry's key, mask and priority alone; -ENOENT. */
int hg_entry_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry, struct hg_snapshot **snapshot);
/* The default entry. */
int hg_default_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, struct hg_snapshot **snapshot);
/*
 * The entries that were idle for their timeout, since they were last hit or last
 * here. `next_ns` is after how long the next one may be: UINT64_MAX for never.
 */
int hg_table_expired(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, struct hg_snapshot **snapshot, uint64_t *next_ns);
int hg_table_count(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table);

/* Direct counters and meters of one entry (entry NULL: the default entry). */
int hg_entry_counter_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry, const struct hg_counter_value *value);
int hg_entry_meter_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t table, const struct hg_flat_entry *entry, const struct hg_meter_config *config);

/* Indirect counters and meters: cells [first, first + count). -ERANGE beyond the end. */
int hg_counter_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t counter, uint32_t first, uint32_t count, struct hg_counter_value *values);
int hg_counter_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t counter, uint32_t index, const struct hg_counter_value *value);
int hg_meter_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t meter, uint32_t first, uint32_t count, struct hg_meter_config *configs);
int hg_meter_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t meter, uint32_t index, const struct hg_meter_config *config);

/*
 * Registers: cells [first, first + count), each in network order in as few whole
 * bytes as its bits take. A cell of up to 64 bits is read and written whole beside
 * the packets that use it; a wider one may be seen in the middle of a packet's write.
 */
int hg_register_get(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t reg, uint32_t first, uint32_t count, uint8_t *values);
int hg_register_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t reg, uint32_t first, uint32_t count, const uint8_t *value);

/*
 * Action profiles. A member is an action with its arguments, as in struct hg_flat_entry;
 * a choice is one member or those of a group, in the order in which a hash picks them,
 * one with a weight that often. An entry of a table with a profile has the action
 * "choice" with a choice's number. Numbers are the caller's, small ones; who uses what
 * the caller knows. -EINVAL (action, arguments, members that are not there)
 */
struct hg_chosen {
	uint32_t member;
	bool watch;    /* it is not chosen while `port` is down or not there */
	uint32_t port;
};
int hg_profile_index(const struct hg_loaded *loaded, const char *name);
int hg_profile_action_index(const struct hg_loaded *loaded, uint32_t profile, const char *name);
int hg_member_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t profile, uint32_t member, uint32_t action, const uint8_t *params, uint32_t params_bytes);
int hg_member_clear(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t profile, uint32_t member); /* -ENOENT, -EBUSY: a choice has it */
int hg_choice_set(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t profile, uint32_t choice, const struct hg_chosen *chosen, uint32_t count);
int hg_choice_clear(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t profile, uint32_t choice); /* -ENOENT; entries that have it choose nothing */

/*
 * The replication engine, of the running pipeline: -ENODEV while there is none.
 * A replica to a port that is not there is counted, not an error.
 */
struct hg_replica {
	uint32_t port;
	uint32_t instance; /* egress_rid */
};
/* -EEXIST, -ENOENT, -ENOSPC (max_groups), -EINVAL (id 0, more than 16 bits, or (port, instance) twice) */
int hg_group_insert(struct hg_switch *sw, uint32_t group, const struct hg_replica *replicas, uint32_t count);
int hg_group_modify(struct hg_switch *sw, uint32_t group, const struct hg_replica *replicas, uint32_t count);
int hg_group_delete(struct hg_switch *sw, uint32_t group);
/* Ids in ascending order, up to `capacity`; returns how many there are. */
int hg_group_list(struct hg_switch *sw, uint32_t *groups, uint32_t capacity);
/* Replicas in the order they were written, up to `capacity`; returns how many, or -ENOENT. */
int hg_group_get(struct hg_switch *sw, uint32_t group, struct hg_replica *replicas, uint32_t capacity);

/*
 * Clone sessions 1 to 32767, of the running pipeline. `max_bytes`, if not 0, is
 * what a clone keeps of its packet. Errors as above.
 */
int hg_session_insert(struct hg_switch *sw, uint32_t session, const struct hg_replica *replicas, uint32_t count, uint32_t max_bytes);
int hg_session_modify(struct hg_switch *sw, uint32_t session, const struct hg_replica *replicas, uint32_t count, uint32_t max_bytes);
int hg_session_delete(struct hg_switch *sw, uint32_t session);

/* The workers. Packets are dropped and counted while no pipeline runs. -EALREADY: it is started. */
int hg_switch_start(struct hg_switch *sw, char *error);
int hg_switch_stop(struct hg_switch *sw);
/*
 * No packet is worked on between the two, which one thread calls: what changes
 * meanwhile changes at once for packets. They wait where they were received.
 */
void hg_switch_hold(struct hg_switch *sw);
void hg_switch_release(struct hg_switch *sw);

/*
 * The CPU port. Packets that the pipeline sends there wait in a bounded queue;
 * the descriptor is readable while there are any (eventfd). Receive never
 * blocks: the frame's length, or -EAGAIN; -EMSGSIZE leaves the frame there.
 */
int hg_cpu_fd(struct hg_switch *sw);
int hg_cpu_receive(struct hg_switch *sw, uint8_t *frame, uint32_t capacity);
/* Into the pipeline as if received on the CPU port, once a worker runs. -ENOBUFS: the queue is full; -ENODEV: there is no CPU port. */
int hg_cpu_send(struct hg_switch *sw, const uint8_t *frame, uint32_t length);

/*
 * Digests. A pipeline sends one from as many places as it likes, each with an
 * index of its own under the same name. What it sends waits in a bounded queue,
 * if it is wanted (at first none is); the descriptor is readable while any wait.
 * Data is the fields one after the other, in network order, in whole bytes each.
 */
int hg_digest_fd(struct hg_switch *sw);
uint32_t hg_digest_count(const struct hg_loaded *loaded);
const char *hg_digest_name(const struct hg_loaded *loaded, uint32_t digest);
uint32_t hg_digest_bytes(const struct hg_loaded *loaded, uint32_t digest);
int hg_digest_want(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t digest, bool wanted);
/* The oldest ones, up to `capacity`: their indices, and their data as far apart as the longest digest is long. */
int hg_digest_receive(struct hg_switch *sw, struct hg_loaded *loaded, uint32_t *digests, uint8_t *data, uint32_t capacity);

/* Every packet that a switch lost outside the program's own decision, by reason. */
struct hg_switch_stats {
	uint64_t ingress_packets;
	uint64_t replicas;             /* made by the replication engine */
	uint64_t clones;
	uint64_t dropped_no_pipeline;
	uint64_t dropped_ingress;      /* the program's decision */
	uint64_t dropped_egress;       /* the program's decision */
	uint64_t dropped_no_group;     /* mcast_grp without a group */
	uint64_t dropped_no_port;      /* egress port that does not exist */
	uint64_t dropped_cpu_queue;    /* CPU queue full */
	uint64_t dropped_clones;       /* clones of clones of clones ... */
	uint64_t dropped_again;        /* resubmitted or recirculated too often, or too many at once */
	uint64_t dropped_assertions;   /* assert() or assume() of what does not hold */
	uint64_t dropped_stuck;        /* a loop in an action did not end */
	uint64_t dropped_digests;      /* digests, not packets: too many waited */
};
void hg_switch_stats_get(struct hg_switch *sw, struct hg_switch_stats *stats);

/*
 * In memory, without ports: run one frame through the running pipeline and hand
 * every output frame, the CPU port's too, to `output`, which may not call back
 * into the switch. For tests and benchmarks; -EBUSY while started.
 */
typedef void (*hg_output_fn)(void *opaque, uint32_t port, const uint8_t *frame, uint32_t length);
int hg_switch_inject(struct hg_switch *sw, uint32_t port, const uint8_t *frame, uint32_t length, hg_output_fn output, void *opaque);

/* CFFI END */

#endif
