/* SPDX-License-Identifier: GPL-2.0-only */
/* The inet table of netfilter mode: what is routed, from where, to where. */
#include "nf_publish.h"
#include "nf_script.h"
#include "nf_sysctl.h"

static const char *const inet_reasons[] = { "MARTIAN_SRC",   "MARTIAN_DST", "SPOOF_IP4",    "SPOOF_IP6",
					    "SOURCE_ROUTE",  "TCP_NO_FLOW", "ICMP_NO_FLOW", "ICMP_QUOTE",
					    "OTHER_NET",     "NOT_UPLINK",  "UNSOLICITED",  "FLOWS_QUOTA",
					    "NOT_FORWARDED", "NO_UPLINK",   "HOST_ACCESS",  "ISOLATED" };
const struct nf_reasons nf_inet_reasons = { inet_reasons, ARRAY_SIZE(inet_reasons) };

static void timeouts(struct nf_script *s, const struct network *n)
{
	const __u32 *t = n->timeout;
	int six;

	for (six = 0; six < 2; six++) {
		nf_line(s, "\tct timeout tcp%d_%d {\n\t\tprotocol tcp\n\t\tl3proto %s", six, nf_id(n),
			six ? "ip6" : "ip");
		nf_line(s,
			"\t\tpolicy = { established: %u, syn_sent: %u, syn_recv: %u, fin_wait: %u, close_wait: %u, last_ack: %u, time_wait: %u, close: %u, retrans: %u, unack: %u }\n\t}",
			t[NSF_TIMEOUT_TCP_EST], t[NSF_TIMEOUT_TCP_OPEN], t[NSF_TIMEOUT_TCP_OPEN],
			t[NSF_TIMEOUT_TCP_EST], t[NSF_TIMEOUT_TCP_EST], t[NSF_TIMEOUT_TCP_CLOSE],
			t[NSF_TIMEOUT_TCP_CLOSE], t[NSF_TIMEOUT_TCP_CLOSE], t[NSF_TIMEOUT_TCP_EST],
			t[NSF_TIMEOUT_TCP_EST]);
		nf_line(s, "\tct timeout udp%d_%d {\n\t\tprotocol udp\n\t\tl3proto %s", six, nf_id(n),
			six ? "ip6" : "ip");
		nf_line(s, "\t\tpolicy = { unreplied: %u, replied: %u }\n\t}", t[NSF_TIMEOUT_UDP], t[NSF_TIMEOUT_UDP]);
	}
}

/* The kernel's own are the same for all; a flow gets its network's when it begins. */
static void timeout_rules(struct nf_script *s, const struct network *n)
{
	nf_rule(s, "\t\tct state new meta nfproto ipv4 meta l4proto tcp ct timeout set \"tcp0_%d\"", nf_id(n));
	nf_rule(s, "\t\tct state new meta nfproto ipv4 meta l4proto udp ct timeout set \"udp0_%d\"", nf_id(n));
	nf_rule(s, "\t\tct state new meta nfproto ipv6 meta l4proto tcp ct timeout set \"tcp1_%d\"", nf_id(n));
	nf_rule(s, "\t\tct state new meta nfproto ipv6 meta l4proto udp ct timeout set \"udp1_%d\"", nf_id(n));
}

/* Destinations that see the ports' own addresses. */
static void except_set(struct nf_script *s, const struct network *n, __u8 family)
{
	char text[ADDR_STRLEN];
	unsigned i;

	nf_set(s, "set except%d_%d { type %s; flags interval; auto-merge;", family == AF_INET6 ? 6 : 4, nf_id(n),
	       family == AF_INET6 ? "ipv6_addr" : "ipv4_addr");
	for (i = 0; i < n->n_excepts; i++)
		if (n->excepts[i].family == family)
			nf_element(s, "%s", addr_format(&n->excepts[i], true, text));
	nf_set_end(s);
}

/* A port may have so many conversations at once; one that has a number of its own is counted by it. */
static void quota_rules(struct nf_script *s, const struct network *n)
{
	char text[ADDR_STRLEN];
	size_t i;

	for (i = 0; i < n->n_ports; i++) {
		const struct port *p = &n->ports[i];
		__u32 limit = network_limit(n, p, PORT_LIMIT_FLOWS);

		if (!p->addr.family || limit == PORT_LIMIT_NONE || !limit)
			continue;
		nf_rule(s,
			"\t\tct state new ip saddr %s add @count4_%d { ip saddr ct count over %u } counter name FLOWS_QUOTA_%d reject with icmpx admin-prohibited",
			addr_format(&p->addr, false, text), nf_id(n), limit, nf_id(n));
		if (p->addr6.family)
			nf_rule(s,
				"\t\tct state new ip6 saddr %s add @count6_%d { ip6 saddr ct count over %u } counter name FLOWS_QUOTA_%d reject with icmpx admin-prohibited",
				addr_format(&p->addr6, false, text), nf_id(n), limit, nf_id(n));
	}
}

