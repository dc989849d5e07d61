#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# nsfast flows: what is listed is what was sent, each filter finds its own, flush ends what it names and nothing else.
#
#   a 10.77.0.2, b 10.77.0.3 ── t0 ──┐
#   c 10.78.0.2 ──────────────── t1 ──┴─ host ($H) up0 198.51.100.1 ── outside ($OUT) 203.0.113.10, 198.51.100.2
load lib

setup_file() {
	host_up
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10 198.51.100.2
	until_ok 5 listens "$OUT" 7 udp
	# hears all and closes nothing
	serve "$OUT" 9 "$PYTHON" -c 'import socket
s = socket.create_server(("", 9))
kept = []
while True:
    kept.append(s.accept())'
	cp "$ROOM/pids" "$ROOM/servers"
}
teardown_file() { host_down; }
setup() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --ns c --uplink up0 --snat 198.51.100.1
}
teardown() {
	while read -r pid; do
		stop -KILL "$pid"
	done < <(grep -vxFf "$ROOM/servers" "$ROOM/pids")
	cp "$ROOM/servers" "$ROOM/pids"
	nsf flows flush
}

# ask NS PROTOCOL SPORT [ADDRESS]
ask() {
	in_ns "$1" "$PYTHON" tests/packets/mirror.py ask "$2" "$3" "${4:-203.0.113.10}" 7
}

# tcp NS SPORT PORT STATEMENT...: a connection to the outside, what happens to it, and then nothing
tcp() {
	local ns=$1 sport=$2 port=$3
	shift 3
	start nsenter --net="/run/netns/$ns" -- "$PYTHON" -c "
import signal, socket, struct
s = socket.socket()
s.settimeout(60)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('', $sport))
s.connect(('203.0.113.10', $port))
$*
signal.pause()"
}

# found [FILTER...]: inner ports of the flows that a filter finds, or their number for what has none
found() {
	nsf -j flows "$@" | jq -r '[.[].inner.port] | sort | map(tostring) | join(" ")'
}

finds() {
	local want=$1
	shift
	[ "$(found "$@")" = "$want" ] || { echo "flows $*: $(found "$@") instead of $want"; return 1; }
}

@test "what is counted each way is what was sent: echo requests and their answers" {
	in_ns a ping -q -c 7 -i 0.002 -s 100 -W 1 203.0.113.10
	run -0 nsf -j flows --port a
	jq -e '.[] | [.out_packets, .out_bytes, .in_packets, .in_bytes] == [7, 994, 7, 994]' <<<"$output"
	run -0 nsf flows
	[[ $output == *" 7/994 out 7/994 in" ]]
}

@test "what is counted each way is what was sent: datagrams without an answer" {
	in_ns a "$PYTHON" -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5000))
for _ in range(300):
    s.sendto(bytes(58), ("203.0.113.99", 1000))'
	run -0 nsf -j flows --port a
	jq -e '.[] | [.out_packets, .out_bytes, .in_packets, .in_bytes] == [300, 30000, 0, 0]' <<<"$output"
}

@test "counts begin at zero when a slot is used again" {
	in_ns a ping -q -c 50 -i 0.002 -W 1 203.0.113.10
	nsf flows flush
	for sport in {5000..5009}; do
		[ "$(ask b udp "$sport")" = "198.51.100.1 $sport" ]
	done
	run -0 nsf -j flows
	jq -e 'length == 10 and all(.[]; .out_packets == 1 and .in_packets == 1)' <<<"$output"
}

@test "a row has both tuples, state, time left, direction and what was done to it" {
	ask a udp 5100
	run -0 nsf -j flows
	jq -e '.[0] | .expires_seconds > 290 and .expires_seconds <= 300 and del(.expires_seconds, .out_bytes, .in_bytes) == {
		protocol: "udp", state: "active", network: "t0", port: "a", direction: "out",
		inner: {address: "10.77.0.2", port: 5100}, peer: {address: "203.0.113.10", port: 7},
		external: {address: "198.51.100.1", port: 5100}, translated: true, overloaded: false, hairpin: false,
		out_packets: 1, in_packets: 1}' <<<"$output"
	run -0 nsf flows
	[[ $output =~ ^udp\ +active\ +[0-9]+\ s\ +t0/a\ out\ +10.77.0.2:5100\ \>\ 203.0.113.10:7\ +as\ 198.51.100.1:5100\ +1/ ]]
}

