/* SPDX-License-Identifier: GPL-2.0-only */
/* A flow table for a million: memory of each flow with all maps counted, rate of new flows, time of a sweep. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <limits.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <time.h>

#include "bpf_flows.h"
#include "log.h"
#include "netns.h"
#include "state.h"

/*
 * Two hosts with a table each, one empty and one nearly full, are given the same new flows in turn: datagrams from
 * source ports that nobody used, by BPF_PROG_RUN through the program of a container's interface. Counted is the time
 * that the kernel measures around the program: what surrounds it is the same in both and would flatter the full one.
 */
#define SLICE       20000 /* new flows of one measurement, each from a source port of its own */
#define ROUNDS      15
#define FILL_SPORT  1024
#define FILL_SPORTS 40000
#define SLICE_SPORT 42000
#define LIVE        900000
#define FLOW_BYTES  256 /* promised: at most so many of each flow */
#define RATE_LEAST  0.5 /* promised: at least so much of the empty table's rate */

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	__u8 data[22];
} __attribute__((packed));

struct side {
	const char *name;
	struct host h;
	int prog;
	__u32 fill, probe; /* slots of its two ports */
};

struct spent {
	double program_ns, wall_ns; /* of each flow */
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static __u32 side_port(struct side *s, const char *name)
{
	__u32 i;

	for (i = 1; i < NSF_SLOTS_MAX; i++) {
		if (!streq(s->h.dp.names[i].port, name))
			continue;
		/* the shares of ports are not what is measured here */
		s->h.dp.shares[i].max_flows = s->h.dp.shares[i].max_half = s->h.dp.shares[i].max_ports = UINT_MAX;
		return i;
	}
	return 0;
}

static int side_pin(const struct side *s, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), STATE_BPFFS "/%d/%llu/%s", NSF_ABI, s->h.cookie, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? fail(-errno, "cannot open '%s'", path) : fd;
}

static int side_open(struct side *s, const char *name)
{
	autoclose int netns = netns_open(name);
	char port[NSF_NAME_LEN];
	int r = netns < 0 ? netns : netns_enter(netns);

	if (r)
		return fail(r, "cannot enter namespace '%s'", name);
	s->name = name;
	r = host_open(&s->h);
	if (r)
		return r;
	if (!s->h.dp.loaded)
		return fail_missing("nothing is loaded on host '%s'", name);
	s->prog = side_pin(s, "nsf_from_port");
	if (s->prog < 0)
		return s->prog;
	snprintf(port, sizeof(port), "%s-fill", name);
	s->fill = side_port(s, port);
	snprintf(port, sizeof(port), "%s-probe", name);
	s->probe = side_port(s, port);
	return s->fill && s->probe ? 0 : fail_missing("host '%s' has not the ports for it", name);
}

static __u16 frame_sum(const struct frame *f)
{
	__u16 w[sizeof(f->ip) / 2];
	__u32 sum = 0;
	int i;

	memcpy(w, &f->ip, sizeof(w));
	for (i = 0; i < 10; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16) ~(sum + (sum >> 16));
}

static void frame_fill(struct frame *f, const struct side *s, __u32 slot)
{
	const struct nsf_port *port = &s->h.dp.ports[slot];

	*f = (struct frame){ .eth.h_proto = htons(ETH_P_IP),
			     .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
			     .udp = { .dest = htons(7), .len = htons(sizeof(f->udp) + sizeof(f->data)) } };
	memcpy(f->eth.h_dest, s->h.dp.nets[port->net].mac, ETH_ALEN);
	memcpy(f->eth.h_source, port->mac, ETH_ALEN);
	f->ip.tot_len = htons(sizeof(*f) - sizeof(f->eth));
	f->ip.saddr = port->addr4;
}

