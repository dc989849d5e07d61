#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# nsfast demo: shows what it promises, and leaves the host in which it runs untouched however it ends.
#
# It runs in the namespace $H. Rates are never looked at: they are the machine's.
load lib

# The whole demo three times, side by side: as text, as JSON, and where iptables is missing.
setup_file() {
	host_up
	snapshot "$H" >"$ROOM/before"
	whole text demo
	whole json -j demo
	hide='mount --bind /dev/null /usr/sbin/iptables-restore && exec "$@"'
	start nsenter --net="/run/netns/$H" -- unshare --mount --propagation private sh -c "$hide" sh \
		"$NSFAST" demo >"$ROOM/alone" 2>&1
	echo "$STARTED" >"$ROOM/alone.pid"
	for name in text json alone; do
		local code=0
		wait "$(<"$ROOM/$name.pid")" || code=$?
		echo "$code" >"$ROOM/$name.code"
	done
	snapshot "$H" >"$ROOM/after"
}

teardown_file() { host_down; }

# whole NAME WORD...: begins it, the output in $ROOM/NAME
whole() {
	local name=$1
	shift
	start nsenter --net="/run/netns/$H" -- "$NSFAST" "$@" >"$ROOM/$name" 2>"$ROOM/$name.err"
	echo "$STARTED" >"$ROOM/$name.pid"
}

# ended NAME: its exit code was 0; shows what it said if not
ended() {
	cat "$ROOM/$1"
	[ "$(<"$ROOM/$1.code")" = 0 ]
}

says() {
	grep -qE -- "$1" "$ROOM/${2:-text}"
}

# broken_off SIGNAL LINE: a demo that gets the signal when it has come to the line; its exit code is in $code
broken_off() {
	whole part demo
	until_ok 60 says "$2" part || { cat "$ROOM/part" "$ROOM/part.err"; return 1; }
	kill -s "$1" "$STARTED"
	code=0
	wait "$STARTED" || code=$?
	cat "$ROOM/part" "$ROOM/part.err"
}

@test "the demo ends well and says nothing on stderr" {
	ended text
	[ ! -s "$ROOM/text.err" ]
}

@test "each path is shown with the address that its server saw" {
	says '^  app  > web .* 10\.77\.0\.3 '
	says 'http://10\.77\.0\.3/ .*"you are 10\.77\.0\.2 port [0-9]+"'
	says 'http://203\.0\.113\.10/ .*"you are 198\.51\.100\.1 port [0-9]+"'
	says 'http://10\.77\.0\.3/ .*"you are 10\.77\.0\.1 port [0-9]+"'
}

@test "the commands are the program's own and their output follows" {
	says '^  \$ nsfast -n demo-host up demo --mode bpf '
	says '^  demo: up, mode bpf, '
	says '^    app +app +nsf'
	says ' demo +web +static$'
	says '^  tcp .* demo/app out  10\.77\.0\.2:[0-9]+ > 203\.0\.113\.10:80  as 198\.51\.100\.1:[0-9]+  [0-9]+/[0-9.]+[kM]? out [0-9]+/[0-9.]+[kM]? in$'
	says '^  \$ nsfast -n demo-host down demo$'
	says '^  Nothing is left: '
}

@test "each kind of traffic has a ratio" {
	[ "$(grep -cE '^ +nsfast bpf +[0-9.]+[kMG]?  #+ +[0-9]+\.[0-9]{2} times$' "$ROOM/text")" = 5 ]
	[ "$(grep -cE '(transactions|connections|packets)/s +bridge \+ iptables ' "$ROOM/text")" = 5 ]
}

@test "a file gets no colours and lines no longer than a screen, but for those of 'show' and 'flows'" {
	run ! grep -q $'\033' "$ROOM/text"
	awk '/\$ nsfast .* (show|flows)/ { table = 1; next }
		/\$ nsfast/ { table = 0 }
		length > 120 && !table { print; bad = 1 }
		END { exit bad }' "$ROOM/text"
}

