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

# A second router beside the first one, whose address is in $second then.
second_up() {
	second=198.51.100.3/24
	[ "$FAMILY" = 4 ] || second=2001:db8:51::3/64
	in_ns "$OUT" sysctl -qw net.ipv4.conf.all.arp_ignore=1 # each interface speaks for its own addresses
	ip -n "$OUT" link add second link eth0 address 02:00:00:00:fe:02 type macvlan mode bridge
	ip -n "$OUT" addr add "$second" dev second nodad
	ip -n "$OUT" link set second up
	second=${second%/*}
}

@test "another next hop: it gets what the first one got" {
	nat_up
	second_up
	pinging
	ip -n "$H" "-$FAMILY" route replace default via "$second"
	until_ok 10 heard_by_second 20
	ip -n "$H" "-$FAMILY" route replace default via "$OUTSIDE"
	ip -n "$OUT" link del second
}

# Datagrams to one peer at a time from sockets of their own
burst() {
	in_ns a "$PYTHON" - "$FAR" "$1" <<-'END'
		import socket, sys
		family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
		socks = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(int(sys.argv[2]))]
		for s in socks:
		    s.sendto(b"x", (sys.argv[1], 9))
	END
}

@test "a route with two ways, chosen by ports: of one container's flows to one peer each goes its own" {
	nat_up
	second_up
	in_ns "$H" sysctl -qw "net.ipv$FAMILY.fib_multipath_hash_policy=1"
	ip -n "$H" "-$FAMILY" route replace default nexthop via "$OUTSIDE" dev up0 nexthop via "$second" dev up0
	burst 80
	until_ok 10 heard_by_second 15
	run ! heard_by_second 65
	in_ns "$H" sysctl -qw "net.ipv$FAMILY.fib_multipath_hash_policy=0"
	ip -n "$H" "-$FAMILY" route replace default via "$OUTSIDE"
	ip -n "$OUT" link del second
}

@test "a rule that looks at ports decides for each new flow, however close they come" {
	nat_up
	mirror "$OUT" 7 "$FAR"
	in_ns "$H" ip "-$FAMILY" rule add ipproto udp sport 4001-4999 prohibit
	for port in {4010..4015}; do
		ask a udp "$((port - 1000))"
		run ! ask a udp "$port"
	done
	in_ns "$H" ip "-$FAMILY" rule del ipproto udp sport 4001-4999 prohibit
}
