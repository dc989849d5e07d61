/* SPDX-License-Identifier: GPL-2.0-only */
/* IGMP (RFC 2236, 3376) and MLD (RFC 2710, 3810) overheard: who listens to which group (RFC 4541). */
#pragma once

#include "share.h"
#include "vlan.h"

enum group_type {
	IGMP_REPORT_V1 = 0x12,
	IGMP_REPORT_V2 = 0x16,
	IGMP_LEAVE = 0x17,
	IGMP_REPORT_V3 = 0x22,
	MLD_REPORT = 131,
	MLD_DONE,
	MLD_REPORT_V2 = 143,
};

enum group_record { GROUP_IS_IN = 1, GROUP_IS_EX, GROUP_TO_IN, GROUP_TO_EX, GROUP_ALLOW, GROUP_BLOCK };

#define GROUP_RECORDS 64 /* of one report; who says more hears all groups */

/* What says who listens: where its body is, and what it is. */
struct group_said {
	struct __sk_buff *ctx;
	__u32 family;  /* 4, 6; 0: it says nothing of the kind */
	__u32 at;      /* offset of the message */
	__u32 type;    /* enum group_type */
	__u32 unnamed; /* its sender has no address: a proxy, behind which no router is */
};

static __always_inline bool group_alive(__u32 seen, __u32 now)
{
	return seen && (__s32)(now - seen) < NSF_GROUP_TICKS;
}

/* Room for what is looked at, one after the other: the stack has little. */
union group_bytes {
	struct iphdr ip;
	struct {
		__u8 next, len, options[6];
		__u8 type;
	} alert;
	__u8 byte;
};

static __always_inline bool group_load(const struct group_said *m, __u32 at, union group_bytes *b, __u32 n)
{
	return !bpf_skb_load_bytes(m->ctx, at, b, n);
}

static __always_inline void group_said4(struct group_said *m, union group_bytes *b)
{
	if (!group_load(m, ETH_HLEN, b, sizeof(b->ip)) || b->ip.protocol != IPPROTO_IGMP ||
	    b->ip.frag_off & bpf_htons(0x3fff))
		return;
	m->at = ETH_HLEN + b->ip.ihl * 4;
	m->unnamed = !b->ip.saddr;
	if (!group_load(m, m->at, b, sizeof(b->byte)))
		return;
	m->type = b->byte;
	m->family = 4;
}

/* Behind the hop-by-hop header with the router alert, and nothing else (RFC 2710 section 3). */
static __always_inline void group_said6(struct group_said *m, union group_bytes *b)
{
	const __u32 at = ETH_HLEN + sizeof(struct ipv6hdr);

	if (!group_load(m, ETH_HLEN + offsetof(struct ipv6hdr, nexthdr), b, sizeof(b->byte)) ||
	    b->byte != IPPROTO_HOPOPTS)
		return;
	if (!group_load(m, at, b, sizeof(b->alert)) || b->alert.next != IPPROTO_ICMPV6 || b->alert.len)
		return;
	m->type = b->alert.type;
	if (m->type != MLD_QUERY && m->type != MLD_REPORT && m->type != MLD_DONE && m->type != MLD_REPORT_V2)
		return;
	m->at = at + offsetof(typeof(b->alert), type);
	m->family = 6;
}

static __always_inline void group_said(struct group_said *m, __be16 ethertype)
{
	union group_bytes b;

	if (ethertype == bpf_htons(ETH_P_IP))
		group_said4(m, &b);
	else if (ethertype == bpf_htons(ETH_P_IPV6))
		group_said6(m, &b);
}

static __always_inline bool group_is_query(const struct group_said *m)
{
	return m->type == (m->family == 6 ? MLD_QUERY : IGMP_QUERY);
}

struct group_heard {
	struct group_said said;
	struct nsf_group_key key;
	__u32 now;
	__u32 next; /* offset of the next record */
};

/* Fills the MAC from the address of a group at an offset. */
static __always_inline bool group_mac(struct group_heard *h, __u32 at)
{
	__u8 *mac = h->key.mac;
	__u8 a[4] = {};

	if (h->said.family == 6)
		at += 12;
	if (bpf_skb_load_bytes(h->said.ctx, at, a, sizeof(a)))
		return false;
	mac[0] = h->said.family == 6 ? 0x33 : 0x01;
	mac[1] = h->said.family == 6 ? 0x33 : 0x00;
	mac[2] = h->said.family == 6 ? a[0] : 0x5e;
	mac[3] = h->said.family == 6 ? a[1] : a[1] & 0x7f;
	mac[4] = a[2];
	mac[5] = a[3];
	return true;
}