/* What opens no connection begins none: the kernel by itself would take it for one that it has not seen the start of. */
static void opening_rules(struct nf_script *s, const struct network *n)
{
	nf_rule(s, "\t\tmeta l4proto tcp tcp flags & (fin | syn | rst | ack) != syn counter name TCP_NO_FLOW_%d drop",
		nf_id(n));
	nf_rule(s, "\t\tmeta l4proto sctp sctp chunk init missing counter name TCP_NO_FLOW_%d drop", nf_id(n));
	nf_rule(s, "\t\ticmpv6 type != echo-request counter name ICMP_NO_FLOW_%d drop", nf_id(n));
}

static void source_rules(struct nf_script *s, const struct network *n)
{
	char text[ADDR_STRLEN];

	nf_rule(s, "\t\tip saddr != %s counter name SPOOF_IP4_%d drop", nf_subnet(&n->gateway, text), nf_id(n));
	if (n->gateway6.family)
		nf_rule(s, "\t\tip6 saddr != %s counter name SPOOF_IP6_%d drop", nf_subnet(&n->gateway6, text),
			nf_id(n));
	else
		nf_rule(s, "\t\tmeta nfproto ipv6 counter name SPOOF_IP6_%d drop", nf_id(n));
}

/* From a container to one of the same network, translated. */
static void within_chain(struct nf_script *s, const struct network *n)
{
	nf_line(s, "\tchain within_%d {", nf_id(n));
	source_rules(s, n);
	nf_rule(s, "\t\tct state related meta l4proto { icmp, ipv6-icmp } jump errors_%d", nf_id(n));
	nf_line(s, "\t}");
}

/* Who would choose the way himself. */
static void way_chain(struct nf_script *s, const struct network *n)
{
	nf_line(s, "\tchain way_%d {", nf_id(n));
	nf_rule(s, "\t\tip option lsrr exists counter name SOURCE_ROUTE_%d drop", nf_id(n));
	nf_rule(s, "\t\tip option ssrr exists counter name SOURCE_ROUTE_%d drop", nf_id(n));
	nf_rule(s, "\t\trt type 0 counter name SOURCE_ROUTE_%d drop", nf_id(n));
	nf_rule(s, "\t\trt seg-left != 0 counter name SOURCE_ROUTE_%d drop", nf_id(n));
	nf_line(s, "\t}");
}

/* From containers, to be routed. */
static void from_chain(struct nf_script *s, const struct network *n)
{
	nf_line(s, "\tchain from_%d {", nf_id(n));
	source_rules(s, n);
	nf_rule(s, "\t\tip hdrlength > 5 jump way_%d", nf_id(n));
	nf_rule(s, "\t\texthdr rt exists jump way_%d", nf_id(n));
	nf_rule(s, "\t\tct state established accept");
	nf_rule(s, "\t\tct state invalid counter name TCP_NO_FLOW_%d drop", nf_id(n));
	nf_rule(s, "\t\tct state related meta l4proto { icmp, ipv6-icmp } jump errors_%d", nf_id(n));
	nf_rule(s, "\t\tct state related accept");
	opening_rules(s, n);
	timeout_rules(s, n);
	quota_rules(s, n);
	nf_rule(s, "\t\tct status dnat accept");
	nf_rule(s, "\t\toifname @bridges counter name OTHER_NET_%d reject with icmpx admin-prohibited", nf_id(n));
	if (n->uplink[0] && n->gateway6.family && n->snat6 == NET_SNAT_AUTO)
		nf_rule(s, "\t\tmeta nfproto ipv6 oifname \"%s\" counter name NO_UPLINK_%d reject with icmpv6 no-route",
			n->uplink, nf_id(n));
	if (n->uplink[0])
		nf_rule(s, "\t\toifname \"%s\" accept", n->uplink);
	nf_rule(s, "\t\tcounter name %s_%d reject with icmpx no-route", n->uplink[0] ? "NOT_UPLINK" : "NO_UPLINK",
		nf_id(n));
	nf_line(s, "\t}");
}

