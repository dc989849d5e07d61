/* SPDX-License-Identifier: GPL-2.0-only */
/* The object against the headers: maps, records field by field, drop reasons; every setting through the verifier. */
#include "row.h"

#include "nsfast/frag.h"
#include "nsfast/hop.h"
#include "nsfast/route.h"
#include "nsfast/sock.h"

#include <bpf/btf.h>

#define CEILING 100000 /* instructions that the verifier may walk through: a tenth of what it allows */

struct agree {
	struct nsfast_bpf *skel;
	const struct btf *btf;
};

static int open_object(void **state)
{
	static struct agree a;

	a.skel = nsfast_bpf__open();
	if (!a.skel)
		return -1;
	a.btf = bpf_object__btf(a.skel->obj);
	*state = &a;
	return a.btf ? 0 : -1;
}

static int close_object(void **state)
{
	nsfast_bpf__destroy(((struct agree *)*state)->skel);
	return 0;
}

static void maps_are_as_large_as_the_headers_say(void **state)
{
	static const struct {
		const char *name;
		enum bpf_map_type type;
		__u32 key, value, entries; /* 1: set by the loader */
		bool mmap;
	} maps[] = {
		{ "nsf_ifaces", BPF_MAP_TYPE_HASH, 4, 4, NSF_SLOTS_MAX, false },
		{ "nsf_iface_rows", BPF_MAP_TYPE_ARRAY, 4, 4, NSF_IFACE_ROWS, false },
		{ "nsf_ports", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_port), NSF_SLOTS_MAX, true },
		{ "nsf_names", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_names), NSF_SLOTS_MAX, true },
		{ "nsf_nets", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_net), NSF_NETS_MAX, true },
		{ "nsf_subnets", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct nsf_subnet), 4, NSF_NETS_MAX, false },
		{ "nsf_full", BPF_MAP_TYPE_ARRAY, 4, 4, 2 * NSF_SNATS_MAX * NSF_LEDGER_MAX, false },
		{ "nsf_subnets6", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct nsf_subnet6), 4, NSF_NETS_MAX, false },
		{ "nsf_excepts", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct nsf_except), 4, NSF_EXCEPTS_MAX, false },
		{ "nsf_exts", BPF_MAP_TYPE_HASH, sizeof(struct nsf_ext_key), sizeof(struct nsf_ext), NSF_SNATS_MAX,
		  false },
		{ "nsf_addrs", BPF_MAP_TYPE_HASH, sizeof(struct nsf_addr), 4, 2 * NSF_SLOTS_MAX, false },
		{ "nsf_shares", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_share), NSF_SLOTS_MAX, true },
		{ "nsf_publish", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_publish), 2 * NSF_PUBLISH_MAX, true },
		{ "nsf_publish_live", BPF_MAP_TYPE_ARRAY, 4, 4, 1, true },
		{ "nsf_flow_counts", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_flow_count), 1, true },
		{ "nsf_flow_closed", BPF_MAP_TYPE_QUEUE, 0, sizeof(struct nsf_flow_ref), 1, false },
		{ "nsf_scratch", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 2048, 2, false },
		{ "nsf_locals", BPF_MAP_TYPE_HASH, sizeof(struct nsf_local), 4, NSF_LOCALS_MAX, false },
		{ "nsf_asked", BPF_MAP_TYPE_SK_STORAGE, 4, sizeof(struct nsf_asked), 0, false },
		{ "nsf_jumps", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 12, false },
		{ "nsf_uplinks", BPF_MAP_TYPE_HASH, 4, 4, NSF_NETS_MAX, false },
		{ "nsf_frag_waits", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_frag_wait),
		  NSF_SLOTS_MAX + NSF_FRAG_OUTSIDE, false },
		{ "nsf_frags", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct nsf_frag), NSF_FRAGS, false },
		{ "nsf_frag_ids", BPF_MAP_TYPE_ARRAY, 4, 4, NSF_FRAG_IDS, false },
		{ "nsf_frag_macs", BPF_MAP_TYPE_LRU_HASH, sizeof(struct nsf_frag_mac_key), sizeof(struct nsf_frag_mac),
		  NSF_FRAG_MACS, false },
		{ "nsf_fdb", BPF_MAP_TYPE_HASH, sizeof(struct nsf_fdb_key), sizeof(struct nsf_fdb), NSF_FDB_MAX,
		  false },
		{ "nsf_trunks", BPF_MAP_TYPE_HASH, 4, sizeof(struct nsf_trunk), NSF_SLOTS_MAX, false },
		{ "nsf_groups", BPF_MAP_TYPE_HASH, sizeof(struct nsf_group_key), sizeof(struct nsf_group),
		  NSF_GROUPS_MAX, false },
		{ "nsf_listens", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_listen), NSF_SLOTS_MAX, true },
		{ "nsf_queriers", BPF_MAP_TYPE_HASH, sizeof(struct nsf_querier_key), sizeof(struct nsf_querier),
		  NSF_QUERIERS_MAX, false },
		{ "nsf_hints", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_hints), 1, false },
		{ "nsf_unguessed", BPF_MAP_TYPE_ARRAY, 4, 4, NSF_UNGUESSED, false },
		{ "nsf_hops", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_hop), NSF_HOPS, false },
		{ "nsf_routes", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct nsf_route), NSF_ROUTES, false },
		{ "nsf_through", BPF_MAP_TYPE_ARRAY, 4, 4, 1024, false },
		{ "nsf_flow_keys", BPF_MAP_TYPE_HASH, sizeof(struct nsf_flow_key), sizeof(struct nsf_flow_ref), 1,
		  false },
		{ "nsf_flows", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_flow), 1, true },
		{ "nsf_flow_free", BPF_MAP_TYPE_QUEUE, 0, 4, 1, false },
		{ "nsf_flow_state", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct nsf_flow_state), 1, true },
		{ "nsf_ledgers", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, NSF_SNATS_MAX, false },
		{ "nsf_used", BPF_MAP_TYPE_ARRAY, 4, 4, NSF_SNATS_MAX * NSF_LEDGER_MAX, false },
		{ "nsf_moved", BPF_MAP_TYPE_HASH, sizeof(struct nsf_moved_key), 4, NSF_MOVED_MAX, false },
		{ "nsf_count", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct nsf_count), NSF_SLOTS_MAX, false },
		{ "nsf_drops", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, NSF_NETS_MAX * NSF_DROP_STRIDE, false },
		{ "nsf_icmp", BPF_MAP_TYPE_ARRAY, 4, 8, NSF_SLOTS_MAX, false },
		{ "nsf_sweep", BPF_MAP_TYPE_ARRAY, 4, 32, 1, false },
	};
	struct agree *a = *state;
	struct bpf_map *m;
	size_t n = 0;

	bpf_object__for_each_map(m, a->skel->obj) n += !bpf_map__is_internal(m);
	assert_int_equal(n, ARRAY_SIZE(maps));
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		m = bpf_object__find_map_by_name(a->skel->obj, maps[i].name);
		assert_non_null(m);
		assert_int_equal(bpf_map__type(m), maps[i].type);
		assert_int_equal(bpf_map__key_size(m), maps[i].key);
		assert_int_equal(bpf_map__value_size(m), maps[i].value);
		assert_int_equal(bpf_map__max_entries(m), maps[i].entries);
		assert_int_equal(!!(bpf_map__map_flags(m) & BPF_F_MMAPABLE), maps[i].mmap);
	}
}

