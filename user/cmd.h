/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs: one function, one file each. 0, or a negative errno with a message printed. */
#pragma once

#define CMDS(X) \
	X(up, "[NET] [OPTIONS]", "make a network, or make it what the options say") \
	X(down, "[NET | --all]", "remove it; nothing is left") \
	X(show, "[NET]", "networks and their ports, with counters") \
	X(mode, "NET bpf|netfilter", "change a network's mode while it is in use") \
	X(add, "NET NAME [--address A] [--mac M] [--dev IF]", \
	  "add a port: a namespace, or an interface that is there") \
	X(del, "NET NAME", "remove a port") \
	X(gc, "", "remove ports whose interface is gone") \
	X(publish, "add NET SPEC | del NET SPEC | show [NET]", "ports of the host that lead to a container's") \
	X(exec, "NAME COMMAND...", "run a command in a port's namespace") \
	X(fdb, "[show] [NET] | add NET MAC NAME | del | flush NET", "which MAC is behind which port") \
	X(flows, "[flush] [NET] [FILTERS]", "tracked conversations with the outside, or their end") \
	X(drops, "[NET]", "discarded packets by reason") \
	X(doctor, "", "what works here and what does not") \
	X(demo, "", "show it at work, in private namespaces") \
	X(bench, "[--quick] [--only NAMES] [--svg FILE]", "how fast this machine is with it, and without") \
	X(version, "", "version of nsfast")

#define CMD_DECLARE(name, args, text) int cmd_##name(int argc, char **argv);
CMDS(CMD_DECLARE)
