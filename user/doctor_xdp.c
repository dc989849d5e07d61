/* SPDX-License-Identifier: GPL-2.0-only */
/* XDP at a network's uplink: who loses frames, and who never sees them. */
#include "doctor.h"

#include <stdio.h>

#include "bpf_through.h"
#include "firewall.h"
#include "port.h"
#include "sysctl.h"

/* Frames for a port whose far end has stopped to poll are lost, and nobody is told. */
static void ports(const struct network *n)
{
	char what[64], found[160], cure[128];
	bool polls;
	size_t i;

	for (i = 0; i < n->n_ports; i++) {
		const struct port *p = &n->ports[i];

		if (!p->frames || port_inside_gro(p->netns, -1, &polls) || polls)
			continue;
		snprintf(found, sizeof(found), "port '%s' has turned GRO off: what XDP sends it is lost", p->name);
		snprintf(cure, sizeof(cure), "nsfast exec %s ethtool -K %s gro on", p->name, PORT_INSIDE);
		doctor_line(doctor_of(n, "XDP", what), false, found, cure);
	}
}

static int passed_by(const char *chain, const char *cure, void *arg)
{
	const struct network *n = arg;
	char what[64], found[288], off[96];

	(void)cure; /* that it is passed by is what was asked for */
	snprintf(found, sizeof(found), "passes the firewall's chain %s by, which drops what it does not accept", chain);
	snprintf(off, sizeof(off), "nsfast up %s --xdp-forward no", n->name);
	doctor_line(doctor_of(n, "XDP forward", what), true, found, off);
	return 1;
}

/* What passes through: whether it can, and whom it passes by. */
static void through(const struct network *n)
{
	char what[64], found[160], cure[128], key[64], on[8];
	bool able = false;

	if (!(n->policy & NSF_NET_XDP_FORWARD))
		return;
	doctor_of(n, "XDP forward", what);
	bpf_through_able((__u32)n->uplink_ifindex, &able);
	if (n->xdp_forwards && !able) {
		snprintf(found, sizeof(found), "'%s' takes no frames any more: what passes through to it is lost",
			 n->uplink);
		snprintf(cure, sizeof(cure), "nsfast up %s --xdp-forward no", n->name);
		doctor_line(what, false, found, cure);
		return;
	}
	snprintf(found, sizeof(found),
		 n->xdp_forwards ? "by '%s', no rule of the host sees it" : "not by '%s': the host's own way does it",
		 n->uplink);
	snprintf(cure, sizeof(cure), "'nsfast up %s --xdp native' tells why", n->name);
	doctor_line(what, n->xdp_forwards, found, n->xdp_forwards ? NULL : cure);
	if (!n->xdp_forwards)
		return;
	snprintf(key, sizeof(key), "ipv4/conf/%s/forwarding", n->uplink);
	if (!sysctl_get(key, on, sizeof(on)) && streq(on, "0")) {
		snprintf(found, sizeof(found), "the host is no router: no IPv4 packet passes through '%s'", n->uplink);
		snprintf(cure, sizeof(cure), "sysctl -w net/%s=1", key);
		doctor_line(what, false, found, cure);
	}
	firewall_blocks(n, passed_by, (void *)n);
}

void doctor_xdp(const struct mode *m, const struct network *n)
{
	char what[64], found[160], cure[128];

	if (m != &mode_bpf || !n->uplink[0] || n->xdp == NET_XDP_OFF)
		return;
	snprintf(found, sizeof(found), n->xdp_attached ? "on '%s'" : "not on '%s': tc does it all", n->uplink);
	snprintf(cure, sizeof(cure), "'nsfast up %s --xdp native' tells why", n->name);
	doctor_line(doctor_of(n, "XDP", what), n->xdp_attached, found, n->xdp_attached ? NULL : cure);
	ports(n);
	through(n);
}
