#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C++: exceptions through the wrappers of operator new, libraries loaded locally."""
import harness
from harness import program, sites_of


class Cxx(harness.Case):
    def test_exceptions(self):
        data = self.trace_report([program("cxx_throw")])
        self.assertEqual(data["errors"], [])
        after = sites_of(data, "after_all")
        self.assertEqual([(site["allocations"], site["bytes_allocated"], site["live_blocks"],
                           site["kind"]) for site in after], [(9, 9 * 55, 0, "new[]")])
        # 20 times five calls, and four attempts of the one with a new-handler.
        failed = sum(site["failed"] for site in data["sites"] if site["kind"].startswith("new"))
        self.assertEqual(failed, 104)

    def test_exceptions_count_as_the_shim_counts(self):
        data = self.trace_report([program("cxx_throw")])["summary"]
        _, (counts,) = self.count([program("cxx_throw")])
        # A failing nothrow form makes and frees an exception object of its own, inside; whether
        # that is the program's business is the recorder's choice, but it must balance.
        self.assertEqual(data["allocations"] - data["frees"], counts.allocations - counts.frees)

    def test_plugin_in_a_local_scope(self):
        data = self.trace_report([program("cxx_local"), program("cxx_plugin.so")])
        self.assertEqual(data["errors"], [])
        found = sites_of(data, "plugin_block")
        self.assertEqual([(sum(site[key] for site in found)) for key in
                          ("allocations", "bytes_allocated", "live_blocks")], [12, 252, 12])

    def test_plugin_whose_constructor_waits_for_a_thread(self):
        data = self.trace_report([program("cxx_local"), program("cxx_thread_plugin.so")])
        found = sites_of(data, "plugin_thread")
        self.assertEqual([sum(site[key] for site in found) for key in ("allocations", "live_blocks")],
                         [1, 0])


if __name__ == "__main__":
    harness.main()
