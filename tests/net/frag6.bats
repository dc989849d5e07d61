#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Fragments of IPv6, as frag.bats shows it for IPv4, and fragments to what is published, of both.
#
#   a fd00:77::2, b fd00:77::3 ── t0 ── host ($H) up0 2001:db8:51::1 ── outside ($OUT) 2001:db8:51::2, ff::10
load lib

FRAG=tests/packets/frag.py
INNER_A=fd00:77::2
INNER_B=fd00:77::3
EXT=2001:db8:51::1
PEER=2001:db8:ff::10

setup_file() {
	host_up
	ip -n "$H" addr add $EXT/64 dev up0 nodad
	ip -n "$OUT" addr add 2001:db8:51::2/64 dev eth0 nodad
	ip -n "$OUT" addr add $PEER/128 dev lo nodad
	ip -n "$H" -6 route add default via 2001:db8:51::2
	until_ok 5 in_ns "$H" ping -c 1 -W 1 $PEER
	sink "$OUT" 7 "$ROOM/outside" echo 7 $PEER 203.0.113.10
	export OUTSIDE=$ROOM/outside
}
teardown_file() { host_down; }

setup() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --subnet fd00:77::1/64 --ns a --ns b --uplink up0 --snat 198.51.100.1
}
teardown() {
	nsf down --all
}

# sink NS PORT FILE ARGUMENT...: frag.py with its lines in FILE, ready when it returns
sink() {
	local ns=$1 port=$2 file=$3
	shift 3
	start nsenter --net="/run/netns/$ns" -- "$PYTHON" "$FRAG" "$@" >"$file"
	until_ok 5 listens "$ns" "$port" udp
}

# sent NS ARGUMENT...: frag.py send; "LENGTH DIGEST" of what was sent
sent() {
	local ns=$1
	shift
	in_ns "$ns" "$PYTHON" "$FRAG" send "$@"
}

# came FILE LINE: for until_ok
came() {
	grep -qxF "$2" "$1"
}


@test "a ping of several fragments goes out and its answer comes back, from both containers at once" {
	start nsenter --net=/run/netns/b -- ping -c 20 -i 0.05 -W 1 -s 4000 $PEER
	local b=$STARTED
	in_ns a ping -c 20 -i 0.05 -W 1 -s 4000 $PEER
	wait "$b" || gone "$b"
	in_ns b ping -c 3 -i 0.05 -W 1 -s 65000 $PEER
	[ "$(nsf -j drops | jq length)" = 0 ]
}

@test "UDP of 8000 bytes both ways, its source translated, the hop limit one less" {
	capture "$OUT" eth0 'ip6 and not icmp6' "$ROOM/hops.pcap"
	for size in 1453 2900 8000 60000; do
		[ "$(in_ns a "$PYTHON" "$FRAG" ask 5000 $PEER 7 $size)" = $size ]
	done
	capture_stop
	grep "^$EXT 5000 8000 " "$OUTSIDE"
	[ "$(captured "$ROOM/hops.pcap" -v "src $EXT" | grep -o 'hlim [0-9]*' | sort -u)" = "hlim 63" ]
	[ -z "$(captured "$ROOM/hops.pcap" 'net fd00:77::/64')" ]
	run -0 nsf -j flows
	[ "$(jq length <<<"$output")" = 1 ]
}

@test "4787-14: a datagram leaves whole whatever the order of its fragments" {
	local how what
	for how in order reversed shuffled; do
		what=$(sent a $INNER_A 5001 $PEER 7 $how 8000 $((RANDOM + 1)))
		until_ok 5 came "$OUTSIDE" "$EXT 5001 $what"
	done
}

@test "4787-14: a datagram comes in whole whatever the order of its fragments" {
	local how what
	sink a 5002 "$ROOM/inside" open 5002 $PEER 7
	until_ok 5 grep "^$PEER 7 1 " "$ROOM/inside"
	for how in order reversed shuffled; do
		what=$(sent "$OUT" $PEER 7 $EXT 5002 $how 8000 $((RANDOM + 1)))
		until_ok 5 came "$ROOM/inside" "$PEER 7 $what"
	done
	[ "$(dropped FRAGMENT_LOST)" = 0 ]
}

@test "7857-11: two containers with the same identification at the same time: two whole datagrams" {
	local what
	what=$("$PYTHON" "$FRAG" mix $PEER 7 8000 777 a $INNER_A 5003 b $INNER_B 5004)
	until_ok 5 came "$OUTSIDE" "$EXT 5003 $what"
	until_ok 5 came "$OUTSIDE" "$EXT 5004 $what"
}

@test "without its first fragment, with an overlap, or with a first one without ports, nothing of it leaves" {
	local what
	capture "$OUT" eth0 "src net fd00:77::/64 or src $EXT" "$ROOM/none.pcap"
	sent a $INNER_A 5005 $PEER 7 nofirst 8000 1001
	sent a $INNER_A 5005 $PEER 7 nolast 8000 1002
	sent a $INNER_A 5005 $PEER 7 overlap 8000 1003
	sent a $INNER_A 5005 $PEER 7 tcptiny 100 1004
	what=$(sent a $INNER_A 5006 $PEER 7 tiny 100 1005)
	until_ok 5 came "$OUTSIDE" "$EXT 5006 $what"
	capture_stop
	[ -z "$(captured "$ROOM/none.pcap" 'src net fd00:77::/64')" ]
	run ! grep "^$EXT 5005" "$OUTSIDE"
	[ "$(mode)" = netfilter ] || [ "$(dropped SHORT_L4)" = 1 ]
}

