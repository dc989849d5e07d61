/* SPDX-License-Identifier: GPL-2.0-only */
/* Every map and nothing else. Layouts are in include/nsfast; sizes that depend on cfg are set by the loader. */
#pragma once

#include "ctx.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32);   /* ifindex */
	__type(value, __u32); /* slot */
} nsf_ifaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32); /* slot */
	__type(value, struct nsf_port);
} nsf_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32); /* slot */
	__type(value, struct nsf_names);
} nsf_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, NSF_NETS_MAX);
	__type(key, __u32); /* network id */
	__type(value, struct nsf_net);
} nsf_nets SEC(".maps");

/* Subnets that the outside may reach without translation (NSF_NET_ROUTED). */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_NETS_MAX);
	__type(key, struct nsf_subnet);
	__type(value, __u32); /* network id */
} nsf_subnets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NSF_FDB_MAX);
	__type(key, struct nsf_fdb_key);
	__type(value, struct nsf_fdb);
} nsf_fdb SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* 2 * cfg.flows_max */
	__type(key, struct nsf_flow_key);
	__type(value, struct nsf_flow_ref);
} nsf_flow_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* page-aligned, so that each record is one cache line; and read by mmap */
	__uint(max_entries, 1);            /* cfg.flows_max */
	__type(key, __u32);                /* slot */
	__type(value, struct nsf_flow);
} nsf_flows SEC(".maps");

/* Slots that were given back. A slot never given out yet is found by nsf_flow_state.fresh: nothing is filled at load. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE); /* oldest first: a slot rests before it is used again */
	__uint(max_entries, 1);           /* cfg.flows_max */
	__type(value, __u32);
} nsf_flow_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nsf_flow_state);
} nsf_flow_state SEC(".maps");

/* Sizes, not types: clang does not describe the types behind an inner map. */
struct nsf_ledger_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NSF_LEDGER_MAX * NSF_LEDGER_PORTS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct nsf_ledger));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, NSF_SNATS_MAX);
	__type(key, __u32);
	__array(values, struct nsf_ledger_map);
} nsf_ledgers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NSF_SNATS_MAX * NSF_LEDGER_MAX);
	__type(key, __u32);
	__type(value, __u32);
} nsf_used SEC(".maps");

/* Tick at which the last search of a range found nothing, by the same index times two, and one more from 1024 on. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * NSF_SNATS_MAX * NSF_LEDGER_MAX);
	__type(key, __u32);
	__type(value, __u32);
} nsf_full SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NSF_MOVED_MAX);
	__type(key, struct nsf_moved_key);
	__type(value, __u32);
} nsf_moved SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32); /* slot */
	__type(value, struct nsf_count);
} nsf_count SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NSF_NETS_MAX * NSF_DROP_STRIDE);
	__type(key, __u32);
	__type(value, __u64);
} nsf_drops SEC(".maps");

/* ICMP errors of ours: tick << 32 | sent in that tick, by the slot that caused them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32); /* slot */
	__type(value, __u64);
} nsf_icmp SEC(".maps");

struct nsf_sweep {
	struct bpf_timer timer;
	__u64 fdb_tick; /* tick at which the FDB was last swept */
	__u32 busy;     /* 1: a sweep is under way, and no other may begin */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nsf_sweep);
} nsf_sweep SEC(".maps");
