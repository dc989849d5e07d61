/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports of bpf mode: made, adopted, removed. */
#include "bpf_port.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

#include "nsfast/count.h"

#include "announce.h"
#include "bpf_fdb.h"
#include "bpf_flows.h"
#include "bpf_port6.h"
#include "bpf_publish.h"
#include "bpf_row.h"
#include "bpf_xdp.h"
#include "ifname.h"
#include "log.h"
#include "port.h"
#include "six.h"
#include "state.h"

int bpf_port_zero(struct host *h, __u32 slot)
{
	int n = libbpf_num_possible_cpus();
	autofree struct nsf_count *zero = n > 0 ? calloc(n, sizeof(*zero)) : NULL;

	if (!zero)
		return fail(n < 0 ? n : -ENOMEM, "cannot count the machine's CPUs");
	if (bpf_map_update_elem(h->dp.map[DP_COUNT], &slot, zero, BPF_ANY))
		return fail(-errno, "cannot reset the counters of slot %u", slot);
	return 0;
}

bool bpf_port_lives(struct host *h, const char *netns)
{
	__u32 i;

	for (i = 1; i < NSF_SLOTS_MAX; i++)
		if (h->dp.ports[i].role == NSF_ROLE_PORT && streq(h->dp.names[i].netns, netns))
			return true;
	return false;
}

/* Takes the name of a namespace of ours away, unless a port lives there. */
static int port_leave(struct host *h, const char *netns)
{
	return netns[0] && !bpf_port_lives(h, netns) ? host_netns_put(h, netns) : 0;
}

static void port_limits(const struct network *n, const struct port *p, struct nsf_share *share)
{
	share->max_flows = network_limit(n, p, PORT_LIMIT_FLOWS);
	share->max_half = network_limit(n, p, PORT_LIMIT_HALF);
	share->max_ports = network_limit(n, p, PORT_LIMIT_PORTS);
	share->max_macs = network_limit(n, p, PORT_LIMIT_MACS);
	share->max_flood = network_limit(n, p, PORT_LIMIT_FLOOD);
}

/* The list of a trunk stands before the row says that there is one. */
static int port_trunk(struct dp *dp, const struct network *n, const struct port *p, __u32 slot)
{
	if (vlans_any(&p->trunk) ? bpf_map_update_elem(dp->map[DP_TRUNKS], &slot, &p->trunk, BPF_ANY)
				 : bpf_map_delete_elem(dp->map[DP_TRUNKS], &slot) && errno != ENOENT)
		return fail(-errno, "%s/%s: cannot set the port's VLANs", n->name, p->name);
	return 0;
}

/* What was known of the port in its old VLANs: MACs, and conversations by way of a gateway that it may no longer reach. What
 * it listens to there nobody has asked. */
static int port_moved(struct host *h, const struct network *n, const struct port *p, __u32 slot)
{
	const struct flow_filter f = { .net = n->name, .port = p->name };
	const struct port here = { .slot = slot };
	__u64 ended;
	int r = bpf_fdb_flush(h, n, &here, &ended);

	h->dp.listens[slot].all = bpf_flows_tick();
	return r ? r : bpf_flows_end(h, &f, &ended);
}

/* The network heeds VLANs before the port is in another one. */
static int port_vlans(struct host *h, const struct network *n, const struct port *p, __u32 slot)
{
	struct nsf_port *row = &h->dp.ports[slot];
	struct nsf_net *net = &h->dp.nets[row->net];
	const bool trunk = vlans_any(&p->trunk);
	struct nsf_trunk was = {};
	int r;

	if (row->trunk)
		bpf_map_lookup_elem(h->dp.map[DP_TRUNKS], &slot, &was);
	if (row->vlan == p->vlan && vlans_equal(&was, &p->trunk))
		return 0;
	__atomic_fetch_or(&net->flags, NSF_NET_VLANS, __ATOMIC_RELEASE);
	if (!trunk)
		row->trunk = 0;
	r = port_trunk(&h->dp, n, p, slot);
	row->vlan = p->vlan;
	if (!r)
		row->trunk = trunk;
	row_count_ports(&h->dp, net);
	return r ? r : port_moved(h, n, p, slot);
}

