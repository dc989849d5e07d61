/* SPDX-License-Identifier: GPL-2.0-only */
/* A script of nftables' in the making: what the files that write parts of it share. */
#pragma once

#include <stdio.h>

#include "host.h"
#include "net.h"

struct nf_script {
	FILE *f;
	struct host *h;
	struct network *nets; /* what it is about; each has its ifindex */
	size_t n;
	const struct network *was; /* what one of them was until now; NULL: none has changed */
	unsigned rules;            /* so far, of the table that is open */
	bool elements;             /* the set that is open has some */
};

void nf_line(struct nf_script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for a rule: they are counted, so that one that somebody took away is missed. */
#define nf_rule(s, ...) ((s)->rules++, nf_line(s, __VA_ARGS__))

/* A set or map: begun with its name and what it is of, given its elements, which may be none, and ended. */
void nf_set(struct nf_script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void nf_element(struct nf_script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void nf_set_end(struct nf_script *s);

/* Networks and rules of their own live under the gateway's ifindex, which is unique on the host. */
int nf_id(const struct network *n);
/* A gateway's subnet as text. */
const char *nf_subnet(const struct addr *gateway, char buf[ADDR_STRLEN]);

/* The bodies of the tables of each family, and the drop reasons that they count. */
struct nf_reasons {
	const char *const *v;
	size_t n;
};
extern const struct nf_reasons nf_inet_reasons, nf_bridge_reasons;
void nf_inet_table(struct nf_script *s);
void nf_bridge_table(struct nf_script *s);

/* Which errors of ICMP a container may send to the outside; part of the inet table. */
void nf_icmp_sets(struct nf_script *s, const struct network *n);
void nf_icmp_chain(struct nf_script *s, const struct network *n);

/* Sets and chains that translate sources, and keep from an uplink what they did not; part of the inet table. */
void nf_snat_sets(struct nf_script *s, const struct network *n);
void nf_snat_chains(struct nf_script *s);
