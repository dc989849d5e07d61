/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs on interfaces by the clsact qdisc and cls_bpf, for kernels without tcx links (before 6.6). Interfaces are those
 * of the current namespace; nothing is printed. */
#pragma once

#include <stdbool.h>

#include <linux/types.h>

/* Puts a program on one side of the interface, before all filters of other priorities, in the place of what an earlier
 * call put there. *ret_made: the qdisc was not there before. 0, or -errno: -EINVAL if others hold our priority. */
int clsact_attach(int ifindex, bool egress, int prog, bool *ret_made);
/* Id of the program that clsact_attach() put there; 0 if there is none. */
__u32 clsact_prog(int ifindex, bool egress);
/* Takes it off; 0 also if it, or the interface, is not there. */
int clsact_detach(int ifindex, bool egress);
/* Removes the qdisc if no filter of anybody is left in it, neither in nor out. */
int clsact_remove(int ifindex);
