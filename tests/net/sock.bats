#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The host itself reaches what it publishes, by loopback and by each of its addresses, and nobody else's sockets change.
#
#   a 10.77.0.2, b 10.77.0.3 ── t0 10.77.0.1 ── host ($H) up0 198.51.100.1, .77 ── outside ($OUT)
load lib

setup() {
	only bpf
	CGROUP=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)
	[ -n "$CGROUP" ] || skip "no cgroup2 is mounted"
	host_up
	nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.77
	for ns in a b; do
		serve "$ns" 80 "$PYTHON" tests/net/own.py serve 80
	done
}
teardown() { [ -z "${H-}" ] || host_down; }

# own NS HOW ADDRESS PORT [SOURCE]: asks
own() {
	in_ns "$1" "$PYTHON" tests/net/own.py "${@:2}"
}

# The host's programs for sockets, by the kernel's numbers; others may have programs of the same names there.
programs() {
	local p
	for p in /run/nsfast/bpf/*/*/nsf_{connect,sendmsg,recvmsg,getpeername}[46]; do
		bpftool -j prog show pinned "$p" | jq .id
	done
}

# attached N ID...: so many of them are attached
attached() {
	local n=$1
	shift
	[ "$(bpftool -j cgroup show "$CGROUP" | jq -s --argjson ids "[$(IFS=,; echo "$*")]" \
		'[.[][] | select(.id as $i | $ids | index($i))] | length')" = "$n" ]
}

# killed COMMAND...: at its Nth call into bpf, for every third N; fails when there is no such call any more
killed() {
	! strace -f -qqq -o "$ROOM/trace" -e trace=bpf -e "inject=bpf:signal=KILL:when=$n" "$NSFAST" -n "$H" "$@"
}

# Some command for another host has taken the programs away; the kernel ends a namespace when it finds the time.
collected() {
	"$NSFAST" -n "$OUT" up t9 --mode bpf --uplink none && attached 0 "$@"
}

@test "each address of the host leads to the container, which sees the gateway" {
	nsf publish add t0 8080:a:80
	nsf publish add t0 8080:a:80/udp
	for address in 127.0.0.1 127.9.9.9 10.77.0.1 198.51.100.1 198.51.100.77; do
		for how in tcp udp sendto; do
			run -0 own "$H" $how $address 8080
			[ "$output" = "by $address 8080, seen as 10.77.0.1" ]
			run -0 own "$H" $how ::ffff:$address 8080
			[ "$output" = "by ::ffff:$address 8080, seen as 10.77.0.1" ]
		done
	done
	run -0 in_ns "$H" curl -s --http0.9 --max-time "$TRANSFER" http://localhost:8080
	[[ $output == 10.77.0.1* ]]
}

@test "a source of the host's own is kept; with one on loopback nothing is redirected" {
	nsf publish add t0 8080:a:80
	run -0 own "$H" tcp 198.51.100.1 8080 198.51.100.77
	[ "$output" = "by 198.51.100.1 8080, seen as 198.51.100.77" ]
	run -1 own "$H" tcp 127.0.0.1 8080 127.0.0.1
	[ "$output" = "Connection refused" ]
}

@test "a rule for one address serves that address alone, and a range leads to a range" {
	nsf publish add t0 127.0.0.1:8080:a:80
	nsf publish add t0 198.51.100.1:8079-8081:b:79-81
	run -0 own "$H" tcp 127.0.0.1 8080
	[ "$output" = "by 127.0.0.1 8080, seen as 10.77.0.1" ]
	run -0 own "$H" tcp 198.51.100.1 8080
	for address in 127.0.0.2 10.77.0.1 198.51.100.77; do
		run -1 own "$H" tcp $address 8080
		[ "$output" = "Connection refused" ]
	done
	run -1 own "$H" tcp 198.51.100.1 8081
	[ "$output" = "Connection refused" ]
}

@test "sockets of containers and of the outside are not touched" {
	nsf publish add t0 8080:a:80
	for ns in a b "$OUT"; do
		run -1 own "$ns" tcp 127.0.0.1 8080
		[ "$output" = "Connection refused" ]
	done
	in_ns "$H" ip addr add 192.0.2.1/32 dev lo
	nsf up t0
	run -0 own "$H" tcp 192.0.2.1 8080
	run -1 own "$OUT" tcp 192.0.2.1 8080
}

@test "the host's other traffic goes where it went" {
	nsf publish add t0 8080:a:80
	serve "$OUT" 8080 "$PYTHON" tests/net/own.py serve 8080
	for how in tcp udp sendto; do
		run -0 own "$H" $how 198.51.100.2 8080
		[ "$output" = "by 198.51.100.2 8080, seen as 198.51.100.1" ]
		run -0 own "$H" $how 10.77.0.2 80
		[ "$output" = "by 10.77.0.2 80, seen as 10.77.0.1" ]
	done
}

