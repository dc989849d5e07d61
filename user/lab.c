/* SPDX-License-Identifier: GPL-2.0-only */
/* Test beds: small private topologies in namespaces that vanish with this process. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "bridge.h"
#include "lab.h"
#include "log.h"
#include "netns.h"
#include "worker.h"

#define BRIDGE_NF "/proc/sys/net/bridge/bridge-nf-call-iptables"
#define LAB_MTU   1500

/* While a topology is built: the lab, and a netlink socket in each of its namespaces. */
struct build {
	struct lab lab;
	struct nl *nl[LAB_NODES];
};
#define BUILD_NONE ((struct build){ .lab = LAB_NONE })

static void build_close(struct build *b)
{
	for (int i = 0; i < LAB_NODES; i++)
		nl_close(b->nl[i]);
	lab_close(&b->lab);
}
#define autobuild __attribute__((cleanup(build_close)))

static int build_done(struct build *b, struct lab *ret)
{
	*ret = b->lab;
	b->lab = LAB_NONE;
	return 0;
}

void lab_close(struct lab *l)
{
	if (l->name[0])
		netns_unbind(l->name);
	for (int i = 0; i < LAB_NODES; i++)
		if (l->ns[i] >= 0)
			close(l->ns[i]);
	*l = LAB_NONE;
}

struct addr lab_addr(const char *text)
{
	struct addr a = { 0 };

	addr_parse(text, &a);
	return a;
}

/* A netlink socket inside another namespace. */
static int nl_open_in(int netns, struct nl **ret)
{
	autoclose int self = netns_self();
	int r;

	if (self < 0)
		return fail(self, "cannot open the own network namespace");
	r = netns_enter(netns);
	if (r)
		return fail(r, "cannot enter a network namespace");
	r = nl_open(ret);
	/* Going on in a foreign namespace could harm it; nothing that follows would be right. */
	if (netns_enter(self))
		abort();
	return r;
}

/* The kernel's own explanation stands before the text of the errno, if it gave one. */
static int nl_fail(const struct nl *nl, int r, const char *name, const char *what)
{
	const char *why = nl_error(nl);

	return why[0] ? fail(r, "%s: cannot %s: %s", name, what, why) : fail(r, "%s: cannot %s", name, what);
}

static int add_node(struct build *b, enum lab_node n)
{
	int r;

	b->lab.ns[n] = netns_make();
	if (b->lab.ns[n] < 0)
		return fail(b->lab.ns[n], "cannot make a network namespace");
	r = nl_open_in(b->lab.ns[n], &b->nl[n]);
	if (r)
		return r;
	r = link_set(b->nl[n], 1, &(struct link_change){ .up = 1 });
	return r ? nl_fail(b->nl[n], r, "lo", "set up") : 0;
}

/* Up, without the IPv6 link-local address, whose router solicitations would come in between. */
static int raise_link(struct nl *nl, const char *name, const char *address)
{
	struct link_change up = { .up = 1, .addrgen_none = 1 };
	struct link l;
	struct addr a;
	int r;

	r = link_get(nl, name, 0, &l);
	if (!r)
		r = link_set(nl, l.ifindex, &up);
	if (!r && address) {
		a = lab_addr(address);
		r = addr_add(nl, l.ifindex, &a);
	}
	return r ? nl_fail(nl, r, name, "set up") : 0;
}

struct end {
	enum lab_node node;
	const char *name, *address; /* address NULL: none */
};

/* A veth pair between two nodes, up, with one queue each and everything else as the kernel has it. */
static int add_pair(struct build *b, __u8 id, struct end left, struct end right)
{
	__u8 mac[6] = { 0x02, 0, 0, 0, id, 1 }, peer_mac[6] = { 0x02, 0, 0, 0, id, 2 };
	struct veth v = {
		.name = left.name,
		.peer_name = right.name,
		.mac = mac,
		.peer_mac = peer_mac,
		.mtu = LAB_MTU,
		.peer_netns = b->lab.ns[right.node],
	};
	struct link l;
	int r;

	r = link_add_veth(b->nl[left.node], &v);
	if (r)
		return nl_fail(b->nl[left.node], r, left.name, "create");
	r = raise_link(b->nl[left.node], left.name, left.address);
	if (!r)
		r = raise_link(b->nl[right.node], right.name, right.address);
	if (r)
		return r;
	r = link_get(b->nl[left.node], left.name, 0, &l);
	if (!r)
		r = link_ready(b->nl[left.node], l.ifindex);
	return r ? nl_fail(b->nl[left.node], r, left.name, "set up") : 0;
}

