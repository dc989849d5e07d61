/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables 'nsfast' of nftables: all networks of a host in netfilter mode, as one script that replaces what was. */
#pragma once

#include "host.h"
#include "net.h"

#define NF_TABLE "nsfast"

/* Makes the tables what the records say, and one network more that is being made (NULL: none); without any network there are
 * none. Counters go on from where they were. Prints. */
int nf_rules_sync(struct host *h, const struct network *making);
/* The same after a network that was so until now has changed: what its old rules let go does not leave by the new ones as it
 * is. Returns when nothing is on its way by the old ones any more. */
int nf_rules_change(struct host *h, const struct network *was);
/* True if the tables are there and are those that were made of the records. Prints nothing. */
bool nf_rules_whole(struct host *h);

/* A counter's name: the drop reason and the gateway's ifindex. */
#define NF_COUNTER_LEN 48
