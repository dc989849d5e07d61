/* SPDX-License-Identifier: GPL-2.0-only */
/* Netfilter mode's part in a change of mode: see struct mode and handover.h. */
#pragma once

#include "host.h"
#include "net.h"

int nf_handover_take(struct host *h, struct network *n);
int nf_handover_leave(struct host *h, const struct network *n);
int nf_handover_settle(struct host *h, struct network *n);
