#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# A network in use changes its mode and back again, from whichever it began with: what talks goes on talking.
#
#   a .2, b .3 ── t0 10.77.0.1/24, fd00:77::1/64 ── host ($H) up0 198.51.100.1, 2001:db8:51::1
#                      outside ($OUT) 203.0.113.10, 2001:db8:ff::10
load lib

CALLS=bpf,sendto,sendmsg,umount2,rmdir,renameat,unlink,unlinkat,openat,setns,fsync,mmap

setup_file() {
	host_up
	outside6
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10 2001:db8:ff::10
	snapshot "$H" >"$ROOM/first"
}
teardown_file() { host_down; }

setup() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24,fd00:77::1/64 --ns a --ns b --uplink up0 --snat 198.51.100.1 \
		--snat6 2001:db8:51::1 --publish 8080:b:80
	there=bpf
	[ "$(mode)" = netfilter ] || there=netfilter
}

teardown() {
	nsf down --all
}

nothing_left() {
	snapshot "$H" >"$ROOM/last"
	same "$ROOM/first" "$ROOM/last"
}

works() {
	in_ns a ping -c 1 -W 1 10.77.0.3
	in_ns a ping -c 1 -W 1 203.0.113.10
	in_ns a ping -c 1 -W 1 2001:db8:ff::10
	in_ns "$H" ping -c 1 -W 1 10.77.0.3
	in_ns "$H" ping -c 1 -W 1 fd00:77::3
	in_ns b ping -c 1 -W 1 fd00:77::1
}

# What users see of a network, but for its mode and what counts.
stands() {
	nsf -j show t0 | jq -S 'del(.[].mode, .[].hooks, .[].ifindex) |
		del(.. | .rx_packets?, .rx_bytes?, .tx_packets?, .tx_bytes?, .flows?, .used?, .external_ports?, .ifindex?)'
	ip -n "$H" -o link show type veth | grep -o 'nsf[0-9a-f]\{8\}@.*' | sed -E 's/ qdisc.*(link\/ether)/ \1/' | sort
	ip -n a -o addr
	ip -n b -o neigh show 10.77.0.1 | grep -o 'lladdr [0-9a-f:]*'
	ip netns list | sort
}

