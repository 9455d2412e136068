#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No room, no memory, no permission: the program goes on, and the report says what is missing."""
import os
import resource
import signal
import subprocess
import tempfile
import unittest

import harness
from harness import program, report


class Limits(harness.Case):
    def assert_program_unharmed(self, run):
        self.assertEqual((run.returncode, run.stdout), (5, b"ready\ndone\n"), run.stderr)
        self.assertLessEqual(len(run.stderr.splitlines()), 1, run.stderr)

    def assert_loss_is_told(self, data):
        self.assertGreater(data["summary"]["lost_events"], 0)
        self.assertTrue(any("lost" in note or "not recorded" in note for note in data["notes"]),
                        data["notes"])

    def test_max_size(self):
        for limit, size in (("256K", 256 << 10), ("1M", 1 << 20)):
            with self.subTest(limit):
                run = self.trace([program("burst"), "300000", "2"],
                                 env={"VMTRACE_MAX_SIZE": limit})
                self.assert_program_unharmed(run)
                self.assertLessEqual(os.path.getsize(run.trace), size)
                data = report(run.trace)
                self.assert_loss_is_told(data)
                self.assertEqual(data["summary"]["impossible"], 0)
                self.assertEqual(data["errors"], [])
                self.assertGreater(data["summary"]["allocations"], 1000)

    @unittest.skipIf(os.getuid() != 0, "only root may change its root")
    def test_out_of_reach_after_chroot_and_setuid(self):
        jail = self.path("jail")
        os.mkdir(jail)
        data = self.trace_report([program("drop_privileges"), jail])
        self.assertEqual(data["process"]["exit_status"], 0)
        self.assertEqual(data["summary"]["lost_events"], 0)
        work = [site for site in data["sites"] if site["allocations"] >= 300000]
        self.assertEqual(len(work), 1)

    def test_file_size_limit(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        run = self.trace([program("burst"), "300000", "2"], preexec_fn=limit)
        self.assert_program_unharmed(run)
        data = report(run.trace)
        self.assert_loss_is_told(data)
        self.assertEqual((data["summary"]["impossible"], data["errors"]), (0, []))

    def test_no_file_size_at_all(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        run = self.run_program([program("burst"), "1000"], preload=harness.LIBRARY,
                               env={"VMTRACE_OUTPUT": self.path("x.vmt")}, preexec_fn=limit,
                               stdout=subprocess.PIPE)
        self.assert_program_unharmed(run)

    def test_address_space_limit(self):
        for megabytes in 24, 48, 96, 400:
            with self.subTest(megabytes):
                def limit():
                    size = megabytes << 20
                    resource.setrlimit(resource.RLIMIT_AS, (size, size))
                plain = self.run_program([program("burst"), "100000"], preexec_fn=limit)
                run = self.trace([program("burst"), "100000"], preexec_fn=limit)
                self.assertEqual(run.returncode, plain.returncode, run.stderr)
                self.assertEqual(run.stdout, plain.stdout)
                for trace in run.traces:
                    self.assertEqual(report(trace)["summary"]["impossible"], 0)

    def test_full_disk(self):
        disk = tempfile.mkdtemp(dir=self.folder)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", disk],
                                 stderr=subprocess.DEVNULL) if harness.have("mount") else None
        if not mounted or mounted.returncode:
            self.skipTest("no permission to mount a small file system")
        try:
            run = self.trace([program("burst"), "400000", "3"],
                             env={"VMTRACE_OUTPUT": os.path.join(disk, "full.vmt")})
            self.assert_program_unharmed(run)
            data = report(os.path.join(disk, "full.vmt"))
            self.assert_loss_is_told(data)
            self.assertEqual((data["summary"]["impossible"], data["errors"]), (0, []))
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_output_cannot_be_written(self):
        for path in "/nowhere/at/all.vmt", "/proc/no.vmt", "/dev/null/x.vmt":
            with self.subTest(path):
                run = self.trace([program("burst"), "1000"], env={"VMTRACE_OUTPUT": path})
                self.assertEqual((run.returncode, run.stdout), (5, b"ready\ndone\n"))
                line, = run.stderr.decode().splitlines()
                self.assertIn("vmtrace", line)
                self.assertIn(path, line)

    def test_output_cannot_be_written_quietly(self):
        run = self.trace([program("burst"), "1000"],
                         env={"VMTRACE_OUTPUT": "/nowhere/x.vmt", "VMTRACE_LOG": "quiet"})
        self.assertEqual((run.returncode, run.stdout, run.stderr), (5, b"ready\ndone\n", b""))

    def test_sigxfsz_is_the_programs_own(self):
        # A program that breaks the limit itself dies of it as before.
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        run = self.trace(["/bin/sh", "-c", "exec head -c 3000000 /dev/zero > big"],
                         preexec_fn=limit)
        self.assertEqual(run.returncode, -signal.SIGXFSZ)


if __name__ == "__main__":
    harness.main()
