#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Nothing leaves untranslated, whatever a container sends: odd scans, broken packets, crafted offloads, ports that go
# while they send, first packets at the same moment. What watches is a capture outside, see nat.bash.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }
teardown() { nat_down; }

# Destinations that are nobody's: groups, everybody, the loopback
ODD=(224.0.0.5 255.255.255.255 127.0.0.1)
[ "$FAMILY" = 4 ] || ODD=(ff02::1 ff05::5 ff0e::1 ::1 :: fe80::1 ::ffff:203.0.113.10)

gateway_mac() {
	nsf -j show t0 | jq -r '.[0].mac'
}

still_works() {
	in_ns a ping -c 1 -W 1 "$FAR"
	in_ns b ping -c 1 -W 1 "${INNER}2"
	wire <<-'END'
	while NETFILTER and q.heard(3.5):
	    pass  # what the kernel says when it has looked for a neighbour in vain
	for proto in "udp", "tcp", "icmp":
	    Flow(proto, q, 64000).works()
	END
}

@test "the watch sees what is untranslated" {
	local foreign=10.99.0.1
	[ "$FAMILY" = 4 ] || foreign=fd99::1
	ip -n "$H" addr add $foreign dev up0 nodad
	in_ns "$H" ping -c 1 -W 0.3 -I $foreign "$FAR" || :
	until_ok 5 grep -q . "$ROOM/leak.pcap"
	leaks() { [ -n "$(captured "$ROOM/leak.pcap")" ]; }
	until_ok 5 leaks
	ip -n "$H" addr del $foreign dev up0
	watch_anew
	nat_up
}

@test "nmap's odd flags leave translated or not at all" {
	nat_up
	for scan in -sS -sT -sA -sW -sM -sN -sF -sX '-sS --scanflags SYNFIN' '-sS --scanflags 0xff' '-sS --badsum' -sU -sY -sZ; do
		# shellcheck disable=SC2086 # words
		in_ns a timeout 20 "${NMAP[@]}" --max-retries 0 --host-timeout 3s -T5 -p 1-20,80 $scan "$FAR" >/dev/null
	done
	in_ns a timeout 30 "${NMAP[@]}" --max-retries 0 --host-timeout 8s -T5 -sO "$FAR" >/dev/null
	still_works
}

@test "nmap's fragments, decoys, foreign sources, options and bad lengths leave translated or not at all" {
	nat_up
	local more how=(--data-length\ 1400 --ttl\ 1 -g\ 0 -g\ 53)
	if [ "$FAMILY" = 4 ]; then # of IPv6 nmap makes no fragments and no options
		how+=(-f '-f -f' '--mtu 16' '-D 10.77.0.3,192.168.1.1,198.51.100.9,ME' '-S 10.77.0.3 -e eth0'
			'-S 192.168.7.7 -e eth0' '--ip-options R' '--ip-options T' '--ip-options U' "--ip-options L$FAR"
			"--ip-options S$FAR")
	else
		how+=('-D fd00:77::3,fd99::1,2001:db8:51::9,ME' '-S fd00:77::3 -e eth0' '-S fd99::7 -e eth0' '-S fe80::1 -e eth0')
	fi
	for more in "${how[@]}"; do
		# shellcheck disable=SC2086 # words
		in_ns a timeout 20 "${NMAP[@]}" --max-retries 0 --host-timeout 2s -T5 -sS -p 80,81 $more "$FAR" >/dev/null || :
	done
	still_works
}

@test "nmap through translation tells open from closed" {
	nat_up
	mirror "$OUT" 80 "$FAR"
	run -0 in_ns a "${NMAP[@]}" -sS -p 80,81 "$FAR"
	[[ $output == *"80/tcp open"* ]]
	[[ $output == *"81/tcp closed"* ]]
	run -0 in_ns a "${NMAP[@]}" -sT -p 80,81 "$FAR"
	[[ $output == *"80/tcp open"* ]]
	[[ $output == *"81/tcp closed"* ]]
}

