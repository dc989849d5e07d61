# SPDX-License-Identifier: GPL-2.0-only
# What the network tests share: the host and its outside, waiting, captures, and comparing before with after.
#
#       host ($H)                                  outside ($OUT)
#   up0 198.51.100.1/24  ───────────── eth0 198.51.100.2/24
#       198.51.100.77/24                       lo 203.0.113.10/32
#   default via 198.51.100.2               knows 198.51.100.0/24 only: what arrives untranslated gets no answer
#
# Load it by `load lib`; host_up in setup_file or setup, host_down in the teardown of the same kind.
# shellcheck shell=bash disable=SC2034 # most of these variables are for the tests

[ -n "${NSFAST_TEST_MACHINE-}" ] || { echo "the network tests run by tests/run only" >&2; exit 1; }
bats_require_minimum_version 1.8.0

NSFAST=$(realpath "${B:-.build}/nsfast")
PYTHON=/usr/bin/python3 # the one that has Debian's modules
exec {nothing}<> <(:)   # reading from it with a timeout waits without a process

mode() {
	echo "${MODE:-bpf}"
}

# True on kernels of that version and newer ones.
kernel_has_come_to() { printf '%s\n' "$1" "$(uname -r)" | sort --check=quiet --version-sort; }

# What up says besides where there is no tcx, before anything else.
CLSACT="nsfast: tcx is not available on this kernel, using clsact"

needs_tcx() { kernel_has_come_to 6.6 || skip "this kernel has no tcx"; }

# For tests of what only one mode has: only bpf "no sysctl is set"
only() {
	[ "$(mode)" = "$1" ] || skip "${2:-in $1 mode only}"
}

in_ns() {
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}

# mac NS [IF]: of eth0 if not another one. /sys tells of the namespace in which it was mounted.
mac() {
	ip -n "$1" -j link show dev "${2:-eth0}" | jq -r '.[].address'
}

# nsfast with $H as its host
nsf() {
	"$NSFAST" -n "$H" "$@"
}

# echoes NS ADDRESS: it answers; silent: it does not
echoes() {
	in_ns "$1" ping -c 1 -W 1 "$2"
}

silent() {
	run ! in_ns "$1" ping -c 1 -W 0.3 "$2"
}

# A transfer of some megabytes may take so many seconds.
TRANSFER=$((20 * ${PATIENCE:-6} / 6))

# until_ok SECONDS COMMAND...: tries until it succeeds; fails, with the last try's output, when the time is over. The
# seconds are those of an idle machine; a busy one gets PATIENCE times as many: a bound on waiting, nothing's promise.
until_ok() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000 * ${PATIENCE:-6})) out
	shift
	until out=$("$@" 2>&1); do
		if ((${EPOCHREALTIME/./} > end)); then
			printf 'gave up waiting for: %s\n%s\n' "$*" "$out" >&2
			return 1
		fi
		read -rt 0.05 -u "$nothing" || :
	done
}

# Starts a program that lives until stop PID or host_down. Its PID is in $STARTED.
start() {
	"$@" {nothing}>&- 3>&- </dev/null &
	STARTED=$!
	echo "$STARTED" >>"$ROOM/pids"
}

# stop [SIGNAL] PID: ends a started program and waits for its end
stop() {
	local signal=TERM
	case $1 in -*) signal=${1#-} && shift ;; esac
	kill -s "$signal" "$1" 2>/dev/null || :
	until_ok 5 gone "$1" || kill -KILL "$1"
}

# A zombie is gone too: its parent, another shell of the same file, has only not asked yet.
gone() {
	! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"
}

# listens NS PORT [udp]: for until_ok
listens() {
	[ -n "$(in_ns "$1" ss -Hln"$([ "${3-}" = udp ] && echo u || echo t)" "sport = :$2")" ]
}

# serve NS PORT COMMAND...: a server, ready when it returns
serve() {
	local ns=$1 port=$2
	shift 2
	start nsenter --net="/run/netns/$ns" -- "$@"
	until_ok 5 listens "$ns" "$port"
}

# converse N NS COMMAND...: a program that reads lines from $ROOM/inN and writes to $ROOM/outN; ready after its first line
converse() {
	local n=$1 ns=$2
	shift 2
	mkfifo "$ROOM/in$n"
	: >"$ROOM/out$n"
	# shellcheck disable=SC2016 # it is the inner shell's
	start nsenter --net="/run/netns/$ns" -- bash -c 'exec "$@" <>"$0"' "$ROOM/in$n" "$@" >"$ROOM/out$n" 2>&1
	until_ok 5 said "$n" 1
}

