#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Networks and hosts beside each other: names may be the same, nothing crosses.
#
#   a, b ── red  10.77.0.0/24 ──┐
#                               host ($H) up0 198.51.100.1/24 ── outside ($OUT) 203.0.113.10
#   c, d ── blue 10.78.0.0/24 ──┘
load lib

setup_file() {
	host_up
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10
	until_ok 5 listens "$OUT" 7 udp
}
teardown_file() { host_down; }

setup() {
	nsf up red --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1
	nsf up blue --mode "$(mode)" --subnet 10.78.0.1/24 --ns c --ns d --uplink up0 --snat 198.51.100.1
}
teardown() {
	nsf down --all
}

dropped() {
	nsf -j drops "$1" | jq "[.[] | select(.reason == \"$2\") | .packets] | add // 0"
}

ask() {
	in_ns "$1" "$PYTHON" tests/packets/mirror.py ask "$2" "$3" 203.0.113.10 7
}

@test "two networks of one host work beside each other and do not reach each other" {
	in_ns a ping -c 1 -W 1 10.77.0.3
	in_ns c ping -c 1 -W 1 10.78.0.3
	in_ns a ping -c 1 -W 1 203.0.113.10
	in_ns c ping -c 1 -W 1 203.0.113.10
	in_ns "$H" ping -c 1 -W 1 10.77.0.2
	in_ns "$H" ping -c 1 -W 1 10.78.0.2

	capture c eth0 'net 10.77.0.0/24' "$ROOM/crossed.pcap"
	run -1 in_ns a ping -c 3 -i 0.01 -W 0.3 10.78.0.2
	[[ $output == *"From 10.77.0.1"*"filtered"* ]] # who asks is told
	run ! in_ns a "$PYTHON" -c 'import socket; socket.create_connection(("10.78.0.2", 80), 1)'
	capture_stop
	[ -z "$(captured "$ROOM/crossed.pcap")" ]
	[ "$(dropped red OTHER_NET)" -ge 4 ]
	[ "$(dropped blue OTHER_NET)" = 0 ]
}

@test "they do not reach each other where the host forwards either" {
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
	run -1 in_ns a ping -c 1 -W 0.3 10.78.0.2
	run -1 in_ns c ping -c 1 -W 0.3 10.77.0.2
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=0
	[ "$(dropped red OTHER_NET)" = 1 ]
	[ "$(dropped blue OTHER_NET)" = 1 ]
}

