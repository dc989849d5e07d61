/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 of ports in bpf mode: the port's row. */
#include "bpf_port6.h"

#include <errno.h>

#include "bpf_row.h"
#include "port6.h"

void bpf_port6_fill(const struct dp *dp, const struct port *p, struct nsf_port *row)
{
	memcpy(row->addr6, p->addr6.bytes, sizeof(row->addr6));
	row->handle6 = p->addr6.family ? row_handle(dp, &p->addr6) : 0;
}

static int port6_rows(struct host *h, const struct network *n, const struct port *p, __u32 slot, const struct addr *old)
{
	int r = old->family ? row_unset_addr(&h->dp, n->id, old, slot) : 0;

	bpf_port6_fill(&h->dp, p, &h->dp.ports[slot]);
	return r || !p->addr6.family ? r : row_set_addr(&h->dp, n->id, &p->addr6, slot);
}

int bpf_port6_change(struct host *h, const struct network *n, const struct port *p)
{
	__u32 slot = row_port(&h->dp, n->id, p->name);
	const struct addr old = row_addr6(h->dp.ports[slot].addr6, 128);
	int r = slot ? port6_rows(h, n, p, slot, &old) : -ENOENT;

	return r ? r : port6_change(h, n, p, &old);
}
