#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# ICMP errors: those that the gateway makes, and those that come back from outside and find the right container.
#
#   a  eth0 10.77.0.2/24 ──┐            host
#                          ├── t0 10.77.0.1/24   up0 198.51.100.1/24 ── outside ── to-far ── far  eth0 192.0.2.2/24
#   b  eth0 10.77.0.3/24 ──┘                                       203.0.113.10   MTU 1280
load lib

setup() {
	host_up
	# answer every wrong packet, however many come
	in_ns "$OUT" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0
}
teardown() { host_down; }

# Outside becomes a router; the network behind it has a smaller MTU.
far_up() {
	ip netns add far
	ip -n "$OUT" link add to-far mtu 1280 type veth peer name eth0 mtu 1280 netns far
	ip -n "$OUT" addr add 192.0.2.1/24 dev to-far
	ip -n "$OUT" link set to-far up
	ip -n far addr add 192.0.2.2/24 dev eth0
	ip -n far link set lo up
	ip -n far link set eth0 up
	# far promises to take more than the way there can carry
	ip -n far route add default via 192.0.2.1 advmss 1460
	in_ns "$OUT" sysctl -qw net.ipv4.ip_forward=1
	in_ns far sysctl -qw net.ipv4.icmp_ratelimit=0
}

# hops NS ADDRESS OPTION...: the addresses that traceroute finds, on one line
hops() {
	in_ns "$1" traceroute -n -q 1 -w 2 -m 5 "${@:3}" "$2" | awk 'NR > 1 { printf "%s ", $2 }'
}

# transfers NS ADDRESS: 2 MB up and down in whole, compared
transfers() {
	in_ns "$1" curl -sf --max-time "$TRANSFER" -T "$ROOM/page" "http://$2/back"
	cmp "$ROOM/page" "$ROOM/back"
	in_ns "$1" curl -sf --max-time "$TRANSFER" -o "$ROOM/got" "http://$2/page"
	cmp "$ROOM/page" "$ROOM/got"
	rm "$ROOM/back" "$ROOM/got"
}

web() {
	head -c 2M /dev/urandom >"$ROOM/page"
	serve "$1" 80 "$PYTHON" "$BATS_TEST_DIRNAME/web.py" "$ROOM" 80
}

# asks NS ADDRESS tcp|udp: what a socket hears that connects, and by UDP sends, to a port where nobody is
asks() {
	in_ns "$1" "$PYTHON" -c '
import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[2] == "udp" else socket.SOCK_STREAM
s = socket.socket(socket.AF_INET, kind)
s.setsockopt(socket.SOL_IP, 11, 1) # IP_RECVERR: of errors that may pass, too
s.settimeout(3)
try:
    s.connect((sys.argv[1], 9))
    s.send(b"word")
    s.recv(100)
except OSError as e:
    print(type(e).__name__, e.errno)
' "$2" "$3"
}

@test "traceroute by UDP, TCP and ICMP shows the gateway as first hop, then the far address" {
	for way in -U -T -I; do
		[ "$(hops a 203.0.113.10 "$way")" = "10.77.0.1 203.0.113.10 " ]
		[ "$(hops b 198.51.100.2 "$way")" = "10.77.0.1 198.51.100.2 " ]
	done
}

@test "traceroute shows a router outside: its error finds the container that asked" {
	far_up
	for way in -U -T -I; do
		[ "$(hops a 192.0.2.2 "$way")" = "10.77.0.1 198.51.100.2 192.0.2.2 " ]
		[ "$(hops b 192.0.2.2 "$way")" = "10.77.0.1 198.51.100.2 192.0.2.2 " ]
	done
}

@test "traceroute to another container and to the gateway is one hop" {
	for way in -U -T -I; do
		[ "$(hops a 10.77.0.3 "$way")" = "10.77.0.3 " ]
		[ "$(hops a 10.77.0.1 "$way")" = "10.77.0.1 " ]
	done
}

