/* SPDX-License-Identifier: GPL-2.0-only */
/* What is fixed when the programs are loaded. */
#pragma once

#include "abi.h"

struct nsf_cfg {
	__u64 host;      /* cookie of the namespace whose sockets are the host's */
	__u32 flows_max; /* slots in nsf_flows */
	__u32 scrubs;    /* 1: bpf_redirect_peer makes the packet PACKET_HOST by itself (kernel 6.15) */
	__u32 jiffy_ns;  /* what a jiffy is long, the kernel's TICK_NSEC */
	__u32 pad;
};
_Static_assert(sizeof(struct nsf_cfg) == 24, "nsf_cfg");
