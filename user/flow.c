/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows as users speak of them: protocols and states as words, and filters. */
#include "flow.h"

#include <errno.h>
#include <stdio.h>

#include "conf.h"
#include "log.h"

static const struct {
	const char *name;
	__u8 proto;
} protos[] = {
	{ "tcp", IPPROTO_TCP },   { "udp", IPPROTO_UDP },         { "icmp", IPPROTO_ICMP },
	{ "sctp", IPPROTO_SCTP }, { "udplite", IPPROTO_UDPLITE }, { "icmpv6", IPPROTO_ICMPV6 },
};

#define FLOW_STATE_WORD(name, word) [FLOW_##name] = word,
static const char *const states[FLOW_STATE_MAX + 1] = { FLOW_STATES(FLOW_STATE_WORD) };

static bool read_proto_number(const char *text, __u8 *ret)
{
	unsigned v = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 3; i++)
		v = 10 * v + (unsigned)(text[i] - '0');
	if (!i || text[i] || v > 255)
		return false;
	*ret = (__u8)v;
	return true;
}

int flow_filter_proto(const char *what, const char *text, struct flow_filter *f)
{
	const char *names[ARRAY_SIZE(protos) + 1] = {}, *near;
	size_t i;

	f->by_proto = true;
	for (i = 0; i < ARRAY_SIZE(protos); i++) {
		f->proto = protos[i].proto;
		if (streq(text, protos[i].name))
			return 0;
		names[i] = protos[i].name;
	}
	if (read_proto_number(text, &f->proto))
		return 0;
	near = conf_nearest(text, names);
	if (near)
		hint("did you mean '%s'?", near);
	else
		hint("there are tcp, udp, icmp, sctp, udplite, icmpv6 and the numbers 0 to 255");
	return fail_usage("%s: '%s' is no protocol", what, text);
}

int flow_filter_addr(const char *what, const char *text, struct flow_filter *f)
{
	if (!addr_parse(text, &f->addr))
		return 0;
	hint("as in 10.77.0.2, 10.77.0.0/24 or 2001:db8::/32");
	return fail_usage("%s: '%s' is no address", what, text);
}

int flow_filter_state(const char *what, const char *text, struct flow_filter *f)
{
	const char *near;
	int i;

	for (i = 0; i < FLOW_STATE_MAX; i++) {
		if (!streq(text, states[i]))
			continue;
		f->states |= 1U << i;
		return 0;
	}
	near = conf_nearest(text, states);
	if (near)
		hint("did you mean '%s'?", near);
	else
		hint("there are opening, established, half-closed, closed and reset; active for other protocols");
	return fail_usage("%s: '%s' is no state of a flow", what, text);
}

const char *flow_state_name(enum flow_state state)
{
	return states[state];
}

const char *flow_proto_name(__u8 proto, char buf[FLOW_PROTO_STRLEN])
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(protos); i++)
		if (proto == protos[i].proto)
			return protos[i].name;
	snprintf(buf, FLOW_PROTO_STRLEN, "%u", proto);
	return buf;
}

bool flow_proto_has_ports(__u8 proto)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(protos); i++)
		if (proto == protos[i].proto)
			return true;
	return false;
}
