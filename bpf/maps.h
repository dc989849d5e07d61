/* SPDX-License-Identifier: GPL-2.0-only */
/* Every map and nothing else. Layouts are in include/nsfast; sizes that depend on cfg are set by the loader. */
#pragma once

#include "ctx.h"

/* A row of an array, by its index on the stack: from a global function's parameter Linux 6.1 takes no key. */
static __always_inline void *array_row(void *array, __u32 i)
{
	return bpf_map_lookup_elem(array, &i);
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32);   /* ifindex */
	__type(value, __u32); /* slot */
} nsf_ifaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NSF_IFACE_ROWS);
	__type(key, __u32);   /* ifindex % NSF_IFACE_ROWS */
	__type(value, __u32); /* slot */
} nsf_iface_rows SEC(".maps");

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
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_NETS_MAX);
	__type(key, struct nsf_subnet6);
	__type(value, __u32); /* network id */
} nsf_subnets6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_EXCEPTS_MAX);
	__type(key, struct nsf_except);
	__type(value, __u32); /* 1 */
} nsf_excepts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NSF_SNATS_MAX);
	__type(key, struct nsf_ext_key);
	__type(value, struct nsf_ext);
} nsf_exts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * NSF_SLOTS_MAX);
	__type(key, struct nsf_addr);
	__type(value, __u32); /* slot */
} nsf_addrs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32); /* slot */
	__type(value, struct nsf_share);
} nsf_shares SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * NSF_PUBLISH_MAX);
	__type(key, __u32);
	__type(value, struct nsf_publish);
} nsf_publish SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} nsf_publish_live SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_FDB_MAX);
	__type(key, struct nsf_fdb_key);
	__type(value, struct nsf_fdb);
} nsf_fdb SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32); /* slot */
	__type(value, struct nsf_trunk);
} nsf_trunks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* most networks have no querier */
	__uint(max_entries, NSF_GROUPS_MAX);
	__type(key, struct nsf_group_key);
	__type(value, struct nsf_group);
} nsf_groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, NSF_SLOTS_MAX);
	__type(key, __u32); /* slot */
	__type(value, struct nsf_listen);
} nsf_listens SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_QUERIERS_MAX);
	__type(key, struct nsf_querier_key);
	__type(value, struct nsf_querier);
} nsf_queriers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* NSF_KEYS(cfg.flows_max) */
	__type(key, struct nsf_flow_key);
	__type(value, struct nsf_flow_ref);
} nsf_flow_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* NSF_HINTS(cfg.flows_max) */
	__type(key, __u32);
	__type(value, struct nsf_hints);
} nsf_hints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NSF_UNGUESSED);
	__type(key, __u32); /* hash of an inner address */
	__type(value, __u32);
} nsf_unguessed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* page-aligned, so that each record is one cache line; and read by mmap */
	__uint(max_entries, 1);            /* cfg.flows_max */
	__type(key, __u32);                /* slot */
	__type(value, struct nsf_flow);
} nsf_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* cfg.flows_max */
	__type(key, __u32);     /* slot */
	__type(value, struct nsf_flow_count);
} nsf_flow_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1); /* cfg.flows_max */
	__type(value, struct nsf_flow_ref);
} nsf_flow_closed SEC(".maps");

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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NSF_HOPS);
	__type(key, __u32);
	__type(value, struct nsf_hop);
} nsf_hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NSF_ROUTES);
	__type(key, __u32);
	__type(value, struct nsf_route);
} nsf_routes SEC(".maps");

/* Next hops of what passes through, by interface and MAC: the tick in which the kernel's neighbour table was asked for
 * them. */