/* True if the port is known to listen from now on, and is counted. */
static __always_inline bool group_enter(const struct group_heard *h, struct nsf_listen *s, __u32 gen)
{
	struct nsf_group fresh = { .gen = gen, .seen = h->now }, *g = bpf_map_lookup_elem(&nsf_groups, &h->key);

	if (g && g->gen == gen) {
		g->seen = h->now;
		return true;
	}
	if (g) /* of an earlier port */
		bpf_map_delete_elem(&nsf_groups, &h->key);
	if (s->groups >= NSF_GROUPS_PORT || bpf_map_update_elem(&nsf_groups, &h->key, &fresh, BPF_NOEXIST))
		return false;
	__sync_fetch_and_add(&s->groups, 1);
	return true;
}

static __noinline void group_join(struct group_heard *h)
{
	const __u32 slot = h->key.slot;
	const struct nsf_port *port = array_row(&nsf_ports, slot);
	struct nsf_listen *s = array_row(&nsf_listens, slot);

	if (port && s && !group_enter(h, s, port->gen))
		s->all = h->now;
}

/* One less of a port. */
static __always_inline void group_uncount(__u32 slot)
{
	struct nsf_listen *s = array_row(&nsf_listens, slot);

	if (s)
		share_less(&s->groups);
}

static __noinline void group_leave(struct group_heard *h)
{
	struct nsf_group *g = bpf_map_lookup_elem(&nsf_groups, &h->key);

	if (g)
		g->seen = h->now - NSF_GROUP_TICKS + NSF_GROUP_LEFT;
}

/* One record of a report (RFC 3376 section 4.2.4, RFC 3810 section 5.2.5): sources are not told apart. */
static long group_record(__u32 i, struct group_heard *h)
{
	const __u32 size = h->said.family == 6 ? 16 : 4;
	struct {
		__u8 type, aux;
		__be16 sources;
	} r;
	__u32 at = h->next, sources;

	if (bpf_skb_load_bytes(h->said.ctx, at, &r, sizeof(r)))
		return 1;
	sources = bpf_ntohs(r.sources);
	h->next = at + sizeof(r) + size + sources * size + r.aux * 4;
	if (!group_mac(h, at + sizeof(r)) || r.type == GROUP_BLOCK)
		return 0;
	if (r.type == GROUP_IS_EX || r.type == GROUP_TO_EX || sources)
		group_join(h);
	else if (r.type != GROUP_ALLOW)
		group_leave(h);
	return 0;
}

static __always_inline void group_records(struct group_heard *h)
{
	struct nsf_listen *s = array_row(&nsf_listens, h->key.slot);
	__be16 n = 0;
	__u32 records;

	if (bpf_skb_load_bytes(h->said.ctx, h->said.at + 6, &n, sizeof(n)))
		return;
	records = bpf_ntohs(n);
	if (s && records > GROUP_RECORDS)
		s->all = h->now;
	h->next = h->said.at + 8;
	bpf_loop(records < GROUP_RECORDS ? records : GROUP_RECORDS, group_record, h, 0);
}

/* The time that listeners have to answer, in ticks, which are a little more than seconds: RFC 3376 section 4.1.1 (none:
 * version one, 10 s), RFC 3810 section 5.1.3. */
static __always_inline __u32 group_delay(const struct group_heard *h)
{
	const bool six = h->said.family == 6;
	__u8 code[2] = {};
	__u32 ms;

	if (bpf_skb_load_bytes(h->said.ctx, h->said.at + (six ? 4 : 1), code, six ? 2 : 1))
		return 0;
	if (six)
		ms = code[0] & 0x80 ? ((code[0] & 15u) | 16) << 8 << ((code[0] >> 4 & 7) + 3) : code[0] << 8 | code[1];
	else if (code[0] & 0x80)
		ms = 100 * (((code[0] & 15u) | 16) << ((code[0] >> 4 & 7) + 3));
	else
		ms = code[0] ? 100 * code[0] : 10000;
	return ms / 1000 + 1;
}

/*
 * True for a general query as hosts take it (RFC 3376 section 4.1.12 and 9, RFC 3810 section 5.1.14 and 9.1): what they do not
 * answer would make them all look as if they listened to nothing.
 */
