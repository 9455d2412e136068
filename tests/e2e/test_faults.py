# SPDX-License-Identifier: Apache-2.0
"""Page faults of known number, address and code, as the trace tells them (read by the decoder that
is written from the format's document alone)."""
import os
import shutil
import platform
import re
import subprocess
import sys
import unittest

import harness
from harness import Case, program

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "format"))
import decode_trace  # noqa: E402  pylint: disable=wrong-import-position

PAGES = 200
EXACT = 1 << 63
SOURCE_PERF, SOURCE_RUSAGE = 1, 2
FLAG_KERNEL_FAULTS = 2
# Between the last reading of the counts and END's own the recorder itself may fault.
SLACK = 4
# Faults that the recorder takes to measure what one costs (fault_cost.c).
MEASURED = 17


class Trace:
    """The faults of one trace."""

    def __init__(self, path):
        self.header, streams = decode_trace.read(path)
        self.details = []  # (tid, address, code, is_major, is_kernel, stack) of each
        self.stacks = {}  # tid -> (low, high)
        self.facts, self.nodes = {}, {}
        self.minor = self.major = 0
        self.end = None
        self.sources = []
        for stream in streams.values():
            tid = 0
            for _, name, fields in stream.records():
                tid = self.take(tid, name, fields)
            self.nodes[tid] = stream.nodes
        self.page = self.header["page_size"]

    def take(self, tid, name, fields):
        if name == "THREAD":
            return fields[0]
        if name == "STACK":
            self.stacks[tid] = fields
        elif name == "FAULTS":
            self.minor += fields[0]
            self.major += fields[1]
            self.details += [(tid, *detail) for detail in fields[2]]
        elif name == "FACT":
            self.facts[fields[0]] = fields[1]
        elif name == "FAULT_SOURCE":
            self.sources.append(fields[0])
        elif name == "END":
            self.end = fields
        return tid

    def within(self, first, pages):
        """Details of faults in `pages` pages from address `first` on."""
        return [detail for detail in self.details
                if first <= detail[1] < first + pages * self.page]

    def before(self):
        return [int(word) for word in self.facts.get("faults_before", "0 0").split()]

    def missing(self):
        """Minor faults that getrusage counted and the trace does not have."""
        return self.end[2] - self.minor - self.before()[0]


