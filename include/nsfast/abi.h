/* SPDX-License-Identifier: GPL-2.0-only */
/* The layout number, and the sizes that both worlds agree on. */
#pragma once

#include <linux/types.h>

/* Goes up with every change of a map's layout; part of the pins' path, so that old maps are never read as new ones. */
#define NSF_ABI 15

#define NSF_NETS_MAX  256   /* networks of one host; id 0 is never used and means "outside" in flow keys */
#define NSF_SLOTS_MAX 16384 /* attachments of one host: ports, gateways, uplink legs; slot 0 is never used */
#define NSF_SNATS_MAX 64    /* SNAT addresses of one host */
#define NSF_NAME_LEN  64    /* a port's or a namespace's name, with its NUL */

/*
 * Time in the maps is counted in ticks of 2^30 ns (1.07 s) of CLOCK_MONOTONIC_COARSE: a shift instead of a division,
 * and a cache line of a flow is written at most once a tick.
 */
#define NSF_TICK_SHIFT 30
#define NSF_TICKS(s)   ((__u32)((((__u64)(s)) * 1000000000ULL + (1ULL << NSF_TICK_SHIFT) - 1) >> NSF_TICK_SHIFT))
