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

install_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
install_optional "${OPTIONAL_TEST_PACKAGES[@]}"
provide_redis_server

# The checkout may belong to another user than the one who tests it.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
# Nothing of the user's own may reach the traced programs or the reports.
unset LD_PRELOAD DEBUGINFOD_URLS LSAN_OPTIONS GITHUB_STEP_SUMMARY GITHUB_WORKSPACE CI_PROJECT_DIR
while read -r name; do
    unset "$name"
done < <(compgen -A export VMTRACE_)
export CTEST_OUTPUT_ON_FAILURE=1

configure_and_build "$ROOT/build" -DVMTRACE_WERROR=ON
if command -v clang >/dev/null; then
    CC=clang CXX=clang++ configure_and_build "$ROOT/build-clang" -DVMTRACE_WERROR=ON
fi
configure_and_build "$ROOT/build-sanitize" -DVMTRACE_WERROR=ON -DVMTRACE_SANITIZE=ON

say "unit tests and fuzzers under sanitizers"
(cd "$ROOT/build-sanitize" && ctest -L '^(unit|fuzz)$' -j "$JOBS" --timeout 600 </dev/null)
say "all tests"
cd "$ROOT/build"
exec ctest -LE '^bench$' -j "$JOBS" --timeout 900 "$@" </dev/null