@test "4787-14a: who floods with fragments loses his own, and nobody else anything" {
	only bpf "Linux has one room for all fragments"
	start nsenter --net=/run/netns/a -- "$PYTHON" "$FRAG" flood $INNER_A $PEER 4
	local flood=$STARTED
	until_ok 5 test_dropped FRAGMENT_QUOTA
	in_ns b ping -c 40 -i 0.05 -W 1 -s 4000 $PEER >"$ROOM/b"
	in_ns b ping -c 40 -i 0.05 -W 1 -s 4000 203.0.113.10 >"$ROOM/b4"
	in_ns a ping -c 5 -i 0.05 -W 1 $PEER >"$ROOM/a" # not fragmented
	grep -q ' 0% packet loss' "$ROOM/b"
	grep -q ' 0% packet loss' "$ROOM/b4"
	grep -q ' 0% packet loss' "$ROOM/a"
	until_ok 10 gone "$flood"
	until_ok 25 in_ns a ping -c 1 -W 1 -s 4000 $PEER
}

test_dropped() {
	[ "$(dropped "$1")" -gt 0 ]
}

@test "4787-14a: a flood from outside leaves the containers' own fragments and the host's at work" {
	only bpf "Linux has one room for all fragments"
	start nsenter --net="/run/netns/$OUT" -- "$PYTHON" "$FRAG" flood 2001:db8:51::66 $EXT 3
	in_ns a ping -c 20 -i 0.05 -W 1 -s 4000 $PEER
	in_ns "$H" ping -c 20 -i 0.05 -W 1 -s 4000 $PEER
	stop "$STARTED"
}

@test "the host's own fragments come to it whole" {
	in_ns "$OUT" ping -c 3 -i 0.05 -W 1 -s 4000 $EXT
	in_ns "$OUT" ping -c 3 -i 0.05 -W 1 -s 60000 $EXT
	in_ns "$H" ping -c 3 -i 0.05 -W 1 -s 4000 $PEER
}

@test "a source inside, from outside, is not let into anybody's packet" {
	sent "$OUT" $INNER_A 7 $EXT 5000 order 4000 5
	until_ok 5 test_dropped MARTIAN_SRC
}

@test "what is too long for the way out is told, with the MTU that fits" {
	nsf up t0 --mtu 9000
	run in_ns a ping -c 1 -W 1 -s 4000 -M "do" $PEER
	[[ $output == *"mtu = 1500"* || $output == *"mtu=1500"* || $output == *"mtu: 1500"* ]]
	in_ns a ping -c 3 -i 0.05 -W 1 -s 4000 $PEER # its own stack cuts it now
	[ "$(in_ns a "$PYTHON" "$FRAG" ask 5007 $PEER 7 30000)" = 30000 ]
}

@test "behind a learning port fragments find their way too" {
	local what
	ip netns add v
	in_ns v sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n "$H" link add to-v type veth peer name eth0 netns v
	ip -n v link set eth0 up
	ip -n v addr add fd00:77::40/64 dev eth0 nodad
	ip -n v -6 route add default via fd00:77::1
	nsf add t0 v --dev to-v
	in_ns v ping -c 3 -i 0.05 -W 1 -s 4000 $PEER
	what=$(sent v fd00:77::40 5008 $PEER 7 reversed 8000 9)
	until_ok 5 came "$OUTSIDE" "$EXT 5008 $what"
	sent v fd00:99::40 5008 $PEER 7 order 8000 9
	[ "$(dropped SPOOF_IP6)" = "$([ "$(mode)" = bpf ] && echo 6 || echo 1)" ] # Linux puts them together first
	nsf down t0
	ip netns del v
}

# echoed NS SPORT ADDRESS PORT: 8000 bytes come back
echoed() {
	[ "$(in_ns "$1" "$PYTHON" "$FRAG" ask "$2" "$3" "$4" 8000)" = 8000 ]
}

@test "what is published is reached in fragments: from outside, from another container, from itself and from the host" {
	local port=5010
	sink a 80 "$ROOM/a" echo 80 10.77.0.2 $INNER_A
	nsf publish add t0 8080:a:80/udp
	for address in 198.51.100.1 $EXT 198.51.100.77 10.77.0.1 fd00:77::1; do
		[[ $address == *77.0.1 || $address == fd00* ]] || echoed "$OUT" $port "$address" 8080
		echoed b $((port + 1)) "$address" 8080
		echoed a $((port + 2)) "$address" 8080
		[[ $address == 198.51.100.1 ]] || port=$((port + 10))
	done
	grep -q "^198.51.100.2 5010 8000 " "$ROOM/a"
	grep -q "^2001:db8:51::2 5010 8000 " "$ROOM/a"
	# while nothing else at these addresses changes
	in_ns b ping -c 3 -i 0.05 -W 1 -s 4000 10.77.0.1
	in_ns b ping -c 3 -i 0.05 -W 1 -s 4000 fd00:77::1
	in_ns "$OUT" ping -c 3 -i 0.05 -W 1 -s 4000 198.51.100.77
	in_ns "$H" ping -c 3 -i 0.05 -W 1 -s 4000 10.77.0.2
}
