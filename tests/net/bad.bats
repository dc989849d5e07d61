#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Bad input: one line that names the thing, the right exit code, nothing changed.
#
#   a ── t0 ── host ($H) up0 198.51.100.1/24 ── outside ($OUT)        empty: a host without any interface
load lib

setup_file() {
	host_up
	ip netns add empty
	ip netns add full # a namespace that has an eth0 already
	ip -n full link add eth0 type veth peer name eth1
	snapshot "$H" >"$ROOM/first"
}
teardown_file() { host_down; }

# What must be the same after each command that was refused; teardown compares the rest
state() {
	ip -n "$H" -o link
	ip -n "$H" -o addr
	ip -n "$H" route show table all
	find /run/netns /run/nsfast -printf '%p %i %M %U\n' 2>/dev/null || :
	nsf -j show 2>/dev/null | jq 'walk(if type == "object" then del(.rx_packets, .rx_bytes, .tx_packets, .tx_bytes) else . end)'
}

# refused CODE TEXT COMMAND...: the code, TEXT in the one line, nothing on stdout, and nothing changed
refused() {
	local code=$1 text=$2
	shift 2
	state >"$ROOM/before"
	run "-$code" --separate-stderr "$@"
	[ -z "$output" ]
	printf '%s\n' "$stderr"
	[[ ${stderr%%$'\n'*} == "nsfast: "*"$text"* ]]
	# after that line: an excerpt of the file, or a hint
	run ! grep -v -e '^nsfast: ' -e '^hint: ' -e '^    ' <<<"$stderr"
	[ "$(grep -c '^nsfast: ' <<<"$stderr")" = 1 ]
	state >"$ROOM/after"
	same "$ROOM/before" "$ROOM/after"
}

hinted() {
	[[ $stderr == *"hint: "*"$1"* ]]
}

# from_file LINE:COLUMN TEXT CONTENT: `up -f` refuses it and tells where
from_file() {
	printf '%b' "$3" >"$ROOM/t0.conf"
	refused 1 "t0.conf:$1: $2" nsf up -f "$ROOM/t0.conf"
}

t0_up() {
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --uplink up0
}

teardown() {
	nsf down --all
	snapshot "$H" >"$ROOM/last"
	same "$ROOM/first" "$ROOM/last"
}

@test "who is not root is told so, by every verb that needs it" {
	local nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$NSFAST") verb
	for verb in up down show 'add t0 a' 'del t0 a' 'exec a true' fdb flows drops; do
		# shellcheck disable=SC2086 # words
		refused 4 "must be root" "${nobody[@]}" $verb
		hinted sudo
	done
	"${nobody[@]}" help
	"${nobody[@]}" version
}

@test "root without the capabilities is told what was refused" {
	refused 4 "namespace '$H'" setpriv --bounding-set=-all --inh-caps=-all "$NSFAST" -n "$H" up t0
	refused 4 "t0: cannot make the gateway 't0'" \
		setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$NSFAST" -n "$H" up t0
	refused 4 "bpffs" nsenter --net="/run/netns/$H" -- \
		setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$NSFAST" up t0 --mode bpf
}

@test "an unknown verb, option or word is named, with the nearest right one" {
	refused 1 "unknown verb 'upp'" nsf upp
	hinted "'up'"
	refused 1 "unknown verb 'frobnicate'" nsf frobnicate
	hinted "help"
	refused 1 "unknown option '--uplnk'" nsf up t0 --uplnk up0
	hinted "'--uplink'"
	refused 1 "unknown option '-x'" nsf up -x t0
	refused 1 "unknown option '-x'" nsf -x up t0
	refused 1 "option '--ns' needs a value" nsf up t0 --ns
	refused 1 "option '-f' needs a value" nsf up t0 -f
	refused 1 "option '-n' needs a value" "$NSFAST" -n
	refused 1 "'t1' is one word too many" nsf up t0 t1
	hinted "usage: nsfast up"
	refused 1 "'t1' is one word too many" nsf down t0 t1
	refused 1 "'add' needs more words" nsf add t0
	refused 1 "'exec' needs more words" nsf exec a
	refused 1 "no namespace 'nowhere'" "$NSFAST" -n nowhere up t0
	refused 1 "no namespace '../$H'" "$NSFAST" -n "../$H" up t0
}

