/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks of bpf mode: gateway and rows; made, changed, mended, removed. */
#include "bpf_net.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

#include "nsfast/drop.h"
#include "nsfast/fdb.h"

#include "bpf_fdb.h"
#include "bpf_frag.h"
#include "bpf_net6.h"
#include "bpf_port.h"
#include "bpf_publish.h"
#include "bpf_row.h"
#include "bpf_sock.h"
#include "bpf_uplink.h"
#include "bpf_xdp.h"
#include "ifname.h"
#include "log.h"
#include "six.h"
#include "state.h"
#include "sysctl.h"

/* The gateway's pair, if it is there and ours: both ends here, and each other's peer. -ENODEV if nothing is there. */
static int net_gateway_find(struct host *h, const char *name, const char *ifname, struct link *ret,
			    struct link *ret_far)
{
	char far[IFNAMSIZ];
	int r = link_get(h->nl, ifname, 0, ret);

	if (r)
		return r == -ENODEV ? r : fail(r, "%s: cannot read interface '%s'", name, ifname);
	ifname_far(name, far);
	if (streq(ret->kind, "veth") && ret->peer_netns < 0 && !link_get(h->nl, far, 0, ret_far) &&
	    ret->peer == ret_far->ifindex)
		return 0;
	hint("give the network another name");
	return fail_usage("%s: an interface of this name exists already", name);
}

/* Makes the pair, or takes the one that a killed run has left. */
static int net_gateway_make(struct host *h, const struct network *n, struct link *ret, struct link *ret_far)
{
	__u8 far_mac[6];
	char far[IFNAMSIZ], gw[IFNAMSIZ];
	int r;

	snprintf(gw, sizeof(gw), "%s", n->name);
	if (h->handing) /* the other mode's gateway has the name still */
		ifname_aside(n->name, gw);
	r = net_gateway_find(h, n->name, gw, ret, ret_far);
	if (r != -ENODEV)
		return r;
	ifname_far(n->name, far);
	memcpy(far_mac, n->mac, sizeof(far_mac));
	far_mac[0] ^= 4;
	r = link_add_veth(h->nl, &(struct veth){ .name = gw,
						 .peer_name = far,
						 .mac = n->mac,
						 .peer_mac = far_mac,
						 .mtu = n->mtu,
						 .peer_netns = -1 });
	if (r)
		return fail(r, "%s: cannot make the gateway '%s'", n->name, gw);
	return net_gateway_find(h, n->name, gw, ret, ret_far);
}

/*
 * The far end keeps the carrier up and is where route lookups come from: forwarding is on there alone. On the gateway it
 * is off, so that the host never forwards what was meant for itself.
 */
static int net_gateway_up(struct host *h, const struct network *n, const struct link *gw, const struct link *far)
{
	char alias[NET_NAME_LEN + 16], key[64];
	const struct link_change far_up = {
		.up = 1, .mtu = n->mtu, .forwarding4 = 1, .addrgen_none = 1, .noarp = 1, .alias = alias
	};
	const struct link_change gw_up = {
		.up = 1, .mtu = n->mtu, .forwarding4 = -1, .addrgen_none = 1, .alias = alias
	};
	int r;

	snprintf(alias, sizeof(alias), "nsfast:%s", n->name);
	/* what comes for the host in a frame for many has not been looked at as what is sent to the gateway */
	snprintf(key, sizeof(key), "ipv4/conf/%s/drop_unicast_in_l2_multicast", gw->name);
	r = sysctl_set(key, "1");
	if (!r)
		r = bpf_net6_links(h, n, gw, far);
	if (!r)
		r = link_set(h->nl, far->ifindex, &far_up);
	if (!r)
		r = link_set(h->nl, gw->ifindex, &gw_up);
	if (!r)
		r = addr_add(h->nl, gw->ifindex, &n->gateway);
	if (!r)
		r = bpf_net6_gateway(h, n, gw, far);
	return r ? fail(r, "%s: cannot set up the gateway", n->name) : 0;
}

static void net_fill(const struct network *n, struct nsf_net *row)
{
	__u32 mask = 0xffffffffu << (32 - n->gateway.plen);

	row->mtu = n->mtu;
	memcpy(&row->addr4, n->gateway.bytes, sizeof(row->addr4));
	row->mask4 = htonl(mask);
	bpf_net6_fill(n, row);
	memcpy(row->mac, n->mac, sizeof(row->mac));
	memcpy(row->timeout, n->timeout, sizeof(row->timeout));
	row->port_min = n->port_min;
	row->port_max = n->port_max;
	row->max_flows = n->limit[PORT_LIMIT_FLOWS];
	row->max_half = n->limit[PORT_LIMIT_HALF];
	row->max_ports = n->limit[PORT_LIMIT_PORTS];
	row->max_macs = n->limit[PORT_LIMIT_MACS];
	row->max_flood = n->limit[PORT_LIMIT_FLOOD];
	row->fdb_age = n->fdb_age;
}

