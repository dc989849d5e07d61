/* SPDX-License-Identifier: GPL-2.0-only */
/* XDP at the uplink of bpf mode: its program, and the ports that take its frames. */
#include "bpf_xdp.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <stdio.h>

#include "bpf_through.h"
#include "ethtool.h"
#include "log.h"
#include "port.h"
#include "state.h"

#define XDP_WANTED (NSF_NET_XDP_AUTO | NSF_NET_XDP_NATIVE)

static const __u32 xdp_flags[] = {
	[NET_XDP_OFF] = 0,
	[NET_XDP_AUTO] = NSF_NET_XDP_AUTO,
	[NET_XDP_NATIVE] = NSF_NET_XDP_NATIVE,
};

/* What drivers mean by their errors: veth's, virtio's and most others'. */
static const char *xdp_why(int r)
{
	switch (-r) {
	case EOPNOTSUPP:
		return "its driver has none";
	case EBUSY:
	case EEXIST:
		return "another XDP program is on it";
	case ERANGE:
	case EINVAL:
		return "its MTU, or that of the other end, or an offload does not go with it";
	case ENOSPC:
	case ENOMEM:
		return "its driver has too few queues for it";
	}
	return strerror(-r);
}

/* A tag that the driver takes out of the frame is not seen at XDP: the frame would pass for one without. */
static int xdp_vlan_off(struct host *h, __u32 uplink, const char *ifname)
{
	char key[16];
	__u32 flags;
	int r = ethtool_get(ifname, ETHTOOL_GFLAGS, &flags);

	if (r == -EOPNOTSUPP || (!r && !(flags & ETH_FLAG_RXVLAN)))
		return 0;
	snprintf(key, sizeof(key), "%u", uplink);
	if (!r)
		r = state_set(h->cookie, "rxvlan", key, ifname);
	return r ? r : ethtool_set(ifname, ETHTOOL_SFLAGS, flags & ~ETH_FLAG_RXVLAN);
}

static int xdp_vlan_back(struct host *h, __u32 uplink)
{
	char key[16], name[IFNAMSIZ];
	struct link l;
	__u32 flags;

	snprintf(key, sizeof(key), "%u", uplink);
	if (state_get(h->cookie, "rxvlan", key, name, sizeof(name)))
		return 0;
	if (!link_get(h->nl, NULL, uplink, &l) && !ethtool_get(l.name, ETHTOOL_GFLAGS, &flags) &&
	    ethtool_set(l.name, ETHTOOL_SFLAGS, flags | ETH_FLAG_RXVLAN))
		return fail(-errno, "cannot turn the VLAN offload of '%s' on again", l.name);
	return state_unset(h->cookie, "rxvlan", key);
}

static bool xdp_wanted(const struct dp *dp, __u32 uplink)
{
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (dp->nets[i].uplink == uplink && dp->nets[i].flags & XDP_WANTED)
			return true;
	return false;
}

int bpf_xdp_tidy(struct host *h, __u32 uplink)
{
	int r;

	bpf_through_set(&h->dp, uplink);
	if (!uplink || xdp_wanted(&h->dp, uplink))
		return 0;
	r = dp_detach(&h->dp, (int)uplink, DP_WIRE);
	return r ? r : xdp_vlan_back(h, uplink);
}

/* Our own end of a pair is ours to set; that of an adopted port is not, and gets its packets from tc. */
static int xdp_port(struct host *h, __u32 slot, bool on)
{
	struct nsf_port *row = &h->dp.ports[slot];
	const char *netns = h->dp.names[slot].netns;
	__u8 flags = row->flags & ~(NSF_PORT_NAPI | NSF_PORT_GRO);
	bool was = false;
	int r = 0;

	if (!netns[0])
		return 0;
	if (!on)
		__atomic_store_n(&row->flags, flags | (row->flags & NSF_PORT_GRO), __ATOMIC_RELEASE);
	if (on || row->flags & NSF_PORT_GRO)
		r = port_inside_gro(netns, on, &was);
	if (on && !r)
		flags |= NSF_PORT_NAPI | (was ? row->flags & NSF_PORT_GRO : NSF_PORT_GRO);
	__atomic_store_n(&row->flags, flags, __ATOMIC_RELEASE);
	return on ? r : 0; /* the namespace may be gone, and its interface with it */
}

void bpf_xdp_port(struct host *h, const struct network *n, __u32 slot)
{
	const struct nsf_net *row = &h->dp.nets[n->id];
	int r;

	if (!(row->flags & XDP_WANTED) || !row->uplink || !dp_attached(&h->dp, (int)row->uplink, DP_WIRE))
		return;
	r = xdp_port(h, slot, true);
	if (r)
		warn("%s/%s: cannot turn on GRO of '%s' in namespace '%s': %s; what comes for it goes by tc", n->name,
		     h->dp.names[slot].port, PORT_INSIDE, h->dp.names[slot].netns, strerror(-r));
}

static int xdp_attach(struct host *h, const struct network *n, __u32 uplink)
{
	int r = dp_attach_wire(&h->dp, (int)uplink);

	if (!r) {
		r = xdp_vlan_off(h, uplink, n->uplink);
		if (r)
			dp_detach(&h->dp, (int)uplink, DP_WIRE);
	}
	if (!r)
		return 0;
	if (n->xdp == NET_XDP_AUTO) {
		info("%s: no native XDP on '%s': %s; tc does it all", n->name, n->uplink, xdp_why(r));
		return 0;
	}
	if (r == -EBUSY || r == -EEXIST)
		hint("'ip link show %s' tells which", n->uplink);
	else
		hint("--xdp auto does without where it must");
	if (r == -EOPNOTSUPP)
		return fail_feature("%s: no native XDP on '%s': %s", n->name, n->uplink, xdp_why(r));
	return fail(r, "%s: no native XDP on '%s': %s", n->name, n->uplink, xdp_why(r));
}

int bpf_xdp_set(struct host *h, const struct network *n)
{
	struct nsf_net *row = &h->dp.nets[n->id];
	__u32 slot;
	int r;

	if (n->xdp == NET_XDP_OFF || !row->uplink)
		r = bpf_xdp_clear(h, n->id);
	else
		r = xdp_attach(h, n, row->uplink);
	if (!r)
		r = bpf_through_check(h, n, row->uplink);
	if (r)
		return r;
	__atomic_store_n(&row->flags, (row->flags & ~XDP_WANTED) | xdp_flags[n->xdp], __ATOMIC_RELEASE);
	bpf_through_set(&h->dp, row->uplink);
	for (slot = row->first; slot; slot = h->dp.ports[slot].next)
		bpf_xdp_port(h, n, slot);
	return 0;
}

int bpf_xdp_clear(struct host *h, __u32 id)
{
	struct nsf_net *row = &h->dp.nets[id];
	__u32 slot;

	__atomic_store_n(&row->flags, row->flags & ~XDP_WANTED, __ATOMIC_RELEASE);
	for (slot = row->first; slot; slot = h->dp.ports[slot].next)
		xdp_port(h, slot, false);
	return bpf_xdp_tidy(h, row->uplink);
}

void bpf_xdp_read(const struct dp *dp, const struct nsf_net *row, struct network *n)
{
	n->xdp = row->flags & NSF_NET_XDP_NATIVE ? NET_XDP_NATIVE
		 : row->flags & NSF_NET_XDP_AUTO ? NET_XDP_AUTO
						 : NET_XDP_OFF;
	n->xdp_attached = row->uplink && n->xdp && dp_attached(dp, (int)row->uplink, DP_WIRE);
	n->xdp_forwards = n->xdp_attached && bpf_through_is(dp, row);
}
