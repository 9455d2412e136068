# SPDX-License-Identifier: Apache-2.0
"""Runs of one job under several recorders, in turn, and what they cost."""
import contextlib
import glob
import os
import re
import resource
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field

from bench_recorders import NO_TRACES

TIMEOUT = 600  # seconds that one run may take
MANY_TRACES = 20  # more are neither counted nor analysed
OWN_FIGURES = re.compile(rb"ns_per_unit ([0-9.]+) cpu_ns_per_unit ([0-9.]+)")
COUNTS = re.compile(r"events (\d+) nodes (\d+)")


class Failed(Exception):
    """A run that gave no figure; the message is what the table shows instead."""


@dataclass
class Memory:
    """Bytes of a program, as its /proc files showed when it exited."""
    peak: int  # of everything
    resident: int
    mapped: int  # of that, pages of the trace


@dataclass
class Run:
    wall: float  # in the job's unit, as is cpu: user and system time of all processes
    cpu: float


@dataclass
class Cost:
    """What is known of a job under one recorder."""
    rounds: dict = field(default_factory=dict)  # number of the round -> Run
    problem: str = ""
    trace_bytes: int = 0
    trace_count: int = 0
    events: int = 0
    nodes: int = 0
    memory: Memory = None
    analysis: tuple = None  # (seconds, peak bytes)
    compact: tuple = None  # (bytes, seconds)


def last_line(text):
    lines = [line for line in text.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:80] if lines else "no message"


def check_status(status, errors):
    code = os.waitstatus_to_exitcode(status)
    if code > 128:  # a shell's way to say it
        code = 128 - code
    if code < 0:
        raise Failed(f"crashes ({signal.Signals(-code).name})")
    if code > 0:
        raise Failed(f"exit status {code}: {last_line(errors)}")


def start(command, **options):
    """Popen in a process group of its own; wait() ends all that is in it."""
    return subprocess.Popen(command, start_new_session=True, **options)


def kill_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait(process):
    """(status, user and system time of it and all that it waited for); bounded by TIMEOUT."""
    late = threading.Event()

    def end_it():
        late.set()
        kill_group(process)

    timer = threading.Timer(TIMEOUT, end_it)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:  # also when the keyboard interrupts us, which does not reach that process group
        timer.cancel()
        kill_group(process)
    process.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        raise Failed(f"takes more than {TIMEOUT} s")
    return status, usage.ru_utime + usage.ru_stime


class AddressSpaceLimit:
    """What is started inside may use a third of the machine's memory; we may, too."""

    def __init__(self, wanted):
        self.limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 3 if wanted else 0

    def __enter__(self):
        self.before = resource.getrlimit(resource.RLIMIT_AS)
        if self.limit:
            resource.setrlimit(resource.RLIMIT_AS, (self.limit, self.before[1]))

    def __exit__(self, *_):
        resource.setrlimit(resource.RLIMIT_AS, self.before)


def run_once(job, recorder, folder, probe=None):
    """(Run, what the program printed); Failed if it did not end well.  With `probe` the program
    leaves what its memory was like in the folder."""
    environment = recorder.variables(job, folder)
    if probe:
        environment["BENCH_PROBE"] = os.path.join(folder, "probe")
        environment["LD_PRELOAD"] = ":".join(filter(None, [environment.get("LD_PRELOAD"), probe]))
    out, err = os.path.join(folder, "stdout"), os.path.join(folder, "stderr")
    with open(out, "wb") as output, open(err, "wb") as errors, \
            open(job.input or os.devnull, "rb") as source:
        began = time.monotonic()
        with AddressSpaceLimit(recorder.limited):
            process = start(recorder.command(job, folder), stdin=source, stdout=output,
                            stderr=errors, env=environment, cwd=job.cwd or folder)
        client_seconds = job.client(process, folder) if job.client else None
        status, cpu = wait(process)
        wall = time.monotonic() - began if client_seconds is None else client_seconds
    with open(out, "rb") as output, open(err, "rb") as errors:
        stdout, stderr = output.read(), errors.read()
    check_status(status, stderr)
    if job.unit == "ns":
        own = OWN_FIGURES.search(stdout)
        if not own:
            raise Failed(f"no figure: {last_line(stderr)}")
        return Run(float(own[1]), float(own[2])), b""
    return Run(wall, cpu), b"" if job.client else stdout


