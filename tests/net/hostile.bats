#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Containers that do what they can to their own end: loops, other MTUs and names, programs, frames for other MACs.
#
#   a  10.77.0.2, b  10.77.0.3  (managed) ──────────┐
#   v  10.77.0.40 (learning) ──────────────── to-v ─┼── t0 10.77.0.1/24 ── host ($H) up0 198.51.100.1 ── outside ($OUT)
#   l  a bridge of eth0 and eth1 ─── to-l1, to-l2 ──┘      fd00:77::1/64            2001:db8:51::1     203.0.113.10
load lib

setup_file() {
	host_up
	outside6
}
teardown_file() { host_down; }

setup() {
	adoptable v "$H" to-v 10.77.0.40/24 fd00:77::40/64
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24,fd00:77::1/64 --ns a --ns b --uplink up0 --snat 198.51.100.1 \
		--snat6 2001:db8:51::1
	nsf add t0 v --dev to-v
	until_ok 5 echoes v 10.77.0.1
}
teardown() {
	nsf down --all
	for port in to-v to-l1 to-l2; do
		ip -n "$H" link del "$port" 2>/dev/null || :
	done
	[ ! -e "/run/netns/far-$H" ] || far_down
	for ns in v l; do
		[ ! -e "/run/netns/$ns" ] || ip netns del "$ns"
	done
}

# pings N NS ADDRESS: a hundred a second, in the background; after pinged, not one of N was lost
pings() {
	start in_ns "$2" ping -q -n -i 0.01 -c "$1" -W 5 "$3" >"$ROOM/pings-$2-$3"
}

pinged() {
	local file
	for file in "$ROOM"/pings-*; do
		until_ok 15 grep "packets transmitted" "$file"
		cat "$file"
		[[ $(<"$file") == *" 0% packet loss"* ]]
		rm "$file"
	done
}

mac_of() {
	ip -n "$H" -j link show dev "$1" | jq -r '.[].address'
}

# dev PORT: its end on the host
dev() {
	nsf -j show t0 | jq -r --arg name "$1" '.[].ports[] | select(.name == $name) | .dev'
}

# says NS ARGUMENT...: Python on stdin with Scapy; me is its MAC, gw the gateway's, says(frame...) sends
says() {
	local ns=$1
	shift
	{ printf '%s\n' 'from scapy.all import *' 'conf.verb = 0' 'me, gw = get_if_hwaddr("eth0"), sys.argv[1]' \
		'def says(*frames): sendp(list(frames), iface="eth0")' && cat; } |
		in_ns "$ns" "$PYTHON" - "$(mac_of t0)" "$@"
}

# unlearned PORT: frames of it whose source MAC was not learned
unlearned() {
	nsf -j show t0 | jq --arg name "$1" '.[].ports[] | select(.name == $name) | .macs_not_learned'
}

loop() {
	local i
	adoptable l "$H" to-l1
	ip -n "$H" link add to-l2 type veth peer name eth1 netns l
	ip -n l link add br0 type bridge stp_state 0 mcast_snooping 0
	for i in 0 1; do
		ip -n l link set "eth$i" master br0
		ip -n l link set "eth$i" up
	done
	ip -n l link set br0 up
	ip -n l addr add 10.77.0.50/24 dev br0
	nsf add t0 l1 --dev to-l1
	nsf add t0 l2 --dev to-l2
}

@test "a loop by two ports of one container ends at the storm limit, others and the host lose nothing, its MAC is held" {
	nsf up t0 --max-flood 200
	loop
	pings 200 b 10.77.0.2
	pings 200 a 10.77.0.1
	pings 200 "$H" 10.77.0.3
	pings 200 a 203.0.113.10
	for _ in {1..10}; do
		in_ns l ping -c 1 -W 0.1 10.77.0.99 || :
	done
	pinged
	[ "$(dropped STORM)" -ge 2 ]
	[ "$(mode)" = netfilter ] || [ "$(($(unlearned l1) + $(unlearned l2)))" -ge 100 ]
	# without the loop it is a port like others
	ip -n l link set eth1 down
	until_ok 20 echoes l 10.77.0.2
}