static void same_record(const struct btf *btf, const char *name, size_t size, int members)
{
	const struct btf_type *t = btf__type_by_id(btf, (__u32)btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT));

	assert_non_null(t);
	if (t->size != size || btf_vlen(t) != members)
		fail_msg("%s: %u bytes, %u members", name, t->size, btf_vlen(t));
}

static void same_member(const struct btf *btf, const char *record, const char *member, size_t at)
{
	const struct btf_type *t = btf__type_by_id(btf, (__u32)btf__find_by_name_kind(btf, record, BTF_KIND_STRUCT));
	const struct btf_member *m = btf_members(t);

	for (__u32 i = 0; i < btf_vlen(t); i++)
		if (streq(btf__name_by_offset(btf, m[i].name_off), member)) {
			if (m[i].offset != at * 8)
				fail_msg("%s.%s: at bit %u", record, member, m[i].offset);
			return;
		}
	fail_msg("%s.%s: is not there", record, member);
}

/* What both worlds read and write, without the padding. */
#define FLOW_FIELDS(X) \
	X(gen) \
	X(seen) \
	X(six) \
	X(port_gen) \
	X(inner) \
	X(peer) \
	X(ext) \
	X(inner_port) \
	X(peer_port) \
	X(ext_port) \
	X(net) \
	X(slot) \
	X(hop) \
	X(mtu) \
	X(proto) \
	X(flags) \
	X(tcp) \
	X(snat) \
	X(inner_mac) \
	X(way) \
	X(family) \
	X(isn) \
	X(pad)
