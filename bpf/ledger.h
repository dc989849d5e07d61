/* SPDX-License-Identifier: GPL-2.0-only */
/* External ports: who holds which. The rules stand at struct nsf_ledger. */
#pragma once

#include "guess.h"
#include "maps.h"
#include "pkt.h"
#include "publish.h"

#define LEDGER_TRIES 8       /* times somebody else may be found in the moment of claiming or freeing */
#define LEDGER_WAITS 500000u /* looks, of some nanoseconds each, while he is */

enum ledger_result {
	LEDGER_OK,
	LEDGER_TAKEN, /* by another endpoint, or by a socket of the host */
	LEDGER_BUSY,  /* being claimed or freed at this moment */
	LEDGER_FULL,
	LEDGER_QUOTA, /* the endpoint's port has its share */
};

/* What is asked for, and the answer. Inner port and external port in host order. */
struct ledger_claim {
	__u64 owner; /* as in struct nsf_ledger */
	__u32 proto; /* enum nsf_ledger_proto */
	__u32 snat;  /* index in nsf_ledgers */
	__u32 kind;  /* PUBLISH_KIND() */
	__be32 ext;  /* IPv6: handle */
	__u16 inner;
	__u16 min, max;      /* the network's range */
	__u8 random, no_new; /* the inner port number is not tried; only what the endpoint holds already will do */
	__u32 low, n;        /* range of the search: low .. low + n - 1 */
	__u32 start;
	__u32 now;   /* tick */
	__u32 port;  /* answer */
	__u32 fresh; /* answer: the endpoint did not hold it before */
	__u32 found;
	struct bpf_sock_tuple tuple; /* as a packet from the peer carries it; the external port is filled in here */
};

static __always_inline __u64 ledger_owner(__be32 inner, __be16 port, __u32 net)
{
	return (__u64)inner << 32 | (__u32)port << 16 | net;
}

/* NSF_LEDGER_MAX for protocols without ports. */
static __always_inline __u32 ledger_proto(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return NSF_LEDGER_TCP;
	case IPPROTO_UDP:
		return NSF_LEDGER_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return NSF_LEDGER_ICMP;
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		return NSF_LEDGER_OTHER;
	}
	return NSF_LEDGER_MAX;
}

static __always_inline struct nsf_ledger *ledger_row(__u32 snat, __u32 proto, __u32 port)
{
	void *ledger = bpf_map_lookup_elem(&nsf_ledgers, &snat);
	__u32 i = proto * NSF_LEDGER_PORTS + port;

	return ledger ? bpf_map_lookup_elem(ledger, &i) : NULL;
}

static __always_inline void ledger_use(__u32 snat, __u32 proto, int n)
{
	__u32 i = snat * NSF_LEDGER_MAX + proto, *used = bpf_map_lookup_elem(&nsf_used, &i);

	if (used)
		__sync_fetch_and_add(used, n);
}

/* From now on the endpoint has that number; false if it has another one already, or if there is no room. */
static __always_inline bool ledger_move(const struct nsf_moved_key *k, __u32 port)
{
	guess_fails(k->owner >> 32, 1);
	if (!bpf_map_update_elem(&nsf_moved, k, &port, BPF_NOEXIST))
		return true;
	guess_fails(k->owner >> 32, -1);
	return false;
}

/* Who lost a race for another number gives that back, and the winner's stays. */
static __always_inline void ledger_unmove(__u32 snat, __u32 proto, __u32 port, __u64 owner)
{
	struct nsf_moved_key k = { .owner = owner, .proto = proto, .snat = snat };
	__u32 *moved = bpf_map_lookup_elem(&nsf_moved, &k);

	if (moved && *moved == port && !bpf_map_delete_elem(&nsf_moved, &k))
		guess_fails(owner >> 32, -1);
}

/* A range that was found full has a number again. */
static __always_inline void ledger_reopen(__u32 snat, __u32 proto)
{
	for (__u32 half = 0; half < 2; half++) {
		__u32 i = 2 * (snat * NSF_LEDGER_MAX + proto) + half, *full = bpf_map_lookup_elem(&nsf_full, &i);

		if (full && *full)
			*full = 0;
	}
}

/*
 * Functions that are not static are verified once, by themselves, and not again at each place and in each state from
 * which they are called.
 */

/* Gives one reference of the owner (0: whoever it is) back. 1: it was the last one, and the port is free. */
__noinline int ledger_put(__u32 snat, __u32 proto, __u32 port, __u64 owner)
{
	struct nsf_ledger *e = ledger_row(snat, proto, port);
	__u32 i, r;

	if (!e || (owner && *(volatile __u64 *)&e->owner != owner)) { /* the ledger was dropped with its address */
		ledger_unmove(snat, proto, port, owner);
		return 0;
	}
	for (i = 0; i < LEDGER_TRIES; i++) {
		r = *(volatile __u32 *)&e->refs;
		if (!r)
			return 0;
		if (__sync_val_compare_and_swap(&e->refs, r, r - 1) != r)
			continue;
		if (r > 1)
			return 0;
		ledger_unmove(snat, proto, port, e->owner);
		e->freed = tick();
		ledger_use(snat, proto, -1);
		ledger_reopen(snat, proto);
		__sync_lock_test_and_set(&e->owner, 0);
		return 1;
	}
	return 0;
}

