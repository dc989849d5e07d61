#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# The switch and its ports: MACs entered and forgotten by hand, who hears what, and what a container may not say or reach.
#
#   a  10.77.0.2  (managed) ────────────────────────┐
#   b  10.77.0.3  (managed) ────────────────────────┼── t0 10.77.0.1/24 ── host ($H) up0 198.51.100.1 ── outside ($OUT)
#   v  10.77.0.40 (learning) ──────────────── to-v ─┤      fd00:77::1/64                                203.0.113.10
#   w  10.77.0.41 (learning) ──────────────── to-w ─┘
load lib

setup_file() { host_up; }
teardown_file() { host_down; }

setup() {
	adoptable v "$H" to-v 10.77.0.40/24 fd00:77::40/64
	adoptable w "$H" to-w 10.77.0.41/24 fd00:77::41/64
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24,fd00:77::1/64 --ns a --ns b --uplink up0 --snat 198.51.100.1
	nsf add t0 v --dev to-v
	nsf add t0 w --dev to-w
	until_ok 5 echoes v 10.77.0.1
	until_ok 5 echoes w 10.77.0.1
}
teardown() {
	nsf down --all
	for port in v w; do
		ip -n "$H" link del "to-$port" || :
		ip netns del "$port"
	done
}

# entry MAC: port and state
entry() {
	nsf -j fdb show t0 | jq -r --arg mac "$1" '.[] | select(.mac == $mac) | .port + " " + .state'
}

link_local() {
	ip -n "$1" -6 -j addr show dev "$2" | jq -r '.[].addr_info[]? | select(.scope == "link") | .local'
}

# says NS: Python on stdin with Scapy; me is its MAC, says(frame...) sends
says() {
	{ printf '%s\n' 'from scapy.all import *' 'conf.verb = 0' 'me, all = get_if_hwaddr("eth0"), "ff:ff:ff:ff:ff:ff"' \
		'def says(*frames, count=1): sendp(list(frames), iface="eth0", count=count)' && cat; } | in_ns "$1" "$PYTHON" - "${@:2}"
}

# heard NS MAC: a frame from it, after which it is known to be there
heard() {
	says "$1" "$2" <<-'END'
		says(Ether(src=sys.argv[1], dst=all, type=0x88b5) / Raw(b"x"))
	END
	[ "$(entry "$2")" = "$1 " ]
}

@test "an entry by hand stays, keeps its MAC for its port, and goes by hand" {
	run -0 nsf fdb add t0 02:00:00:00:09:01 v
	[ "$(entry 02:00:00:00:09:01)" = "v static" ]
	says w <<-'END'
		says(Ether(src="02:00:00:00:09:01", dst=all, type=0x88b5) / Raw(b"mine"))
	END
	[ "$(entry 02:00:00:00:09:01)" = "v static" ]
	run -0 nsf fdb add t0 02:00:00:00:09:01 v
	run -1 nsf fdb add t0 02:00:00:00:09:01 w
	[[ $output == *"MAC 02:00:00:00:09:01 is that of v already"* ]]
	run -1 nsf fdb add t0 "$(mac a)" v
	[[ $output == *"is that of a already"* ]]
	run -1 nsf fdb add t0 02:00:00:00:09:02 a
	[[ $output == *"t0/a: a port that nsfast made has its own MAC alone"* ]]
	run -1 nsf fdb add t0 33:00:00:00:09:02 v
	[[ $output == *"'33:00:00:00:09:02' is no MAC address of a station"* ]]
	run -3 nsf fdb add t0 02:00:00:00:09:02 nobody
	for mode in $([ "$(mode)" = bpf ] && echo netfilter bpf || echo bpf netfilter); do
		run -0 nsf mode t0 "$mode"
		[ "$(entry 02:00:00:00:09:01)" = "v static" ]
	done
	run -0 nsf fdb del t0 02:00:00:00:09:01
	[ -z "$(entry 02:00:00:00:09:01)" ]
	run -3 nsf fdb del t0 02:00:00:00:09:01
	run -1 nsf fdb del t0 "$(mac b)"
	[[ $output == *"is a port's own, and goes with it"* ]]
	echoes a 10.77.0.3
}

