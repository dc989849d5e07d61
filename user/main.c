/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line: common options, the table of verbs, the exit code. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "version.h"

#include "cmd.h"
#include "conf.h"
#include "log.h"
#include "opt.h"
#include "out.h"

struct cmd {
	const char *name, *args, *text;
	int (*run)(int argc, char **argv);
};

#define CMD_ROW(name, args, text) { #name, args, text, cmd_##name },
static const struct cmd cmds[] = { CMDS(CMD_ROW) };

static const char options[] =
	"options of up:\n"
	"  --mode auto|bpf|netfilter   how packets are moved\n"
	"  --subnet ADDRESS/LENGTH     gateway address and prefix; once for each family\n"
	"  --ipv6 yes|no               an IPv6 subnet too, a unique local one if not named\n"
	"  --ns NAME[=ADDRESS[,ADDRESS]]  a port; once for each\n"
	"  --uplink IF|none            interface towards the outside\n"
	"  --xdp off|auto|native       what comes in by it is looked at before it is a packet\n"
	"  --xdp-forward yes|no        and sent on out of another network's uplink with yes,\n"
	"                              past the host's firewall\n"
	"  --snat auto|ADDRESS,...|none  source addresses outside; each port keeps to one\n"
	"  --snat6 auto|ADDRESS,...|none   the same for IPv6; auto without one: none leaves\n"
	"  --snat-ports LOW-HIGH       external ports for those that cannot keep their own\n"
	"  --snat-except CIDR,...|none   destinations that see the ports' own addresses\n"
	"  --snat-port preserve|random   how external ports are chosen\n"
	"  --snat-overload yes|no      share external ports when all are taken\n"
	"  --snat-icmp yes|no          tell senders when there is no room\n"
	"  --filter address-port|endpoint-independent   who reaches a mapping from outside\n"
	"  --mtu N                     of gateway and ports\n"
	"  --flows N                   room in the host's flow table, fixed by its first\n"
	"                              network (131072; 240 bytes of memory each)\n"
	"  --fdb-ageing SECONDS        how long a learned MAC stays (300); 0: none is learned\n"
	"  --neigh-suppress yes|no     answer who asks for the MAC of a port\n"
	"  --multicast-snooping yes|no groups are heard by who listens, where there is a querier\n"
	"  --host-access all|gateway|none   what containers reach of the host itself\n"
	"  --publish SPEC              [ADDRESS:]PORT[-PORT]:NAME:PORT[-PORT][/tcp|udp|sctp];\n"
	"                              once for each\n"
	"options of up, for all ports, and of add:\n"
	"  --max-flows N|none          conversations of a port\n"
	"  --max-half-open N|none      of them, opened by one side only\n"
	"  --max-ports N|none          external ports of a port\n"
	"  --max-macs N|none           MACs learned of a port (256)\n"
	"  --max-flood N|none          frames a second to all (10000; of many ports fewer)\n"
	"options of add:\n"
	"  --port-netns NAME           a namespace of another name\n"
	"  --mtu N                     of this port alone\n"
	"  --isolated yes|no           hears nothing of other isolated ports, nor they of it\n"
	"  --guard yes|no              may not speak as a router or DHCP server\n"
	"  --flood all|multicast|unicast|none   which frames for others it hears\n"
	"  --vlan N --vlan-trunk N,N-N   VLAN of frames without a tag, and those with tags\n"
	"options of up:\n"
	"  -f FILE                     read all that from a file\n"
	"filters of flows:\n"
	"  --port NAME                 of a port; host: the host's own\n"
	"  --protocol P                tcp udp icmp icmpv6 sctp udplite, or a number\n"
	"  --address A[/LENGTH]        inner, peer or external end\n"
	"  --state S                   opening established half-closed closed reset\n"
	"                              active; again for another one\n"
	"  --count                     how many, by protocol and state\n"
	"options of all verbs:\n"
	"  -n, --netns NS   act in that namespace as the host     -j, --json     -p, --pretty\n"
	"  -d, --details    -q, --quiet    -v, --verbose    -h, --help\n";

static int help(void)
{
	size_t i;

	printf("nsfast: container networks forwarded by eBPF in the kernel\n\nusage: nsfast [-n NS] [-j] VERB ...\n");
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		printf("  %-8s%-46s %s\n", cmds[i].name, cmds[i].args, cmds[i].text);
	printf("\n%s", options);
	return 0;
}

int cmd_version(int argc, char **argv)
{
	static const struct option none[] = { {} };
	int r = opt_next(argc, argv, "", none);

	if (r == -1)
		r = opt_words(argc, argv, 0, 0, "version");
	if (r)
		return r;
	out_open_object(NULL);
	out_str("version", "nsfast %s\n", NSFAST_VERSION);
	out_close_object();
	return 0;
}

/* Among a verb's own words; those of a command that is to be run are not ours. */
static bool wants_help(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && !streq(argv[i], "--") && !(streq(argv[0], "exec") && argv[i][0] != '-'); i++)
		if (streq(argv[i], "-h") || streq(argv[i], "--help"))
			return true;
	return false;
}

static int run(int argc, char **argv)
{
	const char *names[ARRAY_SIZE(cmds) + 1] = {}, *near;
	size_t i;
	int r = opt_common(argc, argv), first = optind;

	if (r)
		return r;
	if (opt_help || first == argc || streq(argv[first], "help"))
		return help();
	if (wants_help(argc - first, argv + first))
		return help();
	optind = 0; /* getopt starts anew in the verb's words */
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		if (streq(argv[first], cmds[i].name))
			return cmds[i].run(argc - first, argv + first);
		names[i] = cmds[i].name;
	}
	near = conf_nearest(argv[first], names);
	if (near)
		hint("did you mean '%s'?", near);
	else
		hint("'nsfast help' lists the verbs");
	return fail_usage("unknown verb '%s'", argv[first]);
}

int main(int argc, char **argv)
{
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = run(argc, argv);
	if (r == -EINTR)
		return 130;
	if (fflush(stdout) || ferror(stdout))
		return EXIT_KERNEL;
	return r ? (int)log_exit_code() : 0;
}
