#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# The command `publish`, --publish and Publish=: which rules there are, who is refused and why. Traffic is shown elsewhere,
# and so are rules for IPv6 (publish6.bats).
#
#   a  eth0 10.77.0.2/24 ──┐            host
#   b  eth0 10.77.0.3/24 ──┴── t0 10.77.0.1/24    up0 198.51.100.1/24 ── outside
#   c  eth0 10.88.0.2/24 ───── t1 10.88.0.1/24        198.51.100.77/24
load lib

setup() {
	host_up
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ipv6 no --ns a --ns b --uplink up0
}
teardown() { host_down; }

# The rules as one line of text each.
rules() {
	nsf publish show "$@"
}

# row MAP KEY: a row of a table of the data path's, as JSON; only in bpf mode
row() {
	bpftool -j map lookup pinned /run/nsfast/bpf/*/*/"$1" key "$2" 0 0 0 | jq -c .formatted.value
}

# published_flag 16|0: whether the data path looks for flows in what t0's ports send
published_flag() {
	local id=1
	[ "$(mode)" = bpf ] || return 0
	until [ "$(row nsf_nets $id | jq -r .name)" = t0 ]; do
		id=$((id + 1))
		[ $id -lt 9 ]
	done
	[ $(($(row nsf_nets $id | jq .flags) & 16)) = "$1" ]
}

# refused CODE TEXT [HINT] -- COMMAND...: it says that, with that exit code, and no rule changes
refused() {
	local code=$1 text=$2 hint='' before
	shift 2
	[ "$1" = -- ] || { hint=$1; shift; }
	shift
	before=$(rules)
	run -"$code" nsf "$@"
	echo "$output"
	[ "${lines[0]}" != "$CLSACT" ] || lines=("${lines[@]:1}")
	[ "${lines[0]}" = "nsfast: $text" ]
	[ -z "$hint" ] || [ "${lines[1]}" = "hint: $hint" ]
	[ "$(rules)" = "$before" ]
}