/* Opens flows first to first + n of a port: from each source port from sport on to one address, then to the next one. */
static int side_open_flows(struct side *s, __u32 slot, __u32 sport, __u32 first, __u32 n, struct spent *ret)
{
	struct __sk_buff ctx = { .ifindex = s->h.dp.ports[slot].ifindex };
	struct frame f;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = &f, .data_size_in = sizeof(f), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	double begin, program = 0;
	__u32 i;
	int r = netns_enter(s->h.netns);

	if (r)
		return fail(r, "cannot enter host '%s'", s->name);
	frame_fill(&f, s, slot);
	begin = now_ns();
	for (i = first; i < first + n; i++) {
		f.udp.source = htons((__u16)(sport + i % FILL_SPORTS));
		f.ip.daddr = htonl(0xcb007100 + i / FILL_SPORTS); /* 203.0.113.0 and on */
		f.ip.check = 0;
		f.ip.check = frame_sum(&f);
		if (bpf_prog_test_run_opts(s->prog, &o))
			return fail(-errno, "%s: cannot run the program", s->name);
		program += o.duration;
	}
	*ret = (struct spent){ program / n, (now_ns() - begin) / n };
	return 0;
}

static int side_expect(struct side *s, __u64 flows)
{
	struct mode_usage u;
	int r = bpf_flows_usage(&s->h, &u);

	if (!r && u.flows != flows)
		return fail(-EIO, "%s: %llu flows instead of %llu", s->name, u.flows, flows);
	return r;
}

/* A slice of new flows, which are gone again after it. */
static int side_slice(struct side *s, __u64 live, struct spent *ret)
{
	const struct flow_filter mine = { .port = s->h.dp.names[s->probe].port };
	__u64 ended;
	int r = side_open_flows(s, s->probe, SLICE_SPORT, 0, SLICE, ret);

	if (!r)
		r = side_expect(s, live + SLICE);
	if (!r)
		r = bpf_flows_end(&s->h, &mine, &ended);
	return r ? r : side_expect(s, live);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare_doubles);
	return v[n / 2];
}

static int measure_rate(struct side *empty, struct side *full, bool *ret_kept)
{
	double ratio[ROUNDS], program[2][ROUNDS], wall[2][ROUNDS];
	struct spent e, f;
	int i, r;

	for (i = 0; i < ROUNDS; i++) {
		r = side_slice(empty, 0, &e);
		if (!r)
			r = side_slice(full, LIVE, &f);
		if (r)
			return r;
		ratio[i] = e.program_ns / f.program_ns;
		program[0][i] = e.program_ns;
		program[1][i] = f.program_ns;
		wall[0][i] = e.wall_ns;
		wall[1][i] = f.wall_ns;
	}
	for (i = 0; i < 2; i++)
		printf("new flows, %6d live   %8.0f a second: %.0f ns each in the program, %.0f with the call around it\n",
		       i ? LIVE : 0, 1e9 / median(program[i], ROUNDS), median(program[i], ROUNDS),
		       median(wall[i], ROUNDS));
	*ret_kept = median(ratio, ROUNDS) >= RATE_LEAST;
	printf("rate with %d live      %8.2f of that of the empty table (%.2f to %.2f in %d rounds; promised %.1f)%s\n",
	       LIVE, ratio[ROUNDS / 2], ratio[0], ratio[ROUNDS - 1], ROUNDS, RATE_LEAST, *ret_kept ? "" : "  MISSED");
	return 0;
}

/* What the kernel says a map takes. */
static __u64 map_bytes(int fd)
{
	char path[64], line[128];
	unsigned long long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* Maps by their ids, each once. */
struct maps {
	__u32 ids[256];
	size_t n;
};

static void maps_add(struct maps *m, __u32 id)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->ids[i] == id)
			return;
	if (m->n < ARRAY_SIZE(m->ids))
		m->ids[m->n++] = id;
}

