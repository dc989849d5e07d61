/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings of the host that carry, change or stop packets. */
#include "doctor.h"

#include <stdio.h>

#include "sysctl.h"

#define CT_COUNT "netfilter/nf_conntrack_count"
#define CT_MAX   "netfilter/nf_conntrack_max"

static unsigned long number(const char *key)
{
	char text[32] = "";

	return sysctl_get(key, text, sizeof(text)) ? 0 : strtoul(text, NULL, 10);
}

/* The default route of a family, and whether its interface says where its packets come back. */
static void way_out(struct host *h, const char *what, int family, const char *none)
{
	char key[64], found[128];
	struct route route;
	struct link l;
	int r = route_default(h->nl, family, &route);
	unsigned long own, all;

	if (!r)
		r = link_get(h->nl, NULL, route.ifindex, &l);
	if (r) {
		doctor_line(what, true, none, NULL);
		return;
	}
	snprintf(found, sizeof(found), "%s, MTU %u", l.name, l.mtu);
	doctor_line(what, true, found, NULL);
	if (family != AF_INET)
		return;
	snprintf(key, sizeof(key), "ipv4/conf/%s/rp_filter", l.name);
	own = number(key);
	all = number("ipv4/conf/all/rp_filter");
	own = own > all ? own : all; /* the kernel heeds the greater one */
	snprintf(found, sizeof(found), "%lu on %s: %s", own, l.name,
		 own == 1   ? "what comes back by another interface is dropped (strict)"
		 : own == 2 ? "any way back will do (loose)"
			    : "off");
	doctor_line("rp_filter", true, found, NULL);
}

static void forwarding(void)
{
	char found[128];

	snprintf(found, sizeof(found), "IPv4 %s, IPv6 %s for all interfaces; networks set it on their own",
		 number("ipv4/ip_forward") ? "on" : "off", number("ipv6/conf/all/forwarding") ? "on" : "off");
	doctor_line("forwarding", true, found, NULL);
}

static void bridge_netfilter(void)
{
	char text[8];

	if (sysctl_get("bridge/bridge-nf-call-iptables", text, sizeof(text)))
		doctor_line("br_netfilter", true, "not there", NULL);
	else
		doctor_line("br_netfilter", true,
			    streq(text, "0") ? "does not hand bridged packets to iptables"
					     : "hands bridged packets to iptables: mode netfilter works with it",
			    NULL);
}

/* A table that is nearly full refuses what is new, the host's own connections too. */
static void connections(void)
{
	unsigned long count = number(CT_COUNT), max = number(CT_MAX);
	char found[96], cure[96];
	bool ok = count < max - max / 10;

	if (!max) {
		doctor_line("conntrack", true, "not in use", NULL);
		return;
	}
	snprintf(found, sizeof(found), "%lu of %lu connections", count, max);
	snprintf(cure, sizeof(cure), "sysctl -w net.netfilter.nf_conntrack_max=%lu", 2 * max);
	doctor_line("conntrack", ok, found, ok ? NULL : cure);
}

void doctor_host(struct host *h)
{
	way_out(h, "default route", AF_INET, "none: 'up' needs --uplink IF or --uplink none");
	way_out(h, "IPv6 default route", AF_INET6, "none: IPv6 does not leave this host");
	forwarding();
	bridge_netfilter();
	connections();
}
