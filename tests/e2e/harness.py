# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: run a program traced, read its report, count with the shim.

The environment says where things are (tests/e2e/CMakeLists.txt sets it):
E2E_BUILD, the build directory, and E2E_SOURCE, the top of the source tree.
"""
import contextlib
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from dataclasses import dataclass, field

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import surroundings  # noqa: E402,F401

BUILD = os.environ.get("E2E_BUILD", "build")
SOURCE = os.environ.get("E2E_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LIBRARY = os.path.join(BUILD, "preload", "libvmtrace.so")
REPORT = os.path.join(BUILD, "analyzer", "vmtrace-report")
DRIVER = os.path.join(BUILD, "analyzer", "vmtrace")
SHIM = os.path.join(BUILD, "tests", "shim", "libcount_shim.so")
SCHEMA = os.path.join(SOURCE, "docs", "report.schema.json")

SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def sample(name):
    return os.path.join(BUILD, "samples", name)


def program(name):
    return os.path.join(BUILD, "tests", "e2e", "programs", name)


def line_of(path, marker):
    """Number of the line of a source file (below SOURCE) that ends with the comment `marker`."""
    with open(os.path.join(SOURCE, path), encoding="utf-8") as source:
        lines = [number for number, line in enumerate(source, 1)
                 if line.rstrip().endswith(f"/* {marker} */")]
    if len(lines) != 1:
        raise AssertionError(f"{path}: {len(lines)} lines are marked {marker!r}")
    return lines[0]


def plain_environment(**more):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("E2E_")}
    environment.update(PYTHONHASHSEED="0", PERL_HASH_SEED="0")
    environment.update(more)
    return environment


@dataclass
class Run:
    """How a program ended, and the traces that it left behind."""
    returncode: int
    stdout: bytes
    stderr: bytes
    traces: list = field(default_factory=list)
    maxrss: int = 0

    @property
    def trace(self):
        if len(self.traces) != 1:
            raise AssertionError(f"{len(self.traces)} traces, not one: {self.traces} "
                                 f"stderr: {self.stderr!r}")
        return self.traces[0]


class ReportFailed(AssertionError):
    pass


def report(trace, *options):
    """The JSON report of a trace."""
    done = subprocess.run([REPORT, "--format=json", *options, trace], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, env=plain_environment())
    if done.returncode != 0:
        raise ReportFailed(f"vmtrace-report {trace}: status {done.returncode}, {done.stderr!r}")
    data = json.loads(done.stdout)
    for site in data["sites"]:
        site["stack"] = [data["frames"][number] for number in site["frames"]]
    return data


def stack_functions(stack):
    return [frame["function"] for frame in stack]


def in_stack(stack, function):
    return any(name == function or (name or "").startswith(function + "(")
               for name in stack_functions(stack))


def sites_of(data, function):
    """Sites with `function` in their call stack, but of what a forked child inherited."""
    return [site for site in data["sites"]
            if in_stack(site["stack"], function) and not site.get("inherited")]


def inherited_sites_of(data, function):
    return [site for site in data["sites"]
            if in_stack(site["stack"], function) and site.get("inherited")]


def site_of(data, function):
    """The only site with `function` in its stack."""
    found = sites_of(data, function)
    if len(found) != 1:
        raise AssertionError(f"{len(found)} sites of {function}, not one; all: "
                             f"{[stack_functions(site['stack'])[:4] for site in data['sites']]}")
    return found[0]


def frame_of(stack, function):
    for frame in stack:
        name = frame["function"] or ""
        if name == function or name.startswith(function + "("):
            return frame
    raise AssertionError(f"no {function} in {stack_functions(stack)}")


def faults_of(site):
    return site["minor_faults"] + site["major_faults"]


COUNTERS = struct.Struct("<6Q")
COUNTERS_MAGIC = 0x31544E554F43


@dataclass
class Counts:
    """What the shim saw in one process image."""
    pid: int
    allocations: int
    bytes_allocated: int
    frees: int
    failed: int
    reallocations: int


def read_counts(folder):
    """All counter files of the shim in `folder`, oldest pid first."""
    counts = []
    for path in glob.glob(os.path.join(folder, "counts.*")):
        with open(path, "rb") as source:
            magic, *values = COUNTERS.unpack(source.read(COUNTERS.size))
        if magic != COUNTERS_MAGIC:
            raise AssertionError(f"{path} is no file of the shim's")
        if values[0]:
            counts.append(Counts(int(path.split(".")[-2]), *values))
    return sorted(counts, key=lambda one: one.pid)


class Case(unittest.TestCase):
    """A test with a folder of its own, in which traced programs run."""

    maxDiff = 4000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vmtrace-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.runs = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_program(self, argv, preload=None, env=None, prefix=(), timeout=300, cwd=None, **options):
        """Runs argv with `preload` in LD_PRELOAD of it alone, not of the commands in `prefix`."""
        environment = plain_environment(**(env or {}))
        command = list(prefix)
        if preload:
            command += ["env", f"LD_PRELOAD={preload}"] if prefix else []
            if not prefix:
                environment["LD_PRELOAD"] = preload
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        done = subprocess.run(command + list(argv), env=environment, timeout=timeout,
                              cwd=cwd or self.folder, **options)
        return Run(done.returncode, done.stdout, done.stderr)

    def trace(self, argv, env=None, preload="", **options):
        """Runs argv traced; the result's `traces` are the new trace files, oldest first."""
        self.runs += 1
        pattern = self.path(f"{self.runs}.%p.%n.vmt")
        wanted = {"VMTRACE_OUTPUT": pattern}
        wanted.update(env or {})
        libraries = f"{LIBRARY}:{preload}" if preload else LIBRARY
        run = self.run_program(argv, preload=libraries, env=wanted, **options)
        run.traces = self.find_traces(f"{self.runs}.*")
        return run

    @contextlib.contextmanager
    def start(self, *arguments, **env):
        """The traced program burst, which only a signal may end: it gets one however the block
        ends."""
        environment = plain_environment(LD_PRELOAD=LIBRARY, **env)
        with subprocess.Popen([program("burst"), *arguments], stdout=subprocess.PIPE,
                              env=environment) as process:
            try:
                yield process
            finally:
                process.kill()

    def find_traces(self, pattern="*.vmt*"):
        """Sorted by pid and exec count, which the name of each holds."""
        found = glob.glob(self.path(pattern))
        return sorted(found, key=lambda path: [int(part) for part in
                                               re.findall(r"\d+", os.path.basename(path))])

    def trace_report(self, argv, *options, status=0, **more):
        """Traces argv, which must end with `status`, and returns its only trace's report."""
        run = self.trace(argv, **more)
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertEqual(run.stderr, b"")
        data = report(run.trace, *options)
        self.assert_healthy(data)
        return data

    def assert_healthy(self, data):
        """Nothing was lost, nothing does not add up."""
        summary = data["summary"]
        self.assertEqual(summary["lost_events"], 0)
        self.assertEqual(summary["impossible"], 0)
        heap = [site for site in data["sites"] if is_heap(site)]
        self.assertEqual(sum(site["allocations"] for site in heap), summary["allocations"])
        self.assertEqual(sum(site["bytes_allocated"] for site in heap), summary["bytes_allocated"])
        self.assertEqual(sum(site["live_bytes"] for site in heap), summary["live_bytes_at_end"])
        self.assertEqual(sum(site["live_blocks"] for site in heap), summary["live_blocks_at_end"])
        self.assertEqual(summary["allocations"] - summary["frees"], summary["live_blocks_at_end"])

    def count(self, argv, env=None, **options):
        """Runs argv under the counting shim."""
        counts = tempfile.mkdtemp(dir=self.folder)
        wanted = {"COUNT_SHIM_OUTPUT": os.path.join(counts, "counts.%p")}
        wanted.update(env or {})
        run = self.run_program(argv, preload=SHIM, env=wanted, **options)
        return run, read_counts(counts)


def is_heap(site):
    """Whether a site counts in the heap's totals: no mapping, no pool of the program's, and not of
    what a forked child inherited."""
    kind = site["kind"]
    return not site.get("inherited") and not kind.startswith(("pool ", "mmap", "shm", "brk"))


def have(command):
    return shutil.which(command) is not None


def main():
    """unittest's main, with ctest's status when everything was skipped."""
    done = unittest.main(module="__main__", exit=False, verbosity=1).result
    if not done.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if done.testsRun and len(done.skipped) == done.testsRun else 0)
