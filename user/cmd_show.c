/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast show: networks and their ports, with counters. */
#include <errno.h>

#include "cmd.h"
#include "log.h"
#include "mode.h"
#include "opt.h"
#include "out.h"

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

static void show_port(const struct port *p)
{
	char addr[ADDR_STRLEN], mac[MAC_STRLEN];

	out_open_object(NULL);
	out_str("name", "  %-14s ", p->name);
	out_str("netns", "%-14s ", p->netns[0] ? p->netns : NULL);
	out_str("dev", "%-15s ", p->dev[0] ? p->dev : NULL);
	out_str("address", "%-18s ", p->addr.family ? addr_format(&p->addr, true, addr) : NULL);
	out_str("mac", "%-17s ", p->has & PORT_HAS_MAC ? mac_format(p->mac, mac) : NULL);
	show_counters(p);
	out_str("state", p->ifindex ? NULL : "  %s", p->ifindex ? "up" : "gone");
	out_text("\n");
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

static void show_network(const struct network *n, const struct mode *m, const struct mode_usage *u)
{
	char gw[ADDR_STRLEN], mac[MAC_STRLEN], snat[ADDR_STRLEN];
	size_t i;

	out_open_object(NULL);
	out_str("name", "%s: ", n->name);
	out_str("state", n->whole ? NULL : "%s, run 'nsfast up' for it again; ", n->whole ? "up" : "damaged");
	out_str("mode", "mode %s, ", m->name);
	out_str("gateway", "gateway %s ", addr_format(&n->gateway, true, gw));
	out_str("mac", "(%s), ", mac_format(n->mac, mac));
	out_u64("mtu", "mtu %" PRIu64, n->mtu);
	out_str("uplink", n->uplink[0] ? ", uplink %s" : NULL, n->uplink[0] ? n->uplink : NULL);
	out_str("snat", n->snat == NET_SNAT_ADDR ? ", SNAT %s" : NULL,
		n->snat == NET_SNAT_ADDR ? addr_format(&n->snat_addr, false, snat) : NULL);
	out_open_object("flows");
	out_u64("used", ", flows %" PRIu64, u->flows);
	out_u64("limit", " of %" PRIu64 "\n", u->flows_max);
	out_close_object();
	show_timeouts(n);
	out_text("  %-14s %-14s %-15s %-18s %-17s %8s %8s %8s %8s\n", "PORT", "NAMESPACE", "INTERFACE", "ADDRESS",
		 "MAC", "RX-PKT", "RX-BYTE", "TX-PKT", "TX-BYTE");
	out_open_array("ports");
	for (i = 0; i < n->n_ports; i++)
		show_port(&n->ports[i]);
	out_close_array();
	show_leg("host", n->name, &n->gw);
	if (n->uplink[0])
		show_leg("outside", n->uplink, &n->up);
	out_close_object();
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
		show_network(&n, m, &s->usage);
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
