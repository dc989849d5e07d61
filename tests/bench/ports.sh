#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How a network grows, in namespaces of its own: time of up and down beside the same by ip -batch, memory of a port, unicast
# with 2 ports and with 1,000, and what a broadcast costs there, with and without answers. Fails where unicast grows slower.
#
#   PORTS="10 100 1000 4000" says of how many ports; 4,000 take some minutes, most of them ip's
set -e
cd "$(dirname "$0")/../.."
B=${B:-.build} PORTS=${PORTS:-10 100 1000}

if [ "${1-}" != --inside ]; then
	[ "$(id -u)" = 0 ] || { echo "ports.sh: must be root" >&2; exit 4; }
	exec unshare --net --mount --pid --fork --kill-child --propagation private "$0" --inside
fi
mount -t proc proc /proc
mount -t tmpfs -o mode=0755 tmpfs /run
exec {nothing}<> <(:) # reading from it with a timeout waits
for h in host few; do
	ip netns add "$h"
	ip -n "$h" link set lo up
done

nsf() { "$B/nsfast" -q -n host "$@" >/dev/null; }

# seconds COMMAND...: into $took
seconds() {
	local TIMEFORMAT=%3R
	took=$({ time "$@" >/dev/null 2>&1; } 2>&1)
}

# conf N [PREFIX]
conf() {
	printf '[Network]\nName=t0\nAddress=10.64.0.1/16\nUplink=none\nMaxFlood=none\n'
	seq -f "[Port ${2-p}%g]" "$1"
}

# What the kernel has handed out, in bytes: its own objects, pages of CPUs, page tables and stacks
kernel_bytes() {
	awk '/^(Slab|Percpu|VmallocUsed|KernelStack|PageTables):/ { n += $2 } END { print n * 1024 }' /proc/meminfo
}

# The same when what goes in the background is gone, into $bytes
settled() {
	local was=0
	bytes=$(kernel_bytes)
	while ((was / 100000 != bytes / 100000)); do
		was=$bytes
		read -rt 0.3 -u "$nothing" || :
		bytes=$(kernel_bytes)
	done
}

# The same network by hand: namespaces, pairs, addresses, routes and a bridge; one for each 1,000 ports, as it takes but 1,023.
ip_up() {
	for ((i = 0; i < $1; i += 1000)); do
		ip -n host link add "br$((i / 1000))" up type bridge
	done
	ip -n host addr add 10.64.0.1/16 dev br0
	seq -f 'netns add p%g' "$1" | ip -batch -
	for ((i = 1; i <= $1; i++)); do
		echo "link add v$i type veth peer name eth0 netns p$i"
		echo "link set v$i master br$(((i - 1) / 1000)) up"
	done | ip -n host -batch -
	for ((i = 1; i <= $1; i++)); do
		printf '%s\n' 'link set lo up' 'link set eth0 up' "addr add 10.64.$(((i + 1) / 250)).$(((i + 1) % 250 + 2))/16 dev eth0" \
			'route add default via 10.64.0.1' | ip -n "p$i" -batch -
	done
}

ip_down() {
	for ((i = 0; i < $1; i += 1000)); do
		ip -n host link del "br$((i / 1000))"
	done
	seq -f 'netns del p%g' "$1" | ip -batch -
}

# the tables are there, and what is measured is the ports
nsf up other --mode bpf --subnet 10.63.0.1/24 --ns other --uplink none
printf '%-8s %12s %12s %12s %12s %14s\n' ports 'up, s' 'by ip, s' 'down, s' 'by ip, s' 'bytes a port'
for n in $PORTS; do
	conf "$n" >/run/conf
	seconds ip_up "$n"
	by_ip_up=$took
	ip netns exec p1 ping -c 1 -W 2 10.64.0.1 >/dev/null
	seconds ip_down "$n"
	by_ip_down=$took
	settled
	before=$bytes
	seconds nsf up -f /run/conf --mode bpf
	up=$took
	settled
	a_port=$(((bytes - before) / n))
	seconds nsf down t0
	printf '%-8s %12s %12s %12s %12s %14s\n' "$n" "$up" "$by_ip_up" "$took" "$by_ip_down" "$a_port"
done

# unicast PREFIX SECONDS: 64 bytes by UDP from port 1 to port 2, packets received a second, into $rate
unicast() {
	local to
	to=$(ip -n "$1"2 -4 -j addr show eth0 | jq -r '.[].addr_info[0].local')
	ip netns exec "$1"2 taskset -c 1 iperf3 -s -1 -D
	until ip netns exec "$1"2 ss -Hltn 'sport = :5201' | grep -q .; do :; done
	rate=$(ip netns exec "$1"1 taskset -c 0 iperf3 -J -u -b 0 -l 18 -t "$2" -c "$to" |
		jq '.end.sum | (.packets - .lost_packets) / .seconds | floor')
}

# questions N ADDRESS: broadcast for the address from p1, microseconds each, into $cost; where a CPU's queue has no room for more
# copies, the sender tries again
questions() {
	cost=$(ip netns exec p1 taskset -c 0 python3 - "$1" "$2" <<-'END'
		import errno, socket, sys, time
		n, asked = int(sys.argv[1]), socket.inet_aton(sys.argv[2])
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("eth0", 0))
		me = s.getsockname()[4]
		own = socket.inet_aton("10.64.0.2")
		f = b"\xff" * 6 + me + bytes.fromhex("08060001080006040001") + me + own + bytes(6) + asked
		t, sent = time.perf_counter(), 0
		while sent < n:
		    try:
		        sent += s.send(f) == len(f)
		    except OSError as e:
		        if e.errno != errno.ENOBUFS:
		            raise
		print("%.2f" % ((time.perf_counter() - t) / n * 1e6))
	END
	)
}

conf 1000 >/run/conf
nsf up -f /run/conf --mode bpf
questions 200 10.64.0.3
answered=$cost
nsf up t0 --neigh-suppress no
questions 200 10.64.0.3
printf 'a question at 1000 ports: %s us answered, %s us to all\n' "$answered" "$cost"

conf 2 few >/run/conf
"$B/nsfast" -q -n few up -f /run/conf --mode bpf >/dev/null
declare -A rates
for _ in 1 2 3 4 5 6 7; do
	for prefix in few p; do
		unicast "$prefix" 2
		rates[$prefix]+="$rate "
	done
done
median() { tr ' ' '\n' <<<"$1" | grep . | sort -n | sed -n 4p; }
two=$(median "${rates[few]}") many=$(median "${rates[p]}")
printf 'unicast: %s packets a second with 2 ports, %s with 1000, %s of it\n' "$two" "$many" \
	"$(awk "BEGIN { printf \"%.3f\", $many / $two }")"
for h in host few; do
	"$B/nsfast" -q -n "$h" down --all >/dev/null
done
((many * 100 >= two * 95))
