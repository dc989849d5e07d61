/* SPDX-License-Identifier: GPL-2.0-only */
/* Netfilter mode's part in a change of mode. Programs on the ports and the uplink see packets before the bridge and the
 * rules do, so that both can be whole while the programs still carry them. */
#include "nf_handover.h"

#include <stdio.h>

#include "ifname.h"
#include "log.h"
#include "nf_flows.h"
#include "nf_net.h"
#include "nf_port.h"
#include "nf_record.h"
#include "nf_rules.h"
#include "nf_sysctl.h"
#include "nf_vlan.h"
#include "state.h"

static int is_name(const char *name, void *arg)
{
	return streq(name, arg);
}

/* That an adopted interface was down is noted by its name here, and by its number in bpf mode. */
static int take_note(struct host *h, const struct network *n, const struct port *p)
{
	char key[16], value[IFNAMSIZ];
	struct link l;
	int r;

	if (p->netns[0] || link_get(h->nl, p->dev, 0, &l))
		return 0;
	snprintf(key, sizeof(key), "%d", l.ifindex);
	if (state_get(h->cookie, "down", key, value, sizeof(value)))
		return 0;
	r = state_set(h->cookie, "down", p->dev, n->name);
	return r ? r : state_unset(h->cookie, "down", key);
}

int nf_handover_take(struct host *h, struct network *n)
{
	bool there = nf_record_list(h, is_name, n->name) == 1;
	size_t i;
	int r = nf_net_probe();

	if (!r)
		r = nf_net_possible(n);
	ifname_mac(n->name, 0, n->mac);
	if (!r && !there)
		r = nf_record_write(h, n);
	if (!r && !there)
		r = nf_record_begin(h, n->name);
	if (!r)
		r = nf_net_bridge(h, n);
	if (!r)
		r = nf_rules_sync(h, there ? NULL : n);
	if (!r)
		r = nf_vlan_sync(h, n);
	if (!r)
		r = nf_sysctl_sync(h, there ? NULL : n);
	for (i = 0; !r && i < n->n_ports; i++) {
		r = take_note(h, n, &n->ports[i]);
		if (!r)
			r = nf_port_rejoin(h, n, &n->ports[i]);
	}
	return r;
}

int nf_handover_leave(struct host *h, const struct network *n)
{
	struct addr gateway = n->gateway, gateway6 = n->gateway6;
	int first = nf_net_bridge_del(h, n->name), r;

	r = nf_record_remove(h, n->name);
	first = first ? first : r;
	r = nf_sysctl_sync(h, NULL);
	first = first ? first : r;
	r = nf_rules_sync(h, NULL);
	first = first ? first : r;
	r = nf_flows_end_addr(&gateway);
	first = first ? first : r;
	r = nf_flows_end_addr(&gateway6);
	return first ? first : r;
}

int nf_handover_settle(struct host *h, struct network *n)
{
	int r = nf_record_end(h, n->name);

	if (!r)
		nf_net_warn(n);
	return r;
}
