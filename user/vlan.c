/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of VLANs, as users write them: "20,30-40". */
#include "vlan.h"

#include <stdio.h>

bool vlans_any(const struct nsf_trunk *t)
{
	unsigned first = 1, last;

	return vlans_range(t, true, &first, &last);
}

bool vlans_has(const struct nsf_trunk *t, unsigned vid)
{
	return t->vids[vid / 64] >> vid % 64 & 1;
}

bool vlans_equal(const struct nsf_trunk *a, const struct nsf_trunk *b)
{
	return !memcmp(a, b, sizeof(*a));
}

void vlans_add(struct nsf_trunk *t, unsigned first, unsigned last)
{
	for (; first <= last; first++)
		t->vids[first / 64] |= 1ULL << first % 64;
}

bool vlans_range(const struct nsf_trunk *t, bool in, unsigned *ret_first, unsigned *ret_last)
{
	unsigned v = *ret_first;

	while (v <= NSF_VLAN_MAX && vlans_has(t, v) != in)
		v++;
	if (v > NSF_VLAN_MAX)
		return false;
	*ret_first = v;
	while (v < NSF_VLAN_MAX && vlans_has(t, v + 1) == in)
		v++;
	*ret_last = v;
	return true;
}

char *vlans_format(const struct nsf_trunk *t, char buf[VLANS_STRLEN])
{
	unsigned first, last;
	size_t len = 0;

	buf[0] = '\0';
	for (first = 1; vlans_range(t, true, &first, &last); first = last + 1) {
		len += (size_t)snprintf(buf + len, VLANS_STRLEN - len, "%s%u", len ? "," : "", first);
		if (last > first)
			len += (size_t)snprintf(buf + len, VLANS_STRLEN - len, "-%u", last);
	}
	return buf;
}
