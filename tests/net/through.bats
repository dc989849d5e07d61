#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# XdpForward: what passes through the host goes from uplink to uplink by XDP, past its rules, and to no other place than its
# routes say; what only the host can do it still does.
#
#   outside ($OUT) 203.0.113.10 ── up0 198.51.100.1, 2001:db8:51::1    host ($H), a router      t0: a .2, by up0
#   aside ($ASIDE) 192.0.2.2    ── up1 192.0.2.1, 2001:db8:52::1                                t1: b .2, by up1
load lib

setup() {
	host_up
	outside6
	ASIDE=aside-${H#host-}
	ip netns add "$ASIDE"
	in_ns "$ASIDE" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
	ip -n "$ASIDE" link set lo up
	ip -n "$H" link add up1 numtxqueues 1 numrxqueues 1 type veth \
		peer name eth0 netns "$ASIDE" numtxqueues 1 numrxqueues 1
	ip -n "$H" addr add 192.0.2.1/24 dev up1
	ip -n "$H" addr add 2001:db8:52::1/64 dev up1 nodad
	ip -n "$ASIDE" addr add 192.0.2.2/24 dev eth0
	ip -n "$ASIDE" addr add 2001:db8:52::2/64 dev eth0 nodad
	ip -n "$H" link set up1 up
	ip -n "$ASIDE" link set eth0 up
	ip -n "$ASIDE" route add default via 192.0.2.1
	ip -n "$ASIDE" -6 route add default via 2001:db8:52::1
	ip -n "$OUT" route add 192.0.2.0/24 via 198.51.100.1
	ip -n "$OUT" -6 route add 2001:db8:52::/64 via 2001:db8:51::1
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	# as from a wire: sums are filled in, and frames are taken
	in_ns "$OUT" ethtool -K eth0 tx off gro on >/dev/null
	in_ns "$ASIDE" ethtool -K eth0 tx off gro on >/dev/null
	snapshot "$H" >"$ROOM/before"
	until_ok 5 in_ns "$OUT" ping -c 1 -W 1 192.0.2.2
	until_ok 5 in_ns "$OUT" ping -c 1 -W 1 2001:db8:52::2
}

teardown() { host_down; }

# Where the kernel does not tell what drivers can, nothing is forwarded; the first test shows it.
needs_netdev() { kernel_has_come_to 6.3 || skip "this kernel does not tell which drivers take frames"; }

up() {
	nsf up t0 --mode bpf --subnet 10.77.0.1/24,fd00:77::1/64 --ns a --uplink up0 --snat 198.51.100.1 \
		--snat6 2001:db8:51::1 --xdp native "$@"
	nsf up t1 --mode bpf --subnet 10.78.0.1/24,fd00:78::1/64 --ns b --uplink up1 --snat 192.0.2.1 \
		--snat6 2001:db8:52::1 --xdp native "$@"
}

# frames INTERFACE: how many its driver has sent away by XDP
frames() {
	in_ns "$H" ethtool -S "$1" | awk '$1 ~ /xdp_redirect:$/ { n += $2 } END { print n + 0 }'
}

# The host's firewall lets TCP pass, and what is an answer to nothing.
firewall() {
	in_ns "$H" nft 'table inet other {
		counter passed { }
		counter dropped { }
		chain forward {
			type filter hook forward priority 0; policy drop;
			meta l4proto tcp counter name passed accept
			counter name dropped
		}
	}'
}

# seen COUNTER
seen() {
	in_ns "$H" nft -j list counter inet other "$1" | jq '.nftables[] | select(.counter).counter.packets'
}

# Both families, both ways, each with its checksum and its length.
talks() {
	serve "$ASIDE" 7 "$PYTHON" tests/packets/mirror.py serve 7 192.0.2.2 2001:db8:52::2
	in_ns "$OUT" "$PYTHON" - <<-'END'
		import socket
		for family, address in (socket.AF_INET, "192.0.2.2"), (socket.AF_INET6, "2001:db8:52::2"):
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.settimeout(5)
		    s.connect((address, 7))
		    for n in 1, 2, 63, 64, 1000, 1400:
		        s.send(b"x" * n)
		        assert s.recv(2000).split()[0] in (b"198.51.100.2", b"2001:db8:51::2")
	END
	stop "$STARTED"
}

pings() {
	in_ns "$OUT" ping -c 3 -i 0.1 -W 5 192.0.2.2 && in_ns "$OUT" ping -c 3 -i 0.1 -W 5 2001:db8:52::2
}

forwards() {
	[ "$(nsf -j show "$1" | jq -r '.[0] | "\(.xdp_forward) \(.xdp_forwards) \(.state)"')" = "$2 $3 up" ]
}

@test "where the kernel does not tell what drivers can, that is said" {
	! kernel_has_come_to 6.3 || skip "this one tells"
	run -5 nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --uplink up0 --xdp native --xdp-forward yes
	[[ $output == *"t0: XdpForward=yes needs Linux 6.3"*"hint: --xdp-forward no"* ]]
	run -3 nsf show t0
}

