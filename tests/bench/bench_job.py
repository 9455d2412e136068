# SPDX-License-Identifier: Apache-2.0
"""What is measured: a workload makes jobs, a job is one command at one size."""
import os
import shutil
from dataclasses import dataclass, field
from typing import Callable, Optional


class Unavailable(Exception):
    """A workload or a recorder that cannot run here; the message says why."""


@dataclass
class Job:
    """Paths in it are absolute.  Commands that take "s" are timed from outside; the others print
    the wall-clock and processor time of one unit of their work in ns."""
    command: list
    unit: str = "s"  # or "ns"
    environment: dict = field(default_factory=dict)
    input: Optional[str] = None  # path of its standard input
    cwd: Optional[str] = None  # else the run's own folder
    # Runs while the command does, is given its process and folder, and ends it; then the
    # job's wall-clock time is what this returns, in seconds.
    client: Optional[Callable] = None
    # The same work with unw_backtrace called once an allocation.
    unwind_command: Optional[list] = None
    in_children: bool = False  # most of the work is done by processes that the command starts
    disk: int = 0  # bytes of the largest trace, about
    memory: int = 0  # bytes of the command itself, about


@dataclass
class Workload:
    name: str
    make: Callable  # (folder for its files, scale) -> Job; raises Unavailable
    most_rounds: int = 1000  # for those that take long


def need(*programs):
    """Their absolute paths."""
    paths = [shutil.which(program) for program in programs]
    for program, path in zip(programs, paths):
        if path is None:
            raise Unavailable(f"{program} is not installed")
    return [os.path.abspath(path) for path in paths]


def check_room(job, folder):
    """Raises Unavailable unless folder has room for the job's traces and the machine for it."""
    free = shutil.disk_usage(folder).free
    if free < 2 * job.disk:
        raise Unavailable(f"{2 * job.disk >> 20:,} MiB free in {folder} are needed")
    with open("/proc/meminfo", encoding="ascii") as source:
        available = next(int(line.split()[1]) << 10 for line in source
                         if line.startswith("MemAvailable"))
    if available < 2 * job.memory:
        raise Unavailable(f"{2 * job.memory >> 20:,} MiB of memory are needed")
