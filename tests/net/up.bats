#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Up makes a network, or makes it what the options say, and what stays the same is not touched; add and del.
#
#   a  eth0 10.77.0.2/24 ──┐            host
#   b  eth0 10.77.0.3/24 ──┼── t0 10.77.0.1/24    up0 198.51.100.1/24 ── outside 203.0.113.10
#   c  ...               ──┘                          198.51.100.77/24
load lib

setup() { host_up; }
teardown() { host_down; }

t0_up() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 "$@"
}

# Index of both ends of a port's link, and when an address was last set: another number, another link.
links() {
	ip -n "$1" -j addr show dev eth0 | jq -c '.[] | [.ifindex, .link_index, .address, [.addr_info[].local]]'
}

# echoes NS ADDRESS: an answer comes, and quickly
# talk FROM TO-NS ADDRESS PORT: a conversation that goes on; talks: it still does
talk() {
	serve "$2" "$4" "$PYTHON" "$BATS_TEST_DIRNAME/talk.py" "$4"
	start in_ns "$1" "$PYTHON" "$BATS_TEST_DIRNAME/talk.py" "$3" "$4" "$ROOM/talk"
	TALK_PID=$STARTED
	until_ok 5 test -s "$ROOM/talk"
}

talks() {
	local before
	before=$(stat -c %s "$ROOM/talk")
	until_ok 5 grew "$before"
	kill -0 "$TALK_PID"
}

grew() {
	[ "$(stat -c %s "$ROOM/talk")" -gt $(($1 + 10)) ]
}

@test "up without words makes nsf0 with ns1 and ns2, the default route's interface and its address" {
	run -0 --separate-stderr nsf -j up --mode "$(mode)"
	jq -e '.name == "nsf0" and .changed and .gateway == "10.77.0.1/24" and .uplink == "up0" and
		.snat == "198.51.100.1" and .ports == 2' <<<"$output"
	run -0 nsf -j show
	[ "$(jq -c '[.[] | .name, [.ports[] | [.name, .netns, .address, .state]]]' <<<"$output")" = \
		'["nsf0",[["ns1","ns1","10.77.0.2/24","up"],["ns2","ns2","10.77.0.3/24","up"]]]' ]
	echoes ns1 10.77.0.3
	echoes ns2 10.77.0.1
	echoes ns1 203.0.113.10
}

@test "auto takes bpf where it works and says so" {
	only bpf
	run -0 nsf up
	[[ $output == *"mode bpf"* ]]
	nsf down
	run -0 --separate-stderr nsf -j up --mode auto
	[ "$(jq -r .mode <<<"$output")" = bpf ]
}

@test "the subnet that up chooses overlaps no route of the host" {
	ip -n "$H" route add blackhole 10.77.0.128/25
	ip -n "$H" route add 10.78.0.0/15 via 198.51.100.2
	run -0 --separate-stderr nsf -j up --mode "$(mode)"
	[ "$(jq -r .gateway <<<"$output")" = 10.80.0.1/24 ]
	run -0 --separate-stderr nsf -j up blue --mode "$(mode)"
	[ "$(jq -r .gateway <<<"$output")" = 10.81.0.1/24 ]
	echoes ns1 203.0.113.10
}

@test "a network that is named, without ports, starts without any" {
	run -0 nsf up t0 --mode "$(mode)"
	[[ $output == *" 0 ports" ]]
	run -0 nsf -j show t0
	[ "$(jq -c '.[].ports' <<<"$output")" = '[]' ]
	echoes "$H" 10.77.0.1
}

@test "a network address as --subnet means its first host" {
	run -0 --separate-stderr nsf -j up t0 --mode "$(mode)" --subnet 10.99.7.0/28
	[ "$(jq -r .gateway <<<"$output")" = 10.99.7.1/28 ]
}