# talk N NS SPORT ADDRESS PORT: a connection that is held; says again whom the other end sees for each line it reads
talk() {
	converse "$1" "$2" "$PYTHON" tests/packets/mirror.py hold "${@:3}" fin
}

# said N LINES: for until_ok
said() {
	[ "$(wc -l <"$ROOM/out$1")" -ge "$2" ]
}

# adoptable NS HOST-NS INTERFACE ADDRESS...: a namespace behind an interface that the host side does not know more about;
# its gateways are the first addresses of these subnets
adoptable() {
	local ns=$1 a
	ip netns add "$ns"
	in_ns "$ns" sysctl -qw net.ipv6.conf.default.accept_dad=0
	ip -n "$ns" link set lo up
	ip -n "$2" link add "$3" type veth peer name eth0 netns "$ns"
	ip -n "$ns" link set eth0 up
	for a in "${@:4}"; do
		ip -n "$ns" addr add "$a" dev eth0 nodad
		case $a in
		*:*) ip -n "$ns" -6 route add default via "${a%::*}::1" ;;
		*) ip -n "$ns" route add default via "${a%.*}.1" ;;
		esac
	done
}

# host_up [NAME]: makes the topology above. $H and $OUT are its names, $ROOM a folder for the file's own use.
host_up() {
	local id=${1:-$BASHPID} ns
	export H=host-$id OUT=out-$id ROOM=$BATS_FILE_TMPDIR/$id
	mkdir -p "$ROOM"
	for ns in "$H" "$OUT"; do
		ip netns add "$ns"
		# no waiting for addresses that nobody else can have
		in_ns "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
		ip -n "$ns" link set lo up
	done
	ip -n "$H" link add up0 numtxqueues 1 numrxqueues 1 type veth \
		peer name eth0 netns "$OUT" numtxqueues 1 numrxqueues 1
	ip -n "$H" addr add 198.51.100.1/24 dev up0
	ip -n "$H" addr add 198.51.100.77/24 dev up0
	ip -n "$OUT" addr add 198.51.100.2/24 dev eth0
	ip -n "$OUT" addr add 203.0.113.10/32 dev lo
	ip -n "$H" link set up0 up
	ip -n "$OUT" link set eth0 up
	ip -n "$H" route add default via 198.51.100.2
	until_ok 5 in_ns "$H" ping -c 1 -W 1 203.0.113.10
}

# outside6: the same by IPv6, after host_up: 2001:db8:51::1 on up0, ::2 outside, and 2001:db8:ff::10 behind it
outside6() {
	ip -n "$H" addr add 2001:db8:51::1/64 dev up0 nodad
	ip -n "$OUT" addr add 2001:db8:51::2/64 dev eth0 nodad
	ip -n "$OUT" addr add 2001:db8:ff::10/128 dev lo nodad
	ip -n "$H" -6 route add default via 2001:db8:51::2
	until_ok 5 in_ns "$H" ping -c 1 -W 1 2001:db8:ff::10
}

# Ends every started program, takes all networks down, removes all namespaces of the file's machine.
host_down() {
	local pid ns
	while read -r pid; do
		stop -KILL "$pid"
	done < <(cat "$ROOM/pids" 2>/dev/null)
	rm -f "$ROOM/pids"
	[ ! -e "/run/netns/$H" ] || nsf down --all >/dev/null 2>&1 || :
	for ns in /run/netns/*; do
		[ ! -e "$ns" ] || ip netns del "${ns##*/}"
	done
}

# capture NS INTERFACE FILTER FILE: writes packets to FILE (pcap) from now on. A slot of the buffer is as large as the
# longest packet: of the usual 2 MiB there would be eight, too few where tcpdump has to wait for a CPU.
capture() {
	start nsenter --net="/run/netns/$1" -- \
		tcpdump -Z root --immediate-mode -B 32768 -U -n -i "$2" -w "$4" "$3" 2>"$4.log"
	CAPTURE_PID=$STARTED CAPTURE_FILE=$4
	until_ok 5 grep -q 'listening on' "$4.log"
}

