/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of `nsfast bench` share: paths, ways, traffic, and the samples of all rounds. */
#pragma once

#include <stdio.h>

#include "lab.h"
#include "load.h"

/* How packets are moved. The second wire is as the first: what noise alone can do. */
#define BENCH_PATHS(X) \
	X(WIRE, "wire", "a bare veth pair, the limit") \
	X(WIRE_AGAIN, "wire-again", "another one, to show the noise") \
	X(RELAY, "relay", "two bare pairs and a program that passes on unread, the limit of what forwards") \
	X(PEER, "relay-peer", "the same, straight into the other container: the limit of what stands between two") \
	X(LEAST_PEER, "least-peer", \
	  "as relay-peer, but it looks up whose the packet is: the least that a switch does") \
	X(LEAST_NAT, "least-nat", "as relay, but it notes each conversation and translates: the least that NAT does") \
	X(BRIDGE, "bridge", "a bridge, netfilter out of its way") \
	X(LEGACY, "iptables-legacy", "bridge + iptables of old, with Docker's rules") \
	X(NFT, "iptables-nft", "bridge + iptables by nftables, with Docker's rules") \
	X(NETFILTER, "nsfast-netfilter", "nsfast up --mode netfilter") \
	X(BPF, "nsfast-bpf", "nsfast up --mode bpf") \
	X(XDP, "nsfast-xdp", "nsfast up --mode bpf --xdp native") \
	X(GRO, "bpf-gro", "as nsfast-bpf, GRO on at both ends of each pair") \
	X(THREADED, "bpf-threaded", "as bpf-gro, polled by threads of their own") \
	X(RPS, "bpf-rps", "as nsfast-bpf, received packets go on to other CPUs") \
	X(MTU, "bpf-mtu", "as nsfast-bpf, MTU 9000 all the way") \
	X(BIG, "bpf-big", "as nsfast-bpf, packets of up to 192 KiB between stacks (BIG TCP)")
#define BENCH_PATH_ENUM(id, name, text) BENCH_##id,
enum bench_path { BENCH_PATHS(BENCH_PATH_ENUM) BENCH_PATHS_MAX };

/* From where to where. On a wire they are all the same. */
#define BENCH_WAYS(X) \
	X(WITHIN, "within", "container to container") \
	X(OUT, "out", "container to outside, translated") \
	X(IN, "in", "outside to a published port") \
	X(BACK, "back", "outside to container, answers to what was translated")
#define BENCH_WAY_ENUM(id, name, text) BENCH_##id,
enum bench_way { BENCH_WAYS(BENCH_WAY_ENUM) BENCH_WAYS_MAX };

const char *bench_path_name(enum bench_path path);
const char *bench_path_text(enum bench_path path);
const char *bench_way_name(enum bench_way way);
const char *bench_way_text(enum bench_way way);

/* One kind of traffic. */
struct bench_work {
	const char *name, *title, *unit;
	enum { BENCH_LOAD, BENCH_BESIDE, BENCH_HOSE, BENCH_LIFE } kind;
	enum load_kind load; /* BENCH_LOAD; BENCH_BESIDE: beside one stream */
	unsigned streams;
	bool ends;      /* BENCH_LIFE: what is measured is how containers go, not how they come */
	bool segments;  /* the sender's stack cuts TCP into segments, as where nothing is offloaded */
	unsigned flows; /* BENCH_HOSE; 0: each packet is a new one's first */
	bool flood;     /* BENCH_HOSE: nobody asked for them */
	unsigned ways;  /* bits by enum bench_way */
	bool main;      /* part of --quick; in all rounds, and on the paths that show limits and noise */
};

/* A path, made and proven to do its job. */
struct bench_bed {
	struct lab lab;
	const char *lacks; /* why it is not there; NULL if it is */
	int links[2];      /* what joins a relay's pairs */
};

