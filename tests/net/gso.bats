#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Bulk traffic with every mix of segmentation and checksum offload: not one wrong checksum at a receiver.
#
#   a  eth0 10.77.0.2/24 ──┐            host
#                          ├── t0 10.77.0.1/24   up0 198.51.100.1/24 ── eth0 outside 203.0.113.10
#   b  eth0 10.77.0.3/24 ──┘
load lib

setup_file() {
	host_up
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0
	serve "$OUT" 5201 iperf3 -s -B 203.0.113.10 >/dev/null
	serve a 5201 iperf3 -s >/dev/null
	serve b 5201 iperf3 -s >/dev/null
	offload tx on rx on sg on tso on gso on gro on tx-udp-segmentation on
}
teardown_file() { host_down; }
teardown() { offload tx on rx on sg on tso on gso on gro on tx-udp-segmentation on; }

# offload FEATURE ON-OR-OFF...: at the ends of every conversation
offload() {
	in_ns a ethtool -K eth0 "$@" >/dev/null
	in_ns b ethtool -K eth0 "$@" >/dev/null
	in_ns "$OUT" ethtool -K eth0 "$@" >/dev/null
	in_ns "$H" ethtool -K t0 "$@" >/dev/null
}

# offload_host FEATURE ON-OR-OFF...: on the way between them
offload_host() {
	for dev in up0 $(nsf -j show t0 | jq -r '.[].ports[].dev'); do
		in_ns "$H" ethtool -K "$dev" "$@" >/dev/null
	done
}

# Packets that receivers refused for their checksum, in all namespaces
checksum_errors() {
	for ns in a b "$H" "$OUT"; do
		in_ns "$ns" nstat -asz IcmpInCsumErrors TcpInCsumErrors UdpInCsumErrors IpInHdrErrors
	done | awk '!/^#/ { n += $2 } END { print n + 0 }'
}

# moved NS ADDRESS OPTION...: bytes that arrived by iperf3 (what is on its way at the end does not count)
moved() {
	in_ns "$1" timeout "$TRANSFER" iperf3 -J -c "$2" "${@:3}" | jq '.end | (.sum_received // .sum).bytes'
}

# Everything in both directions of every way, TCP and UDP
bulk() {
	local before way
	before=$(checksum_errors)
	for way in "a 203.0.113.10" "a 10.77.0.3" "$H 10.77.0.2"; do
		for direction in "" -R; do
			# shellcheck disable=SC2086 # words
			[ "$(moved $way -n 50M $direction)" -gt 20000000 ]
			# shellcheck disable=SC2086
			[ "$(moved $way -u -b 100M -n 5M $direction)" -gt 500000 ]
		done
	done
	[ "$(checksum_errors)" = "$before" ]
}

# wrong NS ADDRESS: one UDP packet with a wrong checksum
wrong() {
	in_ns "$1" "$PYTHON" -c '
import sys
from scapy.all import IP, UDP, Raw, send
send(IP(dst=sys.argv[1]) / UDP(sport=999, dport=5201, chksum=0x1234) / Raw(b"word"), verbose=0)
' "$2"
}

# The test's eyes: without checksum offload every receiver looks at what it gets.
@test "a wrong checksum is not mended on the way, and seen by the receiver" {
	only bpf "Linux drops it on the way"
	offload tx off rx off
	for way in "a 203.0.113.10" "a 10.77.0.3" "$H 10.77.0.2"; do
		before=$(checksum_errors)
		# shellcheck disable=SC2086 # words
		wrong $way
		until_ok 5 more_errors "$before"
	done
}

more_errors() {
	[ "$(checksum_errors)" -gt "$1" ]
}

@test "GSO, TSO, GRO and checksum offload on" { bulk; }

@test "checksum offload off on both ends" {
	offload tx off rx off
	bulk
}

@test "checksum offload off at the sender, then at the receiver only" {
	in_ns a ethtool -K eth0 tx off >/dev/null
	bulk
	in_ns a ethtool -K eth0 tx on >/dev/null
	in_ns "$OUT" ethtool -K eth0 rx off >/dev/null
	in_ns b ethtool -K eth0 rx off >/dev/null
	bulk
}

@test "an uplink and ports without offload: the kernel finishes what the senders left unfinished" {
	in_ns "$OUT" ethtool -K eth0 rx off >/dev/null
	in_ns a ethtool -K eth0 rx off >/dev/null
	in_ns b ethtool -K eth0 rx off >/dev/null
	offload_host tx off
	bulk
	offload_host tx on sg on tso on gso on
}

@test "GSO, TSO and GRO off" {
	offload gso off tso off gro off
	bulk
}

@test "GRO on everywhere, which on veth is off by itself" {
	offload_host gro on
	bulk
	offload_host gro off
}

@test "everything off, on the way too" {
	offload tx off rx off gso off tso off gro off
	offload_host tx off rx off gso off tso off gro off
	bulk
	offload_host tx on rx on sg on gso on tso on
}

@test "large segments stay large on their way out and in, and to another container" {
	capture "$OUT" eth0 'tcp port 5201 and greater 3000' "$ROOM/out.pcap"
	moved a 203.0.113.10 -n 2M
	moved a 203.0.113.10 -n 2M -R
	capture_stop
	[ -n "$(captured "$ROOM/out.pcap" 'src 198.51.100.1')" ]
	[ -n "$(captured "$ROOM/out.pcap" 'dst 198.51.100.1')" ]
	capture b eth0 'tcp port 5201 and greater 3000' "$ROOM/b.pcap"
	moved a 10.77.0.3 -n 2M
	capture_stop
	[ -n "$(captured "$ROOM/b.pcap" 'src 10.77.0.2')" ]
}

# udp_gso NS ADDRESS: 40 datagrams as one send; what arrived at ADDRESS's namespace $3
udp_gso() {
	serve "$3" 5300 "$PYTHON" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind(("", 5300))
l = socket.create_server(("", 5300))
s.settimeout(20)
for i in range(40):
    part = s.recv(2000)
    assert part == bytes([i]) * 1400, (i, len(part))
open(sys.argv[1], "w").write("40")
' "$ROOM/udp"
	in_ns "$1" "$PYTHON" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(17, 103, 1400) # UDP_SEGMENT
s.sendto(b"".join(bytes([i]) * 1400 for i in range(40)), (sys.argv[1], 5300))
' "$2"
	until_ok 6 test -s "$ROOM/udp"
	rm "$ROOM/udp"
	until_ok 6 gone "$STARTED"
}

@test "UDP segmentation offload: every datagram arrives whole and in order" {
	before=$(checksum_errors)
	for features in "tx on" "tx-udp-segmentation off" "tx off rx off"; do
		# shellcheck disable=SC2086 # words
		offload $features
		# before, a socket refuses to send so where nothing does the sums for it
		[ "$features" != "tx off rx off" ] || kernel_has_come_to 6.11 || continue
		udp_gso a 203.0.113.10 "$OUT"
		udp_gso a 10.77.0.3 b
		udp_gso "$H" 10.77.0.2 a
	done
	[ "$(checksum_errors)" = "$before" ]
}

@test "after all that, nothing was dropped" {
	only bpf "Linux drops wrong checksums"
	run -0 nsf -j drops t0
	[ "$output" = '[]' ]
}
