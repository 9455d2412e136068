#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VMTRACE_* variables: good values work, bad ones are one line and no trace."""
import os
import re
import socket

import harness
from harness import program, report, sample, site_of

BAD = {
    "VMTRACE_OUTPUT": ["", "%q", "trace.%"],
    "VMTRACE_FAULTS": ["PERF", "", "sometimes"],
    "VMTRACE_FAULT_STACKS": ["1", "", "yes"],
    "VMTRACE_FREE_STACKS": ["1", "", "all"],
    "VMTRACE_RESIDENCY": ["peak", "on", ""],
    "VMTRACE_SNAPSHOT_SIGNAL": ["KILL", "SIGSEGV", "9", "11", "33", "65", "12x", "0", ""],
    "VMTRACE_SCAN": ["maybe", ""],
    "VMTRACE_CHILDREN": ["1", "ignored", "forks", "follow,fork", ""],
    "VMTRACE_DEPTH": ["0", "-1", "ten", "10x", "99999999999999999999"],
    "VMTRACE_SAMPLE": ["-1", "x", "", "2000G", "1 K"],
    "VMTRACE_SEED": ["-1", "x", "1K"],
    "VMTRACE_INTERVAL": ["0", "1s", ""],
    "VMTRACE_MAX_SIZE": ["12Q", "K", "-5", "1"],
    "VMTRACE_START": ["off", "yes"],
    "VMTRACE_LOG": ["loud", ""],
    "VMTRACE_OUTPT": ["x"],
    "VMTRACE_": ["x"],
}
UNKNOWN = ("VMTRACE_OUTPT", "VMTRACE_")


class Settings(harness.Case):
    def test_bad_values_are_one_line_and_no_trace(self):
        for name, values in BAD.items():
            for value in values:
                with self.subTest(name=name, value=value):
                    folder = self.path(f"{name}-{values.index(value)}")
                    os.mkdir(folder)
                    run = self.run_program([program("burst"), "100"], preload=harness.LIBRARY,
                                           env={name: value}, cwd=folder)
                    self.assertEqual((run.returncode, run.stdout), (5, b"ready\ndone\n"))
                    line, = run.stderr.decode().splitlines()
                    self.assertTrue(line.startswith("vmtrace: "), line)
                    self.assertIn(name, line)
                    if name not in UNKNOWN:
                        self.assertIn(value, line)
                    self.assertEqual(os.listdir(folder), [])

    def test_bad_value_is_told_once_for_all_children(self):
        run = self.run_program(["sh", "-c", "true; /bin/true; exit 6"], preload=harness.LIBRARY,
                               env={"VMTRACE_DEPTH": "x", "VMTRACE_LOG": "quiet"})
        self.assertEqual((run.returncode, run.stderr), (6, b""))

    def test_default_output(self):
        run = self.run_program([sample("leak")], preload=harness.LIBRARY)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
        name, = os.listdir(self.folder)
        self.assertRegex(name, r"^vmtrace\.leak\.\d+\.vmt$")
        self.assertEqual(report(self.path(name))["process"]["pid"], int(name.split(".")[2]))

    def test_output_pattern(self):
        self.run_program([sample("leak")], preload=harness.LIBRARY,
                         env={"VMTRACE_OUTPUT": "%e-%p-%h-%t-%n-%%.vmt"})
        name, = os.listdir(self.folder)
        host = re.escape(socket.gethostname())
        self.assertRegex(name, rf"^leak-\d+-{host}-\d{{10}}-0-%\.vmt$")

    def test_fault_sources(self):
        for wanted in "off", "rusage", "perf":
            with self.subTest(wanted):
                data = self.trace_report([sample("faults_minor")],
                                         env={"VMTRACE_FAULTS": wanted})
                site = site_of(data, "fresh_pages")
                source = data["summary"]["fault_source"]
                self.assertIn(source, ("perf", "rusage") if wanted == "perf" else (wanted,))
                self.assertGreaterEqual(data["summary"]["minor_faults"], 1000)
                if source == "perf":
                    self.assertGreaterEqual(site["minor_faults"], 1000)
                if source == "off":
                    self.assertEqual(sum(one["minor_faults"] for one in data["sites"]), 0)

    def test_depth(self):
        data = self.trace_report([sample("stack_growth")], env={"VMTRACE_DEPTH": "5"})
        site = site_of(data, "at_the_bottom")
        self.assertTrue(site["stack_cut"])
        self.assertLessEqual(len([frame for frame in site["stack"] if not frame["inlined"]]), 5)

    def test_interval(self):
        def points(interval):
            data = self.trace_report([program("burst"), "1000000"], status=5,
                                     env={"VMTRACE_INTERVAL": interval})
            return ([one["t_ns"] for one in data["growth"]["samples"]],
                    data["process"]["duration_ns"])

        # How many there are depends on how busy the machine is; how many there may be does not.
        times, _ = points("2")
        self.assertLess(min(after - before for before, after in zip(times, times[1:])), 40e6)
        times, duration = points("50")
        self.assertLessEqual(len(times), duration / 50e6 + 2)

    def test_log_summary_is_one_line(self):
        run = self.trace([sample("leak")], env={"VMTRACE_LOG": "summary"})
        self.assertEqual(run.returncode, 0)
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        self.assertIn(run.trace.encode(), run.stderr)

    def test_environment_is_not_in_the_trace(self):
        run = self.trace([sample("leak")], env={"SECRET_TOKEN": "a5f1c3d9e8b7"})
        with open(run.trace, "rb") as source:
            content = source.read()
        self.assertNotIn(b"a5f1c3d9e8b7", content)
        self.assertNotIn(b"SECRET_TOKEN", content)


if __name__ == "__main__":
    harness.main()
