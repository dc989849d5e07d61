#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs the nine-round comparison of a wire, bridge + iptables and nsfast, and fails if a promised ratio is not kept.
set -e
cd "$(dirname "$0")/../.."
B=${B:-.build}
exec "$B/tests/bench/compare" -b "$B/nsfast" -k "$@"
