/* SPDX-License-Identifier: GPL-2.0-only */
/* VLANs (IEEE 802.1Q) of a network that has ports in other ones than the gateway's. */
#pragma once

#include "abi.h"

#define NSF_VLAN_DEFAULT 1 /* the gateway's, and that of ports that are told nothing else */
#define NSF_VLAN_MAX     4094

/* Map nsf_trunks: hash by slot (__u32) of a port, written by user space: the VLANs whose frames have tags there. */
struct nsf_trunk {
	__u64 vids[64]; /* VLAN v is bit v % 64 of word v / 64 */
};
_Static_assert(sizeof(struct nsf_trunk) == 512, "nsf_trunk");
