#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the programs cost for a packet, in a network namespace of its own.
cd "$(dirname "$0")/../.." || exit 1
exec unshare --net "${B:-.build}/tests/bench/cost" 2>&1
