#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds vmtrace and prints one table of what tracing costs, next to whatever else can be had here
# (heaptrack, valgrind's tools, LeakSanitizer, jemalloc's profiler).
#
#   scripts/bench.sh [--runs=N] [--scale=X] [--only=WORD] [--peers=LIST|all] [--folder=DIR]
#
# Without arguments: vmtrace, vmtrace sampled and heaptrack, five runs, about 15 minutes.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

case ${1-} in
-h | --help)
    sed -n '3,8s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

choose_build_root
install_packages "${BUILD_PACKAGES[@]}"
install_optional heaptrack zstd valgrind libc6-dbg liblsan0 libjemalloc2 libunwind8 sqlite3 git \
    libxml2-utils redis-tools
provide_redis_server
configure_and_build "$BUILD_ROOT/build"
exec python3 "$ROOT/tests/bench/bench.py" --build="$BUILD_ROOT/build" "$@"
