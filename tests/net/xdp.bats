#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# XDP at the uplink: answers reach containers before the kernel makes packets of them, all else as by tc; what attaching
# changes is put back, and where the driver has none, that is said.
#
#   a .2, b .3 ── t0 10.77.0.1/24, fd00:77::1/64 ── host ($H) up0 198.51.100.1, 2001:db8:51::1
#                      outside ($OUT) 203.0.113.10, 2001:db8:ff::10
load lib

setup() {
	host_up
	# as from a wire: sums are filled in
	in_ns "$OUT" ethtool -K eth0 tx off >/dev/null
	outside6
	state_of_host >"$ROOM/before"
}

teardown() { host_down; }

state_of_host() {
	snapshot "$H"
	in_ns "$H" ethtool -k up0
	in_ns "$OUT" ethtool -k eth0
}

nothing_left() {
	nsf down --all
	state_of_host >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

up() {
	nsf up t0 --mode bpf --subnet 10.77.0.1/24,fd00:77::1/64 --ns a --ns b --uplink up0 --snat 198.51.100.1 \
		--snat6 2001:db8:51::1 "$@"
}

# frames WHAT: how many the driver has counted: packets, redirect, drops
frames() {
	in_ns "$H" ethtool -S up0 | awk -v what="xdp_$1:" '$1 ~ what "$" { n += $2 } END { print n + 0 }'
}

attached() {
	[ "$(nsf -j show t0 | jq -r '.[0] | "\(.xdp) \(.xdp_attached) \(.state)"')" = "$1 $2 ${3:-up}" ]
}

on_uplink() {
	in_ns "$H" ip link show up0 | grep -q xdp
}

gro() {
	in_ns "$1" ethtool -k eth0 | awk '$1 == "generic-receive-offload:" { print $2 }'
}

# Both families, each with its checksum and its length.
answers() {
	in_ns a "$PYTHON" - <<-'END'
		import socket
		for family, address in (socket.AF_INET, "203.0.113.10"), (socket.AF_INET6, "2001:db8:ff::10"):
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.settimeout(5)
		    s.connect((address, 7))
		    for n in 1, 2, 63, 64, 1000, 1400:
		        s.send(b"x" * n)
		        assert s.recv(2000).split()[0] in (b"198.51.100.1", b"2001:db8:51::1")
	END
}

works() {
	for address in 203.0.113.10 2001:db8:ff::10; do
		in_ns a ping -c 2 -i 0.1 -W 5 "$address"
		in_ns a ping -c 1 -s 3000 -W 5 "$address"
	done
	answers
	in_ns a curl -sSf -m "$TRANSFER" http://203.0.113.10:80/ -o /dev/null
	in_ns "$OUT" curl -sSf -m "$TRANSFER" http://198.51.100.1:8080/ -o /dev/null
	in_ns "$H" ping -c 1 -W 5 203.0.113.10
	in_ns "$H" ping -c 1 -W 5 10.77.0.3
}

serve_all() {
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10 2001:db8:ff::10
	serve "$OUT" 80 "$PYTHON" -m http.server 80 --bind 203.0.113.10
	serve b 80 "$PYTHON" -m http.server 80
}

@test "answers go by XDP, TCP and first packets by tc, and all arrive" {
	up --publish 8080:b:80 --xdp native
	attached native true
	serve_all
	works
	[ "$(frames redirect)" -ge 10 ]
	before=$(frames redirect)
	in_ns a curl -sSf -m "$TRANSFER" http://203.0.113.10:80/ -o /dev/null
	[ "$(frames redirect)" = "$before" ]
	nsf up t0 --xdp off
	attached off false
	works
	run ! on_uplink
	[ "$(nsf -j drops t0)" = "[]" ]
	nothing_left
}

@test "frames count as packets do: on the uplink, at the port, in the flow" {
	up --xdp native
	serve_all
	in_ns a ping -c 1 -W 5 203.0.113.10
	count() { nsf -j show t0 | jq '[.[0].outside.rx_packets, (.[0].ports[] | select(.name == "a").tx_packets)]'; }
	before=$(count) redirected=$(frames redirect)
	in_ns a ping -c 5 -i 0.1 -W 5 203.0.113.10
	[ $(($(frames redirect) - redirected)) = 5 ]
	jq -ne "[$before, $(count)] | (.[1][0] - .[0][0]) == 5 and (.[1][1] - .[0][1]) >= 5"
	nsf -j flows | jq -e '[.[] | select(.protocol == "icmp")] | length == 2 and all(.out_packets == .in_packets)'
}

# strangers FIRST LAST: first packets to these ports
strangers() {
	in_ns "$OUT" "$PYTHON" - "$@" <<-'END'
		import sys
		from scapy.all import Ether, IP, TCP, sendp, getmacbyip
		mac = getmacbyip("198.51.100.1")
		sendp([Ether(dst=mac) / IP(src="203.0.113.10", dst="198.51.100.1") / TCP(sport=5, dport=p, flags="S")
		       for p in range(int(sys.argv[1]), int(sys.argv[2]) + 1)], iface="eth0", verbose=False)
	END
}

@test "what nobody asked for is dropped as a frame, by its name" {
	up --xdp native
	strangers 20000 20099
	until_ok 5 test "$(dropped UNSOLICITED)" = 100
	[ "$(frames drops)" = 100 ]
	run -7 in_ns "$OUT" curl -sS -m 5 http://198.51.100.1:22/ # below the range: the host's own to refuse
}

@test "so it is where fragments are not translated" {
	ip -n "$H" link add nsf-fragments type veth peer name other
	run -0 up --xdp native
	[[ $output == *"fragments to and from the outside will be dropped"* ]]
	strangers 20000 20099
	until_ok 5 test "$(dropped UNSOLICITED)" = 100
	[ "$(frames drops)" = 100 ]
	ip -n "$H" link del nsf-fragments
}

@test "a sum that is yet to be filled in is filled in by tc" {
	in_ns "$OUT" ethtool -K eth0 tx on >/dev/null
	up --publish 8080:b:80 --xdp native
	serve_all
	works
	before=$(frames redirect)
	answers
	[ "$(frames redirect)" = "$before" ]
}

@test "attaching and taking off leave the uplink's and the container's offloads as they were" {
	up
	[ "$(gro a)" = off ]
	in_ns b ethtool -K eth0 gro on
	nsf up t0 --xdp auto
	attached auto true
	[ "$(gro a) $(gro b)" = "on on" ]
	in_ns "$H" ethtool -k up0 | grep 'rx-vlan-offload: off'
	nsf add t0 c
	[ "$(gro c)" = on ]
	nsf up t0 --xdp off
	[ "$(gro a) $(gro b) $(gro c)" = "off on off" ]
	in_ns "$H" ethtool -k up0 | grep 'rx-vlan-offload: on'
	nsf up t0 --xdp native
	run -0 --separate-stderr nsf -j up t0 --xdp native
	[ "$(jq .changed <<<"$output")" = false ]
	nothing_left
}

@test "doctor finds a port whose end has stopped to take frames, and its cure cures it" {
	up --xdp native
	nsf doctor | grep "ok t0 XDP *on 'up0'"
	in_ns a ethtool -K eth0 gro off
	run ! in_ns a ping -c 1 -W 1 203.0.113.10
	cure=$(nsf -j doctor | jq -r '.[] | select(.check == "t0 XDP" and .ok == false).cure')
	[ "$cure" = "nsfast exec a ethtool -K eth0 gro on" ]
	read -ra words <<<"$cure"
	nsf "${words[@]:1}"
	in_ns a ping -c 1 -W 5 203.0.113.10
}

@test "an adopted port's far end is not ours to set: its packets go by tc" {
	adoptable v "$H" v0 10.77.0.9/24
	nsf up t0 --mode bpf --subnet 10.77.0.1/24 --uplink up0 --xdp native
	nsf add t0 v --dev v0
	until_ok 5 in_ns v ping -c 1 -W 1 203.0.113.10
	before=$(frames redirect)
	in_ns v ping -c 2 -i 0.1 -W 5 203.0.113.10
	[ "$(frames redirect)" = "$before" ]
	[ "$(gro v)" = off ]
}

@test "where the driver has none, native is refused and auto says so; the network is as it was" {
	ip -n "$H" link add br9 type bridge
	ip -n "$H" addr add 192.0.2.1/24 dev br9
	ip -n "$H" link set br9 up
	run -5 nsf up t1 --mode bpf --subnet 10.78.0.1/24 --ns c --uplink br9 --snat none --xdp native
	[[ $output == *"t1: no native XDP on 'br9': its driver has none"*"hint: --xdp auto"* ]]
	run -3 nsf show t1
	run -0 nsf up t1 --mode bpf --subnet 10.78.0.1/24 --ns c --uplink br9 --snat none --xdp auto
	[[ $output == *"t1: no native XDP on 'br9': its driver has none; tc does it all"* ]]
	nsf show t1 | grep "uplink br9 without XDP"
	run -5 nsf up t1 --xdp native
	nsf -j show t1 | jq -e '.[0] | .xdp == "auto" and .state == "up" and .xdp_attached == false'
	nsf down t1
	ip -n "$H" link del br9
	nothing_left
}

@test "the other end's MTU forbids it" {
	ip -n "$OUT" link set eth0 mtu 9000
	run -2 up --xdp native
	[[ $output == *"t0: no native XDP on 'up0': its MTU, or that of the other end"* ]]
	run -0 up --xdp auto
	attached auto false
	ip -n "$OUT" link set eth0 mtu 1500
	nsf up t0 --xdp native
	attached native true
}

@test "another program that is there stays" {
	up
	in_ns "$H" bpftool net attach xdpdrv pinned /run/nsfast/bpf/*/*/nsf_from_wire dev up0
	run -2 nsf up t0 --xdp native
	[[ $output == *"t0: no native XDP on 'up0': another XDP program is on it"* ]]
	attached off false
	run -0 nsf up t0 --xdp auto
	nsf down t0
	on_uplink
	in_ns "$H" bpftool net detach xdpdrv dev up0
	nothing_left
}

@test "two networks on one uplink: the last one that wants it takes it away" {
	up --xdp native
	nsf up t1 --mode bpf --subnet 10.78.0.1/24 --ns c --uplink up0 --snat 198.51.100.77
	[ "$(gro c)" = off ]
	nsf up t1 --xdp native
	[ "$(gro c)" = on ]
	nsf down t0
	on_uplink
	nsf up t1 --xdp off
	run ! on_uplink
	nothing_left
}

@test "a link that others took off is missed, and made again by up" {
	up --xdp native
	bpftool link detach pinned /run/nsfast/bpf/*/*/link-*-xdp
	attached native false damaged
	nsf up t0
	attached native true
	nothing_left
}

@test "mode netfilter has none: auto comes back with bpf, native stays where it is" {
	up --publish 8080:b:80 --xdp auto
	nsf mode t0 netfilter
	attached auto false
	[ "$(gro a)" = off ]
	run ! on_uplink
	serve_all
	works
	nsf mode t0 bpf
	attached auto true
	[ "$(gro a)" = on ]
	works
	nsf up t0 --xdp native
	run -1 nsf mode t0 netfilter
	[[ $output == *"Xdp=native is not to be had in mode netfilter"* ]]
	attached native true
	nothing_left
}
