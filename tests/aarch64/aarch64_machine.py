# SPDX-License-Identifier: Apache-2.0
"""Where scripts/test-aarch64.sh built what, and how a program is run under qemu-aarch64."""
import os

BUILD = os.environ["ARM_BUILD"]
SYSROOT = os.environ["ARM_SYSROOT"]
REPORT = os.environ["NATIVE_REPORT"]
DRIVER = os.path.join(os.path.dirname(REPORT), "vmtrace")
LIBRARY = os.path.join(BUILD, "preload", "libvmtrace.so")

# The kernel keeps as much free below the first thread's stack; qemu-user puts the heap there
# unless the stack has that size.
STACK = 128 << 20
QEMU = ["qemu-aarch64", "-s", str(STACK), "-L", SYSROOT]


def emulated(library, command, **variables):
    """qemu passes LD_PRELOAD and the rest on with -E; it must not be preloaded itself."""
    passed = ["-E", f"LD_PRELOAD={library}"] if library else []
    for name, value in variables.items():
        passed += ["-E", f"{name}={value}"]
    return [*QEMU, *passed, *command]
