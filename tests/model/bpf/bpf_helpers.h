/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's helpers as the data path calls them, for a compiler that makes a program of user space. */
#pragma once

#include <stddef.h>
#include <linux/types.h>

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef __noinline
#define __noinline __attribute__((noinline))
#define SEC(name)
#define __hidden
#define __ksym
#undef __weak
#define __weak

/* no such thing outside of BPF */
#define preserve_access_index unused

/* As libbpf's: the description of a map is all in its type. */
#define __uint(name, val)  int(*name)[val]
#define __type(name, val)  typeof(val) *name
#define __array(name, val) typeof(val) *name[]

struct __sk_buff;
struct bpf_fib_lookup;
struct bpf_redir_neigh;
struct bpf_sock;
struct bpf_sock_tuple;
struct bpf_spin_lock;
struct bpf_timer;
struct xdp_md;

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_map_push_elem(void *map, const void *value, __u64 flags);
long bpf_map_pop_elem(void *map, void *value);
long bpf_for_each_map_elem(void *map, void *callback, void *callback_ctx, __u64 flags);
long bpf_loop(__u32 n, void *callback, void *callback_ctx, __u64 flags);

__u64 bpf_ktime_get_coarse_ns(void);
__u64 bpf_jiffies64(void);
__u32 bpf_get_prandom_u32(void);
long bpf_timer_init(struct bpf_timer *timer, void *map, __u64 flags);
long bpf_timer_set_callback(struct bpf_timer *timer, void *callback);
long bpf_timer_start(struct bpf_timer *timer, __u64 ns, __u64 flags);

long bpf_skb_load_bytes(const void *ctx, __u32 at, void *to, __u32 n);
long bpf_skb_store_bytes(struct __sk_buff *ctx, __u32 at, const void *from, __u32 n, __u64 flags);
long bpf_skb_pull_data(struct __sk_buff *ctx, __u32 n);
long bpf_skb_change_tail(struct __sk_buff *ctx, __u32 n, __u64 flags);
long bpf_skb_adjust_room(struct __sk_buff *ctx, __s32 diff, __u32 mode, __u64 flags);
long bpf_skb_change_type(struct __sk_buff *ctx, __u32 type);
long bpf_skb_vlan_push(struct __sk_buff *ctx, __be16 proto, __u16 tci);
long bpf_skb_vlan_pop(struct __sk_buff *ctx);
long bpf_l4_csum_replace(struct __sk_buff *ctx, __u32 at, __u64 from, __u64 to, __u64 flags);
__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __wsum seed);
__s64 bpf_csum_update(struct __sk_buff *ctx, __wsum sum);
long bpf_xdp_adjust_meta(struct xdp_md *xdp, int by);

long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *q, int size, __u32 flags);
long bpf_check_mtu(void *ctx, __u32 ifindex, __u32 *len, __s32 diff, __u64 flags);
long bpf_redirect(__u32 ifindex, __u64 flags);
long bpf_redirect_peer(__u32 ifindex, __u64 flags);
long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *nh, int size, __u64 flags);
long bpf_clone_redirect(struct __sk_buff *ctx, __u32 ifindex, __u64 flags);
struct bpf_sock *bpf_skc_lookup_tcp(void *ctx, struct bpf_sock_tuple *t, __u32 size, __u64 netns, __u64 flags);
struct bpf_sock *bpf_sk_lookup_udp(void *ctx, struct bpf_sock_tuple *t, __u32 size, __u64 netns, __u64 flags);
long bpf_sk_release(void *sk);
void *bpf_sk_storage_get(void *map, void *sk, void *value, __u64 flags);
long bpf_spin_lock(struct bpf_spin_lock *lock);
long bpf_spin_unlock(struct bpf_spin_lock *lock);
__u64 bpf_get_netns_cookie(void *ctx);

/* Does not come back, as in the kernel. */
void kernel_tail_call(struct __sk_buff *ctx, int (*program)(struct __sk_buff *));
#define bpf_tail_call_static(ctx, map, i) kernel_tail_call(ctx, (map)->values[i])
