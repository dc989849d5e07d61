/* SPDX-License-Identifier: GPL-2.0-only */
/* through IF MAC FROM TO MS: small UDP packets to that MAC out of an interface, injected; says how many, in how many seconds. */
#include <errno.h>
#include <stdio.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "nsfast/hose.h"

#include "hose.skel.h"

#include "link.h"

#define BATCH   64    /* a veth's ring takes 256 */
#define ROUND   16384 /* in one run */
#define BITS    10    /* ports */
#define FIRST   1024
#define DISCARD 9

static void put16(__u8 *p, __u32 v)
{
	p[0] = (__u8)(v >> 8);
	p[1] = (__u8)v;
}

static __u32 sum(const __u8 *p, size_t len)
{
	__u32 s = 0;
	size_t i;

	for (i = 0; i < len; i++)
		s += i % 2 ? p[i] : (__u32)p[i] << 8;
	return s;
}

/* As struct nsf_hose says: without the destination's address and the source's port. */
static void fill(struct nsf_hose *g, const struct link *l, const __u8 mac[6], const struct addr *from,
		 const struct addr *to)
{
	__u8 *f = g->frame, *ip = f + 14, *udp = f + 34;
	__u32 base;

	memcpy(f, mac, 6);
	memcpy(f + 6, l->mac, 6);
	put16(f + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, NSF_HOSE_LEN - 14);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, from->bytes, 4);
	put16(udp + 2, DISCARD);
	put16(udp + 4, NSF_HOSE_LEN - 34);
	memcpy(&base, to->bytes, 4);
	g->ifindex = (__u32)l->ifindex;
	g->base = ntohl(base);
	g->addrs = 1;
	g->first = FIRST;
	g->bits = BITS;
	g->outward = 1;
	g->ip_sum = sum(ip, 20);
	g->udp_sum = sum(ip + 12, 8) + IPPROTO_UDP + (NSF_HOSE_LEN - 34) + sum(udp, NSF_HOSE_LEN - 34);
}

static int inject(int prog, double seconds)
{
	static __u8 frame[NSF_HOSE_LEN];
	double took = 0;
	long sent = 0;

	while (took < seconds) {
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof(frame), .repeat = ROUND,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

		if (bpf_prog_test_run_opts(prog, &o))
			return -errno;
		took += o.duration * (double)ROUND / 1e9;
		sent += ROUND;
	}
	printf("%ld %.6f\n", sent, took);
	return 0;
}

int main(int argc, char **argv)
{
	autonl struct nl *nl = NULL;
	struct hose_bpf *skel;
	struct addr from, to;
	struct link l;
	__u8 mac[6];
	int r;

	if (argc != 6 || mac_parse(argv[2], mac) || addr_parse(argv[3], &from) || addr_parse(argv[4], &to)) {
		fprintf(stderr, "through IF MAC FROM TO MS\n");
		return 1;
	}
	skel = hose_bpf__open_and_load();
	r = skel ? nl_open(&nl) : -errno;
	if (!r)
		r = link_get(nl, argv[1], 0, &l);
	if (!r) {
		fill(&skel->bss->hose, &l, mac, &from, &to);
		r = inject(bpf_program__fd(skel->progs.nsf_hose), atof(argv[5]) / 1e3);
	}
	hose_bpf__destroy(skel);
	if (r)
		fprintf(stderr, "through: %s\n", strerror(-r));
	return r ? 2 : 0;
}
