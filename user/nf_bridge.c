/* SPDX-License-Identifier: GPL-2.0-only */
/* The bridge table of netfilter mode: who may send what from which port. */
#include "nf_script.h"
#include "port.h"

static const char *const bridge_reasons[] = { "SRC_GATEWAY", "SPOOF_MAC", "SPOOF_IP4",   "SPOOF_IP6", "SPOOF_ARP",
					      "SPOOF_ND",    "VLAN",      "DHCP_SERVER", "STORM",     "QUERIER" };
const struct nf_reasons nf_bridge_reasons = { bridge_reasons, ARRAY_SIZE(bridge_reasons) };

/* Who is behind a managed port: MAC and addresses. */
static void bridge_set(struct nf_script *s, const struct network *n, const char *name, const char *type,
		       void (*element)(struct nf_script *s, const char *ifname, const struct port *p))
{
	char ifname[IFNAMSIZ];
	size_t i;

	nf_set(s, "set %s_%d { %s;", name, nf_id(n), type);
	for (i = 0; i < n->n_ports; i++) {
		if (!n->ports[i].netns[0])
			continue;
		port_ifname(n->name, &n->ports[i], ifname);
		element(s, ifname, &n->ports[i]);
	}
	nf_set_end(s);
}

static void element(struct nf_script *s, const char *ifname, const char *value)
{
	nf_element(s, "\"%s\" . %s", ifname, value);
}

static void element_mac(struct nf_script *s, const char *ifname, const struct port *p)
{
	char text[MAC_STRLEN];

	element(s, ifname, mac_format(p->mac, text));
}

static void element_pair(struct nf_script *s, const char *ifname, const struct port *p, const char *addr)
{
	char mac[MAC_STRLEN];

	nf_element(s, "\"%s\" . %s . %s", ifname, mac_format(p->mac, mac), addr);
}

/* The address itself, and none at all: of who asks for one (DHCP) or whether somebody has it (RFC 5227, section 2.1.1). */
static void element_ip4(struct nf_script *s, const char *ifname, const struct port *p)
{
	char text[ADDR_STRLEN];

	element_pair(s, ifname, p, addr_format(&p->addr, false, text));
	element_pair(s, ifname, p, "0.0.0.0");
}

/* The address itself, the link-local one of the MAC, and none at all while there is none yet (RFC 4862, section 5.4.2). */
static void element_ip6(struct nf_script *s, const char *ifname, const struct port *p)
{
	const struct addr ll = addr_link_local(p->mac);
	char text[ADDR_STRLEN];

	if (!p->addr6.family)
		return;
	element_pair(s, ifname, p, addr_format(&p->addr6, false, text));
	element_pair(s, ifname, p, addr_format(&ll, false, text));
	element_pair(s, ifname, p, "::");
}

/* Raw fields, of which nft must be told the size. */
#define ND_TARGET  "@th,64,128"
#define ND_KIND    "@th,192,8" /* of the option behind the target */
#define ND_MAC     "@th,208,48"
#define ND_RS_KIND "@th,64,8" /* and of that of a router solicitation, which has no target */
#define ND_RS_MAC  "@th,80,48"

static void hex(char *ret, const __u8 *bytes, size_t n)
{
	ret += sprintf(ret, "0x");
	while (n--)
		ret += sprintf(ret, "%02x", *bytes++);
}

static void element_target(struct nf_script *s, const char *ifname, const struct port *p)
{
	const struct addr ll = addr_link_local(p->mac);
	char text[40];

	if (!p->addr6.family)
		return;
	hex(text, p->addr6.bytes, sizeof(p->addr6.bytes));
	element(s, ifname, text);
	hex(text, ll.bytes, sizeof(ll.bytes));
	element(s, ifname, text);
}

static void element_mac_raw(struct nf_script *s, const char *ifname, const struct port *p)
{
	char text[16];

	hex(text, p->mac, sizeof(p->mac));
	element(s, ifname, text);
}

static void nd_drop(struct nf_script *s, const struct network *n, const char *match)
{
	nf_rule(s, "\t\t%s counter name SPOOF_ND_%d drop", match, nf_id(n));
}

/* What a managed port may say of itself by neighbour discovery (RFC 4861): not behind other headers (RFC 6980), not with
 * more than one option, and of no address and MAC but its own. */
