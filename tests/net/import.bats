#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Containers of a plain bridge with SNAT by nftables move to a network while they talk: what the host's connection tracking
# knows of them lives on, by the same external ports.
#
#   v  eth0 10.77.0.40/24, fd00:77::40/64 ── to-v ┐ first br0, then t0; 10.77.0.1/24,   up0 198.51.100.1, 2001:db8:51::1
#   w  eth0 10.77.0.41/24, fd00:77::41/64 ── to-w ┘ fd00:77::1/64          host ($H) ── outside ($OUT)
#                                                                              203.0.113.10, 2001:db8:ff::10
load lib

UP=(up t0 --subnet "10.77.0.1/24,fd00:77::1/64" --uplink up0 --snat 198.51.100.1 --snat6 2001:db8:51::1)

setup() {
	host_up
	in_ns "$H" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	outside6
	serve "$OUT" 7 "$PYTHON" tests/packets/mirror.py serve 7 203.0.113.10 2001:db8:ff::10
	adoptable v "$H" to-v 10.77.0.40/24 fd00:77::40/64
	adoptable w "$H" to-w 10.77.0.41/24 fd00:77::41/64
	UP+=(--mode "$(mode)")
	bridge_up
}
teardown() { host_down; }

bridge_up() {
	ip -n "$H" link add br0 type bridge
	ip -n "$H" addr add 10.77.0.1/24 dev br0
	ip -n "$H" addr add fd00:77::1/64 dev br0 nodad
	ip -n "$H" link set br0 up
	ip -n "$H" link set to-v master br0 up
	ip -n "$H" link set to-w master br0 up
	in_ns "$H" nft -f - <<-RULES
		table inet old {
			chain post {
				type nat hook postrouting priority srcnat
				oifname up0 meta nfproto ipv4 snat ip to 198.51.100.1
				oifname up0 meta nfproto ipv6 masquerade
			}
		}
	RULES
	until_ok 5 in_ns v ping -c 1 -W 1 203.0.113.10
	until_ok 5 in_ns w ping -c 1 -W 1 2001:db8:ff::10
}

bridge_down() {
	ip -n "$H" link set to-v nomaster
	ip -n "$H" link set to-w nomaster
	ip -n "$H" link del br0
	in_ns "$H" nft delete table inet old
}

hears() {
	mkfifo "$ROOM/tell"
	# shellcheck disable=SC2016 # it is the inner shell's
	start nsenter --net="/run/netns/$OUT" -- bash -c 'exec "$@" <>"$0"' "$ROOM/tell" "$PYTHON" tests/packets/mirror.py tell 9
	until_ok 5 listens "$OUT" 9
	converse 5 v "$PYTHON" tests/packets/mirror.py hear 4003 203.0.113.10 9
	converse 6 v "$PYTHON" tests/packets/mirror.py hear 4003 2001:db8:ff::10 9
}

# Two of IPv4, of which one has got another external port than its own, two of IPv6, and one of
# each whose peer speaks first.
all_talk() {
	talk 1 v 4000 203.0.113.10 7
	talk 2 w 4000 203.0.113.10 7
	talk 3 v 4000 2001:db8:ff::10 7
	talk 4 w 4000 2001:db8:ff::10 7
	hears
	[ "$(sort -u "$ROOM/out1" "$ROOM/out2" | wc -l)" = 2 ]
	[ "$(sort -u "$ROOM/out3" "$ROOM/out4" | wc -l)" = 2 ]
	udp=$(in_ns w "$PYTHON" tests/packets/mirror.py ask udp 4000 203.0.113.10 7)
}

# all_answer N: each for the Nth time
all_answer() {
	local n
	echo word >"$ROOM/tell"
	until_ok 5 said 5 "$1"
	until_ok 5 said 6 "$1"
	for n in 1 2 3 4; do
		echo >"$ROOM/in$n"
		until_ok 5 said "$n" "$1"
		[ "$(sort -u "$ROOM/out$n" | wc -l)" = 1 ]
	done
	[ "$(in_ns w "$PYTHON" tests/packets/mirror.py ask udp 4000 203.0.113.10 7)" = "$udp" ]
}

@test "connections and mappings live on, whichever side speaks first, and through changes of mode" {
	all_talk
	capture "$OUT" eth0 'tcp[tcpflags] & tcp-rst != 0 or (ip6 and ip6[6] == 6 and ip6[53] & 4 != 0)' "$ROOM/rst.pcap"
	bridge_down
	nsf "${UP[@]}"
	nsf add t0 v --dev to-v
	nsf add t0 w --dev to-w
	all_answer 2
	all_answer 3
	capture_stop
	[ -z "$(captured "$ROOM/rst.pcap")" ]
	other=netfilter
	[ "$(mode)" = bpf ] || other=bpf
	nsf mode t0 "$other"
	all_answer 4
	nsf mode t0 "$(mode)"
	all_answer 5
}

