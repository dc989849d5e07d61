/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's defragmenter in bpf mode: a namespace held by a file, and a leg to it. */
#include "bpf_frag.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "defrag.h"
#include "ifname.h"
#include "link.h"
#include "log.h"
#include "netns.h"
#include "six.h"
#include "state.h"

#define FRAG_FILE   "frag-"
#define FRAG_INSIDE "leg"
#define FRAG_ALIAS  "nsfast"

static const char *frag_file(__u64 host, char buf[32])
{
	snprintf(buf, 32, FRAG_FILE "%llu", (unsigned long long)host);
	return buf;
}

static int frag_work(void *arg)
{
	(void)arg;
	return defrag_here();
}

/* A file holds nothing but a namespace that is ready. */
static int frag_netns(struct host *h)
{
	char file[32];
	int held = netns_held(STATE_DIR, frag_file(h->cookie, file)), r;
	autoclose int fd = -1;

	if (held >= 0)
		return held;
	if (held == -EINVAL) /* left by a run that was killed before it mounted on it */
		netns_release(STATE_DIR, file);
	fd = netns_make();
	if (fd < 0)
		return fd;
	r = netns_run(fd, frag_work, NULL);
	if (!r)
		r = netns_hold(fd, STATE_DIR, file);
	return r ? r : take(&fd);
}

struct frag_leg {
	const struct link *host; /* the host's end */
	struct link far;         /* out */
	__u32 mtu;
};

static int frag_far_get(void *arg)
{
	struct frag_leg *leg = arg;
	autonl struct nl *nl = NULL;
	int r = nl_open(&nl);

	return r ? r : link_get(nl, FRAG_INSIDE, 0, &leg->far);
}

/* True if the interface is ours and leads into that namespace. */
static bool frag_leads(int netns, const struct link *l)
{
	struct frag_leg leg = { .host = l };

	return streq(l->kind, "veth") && l->peer_netns >= 0 && !netns_run(netns, frag_far_get, &leg) &&
	       leg.far.ifindex == l->peer && leg.far.peer == l->ifindex;
}

/* The host's end, from nothing or as it is. What bears the name and leads elsewhere is ours only by its alias. */
static int frag_leg_get(struct host *h, int netns, __u32 mtu, struct link *ret)
{
	__u8 mac[6], far_mac[6];
	int r = link_get(h->nl, IFNAME_FRAG, 0, ret);

	if (!r && frag_leads(netns, ret))
		return 0;
	if (!r && streq(ret->kind, "veth") && streq(ret->alias, FRAG_ALIAS))
		r = link_del(h->nl, ret->ifindex);
	else if (!r)
		return -EEXIST;
	if (r && r != -ENODEV)
		return r;
	ifname_mac(IFNAME_FRAG, 0, mac);
	ifname_mac(IFNAME_FRAG, 1, far_mac);
	r = link_add_veth(h->nl, &(struct veth){ .name = IFNAME_FRAG,
						 .peer_name = FRAG_INSIDE,
						 .mac = mac,
						 .peer_mac = far_mac,
						 .mtu = mtu,
						 .peer_netns = netns });
	return r ? r : link_get(h->nl, IFNAME_FRAG, 0, ret);
}

/* The far end: everyone is a neighbour, and what comes in goes back out. */
static int frag_far_up(void *arg)
{
	struct frag_leg *leg = arg;
	const struct link_change up = { .up = 1, .mtu = leg->mtu, .addrgen_none = 1, .noarp = 1 };
	autonl struct nl *nl = NULL;
	struct link l;
	int r = nl_open(&nl), r6;

	if (!r)
		r = link_get(nl, FRAG_INSIDE, 0, &l);
	if (!r)
		r = link_set(nl, l.ifindex, &up);
	if (!r)
		r = route_add_direct(nl, l.ifindex, AF_INET);
	if (r)
		return r;
	r6 = route_add_direct(nl, l.ifindex, AF_INET6);
	if (r6) /* no IPv6 on this machine, or not below an MTU of 1280 */
		debug("no IPv6 fragments: %s", strerror(-r6));
	return 0;
}

/* Program first: nothing that comes back reaches the host's stack here. Source addresses are looked up from here too. */
static int frag_leg_up(struct host *h, int netns, const struct link *l, __u32 mtu)
{
	const struct link_change up = {
		.up = 1, .mtu = mtu, .forwarding4 = 1, .addrgen_none = 1, .noarp = 1, .alias = FRAG_ALIAS
	};
	struct frag_leg leg = { .host = l, .mtu = mtu };
	int r = dp_attach(&h->dp, DP_PROG_FROM_FRAG, l->ifindex, l->name, DP_INGRESS);

	if (!r)
		r = link_set(h->nl, l->ifindex, &up);
	if (r)
		return r;
	if (six_set(l->name, "accept_ra", 0) || six_forward(h, l->name)) /* no IPv6 on this machine */
		debug("no IPv6 at '%s'", l->name);
	return netns_run(netns, frag_far_up, &leg);
}

