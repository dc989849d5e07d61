#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# VLANs: ports that have one, trunks that carry several with tags, and those that are told nothing, with the gateway.
#
#   a  10.77.0.2  (managed)   VLAN 10 ───────────┐
#   b  10.77.0.3  (managed)   VLAN 10 ───────────┤
#   c  10.77.0.4  (managed)   ───────────────────┼── t0 10.77.0.1/24 ── host ($H)
#   t  10.77.0.40 (learning)  trunk 10,20 ─ to-t ┤
#   u  10.77.0.41 (learning)  VLAN 20 ───── to-u ┘
load lib

filters() {
	local has=0
	ip -n "$OUT" link add br0 type bridge
	ip -n "$OUT" link set br0 type bridge vlan_filtering 1 || has=1
	ip -n "$OUT" link del br0
	return "$has"
}

setup_file() { host_up; }
teardown_file() { host_down; }

setup() {
	[ "$(mode)" = bpf ] || filters || skip "this kernel's bridge has no VLAN filter"
	adoptable t "$H" to-t 10.77.0.40/24
	adoptable u "$H" to-u 10.77.0.41/24
	config | nsf up -f -
}
teardown() {
	nsf down --all
	for port in t u; do # none, where the row was skipped
		ip -n "$H" link del "to-$port" || :
		ip netns del "$port" || :
	done
}

# config [LINE]: LINE is one more of port c
config() {
	cat <<-END
		[Network]
		Name=t0
		Mode=$(mode)
		Address=10.77.0.1/24
		[Port a]
		Vlan=10
		[Port b]
		Vlan=10
		[Port c]
		${1-}
		[Port t]
		Device=to-t
		VlanTrunk=10,20
		[Port u]
		Device=to-u
		Vlan=20
	END
}

# says NS: Python on stdin with Scapy; says(frame...) sends, one(VID...) is a frame for all with these tags
says() {
	{ cat <<-'END' && cat; } | in_ns "$1" "$PYTHON" -
		from scapy.all import *
		conf.verb = 0
		me, all = get_if_hwaddr("eth0"), "ff:ff:ff:ff:ff:ff"
		def one(*tags, src=me, dst=all, text="x"):
		    f = Ether(src=src, dst=dst)
		    for vid in tags:
		        f /= Dot1Q(vlan=vid)
		    f.lastlayer().type = 0x88b5
		    return f / Raw(text.ljust(50))
		def says(*frames): sendp(list(frames), iface="eth0")
	END
}

# listen NS...: writes what they hear of such frames
listen() {
	local ns
	for ns; do
		capture "$ns" eth0 '' "$ROOM/$ns.pcap"
	done
}

# hears NS: each such frame of others, as its tags and its text, in the order of their coming
hears() {
	tcpdump -n -e -A -r "$ROOM/$1.pcap" "not ether src $(mac "$1")" 2>/dev/null | "$PYTHON" -c '
import re, sys
for part in re.split(r"(?m)^(?=\d\d:\d\d:\d\d\.)", sys.stdin.read())[1:]:
    text = re.search(r"<(\w+)>", part)
    if text:
        print(*re.findall(r"vlan (\d+)", part.splitlines()[0]), text.group(1))'
}

# heard NS LINE...: for until_ok: these, and no others
heard() {
	[ "$(hears "$1")" = "$(printf '%s\n' "${@:2}")" ]
}

@test "ports of one VLAN meet, those of others do not, nor does the gateway" {
	echoes a 10.77.0.3
	echoes c 10.77.0.1
	silent a 10.77.0.1
	silent a 10.77.0.4
	silent c 10.77.0.2
	ip -n a neigh replace 10.77.0.4 lladdr "$(mac c)" dev eth0
	ip -n a neigh replace 10.77.0.1 lladdr "$(ip -n "$H" -j link show t0 | jq -r '.[].address')" dev eth0
	silent a 10.77.0.4
	silent a 10.77.0.1
	run ! in_ns "$H" ping -c 1 -W 0.3 10.77.0.2
	in_ns "$H" ping -c 1 -W 1 10.77.0.4
}

