/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables under the tests: emptied and filled before each row, looked into after it. */
#pragma once

#include "nsfast/hop.h"

#include "bed.h"

/* Removes every element of a hash or trie. */
static inline void table_clear(int map)
{
	__u8 key[64];

	while (!bpf_map_get_next_key(map, NULL, key))
		assert_int_equal(bpf_map_delete_elem(map, key), 0);
}

static inline __u32 table_count(int map)
{
	__u8 key[64], next[64];
	void *at = NULL;
	__u32 n = 0;

	while (!bpf_map_get_next_key(map, at, next)) {
		memcpy(key, next, sizeof(key));
		at = key;
		n++;
	}
	return n;
}

/* Zeroes the first n rows of an array, per CPU or not. */
static inline void table_zero(struct bed *b, int map, __u32 n)
{
	autofree void *zero = calloc((size_t)b->cpus, 64);

	assert_non_null(zero);
	for (__u32 i = 0; i < n; i++)
		assert_int_equal(bpf_map_update_elem(map, &i, zero, BPF_ANY), 0);
}

/* All rows of a long array at once. */
static inline void table_none(const struct bpf_map *m)
{
	__u32 n = bpf_map__max_entries(m);
	autofree __u32 *rows = calloc(n, sizeof(*rows));
	autofree void *none = calloc(n, bpf_map__value_size(m));

	assert_true(rows && none);
	for (__u32 i = 0; i < n; i++)
		rows[i] = i;
	assert_int_equal(bpf_map_update_batch(bpf_map__fd(m), rows, none, &n, NULL), 0);
}

/* The ledger of SNAT address 0, new: emptying one row by row would take as long as all else together. */
static inline void table_ledger(struct bed *b)
{
	__u32 zero = 0;

	if (b->ledger >= 0)
		close(b->ledger);
	b->ledger = bpf_map_create(BPF_MAP_TYPE_ARRAY, "nsf_ledger", sizeof(__u32), sizeof(struct nsf_ledger),
				   NSF_LEDGER_MAX * NSF_LEDGER_PORTS, NULL);
	assert_true(b->ledger >= 0);
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_LEDGERS], &zero, &b->ledger, BPF_ANY), 0);
}

/* Range of external ports of all networks. */
static __u16 table_ports[2] = { 1024, 65535 };

static inline void table_net(struct bed *b, __u32 id, enum at gw, __u32 addr, __u8 flags)
{
	struct nsf_net *n = &b->dp.nets[id];
	struct mac mac = MAC((__u8)gw);

	*n = (struct nsf_net){ .gateway = (__u32)b->ifindex[gw],
			       .fib = (__u32)b->far[gw],
			       .uplink = (__u32)b->ifindex[AT_UPLINK],
			       .mtu = 1500,
			       .addr4 = htonl(addr),
			       .mask4 = htonl(0xffffff00),
			       .snat = { { .addr = flags & NSF_NET_SNAT ? htonl(SNAT) : 0 } },
			       .n_snat = !!(flags & NSF_NET_SNAT),
			       .port_min = table_ports[0],
			       .port_max = table_ports[1],
			       .uplink_mac = { 2, 0, 0, 0x77, 0, AT_UPLINK },
			       .addr6 = { 0xfe, 0x80, [15] = (__u8)gw },
			       .gateway_slot = (__u16)gw,
			       .uplink_slot = (__u16)(gw + 1),
			       .fdb_age = NSF_FDB_AGE,
			       .flags = flags };
#define TABLE_TIMEOUT(name, key, seconds, floor) n->timeout[NSF_TIMEOUT_##name] = seconds;
	NSF_TIMEOUTS(TABLE_TIMEOUT)
	memcpy(n->mac, &mac, sizeof(n->mac));
}

static inline void table_addr(struct bed *b, __u32 net, __be32 addr, enum at at)
{
	const struct addr a = row_addr4(addr, 32);

	assert_int_equal(row_set_addr(&b->dp, net, &a, at), 0);
}

static inline void table_seat(struct bed *b, enum at at)
{
	struct mac mac = MAC((__u8)at);
	const struct seat *s = &seats[at];
	struct nsf_port row = { .ifindex = (__u32)b->ifindex[at],
				.mtu = 1500,
				.addr4 = htonl(s->addr),
				.net = s->net,
				.role = s->role,
				.vlan = NSF_VLAN_DEFAULT,
				.flags = s->flags };
	struct nsf_share *share = &b->dp.shares[at];
	bool known = s->flags & NSF_PORT_MANAGED || s->role == NSF_ROLE_GATEWAY;

	if (known)
		memcpy(row.mac, &mac, sizeof(row.mac));
	row_set_port(&b->dp, at, &row);
	share->max_flows = share->max_half = share->max_ports = share->max_macs = ~0u;
	if (b->ifindex[at])
		assert_int_equal(row_set_iface(&b->dp, b->ifindex[at], at, s->name), 0);
	if (known)
		assert_int_equal(bpf_fdb_set(&b->dp, s->net, mac.b, at), 0);
	if (s->flags & NSF_PORT_MANAGED)
		table_addr(b, s->net, row.addr4, at);
}