@test "what was learned is forgotten by port, by network and with its port, what is fixed is not" {
	heard v 02:00:00:00:09:01
	heard w 02:00:00:00:09:02
	run -0 nsf -j fdb flush t0 --port v
	[ "$(jq .removed <<<"$output")" -ge 1 ]
	[ -z "$(entry 02:00:00:00:09:01)" ]
	[ "$(entry 02:00:00:00:09:02)" = "w " ]
	run -0 nsf fdb flush t0
	[ -z "$(entry 02:00:00:00:09:02)" ]
	[ "$(entry "$(mac a)")" = "a static" ]
	heard v 02:00:00:00:09:01
	heard w 02:00:00:00:09:01
	heard w 02:00:00:00:09:02
	run -0 nsf fdb del t0 02:00:00:00:09:01
	[ -z "$(entry 02:00:00:00:09:01)" ]
	nsf del t0 w
	[ -z "$(entry 02:00:00:00:09:02)" ]
	run -1 nsf fdb flush t0 --mac 1
	run -3 nsf fdb flush t0 --port w
	run -1 nsf fdb add t0 02:00:00:00:09:01
	run -1 nsf fdb show t0 --port v
}

@test "nothing is learned where entries do not stay, and all is found" {
	nsf up t0 --fdb-ageing 0
	nsf fdb flush t0
	echoes a 10.77.0.40
	echoes v 10.77.0.41
	[ -z "$(entry "$(mac v)")" ]
	[ -z "$(entry "$(mac w)")" ]
	[ "$(nsf -j show t0 | jq '.[].fdb_ageing')" = 0 ]
}

@test "isolated ports do not meet, not by way of the gateway either, and reach all others" {
	nsf add t0 c --isolated yes
	nsf add t0 d --isolated yes
	for address in 10.77.0.1 10.77.0.2 10.77.0.40 203.0.113.10; do
		echoes c "$address"
	done
	silent c 10.77.0.5
	ip -n c neigh replace 10.77.0.5 lladdr "$(mac d)" dev eth0
	silent c 10.77.0.5
	ip -n c neigh replace 10.77.0.5 lladdr "$(ip -n "$H" -j link show t0 | jq -r '.[].address')" dev eth0
	silent c 10.77.0.5
	[ "$(dropped ISOLATED)" -ge 1 ]
	[ "$(nsf -j show t0 | jq -c '[.[].ports[] | select(.isolated) | .name]')" = '["c","d"]' ]
}

@test "what a file says of a port that is there is changed, and nothing else of it" {
	local mac
	mac=$(mac a)
	nsf up -f - <<-END
		[Network]
		Name=t0
		Address=10.77.0.1/24,fd00:77::1/64
		[Port a]
		Isolated=yes
		MaxFlood=7
		[Port b]
		Isolated=yes
	END
	silent a 10.77.0.3
	echoes a 10.77.0.1
	[ "$(mac a)" = "$mac" ]
	[ "$(nsf -j show t0 | jq -c '.[].ports[] | select(.name == "a") | [.mac, .isolated, .limits.flood]')" = "[\"$mac\",true,7]" ]
	run -0 nsf up t0
	[[ $output == *"no change"* ]]
}

@test "a port's own MTU is both its ends', and longer frames do not get there" {
	nsf add t0 c --mtu 1400
	[ "$(ip -n c -j link show eth0 | jq '.[].mtu')" = 1400 ]
	in_ns a ping -c 1 -W 1 -s 1372 -M 'do' 10.77.0.4
	run ! in_ns a ping -c 1 -W 0.3 -s 1373 -M 'do' 10.77.0.4
	nsf up t0 --mtu 1300
	[ "$(ip -n c -j link show eth0 | jq '.[].mtu')" = 1400 ]
	[ "$(ip -n a -j link show eth0 | jq '.[].mtu')" = 1300 ]
}

