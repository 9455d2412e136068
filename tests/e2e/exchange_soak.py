#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sixteen threads that exchange blocks as fast as they can: the heap model must see nothing impossible,
and the report must count what the program itself counts.

    E2E_BUILD=DIR exchange_soak.py [--seconds N] [--only NAME] [--seed N] [--threads N]

N seconds for each combination of an allocator and a clock, in rounds with seeds of their own.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import harness

ROUND = 4.0  # seconds at most: the trace of one round fits into memory
SITES = ("soak_malloc", "soak_calloc", "soak_memalign", "soak_realloc", "soak_handler")
KEYS = ("allocations", "bytes_allocated", "live_blocks", "live_bytes", "failed")
# What all allocators share out at once, without caches of the threads.
ONE_ARENA = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1"}


class Setting:
    """An allocator behind the recorder, and what may happen meanwhile: t, f, s as exchange_soak.c says."""

    def __init__(self, name, letters, library=None, env=None):
        self.name, self.letters = name, letters
        self.library, self.env = library, env or {}


def library_of(name):
    found = sorted(glob.glob(f"/usr/lib/*/{name}.so*") + glob.glob(f"/usr/lib/{name}.so*"))
    return found[0] if found else None


def settings():
    yield Setting("glibc", "tf")
    yield Setting("glibc, one arena", "tf", env=ONE_ARENA)
    yield Setting("reuse_malloc", "tfs", harness.program("libreuse_malloc.so"))
    # tcmalloc's locks are not released in a forked child.  mimalloc 2.0.9 is left out: untraced, too,
    # it crashes now and then when a realloc cannot be fulfilled.
    for name, letters in ("libjemalloc", "tf"), ("libtcmalloc_minimal", "t"):
        library = library_of(name)
        if library:
            yield Setting(name, letters, library)


def own_counts(output):
    """What the program says, by site."""
    found = {}
    for line in output.decode().splitlines():
        name, *numbers = line.split()
        allocations, size, blocks, left, failed = map(int, numbers)
        found[name] = dict(zip(KEYS, (allocations, size, blocks, left, failed)))
    return found


def report_counts(data):
    found = {name: dict.fromkeys(KEYS, 0) for name in SITES}
    for site in data["sites"]:
        # A handler's allocation may interrupt another site's function.
        names = [name for name in harness.stack_functions(site["stack"]) if name in SITES]
        if names:
            for key in KEYS:
                found[names[0]][key] += site[key]
    return found


def check_healthy(data):
    summary = data["summary"]
    problems = [f"{key} is {summary[key]}" for key in ("lost_events", "impossible") if summary[key]]
    if data["errors"]:
        problems.append(f"{len(data['errors'])} errors, the first: {data['errors'][0]}")
    if summary["allocations"] - summary["frees"] != summary["live_blocks_at_end"]:
        problems.append("allocations - frees is not what is live")
    return problems


def run_round(folder, setting, clock, milliseconds, options):
    """Events recorded, and what was wrong."""
    libraries = ":".join(filter(None, [os.path.abspath(harness.LIBRARY), setting.library]))
    environment = harness.plain_environment(
        LD_PRELOAD=libraries, VMTRACE_OUTPUT=os.path.join(folder, "%p.%n.vmt"),
        VMTRACE_CLOCK=clock, **setting.env)
    program = subprocess.Popen([harness.program("exchange_soak"), str(milliseconds),
                                str(options.threads), str(options.seed), setting.letters],
                               env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, complaints = program.communicate(timeout=300 + milliseconds / 100)
    if program.returncode or complaints:
        return 0, [f"the program ended with {program.returncode}, {complaints!r}"]
    events, problems = 0, []
    for trace in glob.glob(os.path.join(folder, "*.vmt")):
        data = harness.report(trace, "--top=0")
        own = re.match(rf"{program.pid}\.", os.path.basename(trace)) is not None
        problems += [problem if own else f"child: {problem}" for problem in check_healthy(data)]
        if own:
            events = data["summary"]["allocations"] + data["summary"]["frees"]
            known, told = own_counts(output), report_counts(data)
            problems += [f"{name}: the program counted {known[name]}, the report {told[name]}"
                         for name in SITES if known[name] != told[name]]
    if not events:
        problems.append("there is no trace")
    return events, problems


def soak(setting, clock, options):
    """False if anything was wrong in any round."""
    left, events, rounds, wrong = options.seconds, 0, 0, 0
    while left > 0 and not wrong:
        part = min(left, ROUND)
        folder = tempfile.mkdtemp(prefix="vmtrace-soak-")
        count, problems = run_round(folder, setting, clock, int(part * 1000), options)
        wrong += bool(problems)
        for problem in problems[:8]:
            print(f"  {setting.name}, {clock}, seed {options.seed}: {problem[:1500]}")
        if problems and options.keep:
            shutil.copytree(folder, os.path.join(options.keep, f"seed-{options.seed}"))
        shutil.rmtree(folder, ignore_errors=True)
        events, rounds, left = events + count, rounds + 1, left - part
        options.seed += 1
    print(f"{setting.name:20} {clock:8} {rounds:3} rounds, {events:12,} events, "
          f"{wrong} with an error", flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="for each combination")
    parser.add_argument("--only", default="", help="allocators with this in their name")
    parser.add_argument("--clocks", nargs="+", default=["tsc", "counter"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--keep", help="where traces of failing rounds go")
    options = parser.parse_args()
    good = [soak(setting, clock, options) for setting in settings() if options.only in setting.name
            for clock in options.clocks]
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
