/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to the model: what a publish says, [ADDR:]PORT[-PORT]:NAME:PORT[-PORT][/PROTO]. */
#include <errno.h>
#include <stdio.h>

#include "conf.h"
#include "log.h"
#include "netns.h"

#define SPEC_MAX 512

/* What is being read, for messages, and the fields of the copy that reading cuts up. */
struct spec {
	const char *what, *text;
	char copy[SPEC_MAX];
	char *addr, *host, *name, *port; /* addr: NULL for none; name: NULL where none stands in the text */
};

static int spec_fail(const struct spec *s, bool named)
{
	hint("as in 8080:%s80, 198.51.100.1:8000-8009:%s80-89/udp or [2001:db8::1]:53:%s53/udp", named ? "web:" : "",
	     named ? "web:" : "", named ? "dns:" : "");
	return fail_usage("%s: '%s' is no publish", s->what, s->text);
}

/* Cuts off the last field, from its ':' on. NULL if there is no ':'. */
static char *spec_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/* The fields from the right: only an address, which is the first of them, may hold further colons. */
static int spec_split(struct spec *s, bool named)
{
	s->port = spec_last(s->copy);
	if (named && s->port)
		s->name = spec_last(s->copy);
	if (!s->port || (named && !s->name))
		return spec_fail(s, named);
	s->host = spec_last(s->copy);
	s->addr = s->host ? s->copy : NULL;
	if (!s->host)
		s->host = s->copy;
	return 0;
}

static int spec_proto(const struct spec *s, const char *text, __u8 *ret)
{
	static const char *const names[] = { "tcp", "udp", "sctp" };
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (streq(text, names[i])) {
			*ret = protos[i];
			return 0;
		}
	}
	return fail_usage("%s: '%s': '%s' cannot be published; there are tcp, udp and sctp", s->what, s->text, text);
}

/* Digits up to end; 0 is no port. */
static bool spec_number(const char *text, const char *end, __u16 *ret)
{
	unsigned v = 0;

	if (text == end)
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned)(*text - '0');
		if (v > 65535)
			return false;
	}
	*ret = (__u16)v;
	return v > 0;
}

static int spec_range(const struct spec *s, const char *text, __u16 *ret_first, __u16 *ret_last)
{
	const char *dash = strchr(text, '-'), *end = text + strlen(text);
	__u16 first, last;

	if (!spec_number(text, dash ? dash : end, &first) || !spec_number(dash ? dash + 1 : text, end, &last) ||
	    last < first)
		return fail_usage("%s: '%s': '%s' is no port and no range of ports", s->what, s->text, text);
	*ret_first = first;
	*ret_last = last;
	return 0;
}

/* An address as it stands before a port: IPv6 in brackets. */
static int spec_addr(struct spec *s, struct addr *ret)
{
	size_t len = strlen(s->addr);
	bool six = len > 2 && s->addr[0] == '[' && s->addr[len - 1] == ']';
	struct addr a;

	if (six) {
		s->addr[len - 1] = '\0';
		s->addr++;
	}
	if (strchr(s->addr, '/') || addr_parse(s->addr, &a) || (a.family == AF_INET && six))
		return fail_usage("%s: '%s': '%s' is no address", s->what, s->text, s->addr);
	if (a.family == AF_INET6 && !six) {
		hint("[%s]", s->addr);
		return fail_usage("%s: '%s': an IPv6 address stands in brackets", s->what, s->text);
	}
	if (a.family == AF_INET6 && a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80)
		return fail_usage("%s: '%s': link-local addresses cannot be published on", s->what, s->text);
	*ret = a;
	return 0;
}

static int spec_read(struct spec *s, bool named, struct publish *ret)
{
	struct publish p = { .proto = IPPROTO_TCP };
	__u16 to_last;
	char *slash;
	int r;

	if (strlen(s->text) >= sizeof(s->copy))
		return spec_fail(s, named);
	strcpy(s->copy, s->text);
	slash = strrchr(s->copy, '/');
	if (slash && strchr(slash, ':'))
		slash = NULL; /* no protocol: it stands where it does not belong */
	r = slash ? spec_proto(s, slash + 1, &p.proto) : 0;
	if (slash)
		*slash = '\0';
	if (!r)
		r = spec_split(s, named);
	if (!r && s->addr)
		r = spec_addr(s, &p.addr);
	if (!r)
		r = spec_range(s, s->host, &p.first, &p.last);
	if (!r && named && !netns_name_ok(s->name))
		r = fail_usage("%s: '%s': '%s' is no name for a port", s->what, s->text, s->name);
	if (!r)
		r = spec_range(s, s->port, &p.to_first, &to_last);
	if (r)
		return r;
	if (p.last - p.first != to_last - p.to_first)
		return fail_usage("%s: '%s': %d ports of the host, but %d of the container", s->what, s->text,
				  p.last - p.first + 1, to_last - p.to_first + 1);
	if (named)
		snprintf(p.port, sizeof(p.port), "%s", s->name);
	*ret = p;
	return 0;
}

static int add(struct spec *s, const char *name, struct network *n)
{
	struct publish p, *to;
	int r = spec_read(s, !name, &p);

	if (r)
		return r;
	to = network_add_publish(n);
	if (!to)
		return fail(-ENOMEM, "%s: cannot add '%s'", s->what, s->text);
	*to = p;
	if (name)
		snprintf(to->port, sizeof(to->port), "%s", name);
	n->has |= NET_HAS_PUBLISH;
	return 0;
}

int conf_publish(const char *what, const char *text, struct network *n)
{
	return add(&(struct spec){ .what = what, .text = text }, NULL, n);
}

int conf_port_publish(const char *what, const char *text, struct network *n)
{
	return add(&(struct spec){ .what = what, .text = text }, n->ports[n->n_ports - 1].name, n);
}
