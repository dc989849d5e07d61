/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine under the tests: a namespace with real interfaces and routes, the loaded programs, filled tables. */
#pragma once

#include "frame.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "nsfast/cfg.h"
#include "nsfast/count.h"
#include "nsfast/drop.h"
#include "nsfast/fdb.h"
#include "nsfast/group.h"

#include "nsfast.skel.h"

#include "bpf_fdb.h"
#include "bpf_row.h"
#include "dp.h"
#include "link.h"

/*
 *   net 1 (SNAT)               net 2 (SNAT)     net 3 (routed)
 *   A, B managed               E managed        F managed
 *   C learning, D learning
 *     no veth with a far namespace
 *   GW 10.77.0.1/24            GW2 10.78.0.1    GW3 10.79.0.1
 *                 \                 |              /
 *                  up0 198.51.100.2, 198.51.100.1 (SNAT of nets 1 and 2) --- 198.51.100.254 --- default
 *                  other0 100.64.0.1/24: an interface that is nobody's uplink
 *
 * Every seat is one end of a veth pair. Its number is its slot too, up to AT_SLOTS.
 */
enum at {
	AT_NONE,
	AT_GW,
	AT_LEG,
	AT_A,
	AT_B,
	AT_C,
	AT_D,
	AT_GW2,
	AT_LEG2,
	AT_E,
	AT_GW3,
	AT_LEG3,
	AT_F,
	AT_SLOTS,
	AT_UPLINK,
	AT_OTHER,
	AT_WIRE, /* the uplink again, at XDP */
	AT_MAX,
};

#define NETS 4 /* ids 1 to 3 are used */

#define MAC(x) ((struct mac){ { 2, 0, 0, 0x77, 0, x } })
#define MAC_GW MAC(AT_GW)
#define MAC_UP MAC(AT_UPLINK)
#define ROUTER ((struct mac){ { 2, 0, 0, 0xff, 0, 0xfe } }) /* 198.51.100.254 */
#define ALL    ((struct mac){ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } })

#define GW_ADDR  IP4(10, 77, 0, 1)
#define SNAT     IP4(198, 51, 100, 1)
#define UP_ADDR  IP4(198, 51, 100, 2)
#define PEER     IP4(203, 0, 113, 1)
#define NARROW   IP4(192, 0, 2, 17)  /* route with a locked MTU of 1000 */
#define LOST     IP4(192, 0, 2, 65)  /* unreachable route */
#define FORBID   IP4(192, 0, 2, 81)  /* prohibit route */
#define HOLE     IP4(192, 0, 2, 97)  /* blackhole route */
#define STRANGER IP4(192, 0, 2, 129) /* its next hop's MAC is not known */
#define ASIDE    IP4(192, 0, 2, 145) /* behind other0 */

/* Ends inside, ends outside as containers address them, and the same ones seen on the wire. */
#define A(p)        ((struct end){ MAC(AT_A), IP4(10, 77, 0, 2), p })
#define B(p)        ((struct end){ MAC(AT_B), IP4(10, 77, 0, 3), p })
#define C(p)        ((struct end){ MAC(AT_C), IP4(10, 77, 0, 4), p })
#define D(p)        ((struct end){ MAC(AT_D), IP4(10, 77, 0, 5), p })
#define E(p)        ((struct end){ MAC(AT_E), IP4(10, 78, 0, 2), p })
#define F(p)        ((struct end){ MAC(AT_F), IP4(10, 79, 0, 2), p })
#define GW(p)       ((struct end){ MAC_GW, GW_ADDR, p })
#define TO(addr, p) ((struct end){ MAC_GW, addr, p })
#define OUT(p)      TO(PEER, p)
#define FAR(p)      ((struct end){ ROUTER, PEER, p })
#define EXT(p)      ((struct end){ MAC_UP, SNAT, p })

struct seat {
	char name[IFNAMSIZ];
	__u8 net, role, flags;
	__u32 addr;
};

static const struct seat seats[AT_MAX] = {
	[AT_GW] = { "gw", 1, NSF_ROLE_GATEWAY, 0, 0 },
	[AT_LEG] = { "", 1, NSF_ROLE_UPLINK, 0, 0 },
	[AT_A] = { "a", 1, NSF_ROLE_PORT, NSF_PORT_PEER | NSF_PORT_MANAGED, IP4(10, 77, 0, 2) },
	[AT_B] = { "b", 1, NSF_ROLE_PORT, NSF_PORT_PEER | NSF_PORT_MANAGED, IP4(10, 77, 0, 3) },
	[AT_C] = { "c", 1, NSF_ROLE_PORT, NSF_PORT_PEER, 0 },
	[AT_D] = { "d", 1, NSF_ROLE_PORT, 0, 0 },
	[AT_GW2] = { "gw2", 2, NSF_ROLE_GATEWAY, 0, 0 },
	[AT_LEG2] = { "", 2, NSF_ROLE_UPLINK, 0, 0 },
	[AT_E] = { "e", 2, NSF_ROLE_PORT, NSF_PORT_PEER | NSF_PORT_MANAGED, IP4(10, 78, 0, 2) },
	[AT_GW3] = { "gw3", 3, NSF_ROLE_GATEWAY, 0, 0 },
	[AT_LEG3] = { "", 3, NSF_ROLE_UPLINK, 0, 0 },
	[AT_F] = { "f", 3, NSF_ROLE_PORT, NSF_PORT_PEER | NSF_PORT_MANAGED, IP4(10, 79, 0, 2) },
	[AT_UPLINK] = { "up0", 0, 0, 0, 0 },
	[AT_OTHER] = { "other0", 0, 0, 0, 0 },
};

