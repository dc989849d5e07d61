/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of VLANs, as users write them: "20,30-40". */
#pragma once

#include "nsfast/vlan.h"

#include "util.h"

#define VLAN_RANGES_MAX 64                         /* of one set: a line of a file holds it */
#define VLANS_STRLEN    (VLAN_RANGES_MAX * 10 + 1) /* "4000-4094," each */

bool vlans_any(const struct nsf_trunk *t);
bool vlans_has(const struct nsf_trunk *t, unsigned vid);
bool vlans_equal(const struct nsf_trunk *a, const struct nsf_trunk *b);
/* Enters those from first to last. */
void vlans_add(struct nsf_trunk *t, unsigned first, unsigned last);
/* The next range of VLANs from *ret_first on that are in the set (in), or are not; false if there is none. */
bool vlans_range(const struct nsf_trunk *t, bool in, unsigned *ret_first, unsigned *ret_last);
/* The set as text, and that again. */
char *vlans_format(const struct nsf_trunk *t, char buf[VLANS_STRLEN]);
