#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# IPv6 of a network: subnets, addresses that work at once, the gateway's settings, and how they change.
#
#   a  eth0 10.77.0.2/24 fd00:77::2/64 ──┐            host
#   b  eth0 10.77.0.3/24 fd00:77::3/64 ──┴── t0 10.77.0.1/24 fd00:77::1/64    up0 ── outside
load lib

setup() { host_up; }
teardown() { host_down; }

t0_up() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --subnet fd00:77::1/64 --ns a --ns b --uplink up0 "$@"
}

# addresses NS: IPv6 addresses of eth0 with their flags, in order
addresses() {
	ip -n "$1" -j -6 addr show dev eth0 |
		jq -c '.[].addr_info[] | [.local, .prefixlen, .scope, .tentative // false]' | sort
}

conf6() {
	in_ns "$1" cat "/proc/sys/net/ipv6/conf/$2/$3"
}

# reaches NS ADDRESS: an answer, at the first try
reaches() {
	in_ns "$1" ping -6 -c 1 -W 1 "$2"
}

defaults6() {
	ip -n "$1" -j -6 route show default | jq -c '.[] | [.gateway, .dev]'
}

link_local() {
	local IFS=: m
	# shellcheck disable=SC2206 # its six bytes
	m=($1)
	printf 'fe80::%x:%xff:fe%s:%x\n' $(((0x${m[0]} ^ 2) << 8 | 0x${m[1]})) "0x${m[2]}" "${m[3]}" "0x${m[4]}${m[5]}"
}

