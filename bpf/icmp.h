/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors of our own (RFC 792, RFC 1812 4.3.2, RFC 4443): when the sender is told, and how often. */
#pragma once

#include "maps.h"
#include "pkt.h"

#define ICMP_PER_TICK 100 /* errors that one attachment can cause */

#define ICMP6_ECHO       128
#define ICMP6_ECHO_REPLY 129

/* What a sender is told; type and code are each family's. */
enum icmp_say {
	ICMP_SAY_TTL,     /* 11/0, 3/0 */
	ICMP_SAY_TOO_BIG, /* 3/4, 2/0 */
	ICMP_SAY_NET,     /* 3/0, 1/0: no route */
	ICMP_SAY_HOST,    /* 3/1, 1/3 */
	ICMP_SAY_ADMIN,   /* 3/13, 1/1 */
};

/* Two CPUs may both take the last one: a limit, not an account. */
static __always_inline bool icmp_allowed(__u32 slot)
{
	__u64 *w = bpf_map_lookup_elem(&nsf_icmp, &slot), now = tick(), old;

	if (!w)
		return false;
	old = *w;
	if (old >> 32 != now)
		*w = now << 32 | 1;
	else if ((__u32)old < ICMP_PER_TICK)
		*w = old + 1;
	else
		return false;
	return true;
}

static __always_inline bool icmp_is_proto(const struct pkt *p)
{
	return p->proto == icmp_proto(p->family);
}

static __always_inline __u8 icmp_echo(__u32 family)
{
	return family == 6 ? ICMP6_ECHO : ICMP_ECHO;
}

static __always_inline __u8 icmp_echo_reply(__u32 family)
{
	return family == 6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
}

static __always_inline bool icmp_error_type(__u32 family, __u8 type)
{
	if (family == 6)
		return type < 128;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static __always_inline bool icmp_is_error(const struct pkt *p)
{
	return icmp_error_type(p->family, p->icmp_type);
}

/* Errors that go through a NAT; redirects are the link's affair, source quench is no more (RFC 6633). */
static __always_inline bool icmp_forwards(const struct pkt *p)
{
	if (p->family == 6)
		return p->icmp_type && p->icmp_type < 5;
	return p->icmp_type != ICMP_REDIRECT && p->icmp_type != ICMP_SOURCE_QUENCH;
}

static __always_inline void icmp_words(struct pkt *p, enum icmp_say say)
{
	static const __u8 types[][2] = { { 11, 3 }, { 3, 2 }, { 3, 1 }, { 3, 1 }, { 3, 1 } };
	static const __u8 codes[][2] = { { 0, 0 }, { 4, 0 }, { 0, 0 }, { 1, 3 }, { 13, 1 } };

	p->error_type = types[say][p->family == 6];
	p->error_code = codes[say][p->family == 6];
}

/* True if the sender is told: not about errors, later fragments, and what came to a group. Not static: verified once, see
 * struct facts. */
__noinline int icmp_tells(const struct facts *p, __u32 family)
{
	if (!p || p->frag == FRAG_LATER || p->dmac[0] & 1)
		return false;
	if (p->proto == icmp_proto(family) && icmp_error_type(family, p->icmp_type))
		return false;
	return icmp_allowed(p->slot);
}

/* Discards the packet and tells its sender. */
static __noinline enum verdict icmp_answer(struct pkt *p, enum nsf_drop reason, enum icmp_say say)
{
	p->reason = reason;
	if (!icmp_tells(&p->facts, p->family))
		return DROP;
	p->edit = EDIT_ICMP;
	icmp_words(p, say);
	p->error_src = p->port ? p->net->addr4 : p->daddr;
	return REPLY;
}

/* RFC 1191: the MTU goes into the message. What may not be fragmented and what we cannot fragment is told alike. */
static __always_inline enum verdict icmp_too_big(struct pkt *p, __u32 mtu)
{
	p->mtu = mtu;
	return icmp_answer(p, NSF_DROP_TOO_BIG, ICMP_SAY_TOO_BIG);
}
