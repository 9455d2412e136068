#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Snapshots of what is in memory, read by the independent decoder: exactly the pages that a
program touched, sums as the kernel has them, whenever and however they are asked for."""
import errno
import os
import resource
import signal
import sys
import unittest
from dataclasses import dataclass, field

import harness
from harness import program, report

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "format"))
import decode_trace  # noqa: E402

EXIT, SNAPSHOT, SIGNAL, PEAK = range(4)
PRESENT, SWAPPED, FILE, EXCLUSIVE = 1, 2, 4, 8
NO_SIZES = 16
PAGE = 4096
MIB = 1 << 20
CHUNK = 1 << 16  # of a trace


@dataclass
class Region:
    start: int
    length: int
    flags: int
    rss: int
    pss: int
    huge: int
    swap: int
    name: str
    pages: dict = field(default_factory=dict)  # address -> bits

    @property
    def counted(self):
        """Bytes of its pages that count in rss: not zeros that were only read."""
        return PAGE * sum(1 for bits in self.pages.values() if bits & PRESENT)


@dataclass
class Snapshot:
    reason: int
    rss: int
    virtual: int
    page_tables: int
    name: str
    regions: list = field(default_factory=list)
    own: list = field(default_factory=list)  # parts of regions that are the recorder's
    end: tuple = None  # errno, rss, pss, anonymous, swap, duration
    chunks: tuple = (0, 0)  # of the trace, that it begins and ends in

    @property
    def error(self):
        return self.end[0]

    def region_at(self, address):
        found = [one for one in self.regions if one.start <= address < one.start + one.length]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} regions at {address:#x}")
        return found[0]

    def pages(self, address, count):
        """Bits of the pages in memory of `count` from `address` on, by number."""
        return {(page - address) // PAGE: bits for region in self.regions
                for page, bits in region.pages.items()
                if address <= page < address + count * PAGE and bits}


def snapshots(path):
    """Of all streams; an unfinished one has no `end`."""
    found = []
    for _, stream in sorted(decode_trace.read(path)[1].items()):
        one = None
        for ticks, name, fields in stream.records():
            if name == "RESIDENCY":
                one = Snapshot(fields[0], fields[1], fields[2], fields[4], fields[6])
                found.append((ticks, one))
                first = stream.sequence
            elif one is None:  # a scan has regions, too
                continue
            elif name == "REGION":
                region = Region(fields[0], fields[1], fields[2], fields[6], fields[7], fields[13],
                                fields[14], fields[16])
                (one.own if region.name == "[vmtrace]" else one.regions).append(region)
            elif name == "PAGES":
                add_pages(one.regions[-1], *fields)
            elif name == "RESIDENCY_END":
                one.chunks = (first, stream.sequence)
                one.end, one = fields, None
    return [one for _, one in sorted(found, key=lambda item: item[0])]


def add_pages(region, address, size, runs):
    for count, bits in runs:
        for page in range(address, address + count * size, size) if bits else ():
            assert page not in region.pages, "a page is told twice"
            region.pages[page] = bits
        address += count * size
    assert region.start <= address <= region.start + region.length, "pages outside of the region"


def control_group(controllers, path):
    """The limits of a control group, of version 1 (which has a controller `memory`) or 2."""
    folder, names = "/sys/fs/cgroup", ("memory.max", "memory.high")
    if controllers == "memory":
        folder, names = folder + "/memory", ("memory.limit_in_bytes", "memory.soft_limit_in_bytes")
    if not os.path.exists(f"{folder}{path}/{names[0]}"):
        path = ""
    for key, name in zip(("cgroup_memory_max", "cgroup_memory_high"), names):
        try:
            with open(f"{folder}{path}/{name}", encoding="ascii") as file:
                value = file.read().strip()
        except OSError:
            continue
        yield key, "unlimited" if value == "max" or int(value) > 1 << 62 else value


def parse_touched(words):
    """ "first:count:bits" ... -> {number: bits} """
    return {first + i: bits for first, count, bits in
            (map(int, word.split(":")) for word in words) for i in range(count)}


class Case(harness.Case):
    def known(self, run):
        """What the program says: (name, address, pages, touched)."""
        for line in run.stdout.decode().splitlines():
            words = line.split()
            if len(words) > 2 and words[1].isdigit():
                yield words[0], int(words[1]), int(words[2]), parse_touched(words[3:])

    def snapshot(self, run, name):
        found = [one for one in snapshots(run.trace) if one.name == name]
        self.assertEqual(len(found), 1, [one.name for one in found])
        return found[0]

    def assert_whole(self, one, reason):
        """All was read, and the parts add up."""
        self.assertEqual((one.reason, one.error), (reason, 0))
        sums = [sum(region.rss for region in one.regions), sum(r.pss for r in one.regions)]
        for mine, kernel in zip(sums, one.end[1:3]):
            self.assertAlmostEqual(mine, kernel, delta=max(kernel / 100, 8 * PAGE))
        self.assertAlmostEqual(one.end[1], one.rss, delta=max(one.rss / 100, 64 * PAGE))
        pages = sum(region.counted for region in one.regions)
        self.assertAlmostEqual(pages, one.end[1], delta=max(one.end[1] / 100, 8 * PAGE))
        length = sum(region.length for region in one.regions if "[vsys" not in region.name)
        if one.chunks[0] == one.chunks[1]:
            self.assertEqual(length, one.virtual)
        else:  # the recorder has mapped another piece of its trace in place of one meanwhile
            self.assertEqual((length - one.virtual) % CHUNK, 0)
            self.assertLess(abs(length - one.virtual), MIB)
        self.assertGreater(one.page_tables, 0)
        self.assertTrue(one.own)
        for part in one.own:
            whole = one.region_at(part.start)
            self.assertLessEqual(part.start + part.length, whole.start + whole.length)
            self.assertEqual((part.flags & NO_SIZES, part.rss, part.pages), (NO_SIZES, 0, {}))
        self.assertGreater(one.end[5], 0)

    def assert_known(self, run, one, names=None):
        told = [known for known in self.known(run) if names is None or known[0] in names]
        self.assertTrue(told)
        for name, address, count, touched in told:
            with self.subTest(name):
                self.assertEqual(one.pages(address, count), touched)
                if len(touched) < count:
                    self.assertLess(one.region_at(address).rss, one.region_at(address).length)

    def trace_clean(self, argv, status=0, **options):
        run = self.trace(argv, **options)
        self.assertEqual((run.returncode, run.stderr), (status, b""), run.stdout)
        return run


class Residency(Case):
    def test_known_pages(self):
        run = self.trace_clean([program("resident_pages"), "pages", self.path("data")])
        one = self.snapshot(run, "known")
        self.assert_whole(one, SNAPSHOT)
        names = [known[0] for known in self.known(run)]
        self.assertEqual(names[:8], ["ends", "odd", "whole", "common", "reserve", "given_back",
                                     "file_private", "file_shared"])
        self.assert_known(run, one, set(names) - {"huge"})
        printed = int(run.stdout.decode().split("rollup ")[1].split()[0])
        self.assertAlmostEqual(sum(region.rss for region in one.regions), printed,
                               delta=printed / 100 + 16 * PAGE)
        stack = [region for region in one.regions if region.name == "[stack]"]
        self.assertEqual(len(stack), 1)
        self.assertEqual(stack[0].counted, stack[0].rss)
        self.assertEqual([region.name for region in one.regions
                          if region.name == self.path("data")], [self.path("data")] * 2)
        self.assert_whole(snapshots(run.trace)[-1], EXIT)
        if "huge" in names:
            self.check_huge(run)

    def check_huge(self, run):
        one = self.snapshot(run, "huge")
        self.assert_whole(one, SNAPSHOT)
        address = next(known[1] for known in self.known(run) if known[0] == "huge")
        region = one.region_at(address)
        if region.huge == 0:
            return  # the kernel had none to give
        self.assert_known(run, one, {"huge"})
        self.assertEqual(region.huge, 2 * MIB)

    def test_sparse_reserve(self):
        run = self.trace_clean([program("resident_pages"), "sparse"])
        one = self.snapshot(run, "sparse")
        self.assert_whole(one, SNAPSHOT)
        self.assert_known(run, one)
        self.assertGreater(one.virtual, 2 << 40)
        self.assertLess(one.rss, 100 * MIB)

    def test_swap(self):
        with open("/proc/meminfo", encoding="ascii") as lines:
            if not any(line.startswith("SwapFree:") and int(line.split()[1]) > 65536
                       for line in lines):
                self.skipTest("no swap here")
        run = self.trace_clean([program("resident_pages"), "swap"])
        one = self.snapshot(run, "swap")
        self.assert_whole(one, SNAPSHOT)
        _, address, count, _ = next(self.known(run))
        pages = one.pages(address, count)
        self.assertEqual(len(pages), count)
        swapped = sum(1 for bits in pages.values() if bits & SWAPPED)
        self.assertGreater(swapped, 0)
        self.assertEqual(one.region_at(address).swap, swapped * PAGE)
        self.assertEqual(one.region_at(address).rss, (count - swapped) * PAGE)

    def test_peaks_of_growth(self):
        run = self.trace_clean([program("resident_pages"), "grow"])
        found = snapshots(run.trace)
        peaks = [one for one in found if one.reason == PEAK]
        for one in peaks:
            self.assert_whole(one, PEAK)
        rss = [one.rss for one in peaks]
        self.assertGreater(max(rss), 200 * MIB)
        for before, after in zip(rss, rss[1:]):
            self.assertGreaterEqual(after, before * 1.25)
            self.assertGreaterEqual(after, before + 16 * MIB)
        self.check_facts(run)
        self.assertEqual([one.reason for one in found[len(peaks):]], [EXIT])
        self.assertLess(found[-1].rss, 100 * MIB)

    def check_facts(self, run):
        facts = dict(fields for stream in decode_trace.read(run.trace)[1].values()
                     for _, name, fields in stream.records() if name == "FACT")
        found = {}
        with open("/proc/self/cgroup", encoding="utf-8") as lines:
            for line in lines:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                if controllers in ("", "memory"):
                    found.update(control_group(controllers, path))
        for key, value in found.items():
            self.assertEqual(facts.get(key), value, key)
        with open("/proc/swaps", encoding="utf-8") as lines:
            swaps = [line.split() for line in lines][1:]
        self.assertEqual(sorted(facts.get("swap_kind", "").split(",")), sorted(
            {kind for name, kind, *_ in swaps} | {"zram" for name, *_ in swaps if "/zram" in name})
            or [""])

    def test_killed_at_the_peak(self):
        run = self.trace_clean([program("resident_pages"), "grow", "kill"], status=-signal.SIGKILL)
        found = snapshots(run.trace)
        self.assertEqual({one.reason for one in found}, {PEAK})
        self.assertGreater(found[-1].rss, 200 * MIB)
        self.assert_whole(found[-1], PEAK)

    def test_settings(self):
        for setting, reasons in (("exit", {EXIT}), ("off", set())):
            with self.subTest(setting):
                run = self.trace_clean([program("resident_pages"), "grow"],
                                       env={"VMTRACE_RESIDENCY": setting})
                self.assertEqual({one.reason for one in snapshots(run.trace)}, reasons)
        run = self.trace_clean([program("resident_pages"), "sparse"], env={"VMTRACE_RESIDENCY": "exit"})
        self.assertEqual(self.snapshot(run, "sparse").error, 0)

    def test_every_end(self):
        for how in ("exit", "_exit", "quick_exit"):
            with self.subTest(how):
                run = self.trace_clean([program("resident_pages"), "end", how], status=7)
                found = snapshots(run.trace)
                self.assertEqual([one.reason for one in found], [EXIT])
                self.assert_whole(found[0], EXIT)
                self.assertGreater(found[0].rss, 2000 * PAGE)

    def test_little_process_has_none(self):
        runs = [self.trace_clean([program("resident_pages")]) for _ in range(10)]
        counts = [len(snapshots(run.trace)) for run in runs]
        self.assertIn(0, counts)  # one that was kept waiting for 10 ms has one

    def test_crash(self):
        run = self.trace_clean([program("resident_pages"), "crash"], status=-signal.SIGABRT)
        found = snapshots(run.trace)
        self.assertEqual([one.reason for one in found], [EXIT])
        self.assert_whole(found[0], EXIT)
        self.assertGreater(found[0].rss, 8 * MIB)

    def test_exec_ends_what_was_there(self):
        code = "import os; x = bytearray(20 << 20); os.execv('/bin/true', ['true'])"
        run = self.trace_clean([sys.executable, "-c", code])
        one = snapshots(run.traces[0])[-1]
        self.assert_whole(one, EXIT)
        self.assertGreater(one.rss, 20 * MIB)

    def test_fork(self):
        run = self.trace_clean([program("resident_pages"), "fork"])
        self.assertEqual(len(run.traces), 2)
        found = {one.name: one for path in run.traces for one in snapshots(path)
                 if one.reason == SNAPSHOT}
        self.assertEqual(set(found), {"parent", "child"})
        for name, one in found.items():
            self.assert_whole(one, SNAPSHOT)
            self.assert_known(run, one, {name})

    def test_first_thread_has_ended(self):
        run = self.trace_clean([program("resident_pages"), "leader"])
        one = self.snapshot(run, "alone")
        samples = [fields for stream in decode_trace.read(run.trace)[1].values()
                   for _, name, fields in stream.records() if name == "MEMORY_SAMPLE"]
        self.assertTrue(samples)
        self.assertGreater(min(fields[1] for fields in samples), MIB)
        self.assert_whole(one, SNAPSHOT)
        self.assert_known(run, one)

    def test_closed_descriptors(self):
        run = self.trace_clean([program("resident_pages"), "closed"])
        self.assert_whole(self.snapshot(run, "bare"), SNAPSHOT)
        self.assertIn(b"next descriptors 3 4\n", run.stdout)

    def test_no_descriptor_to_have(self):
        run = self.trace_clean([program("resident_pages"), "nofile"])
        one = self.snapshot(run, "bare")
        self.assertEqual((one.error, one.regions), (errno.EMFILE, []))
        self.assertIn(b"next descriptors -1 -1\n", run.stdout)

    @unittest.skipIf(os.getuid() != 0, "only root may join groups")
    def test_a_user_in_very_many_groups(self):
        """The kernel lists them all before it tells sizes."""
        run = self.trace_clean([program("resident_pages"), "end"], status=7,
                               preexec_fn=lambda: os.setgroups(range(100000, 110000)))
        found = snapshots(run.trace)
        self.assert_whole(found[-1], EXIT)
        self.assertGreater(found[-1].rss, MIB)

    @unittest.skipIf(os.getuid() != 0, "only root may change its root")
    def test_no_proc(self):
        jail = self.path("jail")
        os.mkdir(jail)
        run = self.trace_clean([program("resident_pages"), "chroot", jail])
        one = self.snapshot(run, "jailed")
        self.assertEqual((one.error, one.regions, one.rss), (errno.ENOENT, [], 0))
        self.assertEqual(report(run.trace)["summary"]["lost_events"], 0)

    def test_trace_is_full(self):
        """Snapshots that found no room are unfinished, and nothing else is harmed."""
        run = self.trace_clean([program("residency_signal"), "storm", "400"],
                               env={"VMTRACE_SNAPSHOT_SIGNAL": "USR2",
                                    "VMTRACE_MAX_SIZE": "512K"})
        self.assertEqual(run.stdout, b"damaged 0 handled 0\n")
        self.assertLessEqual(os.path.getsize(run.trace), 512 << 10)
        self.assertGreater(report(run.trace)["summary"]["lost_events"], 0)

    def test_tiny_limit_of_descriptors(self):
        """One for smaps, none for pagemap: regions with their sizes, without pages."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
        run = self.trace_clean([program("resident_pages"), "end"], status=7, preexec_fn=limit)
        one = snapshots(run.trace)[-1]
        self.assertEqual(one.error, errno.EMFILE)
        self.assertAlmostEqual(sum(region.rss for region in one.regions), one.end[1],
                               delta=one.end[1] / 100)


