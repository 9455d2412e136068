# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Set-up shared by the scripts of this folder: packages, builds, quiet steps.
# Sourced, not run; the caller has `set -euo pipefail`.

unset CDPATH
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD_ROOT=$ROOT
JOBS=${JOBS:-$(nproc)}
LOG_DIR=${LOG_DIR:-$ROOT/build/logs}
export DEBIAN_FRONTEND=noninteractive

# To build vmtrace and its tests.
BUILD_PACKAGES=(gcc g++ libc6-dev cmake ninja-build pkg-config libunwind-dev libdw-dev libelf-dev
    libiberty-dev libjansson-dev libzstd-dev check python3 binutils gzip)
# To run all tests.  redis-tools holds the server's program too; the package redis-server
# would add a running service, which a test run has no business to install.
TEST_PACKAGES=(clang python3-jsonschema valgrind libc6-dbg strace sqlite3 redis-tools perl git file
    dpkg-dev man-db)
# Tests that need these are skipped without them; their names differ between releases.
OPTIONAL_TEST_PACKAGES=(libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 jq shellcheck dwz
    elfutils meson libgtest-dev python3-pytest python3-pytest-xdist junitparser
    libtest-valgrind-perl python3-sarif-python-om)

say()
{
    printf '== %s\n' "$*" >&2
}

die()
{
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# ld.so's LD_PRELOAD is a list that blanks and colons separate, and % stands for something in the
# names of traces: below such a folder what is traced cannot be built.  Sets BUILD_ROOT.
choose_build_root()
{
    local awkward='*[[:space:]:%]*'
    # shellcheck disable=SC2053
    [[ $ROOT == $awkward ]] || return 0
    BUILD_ROOT=${TMPDIR:-/tmp}/vmtrace-$(id -u)-$(cksum <<<"$ROOT" | cut -d' ' -f1)
    # shellcheck disable=SC2053
    [[ $BUILD_ROOT != $awkward ]] || die "LD_PRELOAD can name nothing below $ROOT, nor below ${TMPDIR-/tmp}"
    say "LD_PRELOAD can name nothing below $ROOT: building in $BUILD_ROOT"
    mkdir -m 755 "$BUILD_ROOT" 2>/dev/null || [ -O "$BUILD_ROOT" ] ||
        die "$BUILD_ROOT cannot be made"
    LOG_DIR=$BUILD_ROOT/build/logs
}

# quietly NAME COMMAND...: the output goes to a log, and is shown only if the command fails.
quietly()
{
    local name=$1 log=$LOG_DIR/$1.log
    shift
    mkdir -p "$LOG_DIR"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        printf -- '---- end of %s\n' "$log" >&2
        tail -n 100 "$log" >&2
        die "$name failed; the whole log is $log"
    fi
}

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo --preserve-env=DEBIAN_FRONTEND "$@"
    else
        die "root is needed to install packages, and there is no sudo; as root: $*"
    fi
}

missing_packages()
{
    local package
    for package; do
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            printf '%s\n' "$package"
    done
}

apt_install()
{
    as_root apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}

# install_packages PACKAGE...: those that are not there yet; asks for root only if there are any.
install_packages()
{
    local missing
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here; needed are what Debian calls: $*"
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
    if [ "${#missing[@]}" -eq 0 ]; then
        return
    fi
    say "installing ${missing[*]}"
    # An unreachable third-party repository is no reason to stop: the install tells.
    mkdir -p "$LOG_DIR"
    as_root apt-get -q update >"$LOG_DIR/apt-update.log" 2>&1 </dev/null || true
    quietly apt-install apt_install "${missing[@]}"
}

# install_optional PACKAGE...: as many of them as this release has.
install_optional()
{
    local package known=()
    command -v apt-get >/dev/null || return 0
    for package in $(missing_packages "$@"); do
        if apt-cache show "$package" >/dev/null 2>&1; then
            known+=("$package")
        fi
    done
    if [ "${#known[@]}" -gt 0 ]; then
        say "installing ${known[*]}"
        quietly apt-optional apt_install "${known[@]}"
    fi
}

# configure_and_build DIR [CMAKE-OPTION...] [-- TARGET...]
configure_and_build()
{
    local dir=$1 options=() targets=() name
    name=$(basename "$dir")
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    [ $# -eq 0 ] || targets=(--target "$@")
    if [ ! -e "$dir/CMakeCache.txt" ] && command -v ninja >/dev/null; then
        options+=(-G Ninja)
    fi
    # The packages above put Python's modules where Debian's own interpreter finds them.
    if [ -x /usr/bin/python3 ]; then
        options+=(-DPython3_EXECUTABLE=/usr/bin/python3)
    fi
    say "building $name"
    quietly "configure-$name" cmake -S "$ROOT" -B "$dir" "${options[@]}"
    quietly "build-$name" cmake --build "$dir" -j "$JOBS" "${targets[@]}"
}

# Debian's redis-tools holds the server under another name; a program is called by argv[0].
provide_redis_server()
{
    local bin=$BUILD_ROOT/build/bin
    if ! command -v redis-server >/dev/null && command -v redis-check-rdb >/dev/null; then
        mkdir -p "$bin"
        ln -sf "$(command -v redis-check-rdb)" "$bin/redis-server"
        export PATH=$bin:$PATH
    fi
}
