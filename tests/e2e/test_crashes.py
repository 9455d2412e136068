#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program with handlers for fatal signals, or without, runs and dies as if it were not traced."""
import os
import resource
import signal
import struct
import unittest

import harness
from harness import have, program, report

SEGV, ABRT, FPE, ILL = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL)

# how: (status, kinds of errors and whether a handler took the signal)
TAKEN, FATAL = ("segfault", True), ("segfault", False)
WAYS = {
    "default": (SEGV, [FATAL]),
    "info": (0, [TAKEN]),
    "once": (0, [TAKEN]),
    "signal": (0, [TAKEN]),
    "reset": (SEGV, [FATAL]),
    "returns": (SEGV, [FATAL]),
    "raises": (SEGV, [FATAL]),
    "nodefer": (5, [TAKEN] * 4),
    "nested": (SEGV, [TAKEN]),
    "overflow": (6, [TAKEN]),
    "narrow-overflow": (6, None),
    "default-overflow": (SEGV, [FATAL]),
    "abort": (ABRT, [("abort", False)]),
    "raised-abort": (-signal.SIGKILL, [("abort", True)]),
    "abort-in-malloc": (0, [("double-free", False), ("abort", True)]),
    "odd-free": (ABRT, [("invalid-free", False), ("abort", False)]),
    "raise": (FPE, [("floating-point", False)]),
    "kill": (FPE, [("floating-point", False)]),
    "ignored": (0, []),
    "illegal": (6, [("illegal-instruction", True)]),
    "threads": (SEGV, None),
    "surviving-threads": (0, [TAKEN]),
    "vfork": (6, [TAKEN]),
}


class Crashes(harness.Case):
    def test_every_way(self):
        for how, (status, expected) in WAYS.items():
            with self.subTest(how):
                untraced = self.run_program([program("crashes"), how])
                run = self.trace([program("crashes"), how])
                self.assertEqual((run.returncode, run.stdout, run.stderr),
                                 (untraced.returncode, untraced.stdout, untraced.stderr))
                self.assertEqual(run.returncode, status)
                data = report(run.trace)
                if expected is not None:
                    self.assertEqual([(error["kind"], error.get("handled", False))
                                      for error in data["errors"]], expected)
                if how == "narrow-overflow":  # it ends by a system call of its own
                    self.assertEqual((data["process"]["end"], data["errors"]), ("killed", []))
                elif how == "raised-abort":  # that was not what it ended of
                    self.assertEqual(data["process"]["end"], "killed")
                elif status > 0:
                    self.assertEqual(data["process"]["exit_status"], status)
                elif status < 0 and how != "nested":  # there the kernel asked nobody
                    self.assertEqual(data["process"]["signal"], -status)

    def test_how_often_it_was_handled(self):
        for how, count in ("info", 3), ("signal", 100), ("surviving-threads", 30):
            with self.subTest(how):
                data = report(self.trace([program("crashes"), how]).trace)
                self.assertEqual(data["errors"][0]["count"], count)
                self.assertEqual(data["errors"][0]["stack"][0]["function"], "crash")
                self.assertEqual(data["process"]["exit_status"], 0)

    def test_stack_of_the_fault_stays_when_the_handler_raises(self):
        data = report(self.trace([program("crashes"), "raises"]).trace)
        self.assertEqual(data["errors"][0]["stack"][0]["function"], "crash")
        self.assertEqual(data["errors"][0]["detail"],
                         "a write: 8 bytes into 4096 bytes that mmap mapped")

    def test_odd_address_has_the_stack_of_its_release(self):
        data = report(self.trace([program("crashes"), "odd-free"]).trace)
        self.assertEqual(data["errors"][0]["stack"][0]["function"], "free_odd")
        self.assertEqual(data["errors"][0]["detail"], "5 bytes into a block of 40 bytes")

    def test_child_with_handlers_of_its_own(self):
        untraced = self.run_program([program("crashes"), "fork"])
        run = self.trace([program("crashes"), "fork"])
        self.assertEqual((run.returncode, run.stdout), (6, untraced.stdout))
        self.assertEqual(len(run.traces), 2)
        handled = sorted(error.get("handled", False) for trace in run.traces
                         for error in report(trace)["errors"])
        self.assertEqual(handled, [False, True])