@test "names that are too long, empty, or have a slash or dots are refused" {
	refused 1 "'twelve-chars'" nsf up twelve-chars
	hinted "1 to 11"
	refused 1 "'a/b'" nsf up a/b
	refused 1 "'.t0'" nsf up .t0
	refused 1 "''" nsf up ''
	refused 1 "'a/b'" nsf up t0 --ns a/b
	hinted "1 to 63"
	refused 1 "'..'" nsf up t0 --ns ..
	refused 1 "'../../etc/passwd'" nsf up t0 --ns ../../etc/passwd
	refused 1 "''" nsf up t0 --ns =10.77.0.2
	refused 1 "is no name for a port" nsf up t0 --ns "$(printf 'x%.0s' {1..64})"
	refused 1 "'sixteen-chars-xx'" nsf up t0 --uplink sixteen-chars-xx
	refused 1 "'a b'" nsf up t0 --ns 'a b'
	refused 1 "'a\\x0ab'" nsf up t0 --ns $'a\nb'
}

@test "the longest names that are allowed work" {
	local long
	long=$(printf 'x%.0s' {1..63})
	nsf up eleven-char --ns "$long"
	nsf exec "$long" ping -c 1 -W 1 203.0.113.10
	nsf down eleven-char
	[ ! -e "/run/netns/$long" ]
}

@test "values that are none are refused" {
	refused 1 "--subnet: '10.77.0.1'" nsf up t0 --subnet 10.77.0.1
	hinted "10.77.0.1/24"
	refused 1 "--subnet: '10.77.0.1/31'" nsf up t0 --subnet 10.77.0.1/31
	refused 1 "--subnet: '10.77.0.1/33'" nsf up t0 --subnet 10.77.0.1/33
	refused 1 "--subnet: '10.77.0.255/24'" nsf up t0 --subnet 10.77.0.255/24
	refused 1 "--subnet: '224.0.0.1/24'" nsf up t0 --subnet 224.0.0.1/24
	refused 1 "--subnet: '127.0.0.1/24'" nsf up t0 --subnet 127.0.0.1/24
	refused 1 "--subnet: 'fd00::1/48'" nsf up t0 --subnet fd00::1/48
	refused 1 "--mtu: '575'" nsf up t0 --mtu 575
	refused 1 "--mtu: '65536'" nsf up t0 --mtu 65536
	refused 1 "--mtu: '-1'" nsf up t0 --mtu=-1
	refused 1 "--mode: 'fast'" nsf up t0 --mode fast
	refused 1 "--snat: '10.0.0.0/8'" nsf up t0 --snat 10.0.0.0/8
	refused 1 "--snat: '198.51.100.256'" nsf up t0 --snat 198.51.100.256
	refused 1 "--mac: '01:00:00:00:00:01'" nsf add t0 b --mac 01:00:00:00:00:01
	refused 1 "--mac: '02:00:00:00:00'" nsf add t0 b --mac 02:00:00:00:00
	refused 1 "--address: 'x'" nsf add t0 b --address x
}

@test "a network that is up is not made again in the other mode" {
	local other=netfilter
	[ "$(mode)" = bpf ] || other=bpf
	t0_up
	refused 1 "t0: is up in mode $(mode)" nsf up t0 --mode $other
}

@test "an unknown uplink, one that is down, and a host without default route are named, with the cure" {
	refused 1 "no interface 'nope'" nsf up t0 --uplink nope
	refused 1 "uplink 'lo' is no Ethernet interface" nsf up t0 --uplink lo

	ip -n "$H" link add down0 type veth peer name down1
	refused 1 "uplink 'down0' is down" nsf up t0 --uplink down0
	hinted "ip link set down0 up"
	ip -n "$H" link set down0 up
	refused 1 "uplink 'down0' has no IPv4 address" nsf up t0 --uplink down0
	hinted "--snat"
	ip -n "$H" link del down0

	ip -n "$H" route del default
	refused 1 "no default route" nsf up t0
	hinted "--uplink"
	ip -n "$H" route add default via 198.51.100.2
	refused 1 "no default route" "$NSFAST" -n empty up t0
}

