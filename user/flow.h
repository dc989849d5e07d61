/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows as users speak of them: protocols and states as words, and filters. */
#pragma once

#include "link.h"

/* TCP and SCTP have the first five; words as conntrack(8) users know them. */
#define FLOW_STATES(X) \
	X(OPENING, "opening")         /* begun by one side */ \
	X(ESTABLISHED, "established") /* answered by the other */ \
	X(HALF_CLOSED, "half-closed") /* closed by one side */ \
	X(CLOSED, "closed")           /* closed by both */ \
	X(RESET, "reset") \
	X(ACTIVE, "active") /* every other protocol */
#define FLOW_STATE_ENUM(name, word) FLOW_##name,
enum flow_state { FLOW_STATES(FLOW_STATE_ENUM) FLOW_STATE_MAX };

/* Which flows are meant. Zeroed: all. */
struct flow_filter {
	const char *net, *port; /* NULL: any; port FLOW_HOST: the host's own flows as well */
	struct addr addr;       /* inner, peer or external end lies in it; family 0: any */
	bool by_proto;
	__u8 proto;      /* IPPROTO_* */
	unsigned states; /* 1 << enum flow_state; 0: any */
};

#define FLOW_HOST "host" /* what stands for a port where the host itself is the inner end */

/* Each takes one more word into the filter; what names the option in messages. -EINVAL with a message, or 0. */
int flow_filter_proto(const char *what, const char *text, struct flow_filter *f); /* a name or a number */
int flow_filter_addr(const char *what, const char *text, struct flow_filter *f);  /* ADDRESS[/LENGTH] */
int flow_filter_state(const char *what, const char *text, struct flow_filter *f); /* adds to those before */

const char *flow_state_name(enum flow_state state);
/* A protocol's name, or its number in buf. */
#define FLOW_PROTO_STRLEN 4
const char *flow_proto_name(__u8 proto, char buf[FLOW_PROTO_STRLEN]);
/* True if external ports tell the protocol's flows apart. */
bool flow_proto_has_ports(__u8 proto);