#define NSF_THROUGH_BITS 10
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << NSF_THROUGH_BITS);
	__type(key, __u32); /* hash */
	__type(value, __u32);
} nsf_through SEC(".maps");

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
	__uint(map_flags, BPF_F_NO_PREALLOC); /* most hosts have few */
	__uint(max_entries, NSF_MOVED_MAX);
	__type(key, struct nsf_moved_key);
	__type(value, __u32);
} nsf_moved SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_NETS_MAX);
	__type(key, __u32);   /* ifindex */
	__type(value, __u32); /* slot */
} nsf_uplinks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NSF_SLOTS_MAX + NSF_FRAG_OUTSIDE);
	__type(key, __u32);
	__type(value, struct nsf_frag_wait);
} nsf_frag_waits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NSF_FRAGS);
	__type(key, __u32);
	__type(value, struct nsf_frag);
} nsf_frags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NSF_FRAG_IDS);
	__type(key, __u32);
	__type(value, __u32);
} nsf_frag_ids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NSF_FRAG_MACS);
	__type(key, struct nsf_frag_mac_key);
	__type(value, struct nsf_frag_mac);
} nsf_frag_macs SEC(".maps");

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

/* Room for what the stack has none for; of one packet at a time, and of nsf_carry, which packets interrupt. */
struct nsf_scratch {
	__u8 bytes[2048];
};
enum nsf_scratch_row { NSF_SCRATCH_PACKET, NSF_SCRATCH_CARRY, NSF_SCRATCH_MAX };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NSF_SCRATCH_MAX);
	__type(key, __u32);
	__type(value, struct nsf_scratch);
} nsf_scratch SEC(".maps");

/*
 * Programs that packets go on to; made with the object and never changed, so that no packet meets old and new. IPv6 has
 * programs of its own: the verifier walks through either family's once, and not through each in every state of the other.
 */
enum nsf_jump {
	NSF_JUMP_OPEN,
	NSF_JUMP_ENTER,
	NSF_JUMP_HAIRPIN,
	NSF_JUMP_PORT4,
	NSF_JUMP_FROM_UP4,
	NSF_JUMP_PORT6,
	NSF_JUMP_FROM_UP6,
	NSF_JUMP_TO_UP6,
	NSF_JUMP_OPEN6,
	NSF_JUMP_ENTER6,
	NSF_JUMP_HAIRPIN6,
	NSF_JUMP_FRAG6,
	NSF_JUMP_MAX,
};

int nsf_open(struct __sk_buff *ctx);
int nsf_enter(struct __sk_buff *ctx);
int nsf_hairpin(struct __sk_buff *ctx);
int nsf_from_port4(struct __sk_buff *ctx);
int nsf_from_up4(struct __sk_buff *ctx);
int nsf_from_port6(struct __sk_buff *ctx);
int nsf_from_up6(struct __sk_buff *ctx);
int nsf_to_up6(struct __sk_buff *ctx);
int nsf_open6(struct __sk_buff *ctx);
int nsf_enter6(struct __sk_buff *ctx);
int nsf_hairpin6(struct __sk_buff *ctx);
int nsf_from_frag6(struct __sk_buff *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NSF_JUMP_MAX);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} nsf_jumps SEC(".maps") = {
	.values = {
		[NSF_JUMP_OPEN] = &nsf_open,
		[NSF_JUMP_ENTER] = &nsf_enter,
		[NSF_JUMP_HAIRPIN] = &nsf_hairpin,
		[NSF_JUMP_PORT4] = &nsf_from_port4,
		[NSF_JUMP_FROM_UP4] = &nsf_from_up4,
		[NSF_JUMP_PORT6] = &nsf_from_port6,
		[NSF_JUMP_FROM_UP6] = &nsf_from_up6,
		[NSF_JUMP_TO_UP6] = &nsf_to_up6,
		[NSF_JUMP_OPEN6] = &nsf_open6,
		[NSF_JUMP_ENTER6] = &nsf_enter6,
		[NSF_JUMP_HAIRPIN6] = &nsf_hairpin6,
		[NSF_JUMP_FRAG6] = &nsf_from_frag6,
	},
};

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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NSF_LOCALS_MAX);
	__type(key, struct nsf_local);
	__type(value, __u32); /* 1 */
} nsf_locals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct nsf_asked);
} nsf_asked SEC(".maps");
