#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: what tracing costs, next to heaptrack where that is installed.

Runs of the recorders are interleaved, so that a machine that slows down slows all of them; the
figures are medians, with the range of all runs.  Nothing is asserted about time.
"""
import argparse
import collections
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# `unit` is "ns" for programs that print ns_per_pair themselves, "s" for wall-clock time.
Workload = collections.namedtuple("Workload", "name command unit environment input")

TEMPLATES = """
#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>
template <int N> struct chain {
    std::map<std::tuple<chain<N - 1>, int>, std::vector<std::function<int(int)>>> items;
    bool operator<(const chain &other) const { return items.size() < other.items.size(); }
};
template <> struct chain<0> { bool operator<(const chain &) const { return false; } };
int main() {
    chain<%d> all;
    all.items[{}].push_back([](int x) { return x; });
    std::regex words("[a-z]+");
    return std::regex_match("abc", words) ? (int)all.items.size() - 1 : 1;
}
"""

SQL = """
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, value REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
INSERT INTO t SELECT i, 'name ' || i %% 1000, i * 0.5 FROM n;
CREATE INDEX by_name ON t(name);
SELECT name, count(*), sum(value) FROM t GROUP BY name ORDER BY 3 DESC LIMIT 3;
"""

JSON_PROGRAM = """
import json
rows = [{"id": i, "name": "name %%d" %% i, "tags": ["a", "b", str(i)]} for i in range(%d)]
for _ in range(3):
    rows = json.loads(json.dumps(rows))
