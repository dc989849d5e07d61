#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# nsfast bench: measures what it is asked to, says it in three forms, and leaves nothing however it ends.
#
# It runs in the namespace $H. Rates are never looked at: they are the machine's.
load lib

TRAFFIC="rr crr udp stream stream8 segments beside"

# Nearly everything once, in samples as short as they can be: as JSON and as a chart.
setup_file() {
	host_up
	snapshot "$H" >"$ROOM/before"
	local code=0
	in_ns "$H" "$NSFAST" -j bench --only "${TRAFFIC// /,},hose,new,flood,make,end" --rounds 1 --time 10 --svg "$ROOM/chart" >"$ROOM/json" 2>"$ROOM/err" || code=$?
	echo "$code" >"$ROOM/code"
}

teardown_file() { host_down; }

measured() {
	jq -e --arg traffic "$1" --arg way "$2" --arg path "$3" \
		'any(.results[]; .traffic == $traffic and .way == $way and .path == $path and .rate.median > 0 and .of_wire.median > 0)' \
		"$ROOM/json" >/dev/null
}

@test "it ends well and says nothing on stderr, and nothing is left" {
	cat "$ROOM/err" && tail -n 1 "$ROOM/json" | head -c 1000
	[ "$(<"$ROOM/code")" = 0 ]
	[ ! -s "$ROOM/err" ]
	untouched
}

@test "each path is measured each way that it has, by all traffic" {
	for path in wire iptables-legacy iptables-nft nsfast-netfilter nsfast-bpf; do
		for traffic in $TRAFFIC; do
			for way in within out in; do
				measured "$traffic" "$way" "$path"
			done
		done
		for way in within out back; do
			measured hose "$way" "$path"
		done
		measured new out "$path"
	done
	for path in wire iptables-legacy iptables-nft nsfast-netfilter nsfast-bpf nsfast-xdp; do
		measured flood back "$path"
	done
	for path in wire bridge nsfast-netfilter nsfast-bpf; do
		measured make within "$path"
		measured end within "$path"
	done
	for path in wire-again relay nsfast-xdp; do
		for traffic in rr crr udp stream; do
			measured "$traffic" out "$path"
			measured "$traffic" in "$path"
		done
		measured hose out "$path"
		measured hose back "$path"
		run ! measured beside out "$path"
	done
	measured rr within wire-again
	run ! measured rr within relay
	measured rr within relay-peer
	run ! measured rr out relay-peer
	run ! measured rr within nsfast-xdp
	measured rr within bridge
	run ! measured rr out bridge
}

@test "each sample is in the JSON, with what it cost and who disturbed it" {
	jq -e '(.samples | length) >= 2 * (.results | length)' "$ROOM/json"
	jq -e 'all(.samples[]; has("rate") and has("cpu_ns") and has("stolen") and has("foreign") and has("kept"))' "$ROOM/json"
	jq -e 'all(.results[] | select(.traffic == "rr"); .p50_us > 0 and .p99_us >= .p50_us)' "$ROOM/json"
}

@test "the chart is XML with a bar for each path" {
	"$PYTHON" - "$ROOM/chart" <<-'END'
		import sys, xml.etree.ElementTree as tree
		root = tree.parse(sys.argv[1]).getroot()
		bars = [e for e in root.iter() if e.tag.endswith("rect")]
		assert len(bars) > 50 and all(0 < float(e.get("width")) <= 700 for e in bars), len(bars)
	END
}

@test "knobs are measured when they are named, also with client and server on two CPUs" {
	[ "$(nproc)" -gt 1 ] || skip "one CPU"
	run -0 --separate-stderr in_ns "$H" "$NSFAST" -j bench --cpu 0,1 --rounds 1 --time 10 \
		--only rr,stream,within,out,bpf-gro,bpf-threaded,bpf-rps,bpf-mtu,bpf-big
	for path in bpf-gro bpf-threaded bpf-rps bpf-mtu bpf-big; do
		jq -e --arg path "$path" '[.results[] | select(.path == $path and .rate.median > 0)] | length == 4' <<<"$output"
	done
	jq -e '.cpu == 0 and .server_cpu == 1 and all(.results[]; .path != "nsfast-bpf")' <<<"$output"
	untouched
}

@test "what does the least is measured when it is named" {
	run ! measured rr out least-nat
	run -0 --separate-stderr in_ns "$H" "$NSFAST" -j bench --rounds 1 --time 10 \
		--only rr,crr,udp,stream,within,out,in,least-peer,least-nat
	jq -e '[.results[] | select(.path == "least-peer" and .way == "within" and .rate.median > 0)] | length == 4' <<<"$output"
	jq -e '[.results[] | select(.path == "least-nat" and .way == "out" and .rate.median > 0)] | length == 4' <<<"$output"
	jq -e '[.results[] | select(.path | startswith("least"))] | length == 8' <<<"$output"
	untouched
}

@test "only what is named is measured, and as a table" {
	run -0 --separate-stderr in_ns "$H" "$NSFAST" bench --only rr,out,nsfast-bpf --rounds 2 --time 10
	[[ $output == *"TCP request and response, container to outside, translated"* ]]
	[[ $output == *"of wire"* ]]
	[[ $output != *"iptables-nft"*"of wire"* ]]
	[[ $output != *"container to container"* ]]
	untouched
}

@test "what is none of it is refused, with what to do, before anything is made" {
	run -1 in_ns "$H" "$NSFAST" bench --only rrr
	[[ $output == *"'rrr' is nothing that is measured"*"hint: 'nsfast bench --list'"* ]]
	run -1 in_ns "$H" "$NSFAST" bench --rounds 0
	run -1 in_ns "$H" "$NSFAST" bench --time 1s
	run -1 in_ns "$H" "$NSFAST" bench --cpu 0,
	run -1 in_ns "$H" "$NSFAST" bench more
	run -1 in_ns "$H" "$NSFAST" bench --only hose,in
	run -2 in_ns "$H" "$NSFAST" bench --only rr,within,wire --rounds 1 --time 10 --svg /nowhere/chart
	untouched
}

@test "Ctrl-C at any moment leaves nothing, and so does kill -9" {
	for signal in INT KILL; do
		for moment in 0.1 0.7 2; do
			start nsenter --net="/run/netns/$H" -- "$NSFAST" bench --quick >/dev/null 2>&1
			timeout "$moment" tail -f /dev/null || true
			kill -s "$signal" "$STARTED"
			wait "$STARTED" || true
			untouched
		done
	done
}
