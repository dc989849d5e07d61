/* SPDX-License-Identifier: GPL-2.0-only */
/* Options: those that every verb knows, and the host that they name. */
#include "opt.h"

#include <errno.h>
#include <stdio.h>

#include "conf.h"
#include "log.h"
#include "netns.h"
#include "out.h"

#define OPT_MAX 48

bool opt_details, opt_help;
static const char *opt_netns;

#define COMMON_LETTERS "n:jpdqvh"
static const struct option common[] = {
	{ "netns", required_argument, NULL, 'n' }, { "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },      { "details", no_argument, NULL, 'd' },
	{ "quiet", no_argument, NULL, 'q' },       { "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
};

/* True if the option was a common one. */
static bool opt_take(int c)
{
	switch (c) {
	case 'n':
		opt_netns = optarg;
		return true;
	case 'j':
		out_json = log_json = true;
		return true;
	case 'p':
		out_json = log_json = out_pretty = true;
		return true;
	case 'd':
		opt_details = true;
		return true;
	case 'q':
		log_level = -1;
		return true;
	case 'v':
		log_level++;
		return true;
	case 'h':
		opt_help = true;
		return true;
	}
	return false;
}

static int opt_unknown(char **argv, const struct option *words, int c)
{
	const char *names[OPT_MAX + 1] = {}, *near, *word = argv[optind - 1];
	int i;

	if (c == ':')
		return fail_usage("option '%s' needs a value", word);
	if (optopt && optopt < OPT_LONG)
		return fail_usage("unknown option '-%c'", optopt);
	for (i = 0; i < OPT_MAX && words[i].name; i++)
		names[i] = words[i].name;
	near = strncmp(word, "--", 2) ? NULL : conf_nearest(word + 2, names);
	if (near)
		hint("did you mean '--%s'?", near);
	else
		hint("'nsfast help' lists the options");
	return fail_usage("unknown option '%s'", word);
}

int opt_next(int argc, char **argv, const char *letters, const struct option *words)
{
	struct option all[OPT_MAX] = {};
	char spec[64];
	size_t n = 0;
	int c;

	while (words[n].name && n + ARRAY_SIZE(common) + 1 < OPT_MAX) {
		all[n] = words[n];
		n++;
	}
	memcpy(&all[n], common, sizeof(common));
	/* the ':' that tells a missing value from an unknown option stands first, or after '+' */
	snprintf(spec, sizeof(spec), "%s:%s" COMMON_LETTERS, *letters == '+' ? "+" : "", letters + (*letters == '+'));
	opterr = 0;
	do
		c = getopt_long(argc, argv, spec, all, NULL);
	while (c != -1 && opt_take(c));
	return c == '?' || c == ':' ? opt_unknown(argv, all, c) : c;
}

int opt_common(int argc, char **argv)
{
	static const struct option none[] = { {} };
	int c = opt_next(argc, argv, "+", none);

	return c == -1 ? 0 : c;
}

int opt_words(int argc, char **argv, int least, int most, const char *usage)
{
	int n = argc - optind;

	if (n >= least && n <= most)
		return 0;
	hint("usage: nsfast %s", usage);
	return n < least ? fail_usage("'%s' needs more words", argv[0])
			 : fail_usage("'%s' is one word too many", argv[optind + most]);
}

int opt_enter(void)
{
	autoclose int fd = -1;
	int r;

	if (geteuid()) {
		hint("run it by sudo");
		return fail_privilege("must be root");
	}
	if (opt_netns) {
		fd = netns_open(opt_netns);
		if (fd == -ENOENT)
			return fail_usage("no namespace '%s'", opt_netns);
		r = fd < 0 ? fd : netns_enter(fd);
		if (r)
			return fail(r, "cannot enter namespace '%s'", opt_netns);
	}
	return 0;
}

int opt_host(struct host *ret)
{
	int r = opt_enter();

	return r ? r : host_open(ret);
}

int opt_may_run(void)
{
	autohost struct host h = HOST_NONE;

	return opt_host(&h);
}
