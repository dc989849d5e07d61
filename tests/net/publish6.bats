#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Ports published at IPv6 addresses: as with IPv4, and a rule for any address is one for each family.
#
#   a fd00:77::2, b fd00:77::3 ── t0 fd00:77::1 ── host ($H) up0 2001:db8:51::1, ::77 ── outside 2001:db8:51::2
load lib

PEER=2001:db8:51::2
EXT=2001:db8:51::1
EXT2=2001:db8:51::77

setup_file() {
	host_up
	ip -n "$H" addr add $EXT/64 dev up0 nodad
	ip -n "$H" addr add $EXT2/64 dev up0 nodad
	ip -n "$OUT" addr add $PEER/64 dev eth0 nodad
	until_ok 5 in_ns "$H" ping -c 1 -W 1 $PEER
	# where the outside would send what must not reach it
	ip -n "$OUT" -6 route add fd00:77::/64 via $EXT
}
teardown_file() { host_down; }

setup() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --subnet fd00:77::1/64 --ns a --ns b --uplink up0
}
teardown() { nsf down --all; }

publish() {
	nsf publish add t0 "$@"
}

mirror() {
	serve "$1" "$2" "$PYTHON" tests/packets/mirror.py serve "$2" ::
	until_ok 5 listens "$1" "$2" udp
}

# asks NS PROTOCOL ADDRESS PORT [SPORT]: "ADDRESS PORT" as which NS was seen there
asks() {
	in_ns "$1" "$PYTHON" tests/packets/mirror.py ask "$2" "${5:-0}" "$3" "$4"
}

# reached NS PROTOCOL ADDRESS PORT: it is answered
reached() {
	run -0 asks "$@"
	[[ $output =~ ^[0-9a-f:]+\ [0-9]+$ ]]
}

rules() {
	nsf publish show
}

@test "any address means both families of the container, one address its own; show, JSON and del" {
	run -0 publish 8080:a:80
	[ "$output" = "t0: published tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80
t0: published tcp [::]:8080 > t0/a [fd00:77::2]:80" ]
	publish 0.0.0.0:53:a:53/udp
	publish "[::]:54:a:53/udp"
	publish "[::1]:55:b:55/udp"
	publish "[fd00:77::1]:56-57:b:56-57/sctp"
	[ "$(rules)" = "tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80
udp 0.0.0.0:53 > t0/a 10.77.0.2:53
tcp [::]:8080 > t0/a [fd00:77::2]:80
udp [::]:54 > t0/a [fd00:77::2]:53
udp [::1]:55 > t0/b [fd00:77::3]:55
sctp [fd00:77::1]:56-57 > t0/b [fd00:77::3]:56-57" ]
	run -0 nsf -j publish show t0
	[ "$(jq -c '.[3]' <<<"$output")" = '{"protocol":"udp","address":"::","port":54,"last":54,"network":"t0","name":"a","to_address":"fd00:77::2","to_port":53}' ]
	run -0 publish 8080:a:80
	[ "${lines[0]}" = "t0: no change, tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80" ]
	nsf publish del t0 "[::]:8080:a:80"
	[[ $(rules) == *"tcp 0.0.0.0:8080"* && $(rules) != *"tcp [::]:8080"* ]]
	run -0 publish 8080:a:80 # the half that is missing
	[ "${lines[1]}" = "t0: published tcp [::]:8080 > t0/a [fd00:77::2]:80" ]
	run -0 nsf publish del t0 8080:a:80
	[ "${#lines[@]}" = 2 ]
	[[ $(rules) != *8080* ]]
}

@test "up lists them, keeps them without a list, and loses those of a family that the network has no more" {
	nsf up t0 --publish 8080:a:80 --publish "[$EXT]:9090:b:90/udp"
	[ "$(rules | wc -l)" = 3 ]
	run -0 nsf up t0
	[[ $output == *"no change"* || $output == *unchanged* ]]
	[ "$(rules | wc -l)" = 3 ]
	mirror a 80
	reached "$OUT" tcp $EXT 8080
	run -0 --separate-stderr nsf up t0 --ipv6 no
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *"tcp [::]:8080 is published no more"* ]]
	[ "$(rules)" = "tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80" ]
}

@test "from outside: TCP and UDP arrive, and the client's address and port are kept" {
	mirror a 80
	publish 8080:a:80/tcp
	publish 8080:a:80/udp
	for protocol in tcp udp; do
		[ "$(asks "$OUT" $protocol $EXT 8080 4444)" = "$PEER 4444" ]
		[ "$(asks "$OUT" $protocol $EXT2 8080 4445)" = "$PEER 4445" ]
		[ "$(asks "$OUT" $protocol 198.51.100.1 8080 4446)" = "198.51.100.2 4446" ]
	done
	run -0 nsf flows --address fd00:77::2
	[[ $output == *"$PEER"* ]]
}

@test "at one address: not at the others; a range leads to a range" {
	mirror a 80
	mirror a 85
	publish "[$EXT2]:8080-8085:a:80-85"
	for port in 0 5; do
		[ "$(asks "$OUT" tcp $EXT2 808$port 4444)" = "$PEER 4444" ]
	done
	run ! in_ns "$OUT" curl -s -m 0.5 "http://[$EXT]:8080/"
	run ! in_ns "$OUT" curl -s -m 0.5 "http://[$EXT2]:8081/"
}