@test "the mode changes; names, addresses, MACs and namespaces stay, and nothing of the other mode" {
	in_ns b ping -c 1 -W 1 10.77.0.1
	stands >"$ROOM/before"
	for to in "$there" "$(mode)" "$there"; do
		run -0 nsf mode t0 "$to"
		[[ ${output#"$CLSACT"$'\n'} == "t0: mode $to, "*" flows carried over" ]]
		[ "$(nsf -j show t0 | jq -r '.[0].mode + " " + .[0].state')" = "$to up" ]
		stands >"$ROOM/after"
		same "$ROOM/before" "$ROOM/after"
		works
		if [ "$to" = bpf ]; then
			[ -z "$(in_ns "$H" nft list tables)" ]
			[ -z "$(ip -n "$H" link show type bridge)" ]
		else
			[ ! -e /run/nsfast/bpf ]
			[ -z "$(ip -n "$H" link show t0-far 2>/dev/null)" ]
		fi
	done
	nsf down t0
	nothing_left
}

@test "the mode that it has already is no change" {
	run -0 nsf mode t0 "$(mode)"
	[ "$output" = "t0: no change, mode $(mode)" ]
	[ "$(nsf -j mode t0 "$(mode)" | jq -c '.')" = '{"name":"t0","changed":false,"mode":"'"$(mode)"'","flows_carried":0,"flows_lost":0}' ]
}

@test "connections live on, by the same external ports: out, in, between containers, by both families" {
	local n i=1 udp
	serve b 80 "$PYTHON" tests/packets/mirror.py serve 80 10.77.0.3 fd00:77::3
	talk 1 a 4000 203.0.113.10 7
	talk 2 b 4000 203.0.113.10 7 # another external port
	talk 3 a 4000 2001:db8:ff::10 7
	talk 4 "$OUT" 4001 198.51.100.1 8080
	talk 5 "$OUT" 4001 2001:db8:51::1 8080
	talk 6 a 4002 198.51.100.1 8080
	talk 7 "$H" 4003 10.77.0.3 80
	[ "$(sort -u "$ROOM/out1" "$ROOM/out2" | wc -l)" = 2 ]
	udp=$(in_ns b "$PYTHON" tests/packets/mirror.py ask udp 4000 203.0.113.10 7)
	for to in "$there" "$(mode)" "$there" "$(mode)"; do
		run -0 nsf mode t0 "$to"
		[[ $output != *lost* ]]
		i=$((i + 1))
		for n in 1 2 3 4 5 6 7; do
			echo >"$ROOM/in$n"
		done
		for n in 1 2 3 4 5 6 7; do
			until_ok 5 said "$n" "$i"
			[ "$(sort -u "$ROOM/out$n" | wc -l)" = 1 ]
		done
		[ "$(in_ns b "$PYTHON" tests/packets/mirror.py ask udp 4000 203.0.113.10 7)" = "$udp" ]
	done
}

@test "connections of containers behind adopted ports live on likewise, whichever side speaks first" {
	local n i=1
	adoptable v "$H" to-v 10.77.0.40/24 fd00:77::40/64
	adoptable w "$H" to-w 10.77.0.41/24 fd00:77::41/64
	nsf add t0 v --dev to-v
	nsf add t0 w --dev to-w
	mkfifo "$ROOM/in9"
	# shellcheck disable=SC2016 # it is the inner shell's
	start nsenter --net="/run/netns/$OUT" -- bash -c 'exec "$@" <>"$0"' "$ROOM/in9" "$PYTHON" tests/packets/mirror.py tell 9
	until_ok 5 listens "$OUT" 9
	serve b 80 "$PYTHON" tests/packets/mirror.py serve 80 10.77.0.3 fd00:77::3
	talk 11 v 4000 203.0.113.10 7
	talk 12 w 4000 203.0.113.10 7 # another external port
	talk 13 v 4000 2001:db8:ff::10 7
	talk 14 w 4002 198.51.100.1 8080 # a managed port's publish
	converse 15 w "$PYTHON" tests/packets/mirror.py hear 4003 203.0.113.10 9
	converse 16 w "$PYTHON" tests/packets/mirror.py hear 4003 2001:db8:ff::10 9
	[ "$(sort -u "$ROOM/out11" "$ROOM/out12" | wc -l)" = 2 ]
	for to in "$there" "$(mode)" "$there" "$(mode)"; do
		run -0 nsf mode t0 "$to"
		[[ $output != *lost* ]]
		i=$((i + 1))
		echo word >"$ROOM/in9"
		until_ok 5 said 15 "$i"
		until_ok 5 said 16 "$i"
		for n in 11 12 13 14; do
			echo >"$ROOM/in$n"
			until_ok 5 said "$n" "$i"
			[ "$(sort -u "$ROOM/out$n" | wc -l)" = 1 ]
		done
	done
	for n in v w; do
		nsf del t0 "$n"
		ip -n "$H" link del "to-$n"
		ip netns del "$n"
	done
}

# transfers FILE NS VERB ADDRESS PORT: one after the other, until there is a file "enough"; what came of each is in FILE
transfers() {
	# shellcheck disable=SC2016 # they are the inner shell's
	start nsenter --net="/run/netns/$2" -- bash -c 'until [ -e "$0" ]; do "$@" && echo ok || echo bad; done' \
		"$ROOM/enough" "$PYTHON" tests/packets/bulk.py "${@:3}" 50000000 >"$ROOM/$1"
}

@test "what is transferred comes whole through many changes, and pings go on" {
	local out in ping
	start nsenter --net="/run/netns/$OUT" -- "$PYTHON" tests/packets/bulk.py serve 5000
	until_ok 5 listens "$OUT" 5000
	serve b 80 "$PYTHON" tests/packets/bulk.py serve 80
	transfers sent a send 203.0.113.10 5000
	out=$STARTED
	transfers got "$OUT" fetch 198.51.100.1 8080
	in=$STARTED
	start nsenter --net=/run/netns/a -- ping -n -i 0.01 203.0.113.10 >"$ROOM/pings"
	ping=$STARTED
	for to in "$there" "$(mode)" "$there" "$(mode)" "$there" "$(mode)"; do
		nsf mode t0 "$to"
		works
	done
	stop -INT "$ping"
	: >"$ROOM/enough"
	until_ok 30 gone "$out"
	until_ok 30 gone "$in"
	[ "$(sort -u "$ROOM/sent" "$ROOM/got")" = ok ]
	run -1 grep -i unreachable "$ROOM/pings"
}

@test "what the other mode cannot do is refused, and all goes on as it was" {
	[ "$(mode)" = bpf ] || skip "bpf mode can do all"
	nsf up t0 --filter endpoint-independent
	works
	in_ns b ping -c 1 -W 1 10.77.0.1
	stands >"$ROOM/before"
	run -1 --separate-stderr nsf mode t0 netfilter
	# shellcheck disable=SC2154 # bats sets it
	[[ $stderr == *"Filter=endpoint-independent"* ]]
	stands >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
	works
	nsf down t0
	nothing_left
}

@test "wrong words" {
	run -1 nsf mode t0 auto
	[[ $output == *"bpf or netfilter"* ]]
	run -1 nsf mode t0
	run -3 nsf mode t9 bpf
	run -1 nsf up t0 --mode "$there"
	[[ $output == *"nsfast mode t0 $there"* ]]
}

# As kill.bats does it: at moments spread over the change.
killed() {
	local moment=$1 end=$2 code=0
	strace -f -qqq -o "$ROOM/trace" -e "trace=${moment% *}" -e "inject=${moment% *}:signal=SIGKILL:when=${moment#* }" \
		"$NSFAST" -n "$H" mode t0 "$there" >"$ROOM/said" 2>&1 || code=$?
	[ "$code" = 137 ]
	if [ "$end" = down ]; then
		nsf down t0
		nothing_left
		setup
		return
	fi
	nsf "$end" t0 ${3+"$3"}
	works
	nsf mode t0 "$(mode)"
	works
	[ "$(nsf -j show t0 | jq -r '.[0].mode + " " + .[0].state')" = "$(mode) up" ]
}

# moments COUNT: of a change from the first mode to the other
moments() {
	strace -f --seccomp-bpf -qqq -o "$ROOM/all" -e "trace=$CALLS" "$NSFAST" -n "$H" mode t0 "$there" >"$ROOM/said"
	nsf mode t0 "$(mode)" >>"$ROOM/said"
	awk -v count="$1" '
		!main { main = $1 }
		$1 == main && match($2, /^[a-z0-9_]+\(/) {
			name = substr($2, 1, RLENGTH - 1)
			call[n++] = name " " ++times[name]
		}
		END { for (i = 0; i < count; i++) print call[int((i + 0.5) * n / count)] }' "$ROOM/all"
}

each() {
	local moment failed=0 tried=0
	moments "$1" >"$ROOM/moments"
	while read -r moment <&4; do
		tried=$((tried + 1))
		(trap - ERR DEBUG && killed "$moment" "${@:2}") >"$ROOM/log" 2>&1 &
		if ! wait $!; then
			failed=$((failed + 1))
			echo "at '$moment':"
			cat "$ROOM/said" "$ROOM/log"
			nsf down --all || :
			setup
		fi
	done 4<"$ROOM/moments"
	echo "$tried moments, $failed failed"
	[ "$tried" = "$1" ] && [ "$failed" = 0 ]
}

@test "after kill -9 at 8 moments the next command finishes it" {
	each 8 up
}

@test "after kill -9 at 3 moments it may be asked for again" {
	each 3 mode "$there"
}

@test "after kill -9 at 4 moments down leaves nothing" {
	each 4 down
}
