/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps in user space: the kernel's limits, flags and errors; each element is memory of its own that a sanitizer watches. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_BUCKETS 4096

struct map_node {
	struct map_node *next;
	__u8 *key, *value;
};

struct map {
	const char *name;
	__u32 type, key_size, value_size, max, n;
	__u32 stride;              /* of array and queue: values are aligned to eight bytes */
	__u8 *rows;                /* array, queue */
	__u32 first;               /* queue */
	struct map_node **buckets; /* hash; a trie has all in the first one */
};

/* A map's variable holds nothing that anyone reads: here its first word tells where the map is. */
static struct map *map_of(const void *variable)
{
	return *(struct map *const *)variable;
}

static struct map *map_new(const char *name, __u32 type, __u32 key_size, __u32 value_size, __u32 max)
{
	struct map *m = calloc(1, sizeof(*m));

	*m = (struct map){ .name = name, .type = type, .key_size = key_size, .value_size = value_size, .max = max };
	m->stride = (value_size + 7) & ~7u;
	if (type == BPF_MAP_TYPE_LRU_HASH) /* as long as it does not fill up */
		m->type = type = BPF_MAP_TYPE_HASH;
	if (type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LPM_TRIE)
		m->buckets = calloc(MAP_BUCKETS, sizeof(*m->buckets));
	else
		m->rows = calloc(max, m->stride);
	return m;
}

static void map_free(struct map *m)
{
	for (__u32 b = 0; m->buckets && b < MAP_BUCKETS; b++) {
		for (struct map_node *n = m->buckets[b], *next; n; n = next) {
			next = n->next;
			free(n->key);
			free(n->value);
			free(n);
		}
	}
	free(m->buckets);
	free(m->rows);
	free(m);
}

static struct map_node **map_bucket(const struct map *m, const void *key)
{
	const __u8 *k = key;
	__u32 h = 2166136261;

	if (m->type == BPF_MAP_TYPE_LPM_TRIE)
		return m->buckets;
	for (__u32 i = 0; i < m->key_size; i++)
		h = (h ^ k[i]) * 16777619;
	return &m->buckets[(h ^ h >> 16) % MAP_BUCKETS];
}

static struct map_node **map_at(const struct map *m, const void *key)
{
	struct map_node **n = map_bucket(m, key);

	while (*n && memcmp((*n)->key, key, m->key_size))
		n = &(*n)->next;
	return n;
}

/* The longest prefix that both share, in bits. */
static __u32 map_common(const struct map *m, const __u8 *a, const __u8 *b)
{
	__u32 bits = (m->key_size - 4) * 8, i = 0;

	while (i < bits && !((a[4 + i / 8] ^ b[4 + i / 8]) & 0x80 >> i % 8))
		i++;
	return i;
}

static void *map_longest(const struct map *m, const void *key)
{
	void *found = NULL;
	__u32 best = 0, want, have;

	memcpy(&want, key, sizeof(want));
	for (struct map_node *n = m->buckets[0]; n; n = n->next) {
		memcpy(&have, n->key, sizeof(have));
		if (have <= want && map_common(m, n->key, key) >= have && (!found || have > best)) {
			found = n->value;
			best = have;
		}
	}
	return found;
}

static void *map_row(const struct map *m, __u32 i)
{
	return i < m->max ? m->rows + (size_t)i * m->stride : NULL;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	struct map *m = map_of(map);
	struct map_node *n;
	void **inner;

	switch (m->type) {
	case BPF_MAP_TYPE_HASH:
		n = *map_at(m, key);
		return n ? n->value : NULL;
	case BPF_MAP_TYPE_LPM_TRIE:
		return map_longest(m, key);
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		inner = map_row(m, *(const __u32 *)key);
		return inner && *inner ? inner : NULL;
	}
	return map_row(m, *(const __u32 *)key);
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	struct map *m = map_of(map);
	struct map_node **at, *n;

	if (m->rows) {
		if (!map_row(m, *(const __u32 *)key))
			return -E2BIG;
		memcpy(map_row(m, *(const __u32 *)key), value, m->value_size);
		return 0;
	}
	at = map_at(m, key);
	if (*at && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!*at && flags == BPF_EXIST)
		return -ENOENT;
	if (!*at) {
		if (m->n >= m->max)
			return -E2BIG;
		n = calloc(1, sizeof(*n));
		n->key = memcpy(malloc(m->key_size), key, m->key_size);
		*at = n;
		m->n++;
	}
	/* a new element takes the place of the old one, which others may still look at until the packet is through */
	free((*at)->value);
	(*at)->value = memcpy(malloc(m->value_size), value, m->value_size);
	return 0;
}

long bpf_map_delete_elem(void *map, const void *key)
{
	struct map *m = map_of(map);
	struct map_node **at = map_at(m, key), *n = *at;

	if (!n)
		return -ENOENT;
	*at = n->next;
	free(n->key);
	free(n->value);
	free(n);
	m->n--;
	return 0;
}

long bpf_map_push_elem(void *map, const void *value, __u64 flags)
{
	struct map *m = map_of(map);

	if (m->n >= m->max) {
		if (flags != BPF_EXIST)
			return -E2BIG;
		m->first = (m->first + 1) % m->max;
		m->n--;
	}
	memcpy(map_row(m, (m->first + m->n++) % m->max), value, m->value_size);
	return 0;
}