/* TCP port 8080 of a host's address, or its handle, or of any with 0, leads to A's port 80. */
static inline void table_publish(struct bed *b, __u8 family, __be32 addr, __be32 to)
{
	b->dp.publish[0] = (struct nsf_publish){ .addr = addr,
						 .to = to,
						 .first = 8080,
						 .last = 8080,
						 .to_first = 80,
						 .net = 1,
						 .slot = AT_A,
						 .proto = IPPROTO_TCP,
						 .family = family,
						 .port_gen = b->dp.ports[AT_A].gen };
	*b->dp.publish_live = 1;
	b->dp.nets[1].flags |= NSF_NET_PUBLISH;
}

static inline void table_reset_counts(struct bed *b)
{
	table_zero(b, b->dp.map[DP_COUNT], AT_SLOTS);
	table_zero(b, b->dp.map[DP_DROPS], NETS * NSF_DROP_STRIDE);
}

/* The kernel was asked last in that tick, for each next hop that is known. */
static inline void hops_asked(struct bed *b, __u32 tick)
{
	int fd = bpf_map__fd(b->skel->maps.nsf_hops);
	struct nsf_hop hop;
	__u32 i = 0;

	for (int r = bpf_map_get_next_key(fd, NULL, &i); !r; r = bpf_map_get_next_key(fd, &i, &i)) {
		assert_int_equal(bpf_map_lookup_elem(fd, &i, &hop), 0);
		if (!hop.tick)
			continue;
		hop.tick = tick;
		assert_int_equal(bpf_map_update_elem(fd, &i, &hop, BPF_ANY), 0);
	}
}

/* No packet has gone out in this tick: the next one asks the kernel for the way and the neighbour. */
static inline void new_tick(struct bed *b)
{
	hops_asked(b, now_tick() - 1);
}

/* All tables as after `up`. */
static inline void table_reset(struct bed *b)
{
	struct dp *dp = &b->dp;
	__u32 slot, net3 = 3;
	struct nsf_subnet k = { 24, htonl(IP4(10, 79, 0, 0)) };

	table_clear(dp->map[DP_IFACES]);
	table_clear(dp->map[DP_SUBNETS]);
	table_clear(dp->map[DP_FDB]);
	table_clear(dp->map[DP_TRUNKS]);
	table_clear(dp->map[DP_EXTS]);
	table_clear(dp->map[DP_ADDRS]);
	table_clear(dp->map[DP_EXCEPTS]);
	table_clear(dp->map[DP_SUBNETS6]);
	table_clear(bpf_map__fd(b->skel->maps.nsf_flow_keys));
	table_clear(b->moved);
	table_none(b->skel->maps.nsf_unguessed);
	table_none(b->skel->maps.nsf_hints);
	new_tick(b);
	while (!bpf_map_lookup_and_delete_elem(b->free, NULL, &slot))
		;
	memset(dp->ports, 0, AT_MAX * sizeof(*dp->ports));
	memset(dp->names, 0, AT_MAX * sizeof(*dp->names));
	memset(dp->nets, 0, NETS * sizeof(*dp->nets));
	memset(dp->flows, 0, dp->n_flows * sizeof(*dp->flows));
	memset(dp->flow_counts, 0, dp->n_flows * sizeof(*dp->flow_counts));
	memset(dp->shares, 0, AT_MAX * sizeof(*dp->shares));
	memset(dp->state, 0, sizeof(*dp->state));
	*dp->publish_live = 0;
	table_zero(b, b->icmp, AT_SLOTS);
	table_zero(b, dp->map[DP_USED], NSF_LEDGER_MAX);
	table_zero(b, bpf_map__fd(b->skel->maps.nsf_full), 2 * NSF_LEDGER_MAX);
	table_ledger(b);
	table_reset_counts(b);
	table_net(b, 1, AT_GW, GW_ADDR, NSF_NET_SNAT);
	table_net(b, 2, AT_GW2, IP4(10, 78, 0, 1), NSF_NET_SNAT);
	table_net(b, 3, AT_GW3, IP4(10, 79, 0, 1), NSF_NET_ROUTED);
	for (enum at at = AT_GW; at < AT_SLOTS; at++)
		table_seat(b, at);
	assert_int_equal(bpf_map_update_elem(dp->map[DP_SUBNETS], &k, &net3, BPF_ANY), 0);
}

/* A cmocka setup: every test begins with fresh tables. */
static inline int fresh(void **state)
{
	frame_new(true);
	table_reset(*state);
	return 0;
}

static inline __u64 table_drops(struct bed *b, __u32 net, enum nsf_drop reason)
{
	autofree __u64 *v = calloc((size_t)b->cpus, sizeof(*v));
	__u32 i = net * NSF_DROP_STRIDE + reason;
	__u64 n = 0;

	assert_int_equal(bpf_map_lookup_elem(b->dp.map[DP_DROPS], &i, v), 0);
	for (int c = 0; c < b->cpus; c++)
		n += v[c];
	return n;
}

