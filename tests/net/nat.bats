#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Translation: what leaves the uplink never has a private address, answers find who asked, and what is over is forgotten.
#
#   a 10.77.0.2, b 10.77.0.3 ── t0 ── host ($H) up0 198.51.100.1 ── outside ($OUT) 203.0.113.10
load lib

setup_file() {
	host_up
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10 198.51.100.2
	until_ok 5 listens "$OUT" 7 udp
}
teardown_file() { host_down; }
teardown() {
	nsf down --all
}

# The timeouts are the shortest there are, but that of established TCP
t0_up() {
	cat >"$ROOM/t0.conf" <<-END
		[Network]
		Name=t0
		Mode=$(mode)
		Address=10.77.0.1/24
		Uplink=up0
		SNat=198.51.100.1
		TimeoutTcpOpening=1
		TimeoutTcpClosing=1
		TimeoutTcpEstablished=7440
		TimeoutUdp=1
		TimeoutIcmp=1
		[Port a]
		[Port b]
	END
	nsf up -f "$ROOM/t0.conf" 2>/dev/null
}

# With the defaults: flows stay as long as a test lasts
t0_up_default() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1
}

# ask NS PROTOCOL SPORT [ADDRESS]: "ADDRESS PORT" as which the outside saw it
ask() {
	in_ns "$1" "$PYTHON" tests/packets/mirror.py ask "$2" "$3" "${4:-203.0.113.10}" 7
}

# answers N FILE: a connection that is held has been answered so often
answers() {
	[ "$(wc -l <"$2")" = "$1" ]
}

@test "no packet with a private address leaves the uplink, while it goes up, at work, or goes down" {
	capture "$OUT" eth0 'net 10.77.0.0/24' "$ROOM/private.pcap"
	t0_up_default
	in_ns a ping -c 3 -i 0.01 -W 1 203.0.113.10
	ask a udp 5000
	ask a tcp 5000
	in_ns a "$PYTHON" tests/packets/strays.py 203.0.113.10
	in_ns a "$PYTHON" tests/packets/mirror.py many udp 200 203.0.113.10 7
	start in_ns a ping -i 0.002 -q 203.0.113.10
	start in_ns b "$PYTHON" tests/packets/mirror.py many tcp 10000 203.0.113.10 7
	until_ok 5 flows_are -gt 300
	nsf up t0 --snat 198.51.100.77
	in_ns a ping -c 3 -i 0.01 -W 1 203.0.113.10
	nsf up t0 --snat 198.51.100.1 --ns a
	nsf down t0
	capture_stop
	[ -z "$(captured "$ROOM/private.pcap")" ]
}

@test "what can be no flow's first packet is dropped by name, and nothing of it leaves" {
	t0_up_default
	capture "$OUT" eth0 'ip and not arp' "$ROOM/strays.pcap"
	sent=$(in_ns a "$PYTHON" tests/packets/strays.py 203.0.113.10)
	capture_stop
	captured "$ROOM/strays.pcap"
	[ -z "$(captured "$ROOM/strays.pcap" 'net 10.77.0.0/24')" ]
	only bpf "Linux translates queries and protocols of any kind"
	[ -z "$(captured "$ROOM/strays.pcap")" ]
	[ "$(dropped TCP_NO_FLOW)" = 18 ]
	[ "$(dropped ICMP_NO_FLOW)" -ge 9 ]
	[ "$(dropped PROTOCOL)" -ge 9 ]
	[ "$(nsf -j drops | jq '[.[].packets] | add')" = "$sent" ]
	[ "$(flows)" = 0 ]
}

@test "UDP, TCP and echo are translated, and the source port stays if it is free" {
	t0_up_default
	[ "$(ask a udp 5001)" = "198.51.100.1 5001" ]
	[ "$(ask a tcp 5001)" = "198.51.100.1 5001" ]
	in_ns a ping -c 2 -i 0.01 -W 1 203.0.113.10
	[ "$(flows '.protocol == "udp"')" = 1 ]
	[ "$(flows '.protocol == "tcp"')" = 1 ]
	[ "$(flows '.protocol == "icmp"')" = 1 ]
}

