/* SPDX-License-Identifier: GPL-2.0-only */
/* The Internet checksum (RFC 1071): sums of words in network byte order, and what a change does to them. */
#pragma once

#include "ctx.h"

/* A sum of any number of words as one of 16 bits, not inverted. */
static __always_inline __u32 sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* What a sum that is not inverted is told of a word that is `to` now. */
static __always_inline __u64 sum_diff(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

/* RFC 1624: HC' = ~(~HC + ~m + m') */
static __always_inline void sum_change(__sum16 *sum, __u32 from, __u32 to)
{
	*sum = ~sum_fold((__u16) ~*sum + sum_diff(from, to));
}
