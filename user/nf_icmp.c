/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors of containers in netfilter mode: about their own conversations, and of kinds that routers forward. */
#include "nf_script.h"

/* elements of NAME4_ID and NAME6_ID: each managed port's address, times as often as a key of the set has it */
static void port_set(struct nf_script *s, const struct network *n, const char *name, __u8 family, int times)
{
	const char *type = family == AF_INET6 ? "ipv6_addr" : "ipv4_addr";
	char text[ADDR_STRLEN];
	size_t i;

	nf_set(s, "set %s%d_%d { type %s%s%s;", name, family == AF_INET6 ? 6 : 4, nf_id(n), type,
	       times > 1 ? " . " : "", times > 1 ? type : "");
	for (i = 0; i < n->n_ports; i++) {
		const struct addr *a = family == AF_INET6 ? &n->ports[i].addr6 : &n->ports[i].addr;

		if (!n->ports[i].netns[0] || !a->family)
			continue;
		addr_format(a, false, text);
		nf_element(s, "%s%s%s", text, times > 1 ? " . " : "", times > 1 ? text : "");
	}
	nf_set_end(s);
}

void nf_icmp_sets(struct nf_script *s, const struct network *n)
{
	port_set(s, n, "managed", AF_INET, 1);
	port_set(s, n, "managed", AF_INET6, 1);
	port_set(s, n, "self", AF_INET, 2);
	port_set(s, n, "self", AF_INET6, 2);
}

/* nftables compares no two fields: both are looked up as a pair in a set of pairs of the same. */
static void quote_rules(struct nf_script *s, const struct network *n, const struct addr *gateway)
{
	const int family = gateway->family == AF_INET6 ? 6 : 4;
	const char *ip = family == 6 ? "ip6" : "ip";
	char net[ADDR_STRLEN];

	nf_rule(s, "\t\t%s saddr . ct original %s saddr @self%d_%d return", ip, ip, family, nf_id(n));
	nf_rule(s, "\t\t%s saddr . ct reply %s saddr @self%d_%d return", ip, ip, family, nf_id(n));
	nf_rule(s, "\t\t%s saddr @managed%d_%d counter name ICMP_QUOTE_%d drop", ip, family, nf_id(n), nf_id(n));
	nf_rule(s, "\t\tct original %s saddr @managed%d_%d counter name ICMP_QUOTE_%d drop", ip, family, nf_id(n),
		nf_id(n));
	nf_rule(s, "\t\tct reply %s saddr @managed%d_%d counter name ICMP_QUOTE_%d drop", ip, family, nf_id(n),
		nf_id(n));
	/* behind learning ports is who says so, but of this network */
	nf_subnet(gateway, net);
	nf_rule(s, "\t\tct original %s saddr != %s ct reply %s saddr != %s counter name ICMP_QUOTE_%d drop", ip, net,
		ip, net, nf_id(n));
}

/*
 * The kernel relates an error to the conversation that it quotes, whoever sends it: a container could end those of others.
 * Redirects, source quench (RFC 6633) and kinds that are not known stay inside (RFC 5508 REQ-11).
 */
void nf_icmp_chain(struct nf_script *s, const struct network *n)
{
	nf_line(s, "\tchain errors_%d {", nf_id(n));
	nf_rule(s,
		"\t\ticmp type != { destination-unreachable, time-exceeded, parameter-problem } counter name ICMP_NO_FLOW_%d drop",
		nf_id(n));
	nf_rule(s,
		"\t\ticmpv6 type != { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } counter name ICMP_NO_FLOW_%d drop",
		nf_id(n));
	quote_rules(s, n, &n->gateway);
	if (n->gateway6.family)
		quote_rules(s, n, &n->gateway6);
	nf_line(s, "\t}");
}
