#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# The way out is the host's own: what changes there is followed while containers go on sending.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }
teardown() { nat_down; }

# pinging: a asks the outside all the time
pinging() {
	start nsenter --net=/run/netns/a -- ping -i 0.1 "$FAR" >"$ROOM/pings"
	until_ok 5 answered 3
}

answered() {
	[ "$(grep -c 'bytes from' "$ROOM/pings")" -ge "$1" ]
}

# The host asks its neighbours again soon after it has heard nothing of them.
impatient() {
	local stack
	for stack in ipv4 ipv6; do
		in_ns "$H" sysctl -qw "net.$stack.neigh.up0.base_reachable_time_ms=500" \
			"net.$stack.neigh.up0.delay_first_probe_time=1" "net.$stack.neigh.up0.ucast_solicit=1" \
			"net.$stack.neigh.up0.retrans_time_ms=100"
	done
}

@test "the next hop has another MAC, and does not say so: the host finds it" {
	nat_up
	impatient
	pinging
	ip -n "$OUT" link set eth0 address 02:00:00:00:fe:01
	until_ok 10 answered $(($(grep -c 'bytes from' "$ROOM/pings") + 10))
}

heard_by_second() {
	[ "$(ip -n "$OUT" -j -s link show second | jq '.[0].stats64.rx.packets')" -ge "$1" ]
}

@test "another next hop: it gets what the first one got" {
	local second=198.51.100.3/24
	[ "$FAMILY" = 4 ] || second=2001:db8:51::3/64
	nat_up
	in_ns "$OUT" sysctl -qw net.ipv4.conf.all.arp_ignore=1 # each interface speaks for its own addresses
	ip -n "$OUT" link add second link eth0 type macvlan mode bridge
	ip -n "$OUT" addr add $second dev second nodad
	ip -n "$OUT" link set second up
	pinging
	ip -n "$H" "-$FAMILY" route replace default via "${second%/*}"
	until_ok 10 heard_by_second 20
}