def read_memory(folder, program, traces):
    """Of the process that ran `program`, else of the largest one; None if none was seen."""
    found = []
    for path in glob.glob(os.path.join(glob.escape(folder), "probe.*")):
        with open(path, encoding="utf-8", errors="replace") as source:
            text = source.read()
        status = dict(re.findall(r"^(Name|VmHWM|VmRSS):\s+(\S+)", text, re.MULTILINE))
        if "VmHWM" not in status:
            continue
        mapped = 0
        for name, kib in re.findall(r"^[0-9a-f]+-[0-9a-f]+ .{4} \S+ \S+ \d+ *(.*)\n"
                                    r"(?:\w+: .*\n)*?Rss: +(\d+) kB", text, re.MULTILINE):
            if re.fullmatch(traces, os.path.basename(name.removesuffix(" (deleted)"))):
                mapped += int(kib)
        memory = Memory(int(status["VmHWM"]) << 10, int(status["VmRSS"]) << 10, mapped << 10)
        found.append((status["Name"] == os.path.basename(program)[:15], memory.peak, memory))
    return max(found, key=lambda one: one[:2])[2] if found else None


def analyse(command, traces, folder, tools):
    """(seconds, bytes at the peak) of making a report of each trace."""
    seconds = peak = 0
    for trace in traces:
        line = [word.replace("TRACE", trace) for word in command]
        for old in glob.glob(os.path.join(glob.escape(folder), "probe.*")):
            os.unlink(old)
        environment = dict(os.environ, LD_PRELOAD=tools.probe,
                           BENCH_PROBE=os.path.join(folder, "probe"))
        with AddressSpaceLimit(True):
            began = time.monotonic()
            process = start(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, env=environment)
        status, _ = wait(process)
        seconds += time.monotonic() - began
        check_status(status, b"")
        memory = read_memory(folder, "", NO_TRACES)
        peak = max(peak, memory.peak if memory else 0)
    return seconds, peak


def compact(trace, folder, tools):
    """(bytes, seconds) of `vmtrace compact`, or None where there is no such command."""
    target = os.path.join(folder, "compacted")
    began = time.monotonic()
    done = subprocess.run([tools.driver, "compact", "-o", target, trace], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    if done.returncode != 0 or not os.path.exists(target):
        return None
    return os.path.getsize(target), seconds


def look_at_traces(cost, recorder, folder, tools):
    traces = recorder.files(folder)
    cost.trace_count = len(traces)
    cost.trace_bytes = sum(map(os.path.getsize, traces))
    if not traces or len(traces) > MANY_TRACES:
        return
    if recorder.counted:
        done = subprocess.run([tools.count, *traces], stdout=subprocess.PIPE, check=True, text=True)
        cost.events, cost.nodes = map(int, COUNTS.match(done.stdout).groups())
        if len(traces) == 1:
            cost.compact = compact(traces[0], folder, tools)
    if recorder.analysis:
        try:
            cost.analysis = analyse(recorder.analysis, traces, folder, tools)
        except Failed as why:
            cost.analysis = why


def first_round(job, recorder, folder, tools, reference):
    """The round that warms caches: not timed, its traces and memory are looked at."""
    cost = Cost()
    _, output = run_once(job, recorder, folder, None if job.in_children else tools.probe)
    if reference is not None and reference not in output:
        raise Failed("the program's output differs")
    if recorder.traces != NO_TRACES and not recorder.files(folder):
        with open(os.path.join(folder, "stderr"), "rb") as errors:
            raise Failed(f"no trace: {last_line(errors.read())}")
    cost.memory = read_memory(folder, job.command[0], recorder.traces)
    look_at_traces(cost, recorder, folder, tools)
    return cost, output


def measure(job, recorders, rounds, tools, parent):
    """A Cost for each recorder, in their order; `parent` is where the runs' folders are made."""
    costs, reference = {}, None
    for number in range(rounds + 1):
        turn = number % len(recorders)
        for recorder in recorders[turn:] + recorders[:turn]:
            cost = costs.get(recorder.name, Cost())
            if cost.problem or number > recorder.most_rounds:
                continue
            with tempfile.TemporaryDirectory(dir=parent) as folder:
                try:
                    if number == 0:
                        cost, output = first_round(job, recorder, folder, tools, reference)
                        reference = output if reference is None else reference
                    else:
                        cost.rounds[number], _ = run_once(job, recorder, folder)
                except Failed as why:
                    cost.problem = str(why)
            costs[recorder.name] = cost
    return costs


def median_ratio(cost, base, figure):
    """Median of the rounds' ratios to the untraced run of the same round: what a machine does that
    becomes slower or faster meanwhile is the same in both."""
    ratios = [getattr(run, figure) / max(getattr(base.rounds[number], figure), 1e-9)
              for number, run in cost.rounds.items() if number in base.rounds]
    return statistics.median(ratios) if ratios else None