@test "programs are attached while there is a publish, and down takes them away" {
	local ids
	mapfile -t ids < <(programs)
	[ ${#ids[@]} = 8 ]
	attached 0 "${ids[@]}"
	nsf publish add t0 8080:a:80
	attached 8 "${ids[@]}"
	nsf publish add t0 8081:b:80
	nsf publish del t0 8080:a:80
	attached 8 "${ids[@]}"
	run -1 own "$H" tcp 127.0.0.1 8080
	run -0 own "$H" tcp 127.0.0.1 8081
	nsf del t0 b
	attached 0 "${ids[@]}"
	nsf publish add t0 8080:a:80
	attached 8 "${ids[@]}"
	nsf down t0
	attached 0 "${ids[@]}"
	[ ! -e /run/nsfast ]
}

@test "a connection ends with its publish, and no other does" {
	local gone stays
	serve a 90 "$PYTHON" tests/net/talk.py 90
	nsf publish add t0 8080:a:90
	nsf publish add t0 8081:a:90
	start nsenter --net="/run/netns/$H" -- "$PYTHON" tests/net/talk.py 127.0.0.1 8080 "$ROOM/gone" 2>"$ROOM/why"
	gone=$STARTED
	start nsenter --net="/run/netns/$H" -- "$PYTHON" tests/net/talk.py 127.0.0.1 8081 "$ROOM/stays" 2>"$ROOM/why2"
	stays=$STARTED
	until_ok 5 test -s "$ROOM/gone"
	until_ok 5 test -s "$ROOM/stays"
	nsf publish del t0 8080:a:90
	until_ok 5 gone "$gone"
	grep -q 'ConnectionAbortedError' "$ROOM/why"
	: >"$ROOM/stays"
	until_ok 5 test -s "$ROOM/stays"
	nsf up t0
	run -1 gone "$stays"
	nsf del t0 a
	until_ok 5 gone "$stays"
	grep -q 'ConnectionAbortedError' "$ROOM/why2"
}

@test "what somebody else takes away, the next up brings back" {
	local ids pins
	nsf publish add t0 8080:a:80
	mapfile -t ids < <(programs)
	pins=(/run/nsfast/bpf/*/*)
	bpftool link detach pinned "${pins[0]}/sock-connect4"
	rm "${pins[0]}/sock-sendmsg4"
	attached 6 "${ids[@]}"
	nsf -j doctor | jq -e '.[] | select(.check == "own publishes") | .ok == false'
	nsf up t0
	attached 8 "${ids[@]}"
	nsf -j doctor | jq -e '.[] | select(.check == "own publishes") | .ok'
	own "$H" tcp 127.0.0.1 8080
}

@test "add and del killed at any moment: the same again works" {
	local ids n
	mapfile -t ids < <(programs)
	for ((n = 1; ; n += 3)); do
		killed publish add t0 8080:a:80 || break
		nsf publish add t0 8080:a:80
		attached 8 "${ids[@]}"
		nsf publish del t0 8080:a:80
		attached 0 "${ids[@]}"
	done
	[ $n -gt 30 ]
	for ((n = 1; ; n += 3)); do
		nsf publish add t0 8080:a:80
		killed publish del t0 8080:a:80 || break
		nsf publish del t0 8080:a:80 || nsf up t0
		attached 0 "${ids[@]}"
	done
	killed down t0 || [ ! -e /run/nsfast ] || nsf down t0
	attached 0 "${ids[@]}"
}

@test "an address that the host gets later is told by doctor, and known after up" {
	nsf publish add t0 8080:a:80
	ip -n "$H" addr add 198.51.100.9/24 dev up0
	nsf -j doctor | jq -e '.[] | select(.check == "own publishes") | .ok == false'
	nsf up t0
	nsf -j doctor | jq -e '.[] | select(.check == "own publishes") | .ok'
	run -0 own "$H" tcp 198.51.100.9 8080
	ip -n "$H" addr del 198.51.100.9/24 dev up0
	nsf up t0
	ip -n "$OUT" addr add 198.51.100.9/24 dev eth0
	serve "$OUT" 8080 "$PYTHON" tests/net/own.py serve 8080
	run -0 own "$H" tcp 198.51.100.9 8080
	[ "$output" = "by 198.51.100.9 8080, seen as 198.51.100.1" ]
}

@test "a host that is gone loses its programs with the next command" {
	local ids pid
	nsf publish add t0 8080:a:80
	mapfile -t ids < <(programs)
	ip netns del a
	ip netns del b
	while read -r pid; do
		stop -KILL "$pid"
	done <"$ROOM/pids"
	ip netns del "$H"
	attached 8 "${ids[@]}"
	until_ok 5 collected "${ids[@]}"
	"$NSFAST" -n "$OUT" down t9
}

@test "inside 'ip netns exec', which hides cgroup2, it works all the same" {
	ip netns exec "$H" "$NSFAST" publish add t0 8080:a:80
	run -0 own "$H" tcp 127.0.0.1 8080
}

@test "without cgroup2 a publish warns by name, serves the others, and doctor tells" {
	mount -t tmpfs tmpfs "$CGROUP"
	run -0 nsf publish add t0 8080:a:80
	[ "$(grep -c 'warning: this host itself does not reach its published ports: no cgroup2 is mounted' <<<"$output")" = 1 ]
	nsf -j doctor | jq -e '.[] | select(.check == "own publishes") | .ok == false'
	run -1 own "$H" tcp 127.0.0.1 8080
	umount "$CGROUP"
	run -0 nsf up t0
	[[ $output != *warning* ]]
	run -0 own "$H" tcp 127.0.0.1 8080
}
