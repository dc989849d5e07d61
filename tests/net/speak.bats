#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Who speaks for whom: hostile containers, of a managed port and of a learning one, say what is not theirs to say.
#
#   a  10.77.0.2  (managed, hostile) ───────────────┐
#   b  10.77.0.3  (managed) ────────────────────────┼── t0 10.77.0.1/24 ── host ($H) up0 198.51.100.1 ── outside ($OUT)
#   v  10.77.0.40 (learning, hostile) ──────── to-v ┘      fd00:77::1/64            2001:db8:51::1   203.0.113.10
load lib

setup_file() {
	host_up
	ip -n "$H" addr add 2001:db8:51::1/64 dev up0 nodad
	ip -n "$OUT" addr add 2001:db8:51::2/64 dev eth0 nodad
	ip -n "$H" -6 route add default via 2001:db8:51::2
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10 2001:db8:51::2
	until_ok 5 listens "$OUT" 7 udp
}
teardown_file() { host_down; }

setup() {
	adoptable v "$H" to-v 10.77.0.40/24 fd00:77::40/64
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24,fd00:77::1/64 --ns a --ns b --uplink up0 --snat 198.51.100.1
	nsf add t0 v --dev to-v
	until_ok 5 in_ns v ping -c 1 -W 1 10.77.0.1
}
teardown() {
	nsf down --all
	ip -n "$H" link del to-v
	ip netns del v
}

# says NS ARGUMENT...: Python on stdin with Scapy, its own MAC and the gateway's
says() {
	local ns=$1
	shift
	{ printf '%s\n' 'from scapy.all import *' 'conf.verb = 0' 'me, gw = get_if_hwaddr("eth0"), sys.argv[1]' \
		'def says(*frames, dst=gw):' ' sendp([Ether(src=me, dst=dst) / f for f in frames], iface="eth0")' && cat; } |
		in_ns "$ns" "$PYTHON" - "$(ip -n "$H" -j link show "${gateway:-t0}" | jq -r '.[].address')" "$@"
}

# asks NS SPORT [ADDRESS]: as whom the outside sees it
asks() {
	in_ns "$1" "$PYTHON" tests/packets/mirror.py ask udp "$2" "${3:-203.0.113.10}" 7
}

@test "the host's loopback is nobody's but its own" {
	start nsenter --net="/run/netns/$H" -- "$PYTHON" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 9))
while True:
    print(s.recv(100).decode(), flush=True)' >"$ROOM/loopback"
	until_ok 5 listens "$H" 9 udp
	for ns in a v; do
		says "$ns" <<-'END'
			for src in get_if_addr("eth0"), "203.0.113.99", "127.0.0.2":
			    says(IP(src=src, dst="127.0.0.1") / UDP(sport=9, dport=9) / b"from a container")
		END
	done
	in_ns "$H" bash -c 'printf "from the host" >/dev/udp/127.0.0.1/9'
	until_ok 5 test -s "$ROOM/loopback"
	[ "$(<"$ROOM/loopback")" = "from the host" ]
	[ "$(dropped MARTIAN_DST)" -ge 2 ]
}

@test "who has no address yet may ask for one, and whether somebody has it" {
	capture v eth0 'arp or udp' "$ROOM/asks.pcap"
	says a <<-'END'
		says(ARP(hwsrc=me, psrc="0.0.0.0", pdst="10.77.0.2"), dst="ff:ff:ff:ff:ff:ff")
		says(IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / BOOTP(), dst="ff:ff:ff:ff:ff:ff")
	END
	capture_stop
	captured "$ROOM/asks.pcap" | grep -q 'who-has 10.77.0.2 tell 0.0.0.0'
	captured "$ROOM/asks.pcap" | grep -q '0.0.0.0.68 > 255.255.255.255.67'
}

@test "who is behind a learning port does not take a managed port's flow, nor end it" {
	asks b 6000
	asks b 6000 2001:db8:51::2
	capture "$OUT" eth0 'udp and dst port 7' "$ROOM/takes.pcap"
	says v <<-'END'
		says(IP(src="10.77.0.3", dst="203.0.113.10") / UDP(sport=6000, dport=7) / b"forged")
		says(IPv6(src="fd00:77::3", dst="2001:db8:51::2") / UDP(sport=6000, dport=7) / b"forged")
	END
	capture_stop
	[ -z "$(captured "$ROOM/takes.pcap")" ]
	asks b 6000
}

# link_local NS INTERFACE
link_local() {
	ip -n "$1" -6 -j addr show dev "$2" | jq -r '.[].addr_info[]? | select(.scope == "link") | .local'
}