@test "time exceeded carries the packet as its sender sent it, with right checksums, and is counted" {
	capture a eth0 'icmp[icmptype] == 11' "$ROOM/ttl.pcap"
	run ! in_ns a ping -c 1 -W 1 -t 1 -s 600 203.0.113.10
	[[ $output == *"From 10.77.0.1 icmp_seq=1 Time to live exceeded"* ]]
	capture_stop
	run captured "$ROOM/ttl.pcap" -vv
	[[ $output == *"10.77.0.1 > 10.77.0.2: ICMP time exceeded in-transit"*"10.77.0.2 > 203.0.113.10: ICMP echo request"* ]]
	[[ $output != *bad* ]]
	[[ $output != *wrong* ]]
	[ "$(mode)" != bpf ] || # Linux counts it elsewhere
		nsf -j drops t0 | jq -e '.[] | select(.reason == "TTL") | .packets == 1'
}

@test "an uplink with a smaller MTU: the gateway asks for smaller packets, and TCP gets through" {
	web "$OUT"
	ip -n "$H" link set up0 mtu 1400
	run ! in_ns a ping -c 1 -W 1 -M "do" -s 1472 203.0.113.10
	[[ $output == *"From 10.77.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)"* ]]
	run -0 ip -n a route get 203.0.113.10
	[[ $output == *"mtu 1400"* ]]
	in_ns a ping -c 1 -W 1 -M "do" -s 1372 203.0.113.10
	[ "$(mode)" != bpf ] || # Linux counts it elsewhere
		nsf -j drops t0 | jq -e '.[] | select(.reason == "TOO_BIG") | .packets == 1'
	transfers b 203.0.113.10
	in_ns a ping -c 1 -W 1 -M "do" -s 1472 10.77.0.3
}

@test "a route with a smaller, locked MTU: the same" {
	web "$OUT"
	ip -n "$H" route add 203.0.113.10 via 198.51.100.2 mtu lock 1300
	# the next hop's neighbour entry is known, as it is to the host most of the time
	in_ns "$H" ping -c 1 -W 1 203.0.113.10
	run ! in_ns a ping -c 1 -W 1 -M "do" -s 1472 203.0.113.10
	[[ $output == *"From 10.77.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1300)"* ]]
	transfers b 203.0.113.10
}

@test "a smaller MTU behind a router outside: its error reaches the container, and TCP gets through" {
	far_up
	web far
	run ! in_ns a ping -c 1 -W 1 -M "do" -s 1472 192.0.2.2
	[[ $output == *"From 198.51.100.2 icmp_seq=1 Frag needed and DF set (mtu = 1280)"* ]]
	run -0 ip -n a route get 192.0.2.2
	[[ $output == *"mtu 1280"* ]]
	run -0 ip -n "$H" route get 192.0.2.2
	[[ $output != *"mtu 1280"* ]]
	transfers b 192.0.2.2
	run -0 ip -n b route get 192.0.2.2
	[[ $output == *"mtu 1280"* ]]
}

@test "path MTU is discovered hop by hop by UDP too" {
	far_up
	run -0 in_ns a traceroute -n --mtu -q 1 -w 2 -m 5 192.0.2.2
	[[ $output == *"10.77.0.1 "*"F=1500"*"192.0.2.2 "*"F=1280"* ]]
}

@test "nobody at a port outside: the container's UDP and TCP sockets hear that they are refused" {
	for ns in a b; do
		for protocol in udp tcp; do
			[ "$(asks "$ns" 203.0.113.10 "$protocol")" = "ConnectionRefusedError 111" ]
		done
	done
}

# hears NS ADDRESS ERROR: a ping's answer
hears() {
	in_ns "$1" ping -c 1 -W 1 "$2" | grep -F "$3"
}

