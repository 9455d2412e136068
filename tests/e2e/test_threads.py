#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threads in great number, what they free when they end, and threads stopped at any instruction."""
import os

import harness
from harness import program, report, sample, site_of, sites_of

# How many of a call's instructions are left out: 1 stops at each.
STRIDE = int(os.environ.get("E2E_STRIDE", "29"))


class Threads(harness.Case):
    def churn(self, at_once, waves):
        data = self.trace_report([program("thread_churn"), str(at_once), str(waves)])
        self.assertEqual(data["errors"], [])
        threads = at_once * waves
        blocks, last = site_of(data, "thread_block"), site_of(data, "last_block")
        self.assertEqual((blocks["allocations"], blocks["live_blocks"]), (9 * threads, 0))
        self.assertEqual((last["allocations"], last["live_blocks"]), (threads, 0))
        self.assertEqual(data["process"]["threads"], threads + 1)
        return data

    def test_many_at_once(self):
        self.churn(400, 2)

    def test_many_one_after_another(self):
        self.churn(1, 600)

    def test_no_frame_of_the_recorder_is_in_a_stack(self):
        data = self.churn(8, 2)
        self.assertTrue(sites_of(data, "main"))  # of threads' tables, below pthread_create
        self.assertTrue(site_of(data, "thread_block")["frames"])
        modules = {frame["module"] for site in data["sites"] for frame in site["stack"]}
        self.assertFalse([name for name in modules if "libvmtrace" in (name or "")])

    def test_counts_are_the_shims(self):
        data = self.churn(50, 4)["summary"]
        _, (counts,) = self.count([program("thread_churn"), "50", "4"])
        self.assertEqual((data["allocations"], data["bytes_allocated"], data["frees"]),
                         (counts.allocations, counts.bytes_allocated, counts.frees))

    def test_exchange_of_many_messages(self):
        data = self.trace_report([sample("exchange"), "3000"])
        self.assertEqual(data["errors"], [])
        site = site_of(data, "make_message")
        self.assertEqual((site["allocations"], site["live_blocks"]), (64 * 3000, 0))

    def test_exchange_ordered_by_a_counter(self):
        data = self.trace_report([sample("exchange"), "1000"], env={"VMTRACE_CLOCK": "counter"})
        self.assertEqual(data["errors"], [])
        site = site_of(data, "make_message")
        self.assertEqual((site["allocations"], site["live_blocks"]), (64 * 1000, 0))


class Stops(harness.Case):
    """A thread that stops for long in the middle of a call, at each instruction in turn."""

    def stop(self, how, stride=STRIDE, **env):
        if not os.path.exists(program("hook_stall")):
            self.skipTest("single steps are for x86-64")
        run = self.trace([program("hook_stall"), how, str(stride)], env=env,
                         preload=program("libreuse_malloc.so"), timeout=600)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        stops, blocks, moved, others = map(int, run.stdout.split())
        self.assertGreater(stops * stride, 3000)
        reports = {trace: report(trace, "--top=0") for trace in run.traces}
        for data in reports.values():
            self.assert_healthy(data)
            self.assertEqual(data["errors"], [])
        data = next(data for data in reports.values() if not data["process"]["forked"])
        found = [sum(site["allocations"] for site in sites_of(data, function)
                     if function == "other_block" or not harness.in_stack(site["stack"], "other_block"))
                 for function in ("victim_block", "victim_moved", "other_block")]
        self.assertEqual(found, [blocks, moved, others])
        return stops, len(run.traces)

    def test_others_go_on_and_order_is_kept(self):
        for clock in "tsc", "counter":
            with self.subTest(clock):
                self.stop("other", VMTRACE_CLOCK=clock)

    def test_handler_allocates_meanwhile(self):
        for clock in "tsc", "counter":
            with self.subTest(clock):
                self.stop("nested", VMTRACE_CLOCK=clock)

    def test_handler_forks_meanwhile(self):
        stops, traces = self.stop("fork", stride=4 * STRIDE)
        self.assertEqual(traces, stops + 1)


if __name__ == "__main__":
    harness.main()
