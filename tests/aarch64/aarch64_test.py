#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The recorder built for aarch64, run under qemu-aarch64, against the native analyzer.

scripts/test-aarch64.sh builds everything and sets the environment: ARM_BUILD (the aarch64 build
directory), ARM_SYSROOT (Debian's aarch64 libraries) and NATIVE_REPORT (vmtrace-report).
"""
import glob
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from aarch64_leaks import Check, LeakCases  # noqa: F401
from aarch64_machine import BUILD, LIBRARY, REPORT, SYSROOT, emulated

CHAIN = os.path.join(BUILD, "chain")
CHAIN_PAC = os.path.join(BUILD, "chain_pac")
# libunwind has thread-local storage: one more entry in what pthread_create allocates.
DTV_ENTRY = 16
THREADS = {"exchange": 64, "worker_threads": 8}
NAMES = ["five", "four", "three", "two", "one", "main"]


def sample(name):
    return os.path.join(BUILD, "samples", name)


def e2e(name):
    return os.path.join(BUILD, "tests", "e2e", "programs", name)


class Aarch64(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vmtrace-aarch64-")
        self.addCleanup(shutil.rmtree, self.folder)

    def run_with(self, library, command, **variables):
        return subprocess.run(emulated(os.path.join(BUILD, library), command, **variables),
                              timeout=120, stdin=subprocess.DEVNULL, capture_output=True,
                              check=False)

    def traced(self, *command, status=0, traces=1, **variables):
        """The JSON reports of a run, in the order in which the processes began."""
        pattern = os.path.join(self.folder, "%p.%n.vmt")
        run = self.run_with("preload/libvmtrace.so", command, VMTRACE_OUTPUT=pattern, **variables)
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertNotIn(b"vmtrace", run.stderr)
        reports = []
        for trace in glob.glob(os.path.join(self.folder, "*.vmt")):
            text = subprocess.run([REPORT, "--format=json", "--show-leak-kinds=all", "--top=0",
                                   f"--sysroot={SYSROOT}", trace], timeout=120, check=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
            reports.append(json.loads(text))
            os.unlink(trace)
        self.assertEqual(len(reports), traces)
        for report in reports:
            self.assertEqual(report["summary"]["lost_events"], 0)
        return sorted(reports, key=lambda report: report["process"]["start_time_ns"])

    def counts(self, report):
        summary = report["summary"]
        return [summary[key] for key in ("allocations", "bytes_allocated", "frees")]

    def counted(self, *command):
        """The same figures by the shim of tests/shim, which shares no code with the recorder."""
        pattern = os.path.join(self.folder, "counts.%p")
        self.run_with("tests/shim/libcount_shim.so", command, COUNT_SHIM_OUTPUT=pattern)
        files = glob.glob(os.path.join(self.folder, "counts.*"))
        self.assertEqual(len(files), 1)
        with open(files[0], "rb") as counts:
            figures = struct.unpack_from("<4Q", counts.read())
        os.unlink(files[0])
        return list(figures[1:])

    def stack_of(self, report, size, blocks=1):
        found = [leak for leak in report["leaks"]
                 if (leak["bytes"], leak["blocks"]) == (size, blocks)]
        self.assertEqual(len(found), 1, report["leaks"])
        return [frame["function"] for frame in found[0]["stack"]]

    def check_chain(self, report, size=100):
        stack = self.stack_of(report, size)
        self.assertEqual(stack[:6], NAMES)
        self.assertEqual(stack[-1], "_start")

    def test_chain_is_complete(self):
        (report,) = self.traced(CHAIN)
        self.check_chain(report)
        self.assertEqual(report["process"]["end"], "exit")
        self.assertEqual(self.counts(report), [1, 100, 0])

    def test_signed_return_addresses_are_whole_or_marked_as_cut(self):
        """libunwind 1.6 cannot follow them on a processor that has them; qemu's has."""
        pattern = os.path.join(self.folder, "%p.vmt")
        self.run_with("preload/libvmtrace.so", [CHAIN_PAC], VMTRACE_OUTPUT=pattern)
        (trace,) = glob.glob(os.path.join(self.folder, "*.vmt"))
        text = subprocess.run([REPORT, "--leaks", f"--sysroot={SYSROOT}", trace], check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120).stdout
        self.assertEqual(text.count(b"five"), 1)
        self.assertNotEqual(b"_start" in text, b"outer frames were not recorded" in text)

    def test_depth_is_cut_to_the_inner_frames(self):
        (report,) = self.traced(CHAIN, "deep")
        stack = self.stack_of(report, 100)
        self.assertEqual(stack[:5], NAMES[:5])
        self.assertEqual(set(stack[5:128]), {"descend"})

    def test_faults_come_from_rusage_where_perf_is_refused(self):
        (report,) = self.traced(sample("leak_loop"))
        self.assertEqual(report["summary"]["fault_source"], "rusage")
        self.assertGreater(report["summary"]["minor_faults"], 0)

    def test_counts_equal_the_shims(self):
        for program in (sample("leak"), sample("leak_loop"), sample("exchange"),
                        sample("worker_threads"), sample("phases_nested"), sample("inlining"),
                        sample("fragmentation")):
            with self.subTest(program=program):
                (report,) = self.traced(program)
                expected = self.counted(program)
                expected[1] += DTV_ENTRY * THREADS.get(os.path.basename(program), 0)
                self.assertEqual(self.counts(report), expected)

    def test_threads_have_whole_stacks(self):
        (report,) = self.traced(sample("worker_threads"), VMTRACE_SCAN="off")
        self.assertEqual(self.stack_of(report, 5120, 80)[:2], ["worker_block", "work"])

    def test_memory_is_scanned_at_the_end(self):
        (report,) = self.traced(CHAIN)
        self.assertEqual(report["summary"]["scan"], "complete")
        (leak,) = report["leaks"]
        self.assertEqual(leak["class"], "definite")

    def test_crash_is_told_with_its_registers(self):
        (report,) = self.traced(sample("use_after_free"), status=-signal.SIGSEGV)
        self.assertEqual(report["process"]["signal"], signal.SIGSEGV)
        (error,) = report["errors"]
        self.assertEqual(error["detail"], "500 bytes into a block of 1000000 bytes, freed")
        self.assertEqual([frame["function"] for frame in error["stack"][:2]], ["use", "main"])
        self.assertRegex(error["registers"][0]["detail"], "^x[0-9]+ is 0x")

    def test_inlined_frames_are_named(self):
        (report,) = self.traced(sample("inlining"))
        stack = self.stack_of(report, 480, 10)
        self.assertEqual([name.split("(")[0] for name in stack[:4]],
                         ["shop::make_item", "shop::basket<int>::add", "shop::fill", "main"])

    def test_forked_child_has_its_own_trace(self):
        """qemu-user accepts MADV_WIPEONFORK and does not wipe: the wrapper of fork must notice."""
        parent, child = self.traced(CHAIN, "fork", traces=2)
        self.check_chain(parent)
        self.assertEqual(self.counts(parent), [1, 100, 0])
        self.assertEqual(self.counts(child), [1, 200, 0])
        self.assertEqual(self.stack_of(child, 200)[:3], ["finish_child", "five", "four"])
        self.assertEqual(child["process"]["end"], "exit")

    def test_forks_among_threads_do_not_hang(self):
        """40 children, forked while 8 threads are in their walks."""
        reports = self.traced(e2e("children"), "threads", status=3, traces=41)
        children = [report for report in reports
                    if self.counts(report) == [7, 140, 0]]
        self.assertEqual(len(children), 40)

    def test_exec_has_a_trace_for_each_image(self):
        pattern = os.path.join(self.folder, "%p.%n.vmt")
        image = emulated(LIBRARY, [CHAIN], VMTRACE_OUTPUT=pattern)
        first, second = self.traced(CHAIN, "exec", shutil.which(image[0]), *image[1:], traces=2)
        self.assertEqual(first["process"]["end"], "exec")
        self.assertEqual(second["process"]["end"], "exit")
        self.check_chain(second)

    def test_crash_has_the_stack_of_the_instruction(self):
        (report,) = self.traced(CHAIN, "segv", status=-signal.SIGSEGV)
        self.assertEqual((report["process"]["end"], report["process"]["signal"]),
                         ("signal", signal.SIGSEGV))
        (error,) = report["errors"]
        self.assertEqual([frame["function"] for frame in error["stack"]][:6], NAMES)

    def test_handler_stack_goes_on_in_the_interrupted_code(self):
        (report,) = self.traced(CHAIN, "handler")
        stack = self.stack_of(report, 300)
        self.assertEqual(stack[0], "in_handler")
        self.assertEqual(stack[-len(NAMES) - 3:][:len(NAMES)], NAMES)

    def test_killed_leaves_what_was_recorded(self):
        (report,) = self.traced(CHAIN, "kill", status=-signal.SIGKILL)
        self.assertEqual(report["process"]["end"], "killed")
        self.check_chain(report)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(verbosity=2)
