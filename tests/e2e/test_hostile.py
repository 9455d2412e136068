#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that close, change or forbid what a recorder might rely on."""
import os
import shutil
import subprocess

import harness
from harness import program, report


class Hostile(harness.Case):
    def burst(self, *arguments, **options):
        run = self.trace([program("burst"), *map(str, arguments)], **options)
        self.assertEqual(run.returncode, 5, run.stderr)
        self.assertEqual(run.stderr, b"")
        data = report(run.trace)
        self.assert_healthy(data)
        return data, run

    def assert_all_blocks(self, data, count):
        self.assertEqual(sum(site["allocations"] for site in
                             harness.sites_of(data, "burst_block")), count)
        self.assertEqual(data["process"]["exit_status"], 5)

    def test_descriptors_closed(self):
        data, run = self.burst(200000, 2, "c")
        self.assertEqual(run.stdout, b"ready\ndone\n")
        self.assert_all_blocks(data, 400000)

    def test_all_descriptors_closed_and_directory_changed(self):
        data, _ = self.burst(100000, 2, "Cd")
        self.assert_all_blocks(data, 200000)

    def test_no_new_descriptors(self):
        run = self.trace([program("burst"), "100000", "8", "n"])
        self.assertEqual((run.returncode, run.stdout, run.stderr), (5, b"ready\ndone\n", b""))
        data = report(run.trace)
        # What cannot be recorded without a descriptor is counted, and told.
        self.assertEqual((data["summary"]["impossible"], data["errors"]), (0, []))
        recorded = sum(site["allocations"] for site in harness.sites_of(data, "burst_block"))
        if data["summary"]["lost_events"]:
            self.assertTrue(any("lost" in note or "not recorded" in note
                                for note in data["notes"]), data["notes"])
        else:
            self.assertEqual(recorded, 800000)

    def test_relative_output_and_directory_changed(self):
        run = self.trace([program("burst"), "100000", "2", "d"],
                         env={"VMTRACE_OUTPUT": "relative.%p.vmt"})
        self.assertEqual((run.returncode, run.stderr), (5, b""))
        trace, = self.find_traces("relative.*")
        data = report(trace)
        self.assert_healthy(data)
        self.assert_all_blocks(data, 200000)

    def test_errno(self):
        """Also when nothing can be recorded."""
        plain = self.run_program([program("errno_kept")])
        self.assertEqual((plain.returncode, plain.stdout), (0, b""))
        trace = self.path("errno.vmt")
        for letters, env in (("", {}), ("n", {}), ("d", {}), ("", {"VMTRACE_START": "paused"}),
                             ("", {"VMTRACE_MAX_SIZE": "256K"}), ("", {"VMTRACE_FAULTS": "rusage"}),
                             ("", {"VMTRACE_SAMPLE": "1K"}), ("", {"VMTRACE_CLOCK": "counter"}),
                             ("", {"VMTRACE_OUTPUT": "/nowhere/%p.vmt", "VMTRACE_LOG": "quiet"})):
            with self.subTest(letters, **env):
                run = self.trace([program("errno_kept"), letters],
                                 env={"VMTRACE_OUTPUT": trace, "ERRNO_KEPT_TRACE": trace, **env})
                self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
        run = self.trace([program("errno_kept")])
        self.assertEqual(run.returncode, 0)
        for trace in run.traces:
            self.assert_healthy(report(trace))

    def test_long_arguments(self):
        """Longer than the space that a trace has at first."""
        for size in 15000, 20000, 100000:
            with self.subTest(size):
                run = self.trace(["sh", "-c", ":" + " " * size + "x; exit 3"])
                self.assertEqual((run.returncode, run.stderr), (3, b""))
                self.assert_healthy(report(run.trace))

    def test_registers(self):
        if not os.path.exists(program("registers_kept")):
            self.skipTest("written for x86-64")
        for env in {}, {"VMTRACE_FAULTS": "rusage"}, {"VMTRACE_SAMPLE": "4K"}, {"VMTRACE_DEPTH": "9"}:
            with self.subTest(**env):
                run = self.trace([program("registers_kept")], env=env)
                self.assertEqual((run.returncode, run.stderr), (0, b""), run.stdout)
                self.assertRegex(run.stdout, rb"^[0-9]{6,} calls$")

    def test_trace_deleted_while_it_is_written(self):
        process = subprocess.Popen([program("burst"), "400000", "2"], stdout=subprocess.PIPE,
                                   env=harness.plain_environment(
                                       LD_PRELOAD=harness.LIBRARY,
                                       VMTRACE_OUTPUT=self.path("gone.vmt")))
        self.assertEqual(process.stdout.readline(), b"ready\n")
        os.unlink(self.path("gone.vmt"))
        self.assertEqual(process.communicate(timeout=300)[0], b"done\n")
        self.assertEqual(process.returncode, 5)

    def test_static_program(self):
        run = self.trace([program("static_program")])
        self.assertEqual((run.returncode, run.stdout, run.stderr), (4, b"static\n", b""))
        self.assertEqual(run.traces, [])

    def system_calls(self, *arguments, **env):
        log = self.path("strace.log")
        run = self.trace([program("burst"), *arguments], prefix=["strace", "-f", "-o", log],
                         env={"VMTRACE_INTERVAL": "3600000", **env})
        if not os.path.exists(log) or run.returncode != 5:
            self.skipTest("strace is not permitted")
        with open(log, encoding="utf-8", errors="replace") as source:
            return sum(1 for line in source if "(" in line)

    def test_no_system_call_per_event(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        # Calls for each region of the file; with getrusage, one for every 250 bytes as well.
        for faults, events_per_call in ("perf", 1000), ("rusage", 30):
            for threads in 1, 4:
                with self.subTest(faults, threads=threads):
                    few, many = (self.system_calls(str(count), str(threads), VMTRACE_FAULTS=faults)
                                 for count in (40000 // threads, 400000 // threads))
                    self.assertLess(many - few, 720000 // events_per_call)


if __name__ == "__main__":
    harness.main()