@test "each filter finds its own flows, and several find what all of them mean" {
	ask a udp 5001
	ask b udp 5002
	ask c udp 5003 198.51.100.2
	in_ns a ping -c 1 -W 1 -e 5004 203.0.113.10
	tcp b 5005 7
	until_ok 5 finds 5005 --state established
	finds '5001 5002 5003 5004 5005'
	finds '5001 5002 5004 5005' t0
	finds 5003 t1
	finds '5001 5004' --port a
	finds '5002 5005' t0 --port b
	finds '5001 5002 5003' --protocol udp
	finds '5001 5002 5003' --protocol 17
	finds 5004 --protocol icmp
	finds '' --protocol sctp
	finds '5001 5004' --address 10.77.0.2
	finds '5001 5002 5004 5005' --address 10.77.0.0/24
	finds '5001 5002 5003 5004 5005' --address 10.77.0.0/15 --address 10.0.0.0/8
	finds 5003 --address 198.51.100.2
	finds '5001 5002 5004 5005' --address 203.0.113.0/24
	finds '5001 5002 5003 5004 5005' --address 198.51.100.1
	finds '5001 5002 5003 5004 5005' --address 0.0.0.0/0
	finds '' --address ::/0
	finds '' --address 10.77.0.4
	finds '5001 5002 5003 5004' --state active
	finds '5001 5002 5003 5004 5005' --state active --state established
	finds 5002 t0 --port b --protocol udp --address 203.0.113.10 --state active
	finds '' t1 --port c --protocol tcp
	finds '' --port host
}

@test "protocols without ports have rows too, under a name or their number" {
	in_ns a "$PYTHON" -c '
from scapy.all import IP, GRE, Raw, send
send([IP(dst="203.0.113.99") / GRE() / Raw(bytes(20)), IP(dst="203.0.113.99", proto=253) / Raw(bytes(20))], verbose=0)'
	run -0 nsf -j flows
	jq -e 'map([.protocol, .inner.port, .external.address, .translated, .overloaded, .out_packets]) | sort ==
		[["253", 0, "198.51.100.1", true, false, 1], ["47", 0, "198.51.100.1", true, false, 1]]' <<<"$output"
	[ "$(nsf -j flows --protocol 47 | jq length)" = 1 ]
	run -0 nsf flows --protocol 253
	[[ $output == *" 10.77.0.2 > 203.0.113.99  as 198.51.100.1 "* ]]
	[ "$(nsf -j flows flush --protocol 47)" = '{"ended":1}' ]
}

@test "a flow that the outside began is told the other way round, and so is a hairpin" {
	nsf publish add t0 8000:a:7000/udp
	start nsenter --net=/run/netns/a -- "$PYTHON" tests/packets/mirror.py serve 7000 10.77.0.2
	until_ok 5 listens a 7000 udp
	for ns in "$OUT" b; do
		until_ok 5 in_ns "$ns" "$PYTHON" tests/packets/mirror.py ask udp 5300 198.51.100.1 8000
	done
	run -0 nsf -j flows --port a
	jq -e 'map(select(.peer.address == "198.51.100.2"))[0] | [.direction, .inner, .peer.port, .external, .translated, .hairpin] ==
		["in", {address: "10.77.0.2", port: 7000}, 5300, {address: "198.51.100.1", port: 8000}, true, false]' <<<"$output"
	jq -e 'map(select(.hairpin)) | length == 1 and .[0].direction == "in" and .[0].inner.port == 7000' <<<"$output"
	run -0 nsf flows --port a --address 198.51.100.2
	[[ $output == *" t0/a in   10.77.0.2:7000 < 198.51.100.2:5300  as 198.51.100.1:8000 "* ]]
	run -0 nsf -j flows --port b
	jq -e 'length == 1 and .[0].direction == "out" and .[0].hairpin' <<<"$output"
	nsf publish del t0 8000:a:7000/udp
	finds '' --port a
}

