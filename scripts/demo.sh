#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds vmtrace (installing what that needs), traces a program and prints the report.
#
#   scripts/demo.sh                     a sample that leaks
#   scripts/demo.sh PROGRAM [ARG...]    your own program
#
# The exit status is that of the program.
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
configure_and_build "$BUILD_ROOT/build"
if [ $# -eq 0 ]; then
    set -- "$BUILD_ROOT/build/samples/leak_loop"
fi

traces=$BUILD_ROOT/build/demo
rm -rf "$traces"
mkdir -p "$traces"
say "tracing $*"
status=0
"$BUILD_ROOT/build/analyzer/vmtrace" run --output="$traces/%e.%p.%n.vmt" -- "$@" || status=$?

# A program's children have traces of their own; the largest one is shown.
mapfile -t found < <(find "$traces" -name '*.vmt' -printf '%s %p\n' | sort -rn | cut -d' ' -f2-)
if [ "${#found[@]}" -eq 0 ]; then
    die "$1 left no trace (exit status $status)"
fi
"$BUILD_ROOT/build/analyzer/vmtrace-report" "${found[0]}"
if [ "${#found[@]}" -gt 1 ]; then
    say "$((${#found[@]} - 1)) more traces, of its other processes, are in $traces"
fi
exit "$status"
