#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Children are followed, each into a file of its own."""
import os
import struct
import time

import harness
from harness import program, report, sites_of


LARGE = 4 << 20
# As in programs/fork_steps.c.
NESTED_PAIRS, PAIRS_OF_CHILD = 5, 5


def parent_trace_id(trace):
    """0 unless the process was forked from a traced one."""
    with open(trace, "rb") as file:
        return struct.unpack_from("<Q", file.read(56), 48)[0]


class Children(harness.Case):
    def read(self, traces):
        """Reports.  A large trace is read once, and not for each child that has blocks from there."""
        found = []
        for trace in traces:
            found.append(report(trace))
            self.assert_healthy(found[-1])
            if os.path.getsize(trace) > LARGE:
                os.remove(trace)
        return found

    def reports(self, how, traces, env=None, status=3):
        run = self.trace([program("children"), how], env=env)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (status, b"", b""))
        self.assertEqual(len(run.traces), traces, run.traces)
        found = self.read(run.traces)
        for data in found:
            self.assertEqual(data["errors"], [])
        # Parents first; an exec'd image after the one that it replaced.
        return sorted(found, key=lambda data: data["process"]["start_time_ns"])

    def count_of(self, data, function):
        return sum(site["allocations"] for site in sites_of(data, function))

    def assert_counts(self, data, parent, child):
        self.assertEqual((self.count_of(data, "parent_block"), self.count_of(data, "child_block")),
                         (parent, child))

    def test_fork(self):
        parent, child = self.reports("fork", 2)
        self.assert_counts(parent, 10, 0)
        self.assert_counts(child, 0, 7)
        self.assertEqual(child["process"]["ppid"], parent["process"]["pid"])
        self.assertEqual((parent["process"]["forked"], child["process"]["forked"]), (False, True))
        self.assertEqual((child["process"]["end"], child["process"]["exit_status"]), ("exit", 3))

    def test_nested_forks(self):
        reports = self.reports("nested", 4)
        self.assert_counts(reports[0], 10, 0)
        for data in reports[1:]:
            self.assert_counts(data, 0, 7)

    def test_forked_child_without_an_event_has_no_trace(self):
        parent, = self.reports("fork-exit", 1)
        self.assert_counts(parent, 10, 0)

    def test_fork_and_exec_is_one_more_trace(self):
        parent, child = self.reports("fork-exec", 2)
        self.assert_counts(parent, 10, 0)
        self.assert_counts(child, 0, 7)
        self.assertFalse(child["process"]["forked"])
        self.assertEqual(child["process"]["ppid"], parent["process"]["pid"])

    def test_crash_of_a_forked_child_without_an_event(self):
        run = self.trace([program("children"), "fork-crash"])
        self.assertEqual((run.returncode, run.stderr), (3, b""))
        child, = [data for data in map(report, run.traces) if data["process"]["forked"]]
        self.assertEqual((child["process"]["end"], child["process"]["signal"]), ("signal", 11))
        error, = child["errors"]
        self.assertEqual(error["kind"], "segfault")
        self.assertIn("use_idle_fork", harness.stack_functions(error["stack"]))

    def test_vfork(self):
        parent, = self.reports("vfork", 1)
        self.assert_counts(parent, 10, 0)
        self.assertEqual((parent["process"]["end"], parent["process"]["exit_status"]), ("exit", 3))

    def test_vfork_and_exec(self):
        parent, child = self.reports("vfork-exec", 2)
        self.assert_counts(parent, 10, 0)
        self.assert_counts(child, 0, 7)
        self.assertEqual(parent["process"]["end"], "exit")

    def test_posix_spawn(self):
        parent, child = self.reports("spawn", 2)
        self.assert_counts(parent, 10, 0)
        self.assert_counts(child, 0, 7)
        self.assertEqual(parent["process"]["end"], "exit")
        self.assertFalse(child["process"]["forked"])

    def test_exec(self):
        first, second = self.reports("exec", 2)
        self.assert_counts(first, 5, 0)
        self.assert_counts(second, 0, 7)
        self.assertEqual(first["process"]["pid"], second["process"]["pid"])
        self.assertEqual((first["process"]["end"], second["process"]["end"]), ("exec", "exit"))

    def test_exec_that_fails(self):
        data, = self.reports("exec-fails", 1)
        self.assert_counts(data, 10, 0)
        self.assertEqual(data["process"]["end"], "exit")

    def test_system(self):
        reports = self.reports("system", 2)
        self.assert_counts(reports[0], 10, 0)
        self.assertEqual(os.path.basename(reports[1]["process"]["exe"]),
                         os.path.basename(os.path.realpath("/bin/sh")))

    def test_fork_among_threads(self):
        reports = self.reports("threads", 41)
        self.assert_counts(reports[0], 10, 0)
        for data in reports[1:]:
            self.assert_counts(data, 0, 7)

    def test_children_are_left_alone_when_told_so(self):
        for how in "fork", "spawn", "vfork-exec", "system":
            with self.subTest(how):
                data, = self.reports(how, 1, env={"VMTRACE_CHILDREN": "ignore"})
                self.assert_counts(data, 10, 0)

    def test_only_what_is_forked_when_told_so(self):
        fork = {"VMTRACE_CHILDREN": "fork"}
        for how, children in (("fork", 1), ("nested", 3), ("spawn", 0), ("vfork-exec", 0),
                              ("fork-exec", 0), ("system", 0)):
            with self.subTest(how):
                parent, *forked = self.reports(how, 1 + children, env=fork)
                self.assert_counts(parent, 10, 0)
                for data in forked:
                    self.assert_counts(data, 0, 7)
                    self.assertEqual(data["process"]["end"], "exit")
        parent, child = self.reports("busy-fork-exec", 2, env=fork)
        self.assert_counts(parent, 10, 0)
        self.assert_counts(child, 0, 7)
        self.assertEqual((parent["process"]["end"], child["process"]["end"]), ("exit", "exec"))
        alone, = self.reports("exec", 1, env=fork)
        self.assertEqual(alone["process"]["end"], "exec")

    def test_output_without_the_pid_never_loses_a_trace(self):
        run = self.trace([program("children"), "nested"],
                         env={"VMTRACE_OUTPUT": self.path("same.vmt")})
        self.assertEqual((run.returncode, run.stderr), (3, b""))
        traces = self.find_traces("same.vmt*")
        self.assertEqual(len(traces), 4, traces)
        counts = sorted((self.count_of(data, "parent_block"), self.count_of(data, "child_block"))
                        for data in map(report, traces))
        self.assertEqual(counts, [(0, 7), (0, 7), (0, 7), (10, 0)])

    def hazard(self, how, status=0):
        run = self.trace([program("fork_hazards"), how])
        self.assertEqual((run.returncode, run.stdout, run.stderr), (status, b"", b""))
        return sorted(self.read(run.traces), key=lambda data: data["process"]["start_time_ns"])

    def test_fork_by_a_thread_that_never_allocated(self):
        for how in ("fresh-thread", "raw"):
            with self.subTest(how):
                parent, child = self.hazard(how)[-2:]
                self.assert_counts(parent, 30000, 0)
                self.assert_counts(child, 0, 20000)

    def test_fork_in_a_library_constructor(self):
        self.assertGreaterEqual(len(self.hazard("library")), 1)

    def test_fork_in_a_signal_handler_that_interrupted_the_recorder(self):
        self.assertGreaterEqual(len(self.hazard("handler")), 100)

    def test_fork_at_every_few_steps_of_an_interrupted_record(self):
        for before, how in ((2, "plain"), (20000, "plain"), (2, "nested")):
            with self.subTest(before=before, how=how):
                run = self.trace([program("fork_steps"), str(before), how])
                if run.returncode == 77:
                    self.skipTest("ptrace is not allowed here")
                self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
                forked = [trace for trace in run.traces if parent_trace_id(trace)]
                self.assertGreaterEqual(len(forked), 100)
                reports = self.read(set(run.traces) - set(forked))
                pairs = before + 1 + (NESTED_PAIRS if how == "nested" else 0)
                self.assertIn(pairs, [self.count_of(data, "parent_block") for data in reports])
                for data in self.read(forked[::20]):
                    self.assertGreaterEqual(self.count_of(data, "parent_block"), PAIRS_OF_CHILD)

    def test_fork_while_the_loader_is_locked(self):
        self.assertGreaterEqual(len(self.hazard("loader")), 40)

    def test_daemon(self):
        run = self.trace([program("fork_hazards"), "daemon"])
        self.assertEqual(run.returncode, 0)
        until = time.monotonic() + 300
        ends = []
        while len(ends) != 2 and time.monotonic() < until:
            time.sleep(0.05)
            ends = [report(trace)["process"] for trace in self.find_traces(f"{self.runs}.*")
                    if os.path.getsize(trace)]
            ends = sorted((one["end"], one["exit_status"]) for one in ends
                          if not one["forked"] or one["exit_status"] == 3)
        self.assertEqual(ends, [("exit", 0), ("exit", 3)])


if __name__ == "__main__":
    harness.main()
