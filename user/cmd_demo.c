/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast demo: the program at work, between namespaces that nobody else sees and that end with it. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "cmd.h"
#include "demo.h"
#include "log.h"
#include "netns.h"
#include "opt.h"
#include "out.h"
#include "probe.h"
#include "state.h"

#define DEMO_HOST "demo-host"
#define DEMO_APP  "app"
#define DEMO_WEB  "web"
#define ECHOES    3
#define WORDS_MAX 16

static const struct path {
	const char *title, *key, *from_name, *to_name;
	enum lab_node from, server;
	const char *to, *want; /* the server's address, and the client's as the server is to see it */
	const char *remark;
} paths[] = {
	{ "Container to container", "container_to_container", DEMO_APP, DEMO_WEB, LAB_A, LAB_B, LAB_B_ADDR, LAB_A_ADDR,
	  NULL },
	{ "Container to outside", "container_to_outside", DEMO_APP, "internet", LAB_A, LAB_OUTSIDE, LAB_SERVER_ADDR,
	  LAB_HOST_ADDR, "SNAT: the server saw the host's address, not 10.77.0.2" },
	{ "Host to container", "host_to_container", "host", DEMO_WEB, LAB_HOST, LAB_B, LAB_B_ADDR, LAB_GATEWAY, NULL },
};

struct demo {
	struct lab lab;
	struct demo_look look;
	struct demo_check checks[ARRAY_SIZE(paths)];
	struct demo_row rows[DEMO_ROWS];
	int links, names; /* of the host, before `up` */
};

static void demo_close(struct demo *d)
{
	lab_close(&d->lab);
}

int demo_pause(void)
{
	if (host_interrupted())
		return -EINTR;
	return fflush(stdout) || ferror(stdout) ? -EPIPE : 0;
}

static struct demo_look choose_look(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (out_json || (no && *no) || !term || streq(term, "dumb") || !isatty(STDOUT_FILENO))
		return (struct demo_look){ "", "", "", "", "" };
	return (struct demo_look){ "\033[1m", "\033[2m", "\033[2m", "\033[32m", "\033[0m" };
}

static void title(const struct demo *d, const char *text)
{
	out_text("\n%s%s%s\n", d->look.head, text, d->look.off);
}

static int exec_self(int out, void *arg)
{
	if (dup2(out, STDOUT_FILENO) < 0)
		return 127;
	execv("/proc/self/exe", arg);
	return 127;
}

/* What a command says, set in; to its end. */
static int copy_output(int fd)
{
	char buf[4096];
	bool begin = true;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			out_text(begin ? "  %c" : "%c", buf[i]);
			begin = buf[i] == '\n';
		}
	}
	return n < 0 ? -errno : 0;
}

/* Runs this program with these words, which are shown as one would type them. */
static int run_self(const struct demo *d, const char *const words[])
{
	const char *argv[WORDS_MAX + 4] = { "nsfast", "-n", DEMO_HOST };
	autoworker struct worker w = WORKER_NONE;
	autoclose int self = netns_self();
	int r;

	for (size_t i = 0; i < WORDS_MAX && words[i]; i++)
		argv[i + 3] = words[i];
	out_text("  %s$", d->look.head);
	for (size_t i = 0; argv[i]; i++)
		out_text(" %s", argv[i]);
	out_text("%s\n", d->look.off);
	r = demo_pause();
	if (r)
		return r;
	r = self < 0 ? self : worker_start(&w, self, -1, 60, exec_self, argv);
	if (!r)
		r = copy_output(w.fd);
	if (host_interrupted())
		return -EINTR;
	if (r)
		return fail(r, "demo: cannot run 'nsfast %s'", words[0]);
	r = worker_wait(&w);
	if (r == EXIT_FEATURE)
		return fail_feature("demo: 'nsfast %s' does not work here", words[0]);
	if (r == EXIT_PRIVILEGE)
		return fail_privilege("demo: 'nsfast %s' may not do its work here", words[0]);
	if (r)
		return fail(-EPROTO, "demo: 'nsfast %s' failed (%d)", words[0], r);
	return 0;
}

/* The best of a few: the first one waits for the neighbours' addresses. */
static int ping(int netns, const struct addr *to, double *ret_ms)
{
	char text[ADDR_STRLEN];
	double best = 0, ms;

	for (unsigned i = 0; i < ECHOES; i++) {
		int r = probe_ping(netns, to, 2000, &ms);

		if (r == -ETIMEDOUT)
			return fail(r, "demo: no echo from %s", addr_format(to, false, text));
		if (r)
			return r;
		best = i && best < ms ? best : ms;
	}
	*ret_ms = best;
	return 0;
}

int demo_check(const struct lab *l, enum lab_node from, enum lab_node server, const char *to, const char *want,
	       struct demo_check *ret)
{
	autoworker struct worker web = WORKER_NONE;
	struct addr there = lab_addr(to), here = lab_addr(want);
	struct demo_check c = { 0 };
	char page[128] = "", expected[ADDR_STRLEN];
	size_t len;
	int r = demo_pause();

	if (!r)
		r = ping(l->ns[from], &there, &c.ms);
	if (!r)
		r = probe_serve(&web, l->ns[server], 80);
	if (!r)
		r = probe_fetch(l->ns[from], &there, 80, "/", page, sizeof(page) - 1, &len);
	if (r)
		return r;
	_Static_assert(ADDR_STRLEN > 45, "the width below");
	if (sscanf(page, "you are %45s port %u", c.seen, &c.port) != 2 ||
	    !streq(c.seen, addr_format(&here, false, expected)))
		return fail(-EPROTO, "demo: the web server says '%.60s', not 'you are %s'", page,
			    addr_format(&here, false, expected));
	*ret = c;
	return 0;
}

