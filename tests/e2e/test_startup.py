#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a process is spared when it begins, and what is right all the same."""
import os
import resource
import struct
import subprocess
import sys
import unittest

import harness
from harness import program, report, sample, site_of

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "format"))
import decode_trace  # noqa: E402  pylint: disable=wrong-import-position

PAGE = os.sysconf("SC_PAGE_SIZE")
CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
TICKS, COUNTER = 1, 2
EXACT_FAULTS = 4


def header_clock(trace):
    with open(trace, "rb") as source:
        return struct.unpack_from("<I", source.read(32), 28)[0]


def header_boot_id(trace):
    with open(trace, "rb") as source:
        return struct.unpack_from("<Q", source.read(96), 88)[0]


class Startup(harness.Case):
    def test_little_is_recorded_in_one_page(self):
        # The scan at the end tells each mapping and where each pointer stands.
        for scan, pages in (("off", 1), ("exit", 4)):
            with self.subTest(scan=scan):
                run = self.trace([program("children"), "leaf"], env={"VMTRACE_SCAN": scan})
                self.assertEqual(run.returncode, 3, run.stderr)
                self.assertLessEqual(os.path.getsize(run.trace), pages * PAGE)
                self.assertEqual(site_of(report(run.trace), "child_block")["allocations"], 7)

    def test_more_than_the_first_page(self):
        run = self.trace([program("startup"), "faults", "3000"])
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        self.assertGreater(os.path.getsize(run.trace), 3 * PAGE)
        data = report(run.trace)
        self.assert_healthy(data)
        self.assertEqual(site_of(data, "after_fault")["allocations"], 3000)
        self.assertEqual(data["errors"], [])

    def system_calls(self, argv, *options):
        """The lines of strace, without those of the events themselves."""
        log = self.path("strace")
        for trace in self.find_traces("x.vmt*"):  # each name that is taken would be another call
            os.remove(trace)
        run = self.run_program(argv, prefix=["strace", "-o", log, *options],
                               env={"VMTRACE_OUTPUT": self.path("x.vmt")})
        self.assertEqual(run.stderr, b"")
        with open(log, encoding="utf-8", errors="replace") as source:
            return [line for line in source if "getrusage" not in line and not line.startswith("+")]

    @unittest.skipUnless(harness.have("strace"), "needs strace")
    def test_few_system_calls_and_no_look_into_proc_and_sys(self):
        folder = os.path.dirname(program("children"))
        os.symlink(folder, self.path("folder"))
        path = self.path(f"folder/../{os.path.basename(folder)}/")
        # The scan at the end asks which mappings and pages there are, if a block may be lost.
        for argv, scan, files, most in (
                (["children", "leaf"], "off", [], 75),
                (["scan_small", "variable"], "exit", [], 105),
                (["children", "leaf"], "exit", ["/proc/self/maps", "/proc/self/pagemap"], 120)):
            argv = [path + argv[0], *argv[1:]]
            plain = self.system_calls(argv)
            with self.subTest(scan=scan, files=files):
                for _ in range(50): # one that lives 10 ms looks around: on a busy machine many do
                    traced = self.system_calls(argv, "-E", f"LD_PRELOAD={harness.LIBRARY}",
                                               "-E", f"VMTRACE_SCAN={scan}",
                                               "-E", "VMTRACE_INTERVAL=10000")
                    looks, own = ([line.split('"')[1] for line in lines
                                   if '"/proc' in line or '"/sys' in line]
                                  for lines in (traced, plain))
                    if looks == own + files:
                        break
                self.assertEqual(looks, own + files)
                self.assertIn(len(traced) - len(plain), range(20, most))

    def test_no_space_behind_the_first_page(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE, PAGE))
        run = self.trace([program("startup"), "faults", "3000"], preexec_fn=limit)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        data = report(run.trace)
        self.assertGreater(data["summary"]["allocations"], 50)
        # A few records that are no events were lost as well.
        self.assertIn(data["summary"]["allocations"] + data["summary"]["frees"] +
                      data["summary"]["lost_events"], range(6000, 6100))
        self.assertEqual((data["summary"]["impossible"], data["errors"]), (0, []))
        self.assertTrue(any("limit of a file's size" in note for note in data["notes"]),
                        data["notes"])

    def test_faults_are_exact_before_and_after_perf_takes_over(self):
        for count in 40, 256, 1500:
            with self.subTest(count):
                run = self.trace([program("startup"), "faults", str(count)])
                header, streams = decode_trace.read(run.trace)
                if not header["flags"] & EXACT_FAULTS:
                    self.skipTest("page faults are not counted exactly here")
                before_block = minor = 0
                for _, name, fields in streams[0].records():
                    if name == "FAULTS":
                        minor += fields[0]
                    elif name == "MALLOC":
                        before_block += minor > 0
                        minor = 0
                self.assertGreaterEqual(before_block, count)
                self.assertLess(before_block, count + 60)

    def exe_of(self, argv, **options):
        return self.trace_report(argv, **options)["process"]["exe"]

    def test_executable_by_any_path(self):
        leak = sample("leak")
        real = os.path.realpath(leak)
        os.symlink(leak, self.path("link"))
        os.symlink(os.path.dirname(leak), self.path("folder"))
        os.symlink("folder/../" + os.path.basename(os.path.dirname(leak)), self.path("round"))
        os.mkdir(self.path("below"))
        os.symlink("../link", self.path("below/again"))
        for path in (leak, self.path("link"), self.path("folder/leak"), self.path("round/leak"),
                     self.path("below/.././/below/again"), "./link", "below/again"):
            with self.subTest(path):
                self.assertEqual(self.exe_of([path]), real)

    def test_executable_of_a_script_is_its_interpreter(self):
        with open(self.path("script"), "w", encoding="ascii") as out:
            out.write(f"#!{sample('leak')}\n")
        os.chmod(self.path("script"), 0o755)
        self.assertEqual(self.exe_of([self.path("script")]), os.path.realpath(sample("leak")))

    def test_executable_that_was_opened_before(self):
        with open(sample("leak"), "rb") as binary:
            fd = binary.fileno()
            data = self.trace_report(["leak"], executable=f"/proc/self/fd/{fd}", pass_fds=[fd])
        self.assertEqual(data["process"]["exe"], os.path.realpath(sample("leak")))

    def test_executable_that_cannot_be_read(self):
        with open(sample("leak"), "rb") as source, open(self.path("secret"), "wb") as out:
            out.write(source.read())
        os.chmod(self.path("secret"), 0o111)
        self.assertEqual(self.exe_of([self.path("secret")]), self.path("secret"))

    def test_arguments(self):
        for arguments in ([], [""], ["a b", "", "\t", "ö"], ["x" * 5000], ["n"] * 300):
            with self.subTest(len(arguments)):
                argv = [sample("leak"), *arguments]
                self.assertEqual(self.trace_report(argv)["process"]["argv"], argv)

    def test_long_command_line_is_cut(self):
        argv = [sample("leak"), "a" * 10000, "b" * 10000, "c" * 100]
        recorded = self.trace_report(argv)["process"]["argv"]
        self.assertEqual(recorded[:2], argv[:2])
        self.assertLess(len(recorded[2]), 10000)
        self.assertEqual(recorded[2].strip("b"), "")
        self.assertEqual(len(recorded), 3)

    def test_overwritten_command_line_shows_nothing_behind_it(self):
        run = self.trace([program("startup"), "title"], env={"AAA_SECRET": "s3cret" * 20})
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        child, = [data for data in map(report, run.traces) if data["process"]["forked"]]
        self.assertEqual("".join(child["process"]["argv"]).strip("T"), "")
        for trace in run.traces:
            with open(trace, "rb") as source:
                content = source.read()
            self.assertNotIn(b"AAA_SECRET", content)
            self.assertNotIn(b"s3cret", content)

    def test_process_that_lives_longer_tells_more(self):
        run = self.trace([program("startup"), "late"])
        data = report(run.trace)
        self.assertGreaterEqual(len(data["growth"]["samples"]), 1)
        self.assertNotEqual(header_boot_id(run.trace), 0)
        facts = {fact["key"] for fact in data["facts"]}
        self.assertLessEqual({"limit_nofile", "overcommit_memory"}, facts)

    def test_clock_is_given_up_for_threads_if_the_kernel_does_not_trust_it(self):
        with open(self.path("hpet"), "w", encoding="ascii") as out:
            out.write("hpet\n")
        prefix = ["unshare", "--mount", "sh", "-c",
                  f'mount --bind {self.path("hpet")} {CLOCK_SOURCE} && exec "$@"', "sh"]
        if subprocess.run(prefix + ["true"], stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("no permission for mounts of our own")
        alone = self.trace([program("startup"), "late"], prefix=prefix)
        if header_clock(alone.trace) != TICKS:
            self.skipTest("no hardware counter here")
        trusted = self.trace([program("startup"), "thread"])
        distrusted = self.trace([program("startup"), "thread"], prefix=prefix)
        self.assertEqual((header_clock(trusted.trace), header_clock(distrusted.trace)),
                         (TICKS, COUNTER))
        data = report(distrusted.trace)
        self.assert_healthy(data)
        self.assertEqual(data["errors"], [])
        self.assertLess(data["process"]["duration_ns"], 60_000_000_000)


if __name__ == "__main__":
    harness.main()