@test "hping3's floods of random sources and fragments leave translated or not at all" {
	ipv4 "hping3 knows no other"
	nat_up
	for how in '-S --rand-source' '--udp --rand-source' '--icmp --rand-source' '-S -f -d 100' '--udp -x -d 1000' \
		'--udp -g 8 -d 64' '--icmp --icmptype 13' '--icmp --icmptype 17' '--rawip --ipproto 253' '-Y -X -U -P -F -S -A -R'; do
		# shellcheck disable=SC2086 # words
		in_ns a timeout 5 hping3 -q -n -i u200 -c 1000 $how -p ++1 "$FAR" >/dev/null 2>&1 || :
	done
	still_works
}

@test "noise: 6,000 broken frames, towards outside, gateway, host and neighbour, leave translated or not at all" {
	nat_up
	for seed in 1 2 $RANDOM; do
		in_ns q "$PYTHON" tests/packets/noise.py "$seed" 2000 "${INNER}4" "$(gateway_mac)" \
			"$FAR" "${NOBODY}1" "${NOBODY}1" "${INNER}1" "$EXT" "${INNER}5" "${ODD[@]}"
	done
	still_works
}

@test "noise while there are flows and publishes" {
	nat_up
	nsf publish add t0 8080:q:80/udp
	wire <<-'END'
	for port in 1, 7, 53, 80, 1023, 1024, 5000, 65535:
	    for proto in "udp", "tcp", "icmp":
	        Flow(proto, q, port, peer_port=port)
	END
	for seed in 3 $RANDOM; do
		in_ns q "$PYTHON" tests/packets/noise.py "$seed" 2000 "${INNER}4" "$(gateway_mac)" "${NOBODY}1" "${NOBODY}1" "$EXT"
	done
	still_works
}

@test "noise from outside goes to the host's stack or nowhere, and opens nothing" {
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp", "icmp":
	    Flow(proto, q, 5000)
	END
	before=$(flows)
	for seed in 4 $RANDOM; do
		in_ns "$OUT" "$PYTHON" tests/packets/noise.py "$seed" 2000 "${NOBODY}1" "$(ip -n "$H" -j link show up0 | jq -r '.[0].address')" \
			"$EXT" "$EXT" "${INNER}4" "${INNER}2" "${ODD[@]}"
	done
	[ "$(flows)" = "$before" ]
	still_works
}

@test "section 3: the gateway's inner address does not answer to the outside" {
	skip "a host answers for each of its addresses on each of its interfaces: see the README"
	nat_up
	wire <<-'END'
	for p in packet("icmp", PEER, 1, GATEWAY, 0), packet("tcp", PEER, 80, GATEWAY, 5000, flags="S"), \
	        packet("udp", PEER, 80, GATEWAY, 5000):
	    lost(out, p, q)
	END
}

@test "section 3: a neighbour outside that routes the inner subnet to the host reaches nobody" {
	nat_up
	wire <<-'END'
	f = Flow("udp", q, 5000)
	for p in packet("udp", PEER, 80, q.addr, 5000), packet("icmp", PEER, 1, q.addr, 0), \
	        packet("tcp", PEER, 80, q.addr, 5000, flags="S"):
	    lost(out, p, q, silent=False)
	f.works()
	END
}

@test "a port is removed and added under traffic, on a host that forwards: nothing leaves untranslated" {
	nat_up
	ip netns add e
	forwards 1
	nsf add t0 e --mac 02:00:00:00:00:ee --address 10.77.0.9 >/dev/null
	# to the gateway, and to the host's end of the pair, whose MAC is the port's with another bit
	start nsenter --net=/run/netns/e -- "$PYTHON" tests/packets/hose.py "${INNER}9" "$FAR" \
		"$(gateway_mac)" 06:00:00:00:00:ee >"$ROOM/hose"
	until_ok 20 grep -q ready "$ROOM/hose"
	for _ in $(seq 25); do
		nsf del t0 e >/dev/null
		nsf add t0 e --mac 02:00:00:00:00:ee --address 10.77.0.9 >/dev/null
	done
	until_ok 5 flows_are -gt 100 '.port == "e"'
	nsf down t0
	stop "$STARTED"
	forwards 0
	ip netns del e
}

