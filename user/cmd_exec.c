/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast exec: run a command in a port's namespace. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "cmd.h"
#include "log.h"
#include "mode.h"
#include "netns.h"
#include "opt.h"

struct find {
	struct host *h;
	const char *name;
	char net[NET_NAME_LEN];
	struct port port;
	unsigned found;
};

static int exec_find(const char *net, void *arg)
{
	struct find *f = arg;
	const struct mode *m = mode_of(f->h, net);
	struct network n = {};
	const struct port *p;
	int r = m->read(f->h, net, &n);

	if (r)
		return r;
	p = network_port(&n, f->name);
	if (p && (!f->found || !streq(p->netns, f->port.netns))) {
		f->found++;
		f->port = *p;
		memcpy(f->net, n.name, sizeof(f->net));
	}
	network_free(&n);
	return 0;
}

/* As ip-netns(8) does: the files of /etc/netns/NAME lie over those of /etc. */
static int exec_etc(const char *netns)
{
	char dir[512], from[1024], to[512];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/etc/netns/%s", netns);
	d = opendir(dir);
	if (!d)
		return 0;
	if (unshare(CLONE_NEWNS) || mount("", "/", "none", MS_SLAVE | MS_REC, NULL)) {
		closedir(d);
		return fail(-errno, "cannot lay the files of '%s' over /etc", dir);
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), "%s/%s", dir, e->d_name);
		snprintf(to, sizeof(to), "/etc/%s", e->d_name);
		if (mount(from, to, "none", MS_BIND, NULL))
			warn("cannot lay '%s' over '%s': %s", from, to, strerror(errno));
	}
	closedir(d);
	return 0;
}

static int exec_enter(struct find *f)
{
	autoclose int fd = -1;
	int r = mode_list(f->h, exec_find, f);

	if (r)
		return r;
	if (!f->found)
		return fail_missing("no port '%s' on this host", f->name);
	if (f->found > 1)
		return fail_usage("port '%s' is there in more than one network, with different namespaces", f->name);
	if (!f->port.netns[0])
		return fail_missing("%s/%s: an adopted interface; its namespace is not known", f->net, f->name);
	fd = netns_open(f->port.netns);
	if (fd >= 0)
		r = netns_enter(fd);
	if (fd < 0 || r)
		return fail(r ? r : fd, "%s/%s: cannot enter namespace '%s'", f->net, f->name, f->port.netns);
	return exec_etc(f->port.netns);
}

int cmd_exec(int argc, char **argv)
{
	static const struct option none[] = { {} };
	autohost struct host h = HOST_NONE;
	struct find f = { .h = &h };
	int r = opt_next(argc, argv, "+", none);

	r = r == -1 ? opt_words(argc, argv, 2, argc, "exec NAME COMMAND...") : r;
	if (!r)
		r = opt_host(&h);
	if (r)
		return r;
	f.name = argv[optind];
	r = exec_enter(&f);
	if (r)
		return r;
	execvp(argv[optind + 1], argv + optind + 1);
	return fail(-errno, "cannot run '%s'", argv[optind + 1]);
}
