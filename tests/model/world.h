/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables as user space keeps them: two networks behind the same SNAT addresses, their ports, publishes, routes, sockets. */
#pragma once

#include "kernel.h"
#include "wire.h"

/*
 *   net 1  10.77.0.0/24, fd00:77::/64   managed .2 .3 .4 .5
 *   net 2  10.78.0.0/24, fd00:78::/64   managed .2 .3 .4 .5
 *   both behind 198.51.100.1 and .3 (ledgers 0, 1) and 2001:db8::1 (ledger 2); the host's own address is .2
 */
#define WORLD_NETS     2
#define WORLD_PORTS    4 /* of each network */
#define WORLD_LEDGERS  3
#define WORLD_SLOTS    32
#define WORLD_UPLINK   50
#define WORLD_RULES    12
#define WORLD_SOCKETS  6
#define WORLD_GW(net)  ((net)*10)
#define WORLD_IF(slot) (100 + (slot))

struct world_port {
	__u32 slot, net;
	bool there;
	__u8 mac[6];
	__u8 addr4[4], addr6[16];
};

static struct world {
	struct world_port ports[WORLD_NETS * WORLD_PORTS];
	struct nsf_publish rules[WORLD_RULES];
	__u32 n_rules;
	struct {
		__u16 port;
		__u8 proto;
	} sockets[WORLD_SOCKETS];
	__u32 n_sockets;
	__u32 half; /* of the publishes' table */
} world;

static const __u8 world_up_mac[6] = { 2, 0, 0, 0, 0, 0x50 }, world_router[6] = { 2, 0, 0, 0, 0, 0xfe };
static const __u8 world_snat[2][4] = { { 198, 51, 100, 1 }, { 198, 51, 100, 3 } }, world_own[4] = { 198, 51, 100, 2 };
static const __u8 world_snat6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

static void *world_row(void *map, __u32 i)
{
	return map_row(map_of(map), i);
}
#define ROW(map, i) ((typeof(map.value))world_row(&map, i))

static __be32 world_be(const __u8 *a)
{
	__be32 v;

	memcpy(&v, a, sizeof(v));
	return v;
}

static __be32 world_handle(const __u8 *a, __u8 family)
{
	__u32 words[4];

	if (family == 4)
		return world_be(a);
	memcpy(words, a, sizeof(words));
	return nsf_handle6(words, ROW(nsf_flow_state, 0)->handle_key);
}

static bool world_private(const __u8 *a, __u8 family)
{
	return family == 4 ? a[0] == 10 : a[0] == 0xfd;
}

/* The SNAT addresses and the host's own one. */
static bool world_external(const __u8 *a, __u8 family)
{
	if (family == 6)
		return !memcmp(a, world_snat6, 16);
	return !memcmp(a, world_snat[0], 4) || !memcmp(a, world_snat[1], 4);
}

static bool world_local(const __u8 *a, __u8 family)
{
	return world_external(a, family) || (family == 4 && !memcmp(a, world_own, 4)) ||
	       (world_private(a, family) && a[family == 4 ? 3 : 15] == 1);
}

static struct world_port *world_port_at(__u32 ifindex)
{
	for (__u32 i = 0; i < WORLD_NETS * WORLD_PORTS; i++)
		if (world.ports[i].there && WORLD_IF(world.ports[i].slot) == ifindex)
			return &world.ports[i];
	return NULL;
}

static bool world_route(struct bpf_fib_lookup *q, long *ret)
{
	__u8 family = q->family == AF_INET6 ? 6 : 4, a[16];
	__u32 net;

	memcpy(a, q->ipv6_dst, sizeof(a));
	*ret = BPF_FIB_LKUP_RET_NOT_FWDED;
	if (world_local(a, family))
		return false;
	net = family == 4 ? a[1] - 76 : a[3] - 0x76;
	if (family == 4 && a[0] == 203 && a[3] == 99) {
		*ret = BPF_FIB_LKUP_RET_UNREACHABLE;
		return false;
	}
	if (q->tot_len > (a[family == 4 ? 3 : 15] == 77 ? 1000 : 1500)) {
		*ret = BPF_FIB_LKUP_RET_FRAG_NEEDED;
		q->mtu_result = a[family == 4 ? 3 : 15] == 77 ? 1000 : 1500;
		return false;
	}
	*ret = BPF_FIB_LKUP_RET_SUCCESS;
	q->mtu_result = 1500;
	q->ifindex = WORLD_UPLINK;
	if (world_private(a, family) && net - 1 < WORLD_NETS)
		q->ifindex = WORLD_IF(WORLD_GW(net));
	if (kernel.taken & 2) {
		*ret = BPF_FIB_LKUP_RET_NO_NEIGH;
		return false;
	}
	memcpy(q->smac, world_up_mac, 6);
	memcpy(q->dmac, world_router, 6);
	return true;
}

