/* SPDX-License-Identifier: GPL-2.0-only */
/* What passes through the host by XDP in bpf mode (XdpForward): by which uplinks, and whether their drivers can. */
#include "bpf_through.h"

#include <errno.h>

#include "compat.h"
#include "log.h"
#include "netdev.h"

#define THROUGH_NEEDS (NETDEV_XDP_ACT_REDIRECT | NETDEV_XDP_ACT_NDO_XMIT)

int bpf_through_able(__u32 uplink, bool *ret)
{
	__u64 has = 0;
	int r = netdev_xdp(uplink, &has);

	*ret = !r && (has & THROUGH_NEEDS) == THROUGH_NEEDS;
	return r;
}

/* With one line of what to do about it. */
static const char *through_why(struct host *h, const struct network *n)
{
	struct link l;

	if (link_get(h->nl, n->uplink, 0, &l) || !streq(l.kind, "veth"))
		return "its driver takes none that came in elsewhere";
	return "its other end does not poll, which GRO makes it do (ethtool -K IF gro on)";
}

int bpf_through_check(struct host *h, const struct network *n, __u32 uplink)
{
	bool able;
	int r;

	if (!(n->policy & NSF_NET_XDP_FORWARD) || !uplink)
		return 0;
	r = bpf_through_able(uplink, &able);
	if (r == -EOPNOTSUPP) {
		hint("--xdp-forward no: the host's own way does it");
		return fail_feature("%s: XdpForward=yes needs Linux 6.3, which tells what drivers take frames",
				    n->name);
	}
	if (r)
		return fail(r, "%s: cannot ask what the driver of '%s' does for XDP", n->name, n->uplink);
	if (able || !dp_attached(&h->dp, (int)uplink, DP_WIRE))
		return 0;
	if (n->xdp == NET_XDP_AUTO) {
		info("%s: '%s' forwards no frames: %s; the host's own way does it", n->name, n->uplink,
		     through_why(h, n));
		return 0;
	}
	hint("--xdp auto does without where it must");
	return fail_feature("%s: '%s' forwards no frames: %s", n->name, n->uplink, through_why(h, n));
}

static bool through_wanted(const struct dp *dp, __u32 uplink)
{
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (dp->nets[i].uplink == uplink && dp->nets[i].flags & NSF_NET_XDP_FORWARD &&
		    dp->nets[i].flags & (NSF_NET_XDP_AUTO | NSF_NET_XDP_NATIVE))
			return true;
	return false;
}

/* All legs on the uplink have it, as the data path finds any one of them. */
void bpf_through_set(struct dp *dp, __u32 uplink)
{
	bool on = false;
	__u32 i;

	if (!uplink)
		return;
	if (through_wanted(dp, uplink) && dp_attached(dp, (int)uplink, DP_WIRE))
		bpf_through_able(uplink, &on);
	for (i = 1; i < NSF_NETS_MAX; i++) {
		struct nsf_net *row = &dp->nets[i];

		if (row->uplink == uplink && row->uplink_slot)
			__atomic_store_n(&dp->ports[row->uplink_slot].flags, on ? NSF_PORT_NAPI : 0, __ATOMIC_RELEASE);
	}
}

bool bpf_through_is(const struct dp *dp, const struct nsf_net *row)
{
	return row->uplink && row->flags & NSF_NET_XDP_FORWARD && dp->ports[row->uplink_slot].flags & NSF_PORT_NAPI;
}
