#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Interfaces that others made become ports by --dev, whatever is at their other ends, and are given back as they were.
#
#   a  eth0 10.77.0.2/24 (managed) ───────────────────────┐
#   v  eth0 10.77.0.40/24 ────────────────────────── to-v ┤     host
#   n  bridge of eth0, n1, n2 ────────────────────── to-n ┼── t0 10.77.0.1/24   up0 198.51.100.1/24 ── outside
#      ├─ n1  eth0 10.77.0.41/24                          │                                       203.0.113.10
#      └─ n2  eth0 10.77.0.42/24                        t0┘
load lib

nested() {
	ip netns add n
	ip -n "$H" link add to-n type veth peer name eth0 netns n
	ip -n n link add br0 type bridge stp_state 0 mcast_snooping 0
	adoptable n1 n to-n1 10.77.0.41/24
	adoptable n2 n to-n2 10.77.0.42/24
	for port in eth0 to-n1 to-n2; do
		ip -n n link set "$port" master br0
		ip -n n link set "$port" up
	done
	ip -n n link set br0 up
}

setup() {
	host_up
	adoptable v "$H" to-v 10.77.0.40/24
	nested
	# the kernel gives an interface its queueing discipline when it comes up first, and leaves it there
	for port in to-v to-n; do
		ip -n "$H" link set "$port" up
		ip -n "$H" link set "$port" down
	done
	snapshot "$H" >"$ROOM/before"
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --uplink up0
	nsf add t0 v --dev to-v
	nsf add t0 n --dev to-n
}
teardown() { host_down; }

# port_of MAC: where the forwarding database has it
port_of() {
	nsf -j fdb t0 | jq -r --arg mac "$1" '.[] | select(.mac == $mac) | .port + " " + .state'
}