/* Sockets listen on all addresses of the host. */
static bool world_listens(__u16 port, __u8 proto)
{
	for (__u32 i = 0; i < world.n_sockets; i++)
		if (world.sockets[i].port == port && world.sockets[i].proto == proto)
			return true;
	return false;
}

static bool world_socket(const struct bpf_sock_tuple *t, __u32 family, __u8 proto)
{
	return world_listens(bpf_ntohs(family == 6 ? t->ipv6.dport : t->ipv4.dport), proto);
}

static void world_set_snat(struct nsf_net *n, __u32 n_snat)
{
	n->n_snat = (__u8)n_snat;
	n->n_snat6 = 1;
	for (__u32 i = 0; i < NSF_POOL_MAX; i++) {
		n->snat[i].addr = world_be(world_snat[i % n_snat]);
		n->snat[i].ledger = (__u16)(i % n_snat);
		n->snat6[i].addr = world_handle(world_snat6, 6);
		n->snat6[i].ledger = 2;
		memcpy(n->pool6[i], world_snat6, 16);
	}
}

static void world_net(__u32 id, __u32 flags, __u32 n_snat, __u32 range)
{
	struct nsf_net *n = ROW(nsf_nets, id);
	__u32 gw = WORLD_GW(id), slot;

	*n = (struct nsf_net){ .name = "n",
			       .gateway = WORLD_IF(gw),
			       .fib = 300 + id,
			       .uplink = WORLD_UPLINK,
			       .mtu = 1500,
			       .addr4 = bpf_htonl(0x0a000001 | (76 + id) << 16),
			       .mask4 = bpf_htonl(0xffffff00),
			       .addr6 = { 0xfe, 0x80, [15] = (__u8)id },
			       .gateway6 = { 0xfd, 0, 0, (__u8)(0x76 + id), [15] = 1 },
			       .plen6 = 64,
			       .port_min = 1024,
			       .port_max = (__u16)(1023 + range),
			       .gateway_slot = (__u16)gw,
			       .uplink_slot = (__u16)(gw + 1),
			       .mac = { 2, 0, 0, 1, 0, (__u8)id },
			       .flags = flags | NSF_NET_SNAT | NSF_NET_SNAT6 | NSF_NET_PUBLISH };
	memcpy(n->uplink_mac, world_up_mac, 6);
	world_set_snat(n, n_snat);
#define WORLD_TIMEOUT(name, key, seconds, floor) n->timeout[NSF_TIMEOUT_##name] = seconds;
	NSF_TIMEOUTS(WORLD_TIMEOUT)
	*ROW(nsf_ports, gw) = (struct nsf_port){ .ifindex = WORLD_IF(gw),
						 .gen = 1,
						 .mtu = 1500,
						 .net = (__u16)id,
						 .vlan = NSF_VLAN_DEFAULT,
						 .role = NSF_ROLE_GATEWAY };
	memcpy(ROW(nsf_ports, gw)->mac, n->mac, 6);
	*ROW(nsf_ports, gw + 1) = (struct nsf_port){ .gen = 1, .net = (__u16)id, .role = NSF_ROLE_UPLINK };
	slot = gw;
	bpf_map_update_elem(&nsf_ifaces, &(__u32){ WORLD_IF(gw) }, &slot, BPF_ANY);
	bpf_map_update_elem(&nsf_iface_rows, &(__u32){ WORLD_IF(gw) }, &slot, BPF_ANY);
}

static void world_port_set(struct world_port *p, const __u32 limits[3])
{
	struct nsf_port *row = ROW(nsf_ports, p->slot);
	struct nsf_addr k4 = { .addr = world_be(p->addr4), .net = (__u16)p->net, .family = 4 };
	struct nsf_addr k6 = { .addr = world_handle(p->addr6, 6), .net = (__u16)p->net, .family = 6 };
	__u32 gen = row->gen + 1;

	*ROW(nsf_shares, p->slot) =
		(struct nsf_share){ .max_flows = limits[0], .max_half = limits[1], .max_ports = limits[2] };
	*row = (struct nsf_port){ .ifindex = WORLD_IF(p->slot),
				  .gen = gen,
				  .mtu = 1500,
				  .addr4 = k4.addr,
				  .handle6 = k6.addr,
				  .net = (__u16)p->net,
				  .role = NSF_ROLE_PORT,
				  .vlan = NSF_VLAN_DEFAULT,
				  .flags = NSF_PORT_PEER | NSF_PORT_MANAGED };
	memcpy(row->mac, p->mac, 6);
	memcpy(row->addr6, p->addr6, 16);
	bpf_map_update_elem(&nsf_ifaces, &(__u32){ WORLD_IF(p->slot) }, &p->slot, BPF_ANY);
	bpf_map_update_elem(&nsf_iface_rows, &(__u32){ WORLD_IF(p->slot) }, &p->slot, BPF_ANY);
	bpf_map_update_elem(&nsf_addrs, &k4, &p->slot, BPF_ANY);
	bpf_map_update_elem(&nsf_addrs, &k6, &p->slot, BPF_ANY);
	p->there = true;
}