int bpf_port_change(struct host *h, const struct network *n, const struct port *p)
{
	__u32 slot = row_port(&h->dp, n->id, p->name), mtu = p->mtu ? p->mtu : n->mtu;
	struct nsf_port *row = &h->dp.ports[slot];
	int r = slot ? port_vlans(h, n, p, slot) : 0;

	if (!slot || r)
		return r;
	port_limits(n, p, &h->dp.shares[slot]);
	row->flags = (row->flags & ~PORT_POLICY) | p->policy;
	return h->dp.names[slot].netns[0] && row->mtu != mtu ? bpf_port_mtu(h, slot, mtu) : 0;
}

/* Hook, rows, then the host's end goes up: nothing passes before the program is there. */
static int port_install(struct host *h, const struct network *n, const struct port *p, __u32 slot, const struct link *l)
{
	struct link_change up = { .up = 1 };
	char alias[NET_NAME_LEN + NSF_NAME_LEN + 16], key[16];
	struct nsf_port row = { .ifindex = l->ifindex, .mtu = l->mtu, .net = n->id, .role = NSF_ROLE_PORT };
	bool managed = !p->dev[0];
	int r;

	row.vlan = p->vlan;
	row.trunk = vlans_any(&p->trunk);
	row.flags = (l->peer_netns >= 0 ? NSF_PORT_PEER : 0) | (managed ? NSF_PORT_MANAGED : 0) | p->policy;
	if (managed) {
		memcpy(row.mac, p->mac, sizeof(row.mac));
		memcpy(&row.addr4, p->addr.bytes, sizeof(row.addr4));
		bpf_port6_fill(&h->dp, p, &row);
	}
	snprintf(h->dp.names[slot].netns, NSF_NAME_LEN, "%s", p->netns);
	row_set_port(&h->dp, slot, &row);
	if (!managed) /* what is behind it may have reported before */
		h->dp.listens[slot].all = bpf_flows_tick();
	port_limits(n, p, &h->dp.shares[slot]);
	r = port_trunk(&h->dp, n, p, slot);
	if (!r)
		r = bpf_port_zero(h, slot);
	if (!r && !h->handing)
		r = dp_attach(&h->dp, DP_PROG_FROM_PORT, l->ifindex, l->name, DP_INGRESS);
	if (!r)
		r = row_set_iface(&h->dp, l->ifindex, slot, l->name);
	if (!r && managed)
		r = bpf_fdb_set(&h->dp, n->id, p->mac, slot);
	if (!r && managed)
		r = row_set_addr(&h->dp, n->id, &p->addr, slot);
	if (!r && managed && p->addr6.family)
		r = row_set_addr(&h->dp, n->id, &p->addr6, slot);
	if (!r && !managed && !(l->flags & IFF_UP)) {
		snprintf(key, sizeof(key), "%d", l->ifindex);
		r = state_set(h->cookie, "down", key, l->name);
	}
	if (r)
		return r;
	snprintf(alias, sizeof(alias), "nsfast:%s/%s", n->name, p->name);
	if (managed) {
		up.alias = alias;
		up.addrgen_none = 1;
		six_set(l->name, "disable_ipv6",
			1); /* nothing of it reaches the host's stack anyway: this saves its own noise */
	}
	r = link_set(h->nl, l->ifindex, &up);
	return r ? fail(r, "%s/%s: cannot bring up '%s'", n->name, p->name, l->name) : 0;
}

static int port_adopt(struct host *h, const struct network *n, struct port *p, __u32 slot)
{
	struct link l;
	int r = port_adoptable(h, n, p, &l);

	if (!r)
		r = port_install(h, n, p, slot, &l);
	if (!r)
		announce(h, n, l.ifindex);
	return r;
}

/* Flows that were handed over for the port's address, and still wait for its endpoint to speak, would wait for nobody now. */
static int port_inherits(struct host *h, const struct network *n, const struct port *p)
{
	const struct addr *addrs[] = { &p->addr, &p->addr6 };
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(addrs); i++) {
		struct flow_filter f = { .net = n->name, .addr = *addrs[i] };
		__u64 ended;

		f.addr.plen = addr_size(f.addr.family) * 8;
		if (f.addr.family && h->dp.shares[h->dp.nets[n->id].gateway_slot].flows)
			r = bpf_flows_end(h, &f, &ended);
	}
	return r;
}

