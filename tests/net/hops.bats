#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# How often a packet is sent and queued on its way: what a design costs, without any noise.
#
# The kernel's tracepoints count, in an instance of their own, and only packets of a length that hardly anybody else has:
# they see those of all namespaces.
load lib

SIZE=$([ "$(mode)" = bpf ] && echo 713 || echo 877) # of an echo's data
PINGS=40

setup_file() {
	host_up
	# one room for all namespaces, in which process numbers are alike
	TRACE=$ROOM/tracing/instances/nsfast-$(mode)-$$
	export TRACE
	mkdir "$ROOM/tracing"
	mount -t tracefs tracefs "$ROOM/tracing"
	mkdir "$TRACE"
	for event in net_dev_xmit netif_rx; do
		echo "len == $((SIZE + 28)) || len == $((SIZE + 42))" >"$TRACE/events/net/$event/filter"
		echo 1 >"$TRACE/events/net/$event/enable"
	done
	nsf up t0 --mode "$(mode)" --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1
	for to in 10.77.0.3 203.0.113.10; do
		in_ns a ping -c 1 -W 1 "$to"
	done
	in_ns "$H" ping -c 1 -W 1 10.77.0.2
}

teardown_file() {
	echo 0 >"$TRACE/events/enable"
	rmdir "$TRACE"
	umount "$ROOM/tracing"
	host_down
}

# hops NS ADDRESS: "xmit rx" of an echo, there and back
hops() {
	: >"$TRACE/trace"
	in_ns "$1" ping -q -c $PINGS -i 0.01 -s "$SIZE" "$2" >/dev/null
	awk -v n=$PINGS '/ net_dev_xmit: / { x++ } / netif_rx: / { r++ } END { printf "%.0f %.0f", x / n, r / n }' "$TRACE/trace"
}

# is BPF NETFILTER: $output is the one of this mode
is() {
	[ "$output" = "$([ "$(mode)" = bpf ] && echo "$1" || echo "$2")" ]
}

@test "from container to container a packet is queued once, as between the ends of a bare pair; on a bridge twice" {
	run -0 hops a 10.77.0.3
	is "2 2" "4 4"
}

@test "what leaves is queued once on its way to the uplink, and its answer not at all" {
	run -0 hops a 203.0.113.10
	is "3 3" "5 4"
}

@test "between host and container: queued once on the way there, twice on the way back" {
	run -0 hops "$H" 10.77.0.2
	is "2 3" "3 2"
}