static __noinline bool group_general4(struct __sk_buff *ctx)
{
	__be32 m[3] = {};
	struct {
		struct iphdr ip;
		__be32 option; /* the router alert */
	} h = {};
	__u32 head, n;

	if (bpf_skb_load_bytes(ctx, ETH_HLEN, &h, sizeof(h)))
		return false;
	head = h.ip.ihl * 4;
	n = bpf_ntohs(h.ip.tot_len) - head;
	if (head == sizeof(h.ip))
		h.option = 0;
	if ((head != sizeof(h.ip) && head != sizeof(h)) || h.ip.ttl != 1 || h.ip.daddr != bpf_htonl(0xe0000001) ||
	    sum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&h, sizeof(h), 0)) != 0xffff)
		return false;
	if (n == 8 ? bpf_skb_load_bytes(ctx, ETH_HLEN + head, m, 8)
		   : n != sizeof(m) || bpf_skb_load_bytes(ctx, ETH_HLEN + head, m, sizeof(m)))
		return false;
	return !m[1] && sum_fold(bpf_csum_diff(NULL, 0, m, sizeof(m), 0)) == 0xffff;
}

static __noinline bool group_general6(struct __sk_buff *ctx)
{
	const __u32 at = ETH_HLEN + sizeof(struct ipv6hdr) + 8;
	struct {
		struct ipv6hdr ip;
		__be16 alert[4];
	} h;
	__be32 m[7] = {};
	__u32 n;

	if (bpf_skb_load_bytes(ctx, ETH_HLEN, &h, sizeof(h)))
		return false;
	n = bpf_ntohs(h.ip.payload_len) - 8;
	if (h.ip.hop_limit != 1 || (h.ip.saddr.s6_addr32[0] & bpf_htonl(0xffc00000)) != bpf_htonl(0xfe800000) ||
	    h.ip.daddr.s6_addr32[0] != bpf_htonl(0xff020000) || h.ip.daddr.s6_addr32[3] != bpf_htonl(1) ||
	    h.ip.daddr.s6_addr32[1] | h.ip.daddr.s6_addr32[2])
		return false;
	/* an alert and padding, in either order */
	if (h.alert[2] || (h.alert[1] ^ bpf_htons(0x0502) || h.alert[3] ^ bpf_htons(0x0100)))
		if (h.alert[1] ^ bpf_htons(0x0100) || h.alert[2] ^ bpf_htons(0x0502) || h.alert[3])
			return false;
	if (n == 24 ? bpf_skb_load_bytes(ctx, at, m, 24) : n != sizeof(m) || bpf_skb_load_bytes(ctx, at, m, sizeof(m)))
		return false;
	if (m[2] | m[3] | m[4] | m[5])
		return false;
	return sum_fold(bpf_csum_diff(NULL, 0, m, sizeof(m), 0) + bpf_csum_diff(NULL, 0, h.ip.saddr.s6_addr32, 32, 0) +
			bpf_htonl(n) + bpf_htonl(IPPROTO_ICMPV6)) == 0xffff;
}

/* And one that gets to all. */
static __always_inline bool group_general(struct group_heard *h, const struct nsf_port *port)
{
	static const __u8 to4[6] __attribute__((aligned(2))) = { 1, 0, 0x5e, 0, 0, 1 };
	static const __u8 to6[6] __attribute__((aligned(2))) = { 0x33, 0x33, 0, 0, 0, 1 };
	const bool six = h->said.family == 6;

	if (bpf_skb_load_bytes(h->said.ctx, 0, h->key.mac, sizeof(h->key.mac)) ||
	    !mac_equal(h->key.mac, six ? to6 : to4) || port->flags & NSF_PORT_ISOLATED || share_stormy(h->key.slot))
		return false;
	return six ? group_general6(h->said.ctx) : group_general4(h->said.ctx);
}

/* A general query: soon it is known who listens, and where it came from is a router, which listens to all. */
static __always_inline void group_query(struct group_heard *h, const struct nsf_port *port)
{
	struct nsf_querier_key k = { .net = port->net, .vlan = h->key.vlan, .family = h->said.family };
	struct nsf_querier fresh = { .seen = h->now }, *q;
	struct nsf_listen *s = array_row(&nsf_listens, h->key.slot);

	if (!group_general(h, port))
		return;
	q = bpf_map_lookup_elem(&nsf_queriers, &k);
	fresh.from = q && group_alive(q->seen, h->now) ? q->from : h->now + group_delay(h);
	bpf_map_update_elem(&nsf_queriers, &k, &fresh, BPF_ANY);
	if (s && !h->said.unnamed)
		s->all = h->now;
}