static int port_create(struct host *h, const struct network *n, struct port *p, __u32 slot)
{
	autoclose int netns = -1;
	struct link l;
	int r = host_netns_get(h, n->name, p->netns, &netns);

	if (!r)
		r = port_inherits(h, n, p);
	if (!r)
		r = port_veth(h, n, p, netns, slot, &l);
	if (r)
		return r;
	r = port_install(h, n, p, slot, &l);
	return r ? r : port_inside(h, n, p, netns, l.ifindex);
}

/* A slot for a port; 0 with a message if there is none. */
static __u32 port_slot(struct host *h, const struct network *n, const struct port *p)
{
	__u32 slot = row_free_slot(&h->dp);

	if (!slot)
		fail(-ENOSPC, "%s/%s: this host has %d attachments, there is no room for more", n->name, p->name,
		     NSF_SLOTS_MAX - 1);
	return slot;
}

int bpf_port_take(struct host *h, const struct network *n, const struct port *p)
{
	__u32 slot = port_slot(h, n, p);
	char ifname[IFNAMSIZ];
	struct link l;
	int r;

	if (!slot)
		return -ENOSPC;
	port_ifname(n->name, p, ifname);
	r = link_get(h->nl, ifname, 0, &l);
	if (r)
		return fail(r, "%s/%s: cannot read interface '%s'", n->name, p->name, ifname);
	r = port_install(h, n, p, slot, &l);
	if (!r)
		row_commit(h->dp.names[slot].port, p->name, NSF_NAME_LEN);
	return r;
}

int bpf_port_add(struct host *h, struct network *n, struct port *p)
{
	__u32 slot = port_slot(h, n, p);
	int r;

	if (!slot)
		return -ENOSPC;
	r = p->dev[0] ? port_adopt(h, n, p, slot) : port_create(h, n, p, slot);
	if (r) {
		if (h->dp.ports[slot].role != NSF_ROLE_NONE)
			bpf_port_clear(h, slot);
		port_leave(h, p->netns);
		return r;
	}
	row_commit(h->dp.names[slot].port, p->name, NSF_NAME_LEN);
	bpf_xdp_port(h, n, slot);
	return 0;
}

static bool port_is_ours(const struct link *l)
{
	return streq(l->kind, "veth") && (ifname_is_port(l->name) || !strncmp(l->alias, "nsfast:", 7));
}

void bpf_ports_release(struct host *h, __u32 first)
{
	autofree int *ifindex = calloc(NSF_SLOTS_MAX, sizeof(*ifindex));
	struct link l;
	size_t n = 0;
	__u32 slot;

	if (!ifindex || h->handing)
		return;
	for (slot = first; slot && n < NSF_SLOTS_MAX; slot = h->dp.ports[slot].next)
		if (h->dp.names[slot].netns[0] && !link_get(h->nl, NULL, h->dp.ports[slot].ifindex, &l) &&
		    port_is_ours(&l))
			ifindex[n++] = l.ifindex;
	port_delete_all(h, ifindex, n);
}

/* Our own interface goes; an adopted one is put back as it was. */
static int port_release(struct host *h, const struct nsf_port *row, bool managed)
{
	const struct link_change down = { .up = -1 };
	char key[16], name[IFNAMSIZ];
	struct link l;
	int r;

	if (h->handing)
		return 0;
	snprintf(key, sizeof(key), "%u", row->ifindex);
	if (link_get(h->nl, NULL, row->ifindex, &l))
		return managed ? 0 : state_unset(h->cookie, "down", key);
	if (managed)
		r = port_is_ours(&l) ? link_del(h->nl, l.ifindex) : 0;
	else
		r = state_get(h->cookie, "down", key, name, sizeof(name)) ? 0 : link_set(h->nl, l.ifindex, &down);
	if (r)
		return fail(r, "cannot release interface '%s'", l.name);
	return managed ? 0 : state_unset(h->cookie, "down", key);
}

static int port_unset(struct host *h, const struct nsf_port *row, __u32 slot)
{
	const struct addr addrs[] = { row_addr4(row->addr4, 32), row_addr6(row->addr6, 128) };
	int first = bpf_fdb_unset(&h->dp, row->net, row->mac, slot), r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		r = addrs[i].family ? row_unset_addr(&h->dp, row->net, &addrs[i], slot) : 0;
		first = first ? first : r;
	}
	return first;
}

