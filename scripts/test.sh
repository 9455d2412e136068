#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds everything (installing what that needs), with warnings as errors, and runs all tests
# but the benchmarks.
#
#   scripts/test.sh [CTEST-ARGUMENT...]     e.g. -L unit, -R sqlite
#
# Three trees: build-clang is only compiled, build-sanitize runs the unit tests and fuzzers under
# the address and undefined-behaviour sanitizers, build (gcc) runs all tests.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

case ${1-} in
-h | --help)
    sed -n '3,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

choose_build_root
install_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
install_optional "${OPTIONAL_TEST_PACKAGES[@]}"
provide_redis_server

# Of the user's own; the tests in Python see to themselves (tests/surroundings.py).
unset LD_PRELOAD DEBUGINFOD_URLS ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS
export CTEST_OUTPUT_ON_FAILURE=1

configure_and_build "$BUILD_ROOT/build" -DVMTRACE_WERROR=ON
if command -v clang >/dev/null; then
    CC=clang CXX=clang++ configure_and_build "$BUILD_ROOT/build-clang" -DVMTRACE_WERROR=ON
fi
configure_and_build "$BUILD_ROOT/build-sanitize" -DVMTRACE_WERROR=ON -DVMTRACE_SANITIZE=ON

say "unit tests and fuzzers under sanitizers"
(cd "$BUILD_ROOT/build-sanitize" && ctest -L '^(unit|fuzz)$' -j "$JOBS" --timeout 600 </dev/null)
say "all tests"
cd "$BUILD_ROOT/build"
exec ctest -LE '^bench$' -j "$JOBS" --timeout 900 "$@" </dev/null
