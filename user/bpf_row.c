/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of bpf mode's tables: finding, taking and freeing slots; the commit of a row is its name. */
#include "bpf_row.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "log.h"

__u32 row_net(const struct dp *dp, const char *name)
{
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (streq(dp->nets[i].name, name))
			return i;
	return 0;
}

__u32 row_port(const struct dp *dp, __u32 net, const char *name)
{
	__u32 i;

	for (i = dp->nets[net].first; i; i = dp->ports[i].next)
		if (streq(dp->names[i].port, name))
			return i;
	return 0;
}

/* A row without a name may be half made by a run that was killed; `gateway` tells. */
__u32 row_free_net(const struct dp *dp)
{
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (!dp->nets[i].name[0] && !dp->nets[i].gateway_slot)
			return i;
	return 0;
}

__u32 row_free_slot(const struct dp *dp)
{
	__u32 i;

	for (i = 1; i < NSF_SLOTS_MAX; i++)
		if (dp->ports[i].role == NSF_ROLE_NONE)
			return i;
	return 0;
}

void row_count_ports(struct dp *dp, struct nsf_net *net)
{
	__u16 ports = 0, learning = 0;
	bool vlans = false;
	__u32 i;

	for (i = net->first; i; i = dp->ports[i].next) {
		ports++;
		learning += !(dp->ports[i].flags & NSF_PORT_MANAGED);
		vlans |= dp->ports[i].vlan != NSF_VLAN_DEFAULT || dp->ports[i].trunk;
	}
	__atomic_store_n(&net->flags, (net->flags & ~NSF_NET_VLANS) | (vlans ? NSF_NET_VLANS : 0), __ATOMIC_RELAXED);
	net->n_ports = ports;
	__atomic_store_n(&net->n_learning, learning, __ATOMIC_RELEASE);
}

void row_set_port(struct dp *dp, __u32 slot, const struct nsf_port *row)
{
	struct nsf_port *to = &dp->ports[slot], new = *row;
	__u16 *end = &dp->nets[row->net].first;

	new.role = NSF_ROLE_NONE;
	new.gen = to->gen + 1;
	new.next = 0;
	/* before the generation goes up: nothing of this port is counted yet, and nothing of an older one any more */
	dp->shares[slot] = (struct nsf_share){};
	dp->listens[slot] = (struct nsf_listen){};
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*to = new;
	__atomic_store_n(&to->role, row->role, __ATOMIC_RELEASE);
	if (row->role != NSF_ROLE_PORT)
		return;
	while (*end)
		end = &dp->ports[*end].next;
	__atomic_store_n(end, slot, __ATOMIC_RELEASE);
	row_count_ports(dp, &dp->nets[row->net]);
}

void row_macs(struct dp *dp, __u32 slot, __u32 n)
{
	if (slot && dp->shares[slot].macs >= n)
		__atomic_fetch_sub(&dp->shares[slot].macs, n, __ATOMIC_RELAXED);
}

void row_clear_port(struct dp *dp, __u32 slot)
{
	struct nsf_port *row = &dp->ports[slot];
	struct nsf_net *net = &dp->nets[row->net];
	__u16 *at = &net->first;

	while (*at && *at != slot)
		at = &dp->ports[*at].next;
	if (*at)
		__atomic_store_n(at, row->next, __ATOMIC_RELEASE);
	memset(&dp->names[slot], 0, sizeof(dp->names[slot]));
	__atomic_store_n(&row->gen, row->gen + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&row->role, NSF_ROLE_NONE, __ATOMIC_RELEASE);
	/* its MACs are dead, and no longer its network's */
	row_macs(dp, net->gateway_slot, dp->shares[slot].macs);
	row_count_ports(dp, net);
}

void row_commit(char *name, const char *text, size_t size)
{
	size_t len = strnlen(text, size - 1);

	memcpy(name + 1, text + 1, len ? len - 1 : 0);
	name[len] = '\0';
	__atomic_store_n(name, text[0], __ATOMIC_RELEASE);
}

int row_set_iface(struct dp *dp, int ifindex, __u32 slot, const char *ifname)
{
	__u32 key = ifindex, at = key % NSF_IFACE_ROWS;

	if (bpf_map_update_elem(dp->map[DP_IFACES], &key, &slot, BPF_ANY) ||
	    bpf_map_update_elem(dp->map[DP_IFACE_ROWS], &at, &slot, BPF_ANY))
		return fail(-errno, "cannot enter interface '%s' into the data path", ifname);
	return 0;
}

int row_unset_iface(struct dp *dp, int ifindex)
{
	__u32 key = ifindex, at = key % NSF_IFACE_ROWS, none = 0;

	/* of another one with the same remainder the hash knows */
	bpf_map_update_elem(dp->map[DP_IFACE_ROWS], &at, &none, BPF_ANY);
	if (bpf_map_delete_elem(dp->map[DP_IFACES], &key) && errno != ENOENT)
		return fail(-errno, "cannot take interface %d out of the data path", ifindex);
	return 0;
}

__be32 row_handle(const struct dp *dp, const struct addr *a)
{
	__u32 words[4];
	__be32 v;

	if (a->family == AF_INET) {
		memcpy(&v, a->bytes, sizeof(v));
		return v;
	}
	memcpy(words, a->bytes, sizeof(words));
	return nsf_handle6(words, dp->state->handle_key);
}

static struct nsf_addr row_addr_key(const struct dp *dp, __u32 net, const struct addr *a)
{
	return (struct nsf_addr){
		.addr = row_handle(dp, a),
		.net = net,
		.family = a->family == AF_INET ? 4 : 6,
	};
}

int row_set_addr(struct dp *dp, __u32 net, const struct addr *a, __u32 slot)
{
	struct nsf_addr k = row_addr_key(dp, net, a);
	char text[ADDR_STRLEN];

	if (bpf_map_update_elem(dp->map[DP_ADDRS], &k, &slot, BPF_ANY))
		return fail(-errno, "cannot enter address %s into the data path", addr_format(a, false, text));
	return 0;
}

int row_unset_addr(struct dp *dp, __u32 net, const struct addr *a, __u32 slot)
{
	struct nsf_addr k = row_addr_key(dp, net, a);
	char text[ADDR_STRLEN];
	__u32 is;

	if (bpf_map_lookup_elem(dp->map[DP_ADDRS], &k, &is) || is != slot)
		return 0;
	if (bpf_map_delete_elem(dp->map[DP_ADDRS], &k) && errno != ENOENT)
		return fail(-errno, "cannot take address %s out of the data path", addr_format(a, false, text));
	return 0;
}

struct addr row_addr4(__be32 addr, __u8 plen)
{
	struct addr a = {};

	if (addr) {
		a.family = AF_INET;
		a.plen = plen;
		memcpy(a.bytes, &addr, sizeof(addr));
	}
	return a;
}

struct addr row_addr6(const __u8 addr[16], __u8 plen)
{
	static const __u8 none[16];
	struct addr a = {};

	if (memcmp(addr, none, sizeof(none))) {
		a.family = AF_INET6;
		a.plen = plen;
		memcpy(a.bytes, addr, sizeof(a.bytes));
	}
	return a;
}
