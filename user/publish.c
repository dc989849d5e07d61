/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes: which rules can be, and how they are written. */
#include "publish.h"

#include <errno.h>
#include <stdio.h>

#include "log.h"
#include "mode.h"
#include "out.h"
#include "sockdiag.h"

static const struct addr any;

static const char *proto_name(__u8 proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "sctp";
}

/* "8080" or "8080-8089" */
static const char *range_format(unsigned first, unsigned last, char buf[16])
{
	if (first == last)
		snprintf(buf, 16, "%u", first);
	else
		snprintf(buf, 16, "%u-%u", first, last);
	return buf;
}

static const char *addr_before_port(const struct addr *a, char buf[ADDR_STRLEN])
{
	char text[ADDR_STRLEN];

	if (!a->family)
		return "*";
	addr_format(a, false, text);
	snprintf(buf, ADDR_STRLEN, a->family == AF_INET6 ? "[%.48s]" : "%.48s", text);
	return buf;
}

const char *publish_format(const struct publish *p, char buf[PUBLISH_STRLEN])
{
	char addr[ADDR_STRLEN], ports[16];

	snprintf(buf, PUBLISH_STRLEN, "%s %s:%s", proto_name(p->proto), addr_before_port(&p->addr, addr),
		 range_format(p->first, p->last, ports));
	return buf;
}

void publish_print(const char *net, const struct publish *p)
{
	char text[PUBLISH_STRLEN], addr[ADDR_STRLEN], ports[16];

	out_text("%s > %s/%s %s:%s\n", publish_format(p, text), net, p->port, addr_before_port(&p->to, addr),
		 range_format(p->to_first, p->to_first + p->last - p->first, ports));
	out_open_object(NULL);
	out_str("protocol", NULL, proto_name(p->proto));
	out_str("address", NULL, addr_format(&p->addr, false, addr));
	out_u64("port", NULL, p->first);
	out_u64("last", NULL, p->last);
	out_str("network", NULL, net);
	out_str("name", NULL, p->port);
	out_str("to_address", NULL, addr_format(&p->to, false, addr));
	out_u64("to_port", NULL, p->to_first);
	out_close_object();
}

