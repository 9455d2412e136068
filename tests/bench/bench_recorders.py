# SPDX-License-Identifier: Apache-2.0
"""The ways to run a program: untraced, under vmtrace, under other tools."""
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field

from bench_job import Unavailable

DEFAULT_PEERS = "vmtrace,sampled,heaptrack-raw,heaptrack"
NO_TRACES = r"(?!)"  # no name matches
PEER_ROUNDS = 3  # they are there to compare with, and take most of the time
HEAPTRACK_INTERPRET = "/usr/lib/heaptrack/libexec/heaptrack_interpret"


@dataclass
class Recorder:
    """FOLDER in `prefix` and `environment` stands for the run's own folder."""
    name: str
    prefix: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)
    traces: str = NO_TRACES  # what it must leave in the folder; a match of the whole name
    full: bool = False  # its trace holds every event
    counted: bool = False  # the same, in vmtrace's format
    small: bool = False  # too slow for anything but small inputs
    follows: bool = True  # into the processes that the program starts
    most_rounds: int = 1000
    limited: bool = False  # its helpers may grow beyond all bounds
    unwinds: bool = False  # runs the job's unwind_command
    analysis: list = field(default_factory=list)  # the command that makes a report; TRACE

    def applies_to(self, job):
        if self.unwinds:
            return job.unwind_command is not None
        return self.follows or not job.in_children

    def command(self, job, folder):
        prefix = [word.replace("FOLDER", folder) for word in self.prefix]
        return prefix + (job.unwind_command if self.unwinds else job.command)

    def variables(self, job, folder):
        """The whole environment, in which nothing of the caller's own settings is left."""
        plain = {key: value for key, value in os.environ.items()
                 if not key.startswith(("VMTRACE_", "MALLOC_", "PYTHON", "LSAN_", "GLIBC_TUNABLES"))
                 and key != "LD_PRELOAD"}
        plain.update(job.environment, LC_ALL="C")
        plain.update({key: value.replace("FOLDER", folder)
                      for key, value in self.environment.items()})
        return plain

    def files(self, folder):
        return sorted(os.path.join(folder, name) for name in os.listdir(folder)
                      if re.fullmatch(self.traces, name))


def vmtrace(tools, name, full=True, **settings):
    environment = {"LD_PRELOAD": tools.library, "VMTRACE_OUTPUT": "FOLDER/%p.%n.vmt", **settings}
    return Recorder(name, environment=environment, traces=r".*\.vmt", full=full,
                    counted=full, analysis=[tools.report, "TRACE"])


def valgrind(tool, *options, traces=NO_TRACES):
    if not shutil.which("valgrind"):
        raise Unavailable("valgrind is not installed")
    return Recorder(f"valgrind {tool}", ["valgrind", "-q", f"--tool={tool}", *options],
                    traces=traces, small=True, follows=False)


def heaptrack(raw):
    if not shutil.which("heaptrack"):
        raise Unavailable("heaptrack is not installed")
    if raw:
        return Recorder("heaptrack -r", ["heaptrack", "-r", "-o", "FOLDER/h"], traces=r"h\..*",
                        full=True, follows=False, most_rounds=PEER_ROUNDS,
                        analysis=["sh", "-c", f"zstd -dc TRACE | {HEAPTRACK_INTERPRET}"])
    return Recorder("heaptrack", ["heaptrack", "-o", "FOLDER/h"], traces=r"h\..*", full=True,
                    follows=False, limited=True, most_rounds=PEER_ROUNDS,
                    analysis=["heaptrack_print", "-f", "TRACE"])


def preloadable(library, package):
    done = subprocess.run(["/bin/true"], env={"LD_PRELOAD": library}, stderr=subprocess.PIPE,
                          check=False)
    if done.stderr:
        raise Unavailable(f"{package} is not installed")
    return library


def leak_sanitizer():
    return Recorder("LeakSanitizer", most_rounds=PEER_ROUNDS, environment={
        "LD_PRELOAD": preloadable("liblsan.so.0", "liblsan0"),
        "LSAN_OPTIONS": "exitcode=0:log_path=FOLDER/lsan"})


def jemalloc():
    return Recorder("jemalloc's profiler, 512 KiB", most_rounds=PEER_ROUNDS, environment={
        "LD_PRELOAD": preloadable("libjemalloc.so.2", "libjemalloc2"),
        "MALLOC_CONF": "prof:true,lg_prof_sample:19,prof_final:true,prof_prefix:FOLDER/je"},
        traces=r"je\..*\.heap")


def makers(tools):
    """Word for --peers: a function that makes the recorder, or raises Unavailable."""
    return {
        "vmtrace": lambda: vmtrace(tools, "vmtrace"),
        "nofaults": lambda: vmtrace(tools, "vmtrace, faults off", VMTRACE_FAULTS="off"),
        "rusage": lambda: vmtrace(tools, "vmtrace, faults by getrusage", VMTRACE_FAULTS="rusage"),
        "noscan": lambda: vmtrace(tools, "vmtrace, without a scan", VMTRACE_SCAN="off"),
        "sampled": lambda: vmtrace(tools, "vmtrace, 512 KiB sampled", full=False,
                                   VMTRACE_SAMPLE="512K"),
        "heaptrack-raw": lambda: heaptrack(True),
        "heaptrack": lambda: heaptrack(False),
        "lsan": leak_sanitizer,
        "jemalloc": jemalloc,
        "memcheck": lambda: valgrind("memcheck"),
        "massif": lambda: valgrind("massif", "--massif-out-file=FOLDER/massif", traces="massif"),
        "dhat": lambda: valgrind("dhat", "--dhat-out-file=FOLDER/dhat", traces="dhat"),
    }


def recorders(tools, words):
    """(recorders that can be had here, reasons for those that cannot)"""
    found = [Recorder("untraced"), Recorder("unw_backtrace", unwinds=True)]
    reasons = []
    known = makers(tools)
    for word in known if words == "all" else filter(None, words.split(",")):
        if word not in known:
            raise SystemExit(f"bench.py: no peer is called {word!r}; there are "
                             f"{', '.join(known)}, and all")
        try:
            found.append(known[word]())
        except Unavailable as why:
            reasons.append(f"{word}: {why}")
    return found, reasons

