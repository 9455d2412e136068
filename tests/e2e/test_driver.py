#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vmtrace run: what goes in and comes out is the program's."""
import os
import shutil
import signal
import subprocess
import time

import harness
from harness import program, report, sample


class Driver(harness.Case):
    def vmtrace(self, *arguments, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([harness.DRIVER, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, cwd=self.folder, timeout=300,
                              env=harness.plain_environment(), **options)

    def run_traced(self, *arguments, **options):
        return self.vmtrace("run", "--output=" + self.path("d.%p.vmt"), *arguments, **options)

    def test_status_and_output_pass_through(self):
        done = self.run_traced("--", program("burst"), "1000")
        self.assertEqual((done.returncode, done.stdout), (5, b"ready\ndone\n"))
        trace, = self.find_traces("d.*")
        self.assertIn(trace.encode(), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(report(trace)["process"]["exit_status"], 5)

    def test_input_passes_through(self):
        done = self.run_traced("cat", input=b"some input", stdin=None)
        self.assertEqual((done.returncode, done.stdout), (0, b"some input"))

    def test_options_after_the_program_are_its_own(self):
        done = self.run_traced("sh", "-c", "exit 9")
        self.assertEqual(done.returncode, 9)

    def test_death_by_signal_passes_through(self):
        done = self.run_traced(program("endings"), "terminate")
        self.assertEqual(done.returncode, -signal.SIGTERM)
        done = self.run_traced(program("endings"), "abort")
        self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_signals_reach_the_program(self):
        process = subprocess.Popen([harness.DRIVER, "run", "--output=" + self.path("s.vmt"), "sh",
                                    "-c", "trap 'exit 12' TERM; echo ready; while :; do sleep 0.01;"
                                    " done"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=harness.plain_environment(VMTRACE_CHILDREN="ignore"))
        self.assertEqual(process.stdout.readline(), b"ready\n")
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=300)
        self.assertEqual(process.returncode, 12)

    def test_programs_that_cannot_be_started(self):
        self.assertEqual(self.run_traced("/nowhere/at/all").returncode, 127)
        path = self.path("not-executable")
        with open(path, "w", encoding="ascii") as out:
            out.write("#!/bin/sh\n")
        self.assertEqual(self.run_traced(path).returncode, 126)

    def test_static_program_is_said_to_be_untraceable(self):
        done = self.run_traced(program("static_program"))
        self.assertEqual((done.returncode, done.stdout), (4, b"static\n"))
        self.assertIn(b"static", done.stderr)

    def test_flags_become_variables(self):
        done = self.run_traced("--depth=5", "--faults=off", sample("stack_growth"))
        self.assertEqual(done.returncode, 0, done.stderr)
        data = report(self.find_traces("d.*")[0])
        self.assertEqual(data["summary"]["fault_source"], "off")
        self.assertTrue(harness.site_of(data, "at_the_bottom")["stack_cut"])

    def test_bad_usage(self):
        for arguments in ((), ("run",), ("run", "--depth=many", "true"), ("run", "--nonsense"),
                          ("dance",)):
            with self.subTest(arguments):
                done = self.vmtrace(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
                self.assertIn(b"vmtrace", done.stderr)

    def test_report_is_vmtrace_report(self):
        trace = self.trace([sample("leak")]).trace
        done = self.vmtrace("report", trace)
        direct = subprocess.run([harness.REPORT, trace], stdout=subprocess.PIPE,
                                env=harness.plain_environment())
        self.assertEqual((done.returncode, done.stdout), (0, direct.stdout))
        self.assertIn(b"leak_record", done.stdout)

    def test_found_in_the_path(self):
        if not shutil.which("true"):
            self.skipTest("no true")
        self.assertEqual(self.run_traced("true").returncode, 0)
        trace, = self.find_traces("d.*")
        self.assertEqual(os.path.basename(report(trace)["process"]["argv"][0]), "true")


if __name__ == "__main__":
    harness.main()
