#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# What show and drops count is what happened: ports agree with their containers, every drop has its name.
#
#   a  eth0 10.77.0.2/24 ──┐            host
#   b  eth0 10.77.0.3/24 ──┼── t0 10.77.0.1/24    up0 198.51.100.1/24 ── outside 203.0.113.10
#   v  eth0 10.77.0.4/24 ──┘ (adopted)
load lib

setup() {
	host_up
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0
}
teardown() { host_down; }

# port NAME: rx and tx of a port as show tells, packets and bytes; host and outside for the two other legs
port() {
	nsf -j show t0 | jq -c --arg name "$1" '.[] | if $name | IN("host", "outside") then .[$name]
		else .ports[] | select(.name == $name) end | [.rx_packets, .rx_bytes, .tx_packets, .tx_bytes]'
}

# container NS: what its own eth0 counted; what it sent is what the port received
container() {
	ip -n "$1" -s -j link show eth0 | jq -c '.[].stats64 | [.tx.packets, .tx.bytes, .rx.packets, .rx.bytes]'
}

# more BEFORE AFTER: how much came to each of the four
more() {
	jq -nc "[$1, $2] | transpose | map(.[1] - .[0])"
}

# at_least BEFORE AFTER WANTED: the difference is not smaller
at_least() {
	jq -ne "[$(more "$1" "$2"), $3] | transpose | all(.[0] >= .[1])"
}

# Notes both counts at a moment when nothing comes in between.
begin() {
	for ns in a b; do
		until_ok 5 begin_port "$ns"
	done
}

begin_port() {
	container "$1" >"$ROOM/container-$1"
	port "$1" >"$ROOM/port-$1"
	[ "$(container "$1")" = "$(<"$ROOM/container-$1")" ]
}

# Both have counted the same since begin. A neighbour solicitation between the two looks is no mistake: until_ok.
agree() {
	for ns in a b; do
		[ "$(more "$(<"$ROOM/container-$ns")" "$(container "$ns")")" = \
			"$(more "$(<"$ROOM/port-$ns")" "$(port "$ns")")" ] || differ "$ns" || return
	done
}

differ() {
	echo "$1: container $(<"$ROOM/container-$1") -> $(container "$1"), port $(<"$ROOM/port-$1") -> $(port "$1")"
	return 1
}

pings() {
	in_ns "$1" ping -q -c 100 -i 0.002 -s "${3:-56}" -W 1 "$2" | grep ' 0% packet loss'
}

@test "a port counts what its container counts: ping inside, to the host, from the host, to the outside" {
	begin
	before=$(port a)
	pings a 10.77.0.3
	pings b 10.77.0.2 1000
	pings a 10.77.0.1
	pings "$H" 10.77.0.2
	pings a 203.0.113.10 500
	until_ok 3 agree
	at_least "$before" "$(port a)" '[500, 187800, 500, 187800]'
}

@test "a port counts what its container counts: bulk TCP with large segments, and UDP" {
	serve "$OUT" 5201 iperf3 -s -B 203.0.113.10 >/dev/null
	serve b 5201 iperf3 -s >/dev/null
	begin
	before=$(port a)
	for address in 203.0.113.10 10.77.0.3; do
		iperf a -c "$address" -n 20M
		iperf a -c "$address" -n 20M -R
		iperf a -c "$address" -u -b 100M -n 1M
	done
	until_ok 3 agree
	at_least "$before" "$(port a)" '[100, 20000000, 100, 20000000]'
}

@test "a port counts what its container counts: flooded frames and drops too" {
	begin
	before=$(port b)
	in_ns a arping -q -c 3 -i 0.01 -w 1 10.77.0.200 || :
	in_ns a "$PYTHON" -c '
from scapy.all import Ether, Raw, sendp, get_if_hwaddr
for mac in get_if_hwaddr("eth0"), "02:00:00:00:99:99":
    frame = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff", type=0x88b5) / Raw(bytes(100))
    sendp(frame, count=50, iface="eth0", verbose=0)
'
	until_ok 3 agree
	at_least "$before" "$(port b)" '[0, 0, 50, 5700]'
	nsf -j drops t0 | jq -e '.[] | select(.reason == "SPOOF_MAC") | .packets == 50'
}

@test "the host's and the outside's legs count what went that way" {
	only bpf "the kernel's own interfaces count that"
	before=$(port host)
	pings a 10.77.0.1
	pings "$H" 10.77.0.3
	at_least "$before" "$(port host)" '[200, 19600, 200, 19600]'
	before=$(port outside)
	pings a 203.0.113.10
	[ "$(more "$before" "$(port outside)")" = '[100,9800,100,9800]' ]
	before=$(port outside)
	pings a 10.77.0.3
	pings "$H" 203.0.113.10
	[ "$(more "$before" "$(port outside)")" = '[0,0,0,0]' ]
}

@test "counters go on over an up that changes nothing or others, and a new port begins at zero" {
	pings a 10.77.0.3
	before=$(port a)
	nsf up t0
	nsf up t0 --ns a --ns b --ns c
	at_least "$before" "$(port a)" '[0, 0, 0, 0]'
	pings b 10.77.0.2
	nsf del t0 b
	nsf add t0 b
	[ "$(jq '.[0] < 50 and .[2] < 50' <<<"$(port b)")" = true ]
}

@test "the number of flows in show is that of the list" {
	pings a 203.0.113.10
	in_ns b ping -c 1 -W 1 203.0.113.10
	[ "$(nsf -j flows | jq length)" = 2 ]
	[ "$(nsf -j show | jq '.[].flows.used')" = 2 ]
}

# drops NET: reasons and numbers as one object
drops() {
	nsf -j drops "$1" | jq -cS 'map({(.reason): .packets}) | add // {}'
}

