#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# The classic exercise end to end: two namespaces, a default route, SNAT to a second address of the uplink, traffic.
#
#   a  eth0 10.77.0.2/24 ──┐            host
#                          ├── t0 10.77.0.1/24    up0 198.51.100.1/24 ── outside 203.0.113.10
#   b  eth0 10.77.0.3/24 ──┘                          198.51.100.77/24 (SNAT)
load lib

setup_file() {
	host_up
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.77
	mkdir "$ROOM/web"
	head -c 100M /dev/urandom >"$ROOM/web/big"
	for ns in "$OUT" "$H" a b; do
		serve "$ns" 80 "$PYTHON" "$BATS_TEST_DIRNAME/web.py" "$ROOM/web" 80
	done
}

teardown_file() { host_down; }

# 50 echo requests, none lost; the answers' TTL
echo_ttl() {
	local out
	out=$(in_ns "$1" ping -c 50 -i 0.002 -W 1 "$2") || return
	grep -q ' 0% packet loss' <<<"$out" || { echo "$out"; return 1; }
	sed -nE 's/.* ttl=([0-9]+) .*/\1/p' <<<"$out" | sort -u
}

# transfer NS ADDRESS: 100 MB down and up again, compared byte by byte
transfer() {
	in_ns "$1" curl -sf --max-time $((3 * TRANSFER)) -o "$ROOM/down" "http://$2/big"
	cmp "$ROOM/web/big" "$ROOM/down"
	in_ns "$1" curl -sf --max-time $((3 * TRANSFER)) -T "$ROOM/down" "http://$2/back"
	cmp "$ROOM/web/big" "$ROOM/web/back"
	rm "$ROOM/down" "$ROOM/web/back"
}

@test "each namespace has its address, a default route by the gateway, and sees it as a neighbour" {
	for want in "a 10.77.0.2" "b 10.77.0.3"; do
		read -r ns address <<<"$want"
		run ip -n "$ns" -4 -br addr show dev eth0
		[[ $output == *"UP "*" $address/24 "* ]]
		run ip -n "$ns" route
		[ "${lines[0]% }" = "default via 10.77.0.1 dev eth0 proto static" ]
		[ "${lines[1]% }" = "10.77.0.0/24 dev eth0 proto kernel scope link src $address" ]
		in_ns "$ns" ping -c 1 -W 1 10.77.0.1
		run ip -n "$ns" neigh show 10.77.0.1
		[[ $output == *"lladdr $(ip -n "$H" -j link show t0 | jq -r '.[].address')"* ]]
	done
}

@test "ping between the namespaces, both ways, with no router between them" {
	[ "$(echo_ttl a 10.77.0.3)" = 64 ]
	[ "$(echo_ttl b 10.77.0.2)" = 64 ]
}

@test "ping from a namespace to the gateway and to the host's other addresses" {
	for address in 10.77.0.1 198.51.100.1 198.51.100.77; do
		[ "$(echo_ttl a $address)" = 64 ]
	done
}

@test "ping from the host to a namespace" {
	[ "$(echo_ttl "$H" 10.77.0.2)" = 64 ]
	[ "$(echo_ttl "$H" 10.77.0.3)" = 64 ]
}

@test "ping to the outside: it sees the second address and a TTL one lower, and so does the answer" {
	capture "$OUT" eth0 icmp "$ROOM/ping.pcap"
	[ "$(echo_ttl a 203.0.113.10)" = 63 ]
	[ "$(echo_ttl b 198.51.100.2)" = 63 ]
	capture_stop
	[ "$(captured "$ROOM/ping.pcap" | wc -l)" = 200 ]
	[ "$(captured "$ROOM/ping.pcap" 'icmp[icmptype] == 8 and src 198.51.100.77 and ip[8] == 63' | wc -l)" = 100 ]
	[ "$(captured "$ROOM/ping.pcap" 'icmp[icmptype] == 0 and dst 198.51.100.77' | wc -l)" = 100 ]
}

@test "TCP and UDP to the outside: every packet has the second address and TTL 63" {
	serve "$OUT" 5201 iperf3 -s -B 203.0.113.10 >/dev/null
	capture "$OUT" eth0 'port 5201' "$ROOM/transport.pcap"
	iperf a -c 203.0.113.10 -n 1M
	iperf a -c 203.0.113.10 -u -b 10M -n 100K
	capture_stop
	stop "$STARTED"
	for protocol in tcp udp; do
		[ "$(captured "$ROOM/transport.pcap" "$protocol and src 198.51.100.77 and ip[8] == 63" | wc -l)" -gt 20 ]
		[ -n "$(captured "$ROOM/transport.pcap" "$protocol and dst 198.51.100.77")" ]
	done
	run captured "$ROOM/transport.pcap" 'not (src 198.51.100.77 and ip[8] == 63) and not dst 198.51.100.77'
	[ -z "$output" ]
}

@test "100 MB by HTTP between a namespace and the outside, both directions" { transfer a 203.0.113.10; }

@test "100 MB by HTTP between two namespaces, both directions" { transfer a 10.77.0.3; }

@test "100 MB by HTTP between the host and a namespace, both directions, whoever begins" {
	transfer "$H" 10.77.0.2
	transfer a 10.77.0.1
}

@test "the flows of the exercise are listed with inner, peer and external ends" {
	in_ns a curl -sf -o /dev/null http://203.0.113.10/
	run -0 nsf -j flows t0
	jq -e 'map(select(.protocol == "tcp" and .network == "t0" and .port == "a" and .inner.address == "10.77.0.2" and
		.peer == {address: "203.0.113.10", port: 80} and .external.address == "198.51.100.77")) | length > 0' \
		<<<"$output"
}

@test "nothing was dropped on the way, and down leaves nothing" {
	run -0 nsf -j drops t0
	[ "$output" = '[]' ]
	nsf down t0
	run -0 nsf -j show
	[ "$output" = '[]' ]
	[ ! -e /run/netns/a ]
	[ ! -e /run/netns/b ]
	run ! ip -n "$H" link show t0
}
