#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records programs, and compares vmtrace-report with the decoder written from the specification."""
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest

import decode_trace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import surroundings  # noqa: E402,F401

REPORT, LIBRARY, WORKLOAD, DOCUMENT = sys.argv[1:5]

SAME = ("allocations", "frees", "bytes_allocated", "live_bytes_at_end", "live_blocks_at_end",
        "lost_events", "minor_faults", "major_faults")


class CrossCheck(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def record(self, *command, **variables):
        trace = os.path.join(self.folder.name, "t.vmt")
        environment = dict(os.environ, LD_PRELOAD=LIBRARY, VMTRACE_OUTPUT=trace,
                           PYTHONHASHSEED="0", PYTHONMALLOC="malloc", **variables)
        subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        return trace

    def compare(self, trace):
        """The totals by our decoder, after they were found to be the report's."""
        totals = decode_trace.totals(trace)
        output = subprocess.run([REPORT, "--format=json", trace], check=True,
                                stdout=subprocess.PIPE).stdout
        report = json.loads(output)
        summary = report["summary"]
        self.assertEqual({name: totals[name] for name in SAME},
                         {name: summary[name] for name in SAME})
        self.assertEqual(totals["exit_status"], report["process"]["exit_status"])
        return totals

    def test_single_thread_with_known_counts(self):
        totals = self.compare(self.record(WORKLOAD, "1", "1000"))
        # Per round: malloc, calloc, posix_memalign, one realloc and three frees.
        self.assertGreaterEqual(totals["allocations"], 4000)
        self.assertLess(totals["allocations"], 4100)
        self.assertGreaterEqual(totals["frees"], 4000)

    def test_facts_are_documented(self):
        # Short-lived processes do not tell all.
        _, streams = decode_trace.read(self.record("sleep", "0.05"))
        facts = {fields[0] for stream in streams.values()
                 for _, name, fields in stream.records() if name == "FACT"}
        with open(DOCUMENT, encoding="utf-8") as file:
            paragraph = re.search(r"^Keys of FACT records: .*?\n\n", file.read(), re.M | re.S)
        documented = set(re.findall(r"`(\w+)`", paragraph.group(0)))
        self.assertGreater(len(facts), 15)
        self.assertEqual(facts - documented, set())

    def test_threads_that_release_each_others_blocks(self):
        totals = self.compare(self.record(WORKLOAD, "8", "1000"))
        self.assertGreaterEqual(totals["allocations"], 8 * 4000)
        self.assertGreaterEqual(totals["threads"], 9)

    def test_stacks_fill_several_chunks(self):
        totals = self.compare(self.record(WORKLOAD, "2", "20000"))
        self.assertGreaterEqual(totals["allocations"], 160000)

    def test_sampled_estimates_and_their_errors(self):
        trace = self.record(WORKLOAD, "2", "5000", VMTRACE_SAMPLE="1000")
        totals = decode_trace.totals(trace)
        report = json.loads(subprocess.run([REPORT, "--format=json", trace], check=True,
                                           stdout=subprocess.PIPE).stdout)
        self.assertGreater(report["summary"]["samples"], 1000)
        # Each site's figure is rounded.
        for name in SAME[:5]:
            self.assertAlmostEqual(totals[name], report["summary"][name],
                                   delta=len(report["sites"]) + totals[name] * 1e-6, msg=name)
        self.assertAlmostEqual(1.959964 * math.sqrt(totals["variance"]),
                               report["summary"]["bytes_allocated_error"], delta=1)

    def test_python_interpreter(self):
        totals = self.compare(self.record("/usr/bin/python3", "-S", "-c",
                                          "import json; json.loads(json.dumps([{}] * 1000))"))
        self.assertGreater(totals["allocations"], 5000)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