@test "a flow of the host itself, whose port number a container has, is listed as the host's" {
	only bpf "Linux has no such flows"
	tcp a 5400 7
	until_ok 5 finds 5400 --state established
	[[ $(ask "$H" tcp 5400) == "198.51.100.1 "* ]]
	finds '5400 5400'
	finds 5400 --port host
	finds 5400 t0
	finds 5400 --port a
	run -0 nsf -j flows --port host
	jq -e '.[0] | [.network, .port, .inner.address, .translated, .out_packets > 3, .in_packets > 2] ==
		[null, "host", "198.51.100.1", true, true, true]' <<<"$output"
	[ "$(nsf -j flows flush --port host)" = '{"ended":1}' ]
	finds 5400
}

@test "the states of a connection have their words" {
	tcp a 6001 9
	tcp a 6002 9 's.shutdown(socket.SHUT_WR)'
	tcp a 6003 7 's.shutdown(socket.SHUT_WR); s.recv(1)'
	tcp a 6004 9 's.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()'
	start nsenter --net=/run/netns/a -- "$PYTHON" -c 'import socket
s = socket.socket()
s.bind(("", 6005))
s.connect(("203.0.113.99", 9))'
	until_ok 5 finds 6001 --state established
	until_ok 5 finds 6002 --state half-closed
	until_ok 5 finds 6003 --state closed
	until_ok 5 finds 6004 --state reset
	until_ok 5 finds 6005 --state opening
	run -0 nsf -j flows
	jq -e 'map({(.state): .expires_seconds}) | add | .established > 7400 and ."half-closed" > 7400 and
		all(.closed, .reset, .opening; . > 200 and . <= 240)' <<<"$output"
}

@test "counts by protocol and state are those of the list" {
	[ "$(in_ns a "$PYTHON" tests/packets/mirror.py many udp 300 203.0.113.10 7)" = 300 ]
	[ "$(in_ns b "$PYTHON" tests/packets/mirror.py many tcp 40 203.0.113.10 7)" = 40 ]
	list=$(nsf -j flows | jq -cS 'group_by([.protocol, .state]) |
		map({protocol: .[0].protocol, state: .[0].state, flows: length})')
	[ "$(jq 'map(.flows) | add' <<<"$list")" = 340 ]
	[ "$(nsf -j flows --count | jq -cS 'sort_by([.protocol, .state])')" = "$list" ]
	run -0 nsf flows --count --protocol udp
	[[ $output =~ ^udp\ +active\ +300$ ]]
	run -0 nsf flows t1 --count
	[ -z "$output" ]
	[ "$(nsf -j flows t1 --count)" = '[]' ]
	[ "$(nsf flows | wc -l)" = 340 ]
}

@test "flush ends idle flows that it names, and their external ports are free" {
	ask a udp 5001
	ask b udp 5002
	ask a tcp 5003
	run -0 nsf flows flush t0 --port a --protocol udp
	[ "$output" = '1 flows ended' ]
	finds '5002 5003'
	[ "$(nsf -j flows flush --address 10.77.0.3)" = '{"ended":1}' ]
	finds 5003
	[ "$(nsf -j flows flush t1)" = '{"ended":0}' ]
	finds 5003
	[ "$(nsf -j flows flush)" = '{"ended":1}' ]
	finds ''
	# b may have at once what was a's
	[ "$(ask b udp 5001)" = "198.51.100.1 5001" ]
}

@test "flush ends flows with traffic, and nothing of a connection gets through after it" {
	serve "$OUT" 81 "$PYTHON" "$BATS_TEST_DIRNAME/talk.py" 81
	start nsenter --net=/run/netns/a -- "$PYTHON" "$BATS_TEST_DIRNAME/talk.py" 203.0.113.10 81 "$ROOM/talk"
	until_ok 5 [ -s "$ROOM/talk" ]
	start nsenter --net=/run/netns/b -- "$PYTHON" -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5000))
while True:
    s.sendto(b"", ("203.0.113.99", 1000))'
	until_ok 5 finds 5000 --protocol udp
	[ "$(nsf -j flows flush --protocol tcp)" = '{"ended":1}' ]
	size=$(stat -c %s "$ROOM/talk")
	for _ in {1..20}; do
		[ "$(nsf -j flows flush --protocol udp)" = '{"ended":1}' ]
		until_ok 1 finds 5000 --protocol udp
	done
	stop "$STARTED"
	[ "$(stat -c %s "$ROOM/talk")" -le $((size + 1)) ]
	finds '' --protocol tcp
}

