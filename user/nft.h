/* SPDX-License-Identifier: GPL-2.0-only */
/* nftables: rules go in as text by nft, in one transaction; what stands is read by netlink. */
#pragma once

#include "util.h"
#include <linux/types.h>

/* True if there is an nft to run. */
bool nft_there(void);
/* Carries out a script of nft's, all of it or nothing. 0, or -errno with nft's own first line as the message. */
int nft_run(const char *script, size_t len);

/* The comment of a table, and how many rules it has. -ENOENT if there is no such table; prints nothing. */
int nft_table(__u8 family, const char *table, char *ret_comment, size_t size, unsigned *ret_rules);
/* Chains of the forward hook that drop what no rule of theirs accepts: an accept of other tables does not help there. */
struct nft_chain {
	char family[8]; /* as nft names it */
	char table[64], name[64];
};
/* Calls cb for each of them, but those of our own table; a non-zero return ends the walk and is returned. Prints nothing. */
int nft_forward_drops(const char *own, int (*cb)(const struct nft_chain *c, void *arg), void *arg);

/* Calls cb for each named counter of a table; a non-zero return of cb ends the walk and is returned. Prints nothing. */
int nft_counters(__u8 family, const char *table, int (*cb)(const char *name, __u64 packets, __u64 bytes, void *arg),
		 void *arg);
