/* SPDX-License-Identifier: GPL-2.0-only */
/* Does bpf mode work here? Found by trying, in a namespace of its own. */
#pragma once

#include "util.h"

struct probe_bpf {
	bool loads;    /* the kernel takes all programs */
	bool attaches; /* and one of them on an interface */
	bool tcx;      /* by a tcx link, else by clsact */
	char why[128]; /* what the kernel said, if not */
};

/* 0 if both work, else -errno; prints nothing. The caller stays where it is. */
int probe_bpf(struct probe_bpf *ret);