SIGINFO_NOTE, STATUS_NOTE = 0x53494749, 1  # NT_SIGINFO, NT_PRSTATUS: <elf.h>
PC_IN_STATUS = 112 + 16 * 8                # of struct elf_prstatus on x86-64


def core_facts(path):
    """Signal, its code, and program counter and stack pointer of the thread that crashed."""
    with open(path, "rb") as file:
        header = file.read(64)
        offset, = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        facts = {}
        for i in range(count):
            file.seek(offset + i * size)
            kind, _, at, _, _, length, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
            if kind != 4:  # PT_NOTE
                continue
            file.seek(at)
            notes, cursor = file.read(length), 0
            while cursor + 12 <= len(notes):
                name, body, note = struct.unpack_from("<III", notes, cursor)
                start = cursor + 12 + (name + 3) // 4 * 4
                if note == SIGINFO_NOTE:
                    facts["signal"] = struct.unpack_from("<iii", notes, start)
                elif note == STATUS_NOTE and "pc" not in facts:
                    facts["pc"], = struct.unpack_from("<Q", notes, start + PC_IN_STATUS)
                cursor = start + (body + 3) // 4 * 4
        return facts


def core_files_work():
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as source:
        pattern = source.read().strip()
    return pattern and pattern[0] not in "|/" and os.uname().machine == "x86_64" and \
        resource.getrlimit(resource.RLIMIT_CORE)[1] != 0 and have("setarch")


class Cores(harness.Case):
    def core_of(self, how, preload):
        """Whether the kernel says that it wrote one, and what is in it."""
        folder = self.path(how + (".traced" if preload else ".plain"))
        os.mkdir(folder)
        environment = harness.plain_environment(VMTRACE_OUTPUT=self.path(how + ".%p.vmt"))
        if preload:
            environment["LD_PRELOAD"] = preload
        child = os.fork()
        if child == 0:
            try:
                os.chdir(folder)
                most = resource.getrlimit(resource.RLIMIT_CORE)[1]
                resource.setrlimit(resource.RLIMIT_CORE, (most, most))
                null = os.open("/dev/null", os.O_RDWR)
                for descriptor in range(3):
                    os.dup2(null, descriptor)
                os.execvpe("setarch", ["setarch", "-R", program("crashes"), how], environment)
            finally:
                os._exit(127)
        _, status = os.waitpid(child, 0)
        cores = [name for name in os.listdir(folder) if name.startswith("core")]
        self.assertEqual(len(cores), 1)
        facts = core_facts(os.path.join(folder, cores[0]))
        return os.WCOREDUMP(status), os.WTERMSIG(status), facts

    @unittest.skipUnless(core_files_work(), "cores go elsewhere here")
    def test_core_dump_is_that_of_an_untraced_run(self):
        for how in "default", "reset", "returns", "default-overflow":
            with self.subTest(how):
                plain, traced = self.core_of(how, ""), self.core_of(how, harness.LIBRARY)
                self.assertEqual(traced, plain)
                self.assertTrue(plain[0])
        for how in "raise", "kill", "abort":  # in libc, which lies elsewhere in a traced process
            with self.subTest(how):
                plain, traced = self.core_of(how, ""), self.core_of(how, harness.LIBRARY)
                self.assertEqual(traced[2]["signal"], plain[2]["signal"])
                self.assertEqual(traced[2]["pc"] % 4096, plain[2]["pc"] % 4096)
                self.assertEqual(traced[:2], plain[:2])


if __name__ == "__main__":
    harness.main()
