/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 addresses as 32-bit handles, so that one table and one code serve both families. */
#pragma once

#include "abi.h"

/*
 * Keys and records hold an address as four bytes: an IPv4 address as it is, an IPv6 address as its handle. The handle is
 * a multilinear hash with a secret key of this host (Lemire and Kaser, "Strongly universal string hashing is fast"): two
 * given addresses share one with a probability of 2^-32, and nobody outside can look for such a pair. What a key finds is
 * compared with the whole addresses, which stand beside the record: a shared handle can refuse a flow, never misdirect
 * one. No handle is 0, which says that there is no address.
 */
#define NSF_HANDLE_KEYS 5

static inline __attribute__((always_inline)) __u32 nsf_handle6(const __u32 addr[4], const __u64 key[NSF_HANDLE_KEYS])
{
	__u64 h = key[0];

	h += key[1] * addr[0];
	h += key[2] * addr[1];
	h += key[3] * addr[2];
	h += key[4] * addr[3];
	return h >> 32 ?: 1;
}
