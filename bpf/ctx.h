/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's and libbpf's headers, and what Debian 12's lack; the only place with #if. */
#pragma once

#include <stddef.h>
#include <stdbool.h>

/* <linux/icmp.h> asks for <linux/if.h>, which needs libc, for this constant alone. */
#define _LINUX_IF_H
#define IFNAMSIZ 16

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>

#include "nsfast/abi.h"
#include "nsfast/carry.h"
#include "nsfast/cfg.h"
#include "nsfast/count.h"
#include "nsfast/drop.h"
#include "nsfast/fdb.h"
#include "nsfast/flow.h"
#include "nsfast/frag.h"
#include "nsfast/group.h"
#include "nsfast/hop.h"
#include "nsfast/net.h"
#include "nsfast/port.h"
#include "nsfast/publish.h"
#include "nsfast/route.h"
#include "nsfast/share.h"
#include "nsfast/sock.h"
#include "nsfast/vlan.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Keeps the compiler from undoing a bound that the verifier must see. */
#define bounded(x) asm volatile("" : "+r"(x))

/* True if lo <= *x <= hi, and then every verifier knows: *x comes from what was compared. Of a copy that the compiler
 * compares instead of x those before 6.13 learn nothing, and that of 6.1 learns no minimum from x != 0. */
static __always_inline bool within(__u32 *x, __u32 lo, __u32 hi)
{
	__u32 over = *x - lo;

	bounded(over);
	if (over > hi - lo)
		return false;
	*x = over + lo;
	return true;
}

#define ADDR4(a, b, c, d) bpf_htonl((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#define AF_INET  2
#define AF_INET6 10

#define CLOCK_MONOTONIC 1

extern const volatile struct nsf_cfg cfg;

/* CLOCK_MONOTONIC_COARSE less jiffies: the kernel counts those by that clock, and reading them is a load, not a call. What
 * the two may come apart by, where a timer's interrupts are lost, the sweep makes good. */
__u64 clock_base;

static __always_inline void clock_set(void)
{
	clock_base = bpf_ktime_get_coarse_ns() - bpf_jiffies64() * cfg.jiffy_ns;
}

static __always_inline __u32 tick(void)
{
	return (bpf_jiffies64() * cfg.jiffy_ns + clock_base) >> NSF_TICK_SHIFT;
}

/* True if more seconds than these are over. What was seen a moment after now has a negative number of ticks. */
static __always_inline bool tick_over(__s32 ticks, __u32 seconds)
{
	return ticks > 0 && (__u64)ticks << NSF_TICK_SHIFT > seconds * 1000000000ULL;
}

/* Read anew each time: of one read, the compiler may copy the lower half, and then it is no pointer any more. */
static __always_inline void *ctx_data(struct __sk_buff *ctx)
{
	return (void *)(long)*(volatile __u32 *)&ctx->data;
}

static __always_inline void *ctx_data_end(struct __sk_buff *ctx)
{
	return (void *)(long)*(volatile __u32 *)&ctx->data_end;
}

/* What XDP has put before the packet, up to ctx_data(). */
static __always_inline void *ctx_meta(struct __sk_buff *ctx)
{
	return (void *)(long)*(volatile __u32 *)&ctx->data_meta;
}

/* The same of a frame at XDP. Bounded: else the compiler makes one load of it and of ctx_data(), at an offset it chooses. */
static __always_inline void *xdp_data(struct xdp_md *xdp)
{
	void *at = (void *)(long)*(volatile __u32 *)&xdp->data;

	bounded(at);
	return at;
}

static __always_inline void *xdp_data_end(struct xdp_md *xdp)
{
	void *at = (void *)(long)*(volatile __u32 *)&xdp->data_end;

	bounded(at);
	return at;
}

static __always_inline void *xdp_meta(struct xdp_md *xdp)
{
	void *at = (void *)(long)*(volatile __u32 *)&xdp->data_meta;

	bounded(at);
	return at;
}

/* Fields of the kernel's structs that the UAPI does not show. */
struct net___routes {
	struct {
		struct {
			int counter;
		} rt_genid; /* goes up with every change of what a lookup may say */
		bool fib_has_custom_rules;
		__u8 sysctl_fib_multipath_hash_policy; /* 0: by the addresses alone */
	} ipv4;
} __attribute__((preserve_access_index));

