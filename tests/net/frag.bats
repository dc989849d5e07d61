#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Fragments: translated whole, in any order, both ways, or not at all; who floods with them harms only himself.
#
#   a 10.77.0.2, b 10.77.0.3 ── t0 ── host ($H) up0 198.51.100.1 ── outside ($OUT) 203.0.113.10
load lib

FRAG=tests/packets/frag.py

setup_file() {
	host_up
	snapshot "$H" >"$ROOM/before"
	sink "$OUT" 7 "$ROOM/outside" echo 7 203.0.113.10
	export OUTSIDE=$ROOM/outside
}
teardown_file() { host_down; }

setup() {
	up
}
teardown() {
	nsf down --all
}

up() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1 "$@"
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

# helper COMMAND...: in the host's defragmenter
helper() {
	nsenter --net="$(echo /run/nsfast/frag-*)" -- "$@"
}

# ids FILE FILTER: the identifications in a capture, each once
ids() {
	captured "$1" -v "$2" | grep -o ' id [0-9]*' | sort -u
}

@test "a ping of several fragments goes out and its answer comes back, from both containers at once" {
	start nsenter --net=/run/netns/b -- ping -c 20 -i 0.05 -W 1 -s 4000 203.0.113.10
	local b=$STARTED
	in_ns a ping -c 20 -i 0.05 -W 1 -s 4000 203.0.113.10
	wait "$b" || gone "$b"
	in_ns b ping -c 3 -i 0.05 -W 1 -s 65000 203.0.113.10
	[ "$(nsf -j drops | jq length)" = 0 ]
}

@test "UDP of 8000 bytes both ways, its source translated; TTL goes down by one in every fragment" {
	capture "$OUT" eth0 'udp or ip[6:2] & 0x1fff != 0' "$ROOM/ttl.pcap"
	for size in 1473 2952 8000 65000; do
		[ "$(in_ns a "$PYTHON" "$FRAG" ask 5000 203.0.113.10 7 $size)" = $size ]
	done
	capture_stop
	grep "^198.51.100.1 5000 8000 " "$OUTSIDE"
	[ "$(captured "$ROOM/ttl.pcap" -v 'src 198.51.100.1' | grep -o 'ttl [0-9]*' | sort -u)" = "ttl 63" ]
	[ -z "$(captured "$ROOM/ttl.pcap" 'net 10.77.0.0/24')" ]
	run -0 nsf -j flows
	[ "$(jq length <<<"$output")" = 1 ]
}

@test "4787-14: a datagram leaves whole whatever the order of its fragments" {
	local how what
	for how in order reversed shuffled; do
		what=$(sent a 10.77.0.2 5001 203.0.113.10 7 $how 8000 $((RANDOM + 1)))
		until_ok 5 came "$OUTSIDE" "198.51.100.1 5001 $what"
	done
}

@test "4787-14: a datagram comes in whole whatever the order of its fragments" {
	local how what
	sink a 5002 "$ROOM/inside" open 5002 203.0.113.10 7
	until_ok 5 grep '^203.0.113.10 7 1 ' "$ROOM/inside"
	for how in order reversed shuffled; do
		what=$(sent "$OUT" 203.0.113.10 7 198.51.100.1 5002 $how 8000 $((RANDOM + 1)))
		until_ok 5 came "$ROOM/inside" "203.0.113.10 7 $what"
	done
	[ "$(dropped FRAGMENT_LOST)" = 0 ]
}

@test "7857-11: two containers with the same identification at the same time: two whole datagrams, two identifications" {
	local what
	capture "$OUT" eth0 'src 198.51.100.1' "$ROOM/ids.pcap"
	what=$("$PYTHON" "$FRAG" mix 203.0.113.10 7 8000 777 a 10.77.0.2 5003 b 10.77.0.3 5004)
	until_ok 5 came "$OUTSIDE" "198.51.100.1 5003 $what"
	until_ok 5 came "$OUTSIDE" "198.51.100.1 5004 $what"
	capture_stop
	only bpf "Linux keeps the identification"
	[ "$(ids "$ROOM/ids.pcap" 'ip[6:2] & 0x3fff != 0 and not src port 7' | wc -l)" = 2 ]
}

