#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compact traces: the same reports, the same bytes when expanded, and nothing lost on the way."""
import json
import os
import random
import subprocess
import sys

import harness
from harness import program, sample

PROGRAMS = {
    "c": [sample("leak")],
    "c++": [sample("mismatched_free")],
    "threads": [sample("exchange")],
    "burst": [program("burst"), "20000", "3"],
    "script": [sys.executable, "-c", "import json; json.loads(json.dumps([{'a': i} for i in range(3000)]))"],
}


class Compact(harness.Case):
    def vmtrace(self, *arguments, status=0):
        done = subprocess.run([harness.DRIVER, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=harness.plain_environment(), timeout=300)
        self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
        return done.stderr.decode()

    def rendered(self, trace, form):
        done = subprocess.run([harness.REPORT, f"--format={form}", "--top=0", trace],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                              env=harness.plain_environment())
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        text = done.stdout.decode(errors="surrogateescape").replace(".vmtz", ".vmt")
        return json.loads(text) if form == "json" else text

    def content(self, path):
        with open(path, "rb") as source:
            return source.read()

    def small_trace(self):
        return self.trace([program("burst"), "2000"]).trace

    def test_reports_and_bytes_are_the_same(self):
        for name, argv in PROGRAMS.items():
            with self.subTest(name):
                trace = self.trace(argv, env={"PYTHONMALLOC": "malloc"}).trace
                original, reports = self.content(trace), {}
                for form in "text", "json", "folded":
                    reports[form] = self.rendered(trace, form)
                said = self.vmtrace("compact", "--remove", trace)
                self.assertIn(f"written to {trace}z", said)
                self.assertFalse(os.path.exists(trace))
                self.assertLess(os.path.getsize(trace + "z"), len(original))
                for form, expected in reports.items():
                    self.assertEqual(self.rendered(trace + "z", form), expected)
                self.vmtrace("expand", trace + "z")
                self.assertEqual(self.content(trace), original)

    def test_trace_of_a_killed_process(self):
        with self.start("0", "4", VMTRACE_MAX_SIZE="4M",
                        VMTRACE_OUTPUT=self.path("killed.vmt")) as process:
            process.stdout.readline()
            said = self.vmtrace("compact", "--remove", self.path("killed.vmt"), status=3)
            self.assertRegex(said, "still being written|was not removed")
            self.assertTrue(os.path.exists(self.path("killed.vmt")))
        trace = self.path("killed.vmt")
        self.vmtrace("compact", "--force", trace)
        self.assertEqual(self.rendered(trace + "z", "json"), self.rendered(trace, "json"))

    def test_nothing_is_overwritten(self):
        trace = self.small_trace()
        kept = self.path("kept")
        with open(kept, "w", encoding="ascii") as file:
            file.write("mine")
        self.assertIn("exists already", self.vmtrace("compact", "-o", kept, trace, status=3))
        self.assertEqual(self.content(kept), b"mine")
        self.assertIn("over itself", self.vmtrace("compact", "-f", "-o", trace, trace, status=3))
        self.vmtrace("compact", "-f", "-o", kept, trace)
        self.assertNotEqual(self.content(kept), b"mine")

    def test_what_is_no_trace(self):
        bad = self.path("bad.vmt")
        with open(bad, "wb") as file:
            file.write(random.Random(1).randbytes(70000))
        for what in "compact", "expand":
            said = self.vmtrace(what, bad, status=3)
            self.assertEqual(said.count("\n"), 1)
            self.assertIn(bad, said)
        self.assertEqual(os.listdir(self.folder), ["bad.vmt"])

    def test_damaged_compact_trace(self):
        """It is read as far as it goes, and says so; expanding refuses."""
        trace = self.trace([program("burst"), "100000", "3"]).trace
        self.vmtrace("compact", trace)
        whole = self.content(trace + "z")
        damaged = self.path("damaged.vmtz")
        for number, cut in enumerate((len(whole) // 2, len(whole) - 1000)):
            with self.subTest(cut=cut):
                with open(damaged, "wb") as file:
                    file.write(whole[:cut])
                data = harness.report(damaged)
                self.assertTrue(data["notes"], data["summary"])
                self.vmtrace("expand", "-o", self.path(f"out{number}"), damaged, status=3)
                self.assertFalse(os.path.exists(self.path(f"out{number}")))

    def test_full_disk(self):
        trace = self.small_trace()
        said = self.vmtrace("compact", "-o", "/dev/full", trace, status=3)
        self.assertIn("is not a regular file", said)


if __name__ == "__main__":
    harness.main()