@test "the first up with ports in a file imports, and says how many" {
	only bpf "netfilter mode has the same table as the bridge had"
	all_talk
	bridge_down
	printf '[Network]\nName=t0\nAddress=10.77.0.1/24,fd00:77::1/64\nUplink=up0\nSNat=198.51.100.1\nSNat6=2001:db8:51::1\nMode=bpf\n' >"$ROOM/conf"
	printf '[Port v]\nDevice=to-v\n[Port w]\nDevice=to-w\n' >>"$ROOM/conf"
	run -0 nsf up -f "$ROOM/conf"
	[[ $output == *", 2 ports, "*" flows imported" ]]
	all_answer 2
	run -0 nsf up -f "$ROOM/conf"
	[[ $output == *"no change"* && $output != *imported* ]]
}

@test "imported flows are shown before their containers have spoken, and belong to their ports when they have" {
	only bpf
	talk 1 v 4000 203.0.113.10 7
	bridge_down
	nsf "${UP[@]}"
	run -0 nsf -j add t0 v --dev to-v
	[ "$(jq .flows_imported <<<"$output")" -ge 1 ]
	[ "$(nsf -j flows t0 --protocol tcp | jq -c '.[] | [.port, .inner.address, .state]')" = '[null,"10.77.0.40","established"]' ]
	echo >"$ROOM/in1"
	until_ok 5 said 1 2
	[ "$(nsf -j flows t0 --protocol tcp | jq -r '.[].port')" = v ]
	nsf -j show t0 | jq -e '.[].ports[] | select(.name == "v") | .used.flows >= 1'
}

@test "flows whose container speaks by two CPUs at once go to their port once, and are counted once" {
	only bpf
	in_ns v "$PYTHON" -c '
import socket
for port in range(10000, 11000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.77.0.40", port))
    s.sendto(b"who", ("203.0.113.10", 7))
    s.close()'
	bridge_down
	nsf "${UP[@]}"
	nsf add t0 v --dev to-v
	# each waits for the other before each packet
	# shellcheck disable=SC2016 # it is the inner shell's
	in_ns v bash -c 'ulimit -n 5000; exec timeout 100 "$0" -' "$PYTHON" <<-'END'
		import mmap, os, socket, struct
		room = mmap.mmap(-1, 8)
		def opened(port):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
		    s.bind(("10.77.0.40", port))
		    s.connect(("203.0.113.10", 7))
		    return s
		sockets = [[opened(port) for port in range(10000, 11000)] for _ in range(2)]
		me = 0 if os.fork() else 1
		cpus = sorted(os.sched_getaffinity(0))
		os.sched_setaffinity(0, {cpus[me % len(cpus)]})
		for i, s in enumerate(sockets[me], 1):
		    struct.pack_into("=I", room, 4 * me, i)
		    while struct.unpack_from("=I", room, 4 - 4 * me)[0] < i:
		        pass
		    s.send(b"who")
		if not me:
		    os.wait()
	END
	nsf flows t0 --count
	[ "$(nsf -j show t0 | jq '.[].ports[] | select(.name == "v") | .used.flows')" = "$(flows '.port == "v"')" ]
}

@test "a managed port's address, another SNAT address: nothing of it is imported" {
	only bpf
	talk 1 v 4000 203.0.113.10 7
	talk 2 w 4000 203.0.113.10 7
	bridge_down
	nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ipv6 no --uplink up0 --snat 198.51.100.77 --ns m=10.77.0.41
	nsf add t0 v --dev to-v
	[ -z "$(nsf flows t0 --protocol tcp)" ]
	nsf down t0
	nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ipv6 no --uplink up0 --snat 198.51.100.1 --ns m=10.77.0.41
	nsf add t0 v --dev to-v
	[ "$(nsf -j flows t0 --protocol tcp | jq -r '.[].inner.address')" = 10.77.0.40 ]
}

@test "a managed port with the address of a container that never spoke again has that address's flows to itself" {
	only bpf
	talk 1 v 4000 203.0.113.10 7
	bridge_down
	nsf "${UP[@]}"
	nsf add t0 v --dev to-v
	flows_are -ge 1 '.inner.address == "10.77.0.40"'
	nsf del t0 v
	nsf add t0 m --address 10.77.0.40
	[ "$(in_ns m "$PYTHON" tests/packets/mirror.py ask tcp 4000 203.0.113.10 7)" = "198.51.100.1 4000" ]
}

@test "what fails leaves the bridge's connections to the bridge" {
	only bpf "netfilter mode has the same table as the bridge had"
	all_talk
	bridge_down
	ip -n "$H" addr add 192.0.2.1/24 dev to-w
	printf '[Network]\nName=t0\nAddress=10.77.0.1/24,fd00:77::1/64\nUplink=up0\nSNat=198.51.100.1\nSNat6=2001:db8:51::1\nMode=bpf\n' >"$ROOM/conf"
	printf '[Port v]\nDevice=to-v\n[Port w]\nDevice=to-w\n' >>"$ROOM/conf"
	run -1 nsf up -f "$ROOM/conf"
	ip -n "$H" addr del 192.0.2.1/24 dev to-w
	ip -n v neigh flush dev eth0 # it knew nsfast's gateway by then
	bridge_up
	all_answer 2
}
