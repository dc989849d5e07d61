#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In the guest, the only child of its first program: modules where they are looked for, then the tests, or the arguments.
set -u
cd "$(dirname "$0")/../.." || exit 1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 PATIENCE=60 TIMEOUT=7200
release=$(uname -r)
mkdir -p "/lib/modules/$release"
mount --bind "$B/kernels/$release/lib/modules/$release" "/lib/modules/$release" || exit 1
if [ $# != 0 ]; then
	exec "$@"
fi
modprobe -a nf_conntrack nf_flow_table br_netfilter # their sysctls come with them, and nothing takes them away again
r=0
"$B/tests/bpf/agree" >/run/agree 2>&1 || { r=1 && cat /run/agree; }
grep '^# .*verified' /run/agree | sort -u -k 2,2
if [ -n "$SHORT" ]; then
	SUITES=kernels tests/run || r=1
elif [ -n "$ALL$T" ]; then
	tests/run || r=1
else
	# Ladders of kills, and packets by hand, for which Python starts some hundred times: hours under emulation. What the
	# latter show of programs tests/bpf shows here too, in C.
	SUITES='bpf kernels net' NOT='net/bad net/bench net/counters net/demo net/kill net/lib net/nat' tests/run || r=1
fi
exit $r