static int add_default(struct nl *nl, const char *name, const char *via)
{
	struct addr a = lab_addr(via);
	struct link l;
	int r;

	r = link_get(nl, name, 0, &l);
	if (!r)
		r = route_add_default(nl, l.ifindex, &a);
	return r ? nl_fail(nl, r, name, "add the default route") : 0;
}

/* The host, its uplink, and the outside. */
static int add_outside(struct build *b)
{
	struct addr server = lab_addr(LAB_SERVER_ADDR);
	int r;

	r = add_node(b, LAB_HOST);
	if (!r)
		r = add_node(b, LAB_OUTSIDE);
	if (!r)
		r = add_pair(b, 1, (struct end){ LAB_HOST, LAB_UPLINK, LAB_HOST_ADDR },
			     (struct end){ LAB_OUTSIDE, "eth0", LAB_OUTSIDE_ADDR });
	if (!r)
		r = add_default(b->nl[LAB_HOST], LAB_UPLINK, LAB_OUTSIDE_ADDR);
	if (r)
		return r;
	r = addr_add(b->nl[LAB_OUTSIDE], 1, &server);
	return r ? nl_fail(b->nl[LAB_OUTSIDE], r, "lo", "add " LAB_SERVER_ADDR) : 0;
}

static int join_bridge(struct nl *nl, const char *name, const char *master)
{
	struct link port, bridge;
	int r = link_get(nl, name, 0, &port);

	if (!r)
		r = link_get(nl, master, 0, &bridge);
	return r ? r : bridge_join(nl, port.ifindex, bridge.ifindex);
}

/* One container: a port, on the bridge or on none, and a default route by the gateway. */
static int add_container(struct build *b, enum lab_node n, __u8 id, const char *port, const char *address, bool bridge)
{
	struct nl *host = b->nl[LAB_HOST];
	int r;

	r = add_node(b, n);
	if (!r)
		r = add_pair(b, id, (struct end){ LAB_HOST, port, NULL }, (struct end){ n, "eth0", address });
	if (r)
		return r;
	r = bridge ? join_bridge(host, port, LAB_BRIDGE) : 0;
	if (r)
		return nl_fail(host, r, port, "join " LAB_BRIDGE);
	return add_default(b->nl[n], "eth0", LAB_GATEWAY);
}

static int write_sysctl(const char *path, const char *value)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return fail(-errno, "%s: cannot write", path);
	return 0;
}

bool lab_bridge_filters(void)
{
	return !access(BRIDGE_NF, F_OK);
}

/* In a child: /proc/sys/net shows the namespace of who opens it, and no mistake may reach the caller's. */
static int forward_packets(int out, void *arg)
{
	const enum lab_rules *rules = arg;

	(void)out;
	return write_sysctl("/proc/sys/net/ipv4/ip_forward", "1") ||
	       (lab_bridge_filters() && write_sysctl(BRIDGE_NF, *rules == LAB_NO_RULES ? "0" : "1"));
}

/* What dockerd writes for one bridge network, in its order: the form with two isolation chains that it has had since 18.05.
 * Of published ports it makes these rules for each; here they are one of each kind, which is kinder to it. */
