#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whose resident memory is, why it grew, and the map: programs with memory of known owners."""
import json
import re
import signal
import subprocess

import jsonschema

import harness
from harness import in_stack, line_of, program, report

MIB = 1 << 20
PARTS = ("live_blocks", "allocator_free", "mappings", "files", "stacks", "tracer", "other")
SOURCE = "tests/e2e/programs/grown.c"


class Growth(harness.Case):
    def assert_near(self, value, expected, slack, what):
        self.assertLessEqual(abs(value - expected), slack, f"{what}: {value}, not {expected}")

    def text(self, trace, *options):
        done = subprocess.run([harness.REPORT, *options, trace], stdout=subprocess.PIPE,
                              timeout=300, check=True, env=harness.plain_environment())
        return done.stdout.decode()

    def grown(self, *arguments):
        run = self.trace([program("grown"), self.path("mapped"), *arguments])
        self.assertEqual(run.stderr, b"")
        data = report(run.trace)
        with open(harness.SCHEMA, encoding="utf-8") as source:
            schema = json.load(source)
        mine = ["growth", "map", "snapshots"]
        schema["properties"] = {name: schema["properties"][name] for name in mine}
        jsonschema.validate({name: data[name] for name in mine}, dict(schema, required=mine))
        return run, data

    def snapshot(self, data, name):
        found = [one for one in data["growth"]["residencies"] if one["name"] == name]
        self.assertEqual(len(found), 1, name)
        return found[0]

    def site(self, data, snapshot, function):
        found = [one for one in snapshot["sites"]
                 if in_stack(data["sites"][one["site"]]["stack"], function)]
        self.assertEqual(len(found), 1, function)
        return found[0]

    def assert_sums(self, data):
        self.assertTrue(data["growth"]["residencies"])
        for one in data["growth"]["residencies"]:
            where = one["name"] or one["reason"]
            self.assertEqual(sum(one["resident"][part] for part in PARTS), one["rss_bytes"], where)
            if one["kernel_rss_bytes"]:
                self.assert_near(one["rss_bytes"], one["kernel_rss_bytes"],
                                 one["kernel_rss_bytes"] // 100, where)
            for part in ("live_blocks", "mappings"):
                self.assertEqual(sum(site["resident_bytes"] - site["file_bytes"]
                                     for site in one["sites"] if site["part"] == part),
                                 one["resident"][part], f"{where}: {part}")
        for interval in data["growth"]["intervals"]:
            self.assertEqual(sum(interval["parts"].values()), interval["bytes"])
            self.assertEqual(sum(cause["bytes"] for cause in interval["causes"]),
                             interval["bytes"])

    def test_each_owner_has_its_pages(self):
        _, data = self.grown()
        self.assert_sums(data)
        second = self.snapshot(data, "second")
        for function, live, resident in (("first_blocks", 8000 * 1000, 8000 * 1000),
                                         ("second_block", 24 * MIB, 24 * MIB),
                                         ("own_mapping", 16 * MIB, 6 * MIB)):
            site = self.site(data, second, function)
            self.assertEqual(site["live_bytes"], live, function)
            self.assertEqual(site["resident_bytes"], resident, function)
            self.assertEqual(site["untouched_bytes"], live - resident, function)
            self.assertEqual(site["pss_bytes"], resident, function)  # nobody else's
        sparse = self.site(data, second, "sparse_block")
        if not second["huge_bytes"]:  # else one touch brings 2 MiB
            self.assert_near(sparse["resident_bytes"], 4 * MIB, 8192, "sparse_block")
        first = self.snapshot(data, "first")
        grown = {part: second["resident"][part] - first["resident"][part] for part in PARTS}
        self.assertEqual(grown["mappings"], 6 * MIB)
        self.assert_near(grown["files"], 4 * MIB, MIB // 2, "files")
        self.assert_near(grown["stacks"], MIB, 64 << 10, "stacks")
        self.assert_near(grown["other"], 2 * MIB, MIB // 4, "other: .bss")
        files = {one["name"]: one["resident_bytes"] for one in second["files"]}
        self.assertEqual(files[self.path("mapped")], 4 * MIB)

    def test_survivors_pin_pages(self):
        _, data = self.grown()
        second = self.snapshot(data, "second")
        site = self.site(data, second, "make_holes")
        # Of every 32 blocks, 4 pages, one block holds a page, one in 8 of them two; the others are
        # empty.
        self.assertEqual(site["live_blocks"], 20000 // 32)
        self.assert_near(site["pinned_bytes"], 20000 // 32 * (4096 * 9 // 8 - 512), MIB // 8,
                         "pinned")
        self.assertLessEqual(site["pinned_bytes"], second["pinned_bytes"])
        self.assert_near(second["free_page_bytes"], 20000 * 528 * 3 // 4, MIB, "empty pages")
        self.assertLessEqual(second["free_page_bytes"] + second["pinned_bytes"],
                             second["resident"]["allocator_free"])

    def test_sample_fragmentation(self):
        run = self.trace([harness.sample("fragmentation")])
        data = report(run.trace)
        self.assert_sums(data)
        at = self.snapshot(data, "in holes")
        site = self.site(data, at, "small_block")
        self.assertEqual(site["resident_bytes"], 1000 * 256)
        # 40 blocks of 272 bytes to a survivor: each has a page of its own, one in 16 has two.
        self.assert_near(site["pinned_bytes"], 1000 * (4096 * 17 // 16 - 256), MIB // 4, "pinned")
        self.assertGreater(at["resident"]["allocator_free"], 10 * MIB)
        text = self.text(run.trace, "--growth")
        self.assertRegex(text, r"free in pages that a few live blocks hold; .* by blocks of\n"
                         r" +small_block  .*fragmentation\.c")

    def test_time_line_tells_free_heap_at_each_snapshot(self):
        data = report(self.trace([harness.sample("fragmentation")]).trace)
        points = data["growth"]["samples"]
        self.assertTrue(all(isinstance(point["swap_bytes"], int) for point in points))
        told = [point for point in points if point["free_heap_bytes"] is not None]
        self.assertEqual(len(told), len(data["growth"]["residencies"]))
        for point, one in zip(told, data["growth"]["residencies"]):
            self.assertEqual(point["free_heap_bytes"], one["resident"]["allocator_free"])
            self.assert_near(point["rss_bytes"], one["rss_bytes"], MIB // 2, one["name"])
            self.assertLessEqual(point["t_ns"], one["t_ns"])
        self.assertGreater(max(point["free_heap_bytes"] for point in told), 10 * MIB)

    def test_sample_lazy(self):
        data = report(self.trace([harness.sample("lazy")]).trace)
        self.assert_sums(data)
        at = self.snapshot(data, "touched")
        untouched = self.site(data, at, "untouched_block")
        self.assertLessEqual(untouched["resident_bytes"], 4096)  # the allocator's header is there
        self.assertEqual(untouched["resident_bytes"] + untouched["untouched_bytes"], 32 * MIB)
        touched = self.site(data, at, "touched_block")
        self.assertEqual((touched["resident_bytes"], touched["untouched_bytes"]), (32 * MIB, 0))

    def test_cause_of_growth_is_named(self):
        run, data = self.grown()
        names = [one["name"] for one in data["growth"]["residencies"]]
        interval = [one for one in data["growth"]["intervals"]
                    if one["from"] == names.index("first") and one["to"] == names.index("second")]
        self.assertEqual(len(interval), 1)
        causes = [one for one in interval[0]["causes"] if one["site"] is not None]
        self.assertTrue(in_stack(data["sites"][causes[0]["site"]]["stack"], "second_block"))
        self.assertEqual(causes[0]["bytes"], 24 * MIB)
        text = " ".join(self.text(run.trace, "--growth").split())
        line = line_of(SOURCE, "second block")
        self.assertRegex(text, r'From snapshot "first" \([^)]*\) to snapshot "second" \([^)]*\) '
                         r"RSS grew by \S+ MiB: \d+ % live blocks from second_block "
                         rf"\(grown\.c:{line}\)")

    def test_sites_and_rss_at_end(self):
        _, data = self.grown()
        end = data["growth"]["rss_at_end"]
        self.assertEqual(end["reason"], "exit")
        self.assertEqual(sum(end[part] for part in PARTS), end["total_bytes"])
        sites = {tuple(frame["function"] for frame in site["stack"]): site
                 for site in data["growth"]["sites"]}
        found = [site for stack, site in sites.items() if "second_block" in stack]
        self.assertEqual([site["resident_bytes"] for site in found], [24 * MIB])
        self.assertEqual([site["swapped_bytes"] for site in found], [0])

    def test_snapshots_point_at_their_residency(self):
        _, data = self.grown()
        self.assertEqual([one["name"] for one in data["snapshots"]], ["first", "second"])
        for one in data["snapshots"]:
            residency = data["growth"]["residencies"][one["residency"]]
            self.assertEqual(residency["name"], one["name"])
            self.assertEqual(residency["rss_bytes"], one["rss_bytes"])

    def test_map_names_owners(self):
        run, data = self.grown()
        mappings = data["map"]["mappings"]
        # What the kernel says of the whole afterwards may have pages more, of the recorder's trace.
        last, resident = data["growth"]["residencies"][-1], sum(one["resident_bytes"] for one in mappings)
        self.assertEqual(last["rss_bytes"], max(resident, last["kernel_rss_bytes"]))
        self.assertIn(last["rss_bytes"] - resident, range(0, 65536))
        own = [one for one in mappings if one["owner"] == "mappings" and one["site"] is not None and
               in_stack(data["sites"][one["site"]]["stack"], "own_mapping")]
        self.assertEqual(sum(one["resident"]["mappings"] for one in own), 6 * MIB)
        mapped = [one for one in mappings if one["name"] == self.path("mapped")]
        self.assertEqual([(one["bytes"], one["resident_bytes"], one["owner"]) for one in mapped],
                         [(4 * MIB, 4 * MIB, "files")])
        binary = [one for one in data["map"]["binaries"] if one["path"].endswith("/grown")]
        self.assertEqual(len(binary), 1)
        self.assertGreaterEqual(binary[0]["bss"]["resident_bytes"], 2 * MIB - 8192)
        # The recorder's streams, in anonymous memory of its own.
        self.assertTrue(any(one["resident"].get("tracer") for one in mappings
                            if not one["name"] and not one["module"]))
        self.assertTrue(any(one["tracer"] for one in data["map"]["binaries"]))
        text = self.text(run.trace, "--map", "--top=0")
        self.assertRegex(text, r"rw-p .* own_mapping \(grown\.c:\d+\)")
        self.assertIn("main thread's stack", text.replace("stack of thread", "main thread's stack"))

    def test_folded_by_resident_bytes(self):
        run, _ = self.grown()
        folded = self.text(run.trace, "--format=folded", "--metric=resident").splitlines()
        found = [line for line in folded if "second_block" in line]
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].endswith(f" {24 * MIB}"), found)

    def test_killed_program_is_told_as_of_its_last_snapshot(self):
        run, data = self.grown("kill")
        self.assertEqual(run.returncode, -signal.SIGKILL)
        self.assert_sums(data)
        self.assertEqual(data["growth"]["residencies"][-1]["name"], "second")
        self.assertEqual(data["growth"]["rss_at_end"]["reason"], "snapshot")

    def test_without_snapshots_growth_is_an_estimate(self):
        run = self.trace([program("growing"), "steady"], env={"VMTRACE_RESIDENCY": "off"})
        data = report(run.trace)
        self.assertEqual(data["growth"]["residencies"], [])
        self.assertIsNone(data["growth"]["rss_at_end"]["live_blocks"])
        self.assertEqual(data["map"]["mappings"], [])
        self.assertIn("This is an estimate", self.text(run.trace, "--growth"))
        self.assertIn("No snapshot", self.text(run.trace, "--map"))

    def test_steady_growth_is_told_from_warm_up(self):
        steady = report(self.trace([program("growing"), "steady"]).trace)["growth"]["trend"]
        self.assertEqual(steady["kind"], "steady", steady)
        self.assertLessEqual(steady["bytes_per_second_low"], steady["bytes_per_second"])
        self.assertLessEqual(steady["bytes_per_second"], steady["bytes_per_second_high"])
        # 24 MiB in 1.2 s by its own clock
        self.assert_near(steady["bytes_per_second"], 20 * MIB, 4 * MIB, "slope")
        run = self.trace([program("growing"), "warm-up"])
        warm_up = report(run.trace)["growth"]["trend"]
        self.assertEqual(warm_up["kind"], "warm-up", warm_up)
        self.assertTrue(re.search("It grew at first only", self.text(run.trace, "--growth")))


if __name__ == "__main__":
    harness.main()