@test "add makes a rule of every kind, and show tells them all, as text and as JSON" {
	run -0 nsf publish add t0 8080:a:80
	[ "$output" = "t0: published tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80" ]
	nsf publish add t0 198.51.100.1:8000-8009:b:80-89/tcp
	nsf publish add t0 127.0.0.1:53:b:1053/udp
	nsf publish add t0 10.77.0.1:5000:a:5000/sctp
	nsf publish add t0 0.0.0.0:8080:b:80/udp
	nsf up t1 --mode "$(mode)" --subnet 10.88.0.1/24 --ipv6 no --ns c --uplink up0
	nsf publish add t1 443:c:443
	[ "$(rules)" = "tcp 0.0.0.0:443 > t1/c 10.88.0.2:443
tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80
tcp 198.51.100.1:8000-8009 > t0/b 10.77.0.3:80-89
udp 0.0.0.0:8080 > t0/b 10.77.0.3:80
udp 127.0.0.1:53 > t0/b 10.77.0.3:1053
sctp 10.77.0.1:5000 > t0/a 10.77.0.2:5000" ]
	[ "$(rules t1)" = "tcp 0.0.0.0:443 > t1/c 10.88.0.2:443" ]
	run -0 nsf -j publish show t0
	[ "$(jq -c '.[1]' <<<"$output")" = '{"protocol":"tcp","address":"198.51.100.1","port":8000,"last":8009,"network":"t0","name":"b","to_address":"10.77.0.3","to_port":80}' ]
	[ "$(jq length <<<"$output")" = 5 ]
	run -0 nsf -j show
	[ "$(jq -c '[.[] | [.name, (.publish | length)]]' <<<"$output")" = '[["t0",5],["t1",1]]' ]
	run -0 nsf show t1
	[[ $output == *"  publish tcp 0.0.0.0:443 > t1/c 10.88.0.2:443"* ]]
	run -0 nsf -j publish add t0 4000:a:4000
	[ "$(jq -c '[.network, .changed, .publish[0].port]' <<<"$output")" = '["t0",true,4000]' ]
}

@test "add of what is there says no change; del takes that rule alone" {
	nsf publish add t0 8080:a:80
	nsf publish add t0 8081:a:80
	run -0 nsf publish add t0 8080:a:80/tcp
	[ "$output" = "t0: no change, tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80" ]
	refused 3 "t0: no publish '8080:a:81'" "'nsfast publish show t0' lists them" -- publish del t0 8080:a:81
	refused 3 "t0: no publish '198.51.100.1:8080:a:80'" -- publish del t0 198.51.100.1:8080:a:80
	refused 3 "t0: no publish '8080:a:80/udp'" -- publish del t0 8080:a:80/udp
	run -0 nsf publish del t0 8080:a:80
	[ "$output" = "t0: removed tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80" ]
	[ "$(rules)" = "tcp 0.0.0.0:8081 > t0/a 10.77.0.2:80" ]
	refused 3 "t0: no publish '8080:a:80'" -- publish del t0 8080:a:80
	run -0 nsf -j publish del t0 8081:a:80
	[ "$(jq -c '[.network, .changed, .publish[0].port]' <<<"$output")" = '["t0",true,8081]' ]
	[ -z "$(rules)" ]
}

@test "words that say nothing are refused" {
	refused 1 "'publish' needs more words" "usage: nsfast publish add|del|show ..." -- publish
	refused 1 "unknown word 'ad'; there are add, del and show" "did you mean 'add'?" -- publish ad t0 80:a:80
	refused 1 "'publish' needs more words" -- publish add t0
	refused 1 "'x' is one word too many" -- publish add t0 80:a:80 x
	refused 1 "SPEC: '80:a' is no publish" -- publish add t0 80:a
	refused 1 "SPEC: '80-82:a:80-81': 3 ports of the host, but 2 of the container" -- publish add t0 80-82:a:80-81
	refused 3 "no network 't9' on this host" -- publish add t9 80:a:80
	refused 3 "no network 't9' on this host" -- publish show t9
	refused 1 "--publish: '80:a:80/icmp': 'icmp' cannot be published; there are tcp, udp and sctp" -- \
		up t0 --publish 80:a:80/icmp
}

@test "what has nowhere to lead to is refused" {
	ip -n "$H" link add tap0 type veth peer name tap1
	nsf add t0 vm --dev tap0
	refused 3 "t0: cannot publish tcp *:80: no port 'x' in network 't0'" "'nsfast show' lists the ports" -- \
		publish add t0 80:x:80
	refused 1 "t0/vm: cannot publish tcp *:80: the address of an adopted interface is not known" -- \
		publish add t0 80:vm:80
	refused 1 "t0/a: cannot publish tcp 198.51.100.9:80: 198.51.100.9 is no address of this host" \
		"ip addr add 198.51.100.9/32 dev up0" -- publish add t0 198.51.100.9:80:a:80
	refused 1 "t0/a: cannot publish tcp 10.77.0.2:80: 10.77.0.2 is no address of this host" -- \
		publish add t0 10.77.0.2:80:a:80
}

@test "what another rule has is refused, and the rule named" {
	nsf up t1 --mode "$(mode)" --subnet 10.88.0.1/24 --ipv6 no --ns c --uplink up0
	nsf publish add t0 8000-8999:a:8000-8999
	nsf publish add t1 198.51.100.1:443:c:443
	refused 1 "t0/b: cannot publish tcp 0.0.0.0:8080: tcp 0.0.0.0:8000-8999 leads to t0/a already" -- \
		publish add t0 8080:b:80
	refused 1 "t1/c: cannot publish tcp 0.0.0.0:8999-9000: tcp 0.0.0.0:8000-8999 leads to t0/a already" -- \
		publish add t1 8999-9000:c:1-2
	refused 1 "t0/b: cannot publish tcp 198.51.100.77:8080: tcp 0.0.0.0:8000-8999 leads to t0/a already" -- \
		publish add t0 198.51.100.77:8080:b:80
	refused 1 "t0/a: cannot publish tcp 0.0.0.0:443: tcp 198.51.100.1:443 leads to t1/c already" -- \
		publish add t0 443:a:443
	refused 1 "t0/a: cannot publish tcp 0.0.0.0:8000-8999: tcp 0.0.0.0:8000-8999 leads to t0/a already" -- \
		publish add t0 8000-8999:a:9000-9999
	refused 1 "t0/b: cannot publish tcp 0.0.0.0:70: tcp 0.0.0.0:70 leads to t0/a already" -- \
		up t0 --publish 70:a:70 --publish 70:b:70
	# another address, another protocol, another port
	nsf publish add t0 198.51.100.77:443:a:443
	nsf publish add t0 8080:b:80/udp
	nsf publish add t0 9000:b:80
}

# holds KIND ADDRESS PORT [PEER-PORT]: a socket of the host, named "holder"
holds() {
	# shellcheck disable=SC2016 # the program is Python's
	start nsenter --net="/run/netns/$H" -- "$PYTHON" -c '
import signal, socket, sys
open("/proc/self/comm", "w").write("holder")
kind, address, port = sys.argv[1:4]
six = ":" in address
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
if six:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, kind.endswith("only"))
s.bind((address, int(port)))
if kind == "tcp":
    s.listen()
if len(sys.argv) > 4:
    s.connect((address, int(sys.argv[4])))
print("ready", flush=True)
signal.pause()
' "$@" >"$ROOM/holds"
	HOLDER=$STARTED
	until_ok 5 grep -q ready "$ROOM/holds"
}

