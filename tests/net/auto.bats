#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Mode auto: bpf where it works, else netfilter, and never half of one.
load lib

setup_file() { host_up; }
teardown_file() { host_down; }
teardown() { nsf down --all; }

# nsfast for which bpf(2) fails
without() {
	local why=$1
	shift
	"$PYTHON" tests/packets/nobpf.py "$why" "$NSFAST" -n "$H" "$@"
}

t0() {
	"$@" up t0 --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1
}

@test "where bpf works it is taken" {
	run -0 --separate-stderr t0 nsf
	[[ $output == *"mode bpf"* ]]
	[ -z "${stderr#"$CLSACT"}" ]
}

@test "where the kernel has no bpf, or does not let us, it is netfilter, with one line that says why" {
	local why
	for why in ENOSYS EPERM; do
		run -0 --separate-stderr t0 without $why
		[[ $output == *"mode netfilter"* ]]
		# shellcheck disable=SC2154 # bats sets them
		[ "${#stderr_lines[@]}" = 1 ]
		[[ $stderr == "nsfast: t0: mode netfilter, since bpf does not work here: "* ]]
		in_ns a ping -c 1 -W 1 203.0.113.10
		in_ns a ping -c 1 -W 1 10.77.0.3
		run -0 without $why show t0
		[[ $output == *"mode netfilter"* ]]
		without $why down t0
		[ ! -e /run/nsfast ]
	done
}

@test "where programs load and no packet can be run through them it is netfilter, and nothing is left of bpf" {
	run -0 --separate-stderr t0 without EOPNOTSUPP:10 # BPF_PROG_TEST_RUN
	[[ $output == *"mode netfilter"* ]]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"since bpf does not work here: "*"a packet"* ]]
	[ ! -e /run/nsfast/bpf ]
	in_ns a ping -c 1 -W 1 203.0.113.10
}

@test "bpf asked for and not to be had is an error, and leaves nothing" {
	run -5 without ENOSYS up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --uplink up0
	run -4 without EPERM up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --uplink up0
	[ ! -e /run/nsfast ]
	[ ! -e /run/netns/a ]
}

@test "another failure than bpf's is no reason for the other mode" {
	run -1 nsf up t0 --subnet 10.77.0.1/24 --ns a --uplink none7
	ip -n "$H" link add t0 type bridge
	run -1 --separate-stderr nsf up t0 --subnet 10.77.0.1/24 --ns a --uplink up0
	# shellcheck disable=SC2154
	[[ $stderr == *"an interface of this name exists already"* ]]
	ip -n "$H" link del t0
}
