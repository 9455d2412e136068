#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The exit scan of a process that has hardly done anything: it looks at little, and comes to the
same as the one that looks through all memory."""
import os
import unittest

import harness
from harness import program, report
from test_scan_record import scans

SIZE = 1000
# Place of the only pointer: whether little is looked at, and blocks by class.
PLACES = {
    "variable": (True, {"reachable": 1}),
    "thread_local": (True, {"reachable": 1}),
    "specific": (True, {"reachable": 1}),
    "environment": (True, {"reachable": 1}),
    "stack": (True, {"reachable": 1}),
    "chain": (True, {"reachable": 20}),
    "all_freed": (True, {}),
    "unreadable": (True, {"reachable": 1}),
    "stack_guard": (True, {"reachable": 1}),
    "thread_local_guard": (True, {"reachable": 1}),
    "all_sorts": (True, {"reachable": 3}),
    "interior": (False, {"possible": 1}),
    "lost": (False, {"definite": 1}),
    "cycle": (False, {"definite": 1, "indirect": 1}),
    "freed": (False, {"definite": 1}),
    "mapping": (False, {"reachable": 1}),
    "unseen_mapping": (False, {"reachable": 1}),
    "break": (False, {"reachable": 1}),
    "large": (False, {"reachable": 1}),
    "many": (False, {"reachable": 300}),
    "deep_stack": (False, {"reachable": 1}),
    "forked": (True, {"reachable": 1}),
}
# An option that changes nothing, but that there are options.
ALL_MEMORY = {"LSAN_OPTIONS": "exitcode=23"}


@unittest.skipUnless(os.uname().machine == "x86_64", "elsewhere all memory is looked through")
class Small(harness.Case):
    def look(self, place, **variables):
        """Blocks by class, what keeps them alive, and whether all memory was looked through."""
        name = "scan_small_large" if place == "large" else "scan_small"
        run = self.trace([program(name), place],
                         dict({"SCAN_SMALL": "1", "VMTRACE_CHILDREN": "ignore"}, **variables))
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        one, = scans(run.trace)
        self.assertEqual(one.error, 0)
        whole = any(name == "[vdso]" for _, _, name in one.regions)
        told = report(run.trace, "--show-leak-kinds=all", "--top=0")
        classes = {}
        for leak in told["leaks"]:
            classes[leak["class"]] = classes.get(leak["class"], 0) + leak["blocks"]
        roots = [(root["kind"], root["name"], root["pointers"], root["bytes"], root["blocks"])
                 for root in (told["retention"] or {"roots": []})["roots"]]
        return classes, sorted(roots, key=str), whole

    def test_places(self):
        for place, (small, expected) in PLACES.items():
            with self.subTest(place):
                classes, roots, whole = self.look(place)
                self.assertEqual((classes, not whole), (expected, small))
                compared = self.look(place, **ALL_MEMORY)
                self.assertEqual((classes, roots, True), compared)

    def test_other_thread(self):
        """One that was stopped may have the loader's lock, which this way would wait for."""
        classes, _, whole = self.look("other_thread", VMTRACE_FAULTS="off")
        self.assertEqual((classes, whole), ({"reachable": 2}, True))

    def test_forked_child_looks_at_all(self):
        run = self.trace([program("scan_small"), "forked"])
        for trace in run.traces:
            one, = scans(trace)
            child = report(trace)["process"].get("forked_from") is not None
            self.assertEqual(any(name == "[vdso]" for _, _, name in one.regions), child)

    def test_other_programs(self):
        """Of real ones the verdict is the same, whichever way."""
        for words in (["true"], ["uname", "-a"], ["date"], ["echo", "word"], ["expr", "1", "+", "2"],
                      ["printenv"], ["sleep", "0"], ["ls", "/"], ["sort", "/dev/null"]):
            with self.subTest(words[0]):
                told = []
                for variables in ({}, ALL_MEMORY):
                    run = self.trace(words, variables)
                    leaks = report(run.trace, "--show-leak-kinds=all", "--top=0")["leaks"]
                    told.append(sorted((leak["class"], leak["bytes"], leak["blocks"])
                                       for leak in leaks))
                self.assertEqual(told[0], told[1])


if __name__ == "__main__":
    harness.main()
