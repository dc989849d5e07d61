/* SPDX-License-Identifier: GPL-2.0-only */
/* A network, and what of others stands in its way. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

#include "compat.h"
#include "doctor.h"
#include "firewall.h"
#include "port.h"

#define FOREIGN_MAX 32     /* programs on one hook */
#define LEGACY_MAX  65536  /* bytes that TCP hands over at a time, unless told otherwise */
#define BIG         196608 /* what `nsfast bench` measures */

const char *doctor_of(const struct network *n, const char *what, char buf[64])
{
	snprintf(buf, 64, "%s %s", n->name, what);
	return buf;
}

static int blocked(const char *chain, const char *cure, void *arg)
{
	const struct network *n = arg;
	char what[64], found[224];

	snprintf(found, sizeof(found), "the firewall's chain %s drops what is forwarded", chain);
	doctor_line(doctor_of(n, "firewall", what), false, found, cure);
	return 0;
}

/* Rules of others, of which bpf mode's packets see none. */
static void firewall(const struct mode *m, struct network *n)
{
	char what[64];

	if (m == &mode_bpf)
		doctor_line(doctor_of(n, "firewall", what), true,
			    "its packets do not pass the host's: no FORWARD rule sees them", NULL);
	else if (n->uplink[0] && !firewall_blocks(n, blocked, n))
		return;
}

static void mtu(struct host *h, const struct network *n)
{
	char what[64], found[160], cure[96];
	struct link l;

	if (!n->uplink[0] || link_get(h->nl, n->uplink, 0, &l) || l.mtu == n->mtu || l.mtu > NET_MTU_MAX)
		return;
	snprintf(found, sizeof(found), "%u, and its uplink's is %u: %s", n->mtu, l.mtu,
		 l.mtu < n->mtu ? "longer packets are told so, or fragmented, at each flow's start"
				: "streams could have longer packets, and fewer");
	snprintf(cure, sizeof(cure), "nsfast up %s --mtu %u", n->name, l.mtu);
	doctor_line(doctor_of(n, "MTU", what), l.mtu > n->mtu, found, cure);
}

/* Worth it in streams between containers, and a loss where they leave by an uplink that knows nothing of it: nobody's default. */
static void big_tcp(struct host *h, const struct mode *m, const struct network *n)
{
	const struct port *small = NULL;
	char what[64], found[160], cure[160];
	size_t i, inside = 0;
	struct link l;

	for (i = 0; m == &mode_bpf && i < n->n_ports; i++) {
		const struct port *p = &n->ports[i];

		if (!p->netns[0])
			continue;
		inside++;
		if (!small && !port_inside_link(h, p->netns, &l) && l.gso4_max && l.gso4_max <= LEGACY_MAX)
			small = p;
	}
	if (!small || inside < 2)
		return;
	snprintf(found, sizeof(found),
		 "not on port '%s'; no default, as it is for streams between containers alone (iproute2 6.3 sets it)",
		 small->name);
	snprintf(cure, sizeof(cure), "nsfast exec %s ip link set %s gso_max_size %d gso_ipv4_max_size %d", small->name,
		 PORT_INSIDE, BIG, BIG);
	doctor_line(doctor_of(n, "BIG TCP", what), true, found, cure);
}

struct overlap {
	struct host *h;
	const struct network *n;
};

/* A route to part of the subnet that leads elsewhere: the host itself does not reach those containers. */
static int overlaps(const struct route *r, void *arg)
{
	const struct overlap *o = arg;
	const struct addr *net = r->family == AF_INET6 ? &o->n->gateway6 : &o->n->gateway;
	char what[64], found[160], cure[128], dst[ADDR_STRLEN];
	struct link l;

	if (r->type != RTN_UNICAST || !net->family || r->ifindex == o->n->ifindex || r->dst.plen < net->plen ||
	    r->dst.family != net->family || !addr_same_prefix(&r->dst, net, net->plen) ||
	    link_get(o->h->nl, NULL, r->ifindex, &l))
		return 0;
	addr_format(&r->dst, true, dst);
	snprintf(found, sizeof(found), "a route to %s leads to '%s'", dst, l.name);
	snprintf(cure, sizeof(cure), "give the network another --subnet, or: ip route del %s dev %s", dst, l.name);
	doctor_line(doctor_of(o->n, "routes", what), false, found, cure);
	return 0;
}

static bool is_ours(__u32 id, char name[BPF_OBJ_NAME_LEN])
{
	autoclose int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name[0] ? info.name : "without a name");
	return !strncmp(info.name, "nsf_", 4);
}

/* Who stands before us on a hook sees all and may keep it; who stands behind sees what we let pass to the host. */
static void foreign(const struct network *n, int ifindex, const char *ifname, enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_query_opts, q);
	char what[64], found[160], name[BPF_OBJ_NAME_LEN];
	__u32 ids[FOREIGN_MAX], i;
	bool before = true;

	q.prog_ids = ids;
	q.prog_cnt = FOREIGN_MAX;
	if (bpf_prog_query_opts(ifindex, type, &q)) /* no tcx, or no such interface any more */
		return;
	for (i = 0; i < q.prog_cnt && i < FOREIGN_MAX; i++) {
		snprintf(name, sizeof(name), "unknown");
		if (is_ours(ids[i], name)) {
			before = false;
			continue;
		}
		snprintf(found, sizeof(found), "program '%s' (id %u) is %s ours on '%s' %s", name, ids[i],
			 before ? "before" : "behind", ifname, (int)type == BPF_TCX_INGRESS ? "ingress" : "egress");
		doctor_line(
			doctor_of(n, "hooks", what), !before, found,
			before ? "what it drops or redirects does not reach the network: remove it, or attach it behind ('bpftool net' lists them)"
			       : NULL);
	}
}

static void hooks(const struct network *n)
{
	size_t i;

	if (n->uplink[0]) {
		foreign(n, n->uplink_ifindex, n->uplink, (enum bpf_attach_type)BPF_TCX_INGRESS);
		foreign(n, n->uplink_ifindex, n->uplink, (enum bpf_attach_type)BPF_TCX_EGRESS);
	}
	for (i = 0; i < n->n_ports; i++)
		if (n->ports[i].ifindex)
			foreign(n, n->ports[i].ifindex, n->ports[i].dev, (enum bpf_attach_type)BPF_TCX_INGRESS);
}

int doctor_network(struct host *h, const struct mode *m, const char *name)
{
	struct network n = {};
	struct overlap o = { h, &n };
	char found[64];
	bool whole;
	size_t i;
	int r = m->read(h, name, &n);

	if (r)
		return r;
	whole = n.whole;
	for (i = 0; i < n.n_ports; i++)
		whole = whole && n.ports[i].ifindex;
	snprintf(found, sizeof(found), "whole, mode %s", m->name);
	doctor_line(name, whole, whole ? found : "gateway, uplink or ports are not as they were made",
		    whole ? NULL : "run 'nsfast up' for it again");
	firewall(m, &n);
	mtu(h, &n);
	big_tcp(h, m, &n);
	r = route_list(h->nl, AF_INET, overlaps, &o);
	if (!r)
		r = route_list(h->nl, AF_INET6, overlaps, &o);
	hooks(&n);
	doctor_xdp(m, &n);
	network_free(&n);
	return r < 0 ? r : 0;
}