@test "from another container, from the container itself and from another network, by each address of the host" {
	mirror a 80
	publish 8080:a:80/tcp
	publish 8080:a:80/udp
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --subnet fd00:78::1/64 --ns c --uplink up0
	for protocol in tcp udp; do
		for address in $EXT $EXT2 fd00:77::1; do
			reached a $protocol "$address" 8080
			reached b $protocol "$address" 8080
		done
		reached c $protocol $EXT 8080
	done
	run ! in_ns c curl -s -m 0.5 "http://[fd00:77::2]/"
}

@test "from the host: by each of its addresses and by ::1, as the gateway" {
	only bpf
	[ -n "$(findmnt -n -o TARGET -t cgroup2)" ] || skip "no cgroup2 is mounted"
	serve a 80 "$PYTHON" tests/net/own.py serve 80
	publish 8080:a:80
	publish 8080:a:80/udp
	for address in ::1 fd00:77::1 $EXT $EXT2; do
		for how in tcp udp sendto; do
			run -0 in_ns "$H" "$PYTHON" tests/net/own.py $how "$address" 8080
			[ "$output" = "by $address 8080, seen as fd00:77::1" ]
		done
	done
	run -0 in_ns "$H" curl -s --http0.9 --max-time "$TRANSFER" http://localhost:8080
	[[ $output == fd00:77::1* || $output == 10.77.0.1* ]]
	nsf publish del t0 8080:a:80
	run -1 in_ns "$H" "$PYTHON" tests/net/own.py tcp ::1 8080
	[ "$output" = "Connection refused" ]
}

@test "a rule's removal ends its flows at once, and no others" {
	serve a 90 "$PYTHON" tests/net/talk.py 90
	publish "[::]:8080:a:90"
	publish "[::]:8081:a:90"
	start nsenter --net="/run/netns/$OUT" -- "$PYTHON" tests/net/talk.py $EXT 8080 "$ROOM/gone" 2>"$ROOM/why"
	local gone=$STARTED
	start nsenter --net="/run/netns/$OUT" -- "$PYTHON" tests/net/talk.py $EXT 8081 "$ROOM/stays" 2>"$ROOM/why2"
	local stays=$STARTED
	until_ok 5 test -s "$ROOM/gone"
	until_ok 5 test -s "$ROOM/stays"
	nsf publish del t0 "[::]:8080:a:90"
	[ "$(nsf -j flows | jq 'length')" = 1 ]
	until_ok 5 gone "$gone"
	: >"$ROOM/stays"
	until_ok 5 test -s "$ROOM/stays"
	run -1 gone "$stays"
}

@test "a network that is not translated is published to the outside too" {
	nsf up t0 --snat6 none
	mirror a 80
	publish "[::]:8080:a:80"
	[ "$(asks "$OUT" tcp $EXT 8080 4444)" = "$PEER 4444" ]
}

@test "refused: another's address, a family that the container lacks, another rule, a socket of the host" {
	only bpf
	publish 8080:a:80
	run -1 publish "[2001:db8:99::1]:90:a:90"
	[ "${lines[0]}" = "nsfast: t0/a: cannot publish tcp [2001:db8:99::1]:90: 2001:db8:99::1 is no address of this host" ]
	run -1 publish "[$EXT]:8080:b:80"
	[ "${lines[0]}" = "nsfast: t0/b: cannot publish tcp [$EXT]:8080: tcp [::]:8080 leads to t0/a already" ]
	run -1 publish "[fe80::1]:8081:b:80"
	run -1 publish "2001:db8::1:8081:b:80"
	serve "$H" 9090 "$PYTHON" tests/packets/mirror.py serve 9090 ::1
	run -1 publish "[$EXT]:9090:b:80"
	[[ $output == *"tcp *:9090 is held by"* ]]
	run -1 publish 9090:b:90/udp
	[[ $output == *"udp [::1]:9090 is held by"* ]]
	publish "[$EXT]:9090:b:90/udp"
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --ipv6 no --ns c --uplink up0
	run -1 nsf publish add t1 "[::]:7070:c:70"
	[ "${lines[0]}" = "nsfast: t1/c: cannot publish tcp [::]:7070: the port has no IPv6 address" ]
	run -0 nsf publish add t1 7070:c:70
	[ "$output" = "t1: published tcp 0.0.0.0:7070 > t1/c 10.78.0.2:70" ]
}

@test "the outside hears of a closed port, by the address that it asked" {
	publish "[::]:8080:a:80/udp"
	capture "$OUT" eth0 'icmp6[0] == 1' "$ROOM/closed.pcap"
	run -1 in_ns "$OUT" "$PYTHON" tests/net/own.py udp $EXT 8080
	[ "$output" = "Connection refused" ]
	capture_stop
	captured "$ROOM/closed.pcap" | grep -q "$EXT > $PEER: ICMP6, destination unreachable"
	run ! grep fd00:77 <(captured "$ROOM/closed.pcap" -v)
}
