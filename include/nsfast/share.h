/* SPDX-License-Identifier: GPL-2.0-only */
/* What each port uses of the tables that all ports share. */
#pragma once

#include "abi.h"

/*
 * Map nsf_shares: array by slot of nsf_ports, mapped; the data path writes it. The limits stand in struct nsf_port. A
 * flow that both sides have closed is nobody's any more: it is not counted, and is the first to go when room is needed.
 */
struct nsf_share {
	__u32 flows; /* not closed */
	__u32 half;  /* of them, opened by one side only: TCP, SCTP */
	__u32 ports; /* external ports held */
	__u32 pad;
};
_Static_assert(sizeof(struct nsf_share) == 16, "nsf_share");