/* One more reference to a port that the endpoint already holds. */
__noinline int ledger_join(__u32 snat, __u32 proto, __u32 port, __u64 owner)
{
	struct nsf_ledger *e = ledger_row(snat, proto, port);
	__u32 i, r;

	if (!e)
		return LEDGER_FULL;
	for (i = 0; i < LEDGER_TRIES; i++) {
		if (*(volatile __u64 *)&e->owner != owner)
			return LEDGER_BUSY;
		r = *(volatile __u32 *)&e->refs;
		if (!r || __sync_val_compare_and_swap(&e->refs, r, r + 1) != r)
			continue;
		if (*(volatile __u64 *)&e->owner == owner)
			return LEDGER_OK;
		ledger_put(snat, proto, port, 0); /* freed and taken by another in between */
		return LEDGER_BUSY;
	}
	return LEDGER_BUSY;
}

/* A free port becomes the endpoint's; one that it holds gets one more reference. */
__noinline int ledger_take(__u32 snat, __u32 proto, __u32 port, __u64 owner)
{
	struct nsf_ledger *e = ledger_row(snat, proto, port);
	__u64 was;

	if (!e)
		return LEDGER_FULL;
	was = __sync_val_compare_and_swap(&e->owner, 0, owner);
	if (was == owner)
		return ledger_join(snat, proto, port, owner);
	if (was)
		return LEDGER_TAKEN;
	__sync_lock_test_and_set(&e->refs, 1);
	ledger_use(snat, proto, 1);
	return LEDGER_OK;
}

/* True if a socket of the host would get a packet with these two ends: a listener, or a connection to that peer. */
static __always_inline bool ledger_socket(struct __sk_buff *ctx, struct bpf_sock_tuple *t, __u32 family, __u32 proto)
{
	__u32 size = family == 6 ? sizeof(t->ipv6) : sizeof(t->ipv4);
	struct bpf_sock *s;

	if (proto == NSF_LEDGER_TCP)
		s = bpf_skc_lookup_tcp(ctx, t, size, BPF_F_CURRENT_NETNS, 0);
	else if (proto == NSF_LEDGER_UDP)
		s = bpf_sk_lookup_udp(ctx, t, size, BPF_F_CURRENT_NETNS, 0);
	else
		return false;
	if (!s)
		return false;
	bpf_sk_release(s);
	return true;
}

/* True if the number is the host's own: by a socket, or by a publish. */
static __always_inline bool ledger_host_holds(struct __sk_buff *ctx, struct ledger_claim *c, __u32 port)
{
	if (c->proto == NSF_LEDGER_ICMP)
		return false;
	if (publish_find(c->kind, c->ext, port) >= 0)
		return true;
	if (c->kind >> 8 == 6)
		c->tuple.ipv6.dport = bpf_htons(port);
	else
		c->tuple.ipv4.dport = bpf_htons(port);
	return ledger_socket(ctx, &c->tuple, c->kind >> 8, c->proto);
}

/*
 * Step i of the search for another number: from a random start (hard to guess, RFC 7857 section 10), first through the
 * numbers of the inner port's parity (RFC 4787 REQ-4), then through the others. In the first steps ports freed lately
 * are left to rest, and what they have left alone is looked at again. A search of all numbers costs what one new flow
 * costs in the kernel's own NAT, and is not begun when none is free; a list of free ports would go out of step with
 * ports taken by their own number. The first steps jump, so that a long run of taken numbers does not cost a step each.
 */
#define LEDGER_RANDOM_STEPS  16
#define LEDGER_RESTFUL_STEPS 512

struct ledger_search {
	struct __sk_buff *ctx;
	struct ledger_claim *c;
	__u32 own;     /* numbers of the inner port's parity */
	__u32 restful; /* steps */
};

/* Number `nth` of the range, in the order of the search. */
static __always_inline __u32 ledger_nth(const struct ledger_search *s, __u32 nth)
{
	const struct ledger_claim *c = s->c;
	__u32 odd = (c->low ^ c->inner) & 1; /* the range begins with the other parity */

	if (nth < s->own)
		return c->low + odd + 2 * ((c->start + nth) % s->own);
	return c->low + !odd + 2 * ((c->start + nth) % (c->n - s->own));
}

static long ledger_step(__u32 i, struct ledger_search *s)
{
	struct ledger_claim *c = s->c;
	struct nsf_ledger *e;
	__u32 port;

	if (i < LEDGER_RANDOM_STEPS)
		port = ledger_nth(s, bpf_get_prandom_u32() % (s->own ? s->own : c->n));
	else
		port = ledger_nth(s, (i - LEDGER_RANDOM_STEPS) % c->n);
	e = ledger_row(c->snat, c->proto, port);
	if (!e || e->owner || (!port && c->proto != NSF_LEDGER_ICMP))
		return 0;
	if (i < s->restful && e->freed && c->now - e->freed < NSF_TICKS(NSF_LEDGER_REST))
		return 0;
	if (ledger_host_holds(s->ctx, c, port))
		return 0;
	c->port = port;
	c->found = 1;
	return 1;
}

