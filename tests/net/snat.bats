#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# How SNAT is done: pool, range, exempt destinations, filtering, overloading, and each port's limits.
#
#   a 10.77.0.2, b 10.77.0.3 ── t0 ── host ($H) up0 198.51.100.1, .77 ── outside ($OUT) 203.0.113.10, 198.51.100.2
load lib

setup_file() {
	host_up
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10 198.51.100.2
	until_ok 5 listens "$OUT" 7 udp
}
teardown_file() { host_down; }
teardown() {
	nsf down --all
	ip -n "$OUT" route del 10.77.0.0/24 2>/dev/null || :
}

t0_up() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 "$@"
}

# ask NS PROTOCOL SPORT [ADDRESS]: "ADDRESS PORT" as which the outside saw it
ask() {
	in_ns "$1" "$PYTHON" tests/packets/mirror.py ask "$2" "$3" "${4:-203.0.113.10}" 7
}

# shows JQ: of the only network's JSON
shows() {
	nsf -j show t0 | jq -c ".[0] | $1"
}

# settings: all that show tells but what traffic changes
settings() {
	shows 'del(.host, .outside, .flows, .external_ports, (.ports[] | .used, .rx_packets, .rx_bytes, .tx_packets, .tx_bytes))'
}

# hears NS: what a socket that asked 203.0.113.10 hears from another port of it and from another address
hears() {
	rm -f "$ROOM/heard"
	in_ns "$1" timeout 60 "$PYTHON" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7000))
s.settimeout(5)
s.sendto(b"who", ("203.0.113.10", 7))
print(s.recvfrom(100)[0].decode().strip(), flush=True)
heard = set()
try:
    while len(heard) < 2:
        heard.add(s.recvfrom(100)[1])
except TimeoutError:
    pass
print("heard", *sorted(heard), flush=True)' >"$ROOM/heard" &
	until_ok 5 grep -qE '^[0-9.]+ [0-9]+$' "$ROOM/heard" || return
	# shellcheck disable=SC2046 # words: address and port
	in_ns "$OUT" "$PYTHON" -c '
import socket, sys
for a in "203.0.113.10", "198.51.100.2":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((a, 7001))
    s.sendto(b"stranger", (sys.argv[1], int(sys.argv[2])))' $(<"$ROOM/heard")
	wait $!
	tail -n 1 "$ROOM/heard"
}

# answers N FILE: a connection that is held has been answered so often
answers() {
	[ "$(wc -l <"$2")" = "$1" ]
}

@test "of a pool each container has one address for all protocols and destinations, and both are used" {
	t0_up --snat 198.51.100.1,198.51.100.77
	for to in 203.0.113.10 198.51.100.2; do
		[ "$(ask a udp 5001 $to)" = "198.51.100.1 5001" ]
		[ "$(ask a tcp 5001 $to)" = "198.51.100.1 5001" ]
		[ "$(ask b udp 5001 $to)" = "198.51.100.77 5001" ]
		[ "$(ask b tcp 5001 $to)" = "198.51.100.77 5001" ]
	done
	in_ns a ping -c 1 -W 1 203.0.113.10
	in_ns b ping -c 1 -W 1 203.0.113.10
	[ "$(nsf -j flows | jq -c '[.[] | [.port, .external.address]] | unique')" = \
		'[["a","198.51.100.1"],["b","198.51.100.77"]]' ]
	[ "$(flows '.protocol == "icmp"')" = 2 ]
}

@test "a change of the pool ends the flows of whose address is another one now, and no others" {
	t0_up --snat 198.51.100.1,198.51.100.77
	[ "$(ask a udp 5002)" = "198.51.100.1 5002" ]
	mkfifo "$ROOM/b.in"
	# shellcheck disable=SC2154 # nothing is lib's
	nsenter --net=/run/netns/b -- "$PYTHON" tests/packets/mirror.py hold 9000 203.0.113.10 7 fin \
		<"$ROOM/b.in" >"$ROOM/b.out" {nothing}>&- 3>&- &
	exec {IN}>"$ROOM/b.in"
	until_ok 5 answers 1 "$ROOM/b.out"
	nsf up t0 --snat 198.51.100.77
	[ "$(flows '.external.address == "198.51.100.1"')" = 0 ]
	[ "$(ask a udp 5002)" = "198.51.100.77 5002" ]
	echo >&"$IN"
	until_ok 5 answers 2 "$ROOM/b.out"
	nsf up t0 --snat 198.51.100.1,198.51.100.77
	[ "$(flows '.port == "a"')" = 0 ]
	[ "$(ask a udp 5002)" = "198.51.100.1 5002" ]
	echo >&"$IN"
	until_ok 5 answers 3 "$ROOM/b.out"
	[ "$(sort -u "$ROOM/b.out")" = "198.51.100.77 9000" ]
	exec {IN}>&-
	wait $!
}