static int show_path(struct demo *d, size_t i)
{
	const struct path *p = &paths[i];
	struct demo_check *c = &d->checks[i];
	struct addr to = lab_addr(p->to);
	char text[ADDR_STRLEN];
	int r;

	title(d, p->title);
	r = demo_check(&d->lab, p->from, p->server, p->to, p->want, c);
	if (r)
		return r;
	addr_format(&to, false, text);
	out_text("  %-4s > %-9s ping %-21s %d of %d answered, best %.3f ms\n", p->from_name, p->to_name, text, ECHOES,
		 ECHOES, c->ms);
	out_text("  %-16s http://%s/%*s \"you are %s port %u\"\n", "", text, (int)(18 - strlen(text)), "", c->seen,
		 c->port);
	if (p->remark)
		out_text("  %-16s %s\n", "", p->remark);
	return 0;
}

static int count_links(int out, void *arg)
{
	struct if_nameindex *all = if_nameindex();
	int n = 0;

	(void)out;
	(void)arg;
	while (all && all[n].if_index)
		n++;
	if_freenameindex(all);
	return n;
}

static int count_name(const char *name, void *arg)
{
	(void)name;
	++*(int *)arg;
	return 0;
}

/* Interfaces of the host, and names of namespaces. */
static int count(const struct demo *d, int *ret_links, int *ret_names)
{
	int links = worker_run(d->lab.ns[LAB_HOST], 10, count_links, NULL), names = 0, r;

	r = links < 0 ? links : netns_list(count_name, &names);
	if (r)
		return fail(r, "demo: cannot count what is there");
	*ret_links = links;
	*ret_names = names;
	return 0;
}

static int show_up(struct demo *d)
{
	static const char *const up[] = { "up",     "demo", "--mode", "bpf",      "--subnet", LAB_GATEWAY, "--ns",
					  DEMO_APP, "--ns", DEMO_WEB, "--uplink", LAB_UPLINK, NULL };
	int r;

	title(d, "A network of two containers");
	r = run_self(d, up);
	if (r)
		return r;
	d->lab.ns[LAB_A] = netns_open(DEMO_APP);
	d->lab.ns[LAB_B] = netns_open(DEMO_WEB);
	if (d->lab.ns[LAB_A] < 0 || d->lab.ns[LAB_B] < 0)
		return fail(-ENOENT, "demo: 'nsfast up' made no namespaces");
	return 0;
}

static int show_tables(const struct demo *d)
{
	static const char *const words[][3] = { { "show", "demo", NULL },
						{ "fdb", "demo", NULL },
						{ "flows", "demo", NULL } };
	int r = 0;

	title(d, "What it knows");
	for (size_t i = 0; !r && i < ARRAY_SIZE(words); i++)
		r = run_self(d, words[i]);
	return r;
}

static int show_down(const struct demo *d)
{
	static const char *const down[] = { "down", "demo", NULL };
	int links = 0, names = 0, r;

	title(d, "The end");
	r = run_self(d, down);
	if (!r)
		r = count(d, &links, &names);
	if (r)
		return r;
	if (links != d->links || names != d->names || !access(STATE_DIR, F_OK))
		return fail(-EEXIST,
			    "demo: 'nsfast down' left something: %d interfaces, %d before; %d names, %d before", links,
			    d->links, names, d->names);
	out_text("  Nothing is left: no interface, no namespace, no program, no file.\n");
	return 0;
}

static int run_demo(struct demo *d)
{
	int r = lab_stage(&d->lab, DEMO_HOST);

	if (!r)
		r = count(d, &d->links, &d->names);
	if (r)
		return r;
	out_text("A host with an uplink, two containers, and an internet with a web server: all of them namespaces\n"
		 "of this demo alone. No interface, namespace or file of this machine is touched.\n");
	r = show_up(d);
	for (size_t i = 0; !r && i < ARRAY_SIZE(paths); i++)
		r = show_path(d, i);
	if (!r)
		r = show_tables(d);
	if (r)
		return r;
	title(d, "Side by side with bridge + iptables");
	r = demo_compare(&d->lab, &d->look, d->rows);
	return r ? r : show_down(d);
}

static void print_json(const struct demo *d)
{
	out_open_object(NULL);
	out_str("mode", NULL, "bpf");
	out_open_array("checks");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct addr to = lab_addr(paths[i].to);
		char text[ADDR_STRLEN];

		out_open_object(NULL);
		out_str("path", NULL, paths[i].key);
		out_str("address", NULL, addr_format(&to, false, text));
		out_u64("ping_us", NULL, (uint64_t)(d->checks[i].ms * 1000 + 0.5));
		out_str("seen_address", NULL, d->checks[i].seen);
		out_u64("seen_port", NULL, d->checks[i].port);
		out_close_object();
	}
	out_close_array();
	demo_compare_json(d->rows);
	out_bool("nothing_left", NULL, true);
	out_close_object();
}

int cmd_demo(int argc, char **argv)
{
	static const struct option none[] = { {} };
	__attribute__((cleanup(demo_close))) struct demo d = { .lab = LAB_NONE };
	int r = opt_next(argc, argv, "", none);

	r = r == -1 ? opt_words(argc, argv, 0, 0, "demo") : r;
	if (!r)
		r = opt_may_run();
	if (r)
		return r;
	host_catch_signals();
	d.look = choose_look();
	r = lab_hide_run();
	if (!r)
		r = run_demo(&d);
	if (host_interrupted()) {
		info("demo: interrupted; nothing is left");
		return -EINTR;
	}
	if (!r)
		print_json(&d);
	return r;
}
