/* SPDX-License-Identifier: GPL-2.0-only */
/* The note that goes with a frame from XDP to tc: a way out by the kernel's neighbour table, which only tc can ask. */
#pragma once

#include "maps.h"
#include "pkt.h"

/*
 * It stands before the frame, where a driver may have no room for it, and the kernel keeps it only as long as it pleases:
 * without it a frame is any other packet of the host. It outlives a hop to another namespace too, so it is taken away by who
 * reads it, and has a key that nobody else knows; of that, who finds it learns nothing of those that it is made of.
 */
struct edit_note {
	__u64 key;
	__u32 out;
	__u16 slot, out_slot;
	__be32 hop[4]; /* zero: the kernel must find it itself */
};
_Static_assert(sizeof(struct edit_note) == 32, "edit_note"); /* before Linux 6.3 there is no more room */

static __always_inline __u64 edit_note_key(void)
{
	const struct nsf_flow_state *s = array_row(&nsf_flow_state, 0);

	return s ? s->handle_key[0] ^ s->handle_key[1] : 0;
}

/* At XDP. */
static __always_inline void edit_note_put(const struct pkt *p)
{
	struct edit_note *n;

	if (bpf_xdp_adjust_meta(p->xdp, -(int)sizeof(*n)))
		return;
	n = xdp_meta(p->xdp);
	if ((void *)(n + 1) > xdp_data(p->xdp))
		return;
	n->key = edit_note_key();
	n->out = p->out;
	n->slot = p->slot;
	n->out_slot = p->out_slot;
	addr6_copy((__u32 *)n->hop, (const __u32 *)p->hop);
}

/* At tc: there is something where a note would be. */
static __always_inline bool edit_note_any(struct __sk_buff *ctx)
{
	return ctx->data_meta != ctx->data;
}

/* What it says is the plan. */
static __always_inline bool edit_note_take(struct pkt *p)
{
	struct edit_note *n = ctx_meta(p->ctx);

	if (likely((void *)(n + 1) > ctx_data(p->ctx)) || !n->key || n->key != edit_note_key())
		return false;
	n->key = 0;
	p->edit = EDIT_TTL;
	p->out = n->out;
	p->slot = n->slot;
	p->out_slot = n->out_slot;
	addr6_copy((__u32 *)p->hop, (const __u32 *)n->hop);
	p->hop_family = p->hop[0] ? p->family : 0;
	return true;
}