/* Those that user space opens, with the ledgers inside one of them. */
static void maps_of_host(const struct side *s, struct maps *m)
{
	struct bpf_map_info info;
	__u32 i, id, len;

	for (i = 0; i < DP_MAP_MAX; i++) {
		len = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (!bpf_obj_get_info_by_fd(s->h.dp.map[i], &info, &len))
			maps_add(m, info.id);
	}
	for (i = 0; i < NSF_SNATS_MAX; i++)
		if (!bpf_map_lookup_elem(s->h.dp.map[DP_LEDGERS], &i, &id))
			maps_add(m, id);
}

static int maps_of_program(const struct side *s, const char *name, struct maps *m)
{
	__u32 ids[ARRAY_SIZE(m->ids)], i;
	struct bpf_prog_info info = { .nr_map_ids = ARRAY_SIZE(ids), .map_ids = (__u64)(uintptr_t)ids };
	__u32 len = sizeof(info);
	autoclose int fd = side_pin(s, name);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return fail(-errno, "cannot read program '%s'", name);
	for (i = 0; i < info.nr_map_ids && i < ARRAY_SIZE(ids); i++)
		maps_add(m, ids[i]);
	return 0;
}

static int measure_memory(struct side *s, bool *ret_kept)
{
#define PROG_NAME(id, name) name,
	static const char *const progs[] = { DP_PROGS(PROG_NAME) };
	struct maps m = {};
	__u64 bytes, all = 0;
	size_t i;
	int r = 0;

	maps_of_host(s, &m);
	for (i = 0; !r && i < ARRAY_SIZE(progs); i++)
		r = maps_of_program(s, progs[i], &m);
	for (i = 0; !r && i < m.n; i++) {
		autoclose int fd = bpf_map_get_fd_by_id(m.ids[i]);
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
			return fail(-errno, "cannot read map %u", m.ids[i]);
		bytes = map_bytes(fd);
		all += bytes;
		printf("  %-16s %9u entries %12llu bytes\n", info.name, info.max_entries, bytes);
	}
	if (r)
		return r;
	*ret_kept = all <= (__u64)FLOW_BYTES * s->h.dp.n_flows;
	printf("memory, all maps        %8.1f bytes for each of %u flows (promised %d)%s\n",
	       (double)all / s->h.dp.n_flows, s->h.dp.n_flows, FLOW_BYTES, *ret_kept ? "" : "  MISSED");
	return 0;
}

static int measure_sweep(struct side *s)
{
	double times[5], begin;
	size_t i;
	int r = netns_enter(s->h.netns);

	for (i = 0; !r && i < ARRAY_SIZE(times); i++) {
		begin = now_ns();
		r = dp_run(&s->h.dp, DP_PROG_PURGE);
		times[i] = now_ns() - begin;
	}
	if (r)
		return r;
	printf("sweep of a full table   %8.1f ms, %.0f ns each flow\n", median(times, ARRAY_SIZE(times)) / 1e6,
	       times[ARRAY_SIZE(times) / 2] / s->h.dp.n_flows);
	return 0;
}

int main(int argc, char **argv)
{
	struct side empty = {}, full = {};
	bool memory = false, rate = false;
	struct spent spent;
	__u32 all;
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: scale EMPTY-HOST FULL-HOST; scale.sh makes them\n");
		return EXIT_USAGE;
	}
	r = side_open(&empty, argv[1]);
	if (!r)
		r = side_open(&full, argv[2]);
	all = full.h.dp.n_flows;
	if (!r)
		r = side_open_flows(&full, full.fill, FILL_SPORT, 0, LIVE, &spent);
	if (!r)
		r = measure_rate(&empty, &full, &rate);
	if (!r)
		r = side_open_flows(&full, full.fill, FILL_SPORT, LIVE, all - LIVE, &spent);
	if (!r)
		r = side_expect(&full, all);
	if (!r)
		r = measure_sweep(&full);
	if (!r)
		r = measure_memory(&full, &memory);
	return r ? (int)log_exit_code() : memory && rate ? 0 : 1;
}
