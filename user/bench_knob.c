/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings that people turn, each on a path of its own: what it is worth on this machine, before anyone makes it a default. */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "bench.h"
#include "ethtool.h"
#include "log.h"
#include "worker.h"

#define LINKS_MAX 16
#define BIG       (3 * 65536) /* bytes of a packet before its sender's driver cuts it */
#define MTU       9000

struct knob {
	enum bench_path path;
	int cpu; /* on which everything else runs */
};

struct names {
	char name[LINKS_MAX][IFNAMSIZ];
	int ifindex[LINKS_MAX];
	unsigned n;
};

static int add_name(const struct link *l, void *arg)
{
	struct names *all = arg;

	if (streq(l->kind, "veth") && all->n < LINKS_MAX) {
		snprintf(all->name[all->n], IFNAMSIZ, "%s", l->name);
		all->ifindex[all->n++] = l->ifindex;
	}
	return 0;
}

/* A mount of sysfs shows the interfaces of the namespace that it was made in. */
static int see_own_interfaces(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		return -errno;
	return 0;
}

static int write_setting(const char *ifname, const char *setting, const char *value)
{
	char path[128];
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", ifname, setting);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0 : -errno;
}

/* The CPUs but one, as a mask in hexadecimal digits. */
static int other_cpus(int cpu, char ret[17])
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	__u64 mask = n >= 64 ? ~0ULL : (1ULL << n) - 1;

	mask &= cpu < 64 ? ~(1ULL << cpu) : ~0ULL;
	snprintf(ret, 17, "%llx", (unsigned long long)mask);
	return mask ? 0 : -ENODEV;
}

static int turn(struct nl *nl, const struct knob *k, const char *name, int ifindex)
{
	char cpus[17];
	int r;

	switch (k->path) {
	case BENCH_GRO:
		return ethtool_set(name, ETHTOOL_SGRO, 1);
	case BENCH_THREADED: /* who does not poll has nothing for a thread to do */
		r = ethtool_set(name, ETHTOOL_SGRO, 1);
		return r ? r : write_setting(name, "threaded", "1");
	case BENCH_RPS:
		r = other_cpus(k->cpu, cpus);
		return r ? r : write_setting(name, "queues/rx-0/rps_cpus", cpus);
	case BENCH_MTU:
		return link_set(nl, ifindex, &(struct link_change){ .mtu = MTU });
	case BENCH_BIG:
		return link_set(nl, ifindex, &(struct link_change){ .gso_max = BIG });
	default:
		return 0;
	}
}

/* In a worker, in a namespace. */
static int turn_all(int out, void *arg)
{
	const struct knob *k = arg;
	autonl struct nl *nl = NULL;
	struct names all = {};
	unsigned i;
	int r = see_own_interfaces();

	(void)out;
	if (!r)
		r = nl_open(&nl);
	if (!r)
		r = link_list(nl, add_name, &all);
	for (i = 0; !r && i < all.n; i++)
		r = turn(nl, k, all.name[i], all.ifindex[i]);
	return -r;
}

bool bench_is_knob(enum bench_path path)
{
	return path >= BENCH_GRO;
}

int bench_knob(const struct lab *l, enum bench_path path, int cpu)
{
	struct knob k = { path, cpu };
	enum lab_node n;
	int r = 0;

	for (n = 0; !r && bench_is_knob(path) && n < LAB_NODES; n++)
		if (l->ns[n] >= 0)
			r = worker_run(l->ns[n], 10, turn_all, &k);
	return r > 0 ? -r : r;
}