# gets NS ADDRESS: a page, and some seconds' worth of TCP both ways
gets() {
	[ "$(in_ns "$1" curl -sf --max-time "$TRANSFER" "http://$2/page")" = "$(<"$ROOM/page")" ]
	iperf "$1" -c "$2" -n 20M
	iperf "$1" -c "$2" -n 20M -R
}

@test "ping among adopted and managed ports, gateway, host and outside, each way" {
	for ns in a v n1 n2; do
		for address in 10.77.0.1 10.77.0.2 10.77.0.40 10.77.0.41 10.77.0.42 198.51.100.1 203.0.113.10; do
			echoes "$ns" "$address"
		done
	done
	for address in 10.77.0.2 10.77.0.40 10.77.0.41 10.77.0.42; do
		echoes "$H" "$address"
	done
}

@test "TCP from an adopted port to a managed one, to another adopted one, to the host, to the outside, and back" {
	head -c 10000 /dev/urandom | base64 >"$ROOM/page"
	for ns in a n1 "$H" "$OUT" v; do
		serve "$ns" 80 "$PYTHON" "$BATS_TEST_DIRNAME/web.py" "$ROOM" 80
		serve "$ns" 5201 iperf3 -s >/dev/null
	done
	for address in 10.77.0.2 10.77.0.41 10.77.0.1 203.0.113.10; do
		gets v "$address"
	done
	gets "$H" 10.77.0.40
	gets a 10.77.0.40
	gets n2 10.77.0.40
}

@test "the outside sees the SNAT address, and two containers behind one port stay apart" {
	capture "$OUT" eth0 icmp "$ROOM/icmp.pcap"
	start in_ns n1 ping -i 0.01 -c 100 -W 1 203.0.113.10 >"$ROOM/n1"
	first=$STARTED
	start in_ns n2 ping -i 0.01 -c 100 -W 1 203.0.113.10 >"$ROOM/n2"
	until_ok 10 gone "$first"
	until_ok 10 gone "$STARTED"
	grep -q '100 received, 0%' "$ROOM/n1"
	grep -q '100 received, 0%' "$ROOM/n2"
	capture_stop
	[ "$(captured "$ROOM/icmp.pcap" 'src 198.51.100.1 and dst 203.0.113.10' | wc -l)" = 200 ]
	[ -z "$(captured "$ROOM/icmp.pcap" 'net 10.77.0.0/24')" ]
}

@test "MACs behind adopted ports are learned, a managed port's is fixed" {
	for ns in v n1 n2; do
		echoes "$ns" 10.77.0.1
	done
	[ "$(port_of "$(mac v)")" = "v " ]
	[ "$(port_of "$(mac n1)")" = "n " ]
	[ "$(port_of "$(mac n2)")" = "n " ]
	[ "$(port_of "$(mac a)")" = "a static" ]
}

@test "what is known goes to its port only, what is not known to all" {
	echoes n1 10.77.0.40
	capture n eth0 'icmp and host 10.77.0.40' "$ROOM/other.pcap"
	echoes a 10.77.0.40
	capture_stop
	[ -z "$(captured "$ROOM/other.pcap")" ]
	capture n eth0 'ether dst 02:00:00:00:99:99' "$ROOM/flood.pcap"
	ip -n v neigh add 10.77.0.99 lladdr 02:00:00:00:99:99 dev eth0
	run ! echoes v 10.77.0.99
	capture_stop
	[ "$(captured "$ROOM/flood.pcap" | wc -l)" = 1 ]
}

# hears NS: which of the words that were sent
hears() {
	captured "$ROOM/$1.pcap" -A | grep -o 'to nobody known\|to a group\|to all' | paste -sd ,
}

@test "frames for unknown MACs are heard by adopted ports alone, those for groups by all, or as Flood= of a port says" {
	local ns pids=()
	nsf add t0 c --flood all
	nsf add t0 d --flood none
	nsf add t0 e --flood multicast
	for ns in a c d e v; do
		capture "$ns" eth0 'ether proto 0x88b5' "$ROOM/$ns.pcap"
		pids+=("$CAPTURE_PID")
	done
	in_ns n1 "$PYTHON" -c '
from scapy.all import Ether, Raw, get_if_hwaddr, sendp
for dst, word in ("02:00:00:00:99:99", "to nobody known"), ("01:00:5e:01:02:03", "to a group"), ("ff:ff:ff:ff:ff:ff", "to all"):
    sendp(Ether(src=get_if_hwaddr("eth0"), dst=dst, type=0x88b5) / Raw(word), iface="eth0", verbose=0)'
	capture_stop
	for ns in "${pids[@]}"; do
		stop -INT "$ns"
	done
	[ "$(hears v)" = "to nobody known,to a group,to all" ]
	[ "$(hears a)" = "to a group,to all" ]
	[ "$(hears c)" = "to nobody known,to a group,to all" ]
	[ "$(hears d)" = "to all" ]
	[ "$(hears e)" = "to a group,to all" ]
}

@test "a container that moves to another port is found there at its first frame" {
	adoptable w "$H" to-w 10.77.0.43/24
	nsf add t0 w --dev to-w
	echoes w 10.77.0.1
	start in_ns a ping -i 0.02 -c 10000 -W 1 10.77.0.41 >"$ROOM/moving"
	moved=$(mac n1)
	until_ok 5 grep -q 'icmp_seq=5 ' "$ROOM/moving"
	ip -n n1 link set eth0 down
	ip -n w link set eth0 address "$moved"
	ip -n w addr add 10.77.0.41/24 dev eth0
	in_ns w ping -c 1 -W 1 -I 10.77.0.41 10.77.0.1
	[ "$(port_of "$moved")" = "w " ]
	echoes a 10.77.0.41
	seen=$(grep -c 'bytes from' "$ROOM/moving")
	until_ok 5 answered "$((seen + 5))"
}

answered() {
	[ "$(grep -c 'bytes from' "$ROOM/moving")" -gt "$1" ]
}

# knows NS ADDRESS MAC
knows() {
	[ "$(ip -n "$1" -j neigh show "$2" | jq -r '.[].lladdr')" = "$3" ]
}

@test "a container that knew another MAC by the gateway's address learns the right one at once, by both families" {
	gateway6=$(ip -n "$H" -6 -j addr show t0 scope global | jq -r '.[].addr_info[].local // empty')
	right=$(ip -n "$H" -j link show t0 | jq -r '.[].address')
	nsf del t0 v
	ip -n "$H" link set to-v up
	ip -n v -6 addr add "${gateway6%::*}::40/64" dev eth0 nodad
	for address in 10.77.0.1 "$gateway6"; do
		ip -n v neigh replace "$address" lladdr 02:00:00:00:99:99 dev eth0 nud reachable
	done
	nsf add t0 v --dev to-v
	for address in 10.77.0.1 "$gateway6"; do
		until_ok 1 knows v "$address" "$right"
	done
	echoes v 203.0.113.10
}

@test "an adopted port cannot take a managed port's MAC or the gateway's" {
	for victim in "$(mac a)" "$(ip -n "$H" -j link show t0 | jq -r '.[].address')"; do
		before=$(port_of "$victim")
		ip -n v link set eth0 address "$victim"
		run ! echoes v 10.77.0.1
		[ "$(port_of "$victim")" = "$before" ]
	done
	echoes n1 10.77.0.2
	echoes n1 10.77.0.1
	nsf -j drops t0 | jq -e 'map(select((.reason == "SRC_GATEWAY" or .reason == "SPOOF_MAC") and .packets > 0)) | length == 2'
}

@test "multicast between ports: neighbours find each other by their link-local IPv6 addresses" {
	address=$(ip -n n1 -6 -j addr show dev eth0 scope link | jq -r '.[].addr_info[].local')
	until_ok 5 echoes v "$address%eth0"
	until_ok 5 echoes a "$address%eth0"
	gateway=$(ip -n "$H" -6 -j addr show dev t0 scope link | jq -r '.[].addr_info[].local // empty')
	until_ok 5 echoes v "$gateway%eth0"
}

@test "show and exec know that the namespace of an adopted port is not known" {
	run -0 nsf -j show t0
	[ "$(jq -c '.[].ports[] | select(.name == "v") | [.netns, .dev, .address, .mac, .state]' <<<"$output")" = \
		'[null,"to-v",null,null,"up"]' ]
	run -3 nsf exec v true
	[[ $output == *"adopted"* ]]
}

@test "up again says no change; a file adopts by Device" {
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
	nsf del t0 v
	printf '[Network]\nName=t0\n[Port a]\n[Port n]\nDevice=to-n\n[Port v]\nDevice=to-v\n' >"$ROOM/conf"
	run -0 nsf up -f "$ROOM/conf"
	[[ $output == "t0: changed"*"1 added" ]]
	run -0 nsf up -f "$ROOM/conf"
	[[ $output == "t0: no change"* ]]
	echoes v 10.77.0.41
}

@test "an interface that is nobody's to give, or given already, is refused by name" {
	for dev in lo up0 t0 t0-far to-v nothing; do
		run -1 nsf add t0 x --dev "$dev"
		[[ $output == *"'$dev'"* ]]
	done
	echoes v 10.77.0.41
}

@test "an adopted interface that vanished is shown as gone, and the next up forgets its port" {
	ip -n "$H" link del to-v
	run -0 nsf -j show t0
	[ "$(jq -r '.[].ports[] | select(.name == "v") | .state' <<<"$output")" = gone ]
	nsf up t0
	run -0 nsf -j show t0
	[ "$(jq -c '[.[].ports[].name] | sort' <<<"$output")" = '["a","n"]' ]
	ip netns del v
	adoptable v "$H" to-v 10.77.0.40/24
	nsf add t0 v --dev to-v
	echoes v 10.77.0.41
}

@test "an interface that carries an address of the host is refused, and keeps it" {
	nsf del t0 v
	ip -n "$H" addr add 192.0.2.1/24 dev to-v
	run -1 nsf add t0 v --dev to-v
	[[ $output == *"'to-v'"*"192.0.2.1/24"* ]]
	run ip -n "$H" -4 -br addr show to-v
	[[ $output == *"192.0.2.1/24"* ]]
}

@test "del and down give interfaces back as they were: down or up" {
	nsf del t0 n
	nsf down t0
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"

	ip -n "$H" link set to-v up
	snapshot "$H" >"$ROOM/before"
	nsf up t0 --mode "$(mode)" --uplink up0
	nsf add t0 v --dev to-v
	nsf add t0 n --dev to-n
	nsf down t0
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}
