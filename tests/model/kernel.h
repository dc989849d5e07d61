/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel around the data path: packets and their sums, clock, chance, routes, sockets, and what becomes of a packet. */
#pragma once

#include <sanitizer/asan_interface.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "map.h"

#define KERNEL_ROOM 4096 /* of a packet's memory */
#define KERNEL_HEAD 258  /* before its first byte; the IP header is aligned to four */

enum kernel_way { WAY_NONE, WAY_OUT, WAY_STACK, WAY_PEER, WAY_NEIGH };

static struct net___routes kernel_net;
static struct net_device___net kernel_dev = { .nd_net.net = &kernel_net };
static struct sk_buff___fields kernel_skb = { .dev = &kernel_dev };

static struct {
	__u64 now;    /* ns */
	__u64 chance; /* state of the data path's own random numbers */
	__u8 *room;   /* below 4 GiB: a context's pointers have 32 bits */
	__u32 start, len, linear;
	enum kernel_way way;
	__u32 out; /* ifindex */
	__u32 clones;
	__s32 socks; /* held */
	__u32 taken; /* of the routes' caprice: neighbours that are not known, by chance */
	int (*next)(struct __sk_buff *ctx);
	jmp_buf jump;
	int (*timer)(void *map, int *key, void *value);
	bool (*route)(struct bpf_fib_lookup *q, long *ret);
	bool (*socket)(const struct bpf_sock_tuple *t, __u32 family, __u8 proto);
} kernel;

/* A failed expectation. */
static void __attribute__((noreturn, format(printf, 1, 2))) wrong(const char *text, ...);

static __u64 kernel_mix(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

__u64 bpf_ktime_get_coarse_ns(void)
{
	return kernel.now;
}

__u64 bpf_jiffies64(void)
{
	return kernel.now;
}

__u32 bpf_get_prandom_u32(void)
{
	return (__u32)kernel_mix(&kernel.chance);
}

long bpf_loop(__u32 n, void *callback, void *callback_ctx, __u64 flags)
{
	long (*f)(__u32, void *) = callback;
	__u32 i;

	if (n > 1 << 23)
		return -E2BIG;
	for (i = 0; i < n; i++)
		if (f(i, callback_ctx))
			return i + 1;
	return i;
}

long bpf_timer_init(struct bpf_timer *timer, void *map, __u64 flags)
{
	return 0;
}

long bpf_timer_set_callback(struct bpf_timer *timer, void *callback)
{
	kernel.timer = callback;
	return 0;
}

long bpf_timer_start(struct bpf_timer *timer, __u64 ns, __u64 flags)
{
	return 0;
}

void *bpf_cast_to_kern_ctx(void *ctx)
{
	(void)ctx;
	return &kernel_skb;
}

/* Only what is linear may be touched by pointers. */
static void kernel_show(struct __sk_buff *ctx)
{
	__u8 *at = kernel.room + kernel.start;

	ASAN_POISON_MEMORY_REGION(kernel.room, KERNEL_ROOM);
	ASAN_UNPOISON_MEMORY_REGION(at - ((__u64)at & 7), kernel.linear + ((__u64)at & 7));
	ctx->data = (__u32)(__u64)at;
	ctx->data_end = ctx->data + kernel.linear;
	ctx->data_meta = ctx->data; /* nothing stands before it */
	ctx->len = kernel.len;
	kernel_skb.mac_header = kernel.start;
}

/* Bytes of a packet for the helpers, which know no linear part; NULL if they are not there. */
static __u8 *kernel_bytes(__u32 at, __u32 n)
{
	if (at > kernel.len || n > kernel.len - at)
		return NULL;
	ASAN_UNPOISON_MEMORY_REGION(kernel.room, KERNEL_ROOM);
	return kernel.room + kernel.start + at;
}

long bpf_skb_load_bytes(const void *ctx, __u32 at, void *to, __u32 n)
{
	__u8 *b = kernel_bytes(at, n);

	if (!b) {
		memset(to, 0, n);
		return -EFAULT;
	}
	memcpy(to, b, n);
	kernel_show((void *)ctx);
	return 0;
}

long bpf_skb_store_bytes(struct __sk_buff *ctx, __u32 at, const void *from, __u32 n, __u64 flags)
{
	__u8 *b = kernel_bytes(at, n);

	if (!b)
		return -EFAULT;
	memcpy(b, from, n);
	if (kernel.linear < at + n)
		kernel.linear = at + n;
	kernel_show(ctx);
	return 0;
}

long bpf_skb_pull_data(struct __sk_buff *ctx, __u32 n)
{
	if (n > kernel.len)
		return -ENOMEM;
	if (kernel.linear < n)
		kernel.linear = n;
	kernel_show(ctx);
	return 0;
}

long bpf_skb_change_tail(struct __sk_buff *ctx, __u32 n, __u64 flags)
{
	__u32 least = ETH_HLEN;
	__u8 *b;

	if (kernel_skb.ip_summed == CHECKSUM_PARTIAL)
		least = kernel_skb.csum_start - kernel.start + kernel_skb.csum_offset + 2;
	if (n < least || n > KERNEL_ROOM - KERNEL_HEAD)
		return -EINVAL;
	b = kernel_bytes(0, 0);
	if (n > kernel.len)
		memset(b + kernel.len, 0, n - kernel.len);
	kernel.len = n;
	kernel.linear = n; /* a packet is made linear by this */
	ctx->gso_size = ctx->gso_segs = 0;
	kernel_show(ctx);
	return 0;
}

long bpf_skb_adjust_room(struct __sk_buff *ctx, __s32 diff, __u32 mode, __u64 flags)
{
	__u8 *b;

	if (mode != BPF_ADJ_ROOM_MAC || diff < 0 || (__u32)diff > kernel.start)
		return -ENOTSUP;
	if (ctx->protocol != bpf_htons(ETH_P_IP) && ctx->protocol != bpf_htons(ETH_P_IPV6))
		return -ENOTSUP;
	b = kernel_bytes(0, 0);
	memmove(b - diff, b, ETH_HLEN);
	memset(b - diff + ETH_HLEN, 0, diff);
	kernel.start -= diff;
	kernel.len += diff;
	kernel.linear += diff;
	kernel_show(ctx);
	return 0;
}

/* No network of the model has VLANs. */
long bpf_skb_vlan_push(struct __sk_buff *ctx, __be16 proto, __u16 tci)
{
	(void)ctx;
	(void)proto;
	(void)tci;
	return -EINVAL;
}

long bpf_skb_vlan_pop(struct __sk_buff *ctx)
{
	(void)ctx;
	return -EINVAL;
}

long bpf_skb_change_type(struct __sk_buff *ctx, __u32 type)
{
	ctx->pkt_type = type;
	return 0;
}

static __u32 kernel_add(__u32 a, __u32 b)
{
	a += b;
	return a + (a < b);
}

static __u16 kernel_fold(__u32 s)
{
	s = (s & 0xffff) + (s >> 16);
	return (s & 0xffff) + (s >> 16);
}

__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __wsum seed)
{
	__u32 s = seed;

	if ((from_size | to_size) & 3 || from_size + to_size > 512)
		return -EINVAL;
	for (__u32 i = 0; i < from_size / 4; i++)
		s = kernel_add(s, ~from[i]);
	for (__u32 i = 0; i < to_size / 4; i++)
		s = kernel_add(s, to[i]);
	return kernel.taken & 1 ? kernel_fold(s) : s; /* newer kernels fold it */
}