@test "a subnet that overlaps a route of the host is refused, and the route is named" {
	refused 1 "t0: subnet 198.51.100.1/25 overlaps the route to 198.51.100.0/24 of 'up0'" \
		nsf up t0 --subnet 198.51.100.0/25
	refused 1 "overlaps the route to 198.51.100.0/24" nsf up t0 --subnet 198.51.0.0/16
	t0_up
	refused 1 "t1: subnet 10.77.0.129/25 overlaps the route to 10.77.0.0/24 of 't0'" \
		nsf up t1 --subnet 10.77.0.128/25
	refused 1 "overlaps the route to 198.51.100.0/24" nsf up t0 --subnet 198.51.100.0/25
	ip -n "$H" route add unreachable 10.91.0.0/16
	refused 1 "overlaps the route to 10.91.0.0/16" nsf up t1 --subnet 10.91.7.0/24
	ip -n "$H" route del unreachable 10.91.0.0/16
}

@test "an SNAT address that is not the host's, or without uplink, is refused" {
	refused 1 "198.51.100.99" nsf up t0 --snat 198.51.100.99
	hinted "ip addr add 198.51.100.99"
	refused 1 "needs an uplink" nsf up t0 --uplink none --snat 198.51.100.1
}

@test "a port's address must be in the subnet, nobody else's and not the gateway's" {
	refused 1 "t0/a: '10.78.0.5'" nsf up t0 --subnet 10.77.0.1/24 --ns a=10.78.0.5
	refused 1 "t0/a: '10.77.0.1' is the gateway's" nsf up t0 --subnet 10.77.0.1/24 --ns a=10.77.0.1
	refused 1 "10.77.0.255" nsf up t0 --subnet 10.77.0.1/24 --ns a=10.77.0.255
	refused 1 "same address '10.77.0.9'" nsf up t0 --subnet 10.77.0.1/24 --ns a=10.77.0.9 --ns b=10.77.0.9
	refused 1 "no address is free" nsf up t0 --subnet 10.77.0.1/30 --ns a --ns b
	t0_up
	refused 1 "10.78.0.2" nsf add t0 b --address 10.78.0.2
	refused 1 "10.77.0.1" nsf add t0 b --address 10.77.0.1
	refused 1 "'10.77.0.2'" nsf add t0 b --address 10.77.0.2
	refused 1 "10.78.0.2" nsf up t0 --ns a --ns b=10.78.0.2
}

@test "a name that is there already is refused: port, network, interface" {
	refused 1 "port 'a' is there already" nsf up t0 --ns a --ns a
	refused 1 "lo: an interface of this name exists already" nsf up lo
	ip -n "$H" link add mine type veth peer name mine1
	refused 1 "mine: an interface of this name exists already" nsf up mine
	hinted "another name"
	ip -n "$H" link del mine
	t0_up
	refused 1 "t0/a: there is a port of this name already" nsf add t0 a
	hinted "nsfast del t0 a"
}

@test "a namespace that has an eth0 is refused, also after other ports of the same up" {
	refused 1 "t0/full: namespace 'full' has an interface 'eth0' already" nsf up t0 --ns a --ns full
	hinted "--dev"
	[ ! -e /run/netns/a ]
	t0_up
	refused 1 "namespace 'full'" nsf add t0 full
	refused 1 "namespace 'full'" nsf up t0 --ns a --ns full
	if [ "$(mode)" = netfilter ]; then # mode bpf has made the first one by then, and unmakes it
		refused 1 "namespace 'full'" nsf up t0 --ns a --ns b --ns full
	fi
}