struct bench_sample {
	struct load_result result;
	double cpu_ns;          /* all CPUs' time for each unit */
	double stolen, foreign; /* shares of the CPU's time: other machines', other processes' */
};

#define BENCH_ROUNDS_MAX 99

/* One kind of traffic one way: for each round and path the mean of its two samples; a rate of 0: not measured. */
struct bench_cell {
	const struct bench_work *work;
	enum bench_way way;
	struct bench_sample rounds[BENCH_ROUNDS_MAX][BENCH_PATHS_MAX];
};

/* A sample as it was taken, kept or not. */
struct bench_row {
	unsigned cell, round;
	enum bench_path path;
	bool kept;
	struct bench_sample sample;
};

struct bench {
	struct bench_bed beds[BENCH_PATHS_MAX];
	bool paths[BENCH_PATHS_MAX]; /* that are to be measured */
	unsigned n_rounds, ms, warm_ms;
	int cpu, server_cpu; /* the same, unless it was asked for otherwise */
	bool quick;
	struct bench_cell *cells;
	size_t n_cells;
	struct bench_row *rows;
	size_t n_rows;
	unsigned again, disturbed; /* samples that were taken again, and that were disturbed to the last */
	double seconds;            /* that it took */
};

/* The lab of such a path and its links. Prints. */
int bench_relay(struct bench_bed *bed, enum bench_path path);
/* True of relays, and of what does the least. */
bool bench_is_relay(enum bench_path path);
bool bench_is_least(enum bench_path path);
/* The relay that is measured that way, and what does the least. */
enum bench_path bench_relay_of(enum bench_way way);
enum bench_path bench_least_of(enum bench_way way);
/* Turns the path's knob on all pairs that the lab has by now. 0 or -errno without a message. */
int bench_knob(const struct lab *l, enum bench_path path, int cpu);
bool bench_is_knob(enum bench_path path);
/* True of what is measured only when it is named. */
bool bench_is_extra(enum bench_path path);
/* Builds and proves all paths that are wanted. Those that this machine cannot have say what they lack. Prints. */
int bench_beds_make(struct bench *b);
void bench_beds_close(struct bench *b);
bool bench_is_wire(enum bench_path path);
/* True if A and B are each other's neighbours, and all ways one. */
bool bench_is_bare(enum bench_path path);
bool bench_is_nsfast(enum bench_path path);
/* Seconds since some beginning. */
double bench_now(void);
/* True if that path can be measured in that cell. */
bool bench_fits(const struct bench *b, const struct bench_cell *c, enum bench_path path);
/* Client, server, and the address at which it is reached. */
enum lab_node bench_client(enum bench_path path, enum bench_way way);
enum lab_node bench_server(enum bench_path path, enum bench_way way);
const char *bench_to(enum bench_path path, enum bench_way way);

/* One sample, taken again a few times if it was disturbed. 0, -EINTR without a message, or -errno with one. */
int bench_measure(struct bench *b, unsigned cell, unsigned round, enum bench_path path, struct bench_sample *ret);

/* Packets a second that come through when they are injected at the client, all on one CPU. */
int bench_hose(struct bench *b, const struct bench_cell *c, enum bench_path path, struct load_result *ret);

/* Containers made or removed a second. */
int bench_life(const struct bench *b, const struct bench_cell *c, enum bench_path path, struct load_result *ret);
/* Runs this program with other arguments, NULL at their end; prints. */
int bench_self(const char *const argv[]);

/* What a path is to another one, over all rounds in which both were measured; median 0 if there was none. */
struct spread bench_ratio(const struct bench *b, const struct bench_cell *c, enum bench_path path, enum bench_path to);
struct spread bench_rate(const struct bench *b, const struct bench_cell *c, enum bench_path path);

/* A table, or everything as JSON. */
void bench_report(const struct bench *b);
/* A chart of the ratios to the wire. -EIO without a message. */
int bench_svg(const struct bench *b, FILE *f);
