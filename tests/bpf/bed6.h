/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 on the machine under the tests: addresses, routes, neighbours, rows. */
#pragma once

#include "row.h"

#include "frame6.h"

#include <fcntl.h>

/*
 *   net 1 (SNAT) fd77::/64          net 3 (routed) 2001:db8:79::/64        net 2: no IPv6 beyond its link
 *                 \                 /
 *                  up0 2001:db8:51::2, 2001:db8:51::1 (SNAT of net 1) --- 2001:db8:51::fe --- default
 */
#define IN6_FD77(x)        ((struct in6){ { 0xfd, 0x77, [15] = x } })
#define IN6_DB8(subnet, x) ((struct in6){ { 0x20, 0x01, 0x0d, 0xb8, 0, subnet, [15] = x } })
#define IN6_LINK(x)        ((struct in6){ { 0xfe, 0x80, [11] = 0xff, 0xfe, 0x77, 0, x } }) /* of MAC(x) */

#define GW6_LINK ((struct in6){ { 0xfe, 0x80, [15] = AT_GW } })
#define GW6_ADDR IN6_FD77(1)
#define SNAT6    IN6_DB8(0x51, 1)
#define UP6_ADDR IN6_DB8(0x51, 2)
#define PEER6    IN6_DB8(0xff, 1)
#define NARROW6  IN6_DB8(0x91, 1) /* route with an MTU of 1300 */
#define LOST6    IN6_DB8(0x92, 1) /* unreachable route */
#define FORBID6  IN6_DB8(0x93, 1) /* prohibit route */
#define HOLE6    IN6_DB8(0x94, 1) /* blackhole route */
#define ASIDE6   IN6_DB8(0x95, 1) /* behind other0 */
#define STRANGE6 IN6_DB8(0x96, 1) /* its next hop's MAC is not known */

#define A6(p)     ((struct end6){ MAC(AT_A), IN6_FD77(AT_A), p })
#define B6(p)     ((struct end6){ MAC(AT_B), IN6_FD77(AT_B), p })
#define C6(p)     ((struct end6){ MAC(AT_C), IN6_FD77(AT_C), p })
#define F6(p)     ((struct end6){ MAC(AT_F), IN6_DB8(0x79, AT_F), p })
#define GW6(p)    ((struct end6){ MAC_GW, GW6_ADDR, p })
#define TO6(a, p) ((struct end6){ MAC_GW, a, p })
#define OUT6(p)   TO6(PEER6, p)
#define FAR6(p)   ((struct end6){ ROUTER, PEER6, p })
#define EXT6(p)   ((struct end6){ MAC_UP, SNAT6, p })

#define LEDGER6 1 /* of SNAT6 */

static inline void bed6_forward(int ifindex)
{
	char path[96], name[IF_NAMESIZE];
	int fd;

	assert_non_null(if_indextoname((unsigned)ifindex, name));
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "1", 1), 1);
	close(fd);
}

static inline void bed6_host(struct bed *b)
{
	static const enum at gateways[] = { AT_GW, AT_GW2, AT_GW3 };

	for (size_t i = 0; i < ARRAY_SIZE(gateways); i++)
		bed6_forward(b->far[gateways[i]]);
	bed_addr_on(b, AT_GW, "fd77::1/64");
	bed_addr_on(b, AT_GW3, "2001:db8:79::1/64");
	bed_addr_on(b, AT_UPLINK, "2001:db8:51::2/64");
	bed_addr_on(b, AT_UPLINK, "2001:db8:51::1/64");
	bed_addr_on(b, AT_OTHER, "2001:db8:50::1/64");
	bed_neighbour(b, AT_UPLINK, "2001:db8:51::fe", ROUTER);
	bed_route(b, "::/0", RTN_UNICAST, AT_UPLINK, "2001:db8:51::fe", 0);
	bed_route(b, "2001:db8:91::/64", RTN_UNICAST, AT_UPLINK, "2001:db8:51::fe", 1300);
	bed_route(b, "2001:db8:92::/64", RTN_UNREACHABLE, AT_NONE, NULL, 0);
	bed_route(b, "2001:db8:93::/64", RTN_PROHIBIT, AT_NONE, NULL, 0);
	bed_route(b, "2001:db8:94::/64", RTN_BLACKHOLE, AT_NONE, NULL, 0);
	bed_route(b, "2001:db8:95::/64", RTN_UNICAST, AT_OTHER, NULL, 0);
	bed_route(b, "2001:db8:96::/64", RTN_UNICAST, AT_UPLINK, "2001:db8:51::fd", 0);
}

static inline __be32 handle6(struct bed *b, struct in6 a)
{
	__u32 words[4];

	memcpy(words, &a, sizeof(words));
	return nsf_handle6(words, b->dp.state->handle_key);
}

