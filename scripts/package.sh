#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian package (installing what that needs) and prints its path.
#
#   scripts/package.sh
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

umask 022 # the package's folders get what it leaves
install_packages "${BUILD_PACKAGES[@]}" dpkg-dev file
configure_and_build "$ROOT/build-package" -DVMTRACE_TESTS=OFF -DCMAKE_INSTALL_PREFIX=/usr
rm -rf "$ROOT/build-package/package"
cd "$ROOT/build-package"
quietly cpack cpack -G DEB -B package
find "$PWD/package" -maxdepth 1 -name '*.deb'