@test "who is behind a learning port speaks from no managed port's address, nor from the gateway's, to nobody" {
	capture a eth0 'udp port 9 or ip[6:2] & 0x3fff != 0 or ip6[6] == 44' "$ROOM/speaks.pcap"
	says v "$(mac a)" "$(link_local a eth0)" "$(link_local b eth0)" "$(link_local "$H" t0)" <<-'END'
		mac, *links = sys.argv[2:]
		all4, all6 = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
		word = UDP(sport=9, dport=9) / Raw(bytes(100))
		def everywhere(ip, src, own, group, group_mac, others, cut):
		    says(ip(src=src, dst=own) / word, *cut(ip(src=src, dst=own) / word), dst=mac)
		    says(ip(src=src, dst=group) / word, dst=group_mac)
		    says(*(ip(src=src, dst=dst) / word for dst in others))
		def cut6(p):
		    b = bytes(IPv6(bytes(p)).payload)
		    return [IPv6(src=p.src, dst=p.dst) / IPv6ExtHdrFragment(nh=17, id=1, m=1) / Raw(b[:64]),
		            IPv6(src=p.src, dst=p.dst) / IPv6ExtHdrFragment(nh=17, id=1, offset=8) / Raw(b[64:])]
		for src in "10.77.0.1", "10.77.0.2", "10.77.0.3":
		    everywhere(IP, src, "10.77.0.2", "10.77.0.255", all4, ["10.77.0.1", "203.0.113.10"], lambda p: fragment(p, 64))
		for src in "fd00:77::1", "fd00:77::2", "fd00:77::3", *links:
		    everywhere(IPv6, src, "fd00:77::2", "ff02::1", all6, ["fd00:77::1", "2001:db8:51::2"], cut6)
		everywhere(IP, "10.77.0.40", "10.77.0.2", "10.77.0.255", all4, [], lambda p: [])
	END
	capture_stop
	captured "$ROOM/speaks.pcap" -e
	[ "$(captured "$ROOM/speaks.pcap" | wc -l)" = 2 ]
	[ "$(captured "$ROOM/speaks.pcap" 'src 10.77.0.40' | wc -l)" = 2 ]
	[ "$(dropped SPOOF_IP4)" = 18 ]
	[ "$(dropped SPOOF_IP6)" = 36 ]
}

@test "who is behind a learning port leaves the network as one of its subnet alone, also where nothing is translated" {
	local policy
	for policy in "--snat auto --snat6 auto" "--snat-except 198.51.100.0/24 --snat-except 2001:db8:51::/64" "--snat none --snat6 none"; do
		# shellcheck disable=SC2086 # words
		nsf up t0 $policy
		capture "$OUT" eth0 'port 9 and not src host 203.0.113.10 and not src host 198.51.100.2 and not src host 2001:db8:51::2' \
			"$ROOM/leaves.pcap"
		says v <<-'END'
			for src in "10.99.0.1", "203.0.113.99", "198.51.100.1", "10.77.0.40":
			    for l4 in UDP(sport=9, dport=9), TCP(sport=9, dport=9, flags="R"), TCP(sport=9, dport=9, flags="S"):
			        says(IP(src=src, dst="203.0.113.10") / l4, IP(src=src, dst="198.51.100.2") / l4)
			for src in "fd99::1", "2001:db8:ff::99", "2001:db8:51::1", "fd00:77::40":
			    for l4 in UDP(sport=9, dport=9), TCP(sport=9, dport=9, flags="R"), TCP(sport=9, dport=9, flags="S"):
			        says(IPv6(src=src, dst="2001:db8:51::2") / l4)
		END
		capture_stop
		captured "$ROOM/leaves.pcap" >"$ROOM/leaves"
		case $policy in
		*except*) run ! grep -Ev '198.51.100.1.[0-9]+ > 203.0.113.10|10.77.0.40.9 > 198.51.100.2|fd00:77::40.9 > 2001:' ;;
		*none*) run ! grep -Ev 'IP 10.77.0.40.9 >|IP6 fd00:77::40.9 >' ;;
		*) run ! grep -Ev 'IP 198.51.100.1.9 >|IP6 2001:db8:51::1.9 >' ;;
		esac <"$ROOM/leaves"
		cat "$ROOM/leaves"
		[ "$(grep -c UDP "$ROOM/leaves")" = 3 ]
		nsf flows flush
	done
}

@test "who is behind a learning port does not tell the host that a managed port's address is his: flows stay where they are" {
	local mac
	mac=$(mac v)
	asks b 6000
	asks b 6000 2001:db8:51::2
	says v <<-'END'
		for op in 1, 2:
		    says(ARP(op=op, hwsrc=me, psrc="10.77.0.3", hwdst=gw, pdst="10.77.0.1"))
		mac = ICMPv6NDOptDstLLAddr(lladdr=me)
		says(IPv6(src="fd00:77::40", dst="fd00:77::1") / ICMPv6ND_NA(tgt="fd00:77::3", R=0, S=1, O=1) / mac)
		mac = ICMPv6NDOptSrcLLAddr(lladdr=me)
		says(IPv6(src="fd00:77::3", dst="ff02::1:ff00:1") / ICMPv6ND_NS(tgt="fd00:77::1") / mac, dst="33:33:ff:00:00:01")
	END
	asks b 6000
	asks b 6000 2001:db8:51::2
	ip -n "$H" neigh show dev t0 >"$ROOM/neighbours"
	run ! grep -E "^(10.77.0.3|fd00:77::3) .*$mac" "$ROOM/neighbours"
}