__s64 bpf_csum_update(struct __sk_buff *ctx, __wsum sum)
{
	return -ENOTSUP;
}

long bpf_l4_csum_replace(struct __sk_buff *ctx, __u32 at, __u64 from, __u64 to, __u64 flags)
{
	bool pseudo = flags & BPF_F_PSEUDO_HDR, mangled = flags & BPF_F_MARK_MANGLED_0;
	__u32 size = flags & BPF_F_HDR_FIELD_MASK, diff = (__u32)to;
	__u8 *b = at & 1 ? NULL : kernel_bytes(at, 2);
	__u16 sum;

	if (!b || (size != 0 && size != 2 && size != 4) || (!size && from))
		return size && b ? -EINVAL : -EFAULT;
	if (size)
		diff = kernel_add(~(__u32)from, (__u32)to);
	memcpy(&sum, b, sizeof(sum));
	if (!mangled || sum) {
		/* what is yet to be summed up holds the sum of the pseudo header alone, and not inverted */
		if (kernel_skb.ip_summed != CHECKSUM_PARTIAL)
			sum = ~kernel_fold(kernel_add(diff, (__u16)~sum));
		else if (pseudo)
			sum = kernel_fold(kernel_add(diff, sum));
		if (mangled && !sum)
			sum = 0xffff;
		memcpy(b, &sum, sizeof(sum));
	}
	kernel_show(ctx);
	return 0;
}

long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *q, int size, __u32 flags)
{
	long r = BPF_FIB_LKUP_RET_NOT_FWDED;

	if (size < (int)sizeof(*q))
		return -EINVAL;
	kernel.route(q, &r);
	return r;
}

long bpf_xdp_adjust_meta(struct xdp_md *xdp, int by)
{
	return -EOPNOTSUPP; /* no frames here */
}