@test "flush ends thousands at once, while others open new ones" {
	# another peer: Linux drops one of two that take the same external end towards the same peer at one moment
	start nsenter --net=/run/netns/b -- "$PYTHON" tests/packets/mirror.py many udp 30000 198.51.100.2 7
	[ "$(in_ns a "$PYTHON" tests/packets/mirror.py many udp 5000 203.0.113.10 7)" = 5000 ]
	[ "$(nsf -j flows flush --port a)" = '{"ended":5000}' ]
	finds '' --port a
	[ "$(nsf -j flows --port b | jq length)" -gt 100 ]
}

@test "show tells what a port uses of the shared tables, and which external ports are used" {
	ask a udp 5001
	ask a udp 5001 198.51.100.2
	in_ns b ping -c 1 -W 1 203.0.113.10
	tcp a 5002 9
	until_ok 5 finds 5002 --state established
	run -0 nsf -j show t0
	jq -e '.[0].external_ports == [{address: "198.51.100.1", tcp: 1, udp: 1, icmp: 1, other: 0}]' <<<"$output"
	jq -e '.[0].ports | map({(.name): .used | [.flows, .half_open]}) | add == {a: [3, 0], b: [1, 0]}' <<<"$output"
	# Linux has no such number of a port
	[ "$(mode)" = netfilter ] || jq -e '.[0].ports | map(.used.external_ports) == [2, 1]' <<<"$output"
	jq -e '.[0].flows | .used == 4 and .overloaded == 0' <<<"$output"
	run -0 nsf show t0 -d
	[[ $output == *"external ports used of 198.51.100.1: tcp 1 udp 1 icmp 1 other 0"* ]]
	nsf flows flush
	run -0 nsf -j show t0
	jq -e '.[0] | (.external_ports[0] | [.tcp, .udp, .icmp]) == [0, 0, 0] and
		([.ports[].used[]] | add) == 0' <<<"$output"
}

@test "what makes no sense is refused with its name and code" {
	run -3 nsf flows t9
	run -3 nsf flows flush t9
	run -3 nsf flows --port nobody
	[[ $output == *"no port 'nobody'"* ]]
	run -3 nsf flows t1 --port a
	[[ $output == *"t1: no port 'a'"* ]]
	run -3 --separate-stderr nsf -j flows --port nobody
	jq -e '.code == 3' <<<"$output"
	run -1 nsf flows --protocol tpc
	[[ $output == *"'tpc' is no protocol"* ]]
	run -1 nsf flows --state open
	run -1 nsf flows --address 10.77.0
	run -1 nsf flows --address
	run -1 nsf flows --prot udp9
	run -1 nsf flows flush --count
	run -1 nsf flows t0 t1
	run -1 nsf flows flush t0 t1
}

# limit: room in the flow table as show tells it
limit() {
	nsf -j show | jq '.[0].flows.limit'
}

@test "the flow table is as large as the host's first network asked for" {
	only bpf "the table is the kernel's"
	nsf down --all
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns d --uplink up0 --flows 1024
	[ "$(limit)" = 1024 ]
	[ "$(in_ns d "$PYTHON" -c 'import socket
for sport in range(20000, 22000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", sport))
    s.sendto(b"", ("203.0.113.99", 1000))
print("sent")')" = sent ]
	[ "$(nsf flows | wc -l)" -le 1024 ]
	run -1 nsf up t0 --flows 2048
	[[ $output == *"t0: the host's flow table has room for 1024 flows, not 2048"*"nsfast down --all"* ]]
	run -1 nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --uplink up0 --flows 2048
	[ "$(nsf -j show | jq length)" = 1 ]
	run -0 nsf up t0 --flows 1024
	[[ $output == *"no change"* ]]
	# another subnet makes the network anew, and the table stays what it is
	nsf up t0 --subnet 10.79.0.1/24
	[ "$(limit)" = 1024 ]
	nsf down --all
	printf '[Network]\nName=t0\nMode=%s\nAddress=10.77.0.1/24\nUplink=up0\nFlows=3000\n' "$(mode)" >"$ROOM/t0.conf"
	nsf up -f "$ROOM/t0.conf"
	[ "$(limit)" = 3000 ]
	nsf down --all
}
