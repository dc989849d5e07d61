/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors of our own (RFC 792, RFC 1812 4.3.2): when the sender is told, and how often. */
#pragma once

#include "maps.h"
#include "pkt.h"

#define ICMP_PER_TICK 100 /* errors that one attachment can cause */

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

static __always_inline bool icmp_is_error(__u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/* Discards the packet and tells its sender, except about errors, later fragments, and what came to a group. */
static __noinline enum verdict icmp_answer(struct pkt *p, enum nsf_drop reason, __u8 type, __u8 code)
{
	p->reason = reason;
	if (p->frag == FRAG_LATER || p->dmac[0] & 1 || (p->proto == IPPROTO_ICMP && icmp_is_error(p->icmp_type)) ||
	    !icmp_allowed(p->slot))
		return DROP;
	p->edit = EDIT_ICMP;
	p->error_type = type;
	p->error_code = code;
	p->error_src = p->port ? p->net->addr4 : p->daddr;
	return REPLY;
}

/* RFC 1191: the MTU goes into the message. What may not be fragmented and what we cannot fragment is told alike. */
static __always_inline enum verdict icmp_too_big(struct pkt *p, __u32 mtu)
{
	p->mtu = mtu;
	return icmp_answer(p, NSF_DROP_TOO_BIG, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED);
}
