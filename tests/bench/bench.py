#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: what tracing costs, next to other tools where they are installed.

Runs of the recorders are interleaved and take turns at being first, so that a machine that slows
down, or what a run leaves to be written to the disk, hits all of them.  Nothing is asserted
about time.
"""
import argparse
import os
import sys
import tempfile
from dataclasses import dataclass

import bench_instructions
import bench_programs
import bench_table
import bench_workloads
from bench_job import Unavailable, check_room
from bench_measure import measure
from bench_recorders import DEFAULT_PEERS, PEER_ROUNDS, makers, recorders

SMALL_SCALE = 0.04  # for recorders that are very slow
SMALL_ROUNDS = 1


@dataclass
class Tools:
    library: str
    report: str
    driver: str
    probe: str
    count: str
    programs: str

    @classmethod
    def of_build(cls, build):
        build = os.path.abspath(build)
        programs = os.path.join(build, "tests", "bench")
        tools = cls(os.path.join(build, "preload", "libvmtrace.so"),
                    os.path.join(build, "analyzer", "vmtrace-report"),
                    os.path.join(build, "analyzer", "vmtrace"),
                    os.path.join(programs, "libbench_probe.so"),
                    os.path.join(programs, "bench_count"), programs)
        for path in tools.library, tools.report, tools.driver, tools.probe, tools.count:
            if not os.path.exists(path):
                raise SystemExit(f"bench.py: {path} is not built")
        return tools


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build directory of vmtrace")
    parser.add_argument("--runs", type=int, default=5, help="rounds, besides one to warm up")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the workloads")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--peers", default=DEFAULT_PEERS,
                        help=f"list, or all; of {', '.join(makers(None))} (%(default)s)")
    parser.add_argument("--folder", help="where traces and inputs go while it runs")
    parser.add_argument("--check", action="store_true", help="fail where vmtrace fails")
    options = parser.parse_args()
    if options.runs < 1 or options.scale <= 0:
        parser.error("--runs and --scale are positive")
    return options


def show(rows):
    for row in rows:
        print(row, flush=True)


def run_group(name, workload, scale, chosen, rounds, tools, parent):
    """Prints the rows of one workload for some recorders; returns vmtrace's problem or ''."""
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        try:
            job = workload.make(folder, scale)
            check_room(job, parent)
        except Unavailable as why:
            show([bench_table.unavailable(name, why)])
            return ""
        fitting = [recorder for recorder in chosen if recorder.applies_to(job)]
        if len(fitting) < 2:
            return ""
        costs = measure(job, fitting, rounds, tools, parent)
        if costs["untraced"].problem:
            show([bench_table.unavailable(name, costs["untraced"].problem)])
            return costs["untraced"].problem
        show(bench_table.group(name, job, fitting, costs))
        return next((cost.problem for name, cost in costs.items() if cost.problem and
                     name == "vmtrace"), "")


def run_workload(workload, options, chosen, tools, parent):
    rounds = min(options.runs, workload.most_rounds)
    fast = [one for one in chosen if not one.small]
    slow = [one for one in chosen if one.small or one.name == "untraced"]
    problem = run_group(workload.name, workload, options.scale, fast, rounds, tools, parent)
    if len(slow) > 1:
        scale = min(options.scale, SMALL_SCALE)
        run_group(f"{workload.name}, small (scale {scale:g})", workload, scale, slow,
                  SMALL_ROUNDS, tools, parent)
    return problem


def countable(chosen):
    """Recorders whose instructions callgrind can count.  heaptrack's library is not among them: it
    takes itself out of the environment when it is loaded into callgrind's launcher."""
    return [one for one in chosen if one.name == "untraced" or one.name.startswith("vmtrace")]


def main():
    options = arguments()
    tools = Tools.of_build(options.build)
    chosen, reasons = recorders(tools, options.peers)
    problems, load = [], os.getloadavg()[0]
    wanted = [one for one in [*bench_workloads.workloads(tools.programs),
                              *bench_programs.workloads()] if options.only in one.name]
    counting = options.only in bench_instructions.NAME
    if not wanted and not counting:
        raise SystemExit(f"bench.py: no workload's name contains {options.only!r}")
    with tempfile.TemporaryDirectory(prefix="vmtrace-bench-", dir=options.folder) as parent:
        print(bench_table.heading(), flush=True)
        for workload in wanted:
            problems.append(run_workload(workload, options, chosen, tools, parent))
        if counting:
            show(bench_instructions.rows(countable(chosen), tools.programs, parent))
        print(bench_table.NOTES.format(
            rounds=options.runs, peer_rounds=PEER_ROUNDS, folder=os.path.dirname(parent),
            system=f"Linux {os.uname().release}", cores=os.cpu_count(), before=load,
            after=os.getloadavg()[0]))
    for why in reasons:
        print(f"Not in the table: {why}")
    problems = list(filter(None, problems))
    if options.check and problems:
        print(f"bench.py: {problems[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
