# SPDX-License-Identifier: GPL-2.0-only
# What the tests of NAT share: one network with two containers that talk by their stack and two that say only what
# tests make them say, packets by hand, a look into the tables, and a watch on what leaves untranslated.
#
#   a .2, b .3 (stack)   ──┐
#                          ├── t0 10.77.0.1/24 ── host ($H) up0 198.51.100.1, .77 ── outside ($OUT) 203.0.113.10
#   q .4, r .5 (by hand) ──┘                                                          behind it 192.0.2.0/24: nobody
#
# Files named nat6_* are links: the same tests, by IPv6. There it is
#
#   a ::2, b ::3, q, r   ──── t0 fd00:77::1/64 ── up0 2001:db8:51::1, ::77 ── 2001:db8:ff::10, behind it 2001:db8:2::/64
#
# Load it after lib; nat_host_up in setup_file, host_down in teardown_file, nat_down in teardown.
# shellcheck shell=bash disable=SC2034 # most of these variables are for the tests

case ${BATS_TEST_FILENAME##*/} in
nat6_*)
	export FAMILY=6
	EXT=2001:db8:51::1 EXT2=2001:db8:51::77 OUTSIDE=2001:db8:51::2 FAR=2001:db8:ff::10 NOBODY=2001:db8:2::
	INNER=fd00:77:: NMAP=(nmap -6 -n -Pn) SUBNETS=10.77.0.1/24,fd00:77::1/64 SNAT=SNat6 EXEMPT=2001:db8:fe::/64
	;;
*)
	export FAMILY=4
	EXT=198.51.100.1 EXT2=198.51.100.77 OUTSIDE=198.51.100.2 FAR=203.0.113.10 NOBODY=192.0.2.
	INNER=10.77.0. NMAP=(nmap -n -Pn) SUBNETS=10.77.0.1/24 SNAT=SNat EXEMPT=100.64.1.0/24
	;;
esac

# For tests of what only IPv4 has: ipv4 "there is no such checksum"
ipv4() {
	[ "$FAMILY" = 4 ] || skip "$1"
}

# What may come to the outside: packets of the host's addresses, and those to what tests of exceptions use
LEAK='(ip and not src net 198.51.100.0/24 and not dst net 100.64.1.0/24) or
	(ip6 and not src net 2001:db8:51::/64 and not dst net 2001:db8:fe::/64 and not src net fe80::/10 and not src host ::)
	or (not ip and not ip6 and not arp)'

nat_host_up() {
	host_up
	in_ns "$OUT" sysctl -qw net.ipv4.ip_forward=0
	[ "$FAMILY" = 4 ] || six_host_up
	watch
}

six_host_up() {
	ip -n "$H" addr add "$EXT/64" dev up0 nodad
	ip -n "$H" addr add "$EXT2/64" dev up0 nodad preferred_lft 0 # the host itself speaks as the other one
	ip -n "$OUT" addr add "$OUTSIDE/64" dev eth0 nodad
	ip -n "$OUT" addr add "$FAR/128" dev lo nodad
	ip -n "$H" -6 route add default via "$OUTSIDE"
	ip -n "$OUT" -6 route add blackhole default # it would say that there is no way to nobody
	until_ok 5 in_ns "$H" ping -c 1 -W 1 "$FAR"
}

# The watch begins: what it captures should not be.
watch() {
	start nsenter --net="/run/netns/$OUT" -- \
		tcpdump -Z root --immediate-mode -U -n -Q in -i eth0 -w "$ROOM/leak.pcap" "$LEAK" 2>"$ROOM/leak.log"
	echo "$STARTED" >"$ROOM/watch"
	until_ok 5 grep -q 'listening on' "$ROOM/leak.log"
}

watch_anew() {
	stop "$(<"$ROOM/watch")"
	rm "$ROOM/leak.pcap"
	watch
}

# Ends what the test began; fails if something left that should not.
nat_down() {
	local pid watch
	watch=$(<"$ROOM/watch")
	while read -r pid; do
		[ "$pid" = "$watch" ] || stop -KILL "$pid"
	done <"$ROOM/pids"
	echo "$watch" >"$ROOM/pids"
	run ! gone "$watch"
	nsf down --all
	[ -n "$(captured "$ROOM/leak.pcap")" ] || return 0
	captured "$ROOM/leak.pcap" -e -x -c 20
	watch_anew
	false
}

# nat_up [LINE...]: the network, with more lines of its section
nat_up() {
	printf '%s\n' '[Network]' Name=t0 Mode="$(mode)" Address="$SUBNETS" Uplink=up0 "$@" >"$ROOM/t0.conf"
	[[ "$*" == *"$SNAT="* ]] || echo "$SNAT=$EXT" >>"$ROOM/t0.conf"
	printf '[Port %s]\n' a b q r >>"$ROOM/t0.conf"
	nsf up -f "$ROOM/t0.conf" 2>"$ROOM/t0.err" || { cat "$ROOM/t0.err"; return 1; }
	quiet q
	quiet r
}

# The stack of a namespace answers no packet, neighbours apart; what is sent by hand leaves all the same.
quiet() {
	in_ns "$1" nft -f - <<-'END'
		table inet quiet {
			chain out {
				type filter hook output priority 0; policy drop;
				icmpv6 type nd-neighbor-advert accept
			}
		}
	END
}

# wire [ARGUMENT...]: runs the script on stdin with all of tests/packets/wire.py and errors.py
wire() {
	{ printf '%s\n' 'import sys' 'from wire import *' 'from errors import *'; cat; } |
		PYTHONPATH=tests/packets PYTHONDONTWRITEBYTECODE=1 NSFAST=$NSFAST "$PYTHON" - "$@"
}

# mirror NS PORT [ADDRESS...]: there is a mirror, by TCP and UDP
mirror() {
	serve "$1" "$2" "$PYTHON" tests/packets/mirror.py serve "$2" "${@:3}"
	until_ok 5 listens "$1" "$2" udp
}

# ask NS PROTOCOL SPORT [ADDRESS [PORT]]: "ADDRESS PORT" as which the mirror there saw it
ask() {
	in_ns "$1" "$PYTHON" tests/packets/mirror.py ask "$2" "$3" "${4:-$FAR}" "${5:-7}"
}

# hold NS SPORT HOW OUT: a TCP connection to the outside's mirror that asks again by again; in $HELD
hold() {
	rm -f "$4.in"
	mkfifo "$4.in"
	# shellcheck disable=SC2154 # nothing is lib's
	nsenter --net="/run/netns/$1" -- "$PYTHON" tests/packets/mirror.py hold "$2" "$FAR" 7 "$3" \
		<"$4.in" >"$4" {nothing}>&- 3>&- &
	HELD=$!
	exec {HELD_IN}>"$4.in"
	until_ok 5 lines 1 "$4"
}

# again FILE: it asks again and is answered
again() {
	local n
	n=$(wc -l <"$1")
	echo >&"$HELD_IN"
	until_ok 5 lines $((n + 1)) "$1"
}

let_go() {
	exec {HELD_IN}>&-
	wait "$HELD"
}

lines() {
	[ "$(wc -l <"$2")" = "$1" ]
}