@test "up a second time, with the same words or with none, says no change and changes nothing" {
	t0_up --mtu 1400 --snat 198.51.100.77
	snapshot "$H" >"$ROOM/before"
	links a >>"$ROOM/before"
	run -0 t0_up --mtu 1400 --snat 198.51.100.77
	[[ $output == "t0: no change"* ]]
	run -0 nsf up t0
	[[ $output == "t0: no change"* ]]
	run -0 --separate-stderr nsf -j up t0
	[ "$(jq .changed <<<"$output")" = false ]
	snapshot "$H" >"$ROOM/after"
	links a >>"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

@test "another list of ports adds and removes; the port that stays keeps link, address and connections" {
	t0_up
	talk b "$OUT" 203.0.113.10 7
	kept=$(links b)
	run -0 --separate-stderr nsf -j up t0 --ns b --ns c
	[ "$(jq -c '[.changed, .ports, .ports_added, .ports_removed]' <<<"$output")" = '[true,2,1,1]' ]
	[ "$(links b)" = "$kept" ]
	talks
	[ ! -e /run/netns/a ]
	echoes c 10.77.0.3
	echoes c 203.0.113.10
	run -0 nsf -j show t0
	[ "$(jq -c '[.[].ports[].name] | sort' <<<"$output")" = '["b","c"]' ]
}

@test "a port whose address changes moves, the others stay" {
	t0_up
	talk b "$H" 10.77.0.1 7
	kept=$(links b)
	nsf up t0 --ns a=10.77.0.99 --ns b
	echoes b 10.77.0.99
	run ! echoes b 10.77.0.2
	[ "$(links b)" = "$kept" ]
	talks
}

@test "another MTU reaches gateway and ports, and no connection breaks" {
	t0_up
	talk a "$OUT" 203.0.113.10 7
	kept=$(links a)
	nsf up t0 --mtu 1280
	[ "$(ip -n a -j link show eth0 | jq '.[].mtu')" = 1280 ]
	[ "$(ip -n "$H" -j link show t0 | jq '.[].mtu')" = 1280 ]
	[ "$(links a)" = "$kept" ]
	talks
	in_ns a ping -c 1 -W 1 -M "do" -s 1252 10.77.0.3
	nsf up t0 --mtu 1500
	in_ns a ping -c 1 -W 1 -M "do" -s 1472 10.77.0.3
	talks
}

@test "another SNAT address holds for what begins afterwards; talk inside the network goes on" {
	t0_up
	talk a b 10.77.0.3 7
	echoes a 203.0.113.10
	nsf up t0 --snat 198.51.100.77
	talks
	capture "$OUT" eth0 icmp "$ROOM/snat.pcap"
	echoes a 203.0.113.10
	capture_stop
	[ "$(captured "$ROOM/snat.pcap" 'src 198.51.100.77' | wc -l)" = 1 ]
	[ "$(captured "$ROOM/snat.pcap" | wc -l)" = 2 ]
}

@test "another uplink takes the traffic over; talk inside the network goes on" {
	ip -n "$H" link add up1 type veth peer name eth1 netns "$OUT"
	ip -n "$H" addr add 192.0.2.1/24 dev up1
	ip -n "$OUT" addr add 192.0.2.2/24 dev eth1
	ip -n "$H" link set up1 up
	ip -n "$OUT" link set eth1 up
	t0_up
	talk a b 10.77.0.3 7
	echoes a 203.0.113.10
	ip -n "$H" route replace default via 192.0.2.2
	nsf up t0 --uplink up1 --snat auto
	talks
	capture "$OUT" eth1 icmp "$ROOM/uplink.pcap"
	until_ok 5 echoes a 203.0.113.10
	capture_stop
	[ -n "$(captured "$ROOM/uplink.pcap" 'src 192.0.2.1 and dst 203.0.113.10')" ]
	[ -z "$(captured "$ROOM/uplink.pcap" 'net 10.77.0.0/24 or host 198.51.100.1')" ]
	run -0 nsf -j show t0
	[ "$(jq -r '.[] | .uplink + " " + .snat' <<<"$output")" = "up1 192.0.2.1" ]
}

@test "without an uplink nothing gets out and the network goes on; with it again everything does" {
	t0_up
	talk a b 10.77.0.3 7
	nsf up t0 --uplink none
	run ! echoes a 203.0.113.10
	[[ $output == *"From 10.77.0.1 icmp_seq=1 Destination Net Unreachable"* ]]
	echoes a 10.77.0.1
	nsf up t0 --uplink up0
	echoes a 203.0.113.10
	talks
}

@test "another subnet gives gateway and ports other addresses" {
	t0_up
	nsf up t0 --subnet 10.88.0.1/24
	run -0 nsf -j show t0
	[ "$(jq -c '.[] | [.gateway, .ports[].address]' <<<"$output")" = '["10.88.0.1/24","10.88.0.2/24","10.88.0.3/24"]' ]
	echoes a 10.88.0.3
	echoes a 203.0.113.10
	run ip -n "$H" route show 10.77.0.0/24
	[ -z "$output" ]
}

@test "without translation the outside that knows the way sees the ports' own addresses, and reaches them" {
	ip -n "$OUT" route add 10.77.0.0/24 via 198.51.100.1
	t0_up --snat none
	capture "$OUT" eth0 icmp "$ROOM/plain.pcap"
	echoes a 203.0.113.10
	capture_stop
	[ "$(captured "$ROOM/plain.pcap" 'src 10.77.0.2 and dst 203.0.113.10' | wc -l)" = 1 ]
	run -0 in_ns "$OUT" ping -c 1 -W 1 -I 203.0.113.10 10.77.0.2
	[[ $output == *"ttl=63"* ]]
}

@test "add and del: a namespace, an address, a MAC, and the other ports go on" {
	t0_up
	talk a b 10.77.0.3 7
	nsf add t0 web --address 10.77.0.50 --mac 02:00:00:00:00:50
	[ "$(ip -n web -j addr show eth0 | jq -r '.[] | .address + " " + .addr_info[0].local')" = \
		"02:00:00:00:00:50 10.77.0.50" ]
	echoes a 10.77.0.50
	echoes web 203.0.113.10
	nsf add t0 next
	echoes next 10.77.0.50
	nsf del t0 web
	[ ! -e /run/netns/web ]
	run ! echoes a 10.77.0.50
	talks
	run -3 nsf del t0 web
	run -0 nsf -j show t0
	[ "$(jq -c '[.[].ports[].name] | sort' <<<"$output")" = '["a","b","next"]' ]
}

@test "a namespace that is there is used, keeps what it has, and is never deleted" {
	ip netns add a
	ip netns add web
	for ns in a web; do
		ip -n "$ns" link set lo up
		ip -n "$ns" link add own type veth peer name own-peer
		snapshot "$ns" >"$ROOM/$ns"
	done
	t0_up
	nsf add t0 web
	echoes web 10.77.0.2
	echoes a 203.0.113.10
	ip -n a link show own
	nsf del t0 web
	nsf down t0
	[ -e /run/netns/a ]
	[ -e /run/netns/web ]
	[ ! -e /run/netns/b ]
	for ns in a web; do
		snapshot "$ns" >"$ROOM/after"
		same "$ROOM/$ns" "$ROOM/after"
	done
}

@test "ip netns sees namespaces of ours as its own, and deletes one" {
	ip netns add like
	t0_up
	run -0 ip netns list
	grep -q '^a\b' <<<"$output"
	[ "$(stat -c '%a %F %T' /run/netns/a)" = "$(stat -c '%a %F %T' /run/netns/like)" ]
	[ "$(stat -f -c %T /run/netns/a)" = "$(stat -f -c %T /run/netns/like)" ]
	run -0 ip netns exec a ip -br link show lo
	[[ $output == *"LOOPBACK,UP"* ]]
	ip netns del a
	until_ok 5 lacks_port a
	nsf up t0
	echoes a 10.77.0.3
}

lacks_port() {
	nsf -j show t0 | jq -e --arg name "$1" '[.[].ports[] | select(.name == $name and .state == "up")] == []'
}

@test "exec runs a command in a port's namespace and hands its exit status on" {
	t0_up
	run -7 nsf exec a sh -c 'ip -4 -br addr show eth0; exit 7'
	[[ $output == *"10.77.0.2/24"* ]]
	run -0 nsf exec a ping -c 1 -W 1 10.77.0.3
	run -3 nsf exec nobody true
	[[ $output == *"'nobody'"* ]]
	run -2 nsf exec a /nowhere/command
	[[ $output == *"'/nowhere/command'"* ]]
}

@test "a file says the same as options, the command line goes before it, stdin is a file too" {
	cat >"$ROOM/conf" <<-X
		# a network with two ports
		[Network]
		Name=blue
		Mode=$(mode)
		Address=10.44.0.0/24
		Uplink=up0
		SNat=198.51.100.77
		MTU=1400
		TimeoutUdp=200   ; seconds

		[Port web]
		Address=10.44.0.20
		[Port vm]
		Netns=vm-ns
		MAC=02:00:00:00:00:99
	X
	run -0 --separate-stderr nsf -j up -f "$ROOM/conf"
	[ "$(jq -c '[.name, .gateway, .snat, .ports]' <<<"$output")" = '["blue","10.44.0.1/24","198.51.100.77",2]' ]
	run -0 nsf -j show blue
	[ "$(jq -c '.[] | [.mtu, .timeouts.Udp, .timeouts.TcpEstablished]' <<<"$output")" = '[1400,200,7440]' ]
	[ "$(jq -c '[.[].ports[] | [.name, .netns, .address]] | sort' <<<"$output")" = \
		'[["vm","vm-ns","10.44.0.2/24"],["web","web","10.44.0.20/24"]]' ]
	echoes vm-ns 10.44.0.20
	echoes web 203.0.113.10
	[ "$(ip -n vm-ns -j link show eth0 | jq -r '.[].address')" = 02:00:00:00:00:99 ]
	run -0 nsf up -f - <"$ROOM/conf"
	[[ $output == "blue: no change"* ]]
	sed '/Port/,$d' "$ROOM/conf" >"$ROOM/no-ports"
	run -0 --separate-stderr nsf -j up green -f "$ROOM/no-ports" --subnet 10.45.0.1/24 --ns g
	[ "$(jq -r '.name + " " + .gateway' <<<"$output")" = "green 10.45.0.1/24" ]
	run -0 nsf -j show green
	[ "$(jq -c '.[] | [.mtu, .snat, .ports[].name]' <<<"$output")" = '[1400,"198.51.100.77","g"]' ]
}

# keys: of objects in JSON, with those of objects inside, arrays as their first member
keys() {
	jq -c 'def shape: if type == "object" then map_values(shape) elif type == "array" then map(shape)[:1] else "" end;
		shape | [paths | map(if type == "number" then "[]" else . end) | join(".")] | sort | join(" ")' -r
}

@test "the JSON of every verb parses and has the keys it always had" {
	counters='rx_bytes rx_packets tx_bytes tx_packets'
	run -0 --separate-stderr nsf -j up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a
	[ "$(keys <<<"$output")" = "changed flows_imported gateway gateway6 mode name ports ports_added ports_removed publishes snat uplink" ]
	run -0 --separate-stderr nsf -j publish add t0 8080:a:80
	[ "$(keys <<<"$output")" = "changed network publish publish.[] publish.[].address publish.[].last \
publish.[].name publish.[].network publish.[].port publish.[].protocol publish.[].to_address publish.[].to_port" ]
	run -0 --separate-stderr nsf -j publish del t0 8080:a:80
	run -0 --separate-stderr nsf -j add t0 b
	[ "$(keys <<<"$output")" = "address address6 flows_imported name network" ]
	echoes a 203.0.113.10
	ip -n a addr add 10.77.0.200/32 dev lo
	run ! in_ns a ping -c 1 -W 0.3 -I 10.77.0.200 203.0.113.10
	run -0 --separate-stderr nsf -j show
	legs=$(for key in $counters; do echo ".host.$key .outside.$key .ports.[].$key"; done)
	shares=$(for key in flows half_open external_ports macs flood; do
		echo ".limits.$key .ports.[].limits.$key"
		[ "$key" = flood ] || echo ".ports.[].used.$key"
	done)
	want=$(for key in '' .name .hooks .gateway .gateway6 .mac .mode .mtu .snat .snat6 .outside6 .state .uplink .xdp .xdp_attached .flows .flows.limit .flows.used .host \
		.host.dev .outside .outside.dev .ports .ports.[] .ports.[].name .ports.[].netns .ports.[].dev \
		.ports.[].state .ports.[].address .ports.[].address6 .ports.[].mac .publish .timeouts .timeouts.Icmp .timeouts.Other \
		.timeouts.TcpClosing .timeouts.TcpEstablished .timeouts.TcpOpening .timeouts.Udp \
		.snat_pool .snat_pool.[] .snat6_pool .snat_ports .snat_port .snat_icmp .overload .filter .except .ports.[].limits \
		.ports.[].{isolated,guard,flood,vlan,vlan_trunk,mtu,mac_moves,macs_not_learned} .fdb_ageing .neigh_suppress .multicast_snooping .host_access .xdp_forward .xdp_forwards \
		.ports.[].used .limits .flows.overloaded .flows.reclaimed \
		.external_ports .external_ports.[] .external_ports.[].{address,tcp,udp,icmp,other} $shares $legs; do echo "[]$key"; done | LC_ALL=C sort | paste -sd ' ')
	[ "$(keys <<<"$output")" = "$want" ]
	run -0 --separate-stderr nsf -j fdb
	[ "$(keys <<<"$output")" = "[] [].flags [].idle_seconds [].ifname [].mac [].master [].network [].port [].state" ]
	run -0 --separate-stderr nsf -j flows
	[ "$(keys <<<"$output")" = "[] [].direction [].expires_seconds [].external [].external.address [].external.port \
[].hairpin [].in_bytes [].in_packets [].inner [].inner.address [].inner.port [].network [].out_bytes [].out_packets \
[].overloaded [].peer [].peer.address [].peer.port [].port [].protocol [].state [].translated" ]
	run -0 --separate-stderr nsf -j flows --count
	[ "$(keys <<<"$output")" = "[] [].flows [].protocol [].state" ]
	run -0 --separate-stderr nsf -j flows flush
	[ "$(keys <<<"$output")" = ended ]
	run -0 --separate-stderr nsf -j drops
	[ "$(keys <<<"$output")" = "[] [].network [].packets [].reason [].text" ]
	run -0 --separate-stderr nsf -j doctor
	[ "$(keys <<<"$output")" = "[] [].check [].cure [].found [].ok" ]
	run -0 --separate-stderr nsf -j version
	[ "$(keys <<<"$output")" = version ]
	run -0 --separate-stderr nsf -j del t0 b
	[ "$(keys <<<"$output")" = "name network publishes_removed" ]
	run -3 --separate-stderr nsf -j del t0 b
	[ "$(keys <<<"$output")" = "code error hint" ]
	run -0 --separate-stderr nsf -j down t0
	[ "$(keys <<<"$output")" = "name publishes_removed" ]
	run -0 --separate-stderr nsf -j down --all
	[ "$output" = '[]' ]
}
