/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters that are true although redirects bypass the kernel's own. */
#pragma once

#include "abi.h"

/* Map nsf_count: per-CPU array by slot of nsf_ports. rx is what came from the far end of the attachment, tx what was
 * sent there; frames as the kernel's interface counters see them: one per GSO packet, Ethernet header included. */
struct nsf_count {
	__u64 rx_packets, rx_bytes;
	__u64 tx_packets, tx_bytes;
};
_Static_assert(sizeof(struct nsf_count) == 32, "nsf_count");
