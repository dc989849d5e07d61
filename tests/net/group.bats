#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Multicast groups: heard by who has joined them, once somebody asks who has.
#
#   a  10.77.0.2  (managed) ── sends ─────────────┐
#   b  10.77.0.3  (managed) ── joins ─────────────┼── t0 10.77.0.1/24 ── host ($H)
#   c  10.77.0.4  (managed) ── does not ──────────┤      fd00:77::1/64
#   r  10.77.0.40 (learning)── asks, a router ────┘
load lib

setup_file() { host_up; }
teardown_file() { host_down; }

setup() {
	adoptable r "$H" to-r 10.77.0.40/24 fd00:77::40/64
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24,fd00:77::1/64 --ns a --ns b --ns c
	nsf add t0 r --dev to-r
	until_ok 5 in_ns r ping -c 1 -W 1 10.77.0.1
	for ns in a b c; do
		ip -n "$ns" route replace 239.0.0.0/8 dev eth0
		ip -n "$ns" -6 route replace ff05::/16 dev eth0 table local
	done
}
teardown() {
	nsf down --all
	ip -n "$H" link del to-r
	ip netns del r
}

# asks NS [GROUP GROUP6]: queries of IGMP and MLD, general ones or of these, to be answered within a second
asks() {
	in_ns "$1" "$PYTHON" - "${2:-0.0.0.0}" "${3:-::}" <<-'END'
		from scapy.all import *
		conf.verb = 0
		me, group, group6 = get_if_hwaddr("eth0"), sys.argv[1], sys.argv[2]
		ll = next(a for a, scope, dev in in6_getifaddr() if dev == "eth0" and a.startswith("fe80"))
		igmp = b"\x11\x0a\0\0" + socket.inet_aton(group)
		igmp = igmp[:2] + struct.pack("!H", checksum(igmp)) + igmp[4:]
		alert = IPv6ExtHdrHopByHop(options=[RouterAlert()])
		to, to6 = (group, group6) if group6 != "::" else ("224.0.0.1", "ff02::1")
		mac = "01:00:5e:%02x:%02x:%02x" % (socket.inet_aton(to)[1] & 127, *socket.inet_aton(to)[2:])
		sendp([Ether(src=me, dst=mac) / IP(src=get_if_addr("eth0"), dst=to, ttl=1, proto=2,
		           options=[IPOption_Router_Alert()]) / Raw(igmp),
		       Ether(src=me, dst=in6_getnsmac(inet_pton(socket.AF_INET6, to6))) / IPv6(src=ll, dst=to6, hlim=1) / alert
		       / ICMPv6MLQuery(mrd=1000, mladdr=group6)], iface="eth0")
	END
}

# joins NS: a member of 239.1.2.3 and ff05::123 from now on; its PID is in $STARTED
joins() {
	start nsenter --net="/run/netns/$1" -- "$PYTHON" -c '
import socket, struct, signal
dev = socket.if_nametoindex("eth0")
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.1.2.3") + struct.pack("=Ii", 0, dev))
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "ff05::123") + struct.pack("=I", dev))
signal.pause()'
	until_ok 5 member "$1"
}

member() {
	[[ $(ip -n "$1" maddr show dev eth0) == *ff05::123* ]]
}

# sends TEXT: to both groups, from a
sends() {
	in_ns a "$PYTHON" - "$1" <<-'END'
		import socket, sys
		dev = socket.if_nametoindex("eth0")
		four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		four.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 5)
		four.sendto(b"<" + sys.argv[1].encode() + b"4>", ("239.1.2.3", 5000))
		six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, dev)
		six.sendto(b"<" + sys.argv[1].encode() + b"6>", ("ff05::123", 5000))
	END
}

listen() {
	local ns
	for ns in b c r; do
		capture "$ns" eth0 'udp port 5000' "$ROOM/$ns.pcap"
	done
}

# hears NS WORD
hears() {
	[ "$(tcpdump -n -A -r "$ROOM/$1.pcap" 2>/dev/null | grep -oE "<$2[46]>" | sort | tr -d '\n')" = "<${2}4><${2}6>" ]
}

# heard_by NS...: for until_ok: what is sent now, the router and these hear, and none of the others
heard_by() {
	local word=w$RANDOM$RANDOM ns
	sends "$word"
	until_ok 5 hears r "$word"
	for ns in b c; do
		case " $* " in
		*" $ns "*) until_ok 1 hears "$ns" "$word" ;;
		*) ! tcpdump -n -A -r "$ROOM/$ns.pcap" 2>/dev/null | grep -q "<$word" || return 1 ;;
		esac
	done
}

@test "without a querier all hear all" {
	listen
	heard_by b c
}

@test "who has joined hears, and routers, and nobody else; who leaves does not" {
	listen
	joins b
	local member=$STARTED
	asks r
	# all hear until all have had the time to answer
	until_ok 10 heard_by b
	stop "$member"
	asks r 239.1.2.3 ff05::123
	until_ok 20 heard_by
	joins b
	until_ok 5 heard_by b
}

@test "a container is no querier, unless it may" {
	asks a
	[ "$(dropped QUERIER)" = 2 ]
	listen
	heard_by b c
}

@test "all hear all if that is wanted" {
	nsf up t0 --multicast-snooping no
	[ "$(nsf -j show t0 | jq '.[].multicast_snooping')" = false ]
	listen
	joins b
	asks r
	asks r
	heard_by b c
	nsf up t0 --multicast-snooping yes
	asks r
	until_ok 10 heard_by b
}

@test "that the bridge overhears groups it does not tell containers" {
	only netfilter "there is no bridge"
	nsf up t0 --multicast-snooping no
	capture a eth0 igmp "$ROOM/said.pcap"
	nsf up t0 --multicast-snooping yes
	until_ok 10 withheld
	capture_stop
	[[ $(captured "$ROOM/said.pcap" -v) != *224.0.0.106* ]]
}

withheld() {
	in_ns "$H" nft list chain inet nsfast groups | grep -q 'counter packets [1-9]'
}