@test "-j gives one object with checks and rates" {
	ended json
	jq -es 'length == 1' "$ROOM/json"
	jq -e '.mode == "bpf" and .nothing_left' "$ROOM/json"
	jq -e '[.checks[].seen_address] == ["10.77.0.2", "198.51.100.1", "10.77.0.1"]' "$ROOM/json"
	jq -e '.comparison | .missing == null and (.rows | length) == 5' "$ROOM/json"
	jq -e '[.comparison.rows[] | .baseline, .bpf, .ratio_percent] | all(type == "number" and . > 0)' "$ROOM/json"
}

@test "without iptables it says so and shows its own rates" {
	ended alone
	says 'iptables-restore \(package iptables\) is missing' alone
	says 'nsfast bpf +[0-9.]+[kMG]?  #+$' alone
	run ! says ' times$' alone
}

@test "three whole demos left nothing" {
	same "$ROOM/before" "$ROOM/after"
	untouched
}

@test "Ctrl-C before, between and amid its steps ends it with 130 and leaves nothing" {
	for line in '^A host with' '^  \$ nsfast .* up demo' '^Container to outside' '^  \$ nsfast .* flows' \
		'^Side by side' ' times$'; do
		broken_off INT "$line"
		[ "$code" = 130 ]
		grep -qx 'nsfast: demo: interrupted; nothing is left' "$ROOM/part.err"
		run ! says 'Nothing is left: ' part
		untouched
	done
}

@test "SIGTERM ends it with 130 and leaves nothing" {
	for line in '^Container to container' 'TCP transactions/s'; do
		broken_off TERM "$line"
		[ "$code" = 130 ]
		untouched
	done
}

@test "killed without a chance to clean up, it leaves nothing" {
	for line in '^  demo: up' '^Side by side'; do
		broken_off KILL "$line"
		[ "$code" = 137 ]
		untouched
	done
}

first_line() {
	in_ns "$H" "$NSFAST" demo | head -n 1
	return "${PIPESTATUS[0]}"
}

@test "it ends early when nobody reads" {
	run -2 first_line
	[ "${#lines[@]}" = 1 ]
	untouched
}

@test "colours are for terminals, and NO_COLOR is heard" {
	for set in 'TERM=xterm' 'TERM=dumb' 'TERM=xterm NO_COLOR=1'; do
		rm -f "$ROOM/terminal"
		# shellcheck disable=SC2086 # the words are assignments
		start env -u NO_COLOR $set nsenter --net="/run/netns/$H" -- \
			script -qefc "$NSFAST demo" "$ROOM/terminal" >"$ROOM/script" 2>&1
		until_ok 20 says 'What it knows' terminal
		stop "$STARTED"
		if [ "$set" = TERM=xterm ]; then
			grep -q $'^\033\[1mWhat it knows\033\[0m' "$ROOM/terminal"
		else
			run ! grep -q $'\033' "$ROOM/terminal"
		fi
		untouched
	done
}

@test "who is not root is told so" {
	cp "$NSFAST" "$ROOM/nsfast"
	chmod -R a+rX "$BATS_RUN_TMPDIR"
	run -4 setpriv --reuid 65534 --clear-groups "$ROOM/nsfast" demo
	[ "${lines[0]}" = "nsfast: must be root" ]
}

@test "a kernel that takes no programs is exit 5, and nothing is left" {
	run -5 nsenter --net="/run/netns/$H" -- \
		strace -f -o "$ROOM/trace" -e trace=bpf -e inject=bpf:error=EINVAL "$NSFAST" demo
	[[ $output == *"nsfast: demo: 'nsfast up' does not work here"* ]]
	untouched
}

@test "a word too many is refused" {
	run -1 "$NSFAST" demo now
	[ "${lines[0]}" = "nsfast: 'now' is one word too many" ]
}