@test "UDP and ICMP pass by XDP, past the host's rules; TCP goes by them" {
	needs_netdev
	up
	forwards t0 false false
	firewall
	run ! in_ns "$OUT" ping -c 1 -W 0.5 192.0.2.2
	[ "$(seen dropped)" -gt 0 ]
	nsf up t0 --xdp-forward yes
	nsf up t1 --xdp-forward yes
	forwards t0 true true
	forwards t1 true true
	dropped=$(seen dropped)
	before=$(frames up0)
	pings
	talks
	[ "$(seen dropped)" = "$dropped" ]
	[ $(($(frames up0) - before)) -ge 12 ]
	[ "$(seen passed)" = 0 ]
	serve "$ASIDE" 80 "$PYTHON" -m http.server 80 --bind 192.0.2.2
	in_ns "$OUT" curl -sSf -m "$TRANSFER" http://192.0.2.2/ -o /dev/null
	[ "$(seen passed)" -gt 4 ]
	[ "$(seen dropped)" = "$dropped" ]
	[ "$(nsf -j drops)" = "[]" ]
	nsf up t1 --xdp-forward no
	run ! in_ns "$OUT" ping -c 1 -W 0.5 192.0.2.2
	in_ns "$H" nft delete table inet other
	pings
	nsf down --all
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

@test "frames count at both uplinks, whichever way their neighbour is found" {
	needs_netdev
	up --xdp-forward yes
	pings
	legs() { nsf -j show | jq '[.[] | .outside | .rx_packets + .tx_packets] | add'; }
	before=$(legs)
	in_ns "$OUT" ping -c 20 -i 0.1 -W 5 192.0.2.2 | grep '20 received'
	[ $(($(legs) - before)) = 80 ]
}

@test "what the host alone can do it does: hops that are over, packets that are too long" {
	needs_netdev
	up --xdp-forward yes
	run -1 in_ns "$OUT" ping -c 1 -t 1 -W 5 192.0.2.2
	[[ $output == *"From 198.51.100.1 "*"Time to live exceeded"* ]]
	run -1 in_ns "$OUT" ping -c 1 -t 1 -W 5 2001:db8:52::2
	[[ $output == *"From 2001:db8:51::1 "*"Hop limit"* ]]
	in_ns "$OUT" ping -c 1 -t 2 -W 5 192.0.2.2
	ip -n "$H" link set up1 mtu 1300
	ip -n "$ASIDE" link set eth0 mtu 1300
	run -1 in_ns "$OUT" ping -c 1 -M "do" -s 1400 -W 5 192.0.2.2
	[[ $output == *"From 198.51.100.1 "*"mtu = 1300"* ]]
	run in_ns "$OUT" ping -c 1 -M "do" -s 1400 -W 5 2001:db8:52::2
	[[ $output == *"From 2001:db8:51::1 "*"mtu=1300"* ]]
	ip -n "$OUT" route flush cache
	in_ns "$OUT" ping -c 1 -M dont -s 1400 -W 5 192.0.2.2
}

@test "a neighbour is found where none is known, and asked again in time, though no rule lets the host do it" {
	needs_netdev
	up --xdp-forward yes
	firewall
	ip -n "$H" neigh flush dev up1
	pings
	mac=$(mac "$ASIDE")
	ip -n "$H" neigh replace 192.0.2.2 lladdr "$mac" dev up1 nud stale
	asked() {
		in_ns "$OUT" ping -c 1 -W 5 192.0.2.2 &&
			! ip -n "$H" neigh show 192.0.2.2 dev up1 | grep -q STALE
	}
	until_ok 10 asked
	[ "$(seen dropped)" = 0 ]
}

@test "a route that changes is followed at once" {
	needs_netdev
	up --xdp-forward yes
	pings
	ip -n "$H" route add blackhole 192.0.2.2/32
	run ! in_ns "$OUT" ping -c 1 -W 0.5 192.0.2.2
	ip -n "$H" route del blackhole 192.0.2.2/32
	pings
}

@test "who claims to be the host, a container, or elsewhere is not sent on by XDP" {
	needs_netdev
	up --xdp-forward yes
	pings
	before=$(frames up0)
	in_ns "$OUT" "$PYTHON" - <<-'END'
		from scapy.all import Ether, IP, UDP, sendp, getmacbyip
		mac = getmacbyip("198.51.100.1")
		sendp([Ether(dst=mac) / IP(src=src, dst="192.0.2.2") / UDP(sport=5, dport=9)
		       for src in ("198.51.100.1", "10.77.0.2", "10.78.0.2", "192.0.2.7", "127.0.0.1", "224.0.0.5", "169.254.0.9")],
		      iface="eth0", verbose=False)
	END
	in_ns "$OUT" ping -c 1 -W 5 192.0.2.2
	[ $(($(frames up0) - before)) -le 1 ]
}

@test "containers, what they publish, and the host itself are as without" {
	needs_netdev
	up --xdp-forward yes
	nsf publish add t0 8080:a:80
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10 2001:db8:ff::10
	serve a 80 "$PYTHON" -m http.server 80
	for address in 203.0.113.10 2001:db8:ff::10; do
		in_ns a ping -c 3 -i 0.1 -W 5 "$address"
		in_ns a ping -c 1 -s 3000 -W 5 "$address"
		in_ns "$H" ping -c 1 -W 5 "$address"
	done
	in_ns b ping -c 3 -i 0.1 -W 5 192.0.2.2
	in_ns b ping -c 3 -i 0.1 -W 5 2001:db8:52::2
	in_ns "$OUT" curl -sSf -m "$TRANSFER" http://198.51.100.1:8080/ -o /dev/null
	in_ns "$OUT" ping -c 1 -W 5 198.51.100.1
	in_ns "$OUT" ping -c 1 -W 5 192.0.2.1
	run ! in_ns "$OUT" ping -c 1 -W 0.5 10.77.0.2
	[ "$(nsf -j drops)" = "[]" ]
}

@test "without XDP it is refused, and XDP does not go while it is asked for" {
	needs_netdev
	run -1 nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --uplink up0 --xdp-forward yes
	[[ $output == *"t0: XdpForward=yes needs XDP at the uplink"*"hint: --xdp auto, or --xdp-forward no"* ]]
	run -3 nsf show t0
	up
	nsf up t0 --xdp-forward yes
	run -1 nsf up t0 --xdp off
	forwards t0 true true
	nsf up t0 --xdp off --xdp-forward no
	forwards t0 false false
	printf '[Network]\nXdp=off\nXdpForward=yes\n' >"$ROOM/conf"
	run -1 nsf up t0 -f "$ROOM/conf"
	forwards t0 false false
}

@test "an uplink whose other end takes no frames: native is refused, auto says so and does without" {
	needs_netdev
	in_ns "$ASIDE" ethtool -K eth0 gro off
	nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --uplink up0 --xdp native --xdp-forward yes
	run -5 nsf up t1 --mode bpf --subnet 10.78.0.1/24 --ns b --uplink up1 --xdp native --xdp-forward yes
	[[ $output == *"t1: 'up1' forwards no frames: its other end does not poll"*"hint: --xdp auto"* ]]
	run -3 nsf show t1
	run -0 nsf up t1 --mode bpf --subnet 10.78.0.1/24 --ns b --uplink up1 --xdp auto --xdp-forward yes
	[[ $output == *"t1: 'up1' forwards no frames: "*"the host's own way does it"* ]]
	forwards t1 true false
	pings
	run -5 nsf up t1 --xdp native
	nsf up t1 --xdp-forward no
	nsf up t1 --xdp native
	run -5 nsf up t1 --xdp-forward yes
	forwards t1 false false
	pings
	in_ns "$ASIDE" ethtool -K eth0 gro on
	nsf up t1 --xdp-forward yes
	forwards t1 true true
	pings
}

@test "of two networks on an uplink one is enough to ask, and the last one takes it away" {
	needs_netdev
	up --xdp-forward yes
	nsf up t2 --mode bpf --subnet 10.79.0.1/24 --ns c --uplink up1 --xdp off
	firewall
	pings
	nsf down t1
	run ! in_ns "$OUT" ping -c 1 -W 0.5 192.0.2.2
	nsf up t2 --xdp native --xdp-forward yes
	pings
}

@test "mode netfilter has none: auto comes back with bpf, native stays where it is" {
	needs_netdev
	up --xdp-forward yes
	nsf up t0 --xdp auto
	run -1 nsf mode t1 netfilter
	forwards t1 true true
	nsf mode t0 netfilter
	forwards t0 true false
	pings
	nsf mode t0 bpf
	forwards t0 true true
	firewall
	pings
}

@test "doctor names the firewall that is passed by, a host that is no router, and an end that takes no frames any more" {
	needs_netdev
	up --xdp-forward yes
	found() { nsf -j doctor | jq -re --arg ok "$1" '.[] | select(.check == "t1 XDP forward" and (.ok | tostring) == $ok).found'; }
	[ "$(found true)" = "by 'up1', no rule of the host sees it" ]
	firewall
	found true | grep "passes the firewall's chain 'inet other forward' by"
	in_ns "$H" sysctl -qw net.ipv4.conf.up1.forwarding=0
	found false | grep "no router: no IPv4 packet passes through 'up1'"
	in_ns "$H" bash -c "$(nsf -j doctor | jq -r '.[] | select(.check == "t1 XDP forward" and (.ok | not)).cure')"
	pings
	in_ns "$ASIDE" ethtool -K eth0 gro off
	found false | grep "'up1' takes no frames any more"
	[ "$(nsf -j doctor | jq -r '.[] | select(.check == "t1 XDP forward").cure')" = "nsfast up t1 --xdp-forward no" ]
	nsf up t1 --xdp-forward no
	in_ns "$H" nft delete table inet other
	pings
}
