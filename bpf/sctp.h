/* SPDX-License-Identifier: GPL-2.0-only */
/* SCTP's checksum (CRC32c, RFC 9260 section 6.8) when ports change: it covers no addresses, so those do not matter. */
#pragma once

#include "ctx.h"

/* CRC32c is linear: what a change of the ports changes is the CRC of the difference, followed by zeros to the end. */
#define SCTP_POLY 0x82f63b78 /* bits reflected */

/* x^(8 * 2^k) modulo the polynomial, k = 0, 1...: what 2^k more zero bytes multiply by. */
static const __u32 sctp_zeros[16] = {
	0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
	0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
};

/* A value where a bit is 1, else 0. Without a branch on data, so that the verifier goes through once; not by a mask either, of
 * which newer ones try both. */
static __always_inline __u32 sctp_if(__u32 bit, __u32 value)
{
	bounded(bit);
	return bit * value;
}

/* Product of two polynomials. Not static: verified once, and not for each power of a difference. */
__noinline __u32 sctp_product(__u32 a, __u32 b)
{
	__u32 product = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < 32; i++) {
		product ^= sctp_if(a >> 31, b);
		a <<= 1;
		b = (b >> 1) ^ sctp_if(b & 1, SCTP_POLY);
	}
	return product;
}

struct sctp_step {
	__u32 crc, zeros;
};

static long sctp_step(__u32 k, struct sctp_step *s)
{
	const __u32 *power = &sctp_zeros[k & 15];

	s->crc ^= sctp_if(s->zeros >> (k & 15) & 1, s->crc ^ sctp_product(*power, s->crc));
	return 0;
}

/* Difference of the checksum, as the header carries it, when ports (both, as they stand) change; len bytes from the
 * header on. */
__noinline __u32 sctp_diff(__u32 from, __u32 to, __u32 len)
{
	struct sctp_step s = { .crc = from ^ to, .zeros = len - 4 };

#pragma clang loop unroll(disable)
	for (int i = 0; i < 32; i++)
		s.crc = (s.crc >> 1) ^ sctp_if(s.crc & 1, SCTP_POLY);
	bpf_loop(16, sctp_step, &s, 0);
	return s.crc;
}
