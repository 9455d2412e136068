#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a leak check costs a suite of many tiny programs, beside LeakSanitizer and valgrind.

usage: bench_check.py --build=DIR [--programs=500] [--rounds=5] [--without=valgrind] [WORD...]

The programs are WORD..., or a small one in C that has a block at its end and prints nothing.  Each
round runs the suite once under each checker, in turn; the table has medians of wall time, reports
included.  Traces are in TMPDIR; with --traces, no first chunk is on a tmpfs.  Valgrind gets a
fiftieth of the programs, and figures are per program.
"""
import argparse
import ctypes.util
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

CHILD_OPTIONS = ["-q", "--leak-check=full", "--trace-children=yes"]


def checkers(build, folder):
    """Name, what stands in front of the suite, variables, share of the programs."""
    vmtrace = os.path.join(build, "analyzer", "vmtrace")
    yield "untraced", [], {}, 1
    yield "vmtrace check", [vmtrace, "check", "--quiet", "--"], {"TMPDIR": folder}, 1
    yield "with --traces", [vmtrace, "check", "--quiet", "--traces=" + folder, "--"], {}, 1
    yield "recording alone", ["env"], {
        "LD_PRELOAD": os.path.join(build, "preload", "libvmtrace.so"),
        "VMTRACE_OUTPUT": os.path.join(folder, "%p.%n.vmt")}, 1
    lsan = ctypes.util.find_library("lsan")
    if lsan:
        yield "LeakSanitizer preloaded", ["env"], {"LD_PRELOAD": lsan}, 1
    if shutil.which("valgrind"):
        yield "valgrind", ["valgrind", *CHILD_OPTIONS], {}, 50


def run_suite(words, count, front, variables):
    """Seconds per program."""
    script = f"i=0; while [ $i -lt {count} ]; do {shlex.join(words)}; i=$((i + 1)); done"
    environment = {key: value for key, value in os.environ.items()
                   if not key.startswith("VMTRACE_") and key != "LD_PRELOAD"}
    if front[:1] == ["env"]:
        front = front + [f"{key}={value}" for key, value in variables.items()]
    else:
        environment.update(variables)
    began = time.perf_counter()
    done = subprocess.run([*front, "sh", "-c", script], env=environment, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, universal_newlines=True)
    taken = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(front)}: status {done.returncode}\n{done.stderr[-1000:]}")
    return taken / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--programs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", default="")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    target = os.path.join(build, "tests", "e2e", "programs", "check_target")
    words = arguments.words or [target, "hold"]
    taken = {}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory(prefix="vmtrace-bench-") as folder:
            for name, front, variables, share in checkers(build, folder):
                if name == arguments.without:
                    continue
                count = max(arguments.programs // share, 1)
                taken.setdefault(name, []).append(run_suite(words, count, front, variables))
    base = statistics.median(taken["untraced"])
    print(f"| {arguments.programs} programs, {arguments.rounds} rounds | ms each "
          "| times untraced |")
    print("| --- | --- | --- |")
    for name, rounds in taken.items():
        median = statistics.median(rounds)
        print(f"| {name} | {median * 1000:.2f} | {median / base:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