static void nd_chain(struct nf_script *s, const struct network *n)
{
	char match[160];

	nf_line(s, "\tchain nd_%d {", nf_id(n));
	nd_drop(s, n, "icmpv6 type nd-redirect");
	nf_rule(s, "\t\ticmpv6 type != { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } return");
	nd_drop(s, n, "ip6 nexthdr != ipv6-icmp");
	nd_drop(s, n, "ip6 length > 32");
	snprintf(match, sizeof(match), "icmpv6 type nd-neighbor-advert iifname . " ND_TARGET " != @target_%d",
		 nf_id(n));
	nd_drop(s, n, match);
	snprintf(match, sizeof(match),
		 "icmpv6 type nd-neighbor-solicit ip6 saddr :: iifname . " ND_TARGET " != @target_%d", nf_id(n));
	nd_drop(s, n, match);
	snprintf(match, sizeof(match),
		 "icmpv6 type != nd-router-solicit " ND_KIND " { 1, 2 } iifname . " ND_MAC " != @told_%d", nf_id(n));
	nd_drop(s, n, match);
	snprintf(match, sizeof(match),
		 "icmpv6 type nd-router-solicit " ND_RS_KIND " 1 iifname . " ND_RS_MAC " != @told_rs_%d", nf_id(n));
	nd_drop(s, n, match);
	nf_line(s, "\t}");
}

/* What a DHCP server says is not a container's to say (RFC 2131 section 4.1, RFC 8415 section 7.2), nor what a router does, for
 * multicast neither. */
static void guard_chains(struct nf_script *s, const struct network *n)
{
	nf_line(s, "\tchain guard4_%d {", nf_id(n));
	nf_rule(s, "\t\tudp sport 67 udp dport 68 counter name DHCP_SERVER_%d drop", nf_id(n));
	nf_rule(s, "\t\tmeta l4proto igmp @th,0,8 17 counter name QUERIER_%d drop", nf_id(n));
	nf_line(s, "\t}\n\tchain guard6_%d {", nf_id(n));
	nd_drop(s, n, "icmpv6 type nd-router-advert");
	nf_rule(s, "\t\tudp sport 547 udp dport 546 counter name DHCP_SERVER_%d drop", nf_id(n));
	nf_rule(s, "\t\ticmpv6 type mld-listener-query counter name QUERIER_%d drop", nf_id(n));
	nf_line(s, "\t}");
}

#define TO_MANY "meta pkttype { broadcast, multicast }"
#define TAGGED  "ether type { vlan, 8021ad }"

/* Frames to all, of each port by itself, and to groups; of those for unknown MACs the bridge alone knows. */
static void storm_chain(struct nf_script *s, const struct network *n)
{
	__u32 most = n->limit[PORT_LIMIT_FLOOD];
	char ifname[IFNAMSIZ];
	size_t i;

	nf_line(s, "\tset storm_%d { type iface_index; size 65535; flags dynamic; }", nf_id(n));
	nf_line(s, "\tchain storm_%d {", nf_id(n));
	for (i = 0; i < n->n_ports; i++) {
		__u32 own = n->ports[i].limit[PORT_LIMIT_FLOOD];

		if (!own || own == most)
			continue;
		port_ifname(n->name, &n->ports[i], ifname);
		if (own != PORT_LIMIT_NONE)
			nf_rule(s,
				"\t\tiifname \"%s\" limit rate over %u/second burst %u packets counter name STORM_%d drop",
				ifname, own, own, nf_id(n));
		nf_rule(s, "\t\tiifname \"%s\" return", ifname);
	}
	most = most ? most : network_flood(n);
	if (most != PORT_LIMIT_NONE)
		nf_rule(s,
			"\t\tupdate @storm_%d { iif limit rate over %u/second burst %u packets } counter name STORM_%d drop",
			nf_id(n), most, most, nf_id(n));
	nf_line(s, "\t}");
}

/* Tags that the host would take off, to find what was not looked at here: a priority alone, and where there are VLANs that
 * of the gateway's; and that of a trunk's frames without tags. */