/* Not static: verified once, see struct facts. tagged: behind a tag that is content, nobody but who takes it off is meant. */
__noinline int group_hear(struct __sk_buff *ctx, __u32 slot, __u32 ethertype, __u32 tagged)
{
	struct group_heard h = { .said.ctx = ctx, .key.slot = slot };
	const struct nsf_port *port = array_row(&nsf_ports, slot);
	const struct nsf_net *net = port ? array_row(&nsf_nets, port->net) : NULL;

	if (!net || net->flags & NSF_NET_NO_SNOOPING)
		return 0;
	if (tagged && (!(net->flags & NSF_NET_VLANS) || vlan_hides(ctx)))
		return 0;
	group_said(&h.said, ethertype);
	if (!h.said.family)
		return 0;
	h.now = tick();
	h.key.vlan = net->flags & NSF_NET_VLANS ? vlan_of(ctx, slot) : 0;
	if (group_is_query(&h.said))
		group_query(&h, port);
	else if (h.said.type == IGMP_REPORT_V3 || h.said.type == MLD_REPORT_V2)
		group_records(&h);
	else if (group_mac(&h, h.said.at + (h.said.family == 6 ? 8 : 4)))
		h.said.type == IGMP_LEAVE || h.said.type == MLD_DONE ? group_leave(&h) : group_join(&h);
	return 0;
}

/* What is for many may tell who listens to what. */
static __always_inline void group(const struct pkt *p)
{
	if (p->dmac[0] != 0xff)
		group_hear(p->ctx, p->slot, p->ethertype, p->tagged);
}

/* Which ports of the network hear the frame. */
enum group_for { GROUP_ALL, GROUP_LISTENERS, GROUP_ROUTERS };

/* Not static: verified once. */
__noinline int group_for(struct __sk_buff *ctx, __u32 net_id, __u32 vlan, __u32 ethertype)
{
	struct nsf_querier_key k = { .net = net_id, .vlan = vlan, .family = ethertype == bpf_htons(ETH_P_IP) ? 4 : 6 };
	struct group_said said = { .ctx = ctx };
	const struct nsf_querier *q;
	const __u32 now = tick();
	__u8 mac[6] = {};

	if (ethertype != bpf_htons(ETH_P_IP) && ethertype != bpf_htons(ETH_P_IPV6))
		return GROUP_ALL;
	q = bpf_map_lookup_elem(&nsf_queriers, &k);
	if (!q || !group_alive(q->seen, now))
		return GROUP_ALL;
	group_said(&said, ethertype);
	if (said.family)
		return group_is_query(&said) ? GROUP_ALL : GROUP_ROUTERS;
	if ((__s32)(now - q->from) < 0)
		return GROUP_ALL;
	if (bpf_skb_load_bytes(ctx, 0, mac, sizeof(mac)))
		return GROUP_ALL;
	/* 224.0.0.0/24 and ff02::1 are all hosts' on a link (RFC 4541 section 2.1.2, RFC 3810 section 6) */
	if (k.family == 4)
		return mac[0] == 1 && mac[2] == 0x5e && (mac[3] | mac[4]) ? GROUP_LISTENERS : GROUP_ALL;
	return mac[0] == 0x33 && (mac[2] | mac[3] | mac[4] || mac[5] != 1) ? GROUP_LISTENERS : GROUP_ALL;
}

/* True if the port at slot hears the group. */
static __always_inline bool group_listens(const struct nsf_port *to, __u32 slot, __u32 vlan, const __u8 *mac,
					  enum group_for whom)
{
	struct nsf_group_key k = { .slot = slot, .vlan = vlan };
	const struct nsf_listen *s = array_row(&nsf_listens, slot);
	const struct nsf_group *g;
	__u32 now = tick();

	if (!s || group_alive(s->all, now))
		return true;
	if (whom == GROUP_ROUTERS)
		return false;
	mac_copy(k.mac, mac);
	g = bpf_map_lookup_elem(&nsf_groups, &k);
	return g && g->gen == to->gen && group_alive(g->seen, now);
}