# big NS ADDRESS: longer than the network's MTU, and not to be cut
big() {
	in_ns "$1" ping -c 1 -W 0.5 -M "do" -s 4000 "$2"
}

@test "a container that raises its own MTU: what is too long for the network is dropped by name, and harms nobody" {
	local ns
	pings 100 b 10.77.0.1
	for ns in a b v; do
		ip -n "$ns" link set eth0 mtu 9000
	done
	# a veth takes nothing longer than its other end does, but segments
	run ! big a 10.77.0.3
	ip -n "$H" link set to-v mtu 9000
	capture b eth0 'greater 1600' "$ROOM/big.pcap"
	run ! big v 10.77.0.3
	run ! big v fd00:77::3
	says v <<-'END'
		says(Ether(src=me, dst="ff:ff:ff:ff:ff:ff", type=0x88b5) / Raw(bytes(4000)))
	END
	if [ "$(mode)" = bpf ]; then # the kernel counts them elsewhere, and lets segments of any length pass
		says a "$(mac b)" <<-'END'
			import socket
			s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
			s.bind(("eth0", 0))
			s.setsockopt(263, 15, 1) # SOL_PACKET, PACKET_VNET_HDR
			p = Ether(src=me, dst=sys.argv[2]) / IP(src="10.77.0.2", dst="10.77.0.3") / TCP(sport=9, dport=9, flags="A") / Raw(bytes(8000))
			s.send(struct.pack("<BBHHHH", 1, 1, 54, 4000, 34, 16) + bytes(p)) # TCPv4 in segments of 4000 bytes
		END
		[ "$(dropped TOO_BIG)" = 5 ]
	fi
	capture_stop
	[ -z "$(captured "$ROOM/big.pcap")" ]
	# outside, the sender is told
	run ! big v 203.0.113.10
	[[ $output == *"From 10.77.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1500)"* ]]
	run ! big v 2001:db8:ff::10
	[[ $output == *"From fd00:77::1 icmp_seq=1 Packet too big: mtu=1500"* ]]
	# what fits goes on, also in segments that the sender would have liked longer
	in_ns a ping -c 1 -W 1 -M "do" -s 1472 10.77.0.3
	serve "$OUT" 5201 iperf3 -s -B 203.0.113.10 >/dev/null
	iperf a -c 203.0.113.10 -n 5M
	iperf a -c 203.0.113.10 -n 5M -R
	pinged
}

@test "a container renames its interface, takes its addresses off, and puts them on again: others notice nothing" {
	local mac
	mac=$(mac a)
	pings 100 b 10.77.0.1
	pings 100 "$H" 10.77.0.3
	ip -n a link set eth0 down
	ip -n a link set eth0 name other
	ip -n a addr flush dev other
	ip -n a link set other up
	run ! echoes b 10.77.0.2
	pinged
	[ "$(nsf -j fdb t0 | jq -r --arg mac "$mac" '.[] | select(.mac == $mac) | .port + " " + .state')" = "a static" ]
	ip -n a addr add 10.77.0.2/24 dev other
	ip -n a route add default via 10.77.0.1
	echoes a 10.77.0.3
	echoes b 10.77.0.2
	echoes a 203.0.113.10
	# another MAC is not its own to take
	ip -n a link set other address 02:00:00:00:99:99
	run ! echoes a 10.77.0.3
	ip -n a link set other address "$mac"
	echoes a 10.77.0.3
	nsf del t0 a
	echoes b 10.77.0.1
}

