#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leaks over several scans: what grew from one to the next, and in which phase."""
import subprocess

from harness import REPORT, Case, in_stack, main, program, report


class Growth(Case):
    def setUp(self):
        super().setUp()
        self.run_ = self.trace([program("leak_phases")])
        self.assertEqual(self.run_.returncode, 0, self.run_.stderr)
        self.data = report(self.run_.trace)

    def leaks_of(self, function):
        return [leak for leak in self.data["leaks"] if in_stack(leak["stack"], function)]

    def test_each_scan_is_told(self):
        scans = self.data["scans"]
        self.assertEqual([(scan["reason"], scan["name"]) for scan in scans],
                         [("snapshot", "first"), ("snapshot", "second"), ("snapshot", "third"),
                          ("exit", "")])
        self.assertEqual([scan["definite_blocks"] for scan in scans], [3, 9, 10, 10])
        self.assertEqual([scan["definite_bytes"] for scan in scans],
                         [192, 576, 1076, 1076])
        for scan in scans[:3]:
            self.assertGreaterEqual(scan["reachable_blocks"], 8)
            self.assertGreater(scan["pause_ns"], 0)

    def test_seen_in_how_many(self):
        self.assertEqual({(leak["class"], leak["blocks"], leak["scans_seen"],
                           leak["before_blocks"]) for leak in self.leaks_of("lose")},
                         {("definite", 3, 4, 3), ("definite", 6, 3, 6)})
        once, = self.leaks_of("lose_once")
        self.assertEqual((once["class"], once["blocks"], once["scans_seen"]), ("definite", 1, 2))

    def test_phases(self):
        leaked = {phase["name"]: (phase["leaked_bytes"], phase["leaked_blocks"])
                  for phase in self.data["phases"]}
        self.assertEqual(leaked, {"first": (192, 3), "second": (384, 6), "third": (0, 0)})

    def test_text_says_so(self):
        text = subprocess.run([REPORT, "--leaks", self.run_.trace], stdout=subprocess.PIPE,
                              universal_newlines=True, timeout=300, check=True).stdout
        self.assertRegex(text, r"lost: 576 B in 9 blocks")
        self.assertIn("lost in 4 scans", text)


if __name__ == "__main__":
    main()