@test "two networks with one address in their pools never share an external port" {
	t0_up --snat 198.51.100.1,198.51.100.77
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --ns c --uplink up0 --snat 198.51.100.1
	for protocol in udp tcp; do
		[ "$(ask a $protocol 5003)" = "198.51.100.1 5003" ]
		other=$(ask c $protocol 5003)
		[[ $other == "198.51.100.1 "* ]]
		[ "$other" != "198.51.100.1 5003" ]
	done
	nsf down t0
	[ "$(ask c udp 5003)" = "$(nsf -j flows | jq -r '.[] | select(.protocol == "udp") | .external |
		"\(.address) \(.port)"')" ]
}

@test "who cannot keep its port gets one of the range" {
	only bpf "Linux takes all ports from the range"
	t0_up --snat 198.51.100.1 --snat-ports 20000-20100
	for sport in 6000 6001 6002 6003 6004; do
		[ "$(ask a udp $sport)" = "198.51.100.1 $sport" ]
		other=$(ask b udp $sport)
		port=${other#* }
		[ "$port" -ge 20000 ]
		[ "$port" -le 20100 ]
		[ $((port % 2)) = $((sport % 2)) ]
	done
	# another range holds for what begins now
	nsf up t0 --snat-ports 30000-30100
	[ "$(ask b udp 6004)" = "$other" ]
	[ "$(ask a udp 6005)" = "198.51.100.1 6005" ]
	port=$(ask b udp 6005 | cut -d ' ' -f 2)
	[ "$port" -ge 30000 ]
	[ "$port" -le 30100 ]
}

@test "with random ports all are of the range, and a destination more does not make another one" {
	only bpf "Linux chooses by destination"
	t0_up --snat 198.51.100.1 --snat-ports 20000-20100 --snat-port random
	[ "$(in_ns a "$PYTHON" tests/packets/mirror.py many udp 20 203.0.113.10 7)" = 20 ]
	[ "$(nsf -j flows | jq '[.[].external.port | select(. >= 20000 and . <= 20100)] | unique | length')" = 20 ]
	[ "$(nsf -j flows | jq '[.[] | select(.external.port == .inner.port)] | length')" -lt 10 ]
	[ "$(ask a udp 6000)" = "$(ask a udp 6000 198.51.100.2)" ]
}

@test "without overloading nobody gets a port that another one has, and is told" {
	only bpf "Linux shares external ports"
	t0_up --snat 198.51.100.1 --snat-ports 20000-20063 --snat-port random --snat-overload no
	run in_ns a "$PYTHON" tests/packets/mirror.py many udp 70 203.0.113.10 7
	[ "$(nsf -j flows | jq '[.[].external.port] | unique | length')" = 64 ]
	[ "$(flows)" = 64 ]
	[ "$(dropped PORTS_FULL)" -ge 1 ]
	run ! ask b udp 5000 198.51.100.2
	[[ $output == *"No route to host"* || $output == *"Permission denied"* ]]
	nsf up t0 --snat-overload yes
	ask b udp 5000 198.51.100.2
	[ "$(nsf -j flows | jq '[.[].external.port] | unique | length')" = 64 ]
}

@test "exempt destinations see the container's own address, and their answers come back" {
	ip -n "$OUT" route add 10.77.0.0/24 via 198.51.100.1
	t0_up --snat 198.51.100.1 --snat-except 203.0.113.0/24,192.0.2.0/24
	for protocol in udp tcp; do
		[ "$(ask a $protocol 5004)" = "10.77.0.2 5004" ]
		[ "$(ask a $protocol 5004 198.51.100.2)" = "198.51.100.1 5004" ]
	done
	in_ns a ping -c 1 -W 1 203.0.113.10
	# from there the container is reached by its address, and from nowhere else
	in_ns "$OUT" ping -c 1 -W 1 -I 203.0.113.10 10.77.0.2
	run ! in_ns "$OUT" ping -c 1 -W 1 -I 198.51.100.2 10.77.0.2
	nsf up t0 --snat-except none
	[ "$(ask a udp 5005)" = "198.51.100.1 5005" ]
	run ! in_ns "$OUT" ping -c 1 -W 1 -I 203.0.113.10 10.77.0.2
	nsf up t0 --snat-except 203.0.113.10
	[ "$(ask a udp 5006)" = "10.77.0.2 5006" ]
}

@test "a stranger reaches a mapping only where filtering is endpoint-independent" {
	only bpf "Linux filters by address and port"
	t0_up --snat 198.51.100.1
	[ "$(hears a)" = "heard" ]
	nsf up t0 --filter endpoint-independent
	[ "$(hears a)" = "heard ('198.51.100.2', 7001) ('203.0.113.10', 7001)" ]
	nsf up t0 --filter address-port
	[ "$(hears b)" = "heard" ]
}

@test "a port's limit of flows stops that port alone; a higher one lets it go on" {
	t0_up --snat 198.51.100.1 --max-flows 20
	nsf add t0 c --max-flows 5
	[ "$(in_ns c "$PYTHON" tests/packets/mirror.py many udp 5 203.0.113.10 7)" = 5 ]
	run ! ask c udp 5005
	[ "$(flows '.port == "c"')" = 5 ]
	[ "$(dropped FLOWS_QUOTA)" -ge 1 ]
	ask c udp 20000 # a flow that is there goes on
	[ "$(in_ns a "$PYTHON" tests/packets/mirror.py many udp 20 203.0.113.10 7)" = 20 ]
	run ! ask a udp 5005
	ask b udp 5005
	[ "$(shows '[.ports[] | [.name, .used.flows, .limits.flows]]')" = '[["a",20,20],["b",1,20],["c",5,5]]' ]
	nsf up t0 --max-flows 21
	ask a udp 5005
	[ "$(mode)" != bpf ] || run ! ask c udp 5005 # Linux counts anew after each change of rules
}

@test "show tells how SNAT is done, with the defaults and with all that was said" {
	only bpf "Linux has no such choices"
	t0_up --snat 198.51.100.1
	[ "$(shows '[.snat, .snat_pool, .snat_ports, .snat_port, .snat_icmp, .overload, .filter, .except]')" = \
		'["198.51.100.1",["198.51.100.1"],"1024-65535","preserve",true,true,"address-port",[]]' ]
	[ "$(shows '.limits')" = "$(shows '{flows: (.flows.limit / 4), half_open: 4096, external_ports: 16384, macs: 256, flood: 10000}')" ]
	[ "$(shows '[.ports[].limits] | unique')" = "[$(shows .limits)]" ]
	cat >"$ROOM/t0.conf" <<-X
		[Network]
		Name=t0
		SNat=198.51.100.77, 198.51.100.1
		SnatPorts=2000-3000
		SnatExcept=192.0.2.0/24, 10.0.0.0/8
		SnatPort=random
		SnatOverload=no
		SnatIcmp=no
		Filter=endpoint-independent
		MaxFlows=100
		MaxHalfOpen=10
		MaxPorts=none
		[Port a]
		[Port b]
		MaxFlows=7
	X
	run -0 nsf -j up -f "$ROOM/t0.conf"
	[ "$(jq -c '[.changed, .snat]' <<<"$output")" = '[true,"198.51.100.77"]' ]
	[ "$(shows '[.snat, .snat_pool, .snat_ports, .snat_port, .snat_icmp, .overload, .filter, .except]')" = \
		'["198.51.100.77",["198.51.100.77","198.51.100.1"],"2000-3000","random",false,false,"endpoint-independent",["10.0.0.0/8","192.0.2.0/24"]]' ]
	[ "$(shows '.limits')" = '{"flows":100,"half_open":10,"external_ports":null,"macs":256,"flood":10000}' ]
	[ "$(shows '[.ports[].limits.flows]')" = '[100,7]' ]
	run -0 nsf -d show t0
	[[ $output == *"SNAT 198.51.100.77 198.51.100.1,"* ]]
	[[ $output == *"ports 2000-3000, port random, overload no, icmp no, filter endpoint-independent"* ]]
	run -0 nsf up -f "$ROOM/t0.conf"
	[[ $output == "t0: no change"* ]]
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
}

@test "each option alone is a change, the others stay, and said again it is none" {
	only bpf "Linux has no such choices"
	t0_up --snat 198.51.100.1
	was=$(settings)
	while read -r change jq; do
		read -ra words <<<"${change//=/ }"
		run -0 nsf -j up t0 "${words[@]}"
		[ "$(jq .changed <<<"$output")" = true ]
		[ "$(settings | jq -c "$jq")" = "$(jq -c "$jq" <<<"$was")" ]
		was=$(settings)
		run -0 nsf -j up t0 "${words[@]}"
		[ "$(jq .changed <<<"$output")" = false ]
	done <<-X
		--snat=198.51.100.1,198.51.100.77 del(.snat_pool)
		--snat=198.51.100.77,198.51.100.1 del(.snat_pool, .snat)
		--snat-ports=2000-2999 del(.snat_ports)
		--snat-except=192.0.2.0/24 del(.except)
		--snat-except=192.0.2.0/25 del(.except)
		--snat-except=none del(.except)
		--snat-port=random del(.snat_port)
		--snat-overload=no del(.overload)
		--snat-icmp=no del(.snat_icmp)
		--filter=endpoint-independent del(.filter)
		--max-flows=9 del(.limits.flows, .ports[].limits.flows)
		--max-half-open=8 del(.limits.half_open, .ports[].limits.half_open)
		--max-ports=none del(.limits.external_ports, .ports[].limits.external_ports)
		--snat=none del(.snat, .snat_pool)
		--snat=auto del(.snat, .snat_pool)
	X
	in_ns a ping -c 1 -W 1 203.0.113.10
}

@test "a limit of a port's own stays when the network's changes, and ports added later have the network's" {
	t0_up --max-flows 100
	nsf add t0 c --max-flows 7
	nsf up t0 --max-flows 50
	nsf add t0 d
	[ "$(shows '[.ports[] | [.name, .limits.flows]]')" = '[["a",50],["b",50],["c",7],["d",50]]' ]
	run -0 nsf up t0 --ns a --ns b --ns c --ns d
	[[ $output == "t0: no change"* ]]
}

@test "what cannot be is refused before anything changes" {
	t0_up --snat 198.51.100.1
	was=$(settings)
	run -1 nsf up t0 --snat 198.51.100.1,198.51.100.9
	[[ $output == *"SNAT address 198.51.100.9 is no address of this host"* ]]
	run -1 nsf up t0 --snat 198.51.100.1,198.51.100.1
	[[ $output == *"'198.51.100.1' is there already"* ]]
	run -1 nsf up t0 --snat-ports 3000-2000
	run -1 nsf up t0 --snat-ports 2000-2050
	run -1 nsf up t0 --snat-except 10.0.0.0/8,10.9.9.9/8
	run -1 nsf up t0 --max-flows 0
	run -1 nsf up t0 --uplink none --snat 198.51.100.1,198.51.100.77
	[ "$(settings)" = "$was" ]
}

@test "an address that leaves all pools takes its ledger with it" {
	only bpf "ledgers are bpf mode's"
	local pins=(/run/nsfast/bpf/*/*)
	t0_up --snat 198.51.100.1,198.51.100.77
	pins=(/run/nsfast/bpf/*/*)
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --ns c --uplink up0 --snat 198.51.100.77
	[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_exts" | jq length)" = 2 ]
	nsf down t0
	[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_exts" | jq length)" = 1 ]
	[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_ledgers" | jq length)" = 1 ]
	nsf up t1 --snat none
	[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_exts" | jq length)" = 0 ]
	[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_ledgers" | jq length)" = 0 ]
}

@test "a new MAC of the uplink is learned by the next up" {
	only bpf "the kernel knows its own"
	t0_up --snat 198.51.100.1
	in_ns a ping -c 1 -W 1 203.0.113.10
	ip -n "$H" link set up0 address 02:00:00:00:12:34
	run -0 nsf -j up t0
	[ "$(jq .changed <<<"$output")" = true ]
	run -0 nsf -j up t0
	[ "$(jq .changed <<<"$output")" = false ]
	until_ok 5 in_ns a ping -c 1 -W 1 203.0.113.10
}
