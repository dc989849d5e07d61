#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Bad moments: an error or a signal in the middle of `up` is undone; after kill -9 the next `up` or `down` repairs.
#
#   a, b ── t0 ── host ($H) up0 198.51.100.1/24 ── outside ($OUT) 203.0.113.10
#
# A moment is "SYSCALL N": just before the command's Nth call of that kind. They are taken from a run that was not
# disturbed, spread evenly over it.
load lib

CALLS=bpf,sendto,sendmsg,mount,umount2,mkdir,mkdirat,rmdir,renameat,unlink,unlinkat,openat,setns,unshare,fsync,flock,clone3,mmap,ftruncate
UP=(up t0 --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1)

setup_file() {
	host_up
	snapshot "$H" >"$ROOM/first"
}
teardown_file() { host_down; }

setup() {
	UP+=(--mode "$(mode)")
}

teardown() {
	nsf down --all
}

# disturbed "SYSCALL N" HOW COMMAND...: nsfast, with something injected at that moment; its exit code in $code
# A signal is for nsfast itself: the programs that it runs make calls of their own, which count for themselves.
disturbed() {
	local moment=$1 how=$2 follow=(-f)
	shift 2
	code=0
	case $how in signal=*) follow=() ;; esac
	strace "${follow[@]}" -qqq -o "$ROOM/trace" -e "trace=${moment% *}" -e "inject=${moment% *}:$how:when=${moment#* }" \
		"$NSFAST" -n "$H" "$@" >"$ROOM/said" 2>&1 || code=$?
}

# moments COUNT CALLS COMMAND...: as many moments of the command, one a line; the command runs for that
moments() {
	local count=$1 calls=$2
	shift 2
	strace -f --seccomp-bpf -qqq -o "$ROOM/all" -e "trace=$calls" "$NSFAST" -n "$H" "$@" >/dev/null 2>&1
	awk -v count="$count" '
		!main { main = $1 }
		# threads count for themselves; "<... x resumed>" and "+++ exited" are no calls
		$1 == main && match($2, /^[a-z0-9_]+\(/) {
			name = substr($2, 1, RLENGTH - 1)
			call[n++] = name " " ++times[name]
		}
		END {
			if (count > n) count = n
			for (i = 0; i < count; i++) print call[int((i + 0.5) * n / count)]
		}' "$ROOM/all"
}

works() {
	in_ns a ping -c 1 -W 1 10.77.0.3
	in_ns a ping -c 1 -W 1 203.0.113.10
	in_ns "$H" ping -c 1 -W 1 10.77.0.3
}

nothing_left() {
	snapshot "$H" >"$ROOM/last"
	same "$ROOM/first" "$ROOM/last"
}

# each COUNT CALLS FUNCTION COMMAND...: FUNCTION for each moment of the command; tells which one failed
each() {
	local count=$1 calls=$2 function=$3 moment failed=0 tried=0
	shift 3
	moments "$count" "$calls" "$@" >"$ROOM/moments"
	nsf down --all >/dev/null 2>&1
	while read -r moment <&4; do
		tried=$((tried + 1))
		# in the background, for set -e has no force inside a condition
		(trap - ERR DEBUG && "$function" "$moment" "$@") >"$ROOM/log" 2>&1 &
		if ! wait $!; then
			failed=$((failed + 1))
			echo "at '$moment' of '$*':"
			cat "$ROOM/said" "$ROOM/log"
			nsf down --all >/dev/null 2>&1 || :
		fi
	done 4<"$ROOM/moments"
	echo "$tried moments, $failed failed"
	[ "$tried" = "$count" ] && [ "$failed" = 0 ]
}

# kill -9 of up at that moment. Up waits for the kernel here and there: a run that has to ask less often than the one that the
# moments are from may have fewer calls, and then it is one of these.
killed_up() {
	local n
	for ((n = ${1#* }; n; n--)); do
		disturbed "${1% *} $n" signal=SIGKILL "${UP[@]}"
		[ "$code" = 0 ] || break
		nsf down t0
	done
	[ "$code" = 137 ]
}

killed_then_up() {
	killed_up "$1"
	nsf "${UP[@]}"
	works
	nsf down t0
	nothing_left
}

killed_then_down() {
	killed_up "$1"
	nsf down t0 || [ $? = 3 ] # it may not have come far enough to be a network
	nothing_left
}

@test "after kill -9 of up at 50 moments the next up works and down leaves nothing" {
	each 50 "$CALLS" killed_then_up "${UP[@]}"
}

@test "after kill -9 of up at 10 moments down alone leaves nothing" {
	each 10 "$CALLS" killed_then_down "${UP[@]}"
}

killed_down() {
	nsf "${UP[@]}"
	disturbed "$1" signal=SIGKILL down t0
	[ "$code" = 137 ]
	nsf down t0 || [ $? = 3 ]
	nothing_left
	nsf "${UP[@]}"
	disturbed "$1" signal=SIGKILL down t0
	nsf "${UP[@]}"
	works
	disturbed "$1" signal=SIGKILL down t0
	nsf down --all
	nothing_left
}

@test "after kill -9 of down at 8 moments the next down, of it or of all, finishes it and the next up works" {
	nsf "${UP[@]}"
	each 8 "$CALLS" killed_down down t0
}

# add and del on a network at work: the other ports never notice
killed_add() {
	nsf "${UP[@]}"
	disturbed "$1" signal=SIGKILL add t0 c
	[ "$code" = 137 ]
	works
	nsf "${UP[@]}" --ns c
	in_ns c ping -c 1 -W 1 203.0.113.10
	nsf down t0
	nothing_left
}

killed_del() {
	nsf "${UP[@]}" --ns c
	disturbed "$1" signal=SIGKILL del t0 c
	[ "$code" = 137 ]
	works
	nsf "${UP[@]}"
	[ ! -e /run/netns/c ]
	works
	nsf down t0
	nothing_left
}

@test "after kill -9 of add at 6 moments the other ports work and the next up makes it what it says" {
	nsf "${UP[@]}"
	each 6 "$CALLS" killed_add add t0 c
}

@test "after kill -9 of del at 10 moments the other ports work and the next up makes it what it says" {
	nsf "${UP[@]}" --ns c
	each 10 "$CALLS" killed_del del t0 c
}

# A signal that comes before anything is changed, or after all is done, has its way too.
signalled() {
	local signal moment=$1
	shift
	for signal in SIGINT SIGTERM; do
		disturbed "$moment" "signal=$signal" "$@"
		if [ "$code" = 0 ]; then
			works
			nsf down t0
		else
			[ "$code" = 130 ] || [ "$code" = 143 ]
		fi
		nothing_left
	done
}

@test "SIGINT and SIGTERM at 10 moments of up are undone" {
	each 10 bpf,sendto,mount,renameat,setns,clone3,flock signalled "${UP[@]}"
}

# up fails and has undone it, without another command; or it can do without that call and works
failing() {
	local error moment=$1
	shift
	for error in ENOMEM EPERM; do
		disturbed "$moment" "error=$error" "$@"
		if [ "$code" = 0 ]; then
			works
			nsf down t0
		else
			[ "$code" -le 5 ]
			grep '^nsfast: ' "$ROOM/said"
		fi
		nothing_left
	done
}

@test "an error of bpf() at 12 moments of up is undone" {
	only bpf "no bpf() is called"
	each 12 bpf failing "${UP[@]}"
}

@test "an error of netlink, mount, a rename, a namespace or a thread at 12 moments of up is undone" {
	each 12 sendto,mount,renameat,setns,unshare,clone3,fsync failing "${UP[@]}"
}
