#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds vmtrace for aarch64 with warnings as errors and tries the recorder under qemu-aarch64, on
# Debian or Ubuntu for x86-64; the traces are read by a native vmtrace-report.  Needs a few minutes.
#
#   scripts/test-aarch64.sh [UNITTEST-ARGUMENT...]     e.g. -k fork
#
# Adds arm64 to dpkg's architectures to download (not install) that machine's libraries; they are
# unpacked below build-aarch64/root.  Ubuntu has them at ports.ubuntu.com, which must be among apt's
# sources.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

case ${1-} in
-h | --help)
    sed -n '3,11s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

choose_build_root
DIR=$BUILD_ROOT/build-aarch64
SYSROOT=$DIR/root
TRIPLE=aarch64-linux-gnu
CROSS_PACKAGES=(gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user)
TARGET_PACKAGES=(libc6 libc6-dev linux-libc-dev libgcc-s1 libstdc++6 libunwind8 libunwind-dev
    liblzma5 liblzma-dev libdw1 libdw-dev libelf1 libelf-dev libiberty-dev libjansson4
    libjansson-dev zlib1g zlib1g-dev libbz2-1.0 libzstd1 libzstd-dev check libsubunit0 libsubunit-dev)

unpack_sysroot()
{
    local package packages=()
    if [ -e "$SYSROOT/complete" ]; then
        return
    fi
    if ! dpkg --print-foreign-architectures | grep -qx arm64; then
        as_root dpkg --add-architecture arm64
    fi
    quietly apt-update as_root apt-get -q update
    mkdir -p "$SYSROOT" "$DIR/packages"
    for package in "${TARGET_PACKAGES[@]}"; do
        packages+=("$package:arm64")
    done
    (cd "$DIR/packages" && quietly apt-download apt-get -q download "${packages[@]}")
    for package in "$DIR"/packages/*.deb; do
        dpkg-deb -x "$package" "$SYSROOT"
    done
    # Traces name the programs by their path here; --sysroot looks for that below itself.
    mkdir -p "$SYSROOT$(dirname "$DIR")"
    ln -sfn "$DIR" "$SYSROOT$DIR"
    touch "$SYSROOT/complete"
}

write_toolchain()
{
    cat >"$DIR/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER $TRIPLE-gcc)
set(CMAKE_CXX_COMPILER $TRIPLE-g++)
set(CMAKE_LIBRARY_ARCHITECTURE $TRIPLE)
set(CMAKE_FIND_ROOT_PATH $SYSROOT)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(libraries "-Wl,-rpath-link,$SYSROOT/lib/$TRIPLE:$SYSROOT/usr/lib/$TRIPLE")
set(CMAKE_EXE_LINKER_FLAGS_INIT "\${libraries}")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "\${libraries}")
END
}

# compile_chain NAME FLAG...
compile_chain()
{
    local name=$1
    shift
    "$TRIPLE-gcc" -O1 -g -fno-builtin -fno-optimize-sibling-calls -Wall -Wextra -Werror -D_GNU_SOURCE \
        "$@" "$ROOT/tests/aarch64/chain.c" -o "$DIR/$name"
}

install_packages "${BUILD_PACKAGES[@]}" "${CROSS_PACKAGES[@]}"
configure_and_build "$BUILD_ROOT/build" -DVMTRACE_WERROR=ON -- vmtrace-report vmtrace
mkdir -p "$DIR"
unpack_sysroot
write_toolchain
PKG_CONFIG_LIBDIR=$SYSROOT/usr/lib/$TRIPLE/pkgconfig PKG_CONFIG_SYSROOT_DIR=$SYSROOT \
    configure_and_build "$DIR" -DCMAKE_TOOLCHAIN_FILE="$DIR/toolchain.cmake" -DVMTRACE_WERROR=ON
compile_chain chain
compile_chain chain_pac -mbranch-protection=standard

export ARM_BUILD=$DIR ARM_SYSROOT=$SYSROOT NATIVE_REPORT=$BUILD_ROOT/build/analyzer/vmtrace-report
unset LD_PRELOAD DEBUGINFOD_URLS
say "tests under qemu-aarch64"
exec python3 "$ROOT/tests/aarch64/aarch64_test.py" "$@"