@test "a frame that names the other network's MAC or gateway goes nowhere" {
	other=$(nsf -j show blue | jq -r '.[0].mac')
	target=$(mac c)
	capture c eth0 'net 10.77.0.0/24 or udp port 9' "$ROOM/frames.pcap"
	in_ns a "$PYTHON" - "$other" "$target" <<-'END'
		import sys
		from scapy.all import ARP, IP, UDP, Ether, sendp
		for mac in sys.argv[1:]:
		    for dst in "10.78.0.2", "10.77.0.3":
		        sendp(Ether(dst=mac) / IP(src="10.77.0.2", dst=dst) / UDP(sport=9, dport=9), iface="eth0", verbose=0)
		sendp(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.78.0.2"), iface="eth0", verbose=0)
	END
	capture_stop
	[ -z "$(captured "$ROOM/frames.pcap")" ]
}

@test "one SNAT address serves both: the same source port and destination get two external ports" {
	only bpf "Linux chooses another one after a clash each time"
	for protocol in udp tcp; do
		[ "$(ask a $protocol 6000)" = "198.51.100.1 6000" ]
		second=$(ask c $protocol 6000)
		[[ $second == "198.51.100.1 "* ]]
		[ "$second" != "198.51.100.1 6000" ]
		[ "$(ask a $protocol 6000)" = "198.51.100.1 6000" ]
		[ "$(ask c $protocol 6000)" = "$second" ]
	done
	[ "$(nsf -j flows red | jq length)" = 2 ]
	[ "$(nsf -j flows blue | jq length)" = 2 ]
}

answered_twice() {
	[ "$(wc -l <"$1")" = 2 ]
}

@test "when one goes, the other's connections stay" {
	mkfifo "$ROOM/c.in"
	# shellcheck disable=SC2154 # nothing is lib's
	nsenter --net=/run/netns/c -- "$PYTHON" tests/packets/mirror.py hold 9000 203.0.113.10 7 fin \
		<"$ROOM/c.in" >"$ROOM/c.out" {nothing}>&- 3>&- &
	exec {in}>"$ROOM/c.in"
	until_ok 5 grep -q . "$ROOM/c.out"
	nsf down red
	echo >&"$in"
	until_ok 5 answered_twice "$ROOM/c.out"
	exec {in}>&-
	wait $!
	run -3 nsf show red
	in_ns c ping -c 1 -W 1 10.78.0.3
}

@test "ports of both networks may have the same name, each with a namespace of its own" {
	nsf add red web --port-netns red-web
	nsf add blue web --port-netns blue-web
	in_ns red-web ping -c 1 -W 1 10.77.0.2
	in_ns blue-web ping -c 1 -W 1 10.78.0.2
	run -1 nsf exec web true
	[[ $output == *"more than one network"* ]]
	nsf del red web
	[ ! -e /run/netns/red-web ]
	nsf exec web ping -c 1 -W 1 10.78.0.2
}

@test "two hosts have networks, ports' addresses and subnets of the same names and numbers" {
	ip netns add other
	ip -n other link set lo up
	"$NSFAST" -n other up red --mode "$(mode)" --subnet 10.77.0.1/24 --ns other-a --ns other-b --uplink none
	in_ns other-a ping -c 1 -W 1 10.77.0.3
	in_ns a ping -c 1 -W 1 10.77.0.3
	in_ns other ping -c 1 -W 1 10.77.0.2
	[ "$("$NSFAST" -n other -j show | jq -c '[.[].name, .[].ports[].name]')" = '["red","other-a","other-b"]' ]
	[ "$(nsf -j show | jq -c '[.[].name]')" = '["red","blue"]' ]
	# what one host drops or learns is not in the other's tables
	ip -n other route add blackhole 192.0.2.0/24
	run ! in_ns other-a ping -c 1 -W 0.3 192.0.2.1
	[ "$(mode)" != bpf ] || # Linux does not count it
		[ "$("$NSFAST" -n other -j drops | jq -c '[.[] | [.network, .reason, .packets]]')" = '[["red","BLACKHOLE",1]]' ]
	[ "$(nsf -j drops | jq length)" = 0 ]
	"$NSFAST" -n other down red
	in_ns a ping -c 1 -W 1 10.77.0.3
	run ! ls /run/netns/other-a
	ip netns del other
}

@test "inside 'ip netns exec' the same state is seen, and a network made there stays" {
	seen='map([.name, .gateway, .mac, .snat, (.ports | map([.name, .dev, .mac]))])'
	same <(nsf -j show | jq "$seen") <(ip netns exec "$H" "$NSFAST" -j show | jq "$seen")
	same <(nsf -j fdb) <(ip netns exec "$H" "$NSFAST" -j fdb)
	ip netns exec "$H" "$NSFAST" down --all
	run -3 nsf show red
	run ! ls /run/nsfast
	run ! ls /run/netns/a
	ip netns exec "$H" "$NSFAST" up red --mode "$(mode)" --subnet 10.77.0.1/24
	nsf add red e
	in_ns e ping -c 1 -W 1 203.0.113.10
	ip netns exec "$H" "$NSFAST" down red
	run ! ls /run/nsfast
}

inside() {
	ip netns exec "$H" "$NSFAST" "$@"
}

@test "inside 'ip netns exec' namespaces are given names, and these are the machine's" {
	nsf down --all
	inside up red --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b
	in_ns a ping -c 1 -W 1 10.77.0.3
	inside add red c
	ip netns exec "$H" ip netns exec c ping -c 1 -W 1 203.0.113.10
	[ "$(nsf -j show red | jq -c '.[0] | [.state, .ports[].state]')" = '["up","up","up","up"]' ]
	inside del red b
	[ ! -e /run/netns/b ]
	inside up red --ns a --ns d
	[ ! -e /run/netns/c ]
	in_ns d ping -c 1 -W 1 203.0.113.10
	inside down red
	[ ! -e /run/netns/a ]
	run ! ls /run/nsfast
}

@test "a mount namespace that is older than a network and hears of no mount has it all the same" {
	nsf down --all
	mkfifo "$ROOM/old.in"
	nsenter --net="/run/netns/$H" -- unshare --mount --propagation private bash -c 'echo ready; . /dev/stdin' \
		<"$ROOM/old.in" >"$ROOM/old.out" 2>&1 {nothing}>&- 3>&- &
	exec {old}>"$ROOM/old.in"
	until_ok 5 grep -q ready "$ROOM/old.out"
	nsf up red --mode "$(mode)" --subnet 10.77.0.1/24 --ns a
	cat >&"$old" <<-END
		set -e
		"$NSFAST" exec a ping -c 1 -W 1 10.77.0.1
		"$NSFAST" up red --ns a --ns b
		"$NSFAST" exec b ping -c 1 -W 1 10.77.0.2
	END
	exec {old}>&-
	wait $! || { cat "$ROOM/old.out"; false; }
	in_ns a ping -c 1 -W 1 10.77.0.3
	nsf down red
	[ ! -e /run/netns/a ] && [ ! -e /run/netns/b ]
	run ! ls /run/nsfast
}

@test "what is published at 127.0.0.1 is not for packets from a wire" {
	nsf publish add red 127.0.0.1:9000:b:80/udp
	nsf publish add red 198.51.100.1:9001:b:80/udp
	capture b eth0 'udp port 80' "$ROOM/published.pcap"
	in_ns "$OUT" "$PYTHON" - "$(ip -n "$H" -j link show up0 | jq -r '.[].address')" <<-'END'
		import sys
		from scapy.all import IP, UDP, Ether, sendp
		for dst, port in (("127.0.0.1", 9000), ("198.51.100.1", 9001)):
		    sendp(Ether(dst=sys.argv[1]) / IP(src="203.0.113.10", dst=dst) / UDP(dport=port) / b"word", iface="eth0", verbose=0)
	END
	until_ok 5 test -s "$ROOM/published.pcap"
	capture_stop
	[ "$(captured "$ROOM/published.pcap" | wc -l)" = 1 ]
	captured "$ROOM/published.pcap" -v | grep -q 203.0.113.10
	in_ns "$H" bash -c 'echo word >/dev/udp/127.0.0.1/9000'
}
