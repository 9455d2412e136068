#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each sample shows what its comment promises."""
import json
import os
import signal

import jsonschema

import harness
from harness import faults_of, frame_of, line_of, sample, site_of, sites_of

ALL = ("arena_clear cow_fork double_free exchange fragmentation faults_major faults_minor "
       "file_mapping free_global free_on_stack huge_pages inlining invalid_free lazy leak "
       "leak_classes leak_loop madvise_return mismatched_free munmap_heap overcommit "
       "pause_resume phases_nested plugin_load pool_blocks realloc_freed shared_memory "
       "snapshot_request sparse_matrix stack_growth stack_overflow use_after_free "
       "use_after_unmap worker_threads write_past_end").split()
PAGE = os.sysconf("SC_PAGESIZE")


def count_of(fault):
    return fault["minor"] + fault["major"]


def thp_mode():
    try:
        with open("/sys/kernel/mm/transparent_hugepage/enabled", encoding="ascii") as source:
            return source.read().split("[")[1].split("]")[0]
    except (OSError, IndexError):
        return "never"


class Samples(harness.Case):
    def report_of(self, name, status=0, **options):
        return self.trace_report([sample(name)], status=status, **options)

    def assert_frame(self, stack, function, source, marker):
        """The frame of `function` stands on the marked line."""
        frame = frame_of(stack, function)
        self.assertEqual(os.path.basename(frame["file"]), os.path.basename(source))
        self.assertEqual(frame["line"], line_of(source, marker))
        return frame

    def assert_site(self, data, function, **expected):
        site = site_of(data, function)
        self.assertEqual({key: site[key] for key in expected}, expected)
        return site

    def assert_only_leaks(self, data, expected):
        """`expected`: function -> (blocks, bytes) of everything that is live at the end."""
        found = {}
        for leak in data["leaks"]:
            for function in expected:
                if harness.in_stack(leak["stack"], function):
                    blocks, size = found.get(function, (0, 0))
                    found[function] = blocks + leak["blocks"], size + leak["bytes"]
        self.assertEqual(found, expected)

    def error_of(self, data, kind):
        found = [error for error in data["errors"] if error["kind"] == kind]
        self.assertEqual(len(found), 1, data["errors"])
        return found[0]

    def test_leak(self):
        data = self.report_of("leak")
        self.assertEqual(data["process"]["end"], "exit")
        self.assertEqual(data["process"]["exit_status"], 0)
        self.assertEqual([data["summary"][key] for key in
                          ("allocations", "frees", "bytes_allocated", "live_bytes_at_end",
                           "live_blocks_at_end")], [6, 3, 900, 300, 3])
        self.assert_only_leaks(data, {"leak_record": (3, 300)})
        self.assertEqual(len(data["leaks"]), 1)
        site = self.assert_site(data, "leak_record", allocations=3, bytes_allocated=300,
                                live_blocks=3, live_bytes=300, kind="malloc")
        self.assertEqual(site["stack"][0]["function"], "leak_record")
        self.assert_frame(site["stack"], "leak_record", "samples/leak.c", "leaked here")
        self.assert_site(data, "use_record", allocations=3, live_blocks=0, temporary=3)

    def test_leak_classes(self):
        run = self.trace([sample("leak_classes")])
        data = harness.report(run.trace, "--show-leak-kinds=all")
        self.assertEqual(data["summary"]["scan"], "complete")
        found = {}
        for leak in data["leaks"]:
            function = next(name for name in harness.stack_functions(leak["stack"])
                            if name.startswith(("lose_", "keep_")))
            found[leak["class"], function] = (leak["blocks"], leak["bytes"])
        self.assertEqual(found, {
            ("definite", "lose_list"): (1, 16), ("indirect", "lose_list"): (4, 64),
            ("definite", "lose_ring"): (1, 24), ("indirect", "lose_ring"): (2, 48),
            ("possible", "keep_middle"): (1, 100), ("reachable", "keep_start"): (1, 200)})
        self.assertEqual((data["summary"]["leaked_blocks"], data["summary"]["leaked_bytes"]),
                         (8, 152))

    def test_leak_loop(self):
        data = self.report_of("leak_loop")
        site = self.assert_site(data, "remember_request", allocations=1000, live_blocks=1000,
                                live_bytes=1000000)
        self.assert_frame(site["stack"], "remember_request", "samples/leak_loop.c", "grows here")
        live = [one["live_bytes"] for one in data["growth"]["samples"]]
        self.assertGreaterEqual(len(live), 5)
        self.assertEqual(live, sorted(live))
        self.assertGreater(len(set(live)), 4)

    def test_lazy(self):
        data = self.report_of("lazy")
        size = 32 << 20
        touched = self.assert_site(data, "touched_block", allocations=1, bytes_allocated=size)
        untouched = self.assert_site(data, "untouched_block", allocations=1, bytes_allocated=size)
        if data["summary"]["fault_source"] != "off":
            pages = size // (PAGE if thp_mode() != "always" else 2 << 20)
            self.assertGreaterEqual(faults_of(touched), pages * 9 // 10)
            # What start-up code faulted in counts for the first event, too.
            self.assertLess(faults_of(untouched), 200)
        before, lazy, resident = data["snapshots"]
        self.assertEqual([one["live_bytes"] - before["live_bytes"] for one in (lazy, resident)],
                         [size, 2 * size])
        self.assertLess(lazy["rss_bytes"] - before["rss_bytes"], 1 << 20)
        self.assertGreaterEqual(resident["rss_bytes"] - lazy["rss_bytes"], size * 9 // 10)
        self.assertLess(resident["rss_bytes"] - lazy["rss_bytes"], size * 11 // 10)

    def test_faults_minor(self):
        data = self.report_of("faults_minor")
        site = self.assert_site(data, "fresh_pages", allocations=1, live_blocks=0)
        self.assert_frame(site["stack"], "fresh_pages", "samples/faults_minor.c",
                          "faulted in later")
        self.assertGreaterEqual(data["summary"]["minor_faults"], 1000)
        self.assertEqual(site["major_faults"], 0)
        if data["summary"]["fault_source"] == "perf":
            # The page with malloc's header is the block's, too, but faults in malloc.
            faults, = self.faults_by(data, "touch_pages", "touched")
            self.assertEqual(faults["kinds"], {"first_touch": 999})
            self.assertEqual(faults["target"]["kind"], "heap")
            self.assert_frame(faults["target"]["stack"], "fresh_pages", "samples/faults_minor.c",
                              "faulted in later")
            self.assertIn(site["minor_faults"], range(1000, 1100)) # with malloc's
        elif data["summary"]["exact_faults"]:
            self.assertGreaterEqual(site["minor_faults"], 1000)
            self.assertLess(site["minor_faults"], 1100)

    def test_faults_major(self):
        data = self.report_of("faults_major")
        cold, warm = site_of(data, "after_cold_read"), site_of(data, "after_warm_read")
        self.assertEqual((cold["allocations"], warm["allocations"]), (1, 1))
        self.assertEqual(warm["major_faults"], 0)
        if data["summary"]["fault_source"] != "perf":
            self.skipTest("where faults are is not known here")
        first, second = self.mappings_of(data, "read_file") # one by each call
        faults = [[one for one in self.faults_by(data, "read_file", "read here")
                   if one["target"]["site"] == mapping["site"]] for mapping in (first, second)]
        majors = [sum(one["major"] for one in found) for found in faults]
        for found in faults:
            self.assertGreaterEqual(sum(map(count_of, found)), 16)
            self.assertEqual({one["target"]["kind"] for one in found}, {"file"})
            self.assertTrue(all("faults_major.data" in one["target"]["name"] for one in found))
        self.assertEqual(min(majors), 0)
        if not data["summary"]["major_faults"]:
            self.skipTest("no major faults on this file system")
        self.assertGreaterEqual(max(majors), 1)

    def test_cow_fork(self):
        run = self.trace([sample("cow_fork")])
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(len(run.traces), 2)
        reports = [harness.report(trace) for trace in run.traces]
        for data in reports:
            self.assert_healthy(data)
        parent, child = reports
        if child["process"]["ppid"] != parent["process"]["pid"]: # pids wrapped around
            parent, child = child, parent
        self.assertEqual(child["process"]["exit_status"], 7)
        self.assertEqual(child["summary"]["allocations"], 1)
        self.assertEqual(child["summary"]["inherited_frees"], 1)
        self.assertEqual(child["errors"], [])
        self.assertEqual(parent["summary"]["live_blocks_at_end"], 0)
        if child["summary"]["exact_faults"]:
            copied = site_of(child, "after_copying")
            self.assertGreaterEqual(copied["minor_faults"], 1000)
            self.assertLess(copied["minor_faults"], 1200)
            self.assertLess(faults_of(site_of(parent, "after_waiting")), 100)

    def faults_by(self, data, function, marker=None):
        """The faults that `function` itself took; all on the marked line, if one is named."""
        found = [one for one in data["faults"] if one["code"]
                 and one["code"]["function"] == function and one["target"]]
        self.assertTrue(found, function)
        for one in found if marker else ():
            source = "samples/" + os.path.basename(one["code"]["file"])
            self.assertEqual(one["code"]["line"], line_of(source, marker))
        return found

    def mappings_of(self, data, function):
        return [one for one in data["mappings"] if harness.in_stack(one["stack"], function)]

    def test_sparse_matrix(self):
        data = self.report_of("sparse_matrix")
        self.assert_site(data, "new_matrix", allocations=1, bytes_allocated=2 << 30)
        if data["summary"]["fault_source"] != "perf":
            self.skipTest("where faults are is not known here")
        faults, = self.faults_by(data, "fill_diagonal", "touches a page")
        # The first page was there: malloc's header is on it.
        self.assertEqual(faults["kinds"], {"first_touch": 5242})
        self.assertTrue(harness.in_stack(faults["target"]["stack"], "new_matrix"))
        hints = [hint for hint in data["fault_summary"]["hints"] if "new_matrix" in hint]
        self.assertEqual(len(hints), 1)
        self.assertIn("Of 2.00 GiB", hints[0])

    def test_shared_memory(self):
        run = self.trace([sample("shared_memory")])
        self.assertEqual(run.returncode, 0, run.stderr)
        data = harness.report(run.traces[0])
        shared, = self.mappings_of(data, "map_shared")
        self.assertEqual((shared["calls"], shared["live_bytes"]), (1, 1 << 20))
        segment, = self.mappings_of(data, "attach_segment")
        self.assertEqual((segment["calls"], segment["live_bytes"]), (1, 0))
        self.assertEqual(segment["bytes_mapped"], 64 << 10)
        if data["summary"]["fault_source"] == "perf":
            self.assertGreaterEqual(sum(map(count_of, self.faults_by(data, "read_all"))), 16)

    def test_file_mapping(self):
        data = self.report_of("file_mapping")
        mapping, = self.mappings_of(data, "map_file")
        self.assertEqual([mapping[key] for key in
                          ("calls", "bytes_mapped", "live_bytes", "live_mappings")],
                         [1, 64 * 4096, 48 * 4096, 2])
        self.assertEqual(os.path.basename(mapping["name"]).split(" ")[0], "file_mapping.data")
        self.assert_frame(mapping["stack"], "map_file", "samples/file_mapping.c", "mapped here")

    def test_madvise_return(self):
        data = self.report_of("madvise_return")
        if data["summary"]["fault_source"] == "perf":
            faults = self.faults_by(data, "touch", "touched") # one or two: inlined or not
            for kind in "first_touch", "returned":
                self.assertEqual(sum(one["kinds"].get(kind, 0) for one in faults), 4000)
            self.assertEqual({one["target"]["kind"] for one in faults}, {"mapping"})
            giver = frame_of(faults[0]["target"]["given_back_by"], "main")
            self.assertEqual(giver["line"], line_of("samples/madvise_return.c", "given back"))
        touched, returned, again = (one["rss_bytes"] for one in data["snapshots"])
        self.assertGreater(touched - returned, 4000 * PAGE * 9 // 10)
        self.assertGreater(again - returned, 4000 * PAGE * 9 // 10)

    def test_fragmentation(self):
        data = self.report_of("fragmentation")
        self.assert_site(data, "small_block", allocations=40000, bytes_allocated=40000 * 256,
                         live_blocks=1000, live_bytes=1000 * 256, peak_bytes=40000 * 256,
                         peak_blocks=40000)
        self.assertEqual(data["summary"]["peak_live_bytes"], 40000 * 256)
        self.assertEqual(data["summary"]["peak_live_blocks"], 40000)
        holes, = data["snapshots"]
        self.assertEqual(holes["live_bytes"], 1000 * 256)
        self.assertGreater(holes["rss_bytes"], 40000 * 256)

    def test_overcommit(self):
        data = self.report_of("overcommit")
        site = site_of(data, "ask_too_much")
        self.assertEqual((site["failed"], site["allocations"]), (1, 0))
        self.assert_frame(site["stack"], "ask_too_much", "samples/overcommit.c", "refused")
        self.assertEqual(data["summary"]["failed_allocations"], 1)
        with open("/proc/sys/vm/overcommit_memory", encoding="ascii") as source:
            if source.read().strip() != "2":
                reserved, = self.mappings_of(data, "reserve_space")
                self.assertEqual(reserved["live_bytes"], 64 << 30)
        self.assertLess(data["summary"]["peak_rss_bytes"], 64 << 20)

    def test_stack_growth(self):
        data = self.report_of("stack_growth")
        site = self.assert_site(data, "at_the_bottom", allocations=1, bytes_allocated=50)
        self.assert_frame(site["stack"], "at_the_bottom", "samples/stack_growth.c", "deep")
        self.assertEqual(len(site["stack"]), 128)
        self.assertTrue(site["stack_cut"])
        if data["summary"]["exact_faults"]:
            self.assertGreaterEqual(site["minor_faults"], 500)
            self.assertLess(site["minor_faults"], 700)

    def test_stack_growth_with_depth_for_all(self):
        data = self.report_of("stack_growth", env={"VMTRACE_DEPTH": "1000"})
        site = site_of(data, "at_the_bottom")
        names = harness.stack_functions(site["stack"])
        self.assertEqual(names.count("descend"), 501)
        self.assertIn("main", names)
        self.assertFalse(site["stack_cut"])

    def test_double_free(self):
        run = self.trace([sample("double_free")])
        self.assertEqual(run.returncode, -signal.SIGABRT)
        data = harness.report(run.trace)
        self.assertEqual(data["process"]["end"], "signal")
        self.assertEqual(data["process"]["signal"], signal.SIGABRT)
        error = self.error_of(data, "double-free")
        self.assert_frame(error["allocated"], "make_block", "samples/double_free.c",
                          "allocated here")
        self.assert_frame(error["stack"], "second_owner", "samples/double_free.c",
                          "freed again here")
        self.assertEqual(data["summary"]["frees"], 1)

    def test_invalid_free(self):
        run = self.trace([sample("invalid_free")])
        self.assertEqual(run.returncode, -signal.SIGABRT)
        data = harness.report(run.trace)
        self.assertEqual(data["process"]["signal"], signal.SIGABRT)
        error = self.error_of(data, "invalid-free")
        self.assertIn("8 bytes into a block of 40 bytes", error["detail"])
        self.assert_frame(error["allocated"], "make_block", "samples/invalid_free.c",
                          "allocated here")
        self.assert_frame(error["stack"], "drop_inner", "samples/invalid_free.c",
                          "not what malloc returned")
        self.assertEqual(data["summary"]["live_blocks_at_end"], 1)

    def test_mismatched_free(self):
        data = self.report_of("mismatched_free")
        errors = data["errors"]
        self.assertEqual([error["kind"] for error in errors], ["mismatched-free"] * 2)
        owners = {function for error in errors for function in ("make_array", "make_raw")
                  if harness.in_stack(error["allocated"], function)}
        self.assertEqual(owners, {"make_array", "make_raw"})

    def test_use_after_unmap(self):
        run = self.trace([sample("use_after_unmap")])
        self.assertEqual(run.returncode, -signal.SIGSEGV)
        data = harness.report(run.trace)
        self.assertEqual(data["process"]["end"], "signal")
        self.assertEqual(data["process"]["signal"], signal.SIGSEGV)
        error = self.error_of(data, "segfault")
        self.assertEqual(int(str(error["address"]), 0) % PAGE, 16)
        self.assertEqual(error["stack"][0]["function"], "read_page")
        self.assert_frame(error["stack"], "read_page", "samples/use_after_unmap.c",
                          "crashes here")
        self.assert_only_leaks(data, {"keep_block": (1, 123)})

    def test_worker_threads(self):
        data = self.report_of("worker_threads")
        self.assert_site(data, "worker_block", allocations=800, bytes_allocated=800 * 64,
                         live_blocks=80, live_bytes=80 * 64)
        workers = {one["name"]: one for one in data["threads"]
                   if (one["name"] or "").startswith("worker-")}
        self.assertEqual(sorted(workers), [f"worker-{i}" for i in range(8)])
        for one in workers.values():
            self.assertEqual((one["allocations"], one["frees"]), (100, 90))

    def test_exchange(self):
        data = self.report_of("exchange")
        self.assert_site(data, "make_message", allocations=12800, live_blocks=0)
        self.assertEqual(data["errors"], [])
        self.assertEqual(data["process"]["threads"], 65)

    def test_inlining(self):
        data = self.report_of("inlining")
        site = self.assert_site(data, "shop::fill", allocations=10, live_blocks=10,
                                live_bytes=480, kind="new")
        source = "samples/inlining.cc"
        make = self.assert_frame(site["stack"], "shop::make_item", source, "inlined new")
        add = self.assert_frame(site["stack"], "shop::basket<int>::add", source, "inlined add")
        fill = self.assert_frame(site["stack"], "shop::fill", source, "not inlined")
        self.assertEqual([frame["inlined"] for frame in (make, add, fill)], [True, True, False])
        names = harness.stack_functions(site["stack"])
        self.assertTrue(names[0].startswith("shop::make_item"), names)

    def test_plugin_load(self):
        data = self.report_of("plugin_load")
        found = sites_of(data, "plugin_allocate")
        self.assertEqual(sum(site["live_bytes"] for site in found), 154)
        for site in found:
            frame = self.assert_frame(site["stack"], "plugin_allocate", "samples/plugin.c",
                                      "leaked by the plugin")
            self.assertTrue(frame["module"].endswith("libsample_plugin.so"))
            self.assert_frame(site["stack"], "use_plugin", "samples/plugin_load.c",
                              "calls the plugin")

    def test_huge_pages(self):
        data = self.report_of("huge_pages")
        if data["summary"]["fault_source"] != "perf":
            self.skipTest("where faults are is not known here")
        kinds = [one["kinds"] for one in self.faults_by(data, "touch_region", "touched")]
        if thp_mode() == "never":
            self.assertEqual(sum(one["first_touch"] for one in kinds), 4096)
            return
        self.assertEqual(sum(one.get("huge_page", 0) + one.get("first_touch", 0) // 512
                             for one in kinds), 8)
        self.assertIn({"first_touch": 2048}, kinds)

    def test_phases_nested(self):
        data = self.report_of("phases_nested")
        phases = {one["name"]: one for one in data["phases"]}
        self.assertEqual(sorted(phases), ["load", "parse", "serve"])
        got = {name: tuple(one[key] for key in
                           ("allocations", "frees", "bytes_allocated", "survivors_blocks",
                            "survivors_bytes"))
               for name, one in phases.items()}
        self.assertEqual(got, {"load": (30, 20, 3000, 10, 1000), "parse": (20, 20, 2000, 0, 0),
                               "serve": (5, 0, 500, 5, 500)})
        self.assertTrue(all(one["ended"] for one in phases.values()))
        self.assertLessEqual(phases["load"]["begin_ns"], phases["parse"]["begin_ns"])
        self.assertLessEqual(phases["parse"]["end_ns"], phases["load"]["end_ns"])
        self.assertLessEqual(phases["load"]["end_ns"], phases["serve"]["begin_ns"])

    def test_pause_resume(self):
        data = self.report_of("pause_resume")
        self.assert_site(data, "before_pause", allocations=5, live_blocks=0)
        self.assert_site(data, "after_pause", allocations=3, live_blocks=3)
        self.assertEqual(sites_of(data, "during_pause"), [])
        self.assertEqual(data["errors"], [])

    def test_blocks_of_before_a_paused_start_are_no_errors(self):
        data = self.trace_report([harness.program("paused_start")],
                                 env={"VMTRACE_START": "paused"})
        self.assertEqual(data["errors"], [])
        self.assertEqual((data["summary"]["allocations"], data["summary"]["frees"]), (1, 0))
        self.assertGreaterEqual(data["summary"]["inherited_frees"], 2)

    def test_pause_resume_when_started_paused(self):
        data = self.report_of("pause_resume", env={"VMTRACE_START": "paused"})
        self.assert_site(data, "after_pause", allocations=3, live_blocks=3)
        self.assertEqual(data["summary"]["allocations"], 3)
        self.assertEqual(data["errors"], [])

    def test_snapshot_request(self):
        data = self.report_of("snapshot_request")
        snapshots = data["snapshots"]
        self.assertEqual([one["name"] for one in snapshots], ["empty", "full", "drained"])
        empty, full, drained = snapshots
        self.assertEqual(full["live_bytes"] - empty["live_bytes"], 50000)
        self.assertEqual(full["live_blocks"] - empty["live_blocks"], 50)
        self.assertEqual(drained["live_bytes"], empty["live_bytes"])

    def test_pool_blocks(self):
        data = self.trace_report([sample("pool_blocks")], "--show-leak-kinds=all")
        pool, = data["pools"]
        self.assertEqual({key: pool[key] for key in
                          ("name", "allocations", "frees", "live_blocks", "live_bytes")},
                         {"name": "cells", "allocations": 11, "frees": 5, "live_blocks": 6,
                          "live_bytes": 5 * 16 + 24})
        # They are judged as the block that they lie in, to which there is a pointer.
        leaks = [one for one in data["leaks"] if one["pool"] == "cells"]
        self.assertEqual(sum(one["bytes"] for one in leaks), 104)
        self.assertEqual({one["class"] for one in leaks}, {"reachable"})
        self.assertEqual(data["summary"]["allocations"], 1)

    def test_arena_clear(self):
        data = self.report_of("arena_clear")
        pool, = data["pools"]
        self.assertEqual([pool[key] for key in ("name", "allocations", "frees", "bytes_allocated",
                                                "live_blocks", "live_bytes", "peak_bytes")],
                         ["request arena", 60, 40, 6000, 20, 2000, 2000])

    def test_counts_are_those_of_the_shim(self):
        # Each is deterministic; those that die or fork in the midst are covered elsewhere.
        for name in ALL:
            if name in ("double_free", "free_global", "free_on_stack", "invalid_free",
                        "pause_resume", "realloc_freed"):
                continue
            with self.subTest(name):
                run = self.trace([sample(name)])
                reports = [harness.report(trace)["summary"] for trace in run.traces]
                _, counts = self.count([sample(name)])
                self.assertEqual(sorted((one["allocations"], one["bytes_allocated"],
                                         one["frees"] + one["inherited_frees"])
                                        for one in reports if one["allocations"]),
                                 sorted((one.allocations, one.bytes_allocated, one.frees)
                                        for one in counts))

    def test_reports_follow_the_schema(self):
        with open(harness.SCHEMA, encoding="utf-8") as source:
            schema = json.load(source)
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        for name in ALL:
            with self.subTest(name):
                run = self.trace([sample(name)])
                for trace in run.traces:
                    validator(schema).validate(harness.report(trace))

    def test_all_samples_are_tested(self):
        folder = os.path.join(harness.SOURCE, "samples")
        sources = {os.path.splitext(name)[0] for name in os.listdir(folder)
                   if name.endswith((".c", ".cc"))}
        self.assertEqual(sources - {"plugin"}, set(ALL))


if __name__ == "__main__":
    harness.main()