static bool addr_same(const struct addr *a, const struct addr *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool addr_any(const struct addr *a)
{
	return addr_same(a, &any);
}

/* Addresses that some packet is for both of; family 0 is both. */
static bool addr_meets(const struct addr *a, const struct addr *b)
{
	return (a->family == b->family || !a->family || !b->family) && (addr_any(a) || addr_any(b) || addr_same(a, b));
}

bool publish_overlap(const struct publish *a, const struct publish *b)
{
	return a->proto == b->proto && a->first <= b->last && b->first <= a->last && addr_meets(&a->addr, &b->addr);
}

/* The same of the host, wherever it leads. */
static bool publish_same_outside(const struct publish *want, const struct publish *is)
{
	return want->proto == is->proto && want->first == is->first && want->last == is->last &&
	       (!want->addr.family || want->addr.family == is->addr.family) && addr_same(&want->addr, &is->addr);
}

bool publish_means(const struct publish *want, const struct publish *is)
{
	return publish_same_outside(want, is) && want->to_first == is->to_first && streq(want->port, is->port);
}

static bool publish_stands(const struct network *is, const struct publish *p)
{
	size_t i;

	for (i = 0; is && i < is->n_publishes; i++)
		if (publish_same_outside(p, &is->publishes[i]))
			return true;
	return false;
}

/* True if a rule for addresses of that family can lead to the port; family 0: of any that the port has. */
static bool port_takes(const struct port *to, __u8 family)
{
	return !family || family == to->addr.family || family == to->addr6.family;
}

/* Where it leads to. */
static int check_port(const struct network *n, const struct publish *p)
{
	const struct port *to = network_port(n, p->port);
	char text[PUBLISH_STRLEN];

	publish_format(p, text);
	if (!to) {
		hint("'nsfast show' lists the ports");
		return fail_missing("%s: cannot publish %s: no port '%s' in network '%s'", n->name, text, p->port,
				    n->name);
	}
	if (!to->netns[0])
		return fail_usage("%s/%s: cannot publish %s: the address of an adopted interface is not known", n->name,
				  p->port, text);
	if (!port_takes(to, p->addr.family))
		return fail_usage("%s/%s: cannot publish %s: the port has no %s address", n->name, p->port, text,
				  p->addr.family == AF_INET6 ? "IPv6" : "IPv4");
	return 0;
}

/* Any address means the families that the container has: a rule for each. */
static int split(struct network *n, size_t at)
{
	const struct port *to = network_port(n, n->publishes[at].port);
	struct publish *p = &n->publishes[at], *six;

	if (p->addr.family)
		return 0;
	p->addr.family = to->addr.family ? to->addr.family : to->addr6.family;
	if (!to->addr6.family || p->addr.family == AF_INET6)
		return 0;
	six = network_add_publish(n);
	if (!six)
		return fail(-ENOMEM, "%s: cannot list publishes", n->name);
	*six = n->publishes[at];
	six->addr.family = AF_INET6;
	return 0;
}

static int is_addr(int ifindex, const struct addr *a, void *arg)
{
	const struct addr *want = arg;

	(void)ifindex;
	return a->family == want->family && addr_same(a, want);
}

static bool is_loopback(const struct addr *a)
{
	static const struct addr one = { .bytes = { [15] = 1 } };

	return a->family == AF_INET6 ? addr_same(a, &one) : a->bytes[0] == 127;
}

/* Only an address of the host's own receives anything. The gateway's may be one that is still to be made. */
static int check_addr(struct host *h, const struct network *n, const struct publish *p)
{
	char text[PUBLISH_STRLEN], addr[ADDR_STRLEN];
	struct addr want = p->addr;
	int r;

	if (addr_any(&want) || is_loopback(&want) || is_addr(0, &n->gateway, &want) || is_addr(0, &n->gateway6, &want))
		return 0;
	r = addr_list(h->nl, 0, is_addr, &want);
	if (r)
		return r < 0 ? fail(r, "%s: cannot read the host's addresses", n->name) : 0;
	addr_format(&want, false, addr);
	hint("ip addr add %s/%d dev %s", addr, want.plen, n->uplink[0] ? n->uplink : "IF");
	return fail_usage("%s/%s: cannot publish %s: %s is no address of this host", n->name, p->port,
			  publish_format(p, text), addr);
}

static int fail_overlap(const struct network *n, const struct publish *p, const char *net, const struct publish *q)
{
	char text[PUBLISH_STRLEN], other[PUBLISH_STRLEN];

	return fail_usage("%s/%s: cannot publish %s: %s leads to %s/%s already", n->name, p->port,
			  publish_format(p, text), publish_format(q, other), net, q->port);
}

/* Rules of other networks: the list of a network's own is all that it will have. */
static int check_other(const char *net, const struct publish *q, void *arg)
{
	const struct network *n = arg;
	size_t i;

	if (streq(net, n->name))
		return 0;
	for (i = 0; i < n->n_publishes; i++)
		if (publish_overlap(&n->publishes[i], q))
			return fail_overlap(n, &n->publishes[i], net, q);
	return 0;
}

static int check_own(const struct network *n, size_t at)
{
	const struct publish *p = &n->publishes[at];
	size_t i;

	for (i = 0; i < at; i++)
		if (publish_overlap(p, &n->publishes[i]))
			return fail_overlap(n, p, n->name, &n->publishes[i]);
	return 0;
}

struct check_sockets {
	const struct network *is, *want;
	__u8 proto;
	int result;
};

/* What has been published has been asked for when it was: a socket that came later does not undo it. */
static int check_socket(const struct sockdiag *s, void *arg)
{
	struct check_sockets *c = arg;
	struct publish taken = { .addr = s->addr, .proto = c->proto, .first = s->port, .last = s->port };
	char text[PUBLISH_STRLEN], at[PUBLISH_STRLEN], holder[SOCKDIAG_HOLDER];
	size_t i;

	if (s->both)
		taken.addr = any;
	for (i = 0; i < c->want->n_publishes; i++) {
		const struct publish *p = &c->want->publishes[i];

		if (!publish_overlap(p, &taken) || publish_stands(c->is, p))
			continue;
		if (addr_any(&p->addr) && !addr_any(&s->addr))
			hint("name the address to publish on, as in ADDRESS:%u:...", p->first);
		else
			hint("end what listens there, or publish another port");
		publish_format(p, text);
		c->result = fail_usage("%s/%s: cannot publish %s: %s is held by %s", c->want->name, p->port, text,
				       publish_format(&taken, at), sockdiag_holder(s->inode, holder));
		return 1;
	}
	return 0;
}

/* One question for each protocol, however many ports. */
static int check_sockets(const struct network *is, const struct network *want)
{
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	size_t i, k;
	int r;

	for (k = 0; k < ARRAY_SIZE(protos); k++) {
		struct check_sockets c = { .is = is, .want = want, .proto = protos[k] };

		for (i = 0; i < want->n_publishes; i++)
			if (want->publishes[i].proto == protos[k] && !publish_stands(is, &want->publishes[i]))
				break;
		if (i == want->n_publishes)
			continue;
		r = sockdiag_list(protos[k], check_socket, &c);
		if (r > 0)
			return c.result;
		if (r == -EOPNOTSUPP && protos[k] != IPPROTO_SCTP) /* few kernels have that module */
			warn("%s: the kernel does not tell which %s ports the host's sockets have, ignoring",
			     want->name, proto_name(protos[k]));
		else if (r && r != -EOPNOTSUPP)
			return fail(r, "%s: cannot list the host's sockets", want->name);
	}
	return 0;
}

/* Rules stay as long as their port does. */
static int keep(const struct network *is, struct network *want)
{
	char text[PUBLISH_STRLEN];
	size_t i;

	for (i = 0; i < is->n_publishes; i++) {
		const struct publish *p = &is->publishes[i];
		const struct port *to = network_port(want, p->port);
		struct publish *q;

		if (!to || !port_takes(to, p->addr.family)) {
			info("%s/%s: %s is published no more", want->name, p->port, publish_format(p, text));
			continue;
		}
		q = network_add_publish(want);
		if (!q)
			return fail(-ENOMEM, "%s: cannot list publishes", want->name);
		*q = *p;
	}
	return 0;
}

int publish_resolve(struct host *h, const struct network *is, struct network *want)
{
	size_t i;
	int r = is && !(want->has & NET_HAS_PUBLISH) ? keep(is, want) : 0;

	for (i = 0; !r && i < want->n_publishes; i++) {
		r = check_port(want, &want->publishes[i]);
		if (!r)
			r = split(want, i);
		if (!r && !publish_stands(is, &want->publishes[i]))
			r = check_addr(h, want, &want->publishes[i]);
		if (!r)
			r = check_own(want, i);
	}
	if (!r && want->n_publishes)
		r = mode_publishes(h, check_other, want);
	return r ? r : check_sockets(is, want);
}