@test "each port has the number of its IPv4 address, and a default route, at once and without waiting for others" {
	run -0 --separate-stderr nsf -j up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --subnet fd00:77::1/64 --ns a --ns b=10.77.0.20 --uplink up0
	[ "$(addresses a)" = "[\"fd00:77::2\",64,\"global\",false]
[\"$(link_local "$(mac a eth0)")\",64,\"link\",false]" ]
	[ "$(jq -r .gateway6 <<<"$output")" = fd00:77::1/64 ]
	reaches a fd00:77::14
	reaches b fd00:77::2
	reaches a fd00:77::1
	reaches b fd00:77::1
	reaches "$H" fd00:77::2
	[ "$(defaults6 a)" = "[\"$(link_local "$(mac "$H" t0)")\",\"eth0\"]" ]
	[ "$(conf6 a eth0 accept_ra)" = 0 ]
	run -0 nsf -j show t0
	[ "$(jq -c '.[] | [.gateway6, .snat6, .outside6, [.ports[] | .address6]]' <<<"$output")" = \
		'["fd00:77::1/64",null,"nothing",["fd00:77::2/64","fd00:77::14/64"]]' ]
	run -0 nsf show t0
	[[ $output == *"gateway 10.77.0.1/24 and fd00:77::1/64"*"fd00:77::14/64"* ]]
}

@test "without a word each network has a unique local /64 of its own, which stays" {
	nsf up --mode "$(mode)"
	nsf up blue --mode "$(mode)" --ns c
	run -0 nsf -j show
	one=$(jq -r '.[0].gateway6' <<<"$output")
	other=$(jq -r '.[1].gateway6' <<<"$output")
	[[ $one =~ ^fd..:.*::1/64$ ]]
	[[ $other =~ ^fd..:.*::1/64$ ]]
	[ "${one%1/64}" != "${other%1/64}" ]
	[ "$(jq -r '.[0].ports[0].address6' <<<"$output")" = "${one%1/64}2/64" ]
	reaches ns1 "${one%1/64}3"
	run -0 nsf up
	[[ $output == *"no change"* ]]
	run -0 nsf -j show nsf0
	[ "$(jq -r '.[].gateway6' <<<"$output")" = "$one" ]
}

@test "only the far end of the gateway's pair forwards, and no router is believed" {
	only bpf "a bridge has no far end"
	t0_up
	[ "$(conf6 "$H" t0-far forwarding)" = 1 ]
	[ "$(conf6 "$H" t0 forwarding)" = 0 ]
	[ "$(conf6 "$H" t0 accept_ra)" = 0 ]
	[ "$(conf6 "$H" all forwarding)" = 0 ]
	[ "$(conf6 "$H" up0 forwarding)" = 0 ]
	dev=$(nsf -j show t0 | jq -r '.[].ports[0].dev')
	[ "$(conf6 "$H" "$dev" disable_ipv6)" = 1 ]
	in_ns "$H" sysctl -qw net.ipv6.conf.all.forwarding=1
	run -0 nsf up t0
	[[ $output == "t0: changed"* ]]
	[ "$(conf6 "$H" t0 forwarding)" = 0 ]
	in_ns "$H" sysctl -qw net.ipv6.conf.all.forwarding=0
	run -0 nsf -j show t0
	[ "$(jq -r '.[].state' <<<"$output")" = damaged ]
	nsf up t0
	[ "$(conf6 "$H" t0-far forwarding)" = 1 ]
	ip -n "$H" addr del fd00:77::1/64 dev t0
	run -0 nsf up t0
	[[ $output == "t0: changed"* ]]
	reaches a fd00:77::1
}

@test "the host keeps the default route that its router has advertised, and its settings" {
	in_ns "$OUT" "$PYTHON" "$BATS_TEST_DIRNAME/../packets/advertise.py" eth0 2001:db8:6::
	until_ok 5 grep -q ' proto ra ' <(ip -n "$H" -6 route show default)
	route=$(defaults6 "$H")
	snapshot "$H" | sed -E 's/ expires [0-9]+sec//' >"$ROOM/before"
	t0_up
	[ "$(defaults6 "$H")" = "$route" ]
	[ "$(conf6 "$H" up0 accept_ra)" = 1 ]
	run -0 nsf -j show t0
	[[ $(jq -r '.[].snat6' <<<"$output") == 2001:db8:6:* ]]
	nsf down t0
	snapshot "$H" | sed -E 's/ expires [0-9]+sec//' >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

@test "what a killed run has left of it is put back by the next" {
	t0_up
	in_ns "$H" sysctl -qw net.ipv6.conf.up0.accept_ra=2
	echo 'accept_ra up0 1' >>"$(echo /run/nsfast/host-*)"
	nsf up t0
	[ "$(conf6 "$H" up0 accept_ra)" = 1 ]
	run ! grep accept_ra /run/nsfast/host-*
}

@test "addresses of either family are given by --ns, --address and the file" {
	cat >"$ROOM/conf" <<-X
		[Network]
		Name=t0
		Mode=$(mode)
		Address=10.77.0.1/24, fd00:77::/80
		SNat6=none
		[Port web]
		Address=10.77.0.9,fd00:77::99
		[Port db]
		Address=fd00:77::3:1
	X
	nsf up -f "$ROOM/conf"
	nsf add t0 c --address fd00:77::c
	run -0 nsf -j show t0
	[ "$(jq -c '.[] | [.gateway6, .outside6, [.ports[] | [.address, .address6]]]' <<<"$output")" = \
		'["fd00:77::1/80","routed",[["10.77.0.9/24","fd00:77::99/80"],["10.77.0.2/24","fd00:77::3:1/80"],'\
'["10.77.0.3/24","fd00:77::c/80"]]]' ]
	reaches web fd00:77::3:1
	reaches c fd00:77::99
	run -1 nsf add t0 d --address fd00:77::c
	[[ $output == *"have the same address 'fd00:77::c'"* ]]
	run -1 nsf add t0 d --address fd00:78::c
	[[ $output == *"fd00:78::c"* ]]
	run -1 nsf add t0 d --address fd00:77::1
	[ ! -e /run/netns/d ]
}

@test "twice is no change; another IPv6 subnet changes IPv6 alone, and ports go on" {
	t0_up
	run -0 t0_up
	[[ $output == "t0: no change"* ]]
	before=$(ip -n a -j -4 addr show dev eth0)
	index=$(ip -n a -j link show dev eth0 | jq '.[].ifindex')
	run -0 nsf -j up t0 --subnet fd00:99::1/72
	[ "$(jq -c '[.changed, .gateway, .gateway6, .ports_added, .ports_removed]' <<<"$output")" = \
		'[true,"10.77.0.1/24","fd00:99::1/72",0,0]' ]
	[ "$(addresses b | head -n 1)" = '["fd00:99::3",72,"global",false]' ]
	[ "$(addresses b | wc -l)" = 2 ]
	reaches a fd00:99::3
	reaches a fd00:99::1
	run ! ip -n "$H" -6 route get fd00:77::2 oif t0
	[ "$(ip -n a -j -4 addr show dev eth0)" = "$before" ]
	[ "$(ip -n a -j link show dev eth0 | jq '.[].ifindex')" = "$index" ]
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
}

@test "a change of the subnet that fails half-way leaves the old one" {
	t0_up
	ip netns add d
	ip -n d link add eth0 type veth peer name other
	for ns in "$H" a b d; do snapshot "$ns"; done >"$ROOM/before"
	run -1 nsf up t0 --subnet fd00:99::1/64 --ns a --ns b --ns d
	for ns in "$H" a b d; do snapshot "$ns"; done >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
	reaches a fd00:77::3
	reaches a fd00:77::1
	reaches "$H" fd00:77::2
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
}

@test "addresses change places between ports that stay" {
	t0_up
	run -0 nsf -j up t0 --ns a=fd00:77::3 --ns b=fd00:77::2
	[ "$(jq -c '[.changed, .ports_added, .ports_removed]' <<<"$output")" = '[true,0,0]' ]
	[ "$(addresses a | head -n 1)" = '["fd00:77::3",64,"global",false]' ]
	until_ok 5 reaches a fd00:77::2
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
}

@test "IPv6 goes off and on again, ports stay" {
	t0_up
	run -0 nsf -j up t0 --ipv6 no
	[ "$(jq -c '[.changed, .gateway6]' <<<"$output")" = '[true,null]' ]
	[ -z "$(ip -n "$H" -6 addr show dev t0)" ]
	[ "$(addresses a | grep -c global)" = 0 ]
	[ -z "$(defaults6 a)" ]
	in_ns a ping -c 1 -W 1 10.77.0.3
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
	run -0 nsf -j up t0 --subnet fd00:77::1/64
	[ "$(jq -c '[.changed, .gateway6]' <<<"$output")" = '[true,"fd00:77::1/64"]' ]
	reaches a fd00:77::3
	reaches a fd00:77::1
	run -1 nsf up t0 --ipv6 no --subnet fd00:77::1/64
	[[ $output == *"no IPv6, and an IPv6 subnet"* ]]
}

@test "a network that is made without IPv6 has none" {
	nsf up t0 --mode "$(mode)" --ns a --ipv6 no
	[ -z "$(ip -n "$H" -6 addr show dev t0)" ]
	[ "$(addresses a | grep -c global)" = 0 ]
	[ -z "$(defaults6 a)" ]
	run -0 nsf -j show t0
	[ "$(jq -c '.[] | [.gateway6, .outside6, .ports[0].address6]' <<<"$output")" = '[null,null,null]' ]
}

@test "a host without IPv6 gets a network without, and refuses one with" {
	in_ns "$H" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	run -1 t0_up
	[[ $output == *"IPv6 is disabled on this host"* ]]
	run -0 --separate-stderr nsf -j up t0 --mode "$(mode)" --ns a
	[ "$(jq -c .gateway6 <<<"$output")" = null ]
	in_ns a ping -c 1 -W 1 10.77.0.1
}

@test "an MTU below 1280 takes IPv6 away with a word, and refuses it where it was asked for" {
	run -1 t0_up --mtu 1279
	[[ $output == *"1280"* ]]
	t0_up --mtu 1280
	run -0 nsf up t0 --mtu 1200
	[[ $output == *"goes without IPv6"* ]]
	[ -z "$(addresses a)" ]
	in_ns a ping -c 1 -W 1 10.77.0.3
	run -0 nsf up t0 --mtu 1500 --subnet fd00:77::1/64
	[ "$(addresses a | wc -l)" = 2 ]
	[ "$(addresses a | grep -c true)" = 0 ]
	[ "$(ip -n "$H" -6 -o addr show dev t0 | wc -l)" = 2 ]
	[ -z "$(ip -n "$H" -6 -o addr show dev t0-far)" ]
	[ -z "$(ip -n "$H" -6 -o addr show dev "$(nsf -j show t0 | jq -r '.[].ports[0].dev')")" ]
	reaches a fd00:77::3
	reaches a fd00:77::1
}

@test "a namespace with IPv6 disabled is told once, and works by IPv4" {
	ip netns add a
	in_ns a sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	run -0 t0_up
	[ "$(grep -c "namespace 'a' has IPv6 disabled" <<<"$output")" = 1 ]
	in_ns a ping -c 1 -W 1 10.77.0.3
	reaches b fd00:77::1
	run -0 t0_up
	[ "$output" = "${output/disabled/}" ]
}

@test "a namespace keeps the IPv6 default route that it has" {
	ip netns add a
	ip -n a link add own0 type veth peer name own1
	ip -n a link set own0 up
	ip -n a -6 route add default dev own0
	run -0 t0_up
	[[ $output == *"has an IPv6 default route already"* ]]
	[ "$(ip -n a -6 route show default | grep -c eth0)" = 0 ]
	reaches a fd00:77::3
}

@test "a subnet that overlaps a route of the host is refused before anything changes" {
	ip -n "$H" -6 route add fd00:77::/48 via fe80::1 dev up0
	snapshot "$H" >"$ROOM/before"
	run -1 t0_up
	[[ $output == *"overlaps the route to fd00:77::/48 of 'up0'"* ]]
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

@test "the SNAT address is the uplink's first global one, or the one that is named; it can be changed" {
	ip -n "$H" addr add fd00:1::1/64 dev up0 nodad
	ip -n "$H" addr add 2001:db8::1/64 dev up0 nodad
	ip -n "$H" addr add 2001:db8::77/128 dev up0 nodad
	t0_up
	outside() { nsf -j show t0 | jq -r '.[] | .snat6 // .outside6'; }
	[[ $(outside) == 2001:db8::* ]]
	run -0 nsf -j up t0 --snat6 2001:db8::77
	[ "$(jq -c '[.changed, .snat6]' <<<"$output")" = '[true,"2001:db8::77"]' ]
	[ "$(outside)" = 2001:db8::77 ]
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
	pool() { nsf -j show t0 | jq -r '.[].snat6_pool | join(" ")'; }
	nsf up t0 --snat6 2001:db8::1,2001:db8::77
	[ "$(pool)" = "2001:db8::1 2001:db8::77" ]
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
	run -1 nsf up t0 --snat6 2001:db8::1,2001:db8::99
	[[ $output == *"2001:db8::99 is no address of this host"* ]]
	nsf up t0 --snat6 2001:db8::77
	[ "$(pool)" = 2001:db8::77 ]
	run -0 nsf -j up t0 --snat6 none
	[ "$(outside)" = routed ]
	run -0 nsf -j up t0 --snat6 auto
	[[ $(outside) == 2001:db8::* ]]
	run -0 nsf -j up t0 --uplink none
	[ "$(outside)" = null ]
}

@test "after it all everything is as it was before, sysctls too" {
	ip -n "$H" addr add 2001:db8::1/64 dev up0 nodad
	snapshot "$H" >"$ROOM/before"
	t0_up
	reaches a fd00:77::1
	reaches "$H" fd00:77::3
	nsf up t0 --subnet fd00:78::1/64 --snat6 none
	nsf up t0 --ipv6 no
	nsf up t0 --ipv6 yes
	nsf down t0
	snapshot "$H" >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}