static inline void table6_port(struct bed *b, enum at at, struct in6 a)
{
	struct nsf_port *row = &b->dp.ports[at];
	struct nsf_addr k = { .addr = handle6(b, a), .net = row->net, .family = 6 };
	__u32 slot = at;

	row->handle6 = k.addr;
	memcpy(row->addr6, &a, sizeof(a));
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_ADDRS], &k, &slot, BPF_ANY), 0);
}

/* What `up` writes for IPv6, beside table_reset(). */
static inline void table6(struct bed *b)
{
	struct nsf_net *n1 = &b->dp.nets[1], *n3 = &b->dp.nets[3];
	struct nsf_subnet6 k = { .plen = 64 };
	struct in6 gw = GW6_ADDR, gw3 = IN6_DB8(0x79, 1), snat = SNAT6;
	struct nsf_ext_key ext = { .family = 6 };
	struct nsf_ext in = { .ledger = LEDGER6, .port_min = 1024, .port_max = 65535 };
	__u32 net3 = 3, index = LEDGER6;
	int ledger;

	for (int i = 0; i < NSF_HANDLE_KEYS; i++)
		b->dp.state->handle_key[i] = 0x9e3779b97f4a7c15ULL * (__u64)(i + 1);
	memcpy(n1->gateway6, &gw, sizeof(gw));
	memcpy(n3->gateway6, &gw3, sizeof(gw3));
	n1->plen6 = n3->plen6 = 64;
	n1->flags |= NSF_NET_SNAT6;
	n3->flags |= NSF_NET_ROUTED6;
	n1->n_snat6 = 1;
	n1->snat6[0] = (struct nsf_snat){ .addr = handle6(b, snat), .ledger = LEDGER6 };
	memcpy(n1->pool6[0], &snat, sizeof(snat));
	ext.addr = n1->snat6[0].addr;
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_EXTS], &ext, &in, BPF_ANY), 0);
	memcpy(k.addr6, &gw3, 8);
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_SUBNETS6], &k, &net3, BPF_ANY), 0);
	table6_port(b, AT_A, A6(0).addr);
	table6_port(b, AT_B, B6(0).addr);
	table6_port(b, AT_F, F6(0).addr);
	ledger = bpf_map_create(BPF_MAP_TYPE_ARRAY, "nsf_ledger", sizeof(__u32), sizeof(struct nsf_ledger),
				NSF_LEDGER_MAX * NSF_LEDGER_PORTS, NULL);
	assert_true(ledger >= 0);
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_LEDGERS], &index, &ledger, BPF_ANY), 0);
	close(ledger);
}

static inline int bed6_setup(void **state)
{
	if (bed_setup(state))
		return -1;
	bed6_host(*state);
	return 0;
}

static inline int fresh6(void **state)
{
	fresh(state);
	table6(*state);
	return 0;
}

/* Rows that know nothing of each other. */
static inline void rows6_run(struct bed *b, const struct row *r, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		table_reset(b);
		table6(b);
		settle();
		if (r[i].setup)
			r[i].setup(b);
		bad += row_run(b, &r[i]);
	}
	assert_int_equal(bad, 0);
}
#define ROWS6(b, rows) rows6_run(b, rows, ARRAY_SIZE(rows))

/* What happens to a packet of a flow on its way out: by the kernel's neighbour table, or with MACs known. */
static inline struct pk6 snat6(struct pk6 k, __u16 ext)
{
	k.from = SNAT6;
	k.sport = ext;
	k.hops--;
	return k;
}

static inline struct pk6 snat6_known(struct pk6 k, __u16 ext)
{
	k = snat6(k, ext);
	k.dst = ROUTER;
	k.src = MAC_UP;
	return k;
}

/* And on its way in; the gateway of net 1 hands it over. */
static inline struct pk6 dnat6(struct pk6 k, struct end6 inner)
{
	k.dst = inner.mac;
	k.src = MAC_GW;
	k.to = inner.addr;
	k.dport = inner.port;
	k.hops--;
	return k;
}

/* Our own error about a frame, as it goes back to where that came from. */
static inline struct frame *answer6_from(struct in6 src, const struct frame *in, __u8 type, __u8 code, __u32 mtu)
{
	struct end6 from = { .addr = src }, to = {};
	__u16 total = (__u16)(40 + (in->b[18] << 8 | in->b[19]));
	struct pk6 k;

	memcpy(&from.mac, in->b, sizeof(from.mac));
	memcpy(&to.mac, in->b + 6, sizeof(to.mac));
	memcpy(&to.addr, in->b + ETH_HLEN + 8, sizeof(to.addr));
	k = icmp6_error(from, to, type, code, in, total < 1232 ? total : 1232);
	k.icmp_rest = mtu;
	return frame6(k);
}

static inline struct frame *answer6(const struct frame *in, __u8 type, __u8 code, __u32 mtu)
{
	return answer6_from(GW6_ADDR, in, type, code, mtu);
}

#define TEST6(f) cmocka_unit_test_setup(f, fresh6)