#define RANGE(between) LAB_NUMBER(LAB_PUBLISH_MIN) between LAB_NUMBER(LAB_PUBLISH_MAX)
#define LAB_NUMBER(n)  LAB_TEXT(n)
#define LAB_TEXT(n)    #n
static const char docker_rules[] =
	"*filter\n"
	":INPUT ACCEPT [0:0]\n"
	":FORWARD DROP [0:0]\n"
	":OUTPUT ACCEPT [0:0]\n"
	":DOCKER - [0:0]\n"
	":DOCKER-ISOLATION-STAGE-1 - [0:0]\n"
	":DOCKER-ISOLATION-STAGE-2 - [0:0]\n"
	":DOCKER-USER - [0:0]\n"
	"-A FORWARD -j DOCKER-USER\n"
	"-A FORWARD -j DOCKER-ISOLATION-STAGE-1\n"
	"-A FORWARD -o " LAB_BRIDGE " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A FORWARD -o " LAB_BRIDGE " -j DOCKER\n"
	"-A FORWARD -i " LAB_BRIDGE " ! -o " LAB_BRIDGE " -j ACCEPT\n"
	"-A FORWARD -i " LAB_BRIDGE " -o " LAB_BRIDGE " -j ACCEPT\n"
	"-A DOCKER -d 10.77.0.3/32 ! -i " LAB_BRIDGE " -o " LAB_BRIDGE " -p tcp -m tcp --dport " RANGE(
		":") " -j ACCEPT\n"
		     "-A DOCKER -d 10.77.0.3/32 ! -i " LAB_BRIDGE " -o " LAB_BRIDGE " -p udp -m udp --dport " RANGE(
			     ":") " -j ACCEPT\n"
				  "-A DOCKER-ISOLATION-STAGE-1 -i " LAB_BRIDGE " ! -o " LAB_BRIDGE
				  " -j DOCKER-ISOLATION-STAGE-2\n"
				  "-A DOCKER-ISOLATION-STAGE-1 -j RETURN\n"
				  "-A DOCKER-ISOLATION-STAGE-2 -o " LAB_BRIDGE " -j DROP\n"
				  "-A DOCKER-ISOLATION-STAGE-2 -j RETURN\n"
				  "-A DOCKER-USER -j RETURN\n"
				  "COMMIT\n"
				  "*nat\n"
				  ":PREROUTING ACCEPT [0:0]\n"
				  ":INPUT ACCEPT [0:0]\n"
				  ":OUTPUT ACCEPT [0:0]\n"
				  ":POSTROUTING ACCEPT [0:0]\n"
				  ":DOCKER - [0:0]\n"
				  "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
				  "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER\n"
				  "-A POSTROUTING -s 10.77.0.0/24 ! -o " LAB_BRIDGE " -j MASQUERADE\n"
				  "-A DOCKER -i " LAB_BRIDGE " -j RETURN\n"
				  "-A DOCKER ! -i " LAB_BRIDGE " -p tcp -m tcp --dport " RANGE(
					  ":") " -j DNAT --to-destination 10.77.0.3\n"
					       "-A DOCKER ! -i " LAB_BRIDGE " -p udp -m udp --dport " RANGE(
						       ":") " -j DNAT --to-destination 10.77.0.3\n"
							    "COMMIT\n";

static const struct {
	const char *path, *lacks;
} restore[] = {
	[LAB_IPTABLES] = { "/usr/sbin/iptables-restore", "/usr/sbin/iptables-restore (package iptables)" },
	[LAB_IPTABLES_LEGACY] = { "/usr/sbin/iptables-legacy-restore",
				  "/usr/sbin/iptables-legacy-restore (package iptables)" },
	[LAB_IPTABLES_NFT] = { "/usr/sbin/iptables-nft-restore", "/usr/sbin/iptables-nft-restore (package iptables)" },
	[LAB_NO_RULES] = { NULL, NULL },
};

/* Becomes iptables-restore with the rules as its input; they wait in memory, so nobody has to feed a pipe. */
static int restore_rules(int out, void *arg)
{
	const enum lab_rules *rules = arg;
	char *const argv[] = { (char *)restore[*rules].path, NULL };
	char *const envp[] = { NULL };
	int fd = memfd_create("rules", MFD_CLOEXEC);

	(void)out;
	if (fd < 0 || write(fd, docker_rules, sizeof(docker_rules) - 1) != sizeof(docker_rules) - 1 ||
	    lseek(fd, 0, SEEK_SET) || dup2(fd, STDIN_FILENO) < 0)
		return 126;
	execve(argv[0], argv, envp);
	return 127;
}

const char *lab_bridge_lacks(enum lab_rules rules)
{
	return restore[rules].path && access(restore[rules].path, X_OK) ? restore[rules].lacks : NULL;
}

int lab_hide_run(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
		return fail(-errno, "cannot make a private /run");
	return 0;
}

int lab_wire(struct lab *ret)
{
	autobuild struct build b = BUILD_NONE;
	int r;

	r = add_node(&b, LAB_A);
	if (!r)
		r = add_node(&b, LAB_B);
	if (!r)
		r = add_pair(&b, 1, (struct end){ LAB_A, "eth0", LAB_A_ADDR },
			     (struct end){ LAB_B, "eth0", LAB_B_ADDR });
	return r ? r : build_done(&b, ret);
}

int lab_pairs(struct lab *ret, int ends[2])
{
	static const char *const names[] = { "left", "right" };
	autobuild struct build b = BUILD_NONE;
	struct link l;
	int i, r = add_node(&b, LAB_HOST);

	if (!r)
		r = add_node(&b, LAB_A);
	if (!r)
		r = add_node(&b, LAB_B);
	if (!r)
		r = add_pair(&b, 1, (struct end){ LAB_HOST, names[0], NULL },
			     (struct end){ LAB_A, "eth0", LAB_A_ADDR });
	if (!r)
		r = add_pair(&b, 2, (struct end){ LAB_HOST, names[1], NULL },
			     (struct end){ LAB_B, "eth0", LAB_B_ADDR });
	if (!r)
		r = raise_link(b.nl[LAB_A], "eth0", LAB_A_OTHER);
	for (i = 0; !r && i < 2; i++) {
		r = link_get(b.nl[LAB_HOST], names[i], 0, &l);
		ends[i] = l.ifindex;
	}
	return r ? r : build_done(&b, ret);
}