@test "two containers with the same source port and destination both get their answers" {
	t0_up_default
	for protocol in udp tcp; do
		[ "$(ask a $protocol 6000)" = "198.51.100.1 6000" ]
		second=$(ask b $protocol 6000)
		[[ $second == "198.51.100.1 "* ]]
		[ "$second" != "198.51.100.1 6000" ]
		[ "$(mode)" = bpf ] || continue # Linux chooses for each destination anew
		[ $((${second#* } % 2)) = 0 ] # parity stays: RFC 4787, REQ-4
		# again, and towards another destination: the same external port (REQ-1)
		[ "$(ask b $protocol 6000 198.51.100.2)" = "$second" ]
		[ "$(ask a $protocol 6000 198.51.100.2)" = "198.51.100.1 6000" ]
	done
	for ns in a b; do
		in_ns $ns ping -c 2 -i 0.01 -W 1 -e 77 203.0.113.10
	done
	[ "$(nsf -j flows | jq '[.[] | select(.protocol == "icmp") | .external.port] | unique | length')" = 2 ]
}

@test "only the peer that was asked is heard" {
	t0_up_default
	in_ns a timeout 30 "$PYTHON" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7000))
s.settimeout(3)
s.sendto(b"who", ("203.0.113.10", 7))
print(s.recvfrom(100)[1], flush=True)
try:
    print(s.recvfrom(100)[1], flush=True)
except TimeoutError:
    print("nobody", flush=True)' >"$ROOM/heard" &
	until_ok 5 grep -q 203.0.113.10 "$ROOM/heard"
	in_ns "$OUT" "$PYTHON" -c 'import socket
for a in "203.0.113.10", "198.51.100.2":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((a, 0))
    s.sendto(b"stranger", ("198.51.100.1", 7000))'
	wait $!
	grep -q nobody "$ROOM/heard"
}

@test "what nobody asked for makes no flow and reaches the host" {
	t0_up_default
	serve "$H" 8080 "$PYTHON" "$BATS_TEST_DIRNAME/web.py" /usr/share/common-licenses 8080
	in_ns "$OUT" curl -sf -m 5 -o "$ROOM/page" http://198.51.100.1:8080/GPL-2
	cmp "$ROOM/page" /usr/share/common-licenses/GPL-2
	in_ns "$OUT" ping -c 1 -W 1 198.51.100.1
	# nobody listens, and the number is one that mappings are taken from: silence (RFC 5382 REQ-4)
	[ "$(mode)" = netfilter ] || run -28 in_ns "$OUT" curl -s -m 1 http://198.51.100.1:8081/
	run -7 in_ns "$OUT" curl -s -m 1 http://198.51.100.1:81/
	[ "$(flows)" = 0 ]
	[ "$(mode)" = netfilter ] || [ "$(nsf -j drops | jq -c '[.[].reason]')" = '["UNSOLICITED"]' ]
	stop "$STARTED"
}

@test "after 6,000 short flows no flow and no external port is left, without any nsfast process" {
	t0_up
	[ "$(in_ns a "$PYTHON" tests/packets/mirror.py many udp 5000 203.0.113.10 7)" = 5000 ]
	[ "$(in_ns b "$PYTHON" tests/packets/mirror.py many tcp 1000 203.0.113.10 7)" = 1000 ]
	in_ns a ping -c 20 -i 0.002 -q 203.0.113.10
	run ! nothing_held
	run ! pgrep -x nsfast
	until_ok 20 nothing_held
	[ "$(flows "$([ "$(mode)" = bpf ] || echo '.protocol != "icmp"')")" = 0 ] # Linux keeps an echo for 30 seconds
}

@test "an established connection outlives the transitory timeout, and ends soon after FIN of both or RST" {
	local how
	t0_up
	for how in fin rst; do
		rm -f "$ROOM/$how.in"
		mkfifo "$ROOM/$how.in"
		# shellcheck disable=SC2154 # nothing is lib's
		nsenter --net=/run/netns/a -- "$PYTHON" tests/packets/mirror.py hold 9000 203.0.113.10 7 $how \
			<"$ROOM/$how.in" >"$ROOM/$how.out" {nothing}>&- 3>&- &
		exec {IN}>"$ROOM/$how.in"
		until_ok 5 grep -q . "$ROOM/$how.out"
		# long enough for what is transitory to go: a UDP flow made now is seen to go first
		ask b udp 9100
		until_ok 10 flows_are = 0 '.protocol == "udp"'
		[ "$(nsf -j flows | jq -r '.[].state')" = established ]
		echo >&"$IN"
		until_ok 5 answers 2 "$ROOM/$how.out"
		exec {IN}>&-
		wait $!
		until_ok 10 nothing_held
	done
}

@test "the host's own connections from the SNAT address keep working, also beside a container's from the same port" {
	t0_up_default
	mkfifo "$ROOM/host.in"
	nsenter --net="/run/netns/$H" -- "$PYTHON" tests/packets/mirror.py hold 9500 203.0.113.10 7 fin \
		<"$ROOM/host.in" >"$ROOM/host.out" {nothing}>&- 3>&- &
	exec {IN}>"$ROOM/host.in"
	until_ok 5 grep -qx '198.51.100.1 9500' "$ROOM/host.out"
	other=$(ask a tcp 9500)
	[[ $other == "198.51.100.1 "* ]]
	[ "$other" != "198.51.100.1 9500" ]
	echo >&"$IN"
	until_ok 5 answers 2 "$ROOM/host.out"
	run ! grep -vx '198.51.100.1 9500' "$ROOM/host.out"
	exec {IN}>&-
	wait $!
	[ "$(in_ns "$H" "$PYTHON" tests/packets/mirror.py many tcp 100 203.0.113.10 7)" = 100 ]
	[ "$(in_ns "$H" "$PYTHON" tests/packets/mirror.py many udp 100 203.0.113.10 7)" = 100 ]
}
