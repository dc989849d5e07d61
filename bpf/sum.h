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

/* True if the sum over an IPv4 header without options, which ends before `end`, is zero (RFC 791). */
static __always_inline bool sum_ip4_ok(const __u32 *word, const void *end)
{
	return (void *)(word + 5) <= end && sum_fold((__u64)word[0] + word[1] + word[2] + word[3] + word[4]) == 0xffff;
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
