#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# A network's whole life in little, for kernels on which every minute counts: one `up`, all kinds of traffic, one `down`.
load ../net/lib

setup_file() {
	host_up
	snapshot "$H" >"$ROOM/before"
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --publish 8080:a:80 2>"$ROOM/said" || { cat "$ROOM/said"; false; }
	for ns in a "$OUT"; do
		mkdir "$ROOM/$ns"
		head -c 1000000 /dev/urandom >"$ROOM/$ns/megabyte"
		serve "$ns" 80 "$PYTHON" tests/net/web.py "$ROOM/$ns" 80
	done
}
teardown_file() { host_down; }

# fetch NS URL FILE: it arrives whole
fetch() {
	in_ns "$1" curl -sS -m 60 "$2/megabyte" | cmp - "$ROOM/$3/megabyte"
}

@test "the network says how it is attached, and says so when that is not by tcx" {
	run -0 --separate-stderr nsf -j show t0
	[ "$(jq -r '.[0].state' <<<"$output")" = up ]
	hooks=$(jq -r '.[0].hooks' <<<"$output")
	case $(mode)-$(uname -r) in
	netfilter-*) [ "$hooks" = netfilter ] ;;
	bpf-6.[1-5].*)
		[ "$hooks" = clsact ]
		grep -xF "$CLSACT" "$ROOM/said"
		in_ns "$H" tc filter show dev up0 ingress | grep nsf_from_uplink
		;;
	bpf-*)
		[ "$hooks" = tcx ]
		run ! grep clsact "$ROOM/said"
		;;
	esac
}

@test "containers reach each other and the gateway, in both families" {
	in_ns a ping -c 2 -W 5 10.77.0.3
	in_ns a ping -c 2 -W 5 10.77.0.1
	six=$(nsf -j show t0 | jq -r '.[0].ports[1].address6')
	in_ns a ping -c 2 -W 5 "${six%/*}"
	fetch b http://10.77.0.2 a
}

@test "the outside is reached with the host's address, by every protocol" {
	in_ns a ping -c 2 -W 5 203.0.113.10
	fetch a http://203.0.113.10 "$OUT"
	capture "$OUT" eth0 'udp port 7' "$ROOM/udp"
	in_ns a bash -c 'echo hello >/dev/udp/203.0.113.10/7'
	until_ok 5 grep -q hello "$ROOM/udp"
	capture_stop
	[ "$(captured "$ROOM/udp" | grep -c 'IP 198.51.100.1.*> 203.0.113.10.7')" = 1 ]
	run ! grep -F 10.77.0. <(captured "$ROOM/udp")
}

@test "a published port is reached from outside, from another container and from the host" {
	fetch "$OUT" http://198.51.100.1:8080 a
	fetch b http://198.51.100.1:8080 a
	fetch "$H" http://198.51.100.1:8080 a
}

@test "its flows and ports can be seen" {
	[ "$(nsf -j flows t0 | jq 'length')" -ge 2 ]
	[ "$(nsf -j show t0 | jq '[.[0].ports[].rx_packets] | min')" -gt 0 ]
	[ "$(nsf -j show t0 | jq '.[0].publish | length')" -ge 1 ]
}

@test "the mode changes and changes back while a connection is open" {
	only bpf "from mode bpf and back is all of it"
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7
	mkfifo "$ROOM/questions"
	# shellcheck disable=SC2016 # it is the inner shell's
	start nsenter --net=/run/netns/a -- bash -c 'exec "$@" <>"$0"' "$ROOM/questions" \
		"$PYTHON" tests/packets/mirror.py hold 4000 203.0.113.10 7 fin >"$ROOM/answers"
	until_ok 5 grep -q 198.51.100.1 "$ROOM/answers"
	for to in netfilter bpf; do
		nsf mode t0 "$to"
		[ "$(nsf -j show t0 | jq -r '.[0].mode + " " + .[0].state')" = "$to up" ]
		: >"$ROOM/answers"
		echo >"$ROOM/questions"
		until_ok 5 grep -q '^.*198.51.100.1 4000$' "$ROOM/answers"
		fetch "$OUT" http://198.51.100.1:8080 a
	done
}

@test "down leaves the host as it was" {
	nsf down t0
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}
