/* SPDX-License-Identifier: GPL-2.0-only */
/* Firewalls of others: what they drop is dropped, whatever our own tables accept. */
#pragma once

#include "net.h"

/*
 * Calls cb for each chain that drops what is forwarded and not accepted in it: of nftables, iptables by nftables, and iptables
 * of old; with commands that let a network pass. Chains of families that the network has not got are left out. A non-zero return
 * ends the walk and is returned. Prints nothing.
 */
int firewall_blocks(const struct network *n, int (*cb)(const char *chain, const char *cure, void *arg), void *arg);