@test "a container is neither DHCP server nor router, unless it may" {
	nsf add t0 c --guard no
	capture b eth0 'udp port 68 or udp port 546 or icmp6[0] == 134' "$ROOM/guard.pcap"
	for ns in a c; do
		says "$ns" "$(link_local "$ns" eth0)" <<-'END'
			ip, ll = get_if_addr("eth0"), sys.argv[1]
			says(Ether(src=me, dst=all) / IP(src=ip, dst="255.255.255.255") / UDP(sport=67, dport=68) / BOOTP(op=2),
			     Ether(src=me, dst="33:33:00:01:00:02") / IPv6(src=ll, dst="ff02::1:2") / UDP(sport=547, dport=546) / Raw(b"\2"),
			     Ether(src=me, dst="33:33:00:00:00:01") / IPv6(src=ll, dst="ff02::1", hlim=255) / ICMPv6ND_RA()
			     / ICMPv6NDOptSrcLLAddr(lladdr=me))
		END
	done
	capture_stop
	run -0 captured "$ROOM/guard.pcap" -e
	[ "$(grep -c "$(mac c) >" <<<"$output")" = 3 ]
	run ! grep "$(mac a) >" <<<"$output"
	[ "$(dropped DHCP_SERVER)" = 2 ]
	[ "$(dropped SPOOF_ND)" = 1 ]
}

@test "a question for a container's MAC is heard by nobody else" {
	only bpf "the bridge answers for those alone that the host's own neighbour table knows"
	capture b eth0 'arp or icmp6' "$ROOM/asked.pcap"
	ip -n a neigh flush all
	ip -n "$H" neigh flush all
	echoes a 10.77.0.3
	in_ns a ping -c 1 -W 1 fd00:77::3
	echoes v 10.77.0.2
	in_ns "$H" ping -c 1 -W 1 10.77.0.2
	silent a 10.77.0.99
	capture_stop
	# b itself may ask for a
	run -0 captured "$ROOM/asked.pcap" -e
	run ! grep -E "(ff:ff:ff:ff:ff:ff|33:33:ff:[0-9a-f:]*), .*(Request who-has|neighbor solicitation)" <<<"$(grep -v "$(mac b) >" <<<"$output")"
	nsf up t0 --neigh-suppress no
	capture b eth0 'arp' "$ROOM/asked.pcap"
	silent a 10.77.0.98
	capture_stop
	[[ "$(captured "$ROOM/asked.pcap")" == *"who-has 10.77.0.98 tell 10.77.0.2"* ]]
}

@test "a storm of one port ends at its limit, and others do not notice" {
	nsf up t0 --max-flood 100
	start in_ns b ping -q -i 0.01 -c 200 10.77.0.41 >"$ROOM/pings"
	local ping=$STARTED
	says v <<-'END'
		says(Ether(src=me, dst=all, type=0x88b5) / Raw(b"x" * 60), count=3000)
	END
	until_ok 10 gone "$ping"
	[[ "$(<"$ROOM/pings")" == *" 0% packet loss"* ]]
	[ "$(dropped STORM)" -ge 2000 ]
	echoes v 10.77.0.2
}

@test "of the host, containers reach what they may" {
	serve "$H" 80 "$PYTHON" -m http.server --bind :: 80
	in_ns a curl -sf --max-time 2 -o /dev/null http://10.77.0.1/
	in_ns a curl -sf --max-time 2 -o /dev/null http://198.51.100.1/
	local link
	link=$(link_local "$H" t0)
	run ! in_ns a curl -s --max-time 1 -o /dev/null "http://[$link%eth0]/"
	in_ns a ping -c 1 -W 1 "$link%eth0"

	nsf up t0 --host-access gateway
	in_ns a curl -sf --max-time 2 -o /dev/null http://10.77.0.1/
	in_ns a curl -sf --max-time 2 -o /dev/null 'http://[fd00:77::1]/'
	run ! in_ns a curl -s --max-time 1 -o /dev/null http://198.51.100.1/
	silent a 198.51.100.1

	# nor by a frame for all, or from a port number that nobody can answer to
	start nsenter --net="/run/netns/$H" -- "$PYTHON" -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 53))