# The process that has it: nsenter became python.
free() {
	stop -KILL "$HOLDER"
	: >"$ROOM/holds"
}

@test "what a socket of the host has is refused, and its process named" {
	only bpf
	local end="end what listens there, or publish another port"
	holds tcp 0.0.0.0 8080
	refused 1 "t0/a: cannot publish tcp 0.0.0.0:8000-8099: tcp 0.0.0.0:8080 is held by process 'holder', pid $HOLDER" \
		"$end" -- publish add t0 8000-8099:a:8000-8099
	refused 1 "t0/a: cannot publish tcp 198.51.100.1:8080: tcp 0.0.0.0:8080 is held by process 'holder', pid $HOLDER" \
		-- up t0 --publish 198.51.100.1:8080:a:80
	nsf publish add t0 8080:a:80/udp
	free
	holds tcp 198.51.100.1 8080
	refused 1 "t0/a: cannot publish tcp 0.0.0.0:8080: tcp 198.51.100.1:8080 is held by process 'holder', pid $HOLDER" \
		"name the address to publish on, as in ADDRESS:8080:..." -- publish add t0 8080:a:80
	nsf publish add t0 198.51.100.77:8080:a:80
	free
	holds tcp :: 9090
	refused 1 "t0/a: cannot publish tcp 0.0.0.0:9090: tcp *:9090 is held by process 'holder', pid $HOLDER" \
		"$end" -- publish add t0 9090:a:80
	free
	holds udponly :: 53
	nsf publish add t0 53:a:53/udp
	free
	holds udp 198.51.100.1 54
	refused 1 "t0/a: cannot publish udp 198.51.100.1:54: udp 198.51.100.1:54 is held by process 'holder', pid $HOLDER" \
		"$end" -- publish add t0 198.51.100.1:54:a:53/udp
	free
	holds udp 198.51.100.1 54 99 # connected: it takes from that peer alone
	nsf publish add t0 54:a:54/udp
	free
}

@test "a socket that came after a rule undoes nothing" {
	nsf publish add t0 8080:a:80
	holds tcp 0.0.0.0 8080
	run -0 nsf up t0 --publish 8080:a:80
	[[ $output == "t0: no change"* ]]
	run -0 nsf publish add t0 8080:a:80
	[[ $output == "t0: no change"* ]]
	nsf publish add t0 8081:a:80
	free
}