long bpf_map_pop_elem(void *map, void *value)
{
	struct map *m = map_of(map);

	if (!m->n) {
		memset(value, 0, m->value_size);
		return -ENOENT;
	}
	memcpy(value, map_row(m, m->first), m->value_size);
	m->first = (m->first + 1) % m->max;
	m->n--;
	return 0;
}

typedef long map_callback(void *map, const void *key, void *value, void *ctx);

long bpf_for_each_map_elem(void *map, void *callback, void *callback_ctx, __u64 flags)
{
	struct map *m = map_of(map);
	map_callback *f = callback;
	long n = 0;

	for (__u32 b = 0; b < MAP_BUCKETS; b++) {
		for (struct map_node *e = m->buckets[b], *next; e; e = next) {
			next = e->next;
			n++;
			if (f(map, e->key, e->value, callback_ctx))
				return n;
		}
	}
	return n;
}

#define MAP_WORDS(field) (sizeof(*(field)) / sizeof(int))

/* Every map of the data path: m(variable, size of key, size of value, entries). */
#define MAPS(m) \
	MAP_KV(m, nsf_ifaces) \
	MAP_KV(m, nsf_iface_rows) \
	MAP_KV(m, nsf_ports) \
	MAP_KV(m, nsf_names) \
	MAP_KV(m, nsf_nets) \
	MAP_KV(m, nsf_subnets) \
	MAP_KV(m, nsf_subnets6) \
	MAP_KV(m, nsf_excepts) \
	MAP_KV(m, nsf_exts) \
	MAP_KV(m, nsf_addrs) \
	MAP_KV(m, nsf_shares) \
	MAP_KV(m, nsf_publish) \
	MAP_KV(m, nsf_publish_live) \
	MAP_KV(m, nsf_fdb) \
	MAP_KV(m, nsf_trunks) \
	MAP_KV(m, nsf_groups) \
	MAP_KV(m, nsf_listens) \
	MAP_KV(m, nsf_queriers) \
	m(nsf_flow_keys, sizeof(*nsf_flow_keys.key), sizeof(*nsf_flow_keys.value), \
	  NSF_KEYS(cfg.flows_max)) m(nsf_hints, 4, sizeof(*nsf_hints.value), NSF_HINTS(cfg.flows_max)) \
		m(nsf_flows, 4, sizeof(*nsf_flows.value), \
		  cfg.flows_max) m(nsf_flow_counts, 4, sizeof(*nsf_flow_counts.value), \
				   cfg.flows_max) m(nsf_flow_closed, 0, sizeof(*nsf_flow_closed.value), cfg.flows_max) \
			m(nsf_flow_free, 0, sizeof(*nsf_flow_free.value), cfg.flows_max) MAP_KV(m, nsf_flow_state) \
				m(nsf_ledgers, 4, sizeof(void *), MAP_WORDS(nsf_ledgers.max_entries)) MAP_KV( \
					m, nsf_hops) MAP_KV(m, nsf_routes) MAP_KV(m, nsf_used) MAP_KV(m, nsf_full) \
					MAP_KV(m, nsf_moved) MAP_KV(m, nsf_count) MAP_KV(m, nsf_drops) MAP_KV( \
						m, nsf_icmp) MAP_KV(m, nsf_scratch) MAP_KV(m, nsf_sweep) \
						MAP_KV(m, nsf_locals) MAP_KV(m, nsf_uplinks) MAP_KV(m, nsf_frag_waits) \
							MAP_KV(m, nsf_frags) MAP_KV(m, nsf_frag_ids) \
								MAP_KV(m, nsf_frag_macs) MAP_KV(m, nsf_through) \
									MAP_KV(m, nsf_unguessed)
#define MAP_KV(m, name) m(name, sizeof(*name.key), sizeof(*name.value), MAP_WORDS(name.max_entries))

#define MAP_BIND(v, key_size, value_size, max) \
	*(struct map **)&v = map_new(#v, MAP_WORDS(v.type), key_size, value_size, max);
#define MAP_DROP(v, key_size, value_size, max) map_free(map_of(&v));

/* SNAT address i's ledger. */
static struct nsf_ledger *map_ledger(__u32 i)
{
	void **inner = map_row(map_of(&nsf_ledgers), i);

	return *inner ? (struct nsf_ledger *)((struct map *)*inner)->rows : NULL;
}

static void map_ledgers(__u32 n)
{
	for (__u32 i = 0; i < n; i++)
		*(struct map **)map_row(map_of(&nsf_ledgers), i) =
			map_new("nsf_ledger", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_ledger),
				NSF_LEDGER_MAX * NSF_LEDGER_PORTS);
}

static void maps_make(__u32 ledgers)
{
	MAPS(MAP_BIND)
	map_ledgers(ledgers);
}

static void maps_drop(__u32 ledgers)
{
	for (__u32 i = 0; i < ledgers; i++)
		map_free(*(struct map **)map_row(map_of(&nsf_ledgers), i));
	MAPS(MAP_DROP)
}
