/* SPDX-License-Identifier: GPL-2.0-only */
/* The bridge table of netfilter mode: who may send what from which port. */
#include "nf_script.h"
#include "port.h"

static const char *const bridge_reasons[] = { "SRC_GATEWAY", "SPOOF_MAC", "SPOOF_IP4", "SPOOF_IP6",
					      "SPOOF_ARP",   "VLAN",      "NOT_IP" };
const struct nf_reasons nf_bridge_reasons = { bridge_reasons, ARRAY_SIZE(bridge_reasons) };

/* Who is behind a managed port: MAC and addresses. */
static void bridge_set(struct nf_script *s, const struct network *n, const char *name, const char *type,
		       void (*element)(FILE *f, const char *ifname, const struct port *p, bool *first))
{
	char ifname[IFNAMSIZ];
	bool first = true;
	size_t i;

	fprintf(s->f, "\tset %s_%d { type ifname . %s;", name, nf_id(n), type);
	for (i = 0; i < n->n_ports; i++) {
		if (!n->ports[i].netns[0])
			continue;
		port_ifname(n->name, &n->ports[i], ifname);
		element(s->f, ifname, &n->ports[i], &first);
	}
	fprintf(s->f, "%s }\n", first ? "" : " };");
}

static void element(FILE *f, const char *ifname, const char *value, bool *first)
{
	fprintf(f, "%s \"%s\" . %s", *first ? " elements = {" : ",", ifname, value);
	*first = false;
}

static void element_mac(FILE *f, const char *ifname, const struct port *p, bool *first)
{
	char text[MAC_STRLEN];

	element(f, ifname, mac_format(p->mac, text), first);
}

static void element_ip4(FILE *f, const char *ifname, const struct port *p, bool *first)
{
	char text[ADDR_STRLEN];

	element(f, ifname, addr_format(&p->addr, false, text), first);
}

/* The address itself, the link-local one of the MAC, and none at all while there is none yet (RFC 4862, section 5.4.2). */
static void element_ip6(FILE *f, const char *ifname, const struct port *p, bool *first)
{
	const struct addr ll = addr_link_local(p->mac);
	char text[ADDR_STRLEN];

	if (!p->addr6.family)
		return;
	element(f, ifname, addr_format(&p->addr6, false, text), first);
	element(f, ifname, addr_format(&ll, false, text), first);
	element(f, ifname, "::", first);
}

static void bridge_chain(struct nf_script *s, const struct network *n)
{
	char mac[MAC_STRLEN];

	nf_line(s, "\tchain in_%d {", nf_id(n));
	nf_rule(s, "\t\tether saddr %s counter name SRC_GATEWAY_%d drop", mac_format(n->mac, mac), nf_id(n));
	nf_rule(s, "\t\tiifname . ether saddr != @mac_%d counter name SPOOF_MAC_%d drop", nf_id(n), nf_id(n));
	nf_rule(s, "\t\tether type { vlan, 8021ad } counter name VLAN_%d drop", nf_id(n));
	nf_rule(s, "\t\tether type ip iifname . ip saddr != @ip4_%d counter name SPOOF_IP4_%d drop", nf_id(n),
		nf_id(n));
	nf_rule(s, "\t\tether type ip6 iifname . ip6 saddr != @ip6_%d counter name SPOOF_IP6_%d drop", nf_id(n),
		nf_id(n));
	nf_rule(s, "\t\tether type arp iifname . arp saddr ether != @mac_%d counter name SPOOF_ARP_%d drop", nf_id(n),
		nf_id(n));
	nf_rule(s, "\t\tether type arp iifname . arp saddr ip != @ip4_%d counter name SPOOF_ARP_%d drop", nf_id(n),
		nf_id(n));
	nf_line(s, "\t}");
}

static void same_set(struct nf_script *s)
{
	char ifname[IFNAMSIZ];
	bool first = true;
	size_t i, k;

	fputs("\tset same { type ifname . ifname;", s->f);
	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->nets[i].n_ports; k++) {
			port_ifname(s->nets[i].name, &s->nets[i].ports[k], ifname);
			fprintf(s->f, "%s \"%s\" . \"%s\"", first ? " elements = {" : ",", ifname, ifname);
			first = false;
		}
	fprintf(s->f, "%s }\n", first ? "" : " };");
}

/* Who learns by what it hears hears nobody take the gateway's or a managed port's MAC. */
static void learning_chain(struct nf_script *s, const struct network *n)
{
	char mac[MAC_STRLEN];
	size_t i;

	fprintf(s->f, "\tset fixed_%d { type ether_addr; elements = { %s", nf_id(n), mac_format(n->mac, mac));
	for (i = 0; i < n->n_ports; i++)
		if (n->ports[i].netns[0])
			fprintf(s->f, ", %s", mac_format(n->ports[i].mac, mac));
	fputs(" }; }\n", s->f);
	nf_line(s, "\tchain learn_%d {", nf_id(n));
	nf_rule(s, "\t\tether saddr %s counter name SRC_GATEWAY_%d drop", mac_format(n->mac, mac), nf_id(n));
	nf_rule(s, "\t\tether saddr @fixed_%d counter name SPOOF_MAC_%d drop", nf_id(n), nf_id(n));
	nf_line(s, "\t}");
}

void nf_bridge_table(struct nf_script *s)
{
	char ifname[IFNAMSIZ];
	size_t i, k;

	same_set(s);
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		bridge_set(s, n, "mac", "ether_addr", element_mac);
		bridge_set(s, n, "ip4", "ipv4_addr", element_ip4);
		bridge_set(s, n, "ip6", "ipv6_addr", element_ip6);
		bridge_chain(s, n);
		learning_chain(s, n);
	}
	/* ports reflect for the sake of what is published (bridge.h), and nothing else */
	nf_line(s, "\tchain reflections {\n\t\ttype filter hook forward priority 0; policy accept;");
	nf_rule(s, "\t\tmeta pkttype != unicast iifname . oifname @same drop");
	nf_line(s, "\t}");
	nf_line(s, "\tchain ports {\n\t\ttype filter hook prerouting priority -250; policy accept;");
	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->nets[i].n_ports; k++) {
			port_ifname(s->nets[i].name, &s->nets[i].ports[k], ifname);
			nf_rule(s, "\t\tiifname \"%s\" goto %s_%d", ifname,
				s->nets[i].ports[k].netns[0] ? "in" : "learn", nf_id(&s->nets[i]));
		}
	nf_line(s, "\t}");
}