long bpf_check_mtu(void *ctx, __u32 ifindex, __u32 *len, __s32 diff, __u64 flags)
{
	return *len + diff > 1500 ? BPF_MTU_CHK_RET_FRAG_NEEDED : BPF_MTU_CHK_RET_SUCCESS;
}

static long kernel_leave(enum kernel_way way, __u32 ifindex)
{
	kernel.way = way;
	kernel.out = ifindex;
	return TC_ACT_REDIRECT;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	return kernel_leave(flags & BPF_F_INGRESS ? WAY_STACK : WAY_OUT, ifindex);
}

long bpf_redirect_peer(__u32 ifindex, __u64 flags)
{
	return kernel_leave(WAY_PEER, ifindex);
}

long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *nh, int size, __u64 flags)
{
	if (flags || (nh && size < (int)sizeof(*nh)))
		return TC_ACT_SHOT;
	return kernel_leave(WAY_NEIGH, ifindex);
}

long bpf_clone_redirect(struct __sk_buff *ctx, __u32 ifindex, __u64 flags)
{
	kernel.clones++;
	return 0;
}

static struct bpf_sock *kernel_socket(struct bpf_sock_tuple *t, __u32 size, __u8 proto)
{
	static struct bpf_sock some;

	if (!kernel.socket(t, size == sizeof(t->ipv6) ? 6 : 4, proto))
		return NULL;
	kernel.socks++;
	return &some;
}

struct bpf_sock *bpf_skc_lookup_tcp(void *ctx, struct bpf_sock_tuple *t, __u32 size, __u64 netns, __u64 flags)
{
	return kernel_socket(t, size, IPPROTO_TCP);
}

struct bpf_sock *bpf_sk_lookup_udp(void *ctx, struct bpf_sock_tuple *t, __u32 size, __u64 netns, __u64 flags)
{
	return kernel_socket(t, size, IPPROTO_UDP);
}

long bpf_sk_release(void *sk)
{
	kernel.socks--;
	return 0;
}

/* What only the programs of sockets call; those are not run here. */
void *bpf_sk_storage_get(void *map, void *sk, void *value, __u64 flags)
{
	return NULL;
}

long bpf_spin_lock(struct bpf_spin_lock *lock)
{
	return 0;
}

long bpf_spin_unlock(struct bpf_spin_lock *lock)
{
	return 0;
}

__u64 bpf_get_netns_cookie(void *ctx)
{
	return 0;
}

void kernel_tail_call(struct __sk_buff *ctx, int (*program)(struct __sk_buff *))
{
	kernel.next = program;
	longjmp(kernel.jump, 1);
}

static void kernel_boot(__u64 seed, __u32 flows_max)
{
	static const size_t page = 4096;
	__u8 *at = (__u8 *)((__u64)&cfg & ~(page - 1));

	if (!kernel.room) {
		kernel.room =
			mmap(NULL, KERNEL_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		if (kernel.room == MAP_FAILED || mprotect(at, 2 * page, PROT_READ | PROT_WRITE))
			wrong("no memory");
	}
	/* the loader's part: these are constants for the programs alone */
	((struct nsf_cfg *)(__u64)&cfg)->flows_max = flows_max;
	((struct nsf_cfg *)(__u64)&cfg)->scrubs = seed & 1;
	((struct nsf_cfg *)(__u64)&cfg)->jiffy_ns = 1;
	kernel.chance = seed;
	kernel.taken = seed >> 1 & 1;
	kernel.now = 1000ULL << NSF_TICK_SHIFT;
}

/* A packet through a program and those that it jumps to; TC_ACT_*. The packet stands in kernel.room afterwards. */
static int kernel_run(int (*program)(struct __sk_buff *), struct __sk_buff *ctx, const __u8 *bytes, __u32 len,
		      __u32 linear)
{
	static int (*volatile at)(struct __sk_buff *);
	int r;

	ASAN_UNPOISON_MEMORY_REGION(kernel.room, KERNEL_ROOM);
	kernel.start = KERNEL_HEAD;
	kernel.len = len;
	kernel.linear = linear < len ? linear : len;
	kernel.way = WAY_NONE;
	kernel.out = kernel.clones = 0;
	memcpy(kernel.room + KERNEL_HEAD, bytes, len);
	kernel_show(ctx);
	at = program;
	if (setjmp(kernel.jump))
		at = kernel.next;
	r = at(ctx);
	ASAN_UNPOISON_MEMORY_REGION(kernel.room, KERNEL_ROOM);
	if (kernel.socks)
		wrong("a socket is still held");
	return r;
}
