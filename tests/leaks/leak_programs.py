# SPDX-License-Identifier: Apache-2.0
"""Real programs that end in an orderly way, traced; what vmtrace calls lost in each."""
import os
import subprocess
import time
from dataclasses import dataclass, field

import leak_matrix
from leak_matrix import harness
import real_programs
import workloads

XML = "<list>" + "".join(f"<item id='{i}'><name>n{i}</name></item>" for i in range(500)) + "</list>"
C_SOURCE = "#include <stdio.h>\n" + "".join(
    f"struct s{i} {{ int a[{i + 1}]; char *name; }};\n"
    f"int f{i}(struct s{i} *p) {{ for (int i = 0; i < {i + 1}; i++) p->a[i] += i; "
    f"return printf(\"%s\", p->name); }}\n" for i in range(60))
BASH_SCRIPT = """
declare -A count
for i in {1..300}; do count[k$((i % 17))]+=$i; list+=("item $i"); done
f() { local x=${1//1/one}; echo "${x:0:20}"; }
for one in "${list[@]}"; do f "$one"; done | sort | tail -1
cat <<END
${!count[@]} $(echo sub)
END
"""
NODE_SCRIPT = "const m = new Map(); for (let i = 0; i < 1000; i++) m.set('k' + i, [i]); m.size"


@dataclass
class Job:
    argv: list
    stdin: bytes = b""
    environment: dict = field(default_factory=dict)
    cwd: str = None


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as target:
        target.write(text)
    return path


def compiler(folder, source_text):
    path = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE, check=True,
                          text=True).stdout.strip()
    multiarch = subprocess.run(["gcc", "-print-multiarch"], stdout=subprocess.PIPE, check=True,
                               text=True).stdout.strip()
    return [path, "-quiet", *(["-imultiarch", multiarch] if multiarch else []), "-O2",
            write(folder, "source.c", source_text), "-o", os.path.join(folder, "source.s")]


def from_workload(make):
    def job(folder):
        one = make(folder, False)
        return Job(one.argv, one.stdin, one.environment, one.cwd)
    return job


def git_status(folder):
    repository = workloads.make_repository(folder, 20)
    return Job(["git", "-C", repository, "status", "--short"], b"", workloads.GIT_ENVIRONMENT)


# {name: (the command that must be there, its job in a folder)}
JOBS = {
    "sqlite3": ("sqlite3", from_workload(workloads.sqlite3)),
    "python3": ("/usr/bin/python3", from_workload(workloads.python3)),
    "python3 with site": ("/usr/bin/python3", lambda folder: Job(
        ["/usr/bin/python3", "-c", "import json, re, decimal, threading"])),
    "git log": ("git", from_workload(workloads.git_log)),
    "git status": ("git", git_status),
    "perl": ("perl", from_workload(workloads.perl)),
    "cc1": ("gcc", lambda folder: Job(compiler(folder, C_SOURCE))),
    "bash": ("bash", lambda folder: Job(["bash", "-c", BASH_SCRIPT])),
    "curl": ("curl", lambda folder: Job(
        ["curl", "-s", "file://" + write(folder, "page", "text\n")])),
    "xmllint": ("xmllint", lambda folder: Job(
        ["xmllint", "--format", write(folder, "list.xml", XML)])),
    "openssl": ("openssl", lambda folder: Job(
        ["openssl", "dgst", "-sha256", write(folder, "text", "text\n")])),
    "node": ("node", lambda folder: Job(["node", "-e", NODE_SCRIPT])),
    "sort": ("sort", lambda folder: Job(["sort", "-n"], b"3\n1\n2\n" * 5000)),
    "tail": ("tail", lambda folder: Job(["tail", "-n", "2"], b"3\n1\n2\n" * 500)),
    "awk": ("awk", lambda folder: Job(
        ["awk", "{ n[$1] += NR } END { for (k in n) print k, n[k] }"], b"a\nb\nc\n" * 300)),
    "tar": ("tar", lambda folder: Job(["tar", "cf", "-", write(folder, "packed", "text\n")])),
    "make": ("make", lambda folder: Job(["make", "-n", "-f", write(
        folder, "rules.mk", "all: a b\na b:\n\techo $@\n")])),
    "jq": ("jq", lambda folder: Job(["jq", ".[] | {a, n: (.a + 1)}"], b'[{"a": 1}, {"a": 2}]')),
}


