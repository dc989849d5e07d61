/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows of netfilter mode: the kernel's connections, seen as a network's. See struct mode for what each returns. */
#pragma once

#include "mode.h"

int nf_flows_read(struct host *h, const struct flow_filter *f, int (*cb)(const struct mode_flow *f, void *arg),
		  void *arg);
int nf_flows_end(struct host *h, const struct flow_filter *f, __u64 *ret);
/* Ends what came by a publish; n: the network as it was. Prints. */
int nf_flows_end_publish(const struct network *n, const struct publish *p);
/* Ends what was for a publish's port before there was the publish, and was not answered: by the kernel's record of it what
 * comes next would go where the first went. Prints. */
int nf_flows_end_unanswered(const struct publish *p);
/* Ends all of inner addresses, those with the prefix; family 0: none. Prints. */
int nf_flows_end_addr(const struct addr *a);
/* Ends what goes out by another address than it would now. Prints. */
int nf_flows_end_pool(const struct network *n);
int nf_flows_put(struct host *h, const struct mode_flow *m, const struct mode_flow *far);
int nf_flows_usage(struct host *h, struct mode_usage *ret);
int nf_flows_externals(struct host *h, const char *net, int (*cb)(const struct mode_external *e, void *arg), void *arg);
