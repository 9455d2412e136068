# SPDX-License-Identifier: Apache-2.0
"""The cases of the leaks_* executables, what memcheck says of each and what vmtrace says.

What is compared is a Verdict for each process of a run: bytes and blocks by class and by the
innermost function of the case's own source that allocated them.  Blocks that nothing of the
case's source asked for are ELSEWHERE, and so are the loader's own: it keeps pointers into
their middle only, so memcheck says "possibly lost" of a living thread's storage.
"""
import collections
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness  # noqa: E402

EXPECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected.txt")
LANGUAGES = ("c", "cxx")
LEVELS = ("O0", "O2")
ELSEWHERE = "-"

CLASSES = {"Leak_DefinitelyLost": "definite", "Leak_IndirectlyLost": "indirect",
           "Leak_PossiblyLost": "possible", "Leak_StillReachable": "reachable"}

MEMCHECK = ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=all", "--num-callers=60",
            "--run-libc-freeres=no", "--run-cxx-freeres=no", "--xml=yes"]

Case = collections.namedtuple("Case", "language level name source")


class Failed(AssertionError):
    pass


class Machine:
    """Where the executables are and how they are run: here.  tests/aarch64 has another."""
    folder = os.path.join(harness.BUILD, "tests", "leaks")
    report = [harness.REPORT]

    def plain(self, command):
        return command, harness.plain_environment()

    def traced(self, command, output):
        """Command line and environment that leave traces at `output`."""
        return command, harness.plain_environment(LD_PRELOAD=harness.LIBRARY,
                                                  VMTRACE_OUTPUT=output)


machine = Machine()


def executable(case, sloppy=False):
    return os.path.join(machine.folder,
                        f"leaks_{case.language}_{case.level}{'_sloppy' if sloppy else ''}")


def cases(levels=LEVELS):
    """All of them, at each level."""
    found = []
    for language in LANGUAGES:
        for level in levels:
            command, environment = machine.plain([executable(Case(language, level, "", "")),
                                                  "--list"])
            listed = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True,
                                    timeout=60, env=environment)
            found += [Case(language, level, name, os.path.basename(source)) for name, source in
                      (line.split() for line in listed.stdout.splitlines())]
    return found


def case_sources():
    folder = os.path.dirname(os.path.abspath(__file__))
    return {os.path.basename(path) for path in
            glob.glob(os.path.join(folder, "leak*.c")) + glob.glob(os.path.join(folder, "*.cc"))}


SOURCES = case_sources()


def plain_name(function):
    """A function's name without scopes, template arguments, parameters: demanglers differ."""
    if not function:
        return "?"
    if "lambda" in function or "operator()" in function:
        return "lambda"
    name = function.replace("(anonymous namespace)::", "")
    while "<" in name:
        shorter = re.sub(r"<[^<>]*>", "", name)
        if shorter == name:
            break
        name = shorter
    name = name.split("(")[0].split(" [clone")[0].split(".")[0]
    return name.split()[-1].split("::")[-1]


def is_loader(frames):
    """Whether the loader called the allocator."""
    for _, _, module in frames:
        name = os.path.basename(module or "")
        if not name.startswith(("vgpreload", "libvmtrace")):
            return name.startswith("ld-")
    return False


def site_of(frames):
    """`frames`: (function, file, module) from the innermost."""
    if is_loader(frames):
        return ELSEWHERE
    for function, path, _ in frames:
        if os.path.basename(path or "") in SOURCES:
            return plain_name(function)
    return ELSEWHERE


class Verdict(dict):
    """{(class, site): [bytes, blocks]} of one process."""

    def count(self, kind, site, size, blocks):
        if blocks:
            entry = self.setdefault((kind, site), [0, 0])
            entry[0] += size
            entry[1] += blocks

    def own(self):
        """What the case's own source allocated."""
        return Verdict({key: value for key, value in self.items() if key[1] != ELSEWHERE})

    def lines(self):
        return [f"{kind} {site} {size} {blocks}"
                for (kind, site), (size, blocks) in sorted(self.items())]


