#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# IPv6 traffic with the outside: masqueraded and plainly routed, bulk with offloads, path MTU, errors both ways.
#
#   a  eth0 fd00:77::2/64 ──┐                host                           outside
#   b  eth0 fd00:77::3/64 ──┴── t0 fd00:77::1   up0 2001:db8:51::1 ──── eth0 2001:db8:51::2, lo 2001:db8:ff::10
load lib

PEER=2001:db8:ff::10

setup_file() {
	host_up
	ip -n "$H" addr add 2001:db8:51::1/64 dev up0 nodad
	ip -n "$OUT" addr add 2001:db8:51::2/64 dev eth0 nodad
	ip -n "$OUT" addr add $PEER/128 dev lo nodad
	ip -n "$H" -6 route add default via 2001:db8:51::2
	until_ok 5 in_ns "$H" ping -c 1 -W 1 $PEER
	serve "$OUT" 5201 iperf3 -s -B $PEER >/dev/null
}
teardown_file() { host_down; }

t0_up() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --subnet fd00:77::1/64 --ns a --ns b --uplink up0
}
teardown() { nsf down --all; }

checksum_errors() {
	for ns in a b "$H" "$OUT"; do
		in_ns "$ns" nstat -asz TcpInCsumErrors Udp6InCsumErrors Icmp6InCsumErrors Ip6InHdrErrors
	done | awk '!/^#/ { n += $2 } END { print n + 0 }'
}

moved() {
	in_ns "$1" timeout 20 iperf3 -J -c "$2" "${@:3}" | jq '.end | (.sum_received // .sum).bytes'
}

@test "a container pings the outside, which sees the host" {
	t0_up
	capture "$OUT" eth0 ip6 "$ROOM/ping.pcap"
	in_ns a ping -c 3 -i 0.2 -W 1 $PEER
	capture_stop
	captured "$ROOM/ping.pcap" | grep -q "2001:db8:51::1 > $PEER: ICMP6, echo request"
	run ! grep fd00:77 <(captured "$ROOM/ping.pcap")
	run -0 nsf -j flows
	[[ $output == *'fd00:77::2'* ]]
}

@test "bulk both ways with every offload, and no wrong checksum" {
	t0_up
	for state in on off; do
		for ns in a "$OUT"; do
			in_ns "$ns" ethtool -K eth0 tx $state tso $state gso $state gro $state >/dev/null
		done
		before=$(checksum_errors)
		for direction in "" -R; do
			# shellcheck disable=SC2086 # words
			[ "$(moved a $PEER -n 50M $direction)" -gt 20000000 ]
			# shellcheck disable=SC2086
			[ "$(moved a $PEER -u -b 200M -n 5M $direction)" -gt 1000000 ]
		done
		[ "$(checksum_errors)" = "$before" ]
	done
	for ns in a "$OUT"; do
		in_ns "$ns" ethtool -K eth0 tx on tso on gso on gro on >/dev/null
	done
}

@test "traceroute sees the gateway, and a closed port answers" {
	t0_up
	run -0 in_ns a traceroute -6 -n -q 1 -m 3 -w 1 $PEER
	[[ $output == *" 1  fd00:77::1 "* ]]
	[[ $output == *" 2  $PEER "* ]]
	run -0 in_ns a traceroute -6 -n -q 1 -m 3 -w 1 -T -p 5201 $PEER
	[[ $output == *" 2  $PEER "* ]]
	run -0 in_ns a traceroute -6 -n -q 1 -m 3 -w 1 -I $PEER
	[[ $output == *" 2  $PEER "* ]]
}

@test "a path that is narrower outside is learnt by the container" {
	t0_up
	ip -n "$OUT" link set eth0 mtu 1400
	ip -n "$OUT" -6 route flush cache
	in_ns a ping -c 1 -W 1 $PEER
	# the router says so: a host that is narrower does it in its place
	ip -n "$H" -6 route add 2001:db8:ff::/64 via 2001:db8:51::2 mtu lock 1400
	run in_ns a ping -c 2 -i 0.2 -W 1 -M "do" -s 1400 $PEER
	[[ $output == *"mtu"*1400* ]]
	[ "$(moved a $PEER -n 20M)" -gt 10000000 ]
	[ "$(moved a $PEER -n 20M -R)" -gt 10000000 ]
	ip -n "$H" -6 route del 2001:db8:ff::/64
	ip -n "$OUT" link set eth0 mtu 1500
}

@test "where the host has a way outside but no address for it, containers are told at once" {
	[ "$(mode)" = bpf ] || kernel_has_come_to 6.17 || skip "Linux forwards no IPv6 there, and does not say so"
	ip -n "$H" -6 route add default dev up0 metric 2000
	ip -n "$H" addr del 2001:db8:51::1/64 dev up0
	t0_up
	run -1 in_ns a ping -c 1 -W 3 $PEER
	[[ $output == *"From fd00:77::1 "*"No route"* ]]
	run -1 in_ns a timeout 3 bash -c "exec 3<>/dev/tcp/$PEER/5201"
	[[ $output == *"Network is unreachable"* ]]
	in_ns a ping -c 1 -W 1 fd00:77::3
	ip -n "$H" addr add 2001:db8:51::1/64 dev up0 nodad
	ip -n "$H" -6 route del default dev up0 metric 2000
	ip -n "$H" -6 route replace default via 2001:db8:51::2
	nsf up t0
	in_ns a ping -c 1 -W 1 $PEER
}

@test "a routed network is reached by its own addresses" {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --subnet 2001:db8:79::1/64 --ns a --ns b --uplink up0 --snat6 none
	ip -n "$OUT" -6 route add 2001:db8:79::/64 via 2001:db8:51::1
	in_ns a ping -c 1 -W 1 $PEER
	in_ns "$OUT" ping -c 1 -W 1 -I $PEER 2001:db8:79::2
	[ "$(moved a $PEER -n 50M)" -gt 20000000 ]
	[ "$(moved a $PEER -n 50M -R)" -gt 20000000 ]
	run -0 in_ns "$OUT" traceroute -6 -n -q 1 -m 3 -w 1 -s $PEER 2001:db8:79::2
	# a router says it as who it is on the way there, or on the way back
	[[ $output =~ " 1  2001:db8:"(79|51)"::1 " ]]
	ip -n "$OUT" -6 route del 2001:db8:79::/64
}
