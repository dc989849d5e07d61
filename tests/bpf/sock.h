/* SPDX-License-Identifier: GPL-2.0-only */
/* A host whose sockets are real: the loaded programs at the root of cgroup2, rules, servers, and calls that must work. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "nsfast/addr.h"
#include "nsfast/cfg.h"
#include "nsfast/sock.h"

#include "nsfast.skel.h"

#include "cgroup.h"
#include "dp.h"
#include "link.h"

/*
 * The container's addresses are on lo too: a socket that is sent there arrives without a network. HOST and HOST6 are in
 * nsf_locals; STRANGER and STRANGER6 are on lo, but nobody has said that they are the host's.
 */
#define TO        "10.77.0.2"
#define TO6       "fd00:77::2"
#define HOST      "198.51.100.1"
#define HOST6     "2001:db8::1"
#define STRANGER  "192.0.2.9"
#define STRANGER6 "2001:db8::9"

#define SLOT 3

static const __u64 handle_key[NSF_HANDLE_KEYS] = { 3, 5ULL << 31, 7ULL << 31, 11ULL << 31, 13ULL << 31 };

struct machine {
	struct nl *nl;
	struct nsfast_bpf *skel;
	struct nsf_publish *rows;
	struct nsf_flow_state *state;
	__u32 *live;
	int tcp, tcp6, udp, udp6, other; /* listening on TO, TO6: ports 80 (TCP), 53 and 54 (UDP) */
};

union name {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static inline union name name(const char *addr, __u16 port)
{
	union name n = {};

	if (strchr(addr, ':')) {
		n.in6.sin6_family = AF_INET6;
		n.in6.sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, addr, &n.in6.sin6_addr), 1);
	} else {
		n.in.sin_family = AF_INET;
		n.in.sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, addr, &n.in.sin_addr), 1);
	}
	return n;
}

static inline socklen_t name_len(const union name *n)
{
	return n->any.sa_family == AF_INET ? sizeof(n->in) : sizeof(n->in6);
}

static inline void assert_name(const union name *n, const char *addr, __u16 port)
{
	char text[INET6_ADDRSTRLEN];
	bool six = n->any.sa_family == AF_INET6;

	assert_non_null(inet_ntop(n->any.sa_family, six ? (void *)&n->in6.sin6_addr : (void *)&n->in.sin_addr, text,
				  sizeof(text)));
	assert_string_equal(text, addr);
	assert_int_equal(ntohs(six ? n->in6.sin6_port : n->in.sin_port), port);
}

static inline int socket_of(const char *addr, int type)
{
	int fd = socket(strchr(addr, ':') ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static inline int bound(const char *addr, __u16 port, int type)
{
	union name n = name(addr, port);
	int fd = socket_of(addr, type), one = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, &n.any, name_len(&n)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static inline void lo_addr(struct machine *m, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	assert_int_equal(addr_add(m->nl, 1, &a), 0);
}

static inline void local(struct machine *m, const char *text)
{
	struct nsf_local k = { .addr = { 0, 0, htonl(0xffff) } };
	union name n = name(text, 0);
	__u32 one = 1;

	if (n.any.sa_family == AF_INET)
		k.addr[3] = n.in.sin_addr.s_addr;
	else
		memcpy(k.addr, &n.in6.sin6_addr, sizeof(k.addr));
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(m->skel->maps.nsf_locals), &k, &one, BPF_ANY), 0);
}

static inline void *rows_of(const struct bpf_map *map, size_t size)
{
	void *rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_ptr_not_equal(rows, MAP_FAILED);
	return rows;
}

static inline void attach(struct machine *m)
{
	char path[PATH_MAX];
	autoclose int cgroup = cgroup_root(path);
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, m->skel->obj)
	{
		if (bpf_program__type(prog) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
			assert_non_null(bpf_program__attach_cgroup(prog, cgroup));
	}
}

static inline int setup(void **state)
{
	static struct machine m;
	const struct nsf_port port = { .gen = 7 };
	char path[PATH_MAX];
	__u32 slot = SLOT;
	int cgroup = cgroup_root(path);

	*state = &m;
	if (cgroup < 0)
		return 0;
	close(cgroup);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(nl_open(&m.nl), 0);
	assert_int_equal(link_set(m.nl, 1, &(struct link_change){ .up = 1 }), 0);
	lo_addr(&m, TO "/32");
	lo_addr(&m, TO6 "/128");
	lo_addr(&m, HOST "/32");
	lo_addr(&m, HOST6 "/128");
	lo_addr(&m, STRANGER "/32");
	lo_addr(&m, STRANGER6 "/128");
	m.skel = nsfast_bpf__open();
	assert_non_null(m.skel);
	m.skel->rodata->cfg.host = nl_cookie(m.nl);
	dp_size(m.skel, 64);
	assert_int_equal(nsfast_bpf__load(m.skel), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(m.skel->maps.nsf_ports), &slot, &port, BPF_ANY), 0);
	m.rows = rows_of(m.skel->maps.nsf_publish, 2 * NSF_PUBLISH_MAX * sizeof(*m.rows));
	m.live = rows_of(m.skel->maps.nsf_publish_live, sizeof(*m.live));
	m.state = rows_of(m.skel->maps.nsf_flow_state, sizeof(*m.state));
	memcpy(m.state->handle_key, handle_key, sizeof(handle_key));
	local(&m, HOST);
	local(&m, HOST6);
	attach(&m);
	m.tcp = bound(TO, 80, SOCK_STREAM);
	m.tcp6 = bound(TO6, 80, SOCK_STREAM);
	m.udp = bound(TO, 53, SOCK_DGRAM);
	m.udp6 = bound(TO6, 53, SOCK_DGRAM);
	m.other = bound(TO, 54, SOCK_DGRAM);
	return 0;
}