@test "who is behind a learning port is not the gateway, whoever asks" {
	in_ns b ping -c 1 -W 1 fd00:77::1
	says v <<-'END'
		mac = ICMPv6NDOptSrcLLAddr(lladdr=me)
		says(IPv6(src="fd00:77::1", dst="ff02::1:ff00:3") / ICMPv6ND_NS(tgt="fd00:77::3") / mac, dst="33:33:ff:00:00:03")
	END
	ip -n b neigh show to fd00:77::1 >"$ROOM/gateway"
	run ! grep "$(mac v)" "$ROOM/gateway"
	[ "$(dropped SPOOF_ND)" -ge 1 ]
}

# As b's flows are known outside; the host turns it to b
FORGED='
own4 = get_if_addr("eth0")
own6 = sys.argv[2]
quote4 = IP(src="198.51.100.1", dst="203.0.113.10") / UDP(sport=6000, dport=7) / b"who"
quote6 = IPv6(src="2001:db8:51::1", dst="2001:db8:51::2") / UDP(sport=6000, dport=7) / b"who"
says(IP(src=own4, dst="198.51.100.1") / ICMP(type=3, code=3) / quote4,
     IPv6(src=own6, dst="2001:db8:51::1") / ICMPv6DestUnreach(code=4) / quote6)
'
FORGED_PEER='
says(IP(src="203.0.113.10", dst="198.51.100.1") / UDP(sport=7, dport=6000) / b"forged",
     IPv6(src="2001:db8:51::2", dst="2001:db8:51::1") / UDP(sport=7, dport=6000) / b"forged")
'

@test "the host turns no error of a container to another one whose flow it quotes, of another network neither" {
	asks b 6000
	asks b 6000 2001:db8:51::2
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24,fd00:78::1/64 --uplink up0 --snat 198.51.100.1
	adoptable w "$H" to-w 10.78.0.40/24 fd00:78::40/64
	nsf add t1 w --dev to-w
	until_ok 5 in_ns w ping -c 1 -W 1 10.78.0.1
	capture b eth0 'icmp or icmp6[0] == 1' "$ROOM/errors.pcap"
	says a fd00:77::2 <<<"$FORGED"
	says v fd00:77::40 <<<"$FORGED"
	gateway=t1 says w fd00:78::40 <<<"$FORGED"
	capture_stop
	ip -n "$H" link del to-w
	ip netns del w
	[ -z "$(captured "$ROOM/errors.pcap")" ]
	asks b 6000
}

@test "who is behind a learning port says nothing as a peer outside by way of the host" {
	asks b 6000
	asks b 6000 2001:db8:51::2
	capture b eth0 'udp' "$ROOM/peer.pcap"
	says v <<<"$FORGED_PEER"
	capture_stop
	[ -z "$(captured "$ROOM/peer.pcap")" ]
}

answered() {
	[ "$(wc -l <"$ROOM/own")" = "$1" ]
}

forgotten() {
	! in_ns "$H" grep 'dport=7 ' /proc/net/nf_conntrack
}

@test "a container ends no conversation of the host's own by an error that quotes it" {
	mkfifo "$ROOM/own.in"
	start nsenter --net="/run/netns/$H" -- "$PYTHON" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("198.51.100.1", 6000))
s.connect(("203.0.113.10", 7))
for line in open(sys.argv[1]):
    s.send(b"who")
    print(s.recv(100).decode(), end="", flush=True)' "$ROOM/own.in" >"$ROOM/own"
	exec {own}>"$ROOM/own.in"
	echo >&"$own"
	until_ok 5 test -s "$ROOM/own"
	says a fd00:77::2 <<<"$FORGED"
	says v fd00:77::40 <<<"$FORGED"
	echo >&"$own"
	until_ok 5 answered 2
	# the socket lives longer than what the kernel remembers of its conversation
	if [ "$(mode)" = netfilter ]; then
		in_ns "$H" sysctl -qw net.netfilter.nf_conntrack_udp_timeout=1 net.netfilter.nf_conntrack_udp_timeout_stream=1
		echo >&"$own"
		until_ok 5 forgotten
	fi
	says a fd00:77::2 <<<"$FORGED"
	says v fd00:77::40 <<<"$FORGED"
	echo >&"$own"
	exec {own}>&-
	until_ok 5 gone "$STARTED"
	[ "$(wc -l <"$ROOM/own")" = "$([ "$(mode)" = bpf ] && echo 3 || echo 4)" ]
}