struct bed {
	struct nl *nl;
	struct nsfast_bpf *skel;
	struct dp dp; /* as the loader would have it */
	struct nsf_cfg cfg;
	int ledger;
	int moved, free, icmp; /* maps that user space never opens */
	int ifindex[AT_MAX], far[AT_MAX];
	int cpus;
};

static inline __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (__u64)t.tv_sec * 1000000000 + (__u64)t.tv_nsec;
}

static inline __u32 now_tick(void)
{
	return (__u32)(now_ns() >> NSF_TICK_SHIFT);
}

/* Waits until at least a half of a tick lies ahead, so that a few packets fall into one. */
static inline void settle(void)
{
	while (now_ns() & 1ULL << (NSF_TICK_SHIFT - 1))
		sched_yield();
}

static inline struct addr bed_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static inline void bed_link(struct bed *b, enum at at)
{
	struct mac mac = MAC((__u8)at), far = MAC((__u8)(at + 0x80));
	struct link_change up = { .up = 1, .addrgen_none = 1 };
	char name[IFNAMSIZ + 8];
	struct link l;

	snprintf(name, sizeof(name), "%s-far", seats[at].name);
	assert_int_equal(link_add_veth(b->nl, &(struct veth){ .name = seats[at].name,
							      .peer_name = name,
							      .mac = mac.b,
							      .peer_mac = far.b,
							      .mtu = 1500,
							      .peer_netns = -1 }),
			 0);
	assert_int_equal(link_get(b->nl, seats[at].name, 0, &l), 0);
	b->ifindex[at] = l.ifindex;
	b->far[at] = l.peer;
	assert_int_equal(link_set(b->nl, l.ifindex, &up), 0);
	up.noarp = 1;
	if (seats[at].role == NSF_ROLE_GATEWAY)
		up.forwarding4 = 1;
	assert_int_equal(link_set(b->nl, l.peer, &up), 0);
}

