#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# An `up` that cannot finish what it began on a network puts back what was.
#
#   a     eth0 10.77.0.2/24 ──┐            host
#   b     eth0 10.77.0.3/24 ──┴── t0 10.77.0.1/24    up0 198.51.100.1/24 ── outside 203.0.113.10
#   full  has an eth0 of its own: no port fits in
load lib

setup() {
	host_up
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0
	ip netns add full
	ip -n full link add eth0 type veth peer name other
	stands >"$ROOM/before"
}
teardown() { host_down; }

# What users see of the network, but for what any port made anew has: interface numbers and counters.
stands() {
	nsf -j show t0 | jq -S 'del(.. | .rx_packets?, .rx_bytes?, .tx_packets?, .tx_bytes?, .flows?, .used?, .external_ports?)
		| .[].ports |= sort_by(.name) | .[].ports[].mac = ""'
	ip netns list | sort
}

as_before() {
	stands >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
	in_ns a ping -c 1 -W 1 203.0.113.10
	in_ns b ping -c 1 -W 1 10.77.0.2
	in_ns "$H" ping -c 1 -W 1 10.77.0.3
}

@test "a port that cannot be made: those removed come back, those added go" {
	run -1 nsf up t0 --ns c --ns full
	[[ $output == *"t0/full"*"eth0"* ]]
	as_before
}

@test "a port that cannot be made in another subnet: the old network comes back" {
	run -1 nsf up t0 --subnet 10.88.0.1/24 --ns a --ns full
	[[ $output == *"t0/full"* ]]
	as_before
}

@test "settings changed on the way go back too" {
	run -1 nsf up t0 --mtu 1400 --snat 198.51.100.77 --ns a --ns b --ns full
	as_before
	[ "$(ip -n a -j link show dev eth0 | jq '.[].mtu')" = 1500 ]
}

@test "a signal in the middle: the same" {
	local n undone=0
	for n in 2 6 10 14; do
		run in_ns "$H" strace -f -qq -o "$ROOM/trace" -e trace=sendto,sendmsg \
			-e inject=sendto,sendmsg:signal=SIGINT:when="$n" "$NSFAST" -n "$H" up t0 --ns c --ns d --mtu 1400
		[ "$status" = 130 ] || [ "$status" = 0 ]
		[ "$status" = 0 ] || as_before
		[ "$status" = 0 ] || undone=$((undone + 1))
		run nsf up t0 --ns a --ns b --mtu 1500
		stands >"$ROOM/before"
	done
	[ "$undone" -gt 0 ]
}