@test "up makes the rules those that it lists; without any they stay" {
	run -0 nsf up t0 --publish 8080:a:80 --publish 53:b:53/udp
	[[ $output == "t0: changed"*", 2 published" ]]
	run -0 nsf -j up t0 --publish 53:b:53/udp --publish 8080:a:80/tcp
	[ "$(jq -c '[.changed, .publishes]' <<<"$output")" = '[false,2]' ]
	run -0 nsf up t0
	[[ $output == "t0: no change"*", 2 published" ]]
	run -0 nsf up t0 --mtu 1400 --snat 198.51.100.77
	[ "$(rules)" = "tcp 0.0.0.0:8080 > t0/a 10.77.0.2:80
udp 0.0.0.0:53 > t0/b 10.77.0.3:53" ]
	published_flag 16
	run -0 nsf up t0 --publish 8080:b:80
	[ "$(rules)" = "tcp 0.0.0.0:8080 > t0/b 10.77.0.3:80" ]
	# b gets another address, and its rule leads there
	run -0 nsf up t0 --ns a --ns b=10.77.0.9
	[ "$(rules)" = "tcp 0.0.0.0:8080 > t0/b 10.77.0.9:80" ]
	run -0 nsf up t0 --subnet 10.99.0.1/24
	[ "$(rules)" = "tcp 0.0.0.0:8080 > t0/b 10.99.0.2:80" ] || [ "$(rules)" = "tcp 0.0.0.0:8080 > t0/b 10.99.0.3:80" ]
	run -0 nsf up t0 --ns a
	[[ $output == *"t0/b: tcp 0.0.0.0:8080 is published no more"* ]]
	[ -z "$(rules)" ]
	published_flag 0
}

@test "a new network can be published from the start, on its gateway too, and from a file" {
	cat >"$ROOM/blue.conf" <<-EOF
		[Network]
		Name=blue
		Address=10.88.0.1/24
		IPv6=no
		Uplink=up0
		[Port web]
		Publish=8080-8081:80-81
		Publish=10.88.0.1:53:53/udp
		[Port db]
		Publish=198.51.100.77:5432:5432
	EOF
	run -0 nsf up -f "$ROOM/blue.conf" --mode "$(mode)"
	[[ $output == *", 3 published" ]]
	[ "$(rules blue)" = "tcp 0.0.0.0:8080-8081 > blue/web 10.88.0.2:80-81
tcp 198.51.100.77:5432 > blue/db 10.88.0.3:5432
udp 10.88.0.1:53 > blue/web 10.88.0.2:53" ]
	run -0 nsf up -f "$ROOM/blue.conf"
	[[ $output == "blue: no change"* ]]
	refused 1 "t1/c: cannot publish tcp 0.0.0.0:8081: tcp 0.0.0.0:8080-8081 leads to blue/web already" -- \
		up t1 --mode "$(mode)" --subnet 10.99.0.1/24 --ns c --uplink up0 --publish 8081:c:80
	[ ! -e /run/netns/c ]
}

@test "an up that fails puts the rules back" {
	nsf publish add t0 8080:a:80
	nsf publish add t0 8081:b:80
	ip netns add full
	ip -n full link add eth0 type veth peer name other
	refused 1 "t0/full: namespace 'full' has an interface 'eth0' already" -- \
		up t0 --ns a=10.77.0.9 --ns c --ns full --publish 9000:c:80
	refused 1 "t0/full: namespace 'full' has an interface 'eth0' already" -- \
		up t0 --subnet 10.99.0.1/24 --ns b --ns full --publish 9000:b:80
	refused 3 "t0: cannot publish tcp *:9000: no port 'a' in network 't0'" -- up t0 --ns b --publish 9000:a:80
}

@test "a port takes its rules with it, and so does a network; who comes after has none" {
	nsf publish add t0 8080-8089:a:80-89
	nsf publish add t0 53:a:53/udp
	nsf publish add t0 8090:b:80
	run -0 nsf del t0 a
	[ "$output" = "t0/a: removed, 2 published with it" ]
	[ "$(rules)" = "tcp 0.0.0.0:8090 > t0/b 10.77.0.3:80" ]
	nsf add t0 a
	[ "$(rules)" = "tcp 0.0.0.0:8090 > t0/b 10.77.0.3:80" ]
	nsf up t1 --mode "$(mode)" --subnet 10.88.0.1/24 --ipv6 no --ns c --uplink up0 --publish 80:c:80
	run -0 nsf -j down t0
	[ "$(jq -c '[.name, .publishes_removed]' <<<"$output")" = '["t0",1]' ]
	[ "$(rules)" = "tcp 0.0.0.0:80 > t1/c 10.88.0.2:80" ]
	run -0 nsf down t1
	[ "$output" = "t1: down, 1 published with it" ]
	[ -z "$(rules)" ]
}

@test "a range of 10,000 ports is one row of the table" {
	only bpf "rows are its own"
	nsf publish add t0 20000-29999:a:20000-29999
	[ $(($(row nsf_publish_live 0) & 0x7fffffff)) = 1 ]
	nsf publish del t0 20000-29999:a:20000-29999
	[ $(($(row nsf_publish_live 0) & 0x7fffffff)) = 0 ]
}

# killed N COMMAND...: at its Nth call of any kind
killed() {
	local n=$1
	shift
	strace -f -qqq -o "$ROOM/trace" -e trace=all -e "inject=bpf,unlink,sendto,munmap,membarrier,write:signal=SIGKILL:when=$n" \
		"$NSFAST" -n "$H" "$@" >/dev/null 2>&1
}

# Every rule leads to a port that there is, and the data path holds no other.
sound() {
	[ "$(nsf -j publish show t0 | jq length)" = $(($(row nsf_publish_live 0) & 0x7fffffff)) ]
	[ "$(nsf -j show t0 | jq '.[0] | [.publish[].name] - [.ports[].name] | length')" = 0 ]
}

@test "after kill -9 of add, del and the removal of a port no rule leads to nowhere" {
	only bpf "rows are its own"
	local n tried=0
	for n in 5 10 15 20 25 30 35 40 50; do
		nsf up t0 --ns a --ns b --publish 8080:a:80 --publish 8081:b:80
		! killed "$n" del t0 a || break
		nsf publish add t0 9000:b:90
		sound
		nsf up t0 --ns a --ns b --publish 8080:a:80 --publish 8081:b:80
		! killed "$n" publish del t0 8080:a:80 || break
		nsf publish add t0 9000:b:90
		sound
		! killed "$n" publish add t0 9001:b:90 || break
		nsf publish add t0 9002:b:90
		sound
		tried=$((tried + 1))
	done
	[ "$tried" -gt 2 ]
	nsf down t0
	[ ! -e /run/nsfast ]
}