int lab_bridge(enum lab_rules rules, struct lab *ret)
{
	autobuild struct build b = BUILD_NONE;
	const char *lacks = lab_bridge_lacks(rules);
	int r;

	if (lacks)
		return fail_feature("bridge + iptables: missing: %s", lacks);
	r = add_outside(&b);
	if (r)
		return r;
	r = bridge_add(b.nl[LAB_HOST], LAB_BRIDGE, NULL, LAB_MTU, true);
	if (r)
		return nl_fail(b.nl[LAB_HOST], r, LAB_BRIDGE, "create");
	r = raise_link(b.nl[LAB_HOST], LAB_BRIDGE, LAB_GATEWAY);
	if (!r)
		r = add_container(&b, LAB_A, 2, "veth-a", LAB_A_ADDR, true);
	if (!r)
		r = add_container(&b, LAB_B, 3, "veth-b", LAB_B_ADDR, true);
	if (r)
		return r;
	r = worker_run(b.lab.ns[LAB_HOST], 10, forward_packets, &rules);
	if (!r && rules != LAB_NO_RULES)
		r = worker_run(b.lab.ns[LAB_HOST], 10, restore_rules, &rules);
	if (r)
		return fail(r < 0 ? r : -EIO, "bridge + iptables: cannot set up the host");
	return build_done(&b, ret);
}

static int crowd_member(struct build *b, bool bridge, unsigned i)
{
	char port[IFNAMSIZ], address[ADDR_STRLEN];
	int r;

	snprintf(port, sizeof(port), "veth%u", i);
	snprintf(address, sizeof(address), "10.77.0.%u/24", 2 + i);
	r = add_container(b, LAB_A, (__u8)(2 + i), port, address, bridge);
	nl_close(b->nl[LAB_A]);
	b->nl[LAB_A] = NULL;
	return r;
}

int lab_crowd(bool bridge, struct lab_crowd *ret)
{
	autobuild struct build b = BUILD_NONE;
	unsigned i;
	int r;

	memset(ret, 0xff, sizeof(*ret));
	r = add_node(&b, LAB_HOST);
	if (!r && bridge)
		r = bridge_add(b.nl[LAB_HOST], LAB_BRIDGE, NULL, LAB_MTU, true);
	if (!r && bridge)
		r = raise_link(b.nl[LAB_HOST], LAB_BRIDGE, LAB_GATEWAY);
	for (i = 0; !r && i < LAB_CROWD; i++) {
		r = crowd_member(&b, bridge, i);
		ret->ns[i] = b.lab.ns[LAB_A];
		b.lab.ns[LAB_A] = -1;
	}
	ret->host = b.lab.ns[LAB_HOST];
	b.lab.ns[LAB_HOST] = -1;
	return r;
}

static int count_link(const struct link *l, void *arg)
{
	*(int *)arg += l->ifindex != 1;
	return 0;
}

int lab_links(int host)
{
	autonl struct nl *nl = NULL;
	int n = 0, r = nl_open_in(host, &nl);

	if (!r)
		r = link_list(nl, count_link, &n);
	return r ? r : n;
}

int lab_links_gone(int host, int most)
{
	int tries, n = 0;

	for (tries = 0; tries < 10000; tries++) {
		n = lab_links(host);
		if (n <= most)
			return n < 0 ? n : 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

int lab_crowd_close(struct lab_crowd *c)
{
	unsigned i;
	int r;

	for (i = 0; i < LAB_CROWD; i++)
		if (c->ns[i] >= 0)
			close(c->ns[i]);
	r = c->host >= 0 ? lab_links_gone(c->host, 1) : 0; /* the bridge stays */
	if (c->host >= 0)
		close(c->host);
	return r;
}

int lab_stage(struct lab *ret, const char *name)
{
	autobuild struct build b = BUILD_NONE;
	int r;

	r = add_outside(&b);
	if (r)
		return r;
	if (name) {
		r = netns_bind(b.lab.ns[LAB_HOST], name);
		if (r)
			return fail(r, "cannot name a network namespace '%s'", name);
		snprintf(b.lab.name, sizeof(b.lab.name), "%s", name);
	}
	return build_done(&b, ret);
}