static void tag_rules(struct nf_script *s, const struct network *n)
{
	char ifname[IFNAMSIZ];
	size_t i;

	nf_rule(s, "\t\tether type 8021ad vlan id 0 counter name VLAN_%d drop", nf_id(n));
	nf_rule(s, "\t\tether type vlan vlan id %s counter name VLAN_%d drop", network_vlans(n) ? "{ 0, 1 }" : "0",
		nf_id(n));
	for (i = 0; i < n->n_ports; i++) {
		if (n->ports[i].vlan <= NSF_VLAN_DEFAULT || !vlans_any(&n->ports[i].trunk))
			continue;
		port_ifname(n->name, &n->ports[i], ifname);
		nf_rule(s, "\t\tiifname \"%s\" ether type vlan vlan id %u counter name VLAN_%d drop", ifname,
			n->ports[i].vlan, nf_id(n));
	}
}

static bool is_any(const struct port *p)
{
	return p->name[0];
}

static bool is_trunk(const struct port *p)
{
	return vlans_any(&p->trunk);
}

static bool is_tagless(const struct port *p)
{
	return p->netns[0] && !is_trunk(p);
}

/* Ports of a kind. */
static void kind_set(struct nf_script *s, const struct network *n, const char *name, bool (*is)(const struct port *p))
{
	char ifname[IFNAMSIZ];
	size_t i;

	nf_set(s, "set %s_%d { type ifname;", name, nf_id(n));
	for (i = 0; i < n->n_ports; i++) {
		if (!is(&n->ports[i]))
			continue;
		port_ifname(n->name, &n->ports[i], ifname);
		nf_element(s, "\"%s\"", ifname);
	}
	nf_set_end(s);
}

/* Only where somebody may send tags. */
static void tagless_rule(struct nf_script *s, const struct network *n)
{
	size_t i;

	for (i = 0; i < n->n_ports && n->ports[i].netns[0] && !vlans_any(&n->ports[i].trunk); i++)
		;
	if (i < n->n_ports)
		nf_rule(s, "\t\t" TAGGED " oifname @tagless_%d counter name VLAN_%d drop", nf_id(n), nf_id(n));
}

/* Of a managed port's frames all that is asked is its MAC; of packets port, MAC and address, by one lookup, and only what that
 * does not find is asked what is wrong with it. */
static void own_chains(struct nf_script *s, const struct network *n)
{
	char mac[MAC_STRLEN];

	nf_line(s, "\tchain mac_%d {", nf_id(n));
	nf_rule(s, "\t\tether saddr %s counter name SRC_GATEWAY_%d drop", mac_format(n->mac, mac), nf_id(n));
	nf_rule(s, "\t\tiifname . ether saddr != @mac_%d counter name SPOOF_MAC_%d drop", nf_id(n), nf_id(n));
	nf_line(s, "\t}\n\tchain ip4_%d {", nf_id(n));
	nf_rule(s, "\t\tiifname . ether saddr . ip saddr @ip4_%d accept", nf_id(n));
	nf_rule(s, "\t\tjump mac_%d", nf_id(n));
	nf_rule(s, "\t\tcounter name SPOOF_IP4_%d drop", nf_id(n));
	nf_line(s, "\t}\n\tchain wrong6_%d {", nf_id(n));
	nf_rule(s, "\t\tjump mac_%d", nf_id(n));
	nf_rule(s, "\t\tcounter name SPOOF_IP6_%d drop", nf_id(n));
	nf_line(s, "\t}\n\tchain ip6_%d {", nf_id(n));
	nf_rule(s, "\t\tiifname . ether saddr . ip6 saddr != @ip6_%d goto wrong6_%d", nf_id(n), nf_id(n));
	nf_rule(s, "\t\tmeta l4proto ipv6-icmp goto nd_%d", nf_id(n));
	nf_line(s, "\t}\n\tchain arp_%d {", nf_id(n));
	nf_rule(s, "\t\tjump mac_%d", nf_id(n));
	nf_rule(s, "\t\tiifname . arp saddr ether . arp saddr ip != @ip4_%d counter name SPOOF_ARP_%d drop", nf_id(n),
		nf_id(n));
	nf_line(s, "\t}\n\tchain tagged_%d {", nf_id(n));
	nf_rule(s, "\t\tjump mac_%d", nf_id(n));
	tag_rules(s, n);
	nf_rule(s, "\t\tiifname != @trunk_%d counter name VLAN_%d drop", nf_id(n), nf_id(n));
	nf_rule(s, "\t\tgoto held_%d", nf_id(n));
	nf_line(s, "\t}");
}

