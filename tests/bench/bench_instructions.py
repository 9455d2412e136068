# SPDX-License-Identifier: Apache-2.0
"""Instructions of one malloc+free pair, by callgrind: the difference of two runs of unlike length,
so that what is done once cancels out, and with nothing counted but the loop.  Unlike times they
are the same each time and on each machine."""
import os
import re
import subprocess
import tempfile

from bench_job import Job, Unavailable, need
from bench_recorders import NO_TRACES
from bench_table import line

NAME = "instructions of a malloc+free pair"
SHORT, LONG = 20000, 80000  # pairs
COLLECTED = re.compile(r"Collected : (\d+)")


def instructions(recorder, command, parent):
    valgrind, = need("valgrind")
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        environment = recorder.variables(Job(command), folder)
        # By the clock's leave, points of the time line would be taken or not.
        environment["VMTRACE_INTERVAL"] = "3600000"
        done = subprocess.run([valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null",
                               "--toggle-collect=make_pairs", *command], env=environment,
                              cwd=folder, check=False, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        if recorder.traces != NO_TRACES and not recorder.files(folder):
            raise Unavailable("no trace")
    found = COLLECTED.search(done.stderr)
    if done.returncode != 0 or not found:
        raise Unavailable(f"callgrind: exit status {done.returncode}")
    return int(found[1])


def per_pair(recorder, program, depth, parent):
    counts = [instructions(recorder, [program, str(depth), "0", str(pairs)], parent)
              for pairs in (SHORT, LONG)]
    return (counts[1] - counts[0]) / (LONG - SHORT)


def cell(counts, base):
    shown = sorted({f"{count:.1f}" for count in counts})
    text = " and ".join(shown) + " instructions"
    if len(shown) == 1:
        text += f", the same in {len(counts)} measurements"
    return text + (f" = {counts[0] / base:.2f}×" if base else "")


def rows(recorders, programs, parent):
    """Each counted twice, which shows whether the figure is exact."""
    for depth in 5, 20, 60:
        base = 0
        for recorder in recorders:
            name = f"{NAME}, {depth} frames" if not base else ""
            try:
                counts = [per_pair(recorder, os.path.join(programs, "bench_pairs"), depth, parent)
                          for _ in range(2)]
                text = cell(counts, base)
                base = base or counts[0]
            except Unavailable as why:
                text = str(why)
            yield line([name, recorder.name, text, "", "", "", ""])
