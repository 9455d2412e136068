#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole stacks of real programs, by rows and by libunwind, frame by frame: at allocator calls, and at
whatever instruction a timer interrupts (libstack_check.so does both and compares).

    E2E_CAPTURES=N    captures in all, 120,000 if not said; a million takes some minutes
"""
import glob
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
from dataclasses import dataclass, fields

import harness
import workloads

CAPTURES = int(os.environ.get("E2E_CAPTURES", "120000"))
FULL = CAPTURES > 400000  # small inputs do not make as many calls
LIBRARY = os.path.join(harness.BUILD, "tests", "unwind", "libstack_check.so")
MAGIC = 0x314b43415453


@dataclass
class Counts:
    """struct stack_check_counts, in its order."""
    captures: int = 0
    frames: int = 0
    at_ticks: int = 0
    equal: int = 0
    deeper: int = 0
    guessed: int = 0
    slow_equal: int = 0
    complex: int = 0
    further: int = 0
    different: int = 0

    LAYOUT = struct.Struct("<11Q")

    def add(self, path):
        with open(path, "rb") as source:
            magic, *values = self.LAYOUT.unpack(source.read(self.LAYOUT.size))
        if magic != MAGIC:
            raise AssertionError(f"{path} is no file of libstack_check.so's")
        for one, value in zip(fields(self), values):
            setattr(self, one.name, getattr(self, one.name) + value)


def node(folder, full):
    if not harness.have("node"):
        return None
    script = """
const rows = [];
for (let i = 0; i < COUNT; i++) rows.push({id: i, name: 'name ' + i, tags: ['a', 'b'], value: i / 3});
const text = JSON.stringify(rows), back = JSON.parse(text), seen = new Map();
for (const row of back) seen.set(row.name.replace(/name (\\d)/, '$1x'), row);
console.log(text.length, seen.size, require('zlib').deflateSync(text).length);
"""
    path = os.path.join(folder, "rows.js")
    with open(path, "w", encoding="ascii") as out:
        out.write(script.replace("COUNT", "300000" if full else "20000"))
    return workloads.Workload("node", ["node", path])


def openssl(_, full):
    """Hand-written assembly nearly all the time."""
    if not harness.have("openssl"):
        return None
    return workloads.Workload("openssl", ["openssl", "speed", "-seconds", "2" if full else "1",
                                          "-bytes", "1024", "sha256", "sha512", "ecdsap256"])


def xmllint(folder, full):
    if not harness.have("xmllint"):
        return None
    path = os.path.join(folder, "items.xml")
    with open(path, "w", encoding="ascii") as out:
        out.write("<all>" + "".join(f'<item id="{i}"><name>text {i}</name></item>'
                                    for i in range(200000 if full else 20000)) + "</all>")
    return workloads.Workload("xmllint", ["xmllint", "--noout", path])


GENERATED = ("node",)  # their stacks pass through code without unwind information
WITHOUT_CALLS = ("openssl",)


class RealStacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="vmtrace-stacks-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        wanted = [workloads.python3, workloads.cc1plus, workloads.perl, workloads.git_log,
                  workloads.sqlite3, node, xmllint, openssl]
        cls.jobs = [job for job in (make(cls.folder, FULL) for make in wanted) if job]
        if not os.path.exists(LIBRARY):
            raise unittest.SkipTest("rows are for x86-64")

    def run_checked(self, job, **settings):
        """The sum over the processes of one run, and the text about differences."""
        output = tempfile.mkdtemp(dir=self.folder)
        environment = harness.plain_environment(
            HOME=self.folder, LD_PRELOAD=LIBRARY, STACK_CHECK_OUTPUT=os.path.join(output, "counts"),
            **job.environment, **{key: str(value) for key, value in settings.items()})
        done = subprocess.run(job.argv, env=environment, input=job.stdin, cwd=job.cwd or self.folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr[-500:])
        counts, text = Counts(), ""
        for path in sorted(glob.glob(os.path.join(output, "counts.*"))):
            if path.endswith(".text"):
                with open(path, encoding="utf-8") as source:
                    text += source.read()
            else:
                counts.add(path)
        print(f"  {job.name}: {counts}", flush=True)
        return counts, text

    def test_at_allocator_calls(self):
        share = CAPTURES * 3 // 4 // len(self.jobs)
        total = 0
        for job in self.jobs:
            if job.name in WITHOUT_CALLS:
                continue
            with self.subTest(job.name):
                every = 11 if FULL else 3
                counts, text = self.run_checked(job, STACK_CHECK_EVERY=every, STACK_CHECK_MOST=share)
                self.assertEqual(counts.different, 0, text)
                if job.name not in GENERATED:
                    self.assertEqual(counts.equal + counts.deeper, counts.captures)
                self.assertGreater(counts.frames, 5 * counts.captures)
                total += counts.captures
        self.assertGreater(total, share)

    def test_at_any_instruction(self):
        share = CAPTURES // 4 // len(self.jobs)
        for job in self.jobs:
            with self.subTest(job.name):
                counts, text = self.run_checked(job, STACK_CHECK_EVERY=10**12, STACK_CHECK_TICK=60,
                                                STACK_CHECK_MOST=share)
                self.assertEqual(counts.different, 0, text)
                self.assertEqual(counts.at_ticks, counts.captures)
                self.assertGreater(counts.captures, 50)
                known = counts.equal + counts.deeper + counts.slow_equal
                if job.name not in GENERATED:
                    # Code without unwind information: _init, _fini, libgmp's assembly.
                    self.assertGreater(known, counts.captures * 98 // 100)


if __name__ == "__main__":
    harness.main()