print(len(rows))
"""


def make_repository(folder, commits):
    """A repository of `commits` commits that change one of 100 files each."""
    git = ["git", "-C", folder]
    subprocess.run(["git", "init", "-q", folder], check=True)
    stream = []
    for i in range(commits):
        text = "line %d\n" % i * (i % 50 + 1)
        stream.append("commit refs/heads/main\ncommitter A <a> %d +0000\ndata 9\nchange %02d\n"
                      "M 100644 inline file%d\ndata %d\n%s\n"
                      % (1600000000 + i, i % 100, i % 100, len(text), text))
    subprocess.run(git + ["fast-import", "--quiet"], input="".join(stream).encode(), check=True)
    return folder


def pair_workloads(binary, scale):
    pairs = str(max(1000, int(2000000 * scale)))
    for depth, threads in ((5, 1), (20, 1), (60, 1), (20, 2), (20, 4)):
        yield Workload("malloc+free, %d frames, %d thread%s"
                       % (depth, threads, "s" * (threads > 1)),
                       [binary, str(depth), str(threads), pairs], "ns", {}, None)


def program_workloads(folder, scale):
    if shutil.which("sqlite3"):
        yield Workload("sqlite3, table in memory", ["sqlite3", ":memory:"], "s", {},
                       SQL % int(1000000 * scale))
    yield Workload("python3, JSON", ["/usr/bin/python3", "-c", JSON_PROGRAM % int(60000 * scale)],
                   "s", {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}, None)
    if shutil.which("git"):
        repository = make_repository(os.path.join(folder, "repository"), int(10000 * scale))
        yield Workload("git log -p", ["git", "-C", repository, "--no-pager", "log", "-p",
                                      "--no-color", "main"], "s", {}, None)
    if shutil.which("g++"):
        source = os.path.join(folder, "templates.cc")
        with open(source, "w", encoding="ascii") as file:
            file.write(TEMPLATES % max(1, int(60 * scale)))
        preprocessed = source + ".ii"
        subprocess.run(["g++", "-E", source, "-o", preprocessed], check=True)
        compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout.strip()
        yield Workload("cc1plus, templates", [compiler, "-quiet", "-fpreprocessed", preprocessed,
                                              "-o", "/dev/null"], "s", {}, None)


class Recorder:
    """A way to run a program; trace() is the size of what it wrote, or None."""

    def __init__(self, name, prefix, environment, pattern):
        self.name, self.prefix, self.environment = name, prefix, environment
        self.pattern = pattern

    def run(self, workload, folder):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("VMTRACE_") and key != "LD_PRELOAD"}
        environment.update(workload.environment)
        environment.update({key: value.replace("FOLDER", folder)
                            for key, value in self.environment.items()})
        command = [word.replace("FOLDER", folder) for word in self.prefix] + workload.command
        start = time.monotonic()
        result = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="replace",
                                input=workload.input if workload.input is not None else "")
        seconds = time.monotonic() - start
        if workload.unit == "s":
            return seconds
        return float(re.search(r"ns_per_pair ([0-9.]+)", result.stdout).group(1))

    def traces(self, folder):
        return [os.path.join(folder, name) for name in os.listdir(folder)
                if re.fullmatch(self.pattern, name)]


def recorders(library):
    yield Recorder("untraced", [], {}, r"$^")
    yield Recorder("vmtrace", [], {"LD_PRELOAD": library,
                                   "VMTRACE_OUTPUT": "FOLDER/%p.%n.vmt"}, r".*\.vmt")
    if shutil.which("heaptrack"):
        yield Recorder("heaptrack -r", ["heaptrack", "-r", "-o", "FOLDER/h"], {}, r"h(\..*)?")
        yield Recorder("heaptrack", ["heaptrack", "-o", "FOLDER/h"], {}, r"h(\..*)?")


def count_events(report, traces):
    """Allocations and releases in the traces of one run."""
    events = 0
    for trace in traces:
        output = subprocess.run([report, "--format=json", trace], check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        summary = json.loads(output)["summary"]
        events += summary["allocations"] + summary["frees"]
    return events


def measure(workload, all_recorders, runs, report):
    """For each recorder: its times, and bytes of trace; and the events of a run."""
    times = collections.defaultdict(list)
    sizes, events = {}, 0
    for run in range(runs + 1):
        for recorder in all_recorders:
            with tempfile.TemporaryDirectory() as folder:
                value = recorder.run(workload, folder)
                traces = recorder.traces(folder)
                if run == 0:  # warms caches; its traces are the ones that are looked at
                    sizes[recorder.name] = sum(map(os.path.getsize, traces))
                    if recorder.name == "vmtrace":
                        events = count_events(report, traces)
                else:
                    times[recorder.name].append(value)
    return times, sizes, events


def cell(values, unit):
    digits = 2 if unit == "s" else 0
    return "%.*f (%.*f–%.*f) %s" % (digits, statistics.median(values), digits, min(values),
                                    digits, max(values), unit)


def row(workload, all_recorders, runs, report):
    times, sizes, events = measure(workload, all_recorders, runs, report)
    base = statistics.median(times["untraced"])
    cells = [workload.name, "{:,}".format(events), cell(times["untraced"], workload.unit)]
    for recorder in all_recorders[1:]:
        median = statistics.median(times[recorder.name])
        cells.append("%s = %.2f×, %.2f B/event" % (cell(times[recorder.name], workload.unit),
                                                   median / base,
                                                   sizes[recorder.name] / max(1, events)))
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", required=True, help="the program bench_pairs")
    parser.add_argument("--report", required=True, help="vmtrace-report")
    parser.add_argument("--library", required=True, help="libvmtrace.so")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the workloads")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    arguments = parser.parse_args()

    all_recorders = list(recorders(arguments.library))
    header = ["workload", "events"] + [recorder.name for recorder in all_recorders]
    print("| %s |\n|%s" % (" | ".join(header), " --- |" * len(header)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        workloads = [*pair_workloads(arguments.pairs, arguments.scale),
                     *program_workloads(folder, arguments.scale)]
        for workload in workloads:
            if arguments.only in workload.name:
                print("| %s |" % " | ".join(row(workload, all_recorders, arguments.runs,
                                                arguments.report)), flush=True)
    print("\nMedians of %d interleaved runs (range of all); an event is an allocation or a release;"
          "\n× is the ratio to untraced; %s, %d cores." % (arguments.runs, os.uname().release,
                                                          os.cpu_count()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