@test "what a container removes from its own end, and puts there, changes nothing of what it may send" {
	capture b eth0 'ether proto 0x88b5 or udp port 9' "$ROOM/programs.pcap"
	[ -z "$(in_ns a tc filter show dev eth0 ingress)$(in_ns a nft list ruleset)" ]
	[ "$(in_ns a bpftool -j net show dev eth0 | jq '[.[][][]] | length')" = 0 ]
	in_ns a tc qdisc replace dev eth0 clsact
	in_ns a tc filter add dev eth0 egress matchall action pass 2>/dev/null || :
	in_ns a tc qdisc del dev eth0 clsact
	in_ns a tc qdisc replace dev eth0 root pfifo
	in_ns a ip link set eth0 xdp off
	in_ns a ethtool -K eth0 gro on tx off sg off
	in_ns a nft flush ruleset
	says a "$(mac b)" <<-'END'
		to = sys.argv[2]
		says(Ether(src="02:00:00:00:99:99", dst=to, type=0x88b5) / Raw(b"another MAC"),
		     Ether(src=me, dst=to) / IP(src="10.77.0.9", dst="10.77.0.3") / UDP(sport=9, dport=9) / b"another address",
		     Ether(src=me, dst=to) / IP(src="10.77.0.2", dst="10.77.0.3") / UDP(sport=9, dport=9) / b"its own")
	END
	capture_stop
	[ "$(captured "$ROOM/programs.pcap" | wc -l)" = 1 ]
	[ "$(dropped SPOOF_MAC)" = 1 ]
	[ "$(dropped SPOOF_IP4)" = 1 ]
	echoes a 203.0.113.10
}

@test "the host's services are not reached by the link-local addresses of its ends of ports" {
	local ns end
	serve "$H" 80 "$PYTHON" -m http.server --bind :: 80
	ip -n "$H" -6 addr add fe80::77/64 dev to-v nodad 2>/dev/null || : # where it takes one
	for ns in a v; do
		in_ns "$ns" curl -sf --max-time 2 -o /dev/null 'http://[fd00:77::1]/'
		end=$(dev "$ns")
		for address in $(ip -n "$H" -6 -j addr show dev "$end" | jq -r '.[].addr_info[]?.local') "$(link_local_of "$(mac_of "$end")")"; do
			ip -n "$ns" -6 neigh replace "$address" lladdr "$(mac_of "$end")" dev eth0
			run ! in_ns "$ns" curl -s --max-time 0.5 -o /dev/null "http://[$address%eth0]/"
		done
	done
}

# link_local_of MAC: the address that goes with it (RFC 4291, appendix A)
link_local_of() {
	"$PYTHON" -c 'import sys
from scapy.utils6 import in6_mactoifaceid
print("fe80::" + in6_mactoifaceid(sys.argv[1]).lower())' "$1"
}

@test "only frames for the gateway's MAC are routed, also where the host forwards: not those for all, for others, with tags" {
	local ns
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
	capture "$OUT" eth0 'udp port 9' "$ROOM/routed.pcap"
	for ns in a v; do
		says "$ns" "$(mac b)" "$(mac_of up0)" "$(mac_of "$(dev "$ns")")" <<-'END'
			ip, others = IP(src=get_if_addr("eth0"), dst="203.0.113.10") / UDP(sport=9, dport=9), sys.argv[2:]
			ip6 = IPv6(src=get_if_addr6("eth0"), dst="2001:db8:ff::10") / UDP(sport=9, dport=9)
			for mac in "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01", "02:00:00:00:99:99", *others:
			    says(Ether(src=me, dst=mac) / ip / b"astray", Ether(src=me, dst=mac) / ip6 / b"astray")
			for tag in Dot1Q(vlan=0, prio=5), Dot1Q(vlan=5), Dot1AD(vlan=5) / Dot1Q(vlan=0):
			    says(Ether(src=me, dst=gw) / tag / ip / b"astray", Ether(src=me, dst=gw) / tag / ip6 / b"astray")
			ip[UDP].sport = 10 # Linux may have taken note of the others on the bridge
			says(Ether(src=me, dst=gw) / ip / b"routed")
		END
	done
	capture_stop
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=0
	captured "$ROOM/routed.pcap" -e -A
	[ "$(captured "$ROOM/routed.pcap" | wc -l)" = 2 ]
	[ "$(captured "$ROOM/routed.pcap" -A | grep -c routed)" = 2 ]
	# of a managed port all that have tags; of an adopted one it is the bridge that drops some in mode netfilter, and counts none
	[ "$(dropped VLAN)" -ge "$([ "$(mode)" = bpf ] && echo 12 || echo 6)" ]
}