while True:
    print(s.recv(100).decode(), flush=True)' >"$ROOM/asked"
	until_ok 5 listens "$H" 53 udp
	says a "$link" <<-'END'
		ip, gw = get_if_addr("eth0"), getmacbyip("10.77.0.1")
		says(Ether(src=me, dst=all) / IP(src=ip, dst="198.51.100.1") / UDP(sport=7, dport=53) / b"broadcast\n",
		     Ether(src=me, dst="33:33:00:00:00:01") / IPv6(src=get_if_addr6("eth0"), dst=sys.argv[1]) / UDP(sport=7, dport=53) / b"group\n",
		     Ether(src=me, dst=gw) / IP(src=ip, dst="198.51.100.1") / UDP(sport=0, dport=53) / b"zero\n",
		     Ether(src=me, dst=gw) / IP(src=ip, dst="10.77.0.1") / UDP(sport=7, dport=53) / b"allowed\n")
	END
	until_ok 5 grep -q allowed "$ROOM/asked"
	[ "$(grep . "$ROOM/asked")" = allowed ]

	nsf up t0 --host-access none
	run ! in_ns a curl -s --max-time 1 -o /dev/null http://10.77.0.1/
	run ! in_ns a curl -s --max-time 1 -o /dev/null 'http://[fd00:77::1]/'
	echoes a 10.77.0.1
	echoes a 203.0.113.10
	in_ns "$H" ping -c 1 -W 1 10.77.0.2
	ip -n "$H" neigh flush dev t0
	in_ns "$H" ping -c 1 -W 1 fd00:77::2
	serve a 81 "$PYTHON" -m http.server --bind 10.77.0.2 81
	in_ns "$H" curl -sf --max-time 2 -o /dev/null http://10.77.0.2:81/
	[ "$(nsf -j drops | jq '[.[] | select(.reason == "HOST_ACCESS") | .packets] | add')" -ge 4 ]
	nsf up t0 --host-access all
	in_ns a curl -sf --max-time 2 -o /dev/null http://198.51.100.1/
}

@test "random MACs from one port: few are learned, what is fixed stays, others go on" {
	only bpf "a bridge's limit is not a port's (fdb_max_learned, from Linux 6.7 on)"
	nsf up t0 --max-macs 16
	start in_ns b ping -q -i 0.01 -c 200 10.77.0.2 >"$ROOM/pings"
	local ping=$STARTED
	says v <<-'END'
		says(*(Ether(src=RandMAC("02:*:*:*:*:*")._fix(), dst=all, type=0x88b5) / Raw(b"x" * 60) for _ in range(2000)))
	END
	until_ok 10 gone "$ping"
	[[ "$(<"$ROOM/pings")" == *" 0% packet loss"* ]]
	[ "$(nsf -j fdb show t0 | jq '[.[] | select(.port == "v")] | length')" -le 16 ]
	[ "$(nsf -j show t0 | jq '.[].ports[] | select(.name == "v") | .macs_not_learned')" -ge 1000 ]
	[ "$(entry "$(mac a)")" = "a static" ]
	echoes w 10.77.0.2
}

@test "a container deletes its interface: others go on, gc removes the port, its number leads nowhere" {
	local ifindex dev mac
	mac=$(mac b)
	dev=$(nsf -j show t0 | jq -r '.[].ports[] | select(.name == "b") | .dev')
	ifindex=$(ip -n "$H" -j link show "$dev" | jq '.[].ifindex')
	ip -n b link del eth0
	echoes a 10.77.0.40
	[ "$(nsf -j show t0 | jq -r '.[].ports[] | select(.name == "b") | .state')" = gone ]
	# the next command knows, and another interface of that number inherits nothing
	ip netns add v2
	ip -n "$H" link add other index "$ifindex" type veth peer name eth1 netns v2
	nsf add t0 c
	ip -n "$H" link set other up
	ip -n v2 link set eth1 up
	capture v2 eth1 'ip or arp' "$ROOM/inherited.pcap"
	ip -n a neigh replace 10.77.0.3 lladdr "$mac" dev eth0
	silent a 10.77.0.3
	silent a 10.77.0.98
	capture_stop
	run -0 captured "$ROOM/inherited.pcap" -e
	[ -z "$output" ]
	run -1 nsf mode t0 "$([ "$(mode)" = bpf ] && echo netfilter || echo bpf)"
	[[ $output == *"t0/b: its interface is gone"* ]]
	run -0 nsf gc
	[[ $output == *"t0/b: removed, its interface was gone"* ]]
	[ "$(nsf -j show t0 | jq -c '[.[].ports[].name]')" = '["a","v","w","c"]' ]
	[ "$(ip -n "$H" -j link show other | jq '.[].ifindex')" = "$ifindex" ]
	run -0 nsf gc
	[ -z "$output" ]
	ip -n "$H" link del other
	ip netns del v2
}
