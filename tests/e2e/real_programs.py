#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real programs, traced: same output and status as untraced, counts equal to the shim's, which counts
behind the recorder in the same process (what a compiler or a server allocates differs from run to run).

    E2E_BUILD=DIR real_programs.py [--full] [--runs N] [--only NAME]

Prints a table: calls by the report and by the shim, size of the trace, slow-down (the median of
the traced runs over the median of the plain ones, taken alternately).  Small inputs unless
--full.  Fails when an output, a status or a count differs.
"""
import argparse
import collections
import glob
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import harness
import workloads

Result = collections.namedtuple("Result", "status stdout stderr seconds")
Totals = collections.namedtuple("Totals", "allocations frees bytes_allocated")


class Runner:
    """Runs one command plain, traced, or traced and counted ("both")."""

    def __init__(self, folder):
        self.folder = folder
        self.traces = os.path.join(folder, "traces")
        self.counts = os.path.join(folder, "counts")
        traced, shim = os.path.abspath(harness.LIBRARY), os.path.abspath(harness.SHIM)
        self.libraries = {"traced": traced, "both": f"{traced}:{shim}"}
        # The same addresses each time, where the kernel permits it.
        self.prefix = ["setarch", "-R"]
        if not harness.have("setarch") or subprocess.run(
                [*self.prefix, "true"], stderr=subprocess.DEVNULL).returncode:
            self.prefix = []

    def environment(self, kind, more):
        for folder in self.traces, self.counts:
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)
        return harness.plain_environment(
            COUNT_SHIM_OUTPUT=os.path.join(self.counts, "counts.%p"),
            VMTRACE_OUTPUT=os.path.join(self.traces, "%p.%n.vmt"), HOME=self.folder, **more)

    def command(self, kind, argv):
        preload = ["env", f"LD_PRELOAD={self.libraries[kind]}"] if kind in self.libraries else []
        return [*self.prefix, *preload, *argv]

    def run(self, kind, workload):
        """`kind`: "plain", "traced" or "both"."""
        environment = self.environment(kind, workload.environment)
        if workload.prepare:
            workload.prepare()
        began = time.monotonic()
        done = subprocess.run(self.command(kind, workload.argv), env=environment,
                              input=workload.stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, cwd=workload.cwd or self.folder)
        seconds = time.monotonic() - began
        output = done.stdout
        if workload.output_file:
            with open(workload.output_file, "rb") as source:
                output += source.read()
        return Result(done.returncode, output, done.stderr, seconds)

    def reports(self):
        return [harness.report(trace) for trace in glob.glob(os.path.join(self.traces, "*.vmt"))]

    def shim_totals(self):
        return sorted(Totals(one.allocations, one.frees, one.bytes_allocated)
                      for one in harness.read_counts(self.counts))


def report_totals(reports):
    """Per process; frees of what a child inherited are frees to the shim."""
    found = (data["summary"] for data in reports)
    return sorted(Totals(one["allocations"], one["frees"] + one["inherited_frees"],
                         one["bytes_allocated"]) for one in found if one["allocations"])


def add_up(totals):
    return Totals(*(sum(column) for column in zip(*totals))) if totals else Totals(0, 0, 0)


def check_reports(reports):
    problems = []
    for data in reports:
        name = os.path.basename(data["process"]["exe"] or "?")
        for key in "lost_events", "impossible":
            if data["summary"][key]:
                problems.append(f"{name}: {key} is {data['summary'][key]}")
        if data["errors"]:
            problems.append(f"{name}: {data['errors'][0]['kind']} reported")
    return problems


def compare_counts(ours, theirs):
    return [] if ours == theirs else [f"counts differ: report {ours}, shim {theirs}"]


def measure(runner, workload, runs):
    """(row of the table, problems) of one workload."""
    problems = []
    plain_times, traced_times = [], []
    for _ in range(runs):
        plain = runner.run("plain", workload)
        traced = runner.run("traced", workload)
        plain_times.append(plain.seconds)
        traced_times.append(traced.seconds)
        if (plain.status, plain.stdout, plain.stderr) != (traced.status, traced.stdout,
                                                          traced.stderr):
            problems.append(f"status or output differ: {plain.status} and {traced.status}, "
                            f"{traced.stderr[-300:]!r}")
    counted = runner.run("both", workload)
    if (counted.status, counted.stdout) != (plain.status, plain.stdout):
        problems.append("status or output differ with the shim behind the recorder")
    reports, theirs = runner.reports(), runner.shim_totals()
    problems += check_reports(reports) + compare_counts(report_totals(reports), theirs)
    ratio = statistics.median(traced_times) / statistics.median(plain_times)
    return table_row(workload.name, reports, add_up(theirs), ratio), problems


def table_row(name, reports, theirs, ratio):
    ours = add_up(report_totals(reports))
    events = sum(data["summary"]["trace_events"] for data in reports)
    size = sum(data["summary"]["trace_bytes"] for data in reports)
    pairs = [f"{one:,} / {other:,}" for one, other in zip(ours, theirs)]
    return [name, str(len(reports)), f"{events:,}", *pairs,
            f"{size / events:.2f}" if events else "-", f"{ratio:.2f}"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def run_redis(runner, kind, requests, kill):
    """Result of redis-benchmark against a server, and the server's status."""
    port = str(free_port())
    environment = runner.environment(kind, {})
    server = subprocess.Popen(
        [*runner.command(kind, ["redis-server"]), "--port", port, "--save", "", "--appendonly",
         "no", "--bind", "127.0.0.1", "--dir", runner.folder, "--daemonize", "no"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    client = ["redis-cli", "-p", port]
    for _ in range(200):
        if subprocess.run([*client, "ping"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout == b"PONG\n":
            break
        time.sleep(0.05)
    began = time.monotonic()
    done = subprocess.run(["redis-benchmark", "-p", port, "-q", "-n", str(requests), "-r", "1000",
                           "-t", "set,get,lpush,lpop,sadd,hset,mset"], stdout=subprocess.PIPE)
    seconds = time.monotonic() - began
    if kill:
        server.send_signal(signal.SIGKILL)
    else:
        subprocess.run([*client, "shutdown", "nosave"], stdout=subprocess.DEVNULL)
    complaints = server.communicate(timeout=300)[1]
    return Result(server.returncode, done.returncode, complaints, seconds)


def measure_redis(runner, requests, kill, runs):
    expected = (-signal.SIGKILL if kill else 0, 0, b"")
    problems, times = [], {"plain": [], "traced": []}
    for _ in range(runs):
        for kind, seconds in times.items():
            result = run_redis(runner, kind, requests, kill)
            seconds.append(result.seconds)
            if (result.status, result.stdout, result.stderr) != expected:
                problems.append(f"{kind}: {result}")
    result = run_redis(runner, "both", requests, kill)
    if (result.status, result.stdout, result.stderr) != expected:
        problems.append(f"with the shim: {result}")
    reports, theirs = runner.reports(), runner.shim_totals()
    problems += check_reports(reports)
    if not kill: # a call that was under way when the server was killed may be in one of the two only
        problems += compare_counts(report_totals(reports), theirs)
    if [data["process"]["end"] for data in reports] != ["killed" if kill else "exit"]:
        problems.append("the server's end is not as it was")
    ratio = statistics.median(times["traced"]) / statistics.median(times["plain"])
    name = "redis-server, kill -9" if kill else "redis-server, SHUTDOWN"
    return table_row(name, reports, add_up(theirs), ratio), problems


def print_table(rows):
    header = ["program", "processes", "events", "allocations: report / shim",
              "frees: report / shim", "bytes: report / shim", "bytes/event", "slow-down"]
    for row in [header, ["---"] * len(header), *rows]:
        print("| " + " | ".join(row) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="real sizes (minutes)")
    parser.add_argument("--runs", type=int, help="runs to take the median of")
    parser.add_argument("--only", help="programs whose name contains this")
    options = parser.parse_args()
    runs = options.runs or (5 if options.full else 3)
    rows, failed = [], False

    def take(name, action):
        nonlocal failed
        if options.only and options.only not in name:
            return
        row, problems = action()
        rows.append(row)
        for problem in problems:
            print(f"{name}: {problem}", flush=True)
        failed = failed or bool(problems)

    with tempfile.TemporaryDirectory(prefix="vmtrace-real-") as folder:
        runner = Runner(folder)
        for make in workloads.ALL:
            workload = make(folder, options.full)
            if not workload:
                print(f"{make.__name__}: skipped, the program is not installed")
                continue
            take(workload.name, lambda workload=workload: measure(runner, workload, runs))
        if harness.have("redis-server") and harness.have("redis-benchmark"):
            requests = 100000 if options.full else 2000
            for kill in False, True:
                take("redis-server",
                     lambda kill=kill: measure_redis(runner, requests, kill, runs))
        else:
            print("redis-server: skipped, it is not installed")
    print_table(rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