/* To containers, from elsewhere than the host itself. */
static void to_chain(struct nf_script *s, const struct network *n)
{
	nf_line(s, "\tchain to_%d {", nf_id(n));
	nf_rule(s, "\t\tct state established,related accept");
	opening_rules(s, n);
	timeout_rules(s, n);
	nf_rule(s, "\t\tct status dnat accept");
	if (n->uplink[0] && n->snat == NET_SNAT_NONE)
		nf_rule(s, "\t\tmeta nfproto ipv4 iifname \"%s\" ct state new accept", n->uplink);
	if (n->uplink[0] && n->gateway6.family && n->snat6 == NET_SNAT_NONE)
		nf_rule(s, "\t\tmeta nfproto ipv6 iifname \"%s\" ct state new accept", n->uplink);
	if (n->uplink[0] && n->n_excepts) {
		nf_rule(s, "\t\tiifname \"%s\" ip saddr @except4_%d accept", n->uplink, nf_id(n));
		nf_rule(s, "\t\tiifname \"%s\" ip6 saddr @except6_%d accept", n->uplink, nf_id(n));
	}
	nf_rule(s, "\t\tcounter name UNSOLICITED_%d drop", nf_id(n));
	nf_line(s, "\t}");
}

/*
 * An uplink forwards because a network needs it, and nobody outside gets a router by that: on a host that did not forward
 * before, what comes in from there goes to networks, and to where somebody else's rules translate it.
 */
static void closed_rules(struct nf_script *s, const struct network *n, const char *match)
{
	/* these have no status to look at */
	nf_rule(s, "\t\t%s ct state invalid,untracked counter name NOT_FORWARDED_%d drop", match, nf_id(n));
	nf_rule(s, "\t\t%s ct state new ct status ! dnat counter name NOT_FORWARDED_%d drop", match, nf_id(n));
}

static void uplink_rules(struct nf_script *s, const struct network *n)
{
	char match[64];

	if (!n->uplink[0])
		return;
	snprintf(match, sizeof(match), "meta nfproto ipv4 iifname \"%s\"", n->uplink);
	if (nf_sysctl_opened(s->h, n->uplink, AF_INET))
		closed_rules(s, n, match);
	if (!n->gateway6.family || n->snat6 == NET_SNAT_AUTO || !nf_sysctl_opened(s->h, n->uplink, AF_INET6))
		return;
	snprintf(match, sizeof(match), "meta nfproto ipv6 iifname \"%s\"", n->uplink);
	if (!nf_sysctl_one6()) /* from any interface, but not where somebody else has containers */
		nf_rule(s, "\t\tmeta nfproto ipv6 meta iifkind \"bridge\" accept");
	closed_rules(s, n, nf_sysctl_one6() ? match : "meta nfproto ipv6");
}

/*
 * A segment of a container's that the kernel holds for invalid, as one out of its window, is not translated and arrives at
 * the host, which would refuse it: and its peer would take the connection for reset. To sockets of the host's it goes on.
 */
static void stray_rules(struct nf_script *s, const struct network *n)
{
	if (!n->uplink[0])
		return;
	nf_rule(s, "\t\tiifname \"%s\" meta l4proto tcp ct state invalid socket wildcard { 0, 1 } accept", n->uplink);
	nf_rule(s, "\t\tiifname \"%s\" meta l4proto tcp ct state invalid counter name TCP_NO_FLOW_%d drop", n->uplink,
		nf_id(n));
}

static void access_refuse(struct nf_script *s, const struct network *n, const char *match)
{
	nf_rule(s, "\t\t%s counter name HOST_ACCESS_%d reject with icmpx type admin-prohibited", match, nf_id(n));
}