@test "router advertisements of containers give the host nothing" {
	ip -n "$H" -6 route show | sed 's/ expires.*//' >"$ROOM/routes"
	ip -n "$H" -6 -o addr show | awk '{ print $2, $4 }' >"$ROOM/addresses"
	for ns in a v; do
		says "$ns" "$(ip -n "$ns" -6 -j addr show dev eth0 | jq -r '.[].addr_info[]? | select(.scope == "link") | .local')" <<-'END'
			for dst in "33:33:00:00:00:01", gw:
			    says(Ether(src=me, dst=dst) / IPv6(src=sys.argv[2], dst="ff02::1", hlim=255) / ICMPv6ND_RA(routerlifetime=1800)
			         / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64) / ICMPv6NDOptSrcLLAddr(lladdr=me))
		END
	done
	# what was sent has arrived before this
	echoes v 10.77.0.1
	same "$ROOM/routes" <(ip -n "$H" -6 route show | sed 's/ expires.*//')
	same "$ROOM/addresses" <(ip -n "$H" -6 -o addr show | awk '{ print $2, $4 }')
}

# far_up: another host, with a network of its own, behind the same outside
far_up() {
	local ns=far-$H
	ip netns add "$ns"
	ip -n "$ns" link set lo up
	ip -n "$ns" link add up0 type veth peer name far netns "$OUT"
	ip -n "$ns" addr add 192.0.2.1/24 dev up0
	ip -n "$OUT" addr add 192.0.2.254/24 dev far
	ip -n "$ns" link set up0 up
	ip -n "$OUT" link set far up
	ip -n "$ns" route add default via 192.0.2.254
	in_ns "$OUT" sysctl -qw net.ipv4.ip_forward=1
	"$NSFAST" -n "$ns" up t0 --mode "$(mode)" --subnet 10.88.0.1/24 --ns c --uplink up0 --snat 192.0.2.1
	until_ok 5 echoes c 203.0.113.10
}

far_down() {
	"$NSFAST" -n "far-$H" down --all
	ip netns del "far-$H"
	ip -n "$OUT" link del far 2>/dev/null || :
	in_ns "$OUT" sysctl -qw net.ipv4.ip_forward=0
}

@test "two containers behind two hosts punch their way to each other, by UDP and TCP, whoever begins" {
	only bpf "Linux keeps what nobody asked for, and answers it"
	local order first second
	far_up
	for order in "a c" "c a"; do
		for protocol in udp tcp; do
			first=${order% *} second=${order#* }
			punch "$protocol" "$first" >"$ROOM/first"
			until_ok 5 begun "$first" "$protocol"
			punch "$protocol" "$second" >"$ROOM/second"
			until_ok 15 heard "$protocol"
			nsf flows flush
			"$NSFAST" -n "far-$H" flows flush
		done
	done
}

# punch PROTOCOL NS
punch() {
	local own=10.77.0.2 sport=6000 peer=192.0.2.1 port=7000
	[ "$2" = a ] || own=10.88.0.2 sport=7000 peer=198.51.100.1 port=6000
	case $1 in
	udp) start nsenter --net="/run/netns/$2" -- "$PYTHON" tests/packets/punch.py $sport $peer $port ;;
	tcp) start nsenter --net="/run/netns/$2" -- "$PYTHON" tests/packets/call.py $own $sport $peer $port ;;
	esac
}

begun() {
	local host=$H
	[ "$1" = a ] || host=far-$H
	[ "$("$NSFAST" -n "$host" -j flows --protocol "$2" | jq length)" = 1 ]
}

heard() {
	local word='heard'
	[ "$1" = udp ] || word='word from [67]000'
	grep -qx "$word" "$ROOM/first" && grep -qx "$word" "$ROOM/second"
}