@test "without its first fragment, with an overlap, or with a first one without ports, nothing of it leaves" {
	capture "$OUT" eth0 'src net 10.77.0.0/24 or src 198.51.100.1' "$ROOM/none.pcap"
	sent a 10.77.0.2 5005 203.0.113.10 7 nofirst 8000 1001
	sent a 10.77.0.2 5005 203.0.113.10 7 nolast 8000 1002
	sent a 10.77.0.2 5005 203.0.113.10 7 overlap 8000 1003
	sent a 10.77.0.2 5005 203.0.113.10 7 tcptiny 100 1004
	what=$(sent a 10.77.0.2 5006 203.0.113.10 7 tiny 100 1005) # UDP's whole header, and nothing else
	until_ok 5 came "$OUTSIDE" "198.51.100.1 5006 $what"
	capture_stop
	[ "$(captured "$ROOM/none.pcap" 'src net 10.77.0.0/24' | wc -l)" = 0 ]
	[ "$(ids "$ROOM/none.pcap" 'udp or ip[6:2] & 0x1fff != 0' | wc -l)" = 1 ]
	run ! grep '^198.51.100.1 5005' "$OUTSIDE"
	[ "$(mode)" = bpf ] || return 0 # Linux keeps the rest for 30 seconds
	[ "$(dropped SHORT_L4)" = 1 ]
	until_ok 10 forgotten
}

forgotten() {
	grep -qx 'FRAG: inuse 0 memory 0' <(helper cat /proc/net/sockstat)
}

@test "4787-14a: who floods with fragments loses his own, and nobody else anything" {
	only bpf "Linux has one room for all fragments"
	start nsenter --net=/run/netns/a -- "$PYTHON" "$FRAG" flood 10.77.0.2 203.0.113.10 4
	local flood=$STARTED
	until_ok 5 test_dropped FRAGMENT_QUOTA
	in_ns b ping -c 40 -i 0.05 -W 1 -s 4000 203.0.113.10 >"$ROOM/b"
	in_ns a ping -c 5 -i 0.05 -W 1 203.0.113.10 >"$ROOM/a" # not fragmented
	grep -q ' 0% packet loss' "$ROOM/b"
	grep -q ' 0% packet loss' "$ROOM/a"
	# shellcheck disable=SC2016 # of awk
	[ "$(helper awk '/^FRAG/ { print $5 }' /proc/net/sockstat)" -lt 1500000 ]
	until_ok 10 gone "$flood"
	# and what was his comes back when the windows are over
	until_ok 25 in_ns a ping -c 1 -W 1 -s 4000 203.0.113.10
}

test_dropped() {
	[ "$(dropped "$1")" -gt 0 ]
}

@test "4787-14a: a flood from outside leaves the containers' own fragments and the host's at work" {
	only bpf "Linux has one room for all fragments"
	start nsenter --net="/run/netns/$OUT" -- "$PYTHON" "$FRAG" flood 203.0.113.66 198.51.100.1 3
	in_ns a ping -c 20 -i 0.05 -W 1 -s 4000 203.0.113.10
	in_ns "$H" ping -c 20 -i 0.05 -W 1 -s 4000 203.0.113.10
	stop "$STARTED"
}

@test "MTU 9000 inside and 1500 outside: UDP without DF arrives, with DF its sender is told" {
	nsf down t0
	up --mtu 9000
	[ "$(mode)" = netfilter ] || [ "$(ip -n "$H" -j link show nsf-fragments | jq '.[].mtu')" = 1500 ]
	[ "$(in_ns a "$PYTHON" "$FRAG" ask 5007 203.0.113.10 7 8000)" = 8000 ]
	[ "$(in_ns a "$PYTHON" "$FRAG" ask 5007 203.0.113.10 7 30000)" = 30000 ]
	run in_ns a ping -c 1 -W 1 -M "do" -s 4000 203.0.113.10
	[[ $output == *"mtu = 1500"* || $output == *"mtu=1500"* ]]
	in_ns a ping -c 3 -i 0.05 -W 1 -M dont -s 4000 203.0.113.10
}

@test "the host's own fragments come to it whole, as those of no flow do" {
	in_ns "$OUT" ping -c 3 -i 0.05 -W 1 -s 4000 198.51.100.1
	in_ns "$OUT" ping -c 3 -i 0.05 -W 1 -s 65000 198.51.100.1
	in_ns "$OUT" ping -c 3 -i 0.05 -W 1 -s 4000 198.51.100.77 # no SNAT address: not looked at
	in_ns "$OUT" ping -c 1 -t 1 -W 1 -s 4000 198.51.100.1
	in_ns "$H" ping -c 3 -i 0.05 -W 1 -s 4000 203.0.113.10
}

