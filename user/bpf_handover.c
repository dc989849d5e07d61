/* SPDX-License-Identifier: GPL-2.0-only */
/* Bpf mode's part in a change of mode: its tables are filled first, then hooks take the packets, or leave them, one after
 * the other. */
#include "bpf_handover.h"

#include <errno.h>
#include <stdio.h>

#include "bpf_frag.h"
#include "bpf_net.h"
#include "bpf_port.h"
#include "bpf_publish.h"
#include "bpf_row.h"
#include "bpf_sock.h"
#include "bpf_uplink.h"
#include "bpf_xdp.h"
#include "ifname.h"
#include "log.h"
#include "state.h"

static struct nsf_net *row_of(struct host *h, const struct network *n)
{
	__u32 id = h->dp.loaded ? row_net(&h->dp, n->name) : 0;

	return id ? &h->dp.nets[id] : NULL;
}

static int rename_gateway(struct host *h, const struct network *n, const char *to)
{
	const struct nsf_net *row = row_of(h, n);
	struct link l;
	int r;

	if (!row || link_get(h->nl, NULL, row->gateway, &l) || streq(l.name, to))
		return 0;
	r = link_rename(h->nl, l.ifindex, to);
	return r ? fail(r, "%s: cannot rename interface '%s' to '%s'", n->name, l.name, to) : 0;
}

int bpf_handover_aside(struct host *h, const struct network *n)
{
	char aside[IFNAMSIZ];

	ifname_aside(n->name, aside);
	return rename_gateway(h, n, aside);
}

/* That an adopted interface was down is noted by its number here, and by its name in netfilter mode. */
static int take_note(struct host *h, const struct port *p)
{
	char key[16], value[NET_NAME_LEN];
	struct link l;
	int r;

	if (p->netns[0] || state_get(h->cookie, "down", p->dev, value, sizeof(value)) || link_get(h->nl, p->dev, 0, &l))
		return 0;
	snprintf(key, sizeof(key), "%d", l.ifindex);
	r = state_set(h->cookie, "down", key, p->dev);
	return r ? r : state_unset(h->cookie, "down", p->dev);
}

/* What a run that was killed has begun of it. */
static int drop_half(struct host *h)
{
	__u32 i;
	int r = 0;

	for (i = 1; !r && h->dp.loaded && i < NSF_NETS_MAX; i++)
		if (!h->dp.nets[i].name[0] && h->dp.nets[i].gateway_slot)
			r = bpf_net_clear(h, i, "half-made network");
	return r;
}

static int take_rows(struct host *h, struct network *n)
{
	size_t i;
	int r = drop_half(h);

	if (!r)
		r = bpf_net_begin(h, n);
	if (!r)
		r = bpf_net_gateway(h, n);
	if (!r)
		r = bpf_uplink_set(h, n);
	if (!r)
		r = bpf_frag_sync(h);
	for (i = 0; !r && i < n->n_ports; i++) {
		r = take_note(h, &n->ports[i]);
		if (!r)
			r = bpf_port_take(h, n, &n->ports[i]);
	}
	if (!r)
		row_commit(h->dp.nets[n->id].name, n->name, sizeof(h->dp.nets[0].name));
	return r;
}

int bpf_handover_take(struct host *h, struct network *n)
{
	bool changed;
	int r = 0;

	ifname_mac(n->name, 0, n->mac);
	if (!row_of(h, n))
		r = take_rows(h, n);
	else
		n->id = row_net(&h->dp, n->name);
	n->ifindex = r ? 0 : (int)row_of(h, n)->gateway;
	return r ? r : bpf_publish_set(h, n, &changed);
}

/* What the host says goes by the other mode's gateway from here on. */
static int drop_addresses(struct host *h, const struct network *n, const struct nsf_net *row)
{
	const struct addr ll = addr_link_local(n->mac), *const all[] = { &n->gateway, &n->gateway6, &ll };
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(all); i++)
		r = all[i]->family ? addr_del(h->nl, (int)row->gateway, all[i]) : 0;
	return r ? fail(r, "%s: cannot take the addresses off the gateway", n->name) : 0;
}

static int swap_ports(struct host *h, const struct nsf_net *row, bool on)
{
	__u32 slot;
	int r = 0;

	for (slot = row->first; !r && slot; slot = h->dp.ports[slot].next) {
		int ifindex = (int)h->dp.ports[slot].ifindex;

		r = on ? dp_attach(&h->dp, DP_PROG_FROM_PORT, ifindex, h->dp.names[slot].port, DP_INGRESS)
		       : dp_detach(&h->dp, ifindex, DP_INGRESS);
	}
	return r;
}

static int swap_uplink(struct host *h, const struct network *n, const struct nsf_net *row, bool on, enum dp_hook hook)
{
	enum dp_prog prog = hook == DP_INGRESS ? DP_PROG_FROM_UPLINK : DP_PROG_TO_UPLINK;

	if (!row->uplink)
		return 0;
	if (on)
		return dp_attach(&h->dp, prog, (int)row->uplink, n->uplink, hook);
	return bpf_uplink_used(&h->dp, row->uplink, row - h->dp.nets) ? 0 : dp_detach(&h->dp, (int)row->uplink, hook);
}

/*
 * What comes in of a flow that is not known here yet goes on to the kernel, which knows it. What goes out and is not known
 * would be refused, or begin anew: between the two the flows are carried once more. The hook on what the host sends goes
 * last on and first off, for it takes what the kernel translates for the host's own.
 */
int bpf_handover_swap(struct host *h, const struct network *n, bool on, int (*carry)(void *arg), void *arg)
{
	const struct nsf_net *row = row_of(h, n);
	int r;

	if (!row)
		return 0;
	r = on ? 0 : bpf_xdp_clear(h, row - h->dp.nets);
	if (!r && !on)
		r = drop_addresses(h, n, row);
	if (!r)
		r = swap_uplink(h, n, row, on, on ? DP_INGRESS : DP_EGRESS);
	if (!r && on)
		r = carry(arg);
	if (!r)
		r = swap_ports(h, row, on);
	if (!r)
		r = carry(arg);
	if (!r)
		r = swap_uplink(h, n, row, on, on ? DP_EGRESS : DP_INGRESS);
	if (!r)
		r = on ? bpf_xdp_set(h, n) : carry(arg);
	return r;
}

int bpf_handover_leave(struct host *h, const struct network *n)
{
	const struct nsf_net *row = row_of(h, n);
	int first = row ? bpf_net_clear(h, row - h->dp.nets, n->name) : 0, r;

	if (!h->dp.loaded)
		return first;
	r = drop_half(h);
	first = first ? first : r;
	r = dp_run(&h->dp, DP_PROG_PURGE);
	first = first ? first : r;
	r = bpf_sock_sync(h);
	first = first ? first : r;
	r = bpf_net_end(h);
	return first ? first : r;
}

/* The other mode's settings of forwarding may have gone with it: the gateway gets its own again. */
int bpf_handover_settle(struct host *h, struct network *n)
{
	int r = rename_gateway(h, n, n->name);

	if (!r)
		r = bpf_net_gateway(h, n);
	if (!r)
		r = bpf_frag_sync(h);
	return r ? r : bpf_sock_sync(h);
}