class FaultCase(Case):
    def run_shape(self, shape, *arguments, pages=PAGES, faults="perf", name="fault_pages",
                  **settings):
        """What the program says, by key, and its traces."""
        run = self.trace([program(name), shape, str(pages), *arguments],
                         env={"VMTRACE_FAULTS": faults, **settings})
        if b"the kernel refuses page-fault events" in run.stderr:
            self.skipTest("no perf events here")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr, b"")
        said = {}
        for line in run.stdout.decode().splitlines():
            key, *numbers = line.split()
            said.setdefault(key, []).append(tuple(map(int, numbers)))
        return said, [Trace(path) for path in run.traces]

    def run_one(self, *arguments, **options):
        said, traces = self.run_shape(*arguments, **options)
        self.assertEqual(len(traces), 1)
        self.assertEqual(traces[0].header["lost_events"], 0)
        return said, traces[0]

    def touched(self, trace, said, first, pages, function=0):
        """Details of what the program's own `touch` faulted there, or `look` (function 1); without
        those of the recorder's, which may map memory where a block was."""
        code = said["code"][0][function]
        return [detail for detail in trace.within(first, pages)
                if detail[2] - code in range(0, 256)]

    def assert_each_page(self, details, first, pages, page, step=1):
        self.assertEqual(sorted(detail[1] // page for detail in details),
                         [first // page + i for i in range(0, pages, step)])

    def assert_touched_by(self, details, said):
        """All by one instruction of the program's function `touch`."""
        codes = {detail[2] for detail in details}
        self.assertEqual(len(codes), 1, codes)
        touch, _ = said["code"][0]
        self.assertIn(codes.pop() - touch, range(0, 256))


class Details(FaultCase):
    def test_each_page_of_a_block_is_told_with_the_code_that_touched_it(self):
        said, trace = self.run_one("touch")
        block, pages = said["block"][0]
        found = self.touched(trace, said, block, pages)
        self.assert_each_page(found, block, pages, trace.page)
        self.assert_touched_by(found, said)
        self.assertFalse(any(is_major or is_kernel for _, _, _, is_major, is_kernel, _ in found))
        self.assertEqual(trace.header["fault_source"], SOURCE_PERF)

    def test_a_large_block_is_watched_from_its_first_page_on(self):
        said, trace = self.run_one("sparse", faults="auto")
        if trace.header["fault_source"] != SOURCE_PERF:
            self.skipTest("no perf events here")
        block, pages = said["block"][0]
        found = self.touched(trace, said, block, pages)
        self.assert_each_page(found, block, pages, trace.page, step=16)

    def test_faults_that_read_a_file_from_the_disk_are_major_ones(self):
        data = self.path("data")
        with open(data, "wb") as file:
            file.write(os.urandom(PAGES * os.sysconf("SC_PAGESIZE")))
            os.fsync(file.fileno())
        said, trace = self.run_one("file", data)
        (address, major), = said["cold_major"]
        _, cold_minor = said["cold_minor"][0]
        warm_address, warm_minor = said["warm_minor"][0]
        self.assertEqual(said["warm_major"][0][1], 0)
        self.assertEqual(address, warm_address)  # the second mapping lies where the first one did
        found = self.touched(trace, said, address, PAGES, function=1)
        self.assertEqual(sum(detail[3] for detail in found), major)
        # Nothing but these lies between the two readings of getrusage but the reading's own code.
        minor = sum(not detail[3] for detail in found)
        self.assertIn(cold_minor + warm_minor - minor, range(0, 4))
        if not major:
            self.skipTest("the file system did not let go of the file's pages")
        self.assertEqual(len({detail[1] for detail in found if detail[3]}), major)

    def test_each_thread_has_its_own(self):
        said, trace = self.run_one("threads")
        self.assertEqual(len(said["thread"]), 4)
        for block, tid in said["thread"]:
            found = [detail for detail in self.touched(trace, said, block, PAGES)
                     if detail[0] == tid]
            self.assert_each_page(found, block, PAGES, trace.page)
            self.assert_touched_by(found, said)

    def test_sampling_leaves_them_in_if_perf_is_asked_for_by_name(self):
        said, trace = self.run_one("threads", VMTRACE_SAMPLE="64K")
        for block, tid in said["thread"]:
            found = [detail for detail in self.touched(trace, said, block, PAGES)
                     if detail[0] == tid]
            self.assert_each_page(found, block, PAGES, trace.page)

    def test_the_stack_of_each_thread_is_told(self):
        said, trace = self.run_one("threads")
        self.assertEqual(len(said["stack"]), 4)
        for variable, tid in said["stack"]:
            low, high = trace.stacks[tid]
            self.assertIn(variable, range(low, high))

    def test_copies_of_shared_pages_are_told_in_the_child_that_writes(self):
        said, traces = self.run_shape("fork")
        self.assertEqual(len(traces), 2)
        (block, pid), = said["child"]
        child, = (trace for trace in traces if trace.header["pid"] == pid)
        found = self.touched(child, said, block, PAGES)
        self.assert_each_page(found, block, PAGES, child.page)
        self.assert_touched_by(found, said)
        self.assertIn(child.missing(), range(0, SLACK + 1))

    def test_faults_inside_a_system_call_name_the_user_code_of_it(self):
        said, trace = self.run_one("read")
        block, pages = said["block"][0]
        found = trace.within(block, pages)
        if not trace.header["flags"] & FLAG_KERNEL_FAULTS:
            self.assertEqual(found, [])
            self.skipTest("no privilege to see faults inside system calls")
        self.assert_each_page(found, block, pages, trace.page)
        self.assertTrue(all(is_kernel for _, _, _, _, is_kernel, _ in found))
        codes = {code for _, _, code, _, _, _ in found}
        self.assertEqual(len(codes), 1)
        self.assertNotEqual(codes, {0})

    def test_the_last_ones_of_a_thread_that_allocates_no_more_are_told_at_the_end(self):
        said, trace = self.run_one("last")
        self.assertEqual(len(said["thread"]), 2)
        for block, tid in said["thread"]:
            found = [detail for detail in self.touched(trace, said, block, PAGES)
                     if detail[0] == tid]
            self.assert_each_page(found, block, PAGES, trace.page)

    def test_perf_record_sees_the_same_number_of_them(self):
        if not harness.have("perf"):
            self.skipTest("no perf")
        argv = [program("fault_pages"), "touch", str(PAGES)]
        recorded = self.path("perf.data")
        done = subprocess.run(["perf", "record", "-q", "-e", "page-faults", "-c", "1", "-d", "-o",
                               recorded, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=300, check=False)
        if done.returncode:
            self.skipTest("perf record does not work here")
        listed = subprocess.run(["perf", "script", "-i", recorded, "-F", "addr"], timeout=300,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        block, pages = map(int, re.search(rb"block (\d+) (\d+)", done.stdout).groups())
        page = os.sysconf("SC_PAGESIZE")
        addresses = [int(line, 16) for line in listed.stdout.split()]
        theirs = [address for address in addresses if block <= address < block + pages * page]
        said, trace = self.run_one("touch")
        own = self.touched(trace, said, *said["block"][0])
        self.assertEqual([address - block for address in theirs],
                         [detail[1] - said["block"][0][0] for detail in own])


class SilentThreads(FaultCase):
    """Threads that neither allocate nor free."""

    def assert_has(self, trace, block, tid, pages):
        found = [detail for detail in trace.within(block, pages) if detail[0] == tid]
        self.assert_each_page(found, block, pages, trace.page)

    def test_each_has_its_own_faults(self):
        for faults in ("perf", "auto"):
            said, trace = self.run_one("workers", faults=faults)
            if trace.header["fault_source"] != SOURCE_PERF:
                self.skipTest("no perf events here")
            self.assertEqual(len(said["worker"]), 4)
            for block, tid in said["worker"]:
                self.assert_has(trace, block, tid, PAGES)
                self.assertIn(tid, trace.stacks)

    def test_recording_may_be_paused_when_they_are_made(self):
        said, trace = self.run_one("workers", VMTRACE_START="paused")
        for block, tid in said["worker"]:
            self.assert_has(trace, block, tid, PAGES)

    def test_they_end_and_fail_to_be_made_as_they_do_untraced(self):
        said, traces = self.run_shape("all", pages=20, name="thread_ends")
        trace = next(one for one in traces if not one.header["parent_trace_id"])
        self.assertEqual(set(said), {"returned", "exited", "caught", "cancelled", "c11", "detached",
                                     "small_stack", "mask", "after_failures"})
        for (block, tid), in said.values():
            self.assert_has(trace, block, tid, 20)

    def test_a_forked_child_makes_them_before_it_allocates(self):
        said, traces = self.run_shape("forked", pages=20, name="thread_ends")
        (block, tid), = said["forked"]
        child, = (one for one in traces if one.header["parent_trace_id"])
        self.assert_has(child, block, tid, 20)

    def test_a_child_that_is_not_followed_makes_them_untraced(self):
        _, traces = self.run_shape("forked", pages=20, name="thread_ends",
                                   VMTRACE_CHILDREN="ignore")
        self.assertEqual(len(traces), 1)

    def test_without_perf_events_they_have_no_stream(self):
        for settings in ({"faults": "off"}, {"faults": "rusage"}):
            said, trace = self.run_one("workers", **settings)
            for _, tid in said["worker"]:
                self.assertNotIn(tid, trace.stacks)


@unittest.skipUnless(platform.machine() == "x86_64", "unwinding of copied stacks")
class Stacks(FaultCase):
    def chain(self, trace, tid, node):
        """The stack's pcs, innermost first, and the node that it ends at."""
        found = []
        while node > 1:
            node, pc = trace.nodes[tid][node]
            found.append(pc)
        return found, node

    def test_stacks_where_the_address_space_ends_near(self):
        """Without randomization the kernel has less than was asked for above the stack."""
        if not shutil.which("setarch"):
            self.skipTest("setarch is not installed")
        run = self.trace([program("fault_pages"), "touch", str(PAGES)], prefix=["setarch", "-R"],
                         env={"VMTRACE_FAULTS": "perf", "VMTRACE_FAULT_STACKS": "on"})
        if run.returncode or run.stderr:
            self.skipTest(f"not permitted: {run.stderr!r}")
        trace = Trace(run.trace)
        self.assertIn(trace.missing(), range(0, SLACK + 1))
        said = {line.split()[0]: [tuple(map(int, line.split()[1:]))]
                for line in run.stdout.decode().splitlines()}
        block, pages = said["block"][0]
        found = self.touched(trace, said, block, pages)
        self.assert_each_page(found, block, pages, trace.page)

    def test_the_whole_stack_of_the_code_that_faulted_is_told(self):
        said, trace = self.run_one("deep", VMTRACE_FAULT_STACKS="on")
        block, pages = said["block"][0]
        touch, look = said["code"][0]
        deep, depth = said["deep"][0]
        found = self.touched(trace, said, block, pages)
        # Overrun leaves fewer details, not other ones.
        self.assertGreater(len(found), 10)
        for tid, _, code, _, _, stack in found:
            pcs, root = self.chain(trace, tid, stack)
            self.assertEqual(root, 0)
            self.assertEqual(pcs[0], code | EXACT)
            self.assertIn(code, range(touch, look))
            self.assertEqual(sum(deep < pc < deep + 64 for pc in pcs), depth)

    def test_a_stack_that_is_larger_than_what_the_kernel_copies_is_cut(self):
        said, trace = self.run_one("high", VMTRACE_FAULT_STACKS="on")
        block, pages = said["block"][0]
        found = self.touched(trace, said, block, pages)
        self.assertGreater(len(found), 10)
        for tid, _, code, _, _, stack in found:
            pcs, root = self.chain(trace, tid, stack)
            self.assertEqual((pcs[0], root), (code | EXACT, 1))
            self.assertGreater(len(pcs), 1)

    def test_without_the_setting_there_are_none(self):
        _, trace = self.run_one("deep")
        self.assertEqual({detail[5] for detail in trace.details}, {None})


class Totals(FaultCase):
    def assert_complete(self, trace):
        self.assertIn(trace.missing(), range(0, SLACK + 1))
        self.assertEqual(trace.end[3] - trace.major - trace.before()[1], 0)

    def test_what_is_told_adds_up_to_getrusage(self):
        for shape in ("touch", "threads", "last"):
            _, trace = self.run_one(shape)
            if not trace.header["flags"] & FLAG_KERNEL_FAULTS:
                self.skipTest("no privilege to see faults inside system calls")
            self.assert_complete(trace)

    def test_what_is_told_adds_up_to_getrusage_with_its_source_too(self):
        _, trace = self.run_one("touch", faults="rusage")
        self.assertEqual(trace.header["fault_source"], SOURCE_RUSAGE)
        # Only those that the recorder took to measure one, if there was time.
        self.assertEqual(len(trace.details), MEASURED if "fault_ns" in trace.facts else 0)
        self.assert_complete(trace)

    def test_faults_that_measure_what_one_costs_are_part_of_the_sum(self):
        for faults in ("perf", "rusage"):
            _, trace = self.run_one("touch", pages=3000, faults=faults, VMTRACE_INTERVAL="1")
            if faults == "perf" and not trace.header["flags"] & FLAG_KERNEL_FAULTS:
                continue
            self.assertGreater(int(trace.facts["fault_ns"]), 0)
            self.assert_complete(trace)

    def test_an_overrun_ring_costs_details_and_no_counts(self):
        said, trace = self.run_one("touch", pages=30000)
        block, pages = said["block"][0]
        found = self.touched(trace, said, block, pages)
        self.assertLess(len(found), pages)
        self.assertGreater(len(found), 0)
        # The newest ones are known.
        self.assert_each_page(found, block + (pages - len(found)) * trace.page, len(found),
                              trace.page)
        self.assertGreaterEqual(trace.minor, pages)
        if trace.header["flags"] & FLAG_KERNEL_FAULTS:
            self.assert_complete(trace)

    def test_off_tells_nothing(self):
        _, trace = self.run_one("touch", faults="off")
        self.assertEqual((trace.minor, trace.major, trace.details), (0, 0, []))
        self.assertNotIn("faults_before", trace.facts)


class FailsSoft(FaultCase):
    def test_no_descriptor_stays_open(self):
        said, _ = self.run_one("descriptors")
        untraced = self.run_program([program("fault_pages"), "descriptors", "10"])
        self.assertEqual(said["descriptors"][0][1],
                         int(re.search(rb"descriptors 0 (\d+)", untraced.stdout)[1]))

    def test_a_thread_that_can_have_no_descriptor_counts_by_getrusage(self):
        _, trace = self.run_one("no_descriptors")
        self.assertEqual(trace.sources, [SOURCE_RUSAGE])
        self.assertIn("descriptor", trace.facts["faults_reason"])
        self.assertEqual(trace.header["fault_source"], SOURCE_PERF)  # of the others
        if trace.header["flags"] & FLAG_KERNEL_FAULTS:
            self.assertIn(trace.missing(), range(0, SLACK + 1))


if __name__ == "__main__":
    harness.main()