def traced(argv, folder, environment):
    return ["env", f"LD_PRELOAD={harness.LIBRARY}", *argv], harness.plain_environment(
        VMTRACE_OUTPUT=os.path.join(folder, "%p.%n.vmt"), HOME=folder, **environment)


def reports(folder):
    """JSON reports of all traces in a folder with blocks in them."""
    found = [leak_matrix.report(os.path.join(folder, name)) for name in sorted(os.listdir(folder))
             if name.endswith(".vmt")]
    return [data for data in found if data["summary"]["allocations"]]


def run_job(name, folder):
    """Reports of the job's processes."""
    job = JOBS[name][1](folder)
    argv, environment = traced(job.argv, folder, job.environment)
    done = subprocess.run(argv, input=job.stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment, cwd=job.cwd or folder, timeout=300)
    if done.returncode:
        raise leak_matrix.Failed(f"{name}: status {done.returncode}, {done.stderr[-300:]!r}")
    return reports(folder)


def run_memcheck(name, folder):
    """(bytes, blocks) that memcheck calls definitely lost in the job's own process."""
    job = JOBS[name][1](folder)
    file = os.path.join(folder, "memcheck.xml")
    subprocess.run([*leak_matrix.MEMCHECK, f"--xml-file={file}", *job.argv], input=job.stdin,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300, check=True,
                   env=harness.plain_environment(HOME=folder, **job.environment),
                   cwd=job.cwd or folder)
    with open(file, encoding="utf-8", errors="replace") as source:
        verdict = leak_matrix.read_memcheck(source.read())
    found = [entry for (kind, _), entry in verdict.items() if kind == "definite"]
    return tuple(sum(column) for column in zip(*found)) if found else (0, 0)


def run_redis(folder):
    """Reports of a redis-server that worked a little and was told to shut down."""
    port = str(real_programs.free_port())
    argv, environment = traced(["redis-server", "--port", port, "--save", "", "--appendonly", "no",
                                "--bind", "127.0.0.1", "--dir", folder], folder, {})
    client = ["redis-cli", "-p", port]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for_server(client)
            for i in range(30):
                subprocess.run([*client, "set", f"key{i}", "value" * i],
                               stdout=subprocess.DEVNULL, check=True, timeout=300)
            subprocess.run([*client, "shutdown", "nosave"], stdout=subprocess.DEVNULL,
                           check=False, timeout=300)
            server.wait(timeout=300)
        finally:
            server.kill()
    return reports(folder)


def wait_for_server(client):
    for _ in range(200):
        done = subprocess.run([*client, "ping"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=300, check=False)
        if done.stdout == b"PONG\n":
            return
        time.sleep(0.05)
    raise leak_matrix.Failed("redis-server does not answer")


def lost(data):
    """[(bytes, blocks, [function, ...])] of definite leaks, the largest first."""
    found = []
    for leak in data["leaks"]:
        if leak["class"] != "definite":
            continue
        stack = leak["stack"] if "stack" in leak else \
            [data["frames"][number] for number in leak["frames"]]
        found.append((leak["bytes"], leak["blocks"],
                      [frame["function"] or os.path.basename(frame["module"] or "?")
                       for frame in stack]))
    return sorted(found, reverse=True, key=lambda one: one[:2])


def lost_totals(data):
    """(bytes, blocks) of definite leaks."""
    found = lost(data)
    return sum(one[0] for one in found), sum(one[1] for one in found)