# Ends the last capture when nothing has come for 0.1 s, so that what was sent before is in the file.
capture_stop() {
	local size=-1 now
	while now=$(stat -c %s "$CAPTURE_FILE" 2>/dev/null); [ "$now" != "$size" ]; do
		size=$now
		read -rt 0.1 -u "$nothing" || :
	done
	stop -INT "$CAPTURE_PID"
}

# captured FILE [TCPDUMP OPTION...]: a capture as text
captured() {
	local file=$1
	shift
	tcpdump -r "$file" -n "$@" 2>/dev/null
}

# flows [CONDITION]: their number
flows() {
	nsf -j flows | jq "[.[] | select(${1:-true})] | length"
}

# flows_are OPERATOR N [CONDITION]: as test(1) compares
flows_are() {
	test "$(flows "${3-}")" "$1" "$2"
}

# dropped REASON: packets
dropped() {
	nsf -j drops | jq "[.[] | select(.reason == \"$1\") | .packets] | add // 0"
}

# No flow and no external port in the data path's tables, or of containers in the kernel's, read without nsfast
nothing_held() {
	local pins
	if [ "$(mode)" = netfilter ]; then
		! in_ns "$H" grep -E '^ipv[46] .*(tcp|udp) .* src=(10\.77|fd00:0*77)' /proc/net/nf_conntrack
		return
	fi
	pins=(/run/nsfast/bpf/*/*)
	[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_flow_keys" | jq length)" = 0 ] &&
		[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_unguessed" | jq '[.[].formatted.value] | add')" = 0 ] &&
		[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_used" | jq '[.[].formatted.value] | add')" = 0 ] &&
		[ "$(bpftool -j map dump pinned "${pins[0]}/nsf_hints" | jq '[.[].formatted.value.at[] | select(. > 16777215)] | length')" = 0 ]
}

# snapshot NS: all that `nsfast down` must leave as it was before `up`, as text, without what changes by itself:
# operational state of links, numbers of connections, caches, who has sent to all of late
snapshot() {
	local ns=$1
	echo "== links"
	ip -n "$ns" -d -o link | sed -E 's/(LOWER_UP|NO-CARRIER|M-DOWN),|,(LOWER_UP|NO-CARRIER|M-DOWN)//g; s/ state [A-Z]+//; s/ promiscuity [0-9]+//; s/ [a-z_]+_timer +[0-9.]+//g; s/ tso_max_[a-z]+ [0-9]+//g'
	echo "== queueing disciplines"
	in_ns "$ns" tc qdisc show
	echo "== addresses"
	ip -n "$ns" -o addr | sed -E 's/ tentative//'
	echo "== routes"
	ip -n "$ns" -4 route show table all | sed 's/ linkdown//'
	ip -n "$ns" -6 route show table all | sed 's/ linkdown//'
	echo "== rules"
	ip -n "$ns" -4 rule
	ip -n "$ns" -6 rule
	echo "== nft"
	in_ns "$ns" nft --stateless list ruleset | sed -E '/^\t+(elements = \{ )?"[^"]+" limit rate/d'
	echo "== sysctls"
	in_ns "$ns" sysctl -a --pattern '^net\.' 2>/dev/null | grep -v -e nf_conntrack_count -e '\.stable_secret'
	echo "== namespaces"
	find /run/netns -mindepth 1 -printf '%f %M\n' 2>/dev/null | sort
	echo "== /run/nsfast"
	find /run/nsfast -printf '%p %M %U\n' 2>/dev/null | sort
}

# same BEFORE AFTER: two snapshots as files; shows how they differ
same() {
	diff -u "$1" "$2"
}

# iperf NS WORD...: what a client of iperf3 says, whose server may still be at its last one
iperf() {
	local ns=$1 tries out
	shift
	for tries in {1..50}; do
		out=$(in_ns "$ns" timeout "$TRANSFER" iperf3 "$@" 2>&1) && echo "$out" && return
		[[ $out == *"server is busy"* ]] || break
	done
	echo "try $tries: $out"
	return 1
}

no_nsfast() {
	! pgrep -x nsfast
}

# When no nsfast runs any more, $H is as $ROOM/before says.
untouched() {
	until_ok 30 no_nsfast
	snapshot "$H" >"$ROOM/now"
	same "$ROOM/before" "$ROOM/now"
}
