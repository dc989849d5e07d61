/* SPDX-License-Identifier: GPL-2.0-only */
/* The model to text: the INI file that conf_read() makes the same network of. */
#include "conf_write.h"

#include "conf.h"
#include "flow.h"

static void write_list(FILE *f, const char *key, const struct addr *v, size_t n, bool with_plen)
{
	char text[ADDR_STRLEN];
	size_t i;

	for (i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? "," : key, addr_format(&v[i], with_plen, text));
	if (n)
		fputc('\n', f);
}

static void write_snat(FILE *f, const char *key, enum net_snat snat, const struct addr *pool, unsigned n)
{
	switch (snat) {
	case NET_SNAT_AUTO:
		fprintf(f, "%sauto\n", key);
		break;
	case NET_SNAT_NONE:
		fprintf(f, "%snone\n", key);
		break;
	case NET_SNAT_ADDR:
		write_list(f, key, pool, n, false);
		break;
	}
}

static void write_limit(FILE *f, const char *key, __u32 limit)
{
	if (limit == PORT_LIMIT_NONE)
		fprintf(f, "%s=none\n", key);
	else if (limit)
		fprintf(f, "%s=%u\n", key, limit);
}

static void write_policy(FILE *f, const struct network *n)
{
	fprintf(f, "SnatPorts=%u-%u\n", n->port_min, n->port_max);
	write_list(f, "SnatExcept=", n->excepts, n->n_excepts, true);
	fprintf(f, "SnatPort=%s\n", n->policy & NSF_NET_RANDOM ? "random" : "preserve");
	fprintf(f, "SnatOverload=%s\n", n->policy & NSF_NET_STRICT ? "no" : "yes");
	fprintf(f, "SnatIcmp=%s\n", n->policy & NSF_NET_SILENT ? "no" : "yes");
	fprintf(f, "Filter=%s\n", n->policy & NSF_NET_EIF ? "endpoint-independent" : "address-port");
}

static void write_limits(FILE *f, const __u32 limit[PORT_LIMIT_MAX])
{
#define LIMIT_WRITE(id, key, option, json) write_limit(f, key, limit[PORT_LIMIT_##id]);
	PORT_LIMITS(LIMIT_WRITE)
}

/* Only what is not the default: what is below a floor has been warned of once. */
static void write_timeouts(FILE *f, const struct network *n)
{
	struct network defaults;

	network_init(&defaults, "");
#define TIMEOUT_WRITE(name, key, seconds, floor) \
	if (n->timeout[NSF_TIMEOUT_##name] != defaults.timeout[NSF_TIMEOUT_##name]) \
		fprintf(f, "Timeout%s=%u\n", key, n->timeout[NSF_TIMEOUT_##name]);
	NSF_TIMEOUTS(TIMEOUT_WRITE)
}

static void write_ports(FILE *f, const char *colon, __u16 first, __u16 last)
{
	fprintf(f, "%s%u", colon, first);
	if (last != first)
		fprintf(f, "-%u", last);
}

static void write_publish(FILE *f, const struct publish *p)
{
	char addr[ADDR_STRLEN], proto[FLOW_PROTO_STRLEN];

	fputs("Publish=", f);
	if (p->addr.family) {
		addr_format(&p->addr, false, addr);
		fprintf(f, p->addr.family == AF_INET6 ? "[%s]:" : "%s:", addr);
	}
	write_ports(f, "", p->first, p->last);
	write_ports(f, ":", p->to_first, (__u16)(p->to_first + (p->last - p->first)));
	fprintf(f, "/%s\n", flow_proto_name(p->proto, proto));
}

static void write_vlans(FILE *f, const struct port *p)
{
	char list[VLANS_STRLEN];

	if (p->vlan)
		fprintf(f, "Vlan=%u\n", p->vlan);
	else
		fputs("Vlan=none\n", f);
	if (vlans_any(&p->trunk))
		fprintf(f, "VlanTrunk=%s\n", vlans_format(&p->trunk, list));
}

static void write_port(FILE *f, const struct network *n, const struct port *p)
{
	const struct addr both[] = { p->addr, p->addr6 };
	char mac[MAC_STRLEN];
	size_t i;

	fprintf(f, "\n[Port %s]\n", p->name);
	if (p->netns[0]) {
		fprintf(f, "Netns=%s\nMAC=%s\n", p->netns, mac_format(p->mac, mac));
		write_list(f, "Address=", both, p->addr6.family ? 2 : 1, false);
	} else {
		fprintf(f, "Device=%s\n", p->dev);
	}
	if (p->mtu && p->netns[0])
		fprintf(f, "MTU=%u\n", p->mtu);
	fprintf(f, "Isolated=%s\nFlood=%s\n", p->policy & NSF_PORT_ISOLATED ? "yes" : "no", conf_port_flood_word(p));
	if (p->netns[0])
		fprintf(f, "Guard=%s\n", p->policy & NSF_PORT_SERVES ? "no" : "yes");
	write_vlans(f, p);
	write_limits(f, p->limit);
	for (i = 0; i < n->n_publishes; i++)
		if (streq(n->publishes[i].port, p->name))
			write_publish(f, &n->publishes[i]);
}

void conf_write(FILE *f, const struct network *n, const char *mode)
{
	const struct addr gateways[] = { n->gateway, n->gateway6 };
	size_t i;

	fprintf(f, "[Network]\nName=%s\nMode=%s\n", n->name, mode);
	write_list(f, "Address=", gateways, n->gateway6.family ? 2 : 1, true);
	fprintf(f, "IPv6=%s\nUplink=%s\nXdp=%s\nXdpForward=%s\n", n->gateway6.family ? "yes" : "no",
		n->uplink[0] ? n->uplink : "none", net_xdp_words[n->xdp],
		n->policy & NSF_NET_XDP_FORWARD ? "yes" : "no");
	write_snat(f, "SNat=", n->snat, n->pool, n->n_pool);
	if (n->gateway6.family)
		write_snat(f, "SNat6=", n->snat6, n->pool6, n->n_pool6);
	write_policy(f, n);
	fprintf(f, "MTU=%u\nFdbAgeing=%u\nNeighSuppress=%s\nMulticastSnooping=%s\nHostAccess=%s\n", n->mtu, n->fdb_age,
		n->policy & NSF_NET_NO_ANSWERS ? "no" : "yes", n->policy & NSF_NET_NO_SNOOPING ? "no" : "yes",
		conf_host_access_word(n));
	write_limits(f, n->limit);
	write_timeouts(f, n);
	for (i = 0; i < n->n_ports; i++)
		write_port(f, n, &n->ports[i]);
}
