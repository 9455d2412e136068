#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other allocators, preloaded behind the recorder."""
import glob

import harness
from harness import program, sample, site_of, sites_of


class Allocators(harness.Case):
    def find(self, name):
        found = sorted(glob.glob(f"/usr/lib/*/{name}.so*") + glob.glob(f"/usr/lib/{name}.so*"))
        if not found:
            self.skipTest(f"{name} is not installed")
        return found[0]

    def check(self, name):
        library = self.find(name)
        data = self.trace_report([sample("leak")], preload=library)
        site = site_of(data, "leak_record")
        self.assertEqual((site["allocations"], site["live_bytes"]), (3, 300))
        self.assertIn(name, dict((fact["key"], fact["value"])
                                 for fact in data["facts"])["allocator"])
        data = self.trace_report([sample("exchange")], preload=library)
        site = site_of(data, "make_message")
        self.assertEqual((site["allocations"], site["live_blocks"]), (12800, 0))
        self.assertEqual(data["errors"], [])
        data = self.trace_report([sample("inlining")], preload=library)
        found = sites_of(data, "shop::fill")
        self.assertEqual([(site["allocations"], site["live_bytes"], site["kind"])
                          for site in found], [(10, 480, "new")])
        data = self.trace_report([program("thread_churn"), "50", "2"], preload=library)
        self.assertEqual(site_of(data, "thread_block")["live_blocks"], 0)
        self.assertEqual(data["errors"], [])
        run = self.trace([program("children"), "threads"], preload=library)
        self.assertEqual((run.returncode, run.stderr), (3, b""))
        for trace in run.traces:
            self.assert_healthy(harness.report(trace))

    def test_jemalloc(self):
        self.check("libjemalloc")

    def test_tcmalloc(self):
        self.check("libtcmalloc_minimal")

    def test_mimalloc(self):
        self.check("libmimalloc")

    def test_allocator_before_the_recorder(self):
        # It takes the calls: the recorder sees nothing, harms nothing, and the report says so.
        library = self.find("libjemalloc")
        run = self.run_program([sample("leak")], preload=f"{library}:{harness.LIBRARY}",
                               env={"VMTRACE_OUTPUT": self.path("x.vmt")}, timeout=300)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        data = harness.report(self.path("x.vmt"))
        self.assertEqual(sites_of(data, "leak_record"), [])


if __name__ == "__main__":
    harness.main()