#define NET_FIELDS(X) \
	X(name) \
	X(gateway) \
	X(fib) \
	X(uplink) \
	X(mtu) \
	X(addr4) \
	X(mask4) \
	X(flags) \
	X(timeout) \
	X(frag) \
	X(snat) \
	X(snat6) \
	X(pool6) \
	X(addr6) \
	X(gateway6) \
	X(port_min) \
	X(port_max) \
	X(gateway_slot) \
	X(uplink_slot) \
	X(first) \
	X(mac) \
	X(n_snat) \
	X(n_snat6) \
	X(plen6) \
	X(uplink_mac) \
	X(pad) \
	X(max_flows) \
	X(max_half) \
	X(max_ports) \
	X(max_macs) \
	X(max_flood) \
	X(fdb_age) \
	X(n_ports) \
	X(n_learning)
#define PORT_FIELDS(X) \
	X(ifindex) \
	X(gen) \
	X(mtu) \
	X(addr4) \
	X(net) \
	X(next) \
	X(mac) \
	X(role) \
	X(flags) \
	X(handle6) \
	X(addr6) \
	X(vlan) \
	X(trunk) \
	X(pad)
#define SHARE_FIELDS(X) \
	X(flows) \
	X(half) \
	X(ports) \
	X(macs) \
	X(max_flows) \
	X(max_half) \
	X(max_ports) \
	X(max_macs) \
	X(max_flood) \
	X(flood_tick) \
	X(flooded) \
	X(unlearned) \
	X(moves) \
	X(vain_tick) \
	X(half_in) \
	X(doubt) \
	X(hand) \
	X(hand_tick)
#define FDB_FIELDS(X)   X(gen) X(seen) X(moved) X(slot) X(flags) X(moves)
#define KEY_FIELDS(X)   X(saddr) X(daddr) X(sport) X(dport) X(net) X(proto) X(family)
#define CFG_FIELDS(X)   X(host) X(flows_max) X(scrubs) X(jiffy_ns) X(pad)
#define COUNT_FIELDS(X) X(rx_packets) X(rx_bytes) X(tx_packets) X(tx_bytes)