@test "the network goes and comes under traffic, on a host that forwards: nothing leaves untranslated" {
	nat_up
	forwards 1
	start nsenter --net=/run/netns/q -- "$PYTHON" tests/packets/hose.py "${INNER}4" "$FAR" "$(gateway_mac)" >"$ROOM/hose"
	until_ok 20 grep -q ready "$ROOM/hose"
	for address in "$EXT2" "$EXT" "$EXT2,$EXT" "$EXT2"; do
		nsf up t0 "--${SNAT,,}" "$address"
	done
	for _ in {1..25}; do # a packet is seldom between two hooks just when the rules change
		nsf up t0 --uplink none
		nsf up t0 --uplink up0 "--${SNAT,,}" "$EXT"
	done
	nsf down t0
	stop "$STARTED"
	forwards 0
}

# The host forwards, or does not, whatever the network asks for.
forwards() {
	in_ns "$H" sysctl -qw "net.ipv4.ip_forward=$1"
	[ "$FAMILY" = 4 ] || in_ns "$H" sysctl -qw "net.ipv6.conf.all.forwarding=$1" net.ipv6.conf.all.accept_ra=0
}

nothing_refused() {
	nsf drops
	[ "$(nsf -j drops | jq length)" = 0 ]
}

@test "two CPUs, first packets of one conversation at one moment: each makes one flow, and all is given back" {
	only bpf "the data path's tables"
	nat_up TimeoutUdp=2
	for _ in 1 2; do
		in_ns q "$PYTHON" tests/packets/race.py 5000 "$(gateway_mac)" "${NOBODY}1" "${INNER}4"
		nothing_refused
		until_ok 20 nothing_held
	done
	[ "$(flows)" = 0 ]
}

@test "the same beside a container that holds the numbers: one external port for each, all given back" {
	only bpf "the data path's tables"
	nat_up TimeoutUdp=2
	start nsenter --net=/run/netns/r -- "$PYTHON" tests/packets/race.py 5000 "$(gateway_mac)" "${NOBODY}2" "${INNER}5"
	in_ns q "$PYTHON" tests/packets/race.py 5000 "$(gateway_mac)" "${NOBODY}1" "${INNER}4"
	until_ok 10 gone "$STARTED"
	nothing_refused
	until_ok 20 nothing_held
}

@test "a sender that asks for a checksum elsewhere cannot write into the header that leaves" {
	only bpf "Linux writes it where the sender asks for it"
	nat_up
	in_ns "$H" ethtool -K up0 tx off >/dev/null # what is left to do to a packet is done before the wire
	wire <<-'END'
	f = Flow("udp", q, 5000, peer_port=80)
	q.socket.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
	def offload(p, start, offset, flags=1, gso=0, header=0, size=0):
	    frame = bytes(Ether(src=q.mac, dst=q.gateway_mac, type=ETHERTYPE)) + bytes(p)
	    try:
	        q.socket.send(struct.pack("<BBHHHH", flags, gso, header, size, start, offset) + frame)
	    except OSError:
	        return []  # the kernel itself refuses
	    came = []
	    while p := out.heard(0.02):
	        came.append(p)
	    return came
	good = f.up(load=b"abcd" * 10)
	b, at = bytes(good), ADDRS_END
	sum_of = ~checksum(pseudo(good.src, good.dst, 17, len(b) - at)) & 0xFFFF
	partial = b[: at + 6] + struct.pack("!H", sum_of) + b[at + 8 :]
	at += 14
	came = offload(partial, at, 6)
	assert len(came) == 1, came
	equal(came[0], f.up_seen(good))
	for start in 0, 14, 20, 22, 24, 26, 28, 30, 33, 35, 36, 38, 42, 52, 53, 55, 56, 60, 62, 81, 101:
	    for offset in 0, 2, 4, 6, 8, 10, 12, 16, 18, 65534:
	        for p in offload(good, start, offset):
	            assert p.src == EXT, p.summary()
	for gso in 1, 3, 4, 5, 0x81:  # TCPv4, UDP, TCPv6, UDP_L4, ECN
	    for size in 1, 8, 1400:
	        for start, offset, more in (at, 6, at + 8), (at, 16, at + 20), (at - 8, 0, at), (at, 6, 10), (at, 6, 2000):
	            for p in offload(partial, start, offset, 1, gso, more, size):
	                assert p.src == EXT, p.summary()
	END
	in_ns "$H" ethtool -K up0 tx on >/dev/null
	if [ "$(mode)" = bpf ]; then
		[ "$(dropped SUM_ELSEWHERE)" -gt 0 ]
	fi
	still_works
}