@test "only an Ethernet interface of the host that nobody uses is adopted" {
	t0_up
	ip -n "$H" link add v0 type veth peer name v1
	ip -n "$H" link add br0 type bridge
	ip -n "$H" link set v1 master br0
	ip -n "$H" addr add 192.0.2.1/24 dev v0
	refused 1 "no interface 'nope'" nsf add t0 b --dev nope
	refused 1 "'lo' is no Ethernet interface" nsf add t0 b --dev lo
	refused 1 "'up0' is used by network 't0'" nsf add t0 b --dev up0
	refused 1 "'t0' is used by network 't0'" nsf add t0 b --dev t0
	[ "$(mode)" != bpf ] || refused 1 "'t0-far' is used by network 't0'" nsf add t0 b --dev t0-far
	refused 1 "'v1' belongs to a bridge" nsf add t0 b --dev v1
	refused 1 "'v0' carries the host's address 192.0.2.1/24" nsf add t0 b --dev v0
	refused 1 "same interface" nsf add t0 b --dev "$(nsf -j show t0 | jq -r '.[0].ports[0].dev')"
	refused 1 "--dev adopts" nsf add t0 b --dev v0 --address 10.77.0.9
	ip -n "$H" addr del 192.0.2.1/24 dev v0
	nsf add t0 b --dev v0
	refused 1 "same interface" nsf add t0 c --dev v0
	nsf up t1 --uplink none
	refused 1 "t1/c: interface 'v0' is a port already" nsf add t1 c --dev v0
	nsf down --all
	ip -n "$H" link del v0
	ip -n "$H" link del br0
}

@test "networks and ports that are not there exit 3" {
	local verb
	for verb in down show fdb flows drops 'add t9 a --' 'del t9 a --'; do
		case $verb in *t9*) ;; *) verb="$verb t9" ;; esac
		# shellcheck disable=SC2086 # words
		refused 3 "no network 't9'" nsf $verb
	done
	t0_up
	refused 3 "no network 't9'" nsf show t9
	refused 3 "no port 'z' in network 't0'" nsf del t0 z
	refused 3 "no port 'z'" nsf exec z true
}

@test "a file's error has file, line, column, the offending word and the line itself" {
	from_file 3:1 "unknown key 'Adress'" '[Network]\nName=t0\nAdress=10.77.0.1/24\n'
	hinted "'Address'"
	[[ $stderr == *"    Adress=10.77.0.1/24"* ]]
	from_file 4:8 "MTU: '20'" '# a comment\n[Network]\nName=t0\n MTU = 20\n'
	from_file 1:2 "unknown section 'Netwrk'" '[Netwrk]\n'
	hinted "[Network]"
	from_file 1:1 "key 'Name' before any section" 'Name=t0\n'
	from_file 3:1 "key 'Name' is there already" '[Network]\nName=t0\nName=t1\n'
	from_file 4:7 "port 'a' is there already" '[Network]\nName=t0\n[Port a]\n[Port a]\n'
	from_file 3:7 "'a/b'" '[Network]\nName=t0\n[Port a/b]\n'
	from_file 5:1 "key 'Device' cannot stand beside 'Netns'" '[Network]\nName=t0\n[Port a]\nNetns=b\nDevice=c\n'
	from_file 3:1 "'nonsense' is neither" '[Network]\nName=t0\nnonsense\n'
	from_file 2:12 "TimeoutUdp: 'soon'" '[Network]\nTimeoutUdp=soon\n'
	from_file 2:5 "a NUL byte" '[Network]\nName\0\n'
	refused 1 "cannot read '$ROOM/nothing': No such file" nsf up -f "$ROOM/nothing"
	refused 1 "cannot read '$ROOM'" nsf up -f "$ROOM"
}

@test "with -j an error is an object on stdout, with text, cure and code" {
	run -1 --separate-stderr nsf -j up t0 --uplnk up0
	[ -z "$stderr" ]
	[ "$(jq -c '[.error, .hint, .code]' <<<"$output")" = \
		"[\"unknown option '--uplnk'\",\"did you mean '--uplink'?\",1]" ]
	run -3 --separate-stderr nsf -j show t9
	[ "$(jq -c 'keys, .code' <<<"$output")" = $'["code","error","hint"]\n3' ]
}

@test "a /run/nsfast that is not root's own directory is not used" {
	mkdir /run/nsfast
	chown 65534 /run/nsfast
	refused 2 "/run/nsfast" nsf up t0
	rmdir /run/nsfast
	ln -s /tmp /run/nsfast
	refused 2 "/run/nsfast" nsf up t0
	rm /run/nsfast
	t0_up
}
