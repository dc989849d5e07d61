/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows that containers have by the kernel's connection tracking when their interfaces become ports: see struct mode. */
#pragma once

#include "mode.h"

__u64 bpf_import(struct host *h, const struct network *n);
void bpf_import_end(struct host *h, const struct network *n);
