#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Page faults in the report: who touched whose memory, and why that faulted, in exact numbers."""
import os
import subprocess

import harness
from harness import frame_of, in_stack, line_of, program

PAGES, ROUNDS = 1000, 20
SOURCE = "tests/e2e/programs/fault_owners.c"
# Of PAGES, the page that malloc's header shares with the block's beginning faults in malloc.
HEADER = 1
# Faults that the recorder takes to measure what one costs (fault_cost.c).
MEASURED = 17


def count_of(fault):
    return fault["minor"] + fault["major"]


def described(data):
    """Those whose address is known."""
    return [fault for fault in data["faults"] if fault["target"]]


class FaultReport(harness.Case):
    def report_of(self, *arguments, env=None, **options):
        data = self.trace_report([program("fault_owners"), *arguments],
                                 env={"VMTRACE_FAULTS": "perf", **(env or {})}, **options)
        self.assert_adds_up(data)
        return data

    def assert_adds_up(self, data):
        """All that getrusage counted is somewhere."""
        totals = data["fault_summary"]
        parts = ("described", "inferred", "counted_by_event", "not_described", "before_recording",
                 "not_seen")
        self.assertEqual(sum(totals[part] for part in parts), totals["total"])
        self.assertEqual(totals["total"], data["summary"]["minor_faults"] +
                         data["summary"]["major_faults"])
        if totals["described"] == 0:
            return
        for faults in described(data), totals["by_code"], totals["by_target"]:
            self.assertEqual(sum(map(count_of, faults)), totals["described"] + totals["inferred"])
            for fault in faults:
                self.assertEqual(sum(fault["kinds"].values()), count_of(fault))

    def setUp(self):
        super().setUp()
        run = self.trace([program("fault_owners"), "read"], env={"VMTRACE_FAULTS": "perf"})
        if run.returncode != 0 or not run.traces:
            self.skipTest("the kernel refuses perf events here")

    def faults_of(self, data, function, kind, marker=None, target="mapping"):
        """Number of the faults of one kind that `function` took, on the marked line if one is
        named, in memory of one sort; with the targets."""
        found = [fault for fault in described(data)
                 if in_stack(fault["code_stack"], function)
                 and fault["kinds"].get(kind) and fault["target"]["kind"] == target]
        for fault in found:
            if marker:
                frame = frame_of(fault["code_stack"], function)
                self.assertEqual((os.path.basename(frame["file"]), frame["line"]),
                                 (os.path.basename(SOURCE), line_of(SOURCE, marker)))
        return sum(fault["kinds"][kind] for fault in found), [one["target"] for one in found]

    def assert_made_by(self, targets, function, marker):
        for target in targets:
            self.assertEqual(frame_of(target["stack"], function)["line"], line_of(SOURCE, marker))

    def test_pages_of_a_mapping_that_is_read_and_then_written(self):
        data = self.report_of("read")
        count, targets = self.faults_of(data, "look", "first_touch", "read")
        self.assertEqual(count, PAGES)
        self.assertEqual(len(targets), 1)
        frame = frame_of(targets[0]["stack"], "map_pages")
        self.assertEqual(frame["line"], line_of(SOURCE, "mapped"))
        count, _ = self.faults_of(data, "touch", "write_after_read", "touched")
        self.assertEqual(count, PAGES)
        self.assertGreater(data["fault_summary"]["owner_known"], 2 * PAGES)
        self.assertGreater(data["fault_summary"]["estimated_ns"], 0)

    def test_blocks_that_malloc_unmaps_and_maps_again(self):
        data = self.report_of("thrash")
        first, targets = self.faults_of(data, "touch", "first_touch", "touched", "heap")
        again, more = self.faults_of(data, "touch", "returned", "touched", "heap")
        # The kernel may put a block elsewhere, but hardly ever does.
        self.assertEqual(first + again, PAGES * ROUNDS)
        self.assertGreaterEqual(again, PAGES * ROUNDS // 2)
        self.assert_made_by(targets + more, "scratch", "scratch")
        hints = " ".join(data["fault_summary"]["hints"])
        self.assertIn("scratch", hints)
        self.assertIn("MALLOC_MMAP_THRESHOLD_", hints)

    def test_pages_that_realloc_copies_to_belong_to_the_new_block(self):
        data = self.report_of("realloc")
        found = [fault for fault in described(data) if fault["target"]["kind"] == "heap"
                 and in_stack(fault["target"]["stack"], "moved")]
        self.assertIn(sum(map(count_of, found)), range(PAGES, PAGES + 3))
        self.assert_made_by([fault["target"] for fault in found], "moved", "moved")
        count, targets = self.faults_of(data, "touch", "first_touch", "touched", "heap")
        self.assertIn(count, range(PAGES - HEADER, PAGES + 1))
        self.assert_made_by(targets, "scratch", "scratch")

    def test_a_table_of_the_program_is_named(self):
        data = self.report_of("bss")
        count, targets = self.faults_of(data, "touch", "first_touch", "touched", "data")
        # A page at either end may hold other variables.
        self.assertIn(count, range(PAGES - 2, PAGES + 1))
        named = [target for target in targets if target["name"] == "table"]
        self.assertTrue(named, targets)
        self.assertEqual(os.path.basename(named[0]["module"]), "fault_owners")

    def test_a_thread_that_touches_a_block_of_another(self):
        data = self.report_of("thread")
        count, targets = self.faults_of(data, "touch", "first_touch", "touched", "heap")
        self.assertIn(count, range(PAGES - HEADER, PAGES + 1))
        self.assert_made_by(targets, "scratch", "scratch")
        stacks = [fault["target"]["name"] for fault in described(data)
                  if fault["target"]["kind"] == "stack"]
        self.assertTrue(any(name.startswith("thread ") for name in stacks), stacks)

    def test_copies_after_a_fork(self):
        run = self.trace([program("fault_owners"), "fork"], env={"VMTRACE_FAULTS": "perf"})
        self.assertEqual(run.returncode, 0, run.stderr)
        data, = (data for data in map(harness.report, run.traces)
                 if data["process"]["argv"] and not data["process"]["forked"])
        self.assert_adds_up(data)
        copied = [fault for fault in described(data) if fault["kinds"].get("copy_on_write")
                  and in_stack(fault["target"]["stack"], "map_pages")]
        self.assertEqual(sum(fault["kinds"]["copy_on_write"] for fault in copied), PAGES)
        self.assertIn("Copy-on-write storm", " ".join(data["fault_summary"]["hints"]))

    def test_the_whole_stack_of_what_touched(self):
        data = self.report_of("thrash", env={"VMTRACE_FAULT_STACKS": "on"})
        found = [fault for fault in described(data) if in_stack(fault["code_stack"], "touch")]
        count = sum(count_of(fault) for fault in found if in_stack(fault["code_stack"], "main"))
        # Stacks overrun the ring; what was lost is inferred, except where records of the recorder's
        # own stand between.
        self.assertIn(count, range(PAGES * ROUNDS * 8 // 10, PAGES * ROUNDS + 5))
        self.assertEqual(found[0]["code"]["line"], line_of(SOURCE, "touched"))

    def test_a_block_of_which_little_is_touched(self):
        data = self.report_of("sparse")
        hints = data["fault_summary"]["hints"]
        self.assertTrue(any("scratch" in hint and "ever touched" in hint for hint in hints), hints)
        touched = self.report_of("thrash")["fault_summary"]["hints"]
        self.assertFalse(any("ever touched" in hint for hint in touched), touched)

    def test_counts_alone_hang_on_the_next_event(self):
        data = self.report_of("thrash", env={"VMTRACE_FAULTS": "rusage"})
        self.assertTrue(data["faults"])
        # The recorder has told its own, if there was time to take some.
        self.assertTrue(all(fault["target"]["kind"] == "tracer" for fault in described(data)))
        self.assertTrue(any(fault["target"] is None for fault in data["faults"]))
        self.assertGreaterEqual(data["fault_summary"]["counted_by_event"], PAGES * ROUNDS)
        self.assertGreaterEqual(harness.faults_of(harness.site_of(data, "scratch")),
                                PAGES * ROUNDS)

    def test_the_cost_of_a_fault_is_measured(self):
        for source in ("perf", "rusage"):
            env = {"VMTRACE_FAULTS": source, "VMTRACE_INTERVAL": "1"}
            data = self.report_of("thrash", env=env)
            totals = data["fault_summary"]
            self.assertIs(totals["cost_measured"], True)
            self.assertIs(totals["major_cost_measured"], False)
            self.assertGreater(totals["minor_fault_ns"], 0)
            facts = {fact["key"]: fact["value"] for fact in data["facts"]}
            self.assertEqual(totals["minor_fault_ns"], int(facts["fault_ns"]))
            # What that took is told as the recorder's own, and in no site.
            own = sum(count_of(fault) for fault in described(data)
                      if fault["target"]["kind"] == "tracer" and fault["code"] is None)
            self.assertGreaterEqual(own, MEASURED)
            if source == "rusage":
                self.assertEqual(own, MEASURED)
                self.assertEqual(data["fault_summary"]["described"], MEASURED)

    def test_the_cost_is_assumed_where_faults_are_not_recorded(self):
        data = self.report_of("thrash", env={"VMTRACE_FAULTS": "off", "VMTRACE_INTERVAL": "1"})
        self.assertIs(data["fault_summary"]["cost_measured"], False)

    def test_folded_stacks_lead_from_the_owner_to_what_touched(self):
        run = self.trace([program("fault_owners"), "thrash"], env={"VMTRACE_FAULTS": "perf"})
        folded = subprocess.run([harness.REPORT, "--format=folded", "--metric=faults", run.trace],
                                check=True, stdout=subprocess.PIPE, timeout=300).stdout.decode()
        lines = [line for line in folded.splitlines() if line.endswith(f" {PAGES * ROUNDS}")]
        self.assertEqual(len(lines), 1, folded)
        self.assertIn("main;scratch;[heap];touch ", lines[0])


if __name__ == "__main__":
    harness.main()