@test "what is for all is heard in its VLAN alone, with tags on a trunk" {
	for ns in b c t u; do
		listen "$ns"
	done
	says a <<<'says(one(text="<a>"))'
	says c <<<'says(one(text="<c>"))'
	says u <<<'says(one(text="<u>"))'
	says t <<<'says(one(10, text="<ten>"), one(20, text="<twenty>"))'
	until_ok 5 heard u twenty
	until_ok 5 heard b a ten
	until_ok 5 heard t "10 a" "20 u"
	[ -z "$(hears c)" ]
}

@test "a MAC is learned in each VLAN by itself, and found there" {
	says u <<<'says(one(src="02:00:00:00:09:01"))'
	says t <<<'says(one(10, src="02:00:00:00:09:01"))'
	[ "$(nsf -j fdb show t0 | jq -c '[.[] | select(.mac == "02:00:00:00:09:01") | [.vlan, .port]] | sort')" = \
		'[[10,"t"],[20,"u"]]' ]
	for ns in b t u; do
		listen "$ns"
	done
	says a <<<'says(one(dst="02:00:00:00:09:01", text="<known>"))'
	until_ok 5 heard t "10 known"
	[ -z "$(hears b)$(hears u)" ]
	nsf fdb del t0 02:00:00:00:09:01
	[ "$(nsf -j fdb show t0 | jq '[.[] | select(.mac == "02:00:00:00:09:01")] | length')" = 0 ]
	nsf fdb add t0 02:00:00:00:09:01 t
	says a <<<'says(one(dst="02:00:00:00:09:01", text="<fixed>"))'
	until_ok 5 heard t "10 known" "10 fixed"
}

@test "a tag that a port may not send goes nowhere" {
	for ns in b c t u; do
		listen "$ns"
	done
	says a <<<'says(one(20, text="<a>"), one(10, text="<a>"), one(0, text="<a>"))'
	says c <<<'says(one(10, text="<c>"), one(1, text="<c>"))'
	says u <<<'says(one(10, text="<u>"), one(20, text="<u>"))'
	says t <<<'says(one(text="<t>"), one(30, text="<t>"), one(1, text="<t>"), one(0, text="<t>"))'
	says t <<<'says(one(10, text="<end>"), one(20, text="<end>"))'
	until_ok 5 heard b end
	until_ok 5 heard u end
	[ -z "$(hears c)$(hears t)" ]
	[ "$(mode)" != bpf ] || [ "$(dropped VLAN)" -ge 10 ]
}

@test "nobody speaks for what is somebody's for good, behind a tag neither" {
	local mac
	mac=$(mac t)
	capture b eth0 'arp or ip or ip6' "$ROOM/b.pcap"
	says t <<-'END'
		def told(ip): return Ether(src=me, dst=all) / Dot1Q(vlan=10) / ARP(op=2, hwsrc=me, psrc=ip, hwdst=all, pdst=ip)
		says(*(told(ip) for ip in ("10.77.0.1", "10.77.0.2", "10.77.0.4", "10.77.0.60")),
		     *(Ether(src=me, dst=all) / Dot1Q(vlan=10) / IP(src=ip, dst="10.77.0.255") / UDP(sport=9, dport=9)
		       for ip in ("10.77.0.1", "10.77.0.2", "10.77.0.61")))
	END
	capture_stop
	run -0 captured "$ROOM/b.pcap" -e
	[ "$(grep -c "$mac >" <<<"$output")" = 2 ]
	[[ $output == *"10.77.0.60 is-at"* && $output == *"10.77.0.61.9 >"* ]]
	[ "$(dropped SPOOF_ARP)" = 3 ]
	[ "$(dropped SPOOF_IP4)" = 2 ]
}

@test "a filter that somebody switched off is noticed, and comes back" {
	only netfilter "in mode bpf nobody else has it"
	ip -n "$H" link set t0 type bridge vlan_filtering 0
	[ "$(nsf -j show t0 | jq -r '.[].state')" = damaged ]
	nsf up t0
	silent a 10.77.0.1
	echoes a 10.77.0.3
	local dev
	dev=$(nsf -j show t0 | jq -r '.[].ports[] | select(.name == "a") | .dev')
	in_ns "$H" bridge vlan del dev "$dev" vid 10
	[ "$(nsf -j show t0 | jq -r '.[].state')" = damaged ]
	nsf up t0
	echoes a 10.77.0.3
}

