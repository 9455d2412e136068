#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Traces random_driver with many seeds; the report must equal the driver's own ledger.

    run_oracle.py --build DIR [--seeds N] [--first N] [--operations N] [--jobs N]

What start-up code and the C library allocate for themselves is in the trace as well, so the
ledger is compared with the sites that have one of the driver's alloc_site_NN functions in their
stack, and the sum of all sites with the summary.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import surroundings  # noqa: E402,F401

KEYS = ("allocations", "bytes_allocated", "failed", "live_blocks", "live_bytes")
CLOCKS = ("auto", "counter")


def site_function(stack, prefix):
    """The driver's function that owns a site, or None for what others allocate."""
    names = [frame["function"] or "" for frame in stack]
    if "__cxa_allocate_exception" in names: # std::bad_alloc itself
        return None
    for name in names:
        if name.startswith(prefix):
            return name
    return None


def heap_by_function(report):
    found = {f"alloc_site_{number:02}": dict.fromkeys(KEYS, 0) for number in range(16)}
    for site in report["sites"]:
        function = site_function([report["frames"][number] for number in site["frames"]],
                                 "alloc_site_")
        if function:
            for key in KEYS:
                found[function][key] += site[key]
    return found


def mapped_by_function(report):
    found = {f"map_site_{number:02}": 0 for number in range(16)}
    for mapping in report["mappings"]:
        function = site_function(mapping["stack"], "map_site_")
        if function:
            found[function] += mapping["live_bytes"]
    return found


def compare_sums(report):
    """Differences between the summary and the sum of the sites."""
    summary = report["summary"]
    heap = [site for site in report["sites"]
            if not site["kind"].startswith(("pool ", "mmap", "shm", "brk"))]
    sums = {"allocations": sum(site["allocations"] for site in heap),
            "bytes_allocated": sum(site["bytes_allocated"] for site in heap),
            "live_blocks_at_end": sum(site["live_blocks"] for site in heap),
            "live_bytes_at_end": sum(site["live_bytes"] for site in heap),
            "failed_allocations": sum(site["failed"] for site in heap)}
    problems = [f"{key}: the summary says {summary[key]}, all sites together {value}"
                for key, value in sums.items() if summary[key] != value]
    if summary["allocations"] - summary["frees"] != summary["live_blocks_at_end"]:
        problems.append("allocations - frees is not what is live")
    return problems


def check_healthy(report):
    problems = [f"{key} is {report['summary'][key]}" for key in ("lost_events", "impossible")
                if report["summary"][key]]
    if report["errors"]:
        problems.append(f"errors: {json.dumps(report['errors'][0])[:1500]}")
    return problems


def compare(report, ledger):
    problems = check_healthy(report) + compare_sums(report)
    heap, mapped = heap_by_function(report), mapped_by_function(report)
    for function, expected in ledger["heap"].items():
        if heap[function] != expected:
            problems.append(f"{function}: ledger {expected}, report {heap[function]}")
    for function, expected in ledger["mapped"].items():
        if mapped[function] != expected:
            problems.append(f"{function}: {expected} bytes mapped by the ledger, "
                            f"{mapped[function]} by the report")
    if ledger["damaged"]:
        problems.append(f"{ledger['damaged']} blocks or errno values were damaged")
    return problems


def read_report(options, trace):
    done = subprocess.run([os.path.join(options.build, "analyzer", "vmtrace-report"),
                           "--format=json", trace], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"vmtrace-report: status {done.returncode}: {done.stderr!r}")
    return json.loads(done.stdout)


def run_seed(options, seed):
    """Problems found with one seed."""
    with tempfile.TemporaryDirectory(prefix="vmtrace-oracle-") as folder:
        ledger_path = os.path.join(folder, "ledger.json")
        environment = dict(os.environ,
                           LD_PRELOAD=os.path.join(options.build, "preload", "libvmtrace.so"),
                           VMTRACE_OUTPUT=os.path.join(folder, "%p.vmt"),
                           VMTRACE_CLOCK=CLOCKS[seed // 3 % len(CLOCKS)])
        driver = subprocess.Popen([os.path.join(options.build, "tests", "oracle", "random_driver"),
                                   str(seed), ledger_path, str(options.operations)],
                                  env=environment, stderr=subprocess.PIPE)
        _, complaints = driver.communicate(timeout=300)
        if driver.returncode or complaints:
            return [f"the driver ended with {driver.returncode}, {complaints!r}"]
        with open(ledger_path, encoding="ascii") as source:
            ledger = json.load(source)
        own = os.path.join(folder, f"{driver.pid}.vmt")
        problems = compare(read_report(options, own), ledger)
        for trace in glob.glob(os.path.join(folder, "*.vmt")):
            if trace != own:
                problems += [f"child: {problem}" for problem in
                             check_healthy(read_report(options, trace))]
        if problems and options.keep:
            os.replace(own, os.path.join(options.keep, f"seed-{seed}.vmt"))
        return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--operations", type=int, default=4000, help="per thread and wave")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", help="where traces of failing seeds go")
    options = parser.parse_args()

    failed = 0
    seeds = range(options.first, options.first + options.seeds)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for seed, problems in zip(seeds, pool.map(lambda one: run_seed(options, one), seeds)):
            if problems:
                failed += 1
                print(f"seed {seed}:", *problems[:8], sep="\n    ", flush=True)
    print(f"{options.seeds} seeds, {failed} differ from the ledger")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
