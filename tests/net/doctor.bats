#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# What stands in a network's way is named, with what cures it; and the cure cures it.
#
#   a, b ── t0 10.77.0.1/24 ── host ($H) up0 198.51.100.1/24 ── outside ($OUT) 203.0.113.10
load lib

setup() {
	host_up
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1
}
teardown() { host_down; }

# cure CHECK: of the one line of that check in $output that is not ok
cure() {
	jq -re --arg what "$1" '[.[] | select(.check == $what and (.ok | not))] | if length == 1 then .[0].cure else error end' <<<"$output"
}

all_is_well() {
	run -0 --separate-stderr nsf -j doctor
	[ "$(jq -c 'map(select(.ok | not))' <<<"$output")" = '[]' ]
}

@test "all is well: a line for each thing, of which none has to be done" {
	local what
	all_is_well
	for what in kernel "BPF programs" hooks bpffs fragments "mode netfilter" "default route" "IPv6 default route" rp_filter \
		forwarding br_netfilter conntrack "own publishes" t0; do
		jq -e --arg what "$what" 'any(.[]; .check == $what)' <<<"$output"
	done
	[ "$(jq -r '.[] | select(.check == "t0").found' <<<"$output")" = "whole, mode $(mode)" ]
}

@test "a narrow uplink, a route that leads elsewhere and a firewall are named, and what is said to cure them does" {
	ip -n "$H" link set up0 mtu 1400
	ip -n "$H" route add 10.77.0.128/25 via 198.51.100.2
	in_ns "$H" nft 'add table inet other; add chain inet other block { type filter hook forward priority 5; policy drop; }'
	run -0 --separate-stderr nsf -j doctor
	mtu=$(cure "t0 MTU")
	route=$(cure "t0 routes")
	# shellcheck disable=SC2086 # a command line
	nsf ${mtu#nsfast }
	[[ $route == *"ip route del 10.77.0.128/25 dev up0" ]]
	in_ns "$H" bash -c "${route##*or: }"
	# mode bpf does not pass it
	[ "$(mode)" = bpf ] || in_ns "$H" bash -c "$(cure "t0 firewall")"
	in_ns a ping -c 1 -W 1 203.0.113.10
	in_ns "$H" nft delete table inet other
	all_is_well
}

@test "an uplink that could carry longer packets is a hint, and no fault" {
	local hint
	ip -n "$H" link set up0 mtu 9000
	all_is_well
	hint=$(jq -re '.[] | select(.check == "t0 MTU").cure' <<<"$output")
	[ "$hint" = "nsfast up t0 --mtu 9000" ]
	# shellcheck disable=SC2086 # a command line
	nsf ${hint#nsfast }
	all_is_well
	jq -e 'all(.[]; .check != "t0 MTU")' <<<"$output"
	ip -n "$H" link set up0 mtu 1500
}

@test "streams within a network could be of longer packets: a hint for each port, and no fault" {
	local hint port
	if [ "$(mode)" = netfilter ] || ! kernel_has_come_to 6.3; then
		all_is_well
		jq -e 'all(.[]; .check != "t0 BIG TCP")' <<<"$output"
		return
	fi
	for port in a b; do
		all_is_well
		hint=$(jq -re '.[] | select(.check == "t0 BIG TCP").cure' <<<"$output")
		[ "$hint" = "nsfast exec $port ip link set eth0 gso_max_size 196608 gso_ipv4_max_size 196608" ]
		# as that does; Debian 12's ip does not know the second word
		in_ns "$port" "$PYTHON" tests/packets/gso_max.py eth0 196608
	done
	all_is_well
	jq -e 'all(.[]; .check != "t0 BIG TCP")' <<<"$output"
	nsf down t0
	nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --uplink up0 --snat 198.51.100.1
	all_is_well
	jq -e 'all(.[]; .check != "t0 BIG TCP")' <<<"$output" # there are no two to stream
}

@test "a table of connections that is nearly full" {
	# the numbers are the whole machine's: here doctor alone reads others
	echo 95 >"$ROOM/count"
	echo 100 >"$ROOM/max"
	# shellcheck disable=SC2016 # it is the inner shell's
	run -0 in_ns "$H" unshare -m bash -c 'cd /proc/sys/net/netfilter
		mount --bind "$0/count" nf_conntrack_count && mount --bind "$0/max" nf_conntrack_max && exec "$1" -j doctor' "$ROOM" "$NSFAST"
	[ "$(cure conntrack)" = "sysctl -w net.netfilter.nf_conntrack_max=200" ]
}

@test "somebody else's program before ours is named; behind it, it only is told" {
	only bpf "mode netfilter has no programs"
	needs_tcx
	start nsenter --net="/run/netns/$H" -- "$PYTHON" tests/packets/tcx.py up0 in 999 >"$ROOM/tcx"
	until_ok 5 grep attached "$ROOM/tcx"
	run -0 nsf -j doctor
	jq -e 'any(.[]; .check == "t0 hooks" and .ok and (.found | contains("behind ours")))' <<<"$output"
	nsf down t0
	nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --uplink up0
	run -0 nsf -j doctor
	[[ $(cure "t0 hooks") == *"bpftool net"* ]]
	stop "$STARTED"
}

@test "where neither mode works the exit code says so, and each line what is missing" {
	only bpf "no network is up, so that there is no mode"
	nsf down t0
	run -0 --separate-stderr "$PYTHON" tests/packets/nobpf.py ENOSYS "$NSFAST" -n "$H" -j doctor
	jq -e 'any(.[]; .check == "BPF programs" and (.ok | not))' <<<"$output"
	# shellcheck disable=SC2154 # bats sets it
	[ -z "$stderr" ]
	# shellcheck disable=SC2016 # it is the inner shell's
	run -5 --separate-stderr unshare -m bash -c 'mount --bind /dev/null "$(command -v nft)" && exec "$@"' - "$PYTHON" tests/packets/nobpf.py ENOSYS "$NSFAST" -n "$H" -j doctor
	jq -se '.[0] | any(.[]; .check == "mode netfilter" and (.ok | not) and (.cure | contains("nftables")))' <<<"$output"
}