static __always_inline enum ledger_result ledger_search(struct __sk_buff *ctx, struct ledger_claim *c)
{
	struct nsf_moved_key k = { .owner = c->owner, .proto = c->proto, .snat = c->snat };
	__u32 i = c->snat * NSF_LEDGER_MAX + c->proto, *used = bpf_map_lookup_elem(&nsf_used, &i), *full, port;
	struct ledger_search s = { .ctx = ctx, .c = c };
	int r;

	if (c->proto == NSF_LEDGER_ICMP) {
		c->low = 0;
		c->n = NSF_LEDGER_PORTS;
	} else if (c->inner < 1024) { /* RFC 4787 REQ-3a: well-known ports stay below 1024 */
		c->low = 0;
		c->n = 1024;
	} else {
		c->low = c->min;
		c->n = c->max - c->min + 1;
	}
	if (!c->n || !used || *used >= NSF_LEDGER_PORTS - 1)
		return LEDGER_FULL;
	i = 2 * i + (c->low >= 1024);
	full = bpf_map_lookup_elem(&nsf_full, &i);
	if (!full || *full == c->now) /* a search of a full range is long: one in each tick */
		return LEDGER_FULL;
	c->start = bpf_get_prandom_u32() % c->n;
	c->found = 0;
	s.own = (c->n + !((c->low ^ c->inner) & 1)) / 2;
	s.restful =
		c->n + LEDGER_RANDOM_STEPS < LEDGER_RESTFUL_STEPS ? c->n + LEDGER_RANDOM_STEPS : LEDGER_RESTFUL_STEPS;
	bpf_loop(s.restful + c->n, ledger_step, &s, 0);
	if (!c->found) {
		*full = c->now;
		return LEDGER_FULL;
	}
	r = ledger_take(c->snat, c->proto, c->port, c->owner);
	if (r != LEDGER_OK) /* another CPU was quicker */
		return r;
	/* Two CPUs may search for one endpoint: the first to say so decides, so that it has one external port. */
	port = c->port;
	if (ledger_move(&k, port)) {
		c->fresh = 1;
		return LEDGER_OK;
	}
	ledger_put(c->snat, c->proto, port, c->owner);
	return LEDGER_BUSY;
}

/* One try: the port that the endpoint holds already, its own number, or another. */
__noinline int ledger_try(struct __sk_buff *ctx, struct ledger_claim *c)
{
	struct nsf_moved_key k = {};
	struct nsf_ledger *e;
	__u32 *moved = NULL;
	int r;

	if (!c)
		return LEDGER_FULL;
	k.owner = c->owner;
	k.proto = c->proto;
	k.snat = c->snat;
	if (!guess_holds(c->owner >> 32))
		moved = bpf_map_lookup_elem(&nsf_moved, &k);
	c->port = moved ? *moved : c->inner;
	if (moved)
		return ledger_join(c->snat, c->proto, c->port, c->owner);
	e = ledger_row(c->snat, c->proto, c->port);
	if (!e)
		return LEDGER_FULL;
	if (*(volatile __u64 *)&e->owner == c->owner)
		return ledger_join(c->snat, c->proto, c->port, c->owner);
	if (c->no_new)
		return LEDGER_QUOTA;
	if (c->random || e->owner || ledger_host_holds(ctx, c, c->port))
		return ledger_search(ctx, c);
	r = ledger_take(c->snat, c->proto, c->port, c->owner);
	c->fresh = r == LEDGER_OK;
	return r == LEDGER_TAKEN ? ledger_search(ctx, c) : r;
}

struct ledger_wait {
	struct nsf_ledger *e;
	__u64 owner;
};

static long ledger_waits(__u32 i, struct ledger_wait *w)
{
	return *(volatile __u64 *)&w->e->owner != w->owner || *(volatile __u32 *)&w->e->refs;
}

/*
 * Another CPU is claiming the row for the same endpoint, or freeing it: two instructions, but its processor may be taken
 * from a virtual machine between them. As with a lock, one waits: for some milliseconds at most.
 */
__noinline int ledger_settle(__u32 snat, __u32 proto, __u32 port, __u64 owner)
{
	struct ledger_wait w = { .e = ledger_row(snat, proto, port), .owner = owner };

	return w.e ? bpf_loop(LEDGER_WAITS, ledger_waits, &w, 0) : 0;
}

/*
 * The external port of an endpoint. Takes a reference that ledger_put() gives back. Does not fail because another CPU
 * does the same.
 */
static __always_inline enum ledger_result ledger_claim(struct __sk_buff *ctx, struct ledger_claim *c)
{
	enum ledger_result r = LEDGER_BUSY;
	int i;

	for (i = 0; i < LEDGER_TRIES && (r == LEDGER_BUSY || r == LEDGER_TAKEN); i++) {
		if (i && r == LEDGER_BUSY)
			ledger_settle(c->snat, c->proto, c->port, c->owner);
		r = ledger_try(ctx, c);
	}
	return r;
}
