/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast show: networks and their ports, with counters. */
#include <errno.h>

#include "cmd.h"
#include "conf.h"
#include "log.h"
#include "mode.h"
#include "opt.h"
#include "out.h"
#include "publish.h"

static void show_counters(const struct port *p)
{
	char rx[16], tx[16], rxb[16], txb[16];

	out_u64("rx_packets", NULL, p->rx_packets);
	out_u64("rx_bytes", NULL, p->rx_bytes);
	out_u64("tx_packets", NULL, p->tx_packets);
	out_u64("tx_bytes", NULL, p->tx_bytes);
	out_text("%8s %8s %8s %8s", out_human(p->rx_packets, rx, sizeof(rx)), out_human(p->rx_bytes, rxb, sizeof(rxb)),
		 out_human(p->tx_packets, tx, sizeof(tx)), out_human(p->tx_bytes, txb, sizeof(txb)));
}

/* What a port of the network may use, and with used not NULL what it does use. No limit is null. */
static void show_limits(const struct network *n, const char *key, const __u32 is[PORT_LIMIT_MAX], const __u32 *used)
{
#define LIMIT_KEYS(id, key, option, json) json,
	static const char *const keys[] = { PORT_LIMITS(LIMIT_KEYS) };
	__u32 limit[PORT_LIMIT_MAX];
	size_t i;

	memcpy(limit, is, sizeof(limit));
	if (!limit[PORT_LIMIT_FLOOD])
		limit[PORT_LIMIT_FLOOD] = network_flood(n);
	out_open_object(key);
	for (i = 0; i < PORT_LIMIT_MAX; i++)
		if (limit[i] == PORT_LIMIT_NONE)
			out_str(keys[i], NULL, NULL);
		else
			out_u64(keys[i], NULL, limit[i]);
	out_close_object();
	if (used) {
		out_open_object("used");
		for (i = 0; i < PORT_LIMIT_FLOOD; i++) /* a rate is used up by none */
			out_u64(keys[i], NULL, used[i]);
		out_close_object();
	}
	if (!opt_details)
		return;
	for (i = 0; i < PORT_LIMIT_MAX; i++) {
		out_text("%s %s ", i ? "," : used ? "    uses" : "  a port may use", keys[i]);
		if (used && i != PORT_LIMIT_FLOOD)
			out_text("%u of ", used[i]);
		if (limit[i] == PORT_LIMIT_NONE)
			out_text("any number");
		else
			out_text("%u", limit[i]);
	}
	out_text("\n");
}

static void show_vlans(const struct port *p)
{
	const bool trunk = vlans_any(&p->trunk);
	char list[VLANS_STRLEN];

	if (p->vlan)
		out_u64("vlan", NULL, p->vlan);
	else
		out_str("vlan", NULL, NULL);
	out_str("vlan_trunk", NULL, trunk ? vlans_format(&p->trunk, list) : NULL);
	if (p->vlan == NSF_VLAN_DEFAULT && !trunk)
		return;
	if (p->vlan)
		out_text("    VLAN %u", p->vlan);
	else
		out_text("    no VLAN without a tag");
	if (trunk)
		out_text(", with tags %s", list);
	out_text("\n");
}

/* What it may hear and say. */
static void show_port_policy(const struct network *n, const struct port *p)
{
	const bool isolated = p->policy & NSF_PORT_ISOLATED, guard = p->netns[0] && !(p->policy & NSF_PORT_SERVES);
	const char *flood = conf_port_flood_word(p);

	out_bool("isolated", NULL, isolated);
	out_bool("guard", NULL, guard);
	out_str("flood", NULL, flood);
	out_u64("mtu", NULL, p->mtu ? p->mtu : n->mtu);
	show_vlans(p);
	out_u64("mac_moves", NULL, p->moves);
	out_u64("macs_not_learned", NULL, p->unlearned);
	if (opt_details)
		out_text(
			"    mtu %u, isolated %s, guard %s, flood %s, MACs moved here %u, not learned from %u frames\n",
			p->mtu ? p->mtu : n->mtu, isolated ? "yes" : "no", guard ? "yes" : "no", flood, p->moves,
			p->unlearned);
}

static void show_port(const struct network *n, const struct port *p)
{
	char addr[ADDR_STRLEN], mac[MAC_STRLEN];

	out_open_object(NULL);
	out_str("name", "  %-14s ", p->name);
	out_str("netns", "%-14s ", p->netns[0] ? p->netns : NULL);
	out_str("dev", "%-15s ", p->dev[0] ? p->dev : NULL);
	out_str("address", "%-18s ", p->addr.family ? addr_format(&p->addr, true, addr) : NULL);
	out_str("address6", NULL, p->addr6.family ? addr_format(&p->addr6, true, addr) : NULL);
	out_str("mac", "%-17s ", p->has & PORT_HAS_MAC ? mac_format(p->mac, mac) : NULL);
	show_counters(p);
	out_str("state", p->ifindex ? NULL : "  %s", p->ifindex ? "up" : "gone");
	out_text("\n");
	if (p->addr6.family)
		out_text("%-48s%s\n", "", addr_format(&p->addr6, true, addr));
	show_port_policy(n, p);
	show_limits(n, "limits", p->limit, p->used);
	out_close_object();
}

