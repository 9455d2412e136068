#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tries the checkout on a machine that has nothing: a fresh minimal Debian root, made by
# debootstrap, in which scripts/demo.sh and scripts/test.sh run, and in a second one the .deb is
# installed and used.  Needs root, debootstrap and a Debian mirror; leaves no mounts behind.
#
#   scripts/test-clean-root.sh [--worktree] [--keep] [--only=demo|test|deb]
#
#   --worktree   take the files as they are, not the last commit
#   --keep       leave the roots there, and say where
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SUITE=${SUITE:-bookworm}
MIRROR=${MIRROR:-http://deb.debian.org/debian}
worktree=no keep=no only=all
for argument; do
    case $argument in
    --worktree) worktree=yes ;;
    --keep) keep=yes ;;
    --only=*) only=${argument#--only=} ;;
    *)
        sed -n '3,11s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
    esac
done
[ "$(id -u)" -eq 0 ] || die "must be run by root (chroot, mounts)"
command -v debootstrap >/dev/null || install_packages debootstrap

# A mount namespace of our own: whatever happens, its mounts end with this script.
if [ -z "${VMTRACE_CLEAN_ROOT_NAMESPACE-}" ]; then
    exec env VMTRACE_CLEAN_ROOT_NAMESPACE=1 unshare --mount --propagation private \
        bash "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/vmtrace-clean-root.XXXXXX")
LOG_DIR=$work/logs

clean_up()
{
    local status=$?
    if [ "$keep" = yes ]; then
        say "kept: $work"
    else
        # Only what is below $work itself: bind mounts are not followed.
        umount --recursive "$work"/*/proc "$work"/*/dev 2>/dev/null || true
        rm -rf --one-file-system "$work"
    fi
    exit "$status"
}
trap clean_up EXIT

# make_root DIR: a minimal system with /proc and a private /dev.
make_root()
{
    local node
    if [ -d "$work/base" ]; then
        cp -a "$work/base" "$1"
    else
        say "making a minimal $SUITE"
        quietly debootstrap debootstrap --variant=minbase "$SUITE" "$work/base" "$MIRROR"
        cp -a "$work/base" "$1"
    fi
    mount -t proc proc "$1/proc"
    mount -t tmpfs -o mode=755 tmpfs "$1/dev"
    for node in null zero full random urandom tty; do
        touch "$1/dev/$node"
        mount --bind "/dev/$node" "$1/dev/$node"
    done
    mkdir -p "$1/dev/shm" "$1/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
    ln -s pts/ptmx "$1/dev/ptmx"
    ln -s /proc/self/fd "$1/dev/fd"
}

copy_checkout()
{
    mkdir -p "$1/src"
    if [ "$worktree" = yes ]; then
        git -c safe.directory='*' -C "$ROOT" ls-files -z -co --exclude-standard |
            tar -C "$ROOT" --null -T - -c | tar -x -C "$1/src"
    else
        git -c safe.directory='*' -C "$ROOT" archive HEAD | tar -x -C "$1/src"
    fi
}

# in_root DIR COMMAND...: with nothing of our environment.
in_root()
{
    local root=$1
    shift
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 CI=true \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
}

# The library found by its bare name, which is what a user types.
try_package()
{
    local root=$work/deb packages=("$1"/*.deb)
    make_root "$root"
    cp "${packages[0]}" "$root/tmp/vmtrace.deb"
    quietly deb-update in_root "$root" apt-get -q update
    quietly deb-install in_root "$root" apt-get -q -y install --no-install-recommends \
        /tmp/vmtrace.deb
    in_root "$root" sh -euc '
        cd /tmp
        LD_PRELOAD=libvmtrace.so ls / >listing
        ls / | cmp - listing
        vmtrace-report --format=json vmtrace.ls.*.vmt | grep -q "\"allocations\": *[1-9]"
        vmtrace run --output=/tmp/true.vmt /bin/true
        vmtrace-report true.vmt >/dev/null
        test -r /usr/include/vmtrace/vmtrace.h
        apt-get -q -y purge vmtrace >/dev/null
        ! test -e /usr/bin/vmtrace-report
        ! ldconfig -p | grep libvmtrace'
    say "the .deb installs, LD_PRELOAD=libvmtrace.so works, and it can be removed"
}

root=$work/root
make_root "$root"
copy_checkout "$root"
if [ "$only" = all ] || [ "$only" = demo ]; then
    say "scripts/demo.sh in the clean root"
    in_root "$root" /src/scripts/demo.sh
fi
if [ "$only" = all ] || [ "$only" = deb ]; then
    say "the .deb of the clean root, in another one"
    in_root "$root" /src/scripts/package.sh
    try_package "$root/src/build-package/package"
fi
if [ "$only" = all ] || [ "$only" = test ]; then
    say "scripts/test.sh in the clean root"
    in_root "$root" /src/scripts/test.sh
fi