@test "no host behind a router outside: the container's sockets hear that too" {
	far_up
	ip -n "$OUT" route add unreachable 192.0.2.128/25
	ip -n "$OUT" route add prohibit 192.0.2.64/26
	for protocol in udp tcp; do
		[ "$(asks a 192.0.2.200 "$protocol")" = "OSError 113" ]
	done
	# the router says it once a second
	until_ok 5 hears a 192.0.2.200 "From 198.51.100.2 icmp_seq=1 Destination Host Unreachable"
	until_ok 5 hears a 192.0.2.70 "From 198.51.100.2 icmp_seq=1 Packet filtered"
}

@test "an error from outside has right checksums, inside and outside, and the container's own address in it" {
	# with offload the sum that is quoted was never finished
	in_ns a ethtool -K eth0 tx off >/dev/null
	capture a eth0 'icmp[icmptype] == 3' "$ROOM/error.pcap"
	asks a 203.0.113.10 udp
	capture_stop
	run captured "$ROOM/error.pcap" -vv
	[[ $output == *"203.0.113.10 > 10.77.0.2: ICMP 203.0.113.10 udp port 9 unreachable"* ]]
	[[ $output == *"10.77.0.2."*" > 203.0.113.10.9: "*"udp sum ok"* ]]
	[[ $output != *bad* ]]
	[[ $output != *wrong* ]]
}

@test "the host's own errors stay the host's: its sockets and traceroute work beside" {
	[ "$(asks "$H" 203.0.113.10 udp)" = "ConnectionRefusedError 111" ]
	[ "$(asks a 203.0.113.10 udp)" = "ConnectionRefusedError 111" ]
	far_up
	[ "$(hops "$H" 192.0.2.2 -U)" = "198.51.100.2 192.0.2.2 " ]
	[ "$(hops a 192.0.2.2 -U)" = "10.77.0.1 198.51.100.2 192.0.2.2 " ]
}

@test "what a container says of a packet that came to it as it was sent reaches the sender: the host, a routed or exempt peer" {
	local policy
	in_ns a sysctl -qw net.ipv4.icmp_ratelimit=0
	[ "$(asks "$H" 10.77.0.2 udp)" = "ConnectionRefusedError 111" ]
	[ "$(hops "$H" 10.77.0.2 -U)" = "10.77.0.2 " ]
	ip -n "$OUT" route add 10.77.0.0/24 via 198.51.100.1
	nsf publish add t0 8080:a:80
	for policy in "--snat none" "--snat auto --snat-except 198.51.100.0/24"; do
		# shellcheck disable=SC2086 # words
		nsf up t0 $policy
		[ "$(asks "$OUT" 10.77.0.2 udp)" = "ConnectionRefusedError 111" ]
		[ "$(asks "$H" 10.77.0.2 udp)" = "ConnectionRefusedError 111" ]
		[[ $(hops "$OUT" 10.77.0.2 -U) =~ ^(10.77.0.1|198.51.100.1)" 10.77.0.2 "$ ]]
	done
}

@test "routes of the host that refuse say so to the container" {
	ip -n "$H" route add unreachable 192.0.2.0/25
	ip -n "$H" route add prohibit 192.0.2.128/25
	ip -n "$H" route add blackhole 203.0.113.128/25
	run ! in_ns a ping -c 1 -W 1 192.0.2.1
	[[ $output == *"From 10.77.0.1 icmp_seq=1 Destination Host Unreachable"* ]]
	run ! in_ns a ping -c 1 -W 1 192.0.2.129
	[[ $output == *"From 10.77.0.1 icmp_seq=1 Packet filtered"* ]]
	run ! in_ns a ping -c 1 -W 1 203.0.113.129
	[[ $output == *"100% packet loss"* ]]
	[[ $output != *From* ]]
	[ "$(mode)" = bpf ] || return 0 # Linux counts them elsewhere
	run -0 nsf -j drops t0
	[ "$(jq -c '[.[] | select(.packets == 1) | .reason] | sort' <<<"$output")" = \
		'["BLACKHOLE","PROHIBITED","UNREACHABLE"]' ]
}