/* The gateway, or the leg on the uplink. */
static void show_leg(const char *key, const char *name, const struct port *p)
{
	out_open_object(key);
	out_str("dev", "  %-82s ", name);
	show_counters(p);
	out_text("\n");
	out_close_object();
}

static void show_timeouts(const struct network *n)
{
#define SHOW_TIMEOUT(id, key, seconds, floor) { #id, key },
	static const struct {
		const char *id, *key;
	} keys[] = { NSF_TIMEOUTS(SHOW_TIMEOUT) };
	size_t i;

	out_open_object("timeouts");
	if (opt_details)
		out_text("  timeouts (s):");
	for (i = 0; i < NSF_TIMEOUT_MAX; i++) {
		if (opt_details)
			out_text(" %s", keys[i].key);
		out_u64(keys[i].key, opt_details ? " %" PRIu64 : NULL, n->timeout[i]);
	}
	if (opt_details)
		out_text("\n");
	out_close_object();
}

static void show_addrs(const char *key, const struct addr *list, unsigned n, bool with_plen)
{
	char addr[ADDR_STRLEN];
	unsigned i;

	out_open_array(key);
	for (i = 0; i < n; i++)
		out_item(opt_details ? " %s" : NULL, addr_format(&list[i], with_plen, addr));
	out_close_array();
}

static void show_policy(const struct network *n)
{
	const bool overload = !(n->policy & NSF_NET_STRICT), icmp = !(n->policy & NSF_NET_SILENT);
	const char *port = n->policy & NSF_NET_RANDOM ? "random" : "preserve";
	const char *filter = n->policy & NSF_NET_EIF ? "endpoint-independent" : "address-port";
	char ports[16];

	snprintf(ports, sizeof(ports), "%u-%u", n->port_min, n->port_max);
	out_str("snat_ports", NULL, ports);
	out_str("snat_port", NULL, port);
	out_bool("snat_icmp", NULL, icmp);
	out_bool("overload", NULL, overload);
	out_str("filter", NULL, filter);
	if (opt_details)
		out_text("  SNAT: ports %s, port %s, overload %s, icmp %s, filter %s\n  except:", ports, port,
			 overload ? "yes" : "no", icmp ? "yes" : "no", filter);
	show_addrs("except", n->excepts, n->n_excepts, true);
	if (opt_details)
		out_text("%s\n", n->n_excepts ? "" : " none");
	show_limits(n, "limits", n->limit, NULL);
}

/* As a switch. */
static void show_switch(const struct network *n)
{
	const bool suppress = !(n->policy & NSF_NET_NO_ANSWERS), snoops = !(n->policy & NSF_NET_NO_SNOOPING);
	const char *access = conf_host_access_word(n);

	out_u64("fdb_ageing", NULL, n->fdb_age);
	out_bool("neigh_suppress", NULL, suppress);
	out_bool("multicast_snooping", NULL, snoops);
	out_str("host_access", NULL, access);
	if (opt_details)
		out_text(
			"  switch: FDB ageing %u s, questions for MACs answered %s, multicast snooping %s, access to the host %s\n",
			n->fdb_age, suppress ? "yes" : "no", snoops ? "yes" : "no", access);
}

static int show_external(const struct mode_external *e, void *arg)
{
	static const char *const protos[NSF_LEDGER_MAX] = {
		[NSF_LEDGER_TCP] = "tcp",
		[NSF_LEDGER_UDP] = "udp",
		[NSF_LEDGER_ICMP] = "icmp",
		[NSF_LEDGER_OTHER] = "other",
	};
	char text[ADDR_STRLEN];
	int i;

	(void)arg;
	out_open_object(NULL);
	out_str("address", opt_details ? "  external ports used of %s:" : NULL, addr_format(&e->addr, false, text));
	for (i = 0; i < NSF_LEDGER_MAX; i++) {
		if (opt_details)
			out_text(" %s", protos[i]);
		out_u64(protos[i], opt_details ? " %" PRIu64 : NULL, e->used[i]);
	}
	if (opt_details)
		out_text("\n");
	out_close_object();
	return 0;
}

/* What becomes of IPv6 that leaves by the uplink. */
static void show_outside6(const struct network *n)
{
	static const char *const ways[] = {
		[NET_SNAT_AUTO] = "nothing",
		[NET_SNAT_ADDR] = "snat",
		[NET_SNAT_NONE] = "routed",
	};
	static const char *const texts[] = {
		[NET_SNAT_AUTO] = ", no IPv6 outside (the uplink has no address for it)",
		[NET_SNAT_ADDR] = NULL,
		[NET_SNAT_NONE] = ", IPv6 routed",
	};
	bool any = n->gateway6.family && n->uplink[0];
	char text[ADDR_STRLEN];
	unsigned i;

	out_str("snat6", n->n_pool6 ? ", IPv6 SNAT" : NULL, n->n_pool6 ? addr_format(&n->pool6[0], false, text) : NULL);
	out_open_array("snat6_pool");
	for (i = 0; i < n->n_pool6; i++)
		out_item(" %s", addr_format(&n->pool6[i], false, text));
	out_close_array();
	out_str("outside6", any ? texts[n->snat6] : NULL, any ? ways[n->snat6] : NULL);
}