int bpf_net_gateway(struct host *h, struct network *n)
{
	struct nsf_net *row = &h->dp.nets[n->id];
	struct nsf_port port = { .net = n->id, .mtu = n->mtu, .role = NSF_ROLE_GATEWAY, .vlan = NSF_VLAN_DEFAULT };
	struct link gw, far;
	int r = net_gateway_make(h, n, &gw, &far);

	if (r)
		return r;
	port.ifindex = gw.ifindex;
	memcpy(port.mac, n->mac, sizeof(port.mac));
	if (!row->gateway_slot || (int)row->gateway != gw.ifindex) {
		__u32 slot = row->gateway_slot ? row->gateway_slot : row_free_slot(&h->dp);

		if (!slot)
			return fail(-ENOSPC, "%s: this host has no room for another attachment", n->name);
		row_set_port(&h->dp, slot, &port);
		/* its flows come from user space alone, for ports that will count them: see flow.h */
		h->dp.shares[slot].max_flows = h->dp.shares[slot].max_half = PORT_LIMIT_NONE;
		h->dp.shares[slot].max_macs = NSF_FDB_NET_MAX;
		row->gateway_slot = slot;
		row->gateway = gw.ifindex;
		row->fib = far.ifindex;
		r = bpf_port_zero(h, slot);
	}
	h->dp.ports[row->gateway_slot].mtu = n->mtu;
	n->ifindex = gw.ifindex;
	if (!r)
		r = row_set_iface(&h->dp, gw.ifindex, row->gateway_slot, gw.name);
	if (!r)
		r = bpf_fdb_set(&h->dp, n->id, n->mac, row->gateway_slot);
	if (!r)
		r = dp_attach(&h->dp, DP_PROG_FROM_HOST, gw.ifindex, gw.name, DP_EGRESS);
	return r ? r : net_gateway_up(h, n, &gw, &far);
}

static int net_zero_drops(struct host *h, __u32 id)
{
	int cpus = libbpf_num_possible_cpus();
	autofree __u64 *zero = cpus > 0 ? calloc(cpus, sizeof(*zero)) : NULL;
	__u32 i;

	for (i = id * NSF_DROP_STRIDE; zero && i < (id + 1) * NSF_DROP_STRIDE; i++)
		if (bpf_map_update_elem(h->dp.map[DP_DROPS], &i, zero, BPF_ANY))
			return fail(-errno, "cannot reset the drop counters");
	return zero ? 0 : fail(-ENOMEM, "cannot reset the drop counters");
}

int bpf_net_begin(struct host *h, struct network *n)
{
	struct network defaults; /* the timeouts of the host's own flows */
	int r;

	if (!h->dp.loaded) {
		r = state_bpffs();
		if (!r)
			r = dp_load(h->cookie, n->flows ? n->flows : DP_FLOWS_DEFAULT, &h->dp);
		h->no_bpf = r == -EPERM || r == -EOPNOTSUPP;
		if (r)
			return r;
	}
	n->id = row_free_net(&h->dp);
	if (!n->id)
		return fail(-ENOSPC, "%s: this host has %d networks, there is no room for more", n->name,
			    NSF_NETS_MAX - 1);
	network_init(&defaults, "");
	memcpy(h->dp.nets[0].timeout, defaults.timeout, sizeof(defaults.timeout));
	network_limits(n, h->dp.n_flows);
	h->dp.nets[n->id] = (struct nsf_net){};
	net_fill(n, &h->dp.nets[n->id]);
	return net_zero_drops(h, n->id);
}

int bpf_net_end(struct host *h)
{
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (h->dp.nets[i].name[0] || h->dp.nets[i].gateway_slot)
			return 0;
	dp_close(&h->dp);
	return dp_unload(h->cookie);
}

int bpf_net_clear(struct host *h, __u32 id, const char *name)
{
	struct nsf_net *row = &h->dp.nets[id];
	struct link gw;
	int first, r;

	row->name[0] = '\0';
	first = bpf_publish_drop(h, id, 0);
	bpf_ports_release(h, row->first);
	while (row->first) {
		r = bpf_port_clear(h, row->first);
		first = first ? first : r;
	}
	r = bpf_uplink_clear(h, id);
	first = first ? first : r;
	r = bpf_frag_sync(h);
	first = first ? first : r;
	if (row->gateway_slot) {
		r = bpf_fdb_unset(&h->dp, id, row->mac, row->gateway_slot);
		first = first ? first : r;
		r = row_unset_iface(&h->dp, row->gateway);
		first = first ? first : r;
		r = dp_detach(&h->dp, row->gateway, DP_EGRESS);
		first = first ? first : r;
		if (!link_get(h->nl, NULL, row->gateway, &gw) && streq(gw.kind, "veth")) {
			r = link_del(h->nl, gw.ifindex);
			if (r)
				fail(r, "%s: cannot delete the gateway", name);
			first = first ? first : r;
		}
		row_clear_port(&h->dp, row->gateway_slot);
	}
	*row = (struct nsf_net){};
	return first;
}

