#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# What nsfast changes on a host is its own: nothing global while it is up, nothing at all when it is down.
#
#   a, b, c ── t0, t1 ── host ($H) up0 198.51.100.1/24 ── outside ($OUT) 203.0.113.10
load lib

setup() {
	host_up
	snapshot "$H" >"$ROOM/before"
}
teardown() { host_down; }

up() {
	nsf up "$@" --mode "$(mode)"
}

t0_up() {
	up t0 --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1
}

# From a: its neighbour, the gateway, the outside by ICMP and by TCP; and from the host to a.
a_works() {
	in_ns a ping -c 1 -W 1 10.77.0.3
	in_ns a ping -c 1 -W 1 10.77.0.1
	in_ns a ping -c 1 -W 1 203.0.113.10
	in_ns "$H" ping -c 1 -W 1 10.77.0.2
	[ -n "${WEB-}" ] || serve "$OUT" 80 "$PYTHON" "$BATS_TEST_DIRNAME/web.py" /usr/share/common-licenses 80
	WEB=1
	in_ns a curl -sf -m 5 http://203.0.113.10/GPL-2 | cmp - /usr/share/common-licenses/GPL-2
}

nothing_left() {
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

# Sysctls that are not an interface's of nsfast's own, rules, and the uplink's disciplines
globals() {
	in_ns "$H" sysctl -a --pattern '^(net|kernel\.(unprivileged_bpf|bpf))' 2>/dev/null |
		grep -v -e '\.\(t0\|t0-far\|nsf[0-9a-f]*\|nsf-fragments\)\.' -e nf_conntrack_count -e '\.stable_secret'
	echo "nft: $(in_ns "$H" nft list ruleset)"
	echo "iptables: $(in_ns "$H" iptables-legacy-save 2>/dev/null)"
	if kernel_has_come_to 6.6; then # before, the programs are filters of a discipline
		in_ns "$H" tc qdisc show dev up0
		in_ns "$H" tc filter show dev up0 ingress
	fi
	ip -n "$H" -4 rule
	ip -n "$H" -6 rule
	ip -n "$H" route show table all dev up0
	ip -n "$H" -o addr show dev up0
}

@test "after up, traffic and down everything is as it was before" {
	t0_up
	a_works
	nsf down t0
	nothing_left
}

@test "a bare up and a bare down leave nothing" {
	up
	in_ns ns1 ping -c 1 -W 1 203.0.113.10
	nsf down
	nothing_left
}

@test "several networks go one by one, and the others stay at work until their turn" {
	t0_up
	up t1 --subnet 10.78.0.1/24 --ns c
	up t2 --subnet 10.79.0.1/24 --uplink none
	in_ns c ping -c 1 -W 1 203.0.113.10
	nsf down t0
	run ! ls /run/netns/a
	run ! ip -n "$H" link show t0
	in_ns c ping -c 1 -W 1 203.0.113.10
	nsf down t1
	nsf down t2
	nothing_left
}

@test "down --all takes all networks, and bare down names the choice when there are several" {
	t0_up
	up t1 --subnet 10.78.0.1/24 --ns c
	run -1 nsf down
	[[ $output == *"this host has 2 networks"* ]]
	nsf down --all
	nothing_left
}

# link_local NS INTERFACE: for until_ok
link_local() {
	ip -n "$1" addr show "$2" | grep fe80:
}

@test "adopted interfaces go back to the state they had, up or down, and a namespace that was there stays as it was" {
	ip netns add old
	in_ns old sysctl -qw net.ipv6.conf.default.accept_dad=0 # or the addresses are not ready at a time of their own
	ip -n old link add name own0 type bridge
	for i in 0 1; do
		ip -n "$H" link add "v$i" type veth peer name eth0
		ip -n "$H" link set eth0 netns old name "far$i"
		ip -n old link set "far$i" up
	done
	ip -n old addr add 10.77.0.50/24 dev far0
	ip -n "$H" link set v1 up
	ip -n "$H" link set v0 up # the first time gives it the kernel's queueing discipline for ever
	for i in 0 1; do # the kernel tells of a carrier when it has the time, and then they have these for ever
		until_ok 5 link_local old "far$i"
	done
	ip -n "$H" link set v0 down
	snapshot "$H" >"$ROOM/before"
	snapshot old >"$ROOM/old-before"

	t0_up
	nsf add t0 v0 --dev v0
	nsf add t0 v1 --dev v1
	nsf add t0 old
	in_ns a ping -c 1 -W 1 10.77.0.50
	nsf down t0
	nothing_left
	snapshot old >"$ROOM/old-after"
	same "$ROOM/old-before" "$ROOM/old-after"
}

@test "del leaves nothing of its port" {
	up t0 --subnet 10.77.0.1/24 --uplink up0
	snapshot "$H" >"$ROOM/empty"
	nsf add t0 a
	in_ns a ping -c 1 -W 1 203.0.113.10
	nsf del t0 a
	snapshot "$H" >"$ROOM/emptied"
	same "$ROOM/empty" "$ROOM/emptied"
	nsf down t0
	nothing_left
}

@test "down of a network that nobody knows exits 3 and changes nothing" {
	run -3 nsf down t9
	[[ $output == *"'t9'"* ]]
	nothing_left
	t0_up
	run -3 nsf down t9
	a_works
	nsf down t0
	run -3 nsf down t0
	nothing_left
}

@test "down with no network is content and leaves nothing" {
	nsf down
	nsf down --all
	nothing_left
}

@test "down removes what is left when the uplink, a port or the gateway was deleted by others" {
	t0_up
	ip -n "$H" link del "$(nsf -j show t0 | jq -r '.[0].ports[0].dev')"
	nsf down t0
	nothing_left

	t0_up
	ip -n "$H" link del t0
	nsf down t0
	nothing_left

	t0_up
	ip netns del b
	nsf down t0
	nothing_left

	t0_up
	ip -n "$H" link del up0
	nsf down t0
	run ! ls /run/nsfast /run/netns/a
	run ! ip -n "$H" link show t0
}

collected() {
	"$NSFAST" -n second down && [ ! -e /run/nsfast ]
}

@test "what a vanished host had pinned, noted and named goes with the next command of another host" {
	only bpf "without pins a vanished host cannot be told from one that lives"
	t0_up
	ip netns add second
	ip netns del "$H"
	until_ok 10 collected
	[ ! -e /run/netns/a ] && [ ! -e /run/netns/b ]
}

@test "bpf mode changes no sysctl but on its own interfaces, no rule, no discipline of the uplink" {
	only bpf "netfilter mode has rules"
	globals >"$ROOM/globals-before"
	t0_up
	a_works
	globals >"$ROOM/globals-up"
	same "$ROOM/globals-before" "$ROOM/globals-up"
	nsf down t0
	nothing_left
}

@test "it works where the host does not forward, and does not make it forward" {
	only bpf "netfilter mode needs forwarding"
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=0
	snapshot "$H" >"$ROOM/before"
	t0_up
	a_works
	[ "$(in_ns "$H" sysctl -n net.ipv4.ip_forward)" = 0 ]
	nsf down t0
	nothing_left
}

@test "it works where the host forwards, with ip_forward set before up and set while it is up" {
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
	snapshot "$H" >"$ROOM/before"
	t0_up
	a_works
	nsf down t0
	nothing_left
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=0
	t0_up
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
	a_works
}

@test "FORWARD drops, bridge-nf-call-iptables and rp_filter are on, ip_forward is off: all works, after the cure that up names" {
	local line cures=()
	in_ns "$H" iptables -P FORWARD DROP
	in_ns "$H" sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 \
		net.ipv4.conf.all.rp_filter=1 net.ipv4.ip_forward=0
	snapshot "$H" >"$ROOM/before"
	run -0 --separate-stderr t0_up
	# shellcheck disable=SC2154 # bats sets it
	for line in "${stderr_lines[@]}"; do
		[ "$line" != "$CLSACT" ] || continue
		cures+=("${line##*drops what is forwarded: }")
		in_ns "$H" bash -c "${cures[-1]}"
	done
	[ "${#cures[@]}" = "$([ "$(mode)" = bpf ] && echo 0 || echo 1)" ]
	a_works
	serve b 80 "$PYTHON" tests/packets/mirror.py serve 80 10.77.0.3
	nsf publish add t0 8080:b:80
	for ns in "$OUT" a b "$H"; do
		in_ns "$ns" "$PYTHON" tests/packets/mirror.py ask tcp 4444 198.51.100.1 8080
	done
	for line in "${cures[@]}"; do
		in_ns "$H" bash -c "${line//-I /-D }"
	done
	nsf down t0
	nothing_left
}

@test "it works where the host's firewall forwards nothing" {
	only bpf "packets of netfilter mode pass the firewall"
	in_ns "$H" iptables -P FORWARD DROP
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
	snapshot "$H" >"$ROOM/before"
	t0_up
	a_works
	in_ns "$H" iptables -S FORWARD | grep -qx -- '-P FORWARD DROP'
	nsf down t0
	nothing_left
}

@test "it works where the host checks reverse paths strictly" {
	in_ns "$H" sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1
	snapshot "$H" >"$ROOM/before"
	t0_up
	a_works
	nsf down t0
	nothing_left
}

# lost NS BYTES: a frame of that length and its answer do not both arrive
lost() {
	! in_ns "$1" ping -c 1 -W 0.3 -s $(($2 - 42)) 203.0.113.10
}

@test "tcx programs of others on the uplink, in and out, go on as before" {
	needs_tcx
	for way in 'in 600' 'out 601'; do
		# shellcheck disable=SC2086 # two words
		start nsenter --net="/run/netns/$H" -- "$PYTHON" tests/packets/tcx.py up0 $way >"$ROOM/tcx"
		until_ok 5 grep attached "$ROOM/tcx"
	done
	t0_up
	for from in "$H" a; do
		lost "$from" 600
		lost "$from" 601
		in_ns "$from" ping -c 1 -W 1 -s 560 203.0.113.10
	done
	nsf down t0
	lost "$H" 600
	lost "$H" 601
	nothing_left
}

@test "clsact filters of others on the uplink stay and go on, but see no answers to containers" {
	only bpf "tcx runs before clsact"
	in_ns "$H" tc qdisc add dev up0 clsact
	# dropped if the frame has 600 (601) bytes, else left to who is next
	in_ns "$H" tc filter add dev up0 ingress bpf da bytecode '4,128 0 0 0,21 0 1 600,6 0 0 2,6 0 0 4294967295'
	in_ns "$H" tc filter add dev up0 egress bpf da bytecode '4,128 0 0 0,21 0 1 601,6 0 0 2,6 0 0 4294967295'
	in_ns "$H" tc filter show dev up0 ingress >"$ROOM/filters"
	in_ns "$H" tc filter show dev up0 egress >>"$ROOM/filters"
	snapshot "$H" >"$ROOM/before"

	t0_up
	lost "$H" 600
	lost "$H" 601
	lost a 601
	in_ns "$H" ping -c 1 -W 1 -s 560 203.0.113.10
	in_ns a ping -c 1 -W 1 -s 558 203.0.113.10 # tcx runs before clsact, and the answer is a's
	nsf down t0

	in_ns "$H" tc filter show dev up0 ingress >"$ROOM/filters-after"
	in_ns "$H" tc filter show dev up0 egress >>"$ROOM/filters-after"
	same "$ROOM/filters" "$ROOM/filters-after"
	nothing_left
}