#define ONE(field) +1
#define SAME(record, FIELDS) \
	do { \
		struct record r_; \
		same_record(btf, #record, sizeof(r_), 0 FIELDS(ONE)); \
		FIELDS(AT) \
	} while (0)
#define AT(field) same_member(btf, record_, #field, (size_t)((char *)&r_.field - (char *)&r_));

static void records_are_laid_out_alike(void **state)
{
	const struct btf *btf = ((struct agree *)*state)->btf;
	const char *record_;

	record_ = "nsf_flow";
	SAME(nsf_flow, FLOW_FIELDS);
	record_ = "nsf_net";
	SAME(nsf_net, NET_FIELDS);
	record_ = "nsf_port";
	SAME(nsf_port, PORT_FIELDS);
	record_ = "nsf_share";
	SAME(nsf_share, SHARE_FIELDS);
	record_ = "nsf_fdb";
	SAME(nsf_fdb, FDB_FIELDS);
	record_ = "nsf_flow_key";
	SAME(nsf_flow_key, KEY_FIELDS);
	record_ = "nsf_cfg";
	SAME(nsf_cfg, CFG_FIELDS);
	record_ = "nsf_count";
	SAME(nsf_count, COUNT_FIELDS);
	same_record(btf, "nsf_names", sizeof(struct nsf_names), 2);
	same_record(btf, "nsf_subnet", sizeof(struct nsf_subnet), 2);
	same_record(btf, "nsf_fdb_key", sizeof(struct nsf_fdb_key), 4);
	same_record(btf, "nsf_trunk", sizeof(struct nsf_trunk), 1);
	same_record(btf, "nsf_group_key", sizeof(struct nsf_group_key), 4);
	same_record(btf, "nsf_group", sizeof(struct nsf_group), 2);
	same_record(btf, "nsf_listen", sizeof(struct nsf_listen), 2);
	same_record(btf, "nsf_querier_key", sizeof(struct nsf_querier_key), 3);
	same_record(btf, "nsf_querier", sizeof(struct nsf_querier), 2);
	same_record(btf, "nsf_flow_ref", sizeof(struct nsf_flow_ref), 2);
	same_record(btf, "nsf_flow_state", sizeof(struct nsf_flow_state), 6);
	same_record(btf, "nsf_moved_key", sizeof(struct nsf_moved_key), 3);
}

static void drop_reasons_have_the_same_numbers(void **state)
{
#define AGREE_DROP(id, text) "NSF_DROP_" #id,
	static const char *const names[] = { NSF_DROPS(AGREE_DROP) "NSF_DROP_MAX" };
	const struct btf *btf = ((struct agree *)*state)->btf;
	const struct btf_type *t = btf__type_by_id(btf, (__u32)btf__find_by_name_kind(btf, "nsf_drop", BTF_KIND_ENUM));
	const struct btf_enum *e = btf_enum(t);

	assert_int_equal(btf_vlen(t), ARRAY_SIZE(names));
	for (__u32 i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(btf__name_by_offset(btf, e[i].name_off), names[i]);
		assert_int_equal(e[i].val, i);
	}
}

/*
 * Instructions of the programs on hot paths with all that they call, before the kernel sees them: a path that grows is a
 * change here. What each asks of the kernel stands in tests/model/budget.c.
 */
static const struct {
	const char *name;
	size_t most;
} sizes[] = {
	{ "nsf_from_port", 2450 },   { "nsf_from_host", 4130 }, { "nsf_from_uplink", 1050 }, { "nsf_to_uplink", 7100 },
	{ "nsf_from_port4", 12450 }, { "nsf_from_up4", 6080 },  { "nsf_from_port6", 12600 }, { "nsf_from_up6", 6150 },
	{ "nsf_to_up6", 7410 },      { "nsf_from_wire", 3310 },
};

/* Clang 14's; a budget that has become too wide is none. */
static int out_of_budget(const struct bpf_program *p)
{
	size_t i, n = bpf_program__insn_cnt(p);

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (strcmp(bpf_program__name(p), sizes[i].name) || (n <= sizes[i].most && n >= sizes[i].most * 9 / 10))
			continue;
		print_error("%s: %zu instructions, its budget is %zu\n", sizes[i].name, n, sizes[i].most);
		return 1;
	}
	return 0;
}

static void verify(struct nsf_cfg cfg)
{
	struct nsfast_bpf *s = nsfast_bpf__open();
	struct bpf_program *prog;
	int bad = 0;

	assert_non_null(s);
	s->rodata->cfg = cfg;
	dp_fit(s);
	dp_size(s, cfg.flows_max);
	assert_int_equal(nsfast_bpf__load(s), 0);
	bpf_object__for_each_program(prog, s->obj) bad += out_of_budget(prog);
	assert_int_equal(bad, 0);
	bpf_object__for_each_program(prog, s->obj)
	{
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len), 0);
		print_message("# %-16s flows %u scrubs %u: %u instructions verified, %u bytes of code\n",
			      bpf_program__name(prog), cfg.flows_max, cfg.scrubs, info.verified_insns,
			      info.jited_prog_len);
		assert_in_range(info.verified_insns, 1, CEILING);
	}
	nsfast_bpf__destroy(s);
}

static void every_setting_passes_the_verifier(void **state)
{
	(void)state;
	for (__u32 scrubs = 0; scrubs < 2; scrubs++) {
		verify((struct nsf_cfg){ .flows_max = DP_FLOWS_DEFAULT, .scrubs = scrubs });
		verify((struct nsf_cfg){ .flows_max = 1, .scrubs = scrubs });
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_as_large_as_the_headers_say),
		cmocka_unit_test(records_are_laid_out_alike),
		cmocka_unit_test(drop_reasons_have_the_same_numbers),
		cmocka_unit_test(every_setting_passes_the_verifier),
	};

	return cmocka_run_group_tests(tests, open_object, close_object);
}
