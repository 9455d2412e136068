#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scans where the kernel refuses something, of unusual stacks, and again and again: the program
goes on as it would untraced, and what the trace says of it is true."""
import os
import signal
import subprocess
import time
import unittest

import harness
from harness import program
from test_scan_record import ASKED, BY_SIGNAL, EBUSY, EXIT, NONE, PTRACE, planted, scans

NOT_HERE = 77


class Odd(harness.Case):
    def odd(self, mode, **options):
        """The run, its scans, and what it printed: pointers and counts."""
        run = self.trace([program("scan_odd"), mode], **options)
        if run.returncode == NOT_HERE:
            self.skipTest("not possible here")
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        lines = run.stdout.splitlines()
        counts = {line.split()[1].decode(): int(line.split()[2])
                  for line in lines if line.startswith(b"count ")}
        places = planted(b"\n".join(line for line in lines if not line.startswith(b"count ")))
        return scans(run.trace), places, counts

    def assert_found(self, one, places, *names):
        for name in names:
            address, value = places[name]
            self.assertEqual(one.pointers.get(address), value, name)

    def assert_scanned(self, mode, *stops):
        """Snapshot and end, both whole, with the threads stopped in one of those ways."""
        told, places, _ = self.odd(mode)
        self.assertEqual([one.error for one in told], [0, 0])
        for one in told:
            self.assertIn(one.stop, stops)
            self.assertEqual((one.threads, one.stopped), (2, 1 if one.stop == NONE else 2))
            self.assert_found(one, places, "kept")

    # ---- what the kernel refuses ----

    def test_filter_that_kills_for_ptrace(self):
        self.assert_scanned("seccomp", BY_SIGNAL)

    def test_process_that_may_not_be_dumped(self):
        self.assert_scanned("undumpable", PTRACE, BY_SIGNAL, NONE)

    @unittest.skipUnless(harness.have("strace"), "no strace")
    def test_yama_is_told_who_traces(self):
        log = self.path("strace")
        # Not -f: the tracer is not to be traced, nor is the keeper that names it on demand.
        self.odd("yama", prefix=["strace", "-o", log, "-e", "prctl"])
        self.assert_scanned("yama", PTRACE)
        with open(log, encoding="utf-8") as source:
            named = [line.split("PR_SET_PTRACER, ")[1].split(")")[0] for line in source
                     if "PR_SET_PTRACER" in line]
        self.assertEqual([one != "0" for one in named], [True, False], named)

    def test_no_more_processes(self):
        told, places, _ = self.odd("no_processes")
        self.assertEqual(told[-1].reason, EXIT)
        self.assertEqual(told[-1].error, 0)
        self.assertIn(told[-1].stop, (BY_SIGNAL, NONE))
        self.assert_found(told[-1], places, "kept")
        self.assertTrue(all(one.error for one in told[:-1]))

    def test_no_more_descriptors(self):
        for mode in ("no_files_0", "no_files_3"):
            with self.subTest(mode):
                for one in self.odd(mode)[0]:
                    self.assertIsNotNone(one.end)

    def test_no_proc(self):
        told, _, _ = self.odd("no_proc")
        self.assertTrue(told)
        for one in told:
            self.assertNotEqual(one.error, 0)

    # ---- memory and stacks ----

    def test_faults_that_nobody_answers(self):
        told, places, _ = self.odd("fault_nobody")
        self.assertEqual([one.error for one in told], [0, 0])
        for one in told:
            self.assert_found(one, places, "kept", "missing")

    def test_memory_that_no_copy_has(self):
        told, places, _ = self.odd("left_out")
        self.assertEqual([one.error for one in told], [0, 0])
        self.assertNotIn(places["left_out"][0], told[0].pointers)
        self.assertEqual([one.end[3] for one in told], [4 * os.sysconf("SC_PAGE_SIZE"), 0])
        self.assert_found(told[1], places, "left_out")

    def test_coroutine_asks(self):
        told, places, _ = self.odd("coroutine")
        self.assertEqual([one.error for one in told], [0, 0])
        self.assert_found(told[0], places, "coroutine", "outside", "kept")

    def test_thread_on_a_signal_stack(self):
        told, places, _ = self.odd("signal_stack")
        self.assertEqual([one.error for one in told], [0, 0])
        for one in told:
            self.assertEqual(one.stop, PTRACE)
            self.assert_found(one, places, "handler", "interrupted", "kept")

    def test_end_on_a_small_signal_stack(self):
        told, places, _ = self.odd("small_stack")
        self.assertEqual([(one.reason, one.error) for one in told], [(EXIT, 0)])
        self.assert_found(told[0], places, "kept")

    @unittest.skipUnless(os.uname().machine == "x86_64", "the end's own frames are known on x86-64")
    def test_frames_of_the_end_itself_are_not_told(self):
        one, = self.odd("leave_below")[0]
        stack, = [region for region in one.regions if region[2] == "[stack]"]
        (stack_pointer, flags, _), = one.registers.values()
        self.assertTrue(flags & ASKED)
        self.assertTrue(stack[0] < stack_pointer < stack[1])
        self.assertEqual([place for place in one.pointers if stack[0] <= place < stack_pointer], [])
        # What main returned to is libc's frame, below which nothing is left of the program's.
        places = self.odd("leave_below")[1]
        self.assertNotIn(places["below"][1], one.pointers.values())

    # ---- signals ----

    def test_signals_arrive_once(self):
        told, _, counts = self.odd("signals")
        self.assertEqual(counts, {"lost": 0})
        self.assertEqual({one.stop for one in told}, {PTRACE})

    def test_signal_that_stopped_threads_is_given_back(self):
        told, _, counts = self.odd("dispositions")
        self.assertEqual(counts, {"taken": 0})
        self.assertEqual(told[0].stop, BY_SIGNAL)

    def test_process_that_is_stopped_and_continued(self):
        output = self.path("stopped.vmt")
        environment = harness.plain_environment(LD_PRELOAD=harness.LIBRARY, VMTRACE_OUTPUT=output)
        with subprocess.Popen([program("scan_odd"), "many"], env=environment,
                              stdout=subprocess.PIPE) as process:
            try:
                for _ in range(10):
                    time.sleep(0.02)
                    process.send_signal(signal.SIGSTOP)
                    time.sleep(0.02)
                    process.send_signal(signal.SIGCONT)
                process.communicate(timeout=300)
            finally:
                process.kill()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(scans(output)[-1].reason, EXIT)

    # ---- many, and too much ----

    def test_many_scans_leave_no_memory(self):
        told, _, counts = self.odd("many", env={"VMTRACE_RESIDENCY": "off"})
        self.assertEqual(len(told), 201)
        self.assertEqual({one.error for one in told} - {0, EBUSY}, set())
        self.assertLess(counts["grown"], 8)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_full_file_system(self):
        folder = self.path("full")
        os.mkdir(folder)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder],
                          check=False).returncode:
            self.skipTest("tmpfs cannot be mounted")
        try:
            environment = harness.plain_environment(LD_PRELOAD=harness.LIBRARY,
                                                    VMTRACE_OUTPUT=folder + "/x.vmt")
            run = subprocess.run(["python3", "-c", "pass"], env=environment, check=False,
                                 capture_output=True, timeout=300)
            self.assertEqual((run.returncode, run.stdout), (0, b""))
        finally:
            subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    harness.main()