static int show_network(struct host *h, const struct network *n, const struct mode *m, const struct mode_usage *u)
{
	char gw[ADDR_STRLEN], mac[MAC_STRLEN], snat[ADDR_STRLEN], six[ADDR_STRLEN];
	size_t i;
	int r;

	out_open_object(NULL);
	out_str("name", "%s: ", n->name);
	out_str("state", n->whole ? NULL : "%s, run 'nsfast up' for it again; ", n->whole ? "up" : "damaged");
	out_str("mode", "mode %s, ", m->name);
	out_str("hooks", opt_details ? "by %s, " : NULL, n->hooks);
	out_str("gateway", "gateway %s ", addr_format(&n->gateway, true, gw));
	out_str("gateway6", n->gateway6.family ? "and %s " : NULL,
		n->gateway6.family ? addr_format(&n->gateway6, true, six) : NULL);
	out_str("mac", "(%s), ", mac_format(n->mac, mac));
	out_u64("mtu", "mtu %" PRIu64, n->mtu);
	out_str("uplink", n->uplink[0] ? ", uplink %s" : NULL, n->uplink[0] ? n->uplink : NULL);
	out_str("xdp", NULL, net_xdp_words[n->xdp]);
	out_bool("xdp_attached", NULL, n->xdp_attached);
	if (n->uplink[0] && n->xdp != NET_XDP_OFF)
		out_text(n->xdp_attached ? " by XDP" : " without XDP");
	out_bool("xdp_forward", NULL, n->policy & NSF_NET_XDP_FORWARD);
	out_bool("xdp_forwards", NULL, n->xdp_forwards);
	if (n->xdp_forwards)
		out_text(" that forwards");
	out_str("snat", n->n_pool ? ", SNAT" : NULL, n->n_pool ? addr_format(&n->pool[0], false, snat) : NULL);
	out_open_array("snat_pool");
	for (i = 0; i < n->n_pool; i++)
		out_item(" %s", addr_format(&n->pool[i], false, snat));
	out_close_array();
	show_outside6(n);
	out_open_object("flows");
	out_u64("used", ", flows %" PRIu64, u->flows);
	out_u64("limit", " of %" PRIu64, u->flows_max);
	out_u64("overloaded", opt_details ? ", overloaded so far %" PRIu64 : NULL, u->overloaded);
	out_u64("reclaimed", opt_details ? ", reclaimed so far %" PRIu64 : NULL, u->reclaimed);
	out_text("\n");
	out_close_object();
	show_policy(n);
	show_switch(n);
	show_timeouts(n);
	out_open_array("external_ports");
	r = m->externals(h, n->name, show_external, NULL);
	out_close_array();
	out_text("  %-14s %-14s %-15s %-18s %-17s %8s %8s %8s %8s\n", "PORT", "NAMESPACE", "INTERFACE", "ADDRESS",
		 "MAC", "RX-PKT", "RX-BYTE", "TX-PKT", "TX-BYTE");
	out_open_array("ports");
	for (i = 0; i < n->n_ports; i++)
		show_port(n, &n->ports[i]);
	out_close_array();
	show_leg("host", n->name, &n->gw);
	if (n->uplink[0])
		show_leg("outside", n->uplink, &n->up);
	out_open_array("publish");
	for (i = 0; i < n->n_publishes; i++) {
		out_text("  publish ");
		publish_print(n->name, &n->publishes[i]);
	}
	out_close_array();
	out_close_object();
	return r;
}

struct show {
	struct host *h;
	struct mode_usage usage;
	unsigned shown;
};

static int show_one(const char *name, void *arg)
{
	struct show *s = arg;
	const struct mode *m = mode_of(s->h, name);
	struct network n = {};
	int r = m ? m->read(s->h, name, &n) : -ENOENT;

	if (!r && !s->shown)
		r = m->usage(s->h, &s->usage);
	if (!r)
		r = show_network(s->h, &n, m, &s->usage);
	s->shown++;
	network_free(&n);
	return r;
}

int cmd_show(int argc, char **argv)
{
	static const struct option none[] = { {} };
	autohost struct host h = HOST_NONE;
	struct show s = { .h = &h };
	int r = opt_next(argc, argv, "", none);

	r = r == -1 ? opt_words(argc, argv, 0, 1, "show [NET]") : r;
	if (!r)
		r = opt_host(&h);
	if (r)
		return r;
	if (optind < argc && !mode_of(&h, argv[optind]))
		return fail_missing("no network '%s' on this host", argv[optind]);
	out_open_array(NULL);
	r = optind < argc ? show_one(argv[optind], &s) : mode_list(&h, show_one, &s);
	out_close_array();
	return r;
}
