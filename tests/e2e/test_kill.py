#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment leaves a readable trace without contradictions."""
import glob
import os
import random
import time

import harness
from harness import program, report

ROUNDS = int(os.environ.get("E2E_KILLS", "10"))


class Kill(harness.Case):
    def assert_readable(self, path, ready):
        """`ready`: it was killed after its first line, when there must be a trace."""
        if not ready and (not os.path.exists(path) or os.path.getsize(path) == 0):
            return 0
        data = report(path)
        self.assertEqual(data["summary"]["impossible"], 0)
        self.assertEqual(data["summary"]["lost_events"], 0)
        self.assertEqual(data["errors"], [])
        self.assertEqual(data["process"]["end"], "killed")
        self.assertIsNone(data["process"]["exit_status"])
        return data["summary"]["allocations"]

    def test_killed_at_random_moments(self):
        dice = random.Random(11)
        recorded = 0
        for number in range(10 * ROUNDS):
            if number >= ROUNDS and recorded > ROUNDS * 100:
                break
            threads = str(dice.choice((1, 4, 16)))
            with self.subTest(number=number, threads=threads):
                with self.start("0", threads, VMTRACE_OUTPUT=self.path("%p.vmt")) as process:
                    self.assertEqual(process.stdout.readline(), b"ready\n")
                    time.sleep(dice.random() * 0.03)
                path = self.path(f"{process.pid}.vmt")
                recorded += self.assert_readable(path, True)
                os.unlink(path)
        self.assertGreater(recorded, ROUNDS * 100)

    def test_killed_while_it_starts(self):
        dice = random.Random(12)
        # On a busy machine a start takes longer.
        for number in range(100 * ROUNDS):
            if number >= ROUNDS and glob.glob(self.path("*.vmt")):
                break
            with self.subTest(number=number):
                with self.start("0", "4", VMTRACE_OUTPUT=self.path("%p.vmt")) as process:
                    time.sleep(dice.random() * 0.006 * max(1, number / ROUNDS))
                    process.kill()
                    ready = bool(process.stdout.read())
                self.assert_readable(self.path(f"{process.pid}.vmt"), ready)
        self.assertTrue(glob.glob(self.path("*.vmt")))

    def test_running_process_can_be_reported(self):
        # It may write faster than reports read: without a cap each would take longer than the last.
        with self.start("0", "4", VMTRACE_MAX_SIZE="16M",
                        VMTRACE_OUTPUT=self.path("%p.vmt")) as process:
            self.assertEqual(process.stdout.readline(), b"ready\n")
            # While it writes: what is read twice differs, but each reading is whole.
            seen = []
            while len(seen) < 5 or not seen[-1]:
                data = report(self.path(f"{process.pid}.vmt"))
                self.assertEqual(data["process"]["end"], "running")
                self.assertEqual(data["summary"]["impossible"], 0)
                seen.append(data["summary"]["allocations"])
            self.assertEqual(seen, sorted(seen))


if __name__ == "__main__":
    harness.main()
