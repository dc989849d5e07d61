/* SPDX-License-Identifier: GPL-2.0-only */
/* Which SNAT address of a pool an inner address has: always the same one (RFC 4787 REQ-2), and each about as many. */
#pragma once

#include "ctx.h"

/* Handles of IPv6 addresses in a row are numbers at equal distances, on some hosts all even: MurmurHash3's finalizer. */
static __always_inline __u32 pool_mix(__u32 handle)
{
	handle = (handle ^ handle >> 16) * 0x85ebca6b;
	handle = (handle ^ handle >> 13) * 0xc2b2ae35;
	return handle ^ handle >> 16;
}

/* Index in a pool of n; user/nf_snat.c does the same for IPv4. */
static __always_inline __u32 pool_index(__be32 inner, __u8 family, __u32 n)
{
	if (n < 2)
		return 0;
	return (family == 6 ? pool_mix(inner) : bpf_ntohl(inner)) % n;
}
