/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's defragmenter in bpf mode: a namespace held by a file, and a leg to it; see nsfast/frag.h. */
#pragma once

#include "host.h"

/*
 * Makes the defragmenter, mends it, fits it to the networks' MTUs, or removes it, as the networks with an uplink ask for. Where
 * it cannot be made, fragments are dropped by name and the rest works: a warning, and 0. Prints.
 */
int bpf_frag_sync(struct host *h);
/* False if it was made and is not whole any more. Prints nothing. */
bool bpf_frag_whole(struct host *h);
/* Lets go of those whose host has nothing pinned. The lock is held. Prints nothing. */
void bpf_frag_collect(void);
/* Could this kernel do it? 0 or -errno; prints nothing. */
int bpf_frag_probe(void);