struct net_device___net {
	struct {
		struct net___routes *net;
	} nd_net;
} __attribute__((preserve_access_index));

struct sk_buff___fields {
	struct net_device___net *dev;
	__u8 ip_summed : 2;
	__u16 csum_start, csum_offset; /* from head */
	__u16 mac_header;              /* from head */
} __attribute__((preserve_access_index));

/* Where the kernel lends its struct itself (6.2), a field is a load; before, a call that may fault. The kernel's own list
 * of such functions tells which. */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

enum special_kfunc_type___ctx { KF_bpf_cast_to_kern_ctx___ctx };

#define ctx_lent() bpf_core_enum_value_exists(enum special_kfunc_type___ctx, KF_bpf_cast_to_kern_ctx___ctx)

/* <linux/skbuff.h>: the hardware has summed up all of the packet; the transport checksum is still to be filled in by whoever
 * puts it on a wire. */
#define CHECKSUM_COMPLETE 2
#define CHECKSUM_PARTIAL  3

static __always_inline __u32 ctx_summed(struct __sk_buff *ctx)
{
	struct sk_buff___fields *skb = (void *)ctx;

	if (!ctx_lent())
		return BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed);
	skb = bpf_cast_to_kern_ctx(ctx);
	return BPF_CORE_READ_BITFIELD(skb, ip_summed);
}

static __always_inline bool ctx_csum_partial(struct __sk_buff *ctx)
{
	return ctx_summed(ctx) == CHECKSUM_PARTIAL;
}

/* True unless the sender asks for a sum to be filled in elsewhere than at `field` of the header at offset l4. */
static __always_inline bool ctx_csum_at(struct __sk_buff *ctx, __u32 l4, __u32 field)
{
	struct sk_buff___fields *skb = (void *)ctx;

	if (!ctx_csum_partial(ctx))
		return true;
	if (!ctx_lent())
		return BPF_CORE_READ(skb, csum_start) == BPF_CORE_READ(skb, mac_header) + l4 &&
		       BPF_CORE_READ(skb, csum_offset) == field;
	skb = bpf_cast_to_kern_ctx(ctx);
	return skb->csum_start == skb->mac_header + l4 && skb->csum_offset == field;
}

#define ctx_has_route_id() bpf_core_field_exists(struct net___routes, ipv4.rt_genid.counter)

/* The packet's namespace, whose fields are read as the packet's are. */
static __always_inline struct net___routes *ctx_net(struct __sk_buff *ctx)
{
	struct sk_buff___fields *skb = (void *)ctx;
	struct net_device___net *dev;

	if (ctx_lent()) {
		skb = bpf_cast_to_kern_ctx(ctx);
		return skb->dev->nd_net.net;
	}
	dev = BPF_CORE_READ(skb, dev);
	return BPF_CORE_READ(dev, nd_net.net);
}

/* The number of the namespace's IPv4 routes, where the kernel has one; see rt_genid. */
static __always_inline __u32 ctx_route_id(struct __sk_buff *ctx)
{
	struct net___routes *net = ctx_net(ctx);

	return ctx_lent() ? net->ipv4.rt_genid.counter : BPF_CORE_READ(net, ipv4.rt_genid.counter);
}

/* True if no two IPv4 packets of the same addresses and type of service go different ways: no rule asks for more, and no route
 * that has several ways. */
static __always_inline bool ctx_routes_alike(struct __sk_buff *ctx)
{
	struct net___routes *net;

	if (!ctx_has_route_id() || !bpf_core_field_exists(struct net___routes, ipv4.fib_has_custom_rules) ||
	    !bpf_core_field_exists(struct net___routes, ipv4.sysctl_fib_multipath_hash_policy))
		return false;
	net = ctx_net(ctx);
	if (ctx_lent())
		return !net->ipv4.fib_has_custom_rules && !net->ipv4.sysctl_fib_multipath_hash_policy;
	return !BPF_CORE_READ(net, ipv4.fib_has_custom_rules) &&
	       !BPF_CORE_READ(net, ipv4.sysctl_fib_multipath_hash_policy);
}