# What the kernels say to each other on their links, IPv4 and IPv6.
QUIET='not arp and not (ip6 and multicast and (src net fe80::/10 or src host ::))
	and not (icmp6 and (ip6[40] == 133 or ip6[40] == 135 or ip6[40] == 136))'

# every_drop NS PROGRAM KIND: sends what may not pass, and looks everywhere
every_drop() {
	[ "$(mode)" = bpf ] || { nothing_leaves "$@" && return; }
	gateway=$(ip -n "$H" -j link show t0 | jq -r '.[].address')
	capture "$OUT" eth0 "$QUIET" "$ROOM/uplink.pcap"
	uplink=$CAPTURE_PID
	capture b eth0 "arp or ($QUIET)" "$ROOM/b.pcap"
	b=$CAPTURE_PID
	capture "$H" t0 "$QUIET" "$ROOM/host.pcap"
	in_ns "$1" "$PYTHON" "$BATS_TEST_DIRNAME/../packets/$2" "$3" "$gateway" | jq -cS . >"$ROOM/sent"
	until_ok 5 all_dropped
	capture_stop
	stop -INT "$uplink"
	stop -INT "$b"
	for file in uplink b host; do
		captured "$ROOM/$file.pcap" -e >"$ROOM/$file.txt"
		diff /dev/null "$ROOM/$file.txt"
	done
}

# nothing_leaves NS PROGRAM KIND: the same in mode netfilter, where the rules have names for who says what, and the kernel
# none for what else is wrong: what leaves has the host's address, and the rules count what was sent
nothing_leaves() {
	local rules='with_entries(select(.key | IN("SPOOF_MAC", "SPOOF_ARP", "SPOOF_ND", "SRC_GATEWAY", "VLAN")))'
	gateway=$(ip -n "$H" -j link show t0 | jq -r '.[].address')
	capture "$OUT" eth0 "ip and dst host 203.0.113.10 and not src host 198.51.100.1
		or ip6 and dst host 2001:db8:ff::10 and not src host 2001:db8:51::1" "$ROOM/uplink.pcap"
	in_ns "$1" "$PYTHON" "$BATS_TEST_DIRNAME/../packets/$2" "$3" "$gateway" | jq -cS "$rules" >"$ROOM/sent"
	until_ok 5 rules_dropped "$rules"
	capture_stop
	captured "$ROOM/uplink.pcap" -e >"$ROOM/uplink.txt"
	diff /dev/null "$ROOM/uplink.txt"
}

rules_dropped() {
	drops t0 | jq -cS "$1" | diff "$ROOM/sent" -
}

all_dropped() {
	drops t0 | diff "$ROOM/sent" -
}

# adopt_v: gives v to t0 by an interface
adopt_v() {
	ip netns add v
	in_ns v sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n "$H" link add to-v type veth peer name eth0 netns v
	ip -n v link set eth0 up
	ip -n v addr add 10.77.0.4/24 dev eth0
	nsf add t0 v --dev to-v
}

# outside6: t0 with fd00:77::1/64 and a way to the outside for it
outside6() {
	ip -n "$H" addr add 2001:db8:51::1/64 dev up0 nodad
	ip -n "$H" -6 route add default via 2001:db8:51::2 dev up0
	ip -n "$OUT" addr add 2001:db8:51::2/64 dev eth0 nodad
	ip -n "$OUT" addr add 2001:db8:ff::10/128 dev lo nodad
	nsf up t0 --subnet 10.77.0.1/24 --subnet fd00:77::1/64
	until_ok 5 in_ns a ping -c 1 -W 1 2001:db8:ff::10
}

@test "every frame that a managed port may not send is dropped under its own name and goes nowhere" {
	every_drop a dropped.py managed
	[ "$(mode)" = bpf ] || return 0
	nsf drops t0 >"$ROOM/text"
	grep -Eq '^t0 +SPOOF_IP4 +4  IPv4 source is not the port.s, ' "$ROOM/text"
}

@test "every frame that an adopted port may not send is dropped under its own name and goes nowhere" {
	adopt_v
	every_drop v dropped.py adopted
}

@test "every IPv6 frame that a managed port may not send is dropped under its own name and goes nowhere" {
	outside6
	every_drop a dropped6.py managed
}

@test "every IPv6 frame that an adopted port may not send is dropped under its own name and goes nowhere" {
	outside6
	adopt_v
	ip -n v addr add fd00:77::4/64 dev eth0 nodad
	every_drop v dropped6.py adopted
}

@test "without IPv6 nothing of it goes beyond the link" {
	adopt_v
	nsf up t0 --ipv6 no
	every_drop v dropped6.py none
}

@test "where the host has no IPv6 way out, the container is told" {
	run ! in_ns a ping -c 1 -W 2 2001:db8:ff::10
	[[ $output == *"Destination unreachable: No route"* ]]
	[ "$(drops t0)" = '{}' ]
}

@test "each network has its own drops" {
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --ns d --uplink up0
	in_ns a ping -c 1 -W 1 10.77.0.1
	in_ns d ping -c 1 -W 1 10.78.0.1
	ip -n a addr add 10.99.0.1 dev eth0
	ip -n d addr add 10.99.0.1 dev eth0
	run ! in_ns a ping -c 1 -W 1 -I 10.99.0.1 203.0.113.10
	[ "$(drops t0)" = '{"SPOOF_IP4":1}' ]
	[ "$(drops t1)" = '{}' ]
	run ! in_ns d ping -c 2 -i 0.1 -W 1 -I 10.99.0.1 203.0.113.10
	[ "$(drops t1)" = '{"SPOOF_IP4":2}' ]
	[ "$(nsf -j drops | jq -c '[.[].network] | sort')" = '["t0","t1"]' ]
	run -3 nsf drops nowhere
}