int bpf_net_add(struct host *h, struct network *n)
{
	struct link gw, far;
	int r = net_gateway_find(h, n->name, n->name, &gw, &far);

	if (r && r != -ENODEV)
		return r;
	ifname_mac(n->name, 0, n->mac);
	r = bpf_net_begin(h, n);
	if (!r)
		r = bpf_net_gateway(h, n);
	if (!r)
		r = bpf_uplink_set(h, n);
	if (!r)
		r = bpf_frag_sync(h);
	if (!r)
		r = bpf_xdp_set(h, n);
	if (r) {
		bpf_net_del(h, n->name);
		return r;
	}
	row_commit(h->dp.nets[n->id].name, n->name, sizeof(h->dp.nets[0].name));
	return bpf_sock_sync(h);
}

int bpf_net_change(struct host *h, struct network *n)
{
	struct nsf_net *row;
	__u32 slot, mtu;
	int r;

	n->id = row_net(&h->dp, n->name);
	row = &h->dp.nets[n->id];
	mtu = row->mtu;
	memcpy(n->mac, row->mac, sizeof(n->mac));
	r = bpf_net6_leave(h, n, row);
	net_fill(n, row);
	if (!r)
		r = bpf_net_gateway(h, n);
	if (!r)
		r = bpf_uplink_set(h, n);
	if (!r)
		r = bpf_frag_sync(h);
	if (!r)
		r = bpf_xdp_set(h, n);
	/* but of ports that have one of their own */
	for (slot = row->first; !r && mtu != n->mtu && slot; slot = h->dp.ports[slot].next)
		if (h->dp.names[slot].netns[0] && h->dp.ports[slot].mtu == mtu)
			r = bpf_port_mtu(h, slot, n->mtu);
	return r ? r : bpf_sock_sync(h);
}

/* A pair that was made and entered nowhere, by a run that was killed right then. */
static int net_stray_gateway(struct host *h, const char *name)
{
	char far_name[IFNAMSIZ];
	struct link gw, far;

	ifname_far(name, far_name);
	if (link_get(h->nl, name, 0, &gw) || !streq(gw.kind, "veth") || link_get(h->nl, far_name, 0, &far) ||
	    gw.peer != far.ifindex || gw.peer_netns >= 0)
		return 0;
	return link_del(h->nl, gw.ifindex);
}

int bpf_net_del(struct host *h, const char *name)
{
	__u32 id = h->dp.loaded ? row_net(&h->dp, name) : 0;
	int first = 0, r;

	if (id)
		first = bpf_net_clear(h, id, name);
	r = bpf_net_sweep(h);
	first = first ? first : r;
	r = net_stray_gateway(h, name);
	first = first ? first : r;
	r = host_netns_put_all(h, name, NULL);
	return first ? first : r;
}

struct net_strays {
	struct host *h;
	int ifindex[64];
	size_t n;
};

static int net_stray(const struct link *l, void *arg)
{
	struct net_strays *s = arg;
	__u32 key = l->ifindex, slot;

	if (!streq(l->kind, "veth") || !ifname_is_port(l->name) || l->alias[0])
		return 0;
	if (s->h->dp.loaded && !bpf_map_lookup_elem(s->h->dp.map[DP_IFACES], &key, &slot))
		return 0;
	s->ifindex[s->n++] = l->ifindex;
	return s->n == ARRAY_SIZE(s->ifindex);
}

int bpf_net_sweep(struct host *h)
{
	struct net_strays strays = { .h = h };
	int first = 0, r;
	__u32 i;
	size_t k;

	six_repair(h);
	if (h->dp.loaded) {
		for (i = 1; i < NSF_SLOTS_MAX; i++) {
			if (h->dp.ports[i].role != NSF_ROLE_PORT || h->dp.names[i].port[0])
				continue;
			r = bpf_port_clear(h, i);
			first = first ? first : r;
		}
		for (i = 1; i < NSF_NETS_MAX; i++) {
			const char *name = h->dp.nets[i].name;

			if (name[0]) /* a port's row goes before its namespace's name */
				r = host_netns_put_all(h, name, bpf_port_lives);
			else
				r = h->dp.nets[i].gateway_slot ? bpf_net_clear(h, i, "half-made network") : 0;
			first = first ? first : r;
		}
		r = bpf_publish_sweep(h);
		first = first ? first : r;
		r = bpf_ports_gone(h);
		first = first ? first : r;
		r = bpf_sock_sync(h);
		first = first ? first : r;
		r = bpf_net_end(h);
		first = first ? first : r;
	}
	link_list(h->nl, net_stray, &strays);
	for (k = 0; k < strays.n; k++) {
		r = link_del(h->nl, strays.ifindex[k]);
		first = first ? first : r;
	}
	return first;
}
