#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""However a process ends, its trace is complete up to that moment."""
import signal

import harness
from harness import program, report, sites_of

# how: (status, end, exit handlers run, destructors run)
ENDINGS = {
    "return": (7, "exit", True, True),
    "exit": (7, "exit", True, True),
    "_exit": (7, "exit", False, False),
    "_Exit": (7, "exit", False, False),
    "quick_exit": (7, "exit", True, False),
    "abort": (-signal.SIGABRT, "signal", False, False),
    "kill": (-signal.SIGKILL, "killed", False, False),
    "terminate": (-signal.SIGTERM, "killed", False, False),
    "thread": (7, "exit", True, True),
    "main-thread": (7, "exit", True, True),
    "syscall": (7, "killed", False, False),
}


class Endings(harness.Case):
    def count_of(self, data, function):
        return sum(site["allocations"] for site in sites_of(data, function))

    def test_every_way_to_end(self):
        for how, (status, end, handlers, destructors) in ENDINGS.items():
            with self.subTest(how):
                run = self.trace([program("endings"), how])
                self.assertEqual((run.returncode, run.stdout, run.stderr), (status, b"", b""))
                data = report(run.trace)
                self.assert_healthy(data)
                self.assertEqual(data["errors"][1:], [])
                process = data["process"]
                self.assertEqual(process["end"], end)
                self.assertEqual(process["exit_status"], status if end == "exit" else None)
                self.assertEqual(process["signal"], -status if end == "signal" else None)
                self.assertEqual([self.count_of(data, name) for name in
                                  ("early_block", "handler_block", "destructor_block")],
                                 [50, 3 * handlers, 2 * destructors])

    def test_counts_equal_the_shims(self):
        for how in ENDINGS:
            with self.subTest(how):
                run = self.trace([program("endings"), how])
                summary = report(run.trace)["summary"]
                _, counts = self.count([program("endings"), how])
                self.assertEqual([(summary["allocations"], summary["bytes_allocated"],
                                   summary["frees"])],
                                 [(one.allocations, one.bytes_allocated, one.frees)
                                  for one in counts])

    def test_a_signal_that_ends_the_process_is_still_its_end(self):
        run = self.trace(["sh", "-c", "kill -SEGV $$"])
        self.assertEqual(run.returncode, -signal.SIGSEGV)
        self.assertIn(report(run.trace)["process"]["end"], ("signal", "killed"))


if __name__ == "__main__":
    harness.main()