static void same_set(struct nf_script *s)
{
	char ifname[IFNAMSIZ];
	size_t i, k;

	nf_set(s, "set same { type ifname . ifname;");
	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->nets[i].n_ports; k++) {
			port_ifname(s->nets[i].name, &s->nets[i].ports[k], ifname);
			nf_element(s, "\"%s\" . \"%s\"", ifname, ifname);
		}
	nf_set_end(s);
}

/* One address of those whose place is known. */
static void held_element(struct nf_script *s, const struct addr *a, bool raw)
{
	char text[ADDR_STRLEN];

	if (raw)
		hex(text, a->bytes, sizeof(a->bytes));
	else
		addr_format(a, false, text);
	nf_element(s, "%s", text);
}

/* The gateway's addresses and those of managed ports; raw: IPv6 ones as a target is compared. */
static void held_set(struct nf_script *s, const struct network *n, const char *name, __u8 family, bool raw)
{
	const struct addr *own = family == AF_INET6 ? &n->gateway6 : &n->gateway;
	struct addr ll = addr_link_local(n->mac);
	size_t i;

	nf_set(s, "set %s_%d { typeof %s;", name, nf_id(n),
	       raw                  ? ND_TARGET
	       : family == AF_INET6 ? "ip6 saddr"
				    : "ip saddr");
	if (own->family)
		held_element(s, own, raw);
	if (own->family && family == AF_INET6)
		held_element(s, &ll, raw);
	for (i = 0; i < n->n_ports && own->family; i++) {
		const struct port *p = &n->ports[i];
		const struct addr *a = family == AF_INET6 ? &p->addr6 : &p->addr;

		if (!p->netns[0] || !a->family)
			continue;
		held_element(s, a, raw);
		ll = addr_link_local(p->mac);
		if (family == AF_INET6)
			held_element(s, &ll, raw);
	}
	nf_set_end(s);
}

/*
 * Nobody takes the gateway's addresses or a managed port's, nor their MACs: those who learn by what they hear would, the
 * host among them, and connection tracking knows by addresses alone whose a flow is.
 */
static void learning_held_rules(struct nf_script *s, const struct network *n)
{
	char match[160];

	nf_rule(s, "\t\tmeta protocol arp arp saddr ip @held4_%d counter name SPOOF_ARP_%d drop", nf_id(n), nf_id(n));
	nf_rule(s, "\t\tmeta protocol ip ip saddr @held4_%d counter name SPOOF_IP4_%d drop", nf_id(n), nf_id(n));
	snprintf(match, sizeof(match), "icmpv6 type nd-neighbor-advert " ND_TARGET " @target_held_%d", nf_id(n));
	nd_drop(s, n, match);
	snprintf(
		match, sizeof(match),
		"icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ip6 saddr @held6_%d",
		nf_id(n));
	nd_drop(s, n, match);
	nf_rule(s, "\t\tmeta protocol ip6 ip6 saddr @held6_%d counter name SPOOF_IP6_%d drop", nf_id(n), nf_id(n));
}

/* Where there are no VLANs, what is behind a tag is nobody's business. */
static void held_chain(struct nf_script *s, const struct network *n)
{
	held_set(s, n, "held4", AF_INET, false);
	held_set(s, n, "held6", AF_INET6, false);
	held_set(s, n, "target_held", AF_INET6, true);
	nf_line(s, "\tchain held_%d {", nf_id(n));
	if (!network_vlans(n))
		nf_rule(s, "\t\t" TAGGED " return");
	learning_held_rules(s, n);
	nf_line(s, "\t}");
}

static void learning_chain(struct nf_script *s, const struct network *n)
{
	char mac[MAC_STRLEN];
	size_t i;

	nf_set(s, "set fixed_%d { type ether_addr;", nf_id(n));
	nf_element(s, "%s", mac_format(n->mac, mac));
	for (i = 0; i < n->n_ports; i++)
		if (n->ports[i].netns[0])
			nf_element(s, "%s", mac_format(n->ports[i].mac, mac));
	nf_set_end(s);
	nf_line(s, "\tchain tags_%d {", nf_id(n));
	tag_rules(s, n);
	if (network_vlans(n))
		nf_rule(s, "\t\tiifname != @trunk_%d counter name VLAN_%d drop", nf_id(n), nf_id(n));
	nf_line(s, "\t}\n\tchain learn_%d {", nf_id(n));
	nf_rule(s, "\t\t" TO_MANY " jump storm_%d", nf_id(n));
	nf_rule(s, "\t\tether saddr %s counter name SRC_GATEWAY_%d drop", mac_format(n->mac, mac), nf_id(n));
	nf_rule(s, "\t\tether saddr @fixed_%d counter name SPOOF_MAC_%d drop", nf_id(n), nf_id(n));
	nf_rule(s, "\t\t" TAGGED " jump tags_%d", nf_id(n));
	nf_rule(s, "\t\tgoto held_%d", nf_id(n));
	nf_line(s, "\t}");
}

