#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scans as the recorder writes them, read by the independent decoder: where pointers stand, exactly;
how threads are stopped, and that nothing of it is left over."""
import os
import signal
import subprocess
import sys
import time
import unittest
from dataclasses import dataclass, field

import harness
from harness import program

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "format"))
import decode_trace  # noqa: E402

EXIT, SNAPSHOT, SIGNAL, LSAN = range(4)
ALONE, PTRACE, BY_SIGNAL, NONE = range(4)
STOPPED, ASKED, REGISTERS = 1, 2, 4
EBUSY, EFBIG = 16, 27


@dataclass
class Scan:
    number: int
    reason: int
    stop: int
    threads: int
    stopped: int
    name: str
    regions: list = field(default_factory=list)  # start, end, name
    own: list = field(default_factory=list)
    registers: dict = field(default_factory=dict)  # tid -> stack pointer, flags, values
    pointers: dict = field(default_factory=dict)  # location -> value
    before: dict = field(default_factory=dict)  # location -> kind, word
    tables: set = field(default_factory=set)
    end: tuple = None

    @property
    def error(self):
        return self.end[0] if self.end else None


def scans(path):
    """Of all streams, by number; and that each is of one moment."""
    found = []
    for _, stream in sorted(decode_trace.read(path)[1].items()):
        one, moment = None, 0
        for ticks, name, fields in stream.records():
            if name == "SCAN":
                one, moment = Scan(*fields), ticks
                found.append(one)
            elif one is None or one.end:
                continue
            else:
                add(one, name, fields)
                assert ticks == moment, "a scan has two times"
    return sorted(found, key=lambda one: one.number)


def add(one, name, fields):
    if name == "REGION":
        region = (fields[0], fields[0] + fields[1], fields[16])
        (one.own if fields[16] == "[vmtrace]" else one.regions).append(region)
    elif name == "SCAN_THREAD":
        one.registers[fields[0]] = (fields[1], fields[3], fields[4])
    elif name == "POINTERS":
        for location, kind, value in fields[0]:
            if kind == "pointer":
                assert location not in one.pointers, "a place is told twice"
                one.pointers[location] = value
            elif kind == "table":
                one.tables.add(location)
            else:
                one.before[location, kind] = value
    elif name == "SCAN_END":
        one.end = fields


def planted(output):
    """name -> (address, value), as scan_places prints them."""
    lines = [line.split() for line in output.decode().splitlines()]
    return {line[0]: (int(line[1], 16), int(line[2], 16)) for line in lines}


class Places(harness.Case):
    FOUND = ("static", "global", "tls", "stack", "heap", "root", "private", "shared", "constant",
             "sparse", "array")

    def check(self, how, status):
        run = self.trace([program("scan_places"), how])
        self.assertEqual((run.returncode, run.stderr), (status, b""))
        told = scans(run.trace)
        self.assertEqual([one.error for one in told], [0] * len(told))
        places = planted(run.stdout)
        places["global"] = places["root"]  # overwritten
        for one in told:
            for name in self.FOUND:
                if name == "stack" and one.reason == EXIT and how in ("snapshot", "exit"):
                    continue  # main has returned, or overwritten it
                address, value = places[name]
                self.assertEqual(one.pointers.get(address), value, name)
            for name in ("hidden", "below"):
                self.assertNotIn(places[name][0], one.pointers)
            self.check_sense(one)
            self.assertEqual(one.before[places["array"][0], "word"], 10)
        return told

    def check_sense(self, one):
        """Locations and values lie in mappings; nothing below the stack pointer; the counts."""
        (stack_pointer, flags, _), = one.registers.values()
        self.assertEqual(flags, STOPPED | ASKED | REGISTERS)
        stack, = [region for region in one.regions if region[2] == "[stack]"]
        self.assertTrue(stack[0] <= stack_pointer < stack[1])
        self.assertEqual([place for place in one.pointers
                          if stack[0] <= place < stack_pointer - 128], [])
        for start, end, _ in one.own:
            self.assertEqual([place for place in one.pointers if start <= place < end], [])
        for place, value in one.pointers.items():
            self.assertEqual(place % 8, 0)
            self.assertTrue(any(start <= place < end for start, end, _ in one.regions))
            self.assertTrue(any(start <= value < end for start, end, _ in one.regions))
        self.assertEqual(one.end[2], len(one.pointers))
        self.assertGreater(one.end[1], len(one.pointers))

    def test_exit_tells_every_place(self):
        one, = self.check("exit", 0)
        self.assertEqual((one.reason, one.stop, one.threads, one.stopped), (EXIT, ALONE, 1, 1))

    def test_underscore_exit_and_quick_exit_scan_too(self):
        self.assertEqual([one.reason for one in self.check("underscore", 5)], [EXIT])
        self.assertEqual([one.reason for one in self.check("quick", 6)], [EXIT])

    def test_snapshot_scans_a_copy(self):
        told = self.check("snapshot", 0)
        self.assertEqual([(one.reason, one.name) for one in told],
                         [(SNAPSHOT, "here"), (EXIT, "")])

    def test_off_is_no_scan(self):
        for how, status in (("exit", 0), ("snapshot", 0)):
            run = self.trace([program("scan_places"), how], env={"VMTRACE_SCAN": "off"})
            self.assertEqual((run.returncode, run.stderr), (status, b""))
            self.assertEqual(scans(run.trace), [])

    def test_full_trace_ends_the_scan_and_says_so(self):
        many = [sys.executable, "-c", "import os; x = [[i] for i in range(99999)]; os._exit(0)"]
        run = self.trace(many, env={"VMTRACE_MAX_SIZE": "64M", "PYTHONMALLOC": "malloc"})
        whole, = scans(run.trace)
        size = os.path.getsize(run.trace)
        self.assertEqual(whole.error, 0)
        run = self.trace(many, env={"VMTRACE_MAX_SIZE": str(size - 3 * 65536),
                                    "PYTHONMALLOC": "malloc"})
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        one, = scans(run.trace)
        self.assertEqual(one.error, EFBIG)
        self.assertLess(len(one.pointers), len(whole.pointers))
        names = [name for stream in decode_trace.read(run.trace)[1].values()
                 for _, name, _ in stream.records()]
        self.assertIn("END", names)


class Threads(harness.Case):
    def facts(self, run):
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        return {line.split()[0]: int(line.split()[1], 0)
                for line in run.stdout.decode().splitlines()}

    def test_threads_in_system_calls_notice_nothing(self):
        for count in (60, 240):
            run = self.trace([program("scan_threads"), "sleep", str(count)])
            self.assertEqual(self.facts(run), {"cut_short": 0})
            told = scans(run.trace)
            self.assertEqual([one.reason for one in told], [SNAPSHOT] * 3 + [EXIT])
            for one in told:
                self.assertEqual((one.error, one.stop), (0, PTRACE))
                self.assertEqual((one.threads, one.stopped), (count + 1, count + 1))
                others = [flags for _, flags, _ in one.registers.values() if not flags & ASKED]
                self.assertEqual(others, [STOPPED | REGISTERS] * count)

    @unittest.skipUnless(os.uname().machine == "x86_64", "registers of x86-64")
    def test_pointers_in_registers_are_told(self):
        run = self.trace([program("scan_threads"), "registers"])
        wanted = self.facts(run)
        one = scans(run.trace)[0]
        (_, _, values), = [thread for thread in one.registers.values() if not thread[1] & ASKED]
        self.assertIn(wanted["general"], values)
        self.assertIn(wanted["vector"], values)

    @unittest.skipUnless(harness.have("strace"), "no strace")
    def test_traced_threads_are_stopped_by_a_signal(self):
        run = self.trace([program("scan_threads"), "registers"],
                         prefix=["strace", "-f", "-o", self.path("strace")])
        wanted = self.facts(run)
        one = scans(run.trace)[0]
        self.assertEqual((one.error, one.stop, one.threads, one.stopped), (0, BY_SIGNAL, 2, 2))
        self.assertIn(wanted["general"], one.pointers.values())

    def test_storm_leaves_nothing_behind(self):
        run = self.trace([program("scan_threads"), "storm", "150"],
                         env={"VMTRACE_SNAPSHOT_SIGNAL": "USR1", "VMTRACE_RESIDENCY": "off"})
        self.assertEqual(self.facts(run),
                         {"handled": 1, "children": 0, "descriptors": 0, "threads": 0})
        told = scans(run.trace)
        whole = [one for one in told if one.error == 0]
        self.assertGreater(len(whole), 1)
        self.assertEqual({one.error for one in told} - {0, EBUSY}, set())
        self.assertEqual(told[-1].reason, EXIT)
        for one in whole[:-1]:
            self.assertEqual((one.stop, one.stopped, one.threads), (PTRACE, 9, 9))

    def test_kill_in_the_middle_leaves_no_task(self):
        environment = harness.plain_environment(
            LD_PRELOAD=harness.LIBRARY, VMTRACE_SNAPSHOT_SIGNAL="USR1",
            VMTRACE_OUTPUT=self.path("killed.vmt"))
        process = subprocess.Popen([program("scan_threads"), "storm", "100000"],
                                           env=environment, stdout=subprocess.DEVNULL)
        try:
            self.wait_until(lambda: os.path.exists(self.path("killed.vmt")))
            time.sleep(0.3)
        finally:
            process.kill()
            process.wait()
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.wait_until(lambda: not self.tasks_of(process.pid))
        scans(self.path("killed.vmt"))

    def wait_until(self, condition):
        until = time.monotonic() + 300
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)

    def tasks_of(self, pid):
        """Scanners that still write into the trace of that process."""
        left = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or entry == str(pid):
                continue
            try:
                with open(f"/proc/{entry}/maps", encoding="utf-8", errors="replace") as maps:
                    if self.folder in maps.read():
                        left.append(entry)
            except OSError:
                pass
        return left


class Others(harness.Case):
    def test_forked_children_scan_themselves(self):
        run = self.trace([program("children"), "fork"])
        self.assertGreater(len(run.traces), 1)
        for trace in run.traces:
            self.assertEqual([(one.reason, one.error) for one in scans(trace)], [(EXIT, 0)])

    @unittest.skipUnless(os.path.exists("/bin/true"), "no /bin/true")
    def test_process_without_blocks_is_not_scanned(self):
        self.assertEqual(scans(self.trace(["/bin/true"]).trace), [])


if __name__ == "__main__":
    harness.main()
