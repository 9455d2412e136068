#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random heaps (leak_random.c): the report's classes against those of the driver's own ledger.

    E2E_BUILD=DIR run_random.py [--first N] [--seeds N] [--jobs N]
    E2E_BUILD=DIR run_random.py --memcheck    memcheck against the ledger, of the even seeds

What the ledger makes of the blocks is worked out here, as memcheck's manual and mc_leakcheck.c
have it, and shares no code with the analyzer.
"""
import argparse
import bisect
import collections
import concurrent.futures
import os
import sys
import tempfile

import leak_matrix
from leak_matrix import Failed, Verdict, harness

DRIVER = os.path.join(harness.BUILD, "tests", "leaks", "leak_random")

OWN_MOST = 4096  # bytes that libc has for threads

Block = collections.namedtuple("Block", "size site words")


class State:
    """Blocks by address, and what roots point to."""

    def __init__(self):
        self.blocks = {}
        self.roots = []
        self.order = []

    def block_at(self, address):
        at = bisect.bisect_right(self.order, address) - 1
        if at >= 0 and address < self.order[at] + self.blocks[self.order[at]].size:
            return self.order[at]
        return None

    def reach(self):
        """{address: class} of what can be reached: reachable by starts alone, else possible."""
        found, work = {}, [(value, True) for value in self.roots]
        while work:
            value, certain = work.pop()
            block = self.block_at(value)
            if block is None or found.get(block) == "reachable":
                continue
            if certain and value == block:
                found[block] = "reachable"
            elif block not in found:
                found[block] = "possible"
            else:
                continue
            certain = found[block] == "reachable"
            work += [(word, certain) for word in self.blocks[block].words]
        return found

    def classes(self):
        """{address: class}: blocks that are lost lead a clique each, by rising address, and what
        a later one leads to is its own."""
        found = self.reach()
        for leader in self.order:
            if leader in found:
                continue
            work = list(self.blocks[leader].words)
            while work:
                block = self.block_at(work.pop())
                if block in (None, leader) or found.get(block, "definite") != "definite":
                    continue
                found[block] = "indirect"
                work += self.blocks[block].words
            found[leader] = "definite"
        return found

    def verdict(self):
        verdict = Verdict()
        for address, kind in self.classes().items():
            block = self.blocks[address]
            verdict.count(kind, block.site, block.size, 1)
        return verdict


def read_ledger(path):
    """{name: State}"""
    states, state = {}, None
    with open(path, encoding="ascii") as source:
        for kind, *words in map(str.split, source):
            if kind == "state":
                state = states[words[0]] = State()
            elif kind == "block":
                state.blocks[int(words[0], 16)] = Block(int(words[1]), words[2], [])
            elif kind == "edge":
                state.blocks[int(words[0], 16)].words.append(int(words[1], 16))
            else:
                state.roots.append(int(words[0], 16))
    for state in states.values():
        state.order = sorted(state.blocks)
    return states


def snapshot_problems(state, scans):
    """On demand what dead stack holds counts as well: what must be right is how much there is."""
    found = [scan for scan in scans if scan["name"] == "snapshot"]
    if len(found) != 1 or found[0]["failure"]:
        return [f"snapshot: {found}"]
    expected = sum(block.size for block in state.blocks.values())
    total = sum(found[0][kind + "_bytes"] for kind in leak_matrix.CLASSES.values())
    return [] if expected <= total <= expected + OWN_MOST else \
        [f"snapshot: expected {expected} bytes, found {total}"]


def run_driver(seed, folder, command, environment):
    ledger = os.path.join(folder, "ledger")
    leak_matrix.run_case([*command, DRIVER, str(seed), ledger], environment, 120)
    return read_ledger(ledger)


def run_seed(seed):
    """What differs."""
    with tempfile.TemporaryDirectory(prefix="vmtrace-random-") as folder:
        trace = os.path.join(folder, "trace.vmt")
        try:
            states = run_driver(seed, folder, [], harness.plain_environment(
                LD_PRELOAD=harness.LIBRARY, VMTRACE_OUTPUT=trace))
            data = leak_matrix.report(trace)
        except Failed as failed:
            return [str(failed)]
        if data["summary"]["scan"] != "complete":
            return [f"the scan is {data['summary']['scan']}"]
        problems = leak_matrix.difference(states["end"].verdict(),
                                          leak_matrix.read_report(data).own())
        if "snapshot" in states:
            problems += snapshot_problems(states["snapshot"], data["scans"])
        return problems


def memcheck_seed(seed):
    with tempfile.TemporaryDirectory(prefix="vmtrace-random-") as folder:
        xml = os.path.join(folder, "memcheck.xml")
        try:
            states = run_driver(seed, folder, [*leak_matrix.MEMCHECK, f"--xml-file={xml}"],
                                harness.plain_environment())
        except Failed as failed:
            return [str(failed)]
        with open(xml, encoding="utf-8", errors="replace") as source:
            theirs = leak_matrix.read_memcheck(source.read()).own()
        return leak_matrix.difference(states["end"].verdict(), theirs)


def run_seeds(seeds, run=run_seed, jobs=None):
    """{seed: [line, ...]} of those that differ."""
    with concurrent.futures.ThreadPoolExecutor(jobs or min(os.cpu_count() or 1, 4)) as pool:
        return {seed: problems for seed, problems in zip(seeds, pool.map(run, seeds)) if problems}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--memcheck", action="store_true")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    if options.memcheck:
        seeds = [seed for seed in seeds if seed % 2 == 0]
    differing = run_seeds(seeds, memcheck_seed if options.memcheck else run_seed, options.jobs)
    for seed, problems in differing.items():
        print(f"seed {seed}:", *problems[:8], sep="\n    ")
    print(f"{len(seeds)} seeds, {len(differing)} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
