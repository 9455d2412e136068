# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/leaks on aarch64: memcheck's verdicts on x86-64 are right here, too.

Only scans of a process of one thread are judged: qemu-user has no ptrace and a thread of its own,
which cannot be stopped, and what another thread reads of /proc is the emulator's.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import unittest

import aarch64_machine
from aarch64_machine import emulated

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "leaks"))
import leak_expected  # noqa: E402
import leak_matrix  # noqa: E402
import run_leaks  # noqa: E402

UNNAMED_HEAP = "qemu-user's maps do not say where the heap is: free memory of it is a root"
OTHERS = {
    "pointer_in_freed_block": UNNAMED_HEAP,
    "stale_pointer_wiped_by_calloc": UNNAMED_HEAP,
    "free_lists": UNNAMED_HEAP,
    "unordered_map_lost": UNNAMED_HEAP,
    "child_command": "a program that is exec'd is not emulated",
    "pthread_key_of_second_level": "libunwind has a key, for which libc's table is made before",
    "shared_pointer_cycle_of_new": "which of two blocks is the definite one depends on addresses",
}
LEAST_JUDGED = 390


class Emulated(leak_matrix.Machine):
    folder = os.path.join(aarch64_machine.BUILD, "tests", "leaks")
    report = [aarch64_machine.REPORT, f"--sysroot={aarch64_machine.SYSROOT}"]

    def plain(self, command):
        return emulated(None, command), os.environ

    def traced(self, command, output):
        return emulated(aarch64_machine.LIBRARY, command, VMTRACE_OUTPUT=output), os.environ


def judge(case, expected):
    """None where nothing can be judged, else what differs."""
    try:
        found, first = leak_matrix.reports(case)
        if any(data["scans"] and data["scans"][-1]["stop"] != "alone" for data in found.values()):
            return None
        verdicts = leak_matrix.in_order({pid: leak_matrix.read_report(data)
                                         for pid, data in found.items()}, first)
    except leak_matrix.Failed as failed:
        verdicts = failed
    return [f"{leak_expected.key_of(case, case.level)}: {line}"
            for line in run_leaks.judge(case, expected.of(case), verdicts)]


class LeakCases(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.addCleanup(setattr, leak_matrix, "machine", leak_matrix.machine)
        leak_matrix.machine = Emulated()

    def test_cases_are_as_memcheck_said(self):
        expected = leak_expected.Expected()
        cases = [case for case in leak_matrix.cases() if case.name not in OTHERS and
                 case.source not in leak_expected.LIBC_SOURCES]
        with concurrent.futures.ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
            results = list(pool.map(lambda case: judge(case, expected), cases))
        judged = [lines for lines in results if lines is not None]
        self.assertEqual([line for lines in judged for line in lines], [])
        self.assertGreaterEqual(len(judged), LEAST_JUDGED)


class Check(unittest.TestCase):
    """vmtrace check, run natively, of an emulated program."""

    def check(self, *command):
        with tempfile.TemporaryDirectory(prefix="vmtrace-aarch64-") as folder:
            output = os.path.join(folder, "check.json")
            done = subprocess.run(
                [aarch64_machine.DRIVER, "check", "--discard", "--format=json",
                 f"--output={output}", f"--library={aarch64_machine.LIBRARY}",
                 f"--sysroot={aarch64_machine.SYSROOT}", f"--traces={folder}", "--",
                 *aarch64_machine.QEMU, *command],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
            with open(output, encoding="utf-8") as source:
                return done.returncode, json.load(source)["leaks"]

    def test_leak_fails(self):
        status, leaks = self.check(os.path.join(aarch64_machine.BUILD, "chain"))
        self.assertEqual(status, 23)
        self.assertEqual([(leak["class"], leak["bytes"]) for leak in leaks], [("definite", 100)])

    def test_what_is_kept_passes(self):
        program = os.path.join(aarch64_machine.BUILD, "tests", "leaks", "leaks_c_O2")
        self.assertEqual(self.check(program, "register_kept_at_exit"), (0, []))
