/* SPDX-License-Identifier: GPL-2.0-only */
/* A flow that began elsewhere, handed to the data path: what nsf_carry is run with in place of a packet. */
#pragma once

#include "abi.h"

struct nsf_carry {
	__u32 inner6[4], peer6[4], ext6[4];     /* IPv6: the whole addresses */
	__be32 inner, peer, ext;                /* as in struct nsf_flow */
	__be16 inner_port, peer_port, ext_port; /* likewise */
	__u16 net;                              /* index in nsf_nets */
	__u32 flags;                            /* NSF_FLOW_INBOUND, _HAIRPIN, _PUBLISH */
	__u32 idle;                             /* ticks since its last packet */
	__u16 slot;                             /* of its port, or of the gateway, see flow.h */
	__u8 mac[6];                            /* the inner endpoint's, zero if it is not known */
	__u8 proto, family, tcp;                /* tcp: enum nsf_tcp_bit */
	__u8 pad[5];
};
_Static_assert(sizeof(struct nsf_carry) == 92, "nsf_carry");
