#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The ground the other network tests stand on: an outside that answers what it should, captures and snapshots that see.
load lib

setup_file() { host_up; }
teardown_file() { host_down; }

@test "the outside answers the host's addresses and knows no way to others" {
	in_ns "$H" ping -c 1 -W 1 203.0.113.10
	in_ns "$H" ping -c 1 -W 1 -I 198.51.100.77 203.0.113.10
	run ! in_ns "$OUT" ping -c 1 -W 1 10.77.0.2
	[[ $output == *nreachable* ]]
}

@test "a capture holds every packet that was sent before it ended" {
	capture "$OUT" eth0 icmp "$ROOM/echo.pcap"
	in_ns "$H" ping -c 50 -i 0.002 -W 1 -q 203.0.113.10
	capture_stop
	run captured "$ROOM/echo.pcap"
	[ "${#lines[@]}" = 100 ]
}

@test "a snapshot shows a link, an address, a sysctl and an nft table, and nothing when they are gone again" {
	snapshot "$H" >"$ROOM/before"
	in_ns "$H" sysctl -qw net.ipv4.conf.up0.forwarding=1
	in_ns "$H" nft add table ip t0
	ip -n "$H" link add v0 type veth peer name v1
	ip -n "$H" addr add 10.77.0.1/24 dev up0
	snapshot "$H" >"$ROOM/after"
	run -1 same "$ROOM/before" "$ROOM/after"
	for what in '+net.ipv4.conf.up0.forwarding = 1' '+table ip t0' ': v0@v1' '+2: up0    inet 10.77.0.1/24'; do
		[[ $output == *"$what"* ]]
	done

	in_ns "$H" sysctl -qw net.ipv4.conf.up0.forwarding=0
	in_ns "$H" nft delete table ip t0
	ip -n "$H" link del v0
	ip -n "$H" addr del 10.77.0.1/24 dev up0
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

@test "a server is ready when serve returns and gone when stop does" {
	serve "$OUT" 80 "$PYTHON" "$BATS_TEST_DIRNAME/web.py" "$ROOM" 80
	in_ns "$H" curl -sf -o "$ROOM/page" http://203.0.113.10/
	stop "$STARTED"
	run -7 in_ns "$H" curl -s http://203.0.113.10/
}

@test "waiting ends, with what the last try said" {
	PATIENCE=1 run -1 until_ok 1 ls /nowhere
	[[ $output == *"gave up waiting for: ls /nowhere"*"cannot access"* ]]
}