int bpf_port_clear(struct host *h, __u32 slot)
{
	struct nsf_port row = h->dp.ports[slot];
	bool managed = h->dp.names[slot].netns[0];
	int r, first;

	first = bpf_publish_drop(h, row.net, slot);
	h->dp.names[slot].port[0] = '\0';
	r = row_unset_iface(&h->dp, row.ifindex);
	first = first ? first : r;
	r = managed ? port_unset(h, &row, slot) : 0;
	first = first ? first : r;
	/* the interface goes before its program: without one, what the container sends would reach the host's stack */
	r = port_release(h, &row, managed);
	first = first ? first : r;
	r = dp_detach(&h->dp, row.ifindex, DP_INGRESS);
	first = first ? first : r;
	row_clear_port(&h->dp, slot);
	bpf_map_delete_elem(h->dp.map[DP_TRUNKS], &slot);
	return first;
}

struct port_seen {
	struct host *h;
	bool slots[NSF_SLOTS_MAX];
};

/* An interface that has the number of one of ours is it only if our program is on it: a number may be given out again. */
static int port_see(const struct link *l, void *arg)
{
	struct port_seen *s = arg;
	__u32 key = l->ifindex, slot;

	if (!bpf_map_lookup_elem(s->h->dp.map[DP_IFACES], &key, &slot) && slot < NSF_SLOTS_MAX)
		s->slots[slot] = !strncmp(l->alias, "nsfast:", 7) || dp_attached(&s->h->dp, l->ifindex, DP_INGRESS);
	return 0;
}

/* The interface went: its number leads nowhere from here on. */
static int port_gone(struct host *h, __u32 slot)
{
	struct nsf_port *row = &h->dp.ports[slot];
	int ifindex = (int)row->ifindex, r = row_unset_iface(&h->dp, ifindex), second;
	char key[16];

	snprintf(key, sizeof(key), "%d", ifindex);
	__atomic_store_n(&row->ifindex, 0, __ATOMIC_RELEASE);
	second = dp_detach(&h->dp, ifindex, DP_INGRESS);
	r = r ? r : second;
	second = h->dp.names[slot].netns[0] ? 0 : state_unset(h->cookie, "down", key);
	return r ? r : second;
}

int bpf_ports_gone(struct host *h)
{
	autofree struct port_seen *seen = calloc(1, sizeof(*seen));
	int r, first;
	__u32 i;

	if (!seen)
		return fail(-ENOMEM, "cannot look for ports whose interfaces are gone");
	seen->h = h;
	first = link_list(h->nl, port_see, seen);
	for (i = 1; !first && i < NSF_SLOTS_MAX; i++) {
		r = h->dp.ports[i].role == NSF_ROLE_PORT && h->dp.ports[i].ifindex && !seen->slots[i] ? port_gone(h, i)
												      : 0;
		first = first ? first : r;
	}
	return first;
}

int bpf_port_del(struct host *h, const char *net, const char *name)
{
	__u32 id = row_net(&h->dp, net), slot = id ? row_port(&h->dp, id, name) : 0;
	char netns[NSF_NAME_LEN];
	int r, second;

	if (!slot)
		return 0;
	memcpy(netns, h->dp.names[slot].netns, sizeof(netns));
	r = bpf_port_clear(h, slot);
	second = dp_run(&h->dp, DP_PROG_PURGE);
	r = r ? r : second;
	second = port_leave(h, netns);
	return r ? r : second;
}

int bpf_port_mtu(struct host *h, __u32 slot, __u32 mtu)
{
	const struct link_change change = { .mtu = mtu };
	struct link end;
	int r = link_get(h->nl, NULL, h->dp.ports[slot].ifindex, &end);

	if (!r)
		r = link_set(h->nl, end.ifindex, &change);
	if (!r)
		six_set(end.name, "disable_ipv6", 1); /* above an MTU of 1280 the kernel has made it anew */
	if (!r)
		r = port_inside_mtu(h, h->dp.names[slot].netns, mtu);
	if (r)
		return fail(r, "cannot set the MTU of port '%s'", h->dp.names[slot].port);
	__atomic_store_n(&h->dp.ports[slot].mtu, mtu, __ATOMIC_RELAXED);
	return 0;
}
