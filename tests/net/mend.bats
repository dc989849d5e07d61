#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# What others break, show and doctor tell, and the same `up` again mends, without touching what is whole.
#
#   a  eth0 10.77.0.2/24 ──┐            host
#   b  eth0 10.77.0.3/24 ──┴── t0 10.77.0.1/24    up0 198.51.100.1/24 ── outside 203.0.113.10
load lib

setup() {
	host_up
	again >/dev/null
}
teardown() { host_down; }

again() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0
}

port_index() {
	ip -n "$1" -j link show dev eth0 | jq '.[].ifindex'
}

# told STATE: of the network
told() {
	[ "$(nsf -j show t0 | jq -r '.[].state')" = "$1" ]
}

# doctor_finds WHAT: a line that is not ok
doctor_finds() {
	nsf -j doctor | jq -e --arg what "$1" 'any(.[]; .check == $what and (.ok | not) and .cure != null)'
}

all_echoes() {
	echoes a 203.0.113.10
	echoes b 203.0.113.10
	echoes a 10.77.0.3
	echoes b 10.77.0.1
	echoes "$H" 10.77.0.2
}

@test "a whole network is told to be whole, and up again changes nothing" {
	told up
	run -0 nsf -j doctor
	jq -e 'all(.[]; .ok)' <<<"$output"
	run -0 nsf -j up t0 --ns a --ns b
	jq -e '.changed == false' <<<"$output"
}

@test "a gateway that was deleted comes back with its address and MAC; ports are not touched" {
	local mac index
	mac=$(nsf -j show t0 | jq -r '.[].mac')
	index=$(port_index a)
	ip -n "$H" link del t0
	told damaged
	doctor_finds t0
	[ "$(mode)" != bpf ] || echoes a 10.77.0.3 # a Linux bridge is what carries it
	again
	told up
	echoes a 10.77.0.3
	[ "$(ip -n "$H" -j link show dev t0 | jq -r '.[].address')" = "$mac" ]
	[ "$(port_index a)" = "$index" ]
	all_echoes
}

@test "a namespace that was deleted comes back; the other port is not touched" {
	local index
	index=$(port_index b)
	ip netns del a
	until_ok 5 gone_port a
	doctor_finds t0
	echoes b 203.0.113.10
	again
	[ "$(port_index b)" = "$index" ]
	all_echoes
}

gone_port() {
	[ "$(nsf -j show t0 | jq -r --arg p "$1" '.[].ports[] | select(.name == $p) | .state')" = gone ]
}

@test "a port whose interface was deleted from inside its namespace comes back, into the same one" {
	ip -n b link add there type veth
	ip -n b link del eth0
	until_ok 5 gone_port b
	again
	all_echoes
	ip -n b link show dev there
}

@test "a port that gets another address, or its network another subnet, keeps its namespace and who lives there" {
	ip -n b link add there type veth
	nsf up t0 --ns a --ns b=10.77.0.9
	echoes a 10.77.0.9
	ip -n b link show dev there
	nsf up t0 --subnet 10.78.0.1/24
	echoes b 10.78.0.1
	ip -n b link show dev there
	nsf del t0 b
	[ ! -e /run/netns/b ]
	nsf down t0
	[ ! -e /run/netns/a ]
}

@test "a port that is gone can be removed" {
	ip -n b link del eth0
	nsf del t0 b
	[ "$(nsf -j show t0 | jq -c '[.[].ports[].name]')" = '["a"]' ]
	[ ! -e /run/netns/b ]
}

@test "forwarding that was switched off everywhere is named in the drops and set again" {
	only bpf "route lookups are bpf mode's"
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=0
	run ! echoes a 203.0.113.10
	nsf -j drops t0 | jq -e 'any(.[]; .reason == "FORWARD_OFF" and .packets == 1)'
	told damaged
	again
	told up
	all_echoes
}

@test "an uplink that was deleted is told, the network inside goes on, and down leaves nothing" {
	ip -n "$H" link del up0
	told damaged
	echoes a 10.77.0.3
	run -1 again
	[[ $output == *"up0"* ]]
	nsf down t0
	[ "$(ip -n "$H" -o link show | grep -vc ': lo:')" = 0 ]
	[ ! -e /run/nsfast ]
}

@test "the state of a host whose namespace was deleted is collected by the next up of another host" {
	only bpf "pins are bpf mode's"
	local first=$H
	ip netns add other
	ip -n other link set lo up
	# b is another namespace now, which is somebody else's
	ip netns del b
	ip netns add b
	ip netns del "$first"
	until_ok 5 without_eth0 a # the kernel ends a namespace some time after its last name
	H=other nsf up t9 --mode "$(mode)" --uplink none
	[ "$(find /run/nsfast/bpf/[0-9]* -mindepth 1 -maxdepth 1 -type d | wc -l)" = 1 ]
	[ ! -e /run/netns/a ]
	in_ns b true
	[ -z "$(find /run/nsfast -name 'host-*')" ]
	H=other nsf down t9
	[ ! -e /run/nsfast ]
}

@test "a host of which no interface is left is no host that is gone: its namespaces keep their names" {
	only bpf "pins are bpf mode's"
	local before
	nsf up t0 --uplink none --ns a --ns b
	before=$(stat -Lc %i /run/netns/a)
	ip -n "$H" link del t0
	ip -n a link del eth0
	ip -n b link del eth0
	again
	[ "$(stat -Lc %i /run/netns/a)" = "$before" ]
	all_echoes
}

without_eth0() {
	! ip -n "$1" link show dev eth0
}