/* Rules as the tables hold them; addr NULL: any address of the family of `to`. */
static inline struct nsf_publish rule(const char *addr, __u8 proto, __u16 first, __u16 last, const char *to,
				      __u16 to_first)
{
	struct nsf_publish r = { .proto = proto,
				 .first = first,
				 .last = last,
				 .to_first = to_first,
				 .slot = SLOT,
				 .port_gen = 7,
				 .family = 4 };
	union name n = name(to, 0);
	__u32 words[4];

	if (n.any.sa_family == AF_INET6) {
		r.family = 6;
		memcpy(r.to6, &n.in6.sin6_addr, sizeof(r.to6));
		if (addr) {
			n = name(addr, 0);
			memcpy(r.addr6, &n.in6.sin6_addr, sizeof(r.addr6));
			memcpy(words, r.addr6, sizeof(words));
			r.addr = nsf_handle6(words, handle_key);
		}
	} else {
		r.to = n.in.sin_addr.s_addr;
		if (addr)
			r.addr = name(addr, 0).in.sin_addr.s_addr;
	}
	return r;
}

/* The rules become the live half; they are given in the table's order. */
static inline void rules(struct machine *m, const struct nsf_publish *r, __u32 n)
{
	__u32 half = !(*m->live >> NSF_PUBLISH_HALF);

	if (!m->skel)
		skip();
	memcpy(m->rows + half * NSF_PUBLISH_MAX, r, n * sizeof(*r));
	__atomic_store_n(m->live, half << NSF_PUBLISH_HALF | n, __ATOMIC_RELEASE);
}
#define RULES(m, ...) \
	do { \
		const struct nsf_publish r_[] = { __VA_ARGS__ }; \
		rules(m, r_, sizeof(r_) / sizeof(r_[0])); \
	} while (0)

/* A web and a name server for any address of the host: 8080 -> 80, 5300 to 5301 -> 53 to 54. */
static inline void usual(struct machine *m)
{
	RULES(m, rule(NULL, IPPROTO_TCP, 8080, 8080, TO, 80), rule(NULL, IPPROTO_UDP, 5300, 5301, TO, 53),
	      rule(NULL, IPPROTO_TCP, 8080, 8080, TO6, 80), rule(NULL, IPPROTO_UDP, 5300, 5301, TO6, 53));
}

static inline int dial(int fd, const char *addr, __u16 port)
{
	union name n = name(addr, port);

	return connect(fd, &n.any, name_len(&n)) ? -errno : 0;
}

static inline int try(const char *addr, __u16 port)
{
	autoclose int fd = socket_of(addr, SOCK_STREAM);

	return dial(fd, addr, port);
}

static inline union name peer(int fd)
{
	union name n;
	socklen_t len = sizeof(n);

	assert_int_equal(getpeername(fd, &n.any, &len), 0);
	return n;
}

static inline void ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 5000), 1);
}

static inline void say(int fd, const char *addr, __u16 port)
{
	union name n = name(addr, port);

	assert_int_equal(sendto(fd, "x", 1, 0, &n.any, name_len(&n)), 1);
}

static inline union name hear(int fd)
{
	union name n;
	socklen_t len = sizeof(n);
	char c;

	ready(fd);
	assert_int_equal(recvfrom(fd, &c, 1, 0, &n.any, &len), 1);
	return n;
}

/* The server answers who asked. */
static inline void echo(int server)
{
	union name n = hear(server);

	assert_int_equal(sendto(server, "y", 1, 0, &n.any, name_len(&n)), 1);
}
