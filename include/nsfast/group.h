/* SPDX-License-Identifier: GPL-2.0-only */
/* Who listens to which multicast group, by what ports report (RFC 4541). */
#pragma once

#include "abi.h"

#define NSF_GROUPS_MAX   16384
#define NSF_GROUPS_PORT  128 /* of one port; who reports more hears all groups */
#define NSF_GROUP_TICKS  242 /* a report holds for so long: 260 s (RFC 3376, section 8.4) */
#define NSF_GROUP_LEFT   2   /* and after the port has left, in case that another one behind it still listens */
#define NSF_QUERIERS_MAX 4096

/* Map nsf_groups: hash, written by the data path. Groups go by their MAC, as where they are delivered. */
struct nsf_group_key {
	__u16 slot; /* in nsf_ports */
	__u16 vlan; /* 0 where there are none */
	__u8 mac[6];
	__u16 pad;
};
_Static_assert(sizeof(struct nsf_group_key) == 12, "nsf_group_key");

struct nsf_group {
	__u32 gen;  /* of the port; an entry with another number is dead */
	__u32 seen; /* tick of the last report */
};
_Static_assert(sizeof(struct nsf_group) == 8, "nsf_group");

/* Map nsf_listens: array by slot, mapped: what a port listens to in all. The data path writes it, user space clears it. */
struct nsf_listen {
	__u32 groups; /* entries of nsf_groups */
	__u32 all;    /* tick since when it hears all: a router is there, or it asked for too many; 0: it does not */
};
_Static_assert(sizeof(struct nsf_listen) == 8, "nsf_listen");

/* Map nsf_queriers: hash, written by the data path. Without a querier nobody reports again, and all hear all. */
struct nsf_querier_key {
	__u16 net;
	__u16 vlan;
	__u32 family; /* 4: IGMP, 6: MLD */
};
_Static_assert(sizeof(struct nsf_querier_key) == 8, "nsf_querier_key");

struct nsf_querier {
	__u32 seen; /* tick of the last general query */
	__u32 from; /* tick from which on it is known who listens: all have had the time to answer the first one */
};
_Static_assert(sizeof(struct nsf_querier) == 8, "nsf_querier");
