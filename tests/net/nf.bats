#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: netfilter
# Mode netfilter beside what else is on the host: other firewalls, settings, and who flushes rulesets.
load lib

setup_file() {
	host_up
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10
}
teardown_file() { host_down; }
teardown() { nsf down --all; }

t0_up() {
	nsf up t0 --mode netfilter --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1
}

state() {
	nsf -j show t0 | jq -r '.[].state'
}

works() {
	in_ns a ping -c 1 -W 1 203.0.113.10 && in_ns a ping -c 1 -W 1 10.77.0.3 && in_ns a ping -c 1 -W 1 10.77.0.1
}

@test "a ruleset that was flushed is noticed and comes back, also in part" {
	local how
	t0_up
	for how in "flush ruleset" "flush table inet nsfast" "delete table bridge nsfast" "flush chain inet nsfast guard"; do
		[ "$(state)" = up ]
		# shellcheck disable=SC2086 # words
		in_ns "$H" nft $how
		[ "$(state)" = damaged ]
		run -0 nsf up t0
		[[ $output == *changed* ]]
		[ "$(state)" = up ]
		works
	done
}

@test "ports that are added together cost the rules one change, not one each" {
	local args=()
	for port in {1..12}; do args+=(--ns "p$port"); done
	strace -f -qq -e trace=execve -e signal=none -o "$ROOM/runs" \
		"$NSFAST" -n "$H" up t0 --mode netfilter --subnet 10.77.0.1/24 --uplink up0 "${args[@]}"
	[ "$(grep -c 'execve(.*/nft".*= 0' "$ROOM/runs")" -le 3 ]
	[ "$(nsf -j show t0 | jq '.[0].ports | length')" = 12 ]
	in_ns p1 ping -c 1 -W 1 10.77.0.13
	in_ns p12 ping -c 1 -W 1 203.0.113.10
}

@test "a firewall that drops what is forwarded is named, and what is said to cure it does" {
	local line
	in_ns "$H" iptables -P FORWARD DROP
	in_ns "$H" iptables-legacy -P FORWARD DROP
	in_ns "$H" nft 'add table inet other; add chain inet other block { type filter hook forward priority 5; policy drop; }'
	run -0 --separate-stderr t0_up
	# shellcheck disable=SC2154 # bats sets it
	[ "${#stderr_lines[@]}" = 3 ]
	run ! in_ns a ping -c 1 -W 0.3 203.0.113.10
	for line in "${stderr_lines[@]}"; do
		[[ $line == *"t0: the firewall's chain "*" drops what is forwarded: "* ]]
		in_ns "$H" bash -c "${line##*forwarded: }"
	done
	works
	nsf down t0
	in_ns "$H" iptables -P FORWARD ACCEPT
	in_ns "$H" iptables -F FORWARD
	in_ns "$H" iptables-legacy -P FORWARD ACCEPT
	in_ns "$H" iptables-legacy -F FORWARD
	in_ns "$H" nft delete table inet other
}

@test "whatever bridge-nf-call-iptables, rp_filter and ip_forward are: it works, and they are as before" {
	local nf rp key
	for nf in 0 1; do
		for rp in 0 1; do
			in_ns "$H" sysctl -qw net.bridge.bridge-nf-call-iptables=$nf net.bridge.bridge-nf-call-ip6tables=$nf \
				net.ipv4.conf.all.rp_filter=$rp net.ipv4.ip_forward=0
			snapshot "$H" >"$ROOM/before"
			t0_up
			works
			serve a 80 "$PYTHON" tests/packets/mirror.py serve 80 10.77.0.2
			nsf publish add t0 8080:a:80
			for key in "$OUT" a b; do
				in_ns "$key" "$PYTHON" tests/packets/mirror.py ask tcp 4444 198.51.100.1 8080
			done
			stop "$STARTED"
			nsf down t0
			snapshot "$H" >"$ROOM/after"
			same "$ROOM/before" "$ROOM/after"
		done
	done
}

@test "what nothing is known of never leaves with an inner source" {
	t0_up
	capture "$OUT" eth0 'net 10.77.0.0/24' "$ROOM/leak.pcap"
	in_ns a "$PYTHON" -c '
from scapy.all import IP, TCP, send
send([IP(dst="203.0.113.10") / TCP(sport=5000, dport=80, flags=f) for f in ("R", "FA", "A", "SA", "RA")], verbose=False)'
	capture_stop
	[ -z "$(captured "$ROOM/leak.pcap")" ]
}

# lan NS ADDRESS4 ADDRESS6 INTERFACE [BRIDGE]: a neighbour of the host's by an interface, on a bridge of the host's or on none
lan() {
	local ns=$1 four=$2 six=$3 dev=$4 bridge=${5-} on=${5:-$4}
	ip netns add "$ns"
	in_ns "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n "$H" link add "$dev" type veth peer name eth0 netns "$ns"
	[ -z "$bridge" ] || ip -n "$H" link add "$bridge" type bridge
	[ -z "$bridge" ] || ip -n "$H" link set "$bridge" up
	ip -n "$H" link set "$dev" ${bridge:+master "$bridge"} up
	ip -n "$H" addr add "${four}1/24" dev "$on"
	ip -n "$H" addr add "${six}1/64" dev "$on" nodad
	ip -n "$ns" link set eth0 up
	ip -n "$ns" addr add "${four}2/24" dev eth0
	ip -n "$ns" addr add "${six}2/64" dev eth0 nodad
	ip -n "$ns" route add default via "${four}1"
	ip -n "$ns" -6 route add default via "${six}1"
	until_ok 5 in_ns "$H" ping -c 1 -W 1 "${six}2"
}

@test "the host becomes no router for the outside, and is one for somebody else's bridge" {
	local to
	ip -n "$H" addr add 2001:db8:51::1/64 dev up0 nodad
	ip -n "$OUT" addr add 2001:db8:51::2/64 dev eth0 nodad
	ip -n "$H" -6 route add default via 2001:db8:51::2
	ip -n "$OUT" route add 10.88.0.0/24 via 198.51.100.1
	ip -n "$OUT" -6 route add fd88::/64 via 2001:db8:51::1
	until_ok 5 in_ns "$H" ping -c 1 -W 1 2001:db8:51::2
	lan lan 10.88.0. fd88:: to-lan
	t0_up
	works
	for to in 10.88.0.2 fd88::2; do
		run ! in_ns "$OUT" ping -c 1 -W 0.3 "$to"
	done
	[ "$(dropped NOT_FORWARDED)" = 2 ]
	# somebody else has containers, and what it takes for them
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	lan docked 10.97.0. fd97:: to-docked br9
	in_ns "$H" nft -f - <<-RULES
		table inet other {
			chain post {
				type nat hook postrouting priority srcnat
				iifname br9 oifname up0 masquerade
			}
			chain pre {
				type nat hook prerouting priority dstnat
				iifname up0 meta nfproto ipv4 tcp dport 9999 dnat ip to 10.97.0.2:80
				iifname up0 meta nfproto ipv6 tcp dport 9999 dnat ip6 to [fd97::2]:80
			}
		}
	RULES
	serve docked 80 "$PYTHON" tests/packets/mirror.py serve 80 10.97.0.2 fd97::2
	in_ns docked ping -c 1 -W 1 198.51.100.2
	in_ns docked ping -c 1 -W 1 2001:db8:51::2
	for to in 198.51.100.1 2001:db8:51::1; do
		in_ns "$OUT" "$PYTHON" tests/packets/mirror.py ask tcp 4444 "$to" 9999
	done
	works
	ip -n "$H" link del br9
	in_ns "$H" nft delete table inet other
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
}

@test "a host that becomes a router later is one from the next up on, and after down" {
	adoptable other "$H" to-other 10.99.0.2/24
	ip -n "$H" addr add 10.99.0.1/24 dev to-other
	ip -n "$H" link set to-other up
	ip -n "$OUT" route add 10.99.0.0/24 via 198.51.100.1
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=0
	t0_up
	in_ns "$H" sysctl -qw net.ipv4.conf.to-other.forwarding=1
	run ! in_ns "$OUT" ping -c 1 -W 0.3 10.99.0.2
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
	[ "$(state)" = damaged ]
	nsf up t0
	[ "$(state)" = up ]
	until_ok 5 in_ns "$OUT" ping -c 1 -W 1 10.99.0.2
	works
	nsf down t0
	in_ns "$OUT" ping -c 1 -W 1 10.99.0.2
}

@test "an uplink that does not forward on a host that does is as before after down, and the host no router by it" {
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.up0.forwarding=0
	t0_up
	works
	run ! in_ns "$OUT" ping -c 1 -W 0.3 10.99.0.2
	[ "$(state)" = up ]
	nsf down t0
	[ "$(in_ns "$H" sysctl -n net.ipv4.conf.up0.forwarding)" = 0 ]
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=0
}

@test "a VLAN is refused where the bridge knows none" {
	ip -n "$OUT" link add br0 type bridge
	if ip -n "$OUT" link set br0 type bridge vlan_filtering 1; then
		ip -n "$OUT" link del br0
		skip "this kernel's bridge knows them"
	fi
	ip -n "$OUT" link del br0
	t0_up
	run -5 nsf add t0 c --vlan 10
	[[ $output == *"t0: this kernel's bridge knows no VLANs (CONFIG_BRIDGE_VLAN_FILTERING)"* ]]
	[ "$(nsf -j show t0 | jq -c '.[] | [.state, (.ports | map(.name))]')" = '["up",["a","b"]]' ]
	run -0 nsf up t0
	[[ $output == *"no change"* ]]
	works
}

@test "a record that cannot be read is named, and the network can be removed" {
	adoptable v "$H" to-v 10.77.0.40/24
	ip -n "$H" link set to-v up # it gets its queueing discipline then, and keeps it
	ip -n "$H" link set to-v down
	snapshot "$H" >"$ROOM/before"
	t0_up
	nsf add t0 v --dev to-v
	echo 'MAC=00:00:00:00:00:00' >>"$(echo /run/nsfast/net-*-t0)"
	run -1 nsf show t0
	[[ $output == *"/run/nsfast/net-"*"-t0:"*"MAC"* ]]
	run -0 nsf down t0
	[[ $output == *"t0: its record cannot be read: what bears its name is removed"*"t0: down"* ]]
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
	t0_up
	works
	ip -n "$H" link del to-v
	ip netns del v
}
