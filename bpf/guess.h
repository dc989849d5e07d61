/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether the port numbers of an inner address are preserved, so that what it sends is found by the guess. */
#pragma once

#include "maps.h"
#include "pool.h"

static __always_inline __u32 guess_place(__be32 inner)
{
	return pool_mix(inner) % NSF_UNGUESSED;
}

/* One more for which it fails, before anybody can find that; one less when nobody can any more. */
static __always_inline void guess_fails(__be32 inner, int n)
{
	__u32 *fails = array_row(&nsf_unguessed, guess_place(inner));

	if (fails)
		__sync_fetch_and_add(fails, n);
}

/* True if it does for all of the address's flows: none has an inner key, and no endpoint another number. */
static __always_inline bool guess_holds(__be32 inner)
{
	const volatile __u32 *fails = array_row(&nsf_unguessed, guess_place(inner));

	return fails && !*fails;
}