@test "TTL 1: time exceeded from the gateway, for the first fragment alone" {
	run in_ns a ping -c 1 -t 1 -W 1 -s 4000 203.0.113.10
	[[ $output == *"From 10.77.0.1"*"Time to live exceeded"* ]]
	[ "$(mode)" = netfilter ] || [ "$(dropped TTL)" -ge 3 ]
}

@test "a source inside, from outside, is not let into anybody's packet" {
	sent "$OUT" 10.77.0.2 7 198.51.100.1 5000 order 4000 5
	until_ok 5 test_dropped MARTIAN_SRC
}

@test "the defragmenter keeps no connections, and the host has no rule and no sysctl of it" {
	only bpf "Linux defragments by itself"
	in_ns a ping -c 3 -i 0.05 -W 1 -s 4000 203.0.113.10
	[ "$(helper cat /proc/sys/net/netfilter/nf_conntrack_count)" = 0 ]
	[ -z "$(in_ns "$H" nft list ruleset)" ]
	[ "$(helper sysctl -n net.ipv4.ipfrag_time)" = 4 ]
	[ "$(in_ns "$H" sysctl -n net.ipv4.ipfrag_time)" = 30 ]
}

@test "a network without an uplink has no defragmenter, two networks share one, the last takes it away" {
	nsf down t0
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --uplink none
	run ! ip -n "$H" link show nsf-fragments
	up
	nsf up t2 --mode "$(mode)" --subnet 10.79.0.1/24 --ns c --uplink up0 --snat 198.51.100.1
	in_ns a ping -c 1 -W 1 -s 4000 203.0.113.10
	in_ns c ping -c 1 -W 1 -s 4000 203.0.113.10
	nsf down t0
	in_ns c ping -c 1 -W 1 -s 4000 203.0.113.10
	nsf down t2
	run ! ip -n "$H" link show nsf-fragments
	nsf down t1
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

@test "without a defragmenter the network works, fragments are dropped by name, and up says so" {
	only bpf "Linux defragments by itself"
	nsf down t0
	ip -n "$H" link add nsf-fragments type veth peer name other
	run -0 --separate-stderr up
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *"fragments"*"dropped"* ]]
	in_ns a ping -c 1 -W 1 203.0.113.10
	run ! in_ns a ping -c 1 -W 1 -s 4000 203.0.113.10
	[ "$(dropped FRAGMENT)" = 3 ]
	in_ns a ping -c 1 -W 1 -s 4000 10.77.0.3
	in_ns a ping -c 1 -W 1 -s 4000 10.77.0.1
	nsf down t0
	ip -n "$H" link show nsf-fragments
	ip -n "$H" link del nsf-fragments
}

@test "a leg that somebody deleted is told of, and the same up makes it again" {
	only bpf "Linux defragments by itself"
	ip -n "$H" link del nsf-fragments
	[ "$(nsf -j show t0 | jq -r '.[].state')" = damaged ]
	up
	[ "$(nsf -j show t0 | jq -r '.[].state')" = up ]
	in_ns a ping -c 1 -W 1 -s 4000 203.0.113.10
	umount /run/nsfast/frag-*
	[ "$(nsf -j show t0 | jq -r '.[].state')" = damaged ]
	up
	in_ns a ping -c 1 -W 1 -s 4000 203.0.113.10
}

@test "behind a learning port fragments find their way too" {
	ip netns add v
	ip -n "$H" link add to-v type veth peer name eth0 netns v
	ip -n v link set eth0 up
	ip -n v addr add 10.77.0.40/24 dev eth0
	ip -n v route add default via 10.77.0.1
	nsf add t0 v --dev to-v
	in_ns v ping -c 3 -i 0.05 -W 1 -s 4000 203.0.113.10
	what=$(sent v 10.77.0.40 5008 203.0.113.10 7 reversed 8000 9)
	until_ok 5 came "$OUTSIDE" "198.51.100.1 5008 $what"
	sent v 10.99.0.40 5008 203.0.113.10 7 order 8000 9
	[ "$(dropped SPOOF_IP4)" = "$([ "$(mode)" = bpf ] && echo 6 || echo 1)" ] # Linux puts them together first
	nsf down t0
	ip netns del v
}
