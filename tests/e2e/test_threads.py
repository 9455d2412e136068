#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threads in great number, and what they free when they end."""
import harness
from harness import program, sample, site_of


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


if __name__ == "__main__":
    harness.main()