static void world_port_gone(struct world_port *p)
{
	struct nsf_port *row = ROW(nsf_ports, p->slot);
	struct nsf_addr k4 = { .addr = world_be(p->addr4), .net = (__u16)p->net, .family = 4 };
	struct nsf_addr k6 = { .addr = world_handle(p->addr6, 6), .net = (__u16)p->net, .family = 6 };

	bpf_map_delete_elem(&nsf_ifaces, &(__u32){ WORLD_IF(p->slot) });
	bpf_map_delete_elem(&nsf_addrs, &k4);
	bpf_map_delete_elem(&nsf_addrs, &k6);
	row->gen++;
	row->role = NSF_ROLE_NONE;
	p->there = false;
}

static int world_order(const void *a, const void *b)
{
	const struct nsf_publish *x = a, *y = b;
	__u64 v = publish_order(PUBLISH_KIND(x->family, x->proto), x->addr, x->first);
	__u64 w = publish_order(PUBLISH_KIND(y->family, y->proto), y->addr, y->first);

	return v < w ? -1 : v > w;
}

/* Into the half that is not live, then that one is. */
static void world_rules(void)
{
	qsort(world.rules, world.n_rules, sizeof(world.rules[0]), world_order);
	world.half = !world.half;
	for (__u32 i = 0; i < world.n_rules; i++)
		*ROW(nsf_publish, world.half * NSF_PUBLISH_MAX + i) = world.rules[i];
	*ROW(nsf_publish_live, 0) = world.half << NSF_PUBLISH_HALF | world.n_rules;
}

static void world_exts(__u32 range)
{
	struct nsf_ext_key k = { .family = 4 };
	struct nsf_ext e = { .port_min = 1024, .port_max = (__u16)(1023 + range) };

	for (__u32 i = 0; i < 2; i++) {
		k.addr = world_be(world_snat[i]);
		e.ledger = (__u16)i;
		bpf_map_update_elem(&nsf_exts, &k, &e, BPF_ANY);
	}
	k = (struct nsf_ext_key){ .addr = world_handle(world_snat6, 6), .family = 6 };
	e.ledger = 2;
	bpf_map_update_elem(&nsf_exts, &k, &e, BPF_ANY);
}

/* Which world it is, the seed says. */
static void world_make(__u64 seed)
{
	static const __u32 sizes[] = { 16, 64, 256, 1024 }, ranges[] = { 8, 33, 64, 64512 };
	__u64 dice = seed;
	__u32 range = ranges[kernel_mix(&dice) & 3], n_snat = 1 + (kernel_mix(&dice) & 1);

	kernel_boot(seed, sizes[kernel_mix(&dice) & 3]);
	kernel.route = world_route;
	kernel.socket = world_socket;
	maps_make(WORLD_LEDGERS);
	world = (struct world){};
	for (__u32 i = 0; i < NSF_HANDLE_KEYS; i++)
		ROW(nsf_flow_state, 0)->handle_key[i] = kernel_mix(&dice);
	for (__u32 id = 1; id <= WORLD_NETS; id++) {
		__u32 flags = kernel_mix(&dice) & (NSF_NET_RANDOM | NSF_NET_EIF | NSF_NET_STRICT | NSF_NET_SILENT);

		world_net(id, flags, n_snat, range);
		for (__u32 i = 0; i < WORLD_PORTS; i++) {
			bool tight = (kernel_mix(&dice) & 3) == 0;
			struct world_port *p = &world.ports[(id - 1) * WORLD_PORTS + i];

			*p = (struct world_port){ .slot = WORLD_GW(id) + 2 + i,
						  .net = id,
						  .mac = { 2, 0, 0, 2, 0, (__u8)(WORLD_GW(id) + 2 + i) },
						  .addr4 = { 10, (__u8)(76 + id), 0, (__u8)(2 + i) },
						  .addr6 = { 0xfd, 0, 0, (__u8)(0x76 + id), [15] = (__u8)(2 + i) } };
			world_port_set(p, tight ? (__u32[]){ 10, 5, 4 } : (__u32[]){ ~0u, ~0u, ~0u });
		}
	}
	world_exts(range);
	kernel_run(nsf_start, &(struct __sk_buff){}, (const __u8 *)"", 0, 0);
}

static void world_drop(void)
{
	maps_drop(WORLD_LEDGERS);
}
