#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a forked child has from its parent has owners, and is no allocation of the child's."""
import os
import shutil
import subprocess
import time

import harness
from harness import inherited_sites_of, program, report, sites_of

TOUCHED, UNTOUCHED, MAPPED, SMALL, WRITTEN = 200, 300, 64, 1000, 50  # inherit_load.c
PAGE = 4096


def is_forked(path):
    return report(path)["process"]["forked"]


def faults_at(data, function):
    """By kind, of the inherited site of `function`."""
    kinds = {}
    for entry in data["fault_summary"]["by_target"]:
        site = entry["target"]["site"]
        if site is None or not data["sites"][site].get("inherited"):
            continue
        if harness.in_stack(data["sites"][site]["stack"], function):
            for kind, count in entry["kinds"].items():
                kinds[kind] = kinds.get(kind, 0) + count
    return {kind: count for kind, count in kinds.items() if count}


class Inherit(harness.Case):
    def load(self, *arguments, **env):
        """The parent's trace and the children's, oldest first."""
        run = self.trace([program("inherit_load"), *arguments], env=env)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        reports = {path: report(path, "--top=0") for path in run.traces}
        for data in reports.values():
            self.assert_healthy(data)
            self.assertEqual(data["errors"], [])
        parent, = [path for path in run.traces if not reports[path]["process"]["forked"]]
        children = sorted((path for path in run.traces if path != parent),
                          key=lambda path: reports[path]["process"]["start_time_ns"])
        return parent, children, reports

    def assert_taken(self, data, parent, blocks=SMALL + 2):
        inherited = data["process"]["inherited"]
        self.assertEqual((inherited["state"], inherited["trace"]), ("taken", parent))
        self.assertGreaterEqual(inherited["blocks"], blocks)
        self.assertLess(inherited["blocks"], blocks + 20)  # libc's own
        self.assertEqual(inherited_sites_of(data, "make_newer"), [])

    def live(self, data, function):
        return sum(site["live_blocks"] for site in inherited_sites_of(data, function))

    def assert_child(self, data):
        """The one that does work_in_child."""
        self.assertEqual(self.live(data, "make_touched"), 1)
        self.assertEqual(self.live(data, "make_untouched"), 1)
        self.assertEqual(self.live(data, "make_small"), SMALL - 11)
        self.assertEqual(self.live(data, "make_mapped"), 1)
        self.assertEqual(data["summary"]["inherited_frees"], 11)
        own, = sites_of(data, "child_leak")
        self.assertEqual((own["live_blocks"], own["live_bytes"]), (1, 1000))
        leaks = [leak for leak in data["leaks"] if harness.in_stack(leak["stack"], "make_small")]
        self.assertEqual(leaks, [])
        self.assertEqual(sites_of(data, "make_small"), [])

    def assert_copies(self, data, written=WRITTEN):
        """Each page that was written is of the site that has it, and was copied if it was there."""
        if data["summary"]["fault_source"] != "perf":
            self.skipTest("no perf events here")
        self.assertEqual(faults_at(data, "make_touched"), {"copy_on_write": written})
        self.assertEqual(faults_at(data, "make_mapped"), {"copy_on_write": WRITTEN // 2})
        # malloc wrote a header into the first page.
        self.assertEqual(faults_at(data, "make_untouched"),
                         {"copy_on_write": 1, "first_touch": WRITTEN // 5 - 1})

    def test_fork(self):
        parent, (child,), reports = self.load("fork")
        self.assert_taken(reports[child], parent)
        self.assert_child(reports[child])
        self.assertEqual(reports[parent]["process"].get("inherited"), None)
        self.assertFalse([site for site in reports[parent]["sites"] if site.get("inherited")])
        self.assert_copies(reports[child])

    def test_text_names_who_allocated_what_was_copied(self):
        parent, (child,), reports = self.load("fork")
        if reports[child]["summary"]["fault_source"] != "perf":
            self.skipTest("no perf events here")
        text = subprocess.run([harness.REPORT, "--faults", child], stdout=subprocess.PIPE,
                              env=harness.plain_environment(), check=True).stdout.decode()
        self.assertRegex(text, r"copied pages\s+inherited from process %d, 50 of them allocated by\s+"
                               r"make_touched" % reports[parent]["process"]["pid"])
        self.assertIn("touches inherited heap of make_touched", text)

    def test_fork_in_a_thread(self):
        parent, (child,), reports = self.load("thread")
        self.assert_taken(reports[child], parent)
        self.assert_child(reports[child])
        self.assert_copies(reports[child])

    def test_raw_clone(self):
        parent, (child,), reports = self.load("raw")
        data = reports[child]
        self.assertEqual(data["process"]["inherited"]["state"], "taken")
        self.assertEqual(self.live(data, "make_small"), SMALL - 11)
        self.assertEqual([note for note in data["notes"] if "moment of the fork" in note],
                         [note for note in data["notes"] if "moment" in note])
        self.assertTrue([note for note in data["notes"] if "moment of the fork" in note])

    def test_grandchild_has_from_both(self):
        parent, (child, grandchild), reports = self.load("nested")
        self.assert_taken(reports[child], parent)
        self.assert_child(reports[child])
        data = reports[grandchild]
        # 11 fewer of the parent's, 2 more of the child's.
        self.assert_taken(data, child, SMALL + 2 - 11 + 2)
        self.assertEqual(self.live(data, "make_small"), SMALL - 11 - 1)
        self.assertEqual(self.live(data, "child_leak"), 1)
        self.assertEqual(sum(self.live(data, name) for name in ("make_touched", "make_untouched")), 2)
        self.assertEqual(data["summary"]["inherited_frees"], 2)
        self.assertEqual(data["leaks"], [])
        if data["summary"]["fault_source"] == "perf":
            self.assertEqual(faults_at(data, "make_touched"), {"copy_on_write": WRITTEN})

    def test_daemon(self):
        run = self.trace([program("inherit_load"), "daemon"])
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        parent, child = self.wait_for_ends(2)
        data = report(child, "--top=0")
        self.assert_taken(data, parent)
        self.assert_child(data)

    def test_child_of_a_large_process_that_writes_before_its_first_event(self):
        parent, (child,), reports = self.load("idle", "1", "20000")
        self.assert_taken(reports[child], parent)
        self.assert_child(reports[child])
        self.assert_copies(reports[child])

    def test_fifty_children(self):
        parent, children, reports = self.load("fork", "50")
        self.assertEqual(len(children), 50)
        for child in children:
            self.assert_taken(reports[child], parent)
            self.assert_child(reports[child])
            if reports[child]["summary"]["fault_source"] == "perf":
                self.assertEqual(faults_at(reports[child], "make_touched"),
                                 {"copy_on_write": WRITTEN})

    def test_without_perf_events(self):
        parent, (child,), reports = self.load("fork", VMTRACE_FAULTS="rusage")
        self.assert_taken(reports[child], parent)
        self.assert_child(reports[child])
        self.assertEqual(faults_at(reports[child], "make_touched"), {})

    def test_sampled(self):
        parent, (child,), reports = self.load("fork", VMTRACE_SAMPLE="512")
        inherited = reports[child]["process"]["inherited"]
        self.assertEqual((inherited["state"], inherited["trace"]), ("taken", parent))
        self.assertEqual(self.live(reports[child], "make_touched"), 1)

    def test_residency_of_inherited_blocks(self):
        _, (child,), reports = self.load("idle", "1", "20000")
        last = reports[child]["growth"]["residencies"]
        if not last:
            self.skipTest("no snapshot was taken")
        site, = inherited_sites_of(reports[child], "make_touched")
        self.assertGreaterEqual(site["resident_bytes"], 19900 * PAGE)

    def wait_for_ends(self, count):
        """The traces of so many processes, the forked ones last."""
        until = time.monotonic() + 300
        ended = []
        while len(ended) < count and time.monotonic() < until:
            time.sleep(0.05)
            found = [path for path in self.find_traces("1.*") if os.path.getsize(path)]
            ended = [path for path in found if report(path)["process"]["end"] == "exit"]
        return sorted(ended, key=is_forked)

    # ---- the parent's trace is not as it was ----

    def state(self, child):
        data = report(child)
        self.assert_healthy(data)
        return data["process"]["inherited"]["state"], " ".join(data["notes"])

    def test_parents_trace_is_missing_or_another_one(self):
        parent, (child,), _ = self.load("fork")
        os.rename(parent, self.path("away"))
        self.assertEqual(self.state(child)[0], "missing")
        self.assertIn("was not found", self.state(child)[1])
        shutil.copy(child, parent)
        self.assertEqual(self.state(child)[0], "other")
        with open(parent, "wb") as file:
            file.write(b"\x7fnot a trace")
        self.assertEqual(self.state(child)[0], "unreadable")
        os.remove(parent)
        os.mkfifo(parent)  # that nobody writes to
        self.assertEqual(self.state(child)[0], "missing")

    def test_parents_trace_is_damaged(self):
        parent, (child,), _ = self.load("fork")
        with open(parent, "r+b") as file:
            file.seek(5000)
            file.write(b"\xff" * 64)
        state, notes = self.state(child)
        self.assertEqual(state, "taken")
        self.assertIn("not whole", notes)

    def test_traces_that_were_moved_or_compacted(self):
        parent, (child,), _ = self.load("fork")
        folder = self.path("moved")
        os.mkdir(folder)
        for path in parent, child:
            shutil.move(path, folder)
        moved = [os.path.join(folder, os.path.basename(path)) for path in (parent, child)]
        self.assert_taken(report(moved[1], "--top=0"), moved[0])
        for path in moved:
            subprocess.run([harness.DRIVER, "compact", "--remove", path], check=True,
                           stdout=subprocess.DEVNULL)
        data = report(moved[1] + "z", "--top=0")
        self.assert_taken(data, moved[0] + "z")
        self.assert_child(data)


if __name__ == "__main__":
    harness.main()