static inline void bed_route(struct bed *b, const char *dst, __u8 type, enum at at, const char *via, __u32 mtu)
{
	struct nlmsghdr *nlh = nl_msg(b->nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct addr d = bed_addr(dst);
	size_t len = d.family == AF_INET6 ? 16 : 4;

	*rtm = (struct rtmsg){ .rtm_family = d.family,
			       .rtm_dst_len = d.plen,
			       .rtm_type = type,
			       .rtm_protocol = RTPROT_STATIC,
			       .rtm_table = RT_TABLE_MAIN };
	mnl_attr_put(nlh, RTA_DST, len, d.bytes);
	if (at)
		mnl_attr_put_u32(nlh, RTA_OIF, (__u32)b->ifindex[at]);
	if (via)
		mnl_attr_put(nlh, RTA_GATEWAY, len, bed_addr(via).bytes);
	if (mtu) {
		struct nlattr *nest = mnl_attr_nest_start(nlh, RTA_METRICS);

		/* locked: bpf_fib_lookup() heeds no other */
		mnl_attr_put_u32(nlh, RTAX_LOCK, 1 << RTAX_MTU);
		mnl_attr_put_u32(nlh, RTAX_MTU, mtu);
		mnl_attr_nest_end(nlh, nest);
	}
	assert_int_equal(nl_send(b->nl, NULL), 0);
}

static inline void bed_route_end(struct bed *b, const char *dst)
{
	struct nlmsghdr *nlh = nl_msg(b->nl, RTM_DELROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct addr d = bed_addr(dst);

	*rtm = (struct rtmsg){
		.rtm_family = d.family, .rtm_dst_len = d.plen, .rtm_table = RT_TABLE_MAIN, .rtm_scope = RT_SCOPE_NOWHERE
	};
	mnl_attr_put(nlh, RTA_DST, d.family == AF_INET6 ? 16 : 4, d.bytes);
	assert_int_equal(nl_send(b->nl, NULL), 0);
}

static inline void bed_neighbour(struct bed *b, enum at at, const char *addr, struct mac mac)
{
	struct nlmsghdr *nlh = nl_msg(b->nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));
	struct addr a = bed_addr(addr);

	*nd = (struct ndmsg){ .ndm_family = a.family, .ndm_ifindex = b->ifindex[at], .ndm_state = NUD_PERMANENT };
	mnl_attr_put(nlh, NDA_DST, a.family == AF_INET6 ? 16 : 4, a.bytes);
	mnl_attr_put(nlh, NDA_LLADDR, ETH_ALEN, &mac);
	assert_int_equal(nl_send(b->nl, NULL), 0);
}

static inline void bed_addr_on(struct bed *b, enum at at, const char *text)
{
	struct addr a = bed_addr(text);

	assert_int_equal(addr_add(b->nl, b->ifindex[at], &a), 0);
}

static inline void bed_host(struct bed *b)
{
	struct link_change up = { .up = 1 };
	struct link lo;

	assert_int_equal(link_get(b->nl, "lo", 0, &lo), 0);
	assert_int_equal(link_set(b->nl, lo.ifindex, &up), 0);
	for (enum at at = AT_GW; at < AT_MAX; at++)
		if (seats[at].name[0])
			bed_link(b, at);
	bed_addr_on(b, AT_GW, "10.77.0.1/24");
	bed_addr_on(b, AT_GW2, "10.78.0.1/24");
	bed_addr_on(b, AT_GW3, "10.79.0.1/24");
	bed_addr_on(b, AT_UPLINK, "198.51.100.2/24");
	bed_addr_on(b, AT_UPLINK, "198.51.100.1/24");
	bed_addr_on(b, AT_OTHER, "100.64.0.1/24");
	bed_neighbour(b, AT_UPLINK, "198.51.100.254", ROUTER);
	bed_route(b, "0.0.0.0/0", RTN_UNICAST, AT_UPLINK, "198.51.100.254", 0);
	bed_route(b, "192.0.2.16/28", RTN_UNICAST, AT_UPLINK, "198.51.100.254", 1000);
	bed_route(b, "192.0.2.64/28", RTN_UNREACHABLE, AT_NONE, NULL, 0);
	bed_route(b, "192.0.2.80/28", RTN_PROHIBIT, AT_NONE, NULL, 0);
	bed_route(b, "192.0.2.96/28", RTN_BLACKHOLE, AT_NONE, NULL, 0);
	bed_route(b, "192.0.2.128/28", RTN_UNICAST, AT_UPLINK, "198.51.100.253", 0);
	bed_route(b, "192.0.2.144/28", RTN_UNICAST, AT_OTHER, NULL, 0);
}

static inline void *bed_rows(int map, size_t size)
{
	void *rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	assert_ptr_not_equal(rows, MAP_FAILED);
	return rows;
}

/* What the loader runs after it removed a port. */
static inline int dp_purge(struct bed *b)
{
	__u8 frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof(frame));

	if (bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.nsf_purge), &o))
		return -errno;
	return (int)o.retval;
}

static inline void bed_load(struct bed *b)
{
#define BED_MAP_NAME(id, name) name,
	static const char *const names[] = { DP_MAPS(BED_MAP_NAME) };
	struct nsfast_bpf *s = nsfast_bpf__open();
	struct dp *dp = &b->dp;

	assert_non_null(s);
	s->rodata->cfg = b->cfg;
	dp_fit(s);
	dp_size(s, b->cfg.flows_max);
	assert_int_equal(nsfast_bpf__load(s), 0);
	b->skel = s;
	for (int i = 0; i < DP_MAP_MAX; i++)
		dp->map[i] = bpf_object__find_map_fd_by_name(s->obj, names[i]);
	b->moved = bpf_map__fd(s->maps.nsf_moved);
	b->free = bpf_map__fd(s->maps.nsf_flow_free);
	b->icmp = bpf_map__fd(s->maps.nsf_icmp);
	dp->n_flows = b->cfg.flows_max;
#define BED_TABLE(field, map_id, n) dp->field = bed_rows(dp->map[DP_##map_id], (n) * sizeof(*dp->field));
	DP_TABLES(BED_TABLE)
	dp->loaded = true;
	assert_int_equal(dp_purge(b), 0); /* it looks at the clock */
}

static const struct nsf_cfg bed_cfg = { .flows_max = 64, .scrubs = 1 };

static inline int bed_open(void **state, struct nsf_cfg cfg)
{
	struct bed *b = calloc(1, sizeof(*b));

	if (!b || unshare(CLONE_NEWNET) || nl_open(&b->nl))
		return -1;
	b->cfg = cfg;
	b->ledger = -1;
	b->cpus = libbpf_num_possible_cpus();
	bed_host(b);
	bed_load(b);
	*state = b;
	return 0;
}

static inline int bed_setup(void **state)
{
	return bed_open(state, bed_cfg);
}

static inline int bed_close(void **state)
{
	struct bed *b = *state;
	struct dp *dp = &b->dp;

#define BED_UNMAP(field, map_id, n) munmap(dp->field, (n) * sizeof(*dp->field));
	DP_TABLES(BED_UNMAP)
	if (b->ledger >= 0)
		close(b->ledger);
	nsfast_bpf__destroy(b->skel);
	nl_close(b->nl);
	free(b);
	return 0;
}
