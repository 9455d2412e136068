#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds vmtrace and prints one table of what tracing costs, next to heaptrack where it can be had.
#
#   scripts/bench.sh [--runs=N] [--scale=X] [--only=WORD]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

case ${1-} in
-h | --help)
    sed -n '3,5s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

install_packages "${BUILD_PACKAGES[@]}" sqlite3 git
install_optional heaptrack
configure_and_build "$ROOT/build"
exec python3 "$ROOT/tests/bench/bench.py" --pairs="$ROOT/build/tests/bench/bench_pairs" \
    --report="$ROOT/build/analyzer/vmtrace-report" \
    --library="$ROOT/build/preload/libvmtrace.so" "$@"
