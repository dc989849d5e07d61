#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What two programs of others find out about the NAT: coturn's natdiscovery (RFC 5780) and the older stun client.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }
teardown() { nat_down; }

coturn_up() {
	command -v turnserver >/dev/null || skip "coturn is not installed"
	serve "$OUT" 3479 turnserver -n -S -L 203.0.113.10 -L 198.51.100.2 --no-tls --no-dtls --no-cli \
		--pidfile "$ROOM/turn.pid" --log-file "$ROOM/turn"
	until_ok 5 listens "$OUT" 3479 udp
}

stund_up() {
	{ command -v stund && command -v stun; } >/dev/null || skip "stun-client and stun-server are not installed"
	start nsenter --net="/run/netns/$OUT" -- stund -h 203.0.113.10 -a 198.51.100.2
	until_ok 5 listens "$OUT" 3479 udp
}

# discover NS OPTION...: what natdiscovery says, in $output
discover() {
	run in_ns "$1" timeout 60 turnutils_natdiscovery "${@:2}" 203.0.113.10
	echo "$output"
}

@test "coturn: mapping is endpoint-independent, filtering is by address and port" {
	nat_up
	coturn_up
	discover a -m -f
	[[ $output == *"NAT with Endpoint Independent Mapping!"* ]]
	[[ $output == *"NAT with Address and Port Dependent Filtering!"* ]]
}

@test "coturn: mapping is endpoint-independent where another container holds the port number" {
	only bpf "Linux chooses by destination"
	nat_up
	wire <<-'END'
	Flow("udp", q, 5000)
	END
	coturn_up
	discover a -m -L 10.77.0.2 -l 5000
	[[ $output == *"NAT with Endpoint Independent Mapping!"* ]]
	[[ $output == *"UDP reflexive addr: 198.51.100.1:"* ]]
	[[ $output != *"UDP reflexive addr: 198.51.100.1:5000"* ]]
}

@test "coturn: with Filter=endpoint-independent filtering is endpoint-independent, and it is seen to hairpin" {
	only bpf "Linux filters by address and port"
	nat_up Filter=endpoint-independent
	coturn_up
	discover a -m -f
	[[ $output == *"NAT with Endpoint Independent Mapping!"* ]]
	[[ $output == *"NAT with Endpoint Independent Filtering!"* ]]
	discover a -H
	[[ $output != *timeout* ]]
}

@test "coturn: messages of 1500 bytes, in fragments, find the same" {
	nat_up
	coturn_up
	discover a -m -f -P
	[[ $output == *"NAT with Endpoint Independent Mapping!"* ]]
	[[ $output == *"NAT with Address and Port Dependent Filtering!"* ]]
}

@test "coturn: a mapping outlives the pause that was asked for" {
	nat_up
	coturn_up
	discover a -t -T 3
	[[ $output != *timeout* ]]
	[[ $output == *"RFC 5780 response 2"* ]]
}

@test "stun: independent mapping, port dependent filter, preserves ports" {
	nat_up
	stund_up
	run in_ns a stun 203.0.113.10
	[[ $output == *"Independent Mapping, Port Dependent Filter, preserves ports"* ]]
}

@test "stun: independent filter and hairpin where that is chosen" {
	only bpf "Linux filters by address and port"
	nat_up Filter=endpoint-independent
	stund_up
	run in_ns a stun 203.0.113.10
	[[ $output == *"Independent Mapping, Independent Filter, preserves ports, will hairpin"* ]]
}