/* What fits through all networks' ports and uplinks. 0: no network has an uplink. */
static __u32 frag_mtu(struct host *h)
{
	struct link l;
	__u32 i, mtu = 0;

	for (i = 1; i < NSF_NETS_MAX; i++) {
		const struct nsf_net *net = &h->dp.nets[i];

		if (!net->uplink)
			continue;
		if (!mtu || net->mtu < mtu)
			mtu = net->mtu;
		if (!link_get(h->nl, NULL, net->uplink, &l) && l.mtu < mtu)
			mtu = l.mtu;
	}
	return mtu;
}

/* Uplinks and the slots that stand for them, on the detour and at XDP: entered what is missing, removed what is over. */
static int frag_uplinks(struct host *h)
{
	__u32 i, key, next, *at = NULL;
	int map = h->dp.map[DP_UPLINKS];

	for (i = 1; i < NSF_NETS_MAX; i++) {
		const struct nsf_net *net = &h->dp.nets[i];
		__u32 slot = net->uplink_slot;

		key = net->uplink;
		if (key && bpf_map_update_elem(map, &key, &slot, BPF_ANY))
			return -errno;
	}
	while (!bpf_map_get_next_key(map, at, &next)) {
		for (i = 1; i < NSF_NETS_MAX && h->dp.nets[i].uplink != next; i++)
			;
		if (i == NSF_NETS_MAX) {
			bpf_map_delete_elem(map, &next);
			at = NULL; /* from the start: the key to go on from is gone */
			continue;
		}
		key = next;
		at = &key;
	}
	return 0;
}

/* The MTU comes first in and goes last out: no packet is cut to 0. */
static void frag_rows(struct host *h, __u32 ifindex, __u32 mtu)
{
	__u32 i;

	if (mtu)
		__atomic_store_n(&h->dp.nets[0].mtu, mtu, __ATOMIC_RELEASE);
	for (i = 0; i < NSF_NETS_MAX; i++)
		__atomic_store_n(&h->dp.nets[i].frag, i == 0 || h->dp.nets[i].uplink ? ifindex : 0, __ATOMIC_RELEASE);
}

static int frag_remove(struct host *h)
{
	__u32 ifindex = h->dp.nets[0].frag;
	char file[32];
	struct link l;
	int first = 0, r;

	frag_rows(h, 0, 0);
	if (!link_get(h->nl, IFNAME_FRAG, 0, &l) && streq(l.kind, "veth") &&
	    (l.ifindex == (int)ifindex || streq(l.alias, FRAG_ALIAS))) {
		ifindex = l.ifindex;
		first = link_del(h->nl, l.ifindex);
	}
	r = ifindex ? dp_detach(&h->dp, ifindex, DP_INGRESS) : 0;
	first = first ? first : r;
	r = netns_release(STATE_DIR, frag_file(h->cookie, file));
	return first ? first : r;
}

static int frag_make(struct host *h, __u32 mtu)
{
	autoclose int netns = frag_netns(h);
	struct link l;
	int r = netns;

	if (netns < 0)
		return r;
	r = frag_leg_get(h, netns, mtu, &l);
	if (!r)
		r = frag_leg_up(h, netns, &l, mtu);
	if (!r)
		frag_rows(h, l.ifindex, mtu);
	return r;
}

int bpf_frag_sync(struct host *h)
{
	__u32 mtu = frag_mtu(h);
	int r = frag_uplinks(h);

	if (r)
		return fail(r, "cannot enter the uplinks into the data path");
	r = mtu ? frag_make(h, mtu) : frag_remove(h);
	if (!mtu)
		return r ? fail(r, "cannot remove the defragmenter '%s'", IFNAME_FRAG) : 0;
	if (!r)
		return 0;
	frag_remove(h);
	warn("fragments to and from the outside will be dropped: cannot make the defragmenter '%s': %s", IFNAME_FRAG,
	     strerror(-r));
	return 0;
}

bool bpf_frag_whole(struct host *h)
{
	autoclose int netns = -1;
	__u32 ifindex = h->dp.nets[0].frag;
	char file[32];
	struct link l;

	if (!ifindex)
		return true;
	netns = netns_held(STATE_DIR, frag_file(h->cookie, file));
	return netns >= 0 && !link_get(h->nl, IFNAME_FRAG, 0, &l) && l.ifindex == (int)ifindex && l.flags & IFF_UP &&
	       l.mtu == frag_mtu(h) && frag_leads(netns, &l) && dp_attached(&h->dp, ifindex, DP_INGRESS);
}

void bpf_frag_collect(void)
{
	bool pins = state_has_bpffs(); /* and makes them seen here, if they are there */
	DIR *dir = opendir(STATE_DIR);
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir))) {
		char *end;
		__u64 host;

		if (strncmp(e->d_name, FRAG_FILE, strlen(FRAG_FILE)))
			continue;
		host = strtoull(e->d_name + strlen(FRAG_FILE), &end, 10);
		if (!*end && !(pins && dp_pinned(host)))
			netns_release(STATE_DIR, e->d_name);
	}
	closedir(dir);
}

int bpf_frag_probe(void)
{
	autoclose int fd = netns_make();

	return fd < 0 ? fd : netns_run(fd, frag_work, NULL);
}