/* What containers may reach of the host itself. What it has begun goes on; its address on the link serves the link alone. */
static void access_chain(struct nf_script *s, const struct network *n)
{
	char text[ADDR_STRLEN], match[96];

	nf_line(s, "\tchain access_%d {", nf_id(n));
	nf_rule(s, "\t\tct state established,related return");
	nf_rule(s, "\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } return");
	nf_rule(s, "\t\tip6 daddr fe80::/10 meta l4proto != ipv6-icmp counter name HOST_ACCESS_%d drop", nf_id(n));
	if (n->policy & NSF_NET_HOST_GATEWAY)
		nf_rule(s, "\t\tmeta pkttype { broadcast, multicast } return");
	if (n->policy & NSF_NET_HOST_NONE) {
		access_refuse(s, n, "meta l4proto != { icmp, ipv6-icmp }");
		access_refuse(s, n, "icmp type != echo-request");
		access_refuse(s, n, "icmpv6 type != echo-request");
	}
	if (n->policy & NET_POLICY_ACCESS) {
		snprintf(match, sizeof(match), "ip daddr != %s", addr_format(&n->gateway, false, text));
		access_refuse(s, n, match);
	}
	if (n->policy & NET_POLICY_ACCESS && n->gateway6.family) {
		snprintf(match, sizeof(match), "ip6 daddr != { %s, fe80::/10 }",
			 addr_format(&n->gateway6, false, text));
		access_refuse(s, n, match);
	}
	nf_line(s, "\t}");
}

/*
 * A container's errors are about its own conversations with the host, not about those that the host has elsewhere. Of what
 * the kernel does not remember a socket of the host may still be part.
 */
static void input_chain(struct nf_script *s)
{
	size_t i;

	nf_line(s, "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;");
	for (i = 0; i < s->n; i++) {
		const char *name = s->nets[i].name;

		nf_rule(s, "\t\tiifname \"%s\" jump access_%d", name, nf_id(&s->nets[i]));
		nf_rule(s, "\t\tiifname \"%s\" ct state related meta l4proto { icmp, ipv6-icmp } jump errors_%d", name,
			nf_id(&s->nets[i]));
		nf_rule(s,
			"\t\tiifname \"%s\" ct state invalid meta l4proto { icmp, ipv6-icmp } counter name ICMP_NO_FLOW_%d drop",
			name, nf_id(&s->nets[i]));
		stray_rules(s, &s->nets[i]);
	}
	nf_line(s, "\t}");
}

/* The addresses of isolated ports, which do not meet by way of the gateway either. */
static void isolated_set(struct nf_script *s, const struct network *n, __u8 family)
{
	char text[ADDR_STRLEN];
	size_t i;

	nf_set(s, "set isolated%d_%d { type %s;", family == AF_INET6 ? 6 : 4, nf_id(n),
	       family == AF_INET6 ? "ipv6_addr" : "ipv4_addr");
	for (i = 0; i < n->n_ports; i++) {
		const struct addr *a = family == AF_INET6 ? &n->ports[i].addr6 : &n->ports[i].addr;

		if (n->ports[i].policy & NSF_PORT_ISOLATED && a->family)
			nf_element(s, "%s", addr_format(a, false, text));
	}
	nf_set_end(s);
}

/* From a container to one of the same network. What is not translated may be bridged too, and on its way through here by
 * br_netfilter. */
static void between_chain(struct nf_script *s, const struct network *n)
{
	nf_line(s, "\tchain between_%d {", nf_id(n));
	nf_rule(s,
		"\t\tct status & dnat == 0 ip saddr @isolated4_%d ip daddr @isolated4_%d counter name ISOLATED_%d drop",
		nf_id(n), nf_id(n), nf_id(n));
	nf_rule(s,
		"\t\tct status & dnat == 0 ip6 saddr @isolated6_%d ip6 daddr @isolated6_%d counter name ISOLATED_%d drop",
		nf_id(n), nf_id(n), nf_id(n));
	nf_rule(s, "\t\tct status snat,dnat jump within_%d", nf_id(n));
	nf_rule(s, "\t\taccept");
	nf_line(s, "\t}\n\tchain leaves_%d {", nf_id(n));
	nf_rule(s, "\t\toifname \"%s\" goto between_%d", n->name, nf_id(n));
	nf_rule(s, "\t\tgoto from_%d", nf_id(n));
	nf_line(s, "\t}");
}

/* The chain of each network, by its name. */
static void networks_map(struct nf_script *s, const char *name, const char *chain)
{
	size_t i;

	nf_set(s, "map %s { type ifname : verdict;", name);
	for (i = 0; i < s->n; i++)
		nf_element(s, "\"%s\" : goto %s_%d", s->nets[i].name, chain, nf_id(&s->nets[i]));
	nf_set_end(s);
}

static void forward_chain(struct nf_script *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		between_chain(s, &s->nets[i]);
	networks_map(s, "leaves", "leaves");
	networks_map(s, "comes", "to");
	nf_line(s, "\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;");
	nf_rule(s, "\t\tiifname vmap @leaves");
	nf_rule(s, "\t\toifname vmap @comes");
	for (i = 0; i < s->n; i++)
		uplink_rules(s, &s->nets[i]);
	nf_line(s, "\t}");
}