def run_case(command, environment, timeout):
    """Waits also for the case's descendants that keep its output open; the first one's pid."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment) as process:
        try:
            _, complaints = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failed(f"{' '.join(command[-2:])}: still running after {timeout} s") from None
    if process.returncode or complaints:
        raise Failed(f"{' '.join(command[-2:])}: status {process.returncode}, "
                     f"{complaints[-300:].decode(errors='replace')}")
    return process.pid


def in_order(verdicts, first):
    """{pid: Verdict} as a list: the process that was started, then its descendants by age."""
    if first not in verdicts:
        raise Failed(f"nothing of process {first}, only of {sorted(verdicts)}")
    return [verdicts.pop(first)] + [verdicts[pid] for pid in sorted(verdicts)]


def xml_field(text, field):
    found = re.search(rf"<{field}>(.*?)</{field}>", text, re.DOTALL)
    if not found:
        return ""
    value = found.group(1)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        value = value.replace(entity, character)
    return value


def read_memcheck(text):
    """A Verdict from an XML file, which is not well-formed where the process was forked."""
    verdict = Verdict()
    for error in re.findall(r"<error>(.*?)</error>", text, re.DOTALL):
        kind = CLASSES.get(xml_field(error, "kind"))
        if not kind:
            continue
        # 5,748 (72 direct, 5,676 indirect) bytes: the indirect ones have records of their own.
        direct = re.search(r"\(([\d,]+) direct", xml_field(error, "text"))
        size = int(direct.group(1).replace(",", "")) if direct else \
            int(xml_field(error, "leakedbytes"))
        frames = [(xml_field(frame, "fn"), xml_field(frame, "file"), xml_field(frame, "obj"))
                  for frame in re.findall(r"<frame>(.*?)</frame>", error, re.DOTALL)]
        verdict.count(kind, site_of(frames), size, int(xml_field(error, "leakedblocks")))
    return verdict


def memcheck(case, sloppy=False):
    """Verdicts of valgrind's memcheck."""
    with tempfile.TemporaryDirectory(prefix="vmtrace-leaks-") as folder:
        command = [*MEMCHECK, f"--xml-file={folder}/%p", executable(case, sloppy), case.name]
        first = run_case(command, harness.plain_environment(), 120)
        verdicts = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as source:
                text = source.read()
            if "FINISHED" in text:
                verdicts[int(name)] = read_memcheck(text)
        return in_order(verdicts, first)


def read_report(data):
    verdict = Verdict()
    for leak in data["leaks"]:
        stack = leak["stack"] if "stack" in leak else \
            [data["frames"][number] for number in leak["frames"]]
        frames = [(frame["function"], frame["file"], frame["module"]) for frame in stack]
        verdict.count(leak["class"], site_of(frames), leak["bytes"], leak["blocks"])
    return verdict


def report(trace):
    done = subprocess.run([*machine.report, "--format=json", "--show-leak-kinds=all", "--top=0",
                           trace], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          env=harness.plain_environment())
    if done.returncode or done.stderr:
        raise Failed(f"vmtrace-report: status {done.returncode}, {done.stderr[-300:]!r}")
    return json.loads(done.stdout)


def reports(case, sloppy=False):
    """{pid: JSON report} of a traced run, and the first process's pid."""
    with tempfile.TemporaryDirectory(prefix="vmtrace-leaks-") as folder:
        command, environment = machine.traced([executable(case, sloppy), case.name],
                                              os.path.join(folder, "%p.%n.vmt"))
        first = run_case(command, environment, 60)
        found = [report(path) for path in glob.glob(os.path.join(folder, "*.vmt"))]
        own = os.path.basename(executable(case, sloppy))
        return {data["process"]["pid"]: data for data in found
                if os.path.basename(data["process"]["exe"]) == own}, first


def vmtrace(case, sloppy=False):
    """Verdicts of ours; whatever was not scanned to the end is a failure."""
    found, first = reports(case, sloppy)
    verdicts = {}
    for pid, data in found.items():
        if data["summary"]["scan"] != "complete" and data["summary"]["allocations"]:
            raise Failed(f"scan of process {pid}: {data['summary']['scan']}")
        verdicts[pid] = read_report(data)
    return in_order(verdicts, first)


def in_parallel(function, arguments, workers=None):
    """[(argument, result or Failed)] in the order of the arguments."""
    def call(argument):
        try:
            return argument, function(argument)
        except Failed as failed:
            return argument, failed
    with concurrent.futures.ThreadPoolExecutor(workers or min(os.cpu_count() or 1, 4)) as pool:
        return list(pool.map(call, arguments))


def difference(theirs, ours):
    """What differs between two Verdicts of one process's own blocks, a line for each site."""
    return [f"{kind} {site}: expected {theirs.get((kind, site), [0, 0])} "
            f"[bytes, blocks], found {ours.get((kind, site), [0, 0])}"
            for kind, site in sorted(set(theirs) | set(ours))
            if theirs.get((kind, site)) != ours.get((kind, site))]