/* A managed port's way in: one that is guarded, and one that may serve. */
static void entry_chains(struct nf_script *s, const struct network *n)
{
	const int id = nf_id(n);

	nf_line(s, "\tchain serves_%d {", id);
	nf_rule(s, "\t\t" TO_MANY " jump storm_%d", id);
	nf_rule(s,
		"\t\tether type vmap { ip : goto ip4_%d, ip6 : goto ip6_%d, arp : goto arp_%d, vlan : goto tagged_%d, 8021ad : goto tagged_%d }",
		id, id, id, id, id);
	nf_rule(s, "\t\tgoto mac_%d", id);
	nf_line(s, "\t}\n\tchain guarded_%d {", id);
	/* what stands behind a tag, too */
	nf_rule(s, "\t\tmeta protocol vmap { ip : jump guard4_%d, ip6 : jump guard6_%d }", id, id);
	nf_rule(s, "\t\tgoto serves_%d", id);
	nf_line(s, "\t}");
}

/* Which way each port goes. */
static void ports_map(struct nf_script *s)
{
	char ifname[IFNAMSIZ];
	size_t i, k;

	nf_set(s, "map port { type ifname : verdict;");
	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->nets[i].n_ports; k++) {
			const struct port *p = &s->nets[i].ports[k];

			port_ifname(s->nets[i].name, p, ifname);
			nf_element(s, "\"%s\" : goto %s_%d", ifname,
				   !p->netns[0]                  ? "learn"
				   : p->policy & NSF_PORT_SERVES ? "serves"
								 : "guarded",
				   nf_id(&s->nets[i]));
		}
	nf_set_end(s);
}

void nf_bridge_table(struct nf_script *s)
{
	size_t i;

	same_set(s);
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		kind_set(s, n, "members", is_any);
		kind_set(s, n, "trunk", is_trunk);
		kind_set(s, n, "tagless", is_tagless);
		bridge_set(s, n, "mac", "type ifname . ether_addr", element_mac);
		bridge_set(s, n, "ip4", "type ifname . ether_addr . ipv4_addr", element_ip4);
		bridge_set(s, n, "ip6", "type ifname . ether_addr . ipv6_addr", element_ip6);
		bridge_set(s, n, "target", "typeof iifname . " ND_TARGET, element_target);
		bridge_set(s, n, "told", "typeof iifname . " ND_MAC, element_mac_raw);
		bridge_set(s, n, "told_rs", "typeof iifname . " ND_RS_MAC, element_mac_raw);
		nd_chain(s, n);
		guard_chains(s, n);
		storm_chain(s, n);
		held_chain(s, n);
		own_chains(s, n);
		entry_chains(s, n);
		learning_chain(s, n);
	}
	ports_map(s);
	/* ports reflect for the sake of what is published (bridge.h), and nothing else */
	nf_line(s, "\tchain reflections {\n\t\ttype filter hook forward priority 0; policy accept;");
	nf_rule(s, "\t\tmeta pkttype != unicast iifname . oifname @same drop");
	for (i = 0; i < s->n; i++)
		tagless_rule(s, &s->nets[i]);
	nf_line(s, "\t}");
	nf_line(s, "\tchain ports {\n\t\ttype filter hook prerouting priority -250; policy accept;");
	nf_rule(s, "\t\tiifname vmap @port");
	nf_line(s, "\t}\n\tchain host {\n\t\ttype filter hook input priority 0; policy accept;");
	for (i = 0; i < s->n; i++)
		nf_rule(s, "\t\t" TAGGED " iifname @members_%d counter name VLAN_%d drop", nf_id(&s->nets[i]),
			nf_id(&s->nets[i]));
	nf_line(s, "\t}");
}