@test "a tag beneath that of the VLAN is content, and managed ports get none" {
	for ns in b u t; do
		listen "$ns"
	done
	says t <<<'says(one(20, 10, text="<two>"), one(10, 20, text="<two>"), one(10, text="<end>"))'
	until_ok 5 heard b end
	until_ok 5 heard u "10 two"
}

@test "a VLAN is changed on a live network, and goes along to the other mode" {
	in_ns c ping -c 1 -W 1 203.0.113.10
	config Vlan=10 | nsf up -f -
	[ "$(mode)" != bpf ] || [ "$(nsf -j flows --port c)" = '[]' ]
	echoes c 10.77.0.2
	silent c 10.77.0.1
	[ "$(nsf -j show t0 | jq -c '[.[].ports[] | [.name, .vlan, .vlan_trunk]]')" = \
		'[["a",10,null],["b",10,null],["c",10,null],["t",null,"10,20"],["u",20,null]]' ]
	run -0 nsf up t0
	[[ $output == *"no change"* ]]
	# another change of a port leaves alone what is known of it
	says t <<<'says(one(10, src="02:00:00:00:09:02"))'
	nsf up t0 --max-flood 9999
	[ "$(nsf -j fdb show t0 | jq '[.[] | select(.mac == "02:00:00:00:09:02")] | length')" = 1 ]
	if filters; then
		for mode in $([ "$(mode)" = bpf ] && echo netfilter bpf || echo bpf netfilter); do
			nsf mode t0 "$mode"
			echoes c 10.77.0.2
			silent c 10.77.0.1
			[ "$(nsf -j show t0 | jq -c '[.[].ports[] | [.vlan, .vlan_trunk]]')" = \
				'[[10,null],[10,null],[10,null],[null,"10,20"],[20,null]]' ]
		done
	fi
	config Vlan=1 | nsf up -f -
	silent c 10.77.0.2
	echoes c 10.77.0.1
	for port in a b t u; do
		nsf del t0 "$port"
	done
	nsf add t0 d --vlan 20 --vlan-trunk 30-31
	nsf add t0 e --vlan 20
	echoes d 10.77.0.3
	silent d 10.77.0.4
}

@test "VLAN devices of a container behind a trunk speak with each VLAN" {
	ip -n t link add link eth0 name eth0.10 type vlan id 10 || skip "this kernel has no VLAN devices"
	ip -n t link add link eth0 name eth0.20 type vlan id 20
	ip -n t addr add 10.77.0.42/24 dev eth0.10
	ip -n t addr add 10.78.0.1/24 dev eth0.20
	ip -n u addr add 10.78.0.2/24 dev eth0
	ip -n t addr del 10.77.0.40/24 dev eth0
	ip -n t link set eth0.10 up
	ip -n t link set eth0.20 up
	until_ok 5 echoes t 10.77.0.2
	echoes b 10.77.0.42
	echoes t 10.78.0.2
	serve a 5201 iperf3 -s >/dev/null
	iperf t -c 10.77.0.2 -n 20M
	iperf t -c 10.77.0.2 -n 20M -R
}

@test "what cannot be is refused" {
	local line
	for line in Vlan=0 Vlan=4095 Vlan=x VlanTrunk=1 VlanTrunk=20-10 VlanTrunk=10,,x $'Vlan=10\nVlanTrunk=10' \
		$'Vlan=none\nVlanTrunk=none' $'Vlan=10\nPublish=8080:80'; do
		config "$line" >"$ROOM/bad"
		run -1 nsf up -f "$ROOM/bad"
	done
	[[ $output == *"t0/c: only a port in VLAN 1, the gateway's, can be published"* ]]
	[ "$(nsf -j show t0 | jq -c '[.[].ports[] | select(.name == "c") | .vlan]')" = '[1]' ]
	run -1 nsf publish add t0 8080:a:80
	[[ $output == *"t0/a: only a port in VLAN 1"* ]]
}