static inline struct nsf_count table_counts(struct bed *b, __u32 slot)
{
	autofree struct nsf_count *v = calloc((size_t)b->cpus, sizeof(*v));
	struct nsf_count n = {};

	assert_int_equal(bpf_map_lookup_elem(b->dp.map[DP_COUNT], &slot, v), 0);
	for (int c = 0; c < b->cpus; c++) {
		n.rx_packets += v[c].rx_packets;
		n.rx_bytes += v[c].rx_bytes;
		n.tx_packets += v[c].tx_packets;
		n.tx_bytes += v[c].tx_bytes;
	}
	return n;
}

static inline __u32 flow_count(struct bed *b)
{
	__u32 n = 0;

	for (__u32 i = 0; i < b->dp.n_flows; i++)
		n += b->dp.flows[i].flags & NSF_FLOW_LIVE;
	return n;
}

/* The flow of an inner endpoint, which has no other. */
static inline struct nsf_flow *flow_of(struct bed *b, struct end inner, __u8 proto)
{
	struct nsf_flow *found = NULL;

	for (__u32 i = 0; i < b->dp.n_flows; i++) {
		struct nsf_flow *f = &b->dp.flows[i];

		if (!(f->flags & NSF_FLOW_LIVE) || f->inner != htonl(inner.addr) ||
		    f->inner_port != htons(inner.port) || f->proto != proto)
			continue;
		assert_null(found);
		found = f;
	}
	assert_non_null(found);
	return found;
}

/* The flow of an inner endpoint with one peer. */
static inline struct nsf_flow *flow_to(struct bed *b, struct end inner, __u32 peer, __u16 peer_port, __u8 proto)
{
	for (__u32 i = 0; i < b->dp.n_flows; i++) {
		struct nsf_flow *f = &b->dp.flows[i];

		if (f->flags & NSF_FLOW_LIVE && f->inner == htonl(inner.addr) && f->inner_port == htons(inner.port) &&
		    f->peer == htonl(peer) && f->peer_port == htons(peer_port) && f->proto == proto)
			return f;
	}
	fail_msg("no such flow");
	return NULL;
}

/* What every place holds from now on. */
static inline void places_say(struct bed *b, __u32 place)
{
	const struct bpf_map *m = b->skel->maps.nsf_hints;
	struct nsf_hints row;
	__u32 i;

	for (i = 0; i < NSF_HINTS_ROW; i++)
		row.at[i] = place;
	for (i = 0; i < bpf_map__max_entries(m); i++)
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(m), &i, &row, BPF_ANY), 0);
}

/* Places of outer keys with these bits, of those in the mask. */
static inline __u32 places_with(struct bed *b, __u32 mask, __u32 bits)
{
	const struct bpf_map *m = b->skel->maps.nsf_hints;
	struct nsf_hints row;
	__u32 n = 0;

	for (__u32 i = 0; i < bpf_map__max_entries(m); i++) {
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(m), &i, &row), 0);
		for (int at = 0; at < NSF_HINTS_ROW; at++)
			n += (row.at[at] & mask) == bits;
	}
	return n;
}

/* Those that are held. */
static inline __u32 flow_places(struct bed *b)
{
	return places_with(b, NSF_HINT_HELD, NSF_HINT_HELD);
}

/* Keys of flows, at their places and in the table. */
static inline __u32 flow_keys(struct bed *b)
{
	return flow_places(b) + table_count(bpf_map__fd(b->skel->maps.nsf_flow_keys));
}

static inline struct nsf_ledger ledger_of(struct bed *b, enum nsf_ledger_proto proto, __u16 port)
{
	__u32 i = proto * NSF_LEDGER_PORTS + port;
	struct nsf_ledger e;

	assert_int_equal(bpf_map_lookup_elem(b->ledger, &i, &e), 0);
	return e;
}

static inline __u32 ledger_used(struct bed *b, enum nsf_ledger_proto proto)
{
	__u32 i = proto, n;

	assert_int_equal(bpf_map_lookup_elem(b->dp.map[DP_USED], &i, &n), 0);
	return n;
}

/* 0 if the FDB has it. */
static inline int fdb_get(struct bed *b, __u16 net, struct mac mac, struct nsf_fdb *ret)
{
	struct nsf_fdb_key k = { .net = net };

	memcpy(k.mac, &mac, sizeof(k.mac));
	return bpf_map_lookup_elem(b->dp.map[DP_FDB], &k, ret);
}

static inline void fdb_set(struct bed *b, __u16 net, struct mac mac, struct nsf_fdb e)
{
	struct nsf_fdb_key k = { .net = net };

	memcpy(k.mac, &mac, sizeof(k.mac));
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_FDB], &k, &e, BPF_ANY), 0);
}