class BySignal(Case):
    ENV = {"VMTRACE_SNAPSHOT_SIGNAL": "USR2"}

    def storm(self, signals, *more):
        run = self.trace_clean([program("residency_signal"), "storm", signals, *more],
                               env=self.ENV)
        self.assertEqual(run.stdout, b"damaged 0 handled %d\n" % len(more))
        data = report(run.trace)
        self.assert_healthy(data)
        self.assertEqual(data["errors"], [])
        return run

    def test_storm(self):
        self.storm("20000")

    def test_storm_with_a_handler(self):
        run = self.storm("1500", "handler")
        found = snapshots(run.trace)
        taken = [one for one in found if one.reason == SIGNAL and one.error == 0]
        self.assertGreater(len(taken), 20)
        self.assertEqual({one.error for one in found} - {0, errno.EBUSY}, set())
        self.assertEqual({one.name for one in found if one.reason == SIGNAL}, {"USR2"})
        for one in taken:  # sums need not agree: the other threads go on
            self.assertGreater(len(one.regions), 20)
            self.assertGreater(one.end[1], MIB)

    def test_what_the_program_sees(self):
        run = self.trace_clean([program("residency_signal"), "seen"], env=self.ENV)
        self.assertEqual(run.stdout.decode().splitlines(), [
            "start: default, handled 0",
            "old 1",
            "sigaction: with_info info mask, handled 0",
            "sent: with_info info mask, handled 1",
            "signal 1",
            "signal: count restart, handled 2",
            "ignore 1",
            "ignored: ignored, handled 2",
            "sysv 1",
            "once: count reset, handled 2",
            "reset: default, handled 3",
            "sigset 1 1 0",
            "end: count, handled 4"])
        taken = [one for one in snapshots(run.trace) if one.reason == SIGNAL]
        self.assertEqual([one.error for one in taken], [0] * 7)

    def test_the_same_untraced(self):
        """What the test above expects is what libc does, but for the default disposition."""
        run = self.run_program([program("residency_signal"), "seen"], env={})
        self.assertEqual(run.returncode, -signal.SIGUSR2)

    def test_handler_that_jumps(self):
        run = self.trace_clean([program("residency_signal"), "jump", "200"], env=self.ENV)
        self.assertEqual(run.stdout, b"jumps 200\n")
        taken = [one for one in snapshots(run.trace) if one.reason == SIGNAL]
        self.assertEqual([one.error for one in taken], [0] * 200)
        self.assert_healthy(report(run.trace))

    def test_handlers_that_jump_out_of_snapshots(self):
        run = self.trace_clean([program("residency_signal"), "interrupted", "200"])
        self.assertEqual(run.stdout, b"jumps 200\n")
        found = [one for one in snapshots(run.trace) if one.reason == SNAPSHOT]
        self.assertGreater(len(found), 20)
        self.assertEqual({one.end and one.error for one in found}, {0})
        self.assertEqual(found[-1].name, "last")
        self.assert_healthy(report(run.trace))

    def test_forks_in_the_middle(self):
        run = self.trace_clean([program("residency_signal"), "forks", "50"])
        self.assertEqual(len(run.traces), 51)
        for trace in run.traces[1:]:
            found = [one for one in snapshots(trace) if one.reason == SNAPSHOT]
            self.assertEqual([(one.name, one.error) for one in found], [("child", 0)])

    def test_ignored_signal_stays_so_across_exec(self):
        script = ("trap '' USR2; exec env -u LD_PRELOAD grep SigIgn /proc/self/status")
        plain = self.run_program(["sh", "-c", script])
        traced = self.trace(["sh", "-c", script], env={"VMTRACE_SNAPSHOT_SIGNAL": "USR2"})
        self.assertRegex(plain.stdout, rb"[8-9a-f]00$")
        self.assertEqual(traced.stdout, plain.stdout)

    def test_small_signal_stack(self):
        run = self.trace_clean([program("residency_signal"), "small-stack"],
                               env={"VMTRACE_SNAPSHOT_SIGNAL": "12"})
        self.assertEqual(run.stdout, b"stood it\n")

    def test_no_room_for_the_signal(self):
        """The kernel ends a program whose stack cannot hold a signal's frame, traced or not."""
        argv = [program("residency_signal"), "small-stack", "handler"]
        self.assertEqual(self.run_program(argv).returncode, -signal.SIGSEGV)
        for env in ({}, self.ENV):
            run = self.trace(argv, env=env)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (-signal.SIGSEGV, b"", b""))

    def test_without_the_setting(self):
        run = self.trace([program("residency_signal"), "small-stack"])
        self.assertEqual(run.returncode, -signal.SIGUSR2)


if __name__ == "__main__":
    harness.main()