/*
 * A container without an address yet speaks to the link only (RFC 4862, section 5.4.2). The host's loopback is its own:
 * route_localnet, which the gateway has for the sake of what is published, opens it to whoever is behind the gateway.
 */
static void inner_chain(struct nf_script *s, const struct network *n)
{
	nf_line(s, "\tchain inner_%d {", nf_id(n));
	nf_rule(s, "\t\tip6 saddr :: ip6 daddr != ff02::/16 counter name MARTIAN_SRC_%d drop", nf_id(n));
	nf_rule(s, "\t\tip saddr 127.0.0.0/8 counter name MARTIAN_SRC_%d drop", nf_id(n));
	nf_rule(s, "\t\tip daddr 127.0.0.0/8 counter name MARTIAN_DST_%d drop", nf_id(n));
	nf_rule(s, "\t\tip protocol igmp notrack");
	nf_line(s, "\t}");
}

/* Nobody outside has an address of ours. */
static void martian_chain(struct nf_script *s)
{
	char text[ADDR_STRLEN];
	size_t i;

	for (i = 0; i < s->n; i++)
		inner_chain(s, &s->nets[i]);
	networks_map(s, "inner", "inner");
	nf_line(s, "\tchain martians {\n\t\ttype filter hook prerouting priority raw; policy accept;");
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		if (!n->uplink[0])
			continue;
		nf_rule(s, "\t\tiifname \"%s\" ip saddr %s counter name MARTIAN_SRC_%d drop", n->uplink,
			nf_subnet(&n->gateway, text), nf_id(n));
		if (n->gateway6.family)
			nf_rule(s, "\t\tiifname \"%s\" ip6 saddr %s counter name MARTIAN_SRC_%d drop", n->uplink,
				nf_subnet(&n->gateway6, text), nf_id(n));
	}
	nf_rule(s, "\t\tiifname vmap @inner");
	nf_line(s, "\t}");
}

/* Who listens to which group is no conversation. And that a bridge overhears, it tells those whom it overhears, as a member of
 * 224.0.0.106 (RFC 4286): by a report of version two, or of version three with one record. */
static void group_chain(struct nf_script *s)
{
	nf_line(s, "\tchain groups {\n\t\ttype filter hook output priority raw; policy accept;");
	nf_rule(s, "\t\toifname @bridges ip daddr 224.0.0.106 counter drop");
	nf_rule(s, "\t\toifname @bridges ip protocol igmp @th,0,8 0x22 @th,48,16 1 @th,96,32 0xe000006a counter drop");
	nf_rule(s, "\t\toifname @bridges ip protocol igmp notrack");
	nf_line(s, "\t}");
}

static void inet_sets(struct nf_script *s)
{
	size_t i;

	nf_set(s, "set bridges { type ifname;");
	for (i = 0; i < s->n; i++)
		nf_element(s, "\"%s\"", s->nets[i].name);
	nf_set_end(s);
	for (i = 0; i < s->n; i++) {
		except_set(s, &s->nets[i], AF_INET);
		except_set(s, &s->nets[i], AF_INET6);
		isolated_set(s, &s->nets[i], AF_INET);
		isolated_set(s, &s->nets[i], AF_INET6);
		nf_line(s, "\tset count4_%d { type ipv4_addr; size 65535; flags dynamic; }", nf_id(&s->nets[i]));
		nf_line(s, "\tset count6_%d { type ipv6_addr; size 65535; flags dynamic; }", nf_id(&s->nets[i]));
		nf_snat_sets(s, &s->nets[i]);
		nf_icmp_sets(s, &s->nets[i]);
		timeouts(s, &s->nets[i]);
	}
}

static void inet_chains(struct nf_script *s)
{
	size_t i;

	s->rules += nf_publish_script(s->f, s->nets, s->n);
	for (i = 0; i < s->n; i++) {
		nf_icmp_chain(s, &s->nets[i]);
		within_chain(s, &s->nets[i]);
		way_chain(s, &s->nets[i]);
		from_chain(s, &s->nets[i]);
		to_chain(s, &s->nets[i]);
		access_chain(s, &s->nets[i]);
	}
	martian_chain(s);
	group_chain(s);
	input_chain(s);
	forward_chain(s);
	nf_snat_chains(s);
}

void nf_inet_table(struct nf_script *s)
{
	inet_sets(s);
	inet_chains(s);
}
