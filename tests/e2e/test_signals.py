#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signal handlers that allocate, at any instruction of the recorder."""
import signal

import harness
from harness import program, report, sites_of


class Signals(harness.Case):
    def storm(self, how):
        bump = program("libbump_malloc.so")
        run = self.trace([program("signal_storm"), how], preload=bump)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        data = report(run.trace)
        return data, [int(word) for word in run.stdout.split()]

    def count_of(self, data, function):
        return sum(site["allocations"] for site in sites_of(data, function))

    def test_handler_that_allocates(self):
        for _ in range(3):
            data, (in_loop, in_handler, _) = self.storm("count")
            self.assert_healthy(data)
            self.assertEqual(data["errors"], [])
            self.assertGreater(in_handler, 500)
            handler = self.count_of(data, "handler_block")
            # A handler may run within loop_block(): then both are in the stack.
            loop = sum(site["allocations"] for site in sites_of(data, "loop_block")
                       if not harness.in_stack(site["stack"], "handler_block"))
            self.assertEqual((loop, handler), (in_loop, in_handler))
            self.assertEqual(self.count_of(data, "final_block"), 1000)

    def test_handler_that_jumps_out(self):
        for _ in range(3):
            data, (_, in_handler, jumps) = self.storm("jump")
            self.assertGreater(jumps, 100)
            self.assertEqual(data["summary"]["impossible"], 0)
            self.assertEqual(data["summary"]["lost_events"], 0)
            self.assertEqual(self.count_of(data, "handler_block"), in_handler)
            self.assertEqual(self.count_of(data, "final_block"), 1000)

    def test_dispositions_are_shown_as_if_untraced(self):
        untraced = self.run_program([program("signal_manners"), "shown"])
        run = self.trace([program("signal_manners"), "shown"])
        self.assertEqual(untraced.stdout, b"restart 0, sigset 1 1, signal 1 1\n")
        self.assertEqual((run.returncode, run.stdout), (0, untraced.stdout))

    def test_sent_abort_signal_still_ends_the_program(self):
        for how in ("raise", "kill", "small-stack"):
            with self.subTest(how):
                run = self.trace([program("signal_manners"), how])
                self.assertEqual(run.returncode, -signal.SIGABRT)
                process = report(run.trace)["process"]
                self.assertEqual((process["end"], process["signal"]), ("signal", signal.SIGABRT))

    def test_exec_without_a_path(self):
        data = self.trace_report([program("signal_manners"), "no-exec"])
        self.assert_healthy(data)
        self.assertEqual(data["process"]["end"], "exit")


if __name__ == "__main__":
    harness.main()
