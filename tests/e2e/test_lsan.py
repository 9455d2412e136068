#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""LeakSanitizer's interface: its functions, what a program may define for it, and LSAN_OPTIONS."""
import os
import subprocess

import harness
from harness import in_stack, program, report

CALLS = program("lsan_calls")
HOOKS = program("lsan_hooks")


def classes_of(data, function):
    """[(class, blocks, suppressed)] of the leaks with `function` in their stack."""
    return sorted((leak["class"], leak["blocks"], leak["suppressed"]) for leak in data["leaks"]
                  if in_stack(leak["stack"], function))


def lost_blocks(data, function):
    return sum(blocks for kind, blocks, _ in classes_of(data, function)
               if kind in ("definite", "indirect"))


def facts_of(data):
    return {fact["key"]: fact["value"] for fact in data["facts"]}


class Lsan(harness.Case):
    def calls(self, what, **env):
        run = self.trace([CALLS, what], env=env)
        self.assertEqual(run.returncode, 0, run.stderr)
        return report(run.trace, "--show-leak-kinds=all")

    def test_untraced_programs_are_as_before(self):
        run = self.run_program([CALLS, "lose"])
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"untraced\n", b""))

    def test_without_calls_everything_counts(self):
        data = self.calls("lose")
        self.assertEqual(lost_blocks(data, "lose"), 3)
        self.assertNotIn("lsan_options", facts_of(data))

    def test_blocks_between_disable_and_enable_are_no_leaks(self):
        data = self.calls("disable")
        self.assertEqual(data["summary"]["leaked_blocks"], 0)
        self.assertEqual(sum(blocks for _, blocks, _ in classes_of(data, "lose_disabled")), 3)

    def test_an_ignored_object_holds_what_it_points_to(self):
        data = self.calls("object")
        self.assertEqual(classes_of(data, "lose_ignored"), [("reachable", 4, False)])

    def test_what_hangs_on_an_ignored_block_is_held(self):
        data = self.calls("hang")
        self.assertEqual(classes_of(data, "hang"), [("reachable", 2, False)])

    def test_other_threads_and_the_next_one_go_on_leaking(self):
        data = self.calls("thread")
        self.assertEqual(lost_blocks(data, "lose_in_next_thread"), 1)
        self.assertEqual(lost_blocks(data, "next_thread"), 1)

    def test_root_regions_hold_what_they_point_to(self):
        data = self.calls("region-kept")
        self.assertEqual(classes_of(data, "lose_region"),
                         [("definite", 1, False), ("reachable", 2, False)])
        data = self.calls("region")
        self.assertEqual(classes_of(data, "lose_region"),
                         [("definite", 1, False), ("indirect", 2, False)])

    def test_a_forked_child_goes_on_ignoring(self):
        run = self.trace([CALLS, "fork"])
        datas = [report(trace, "--show-leak-kinds=all") for trace in run.traces]
        lost = [lost_blocks(data, "in_child") for data in datas if data["summary"]["allocations"]]
        self.assertEqual(lost, [3])

    def test_a_check_tells_and_leaves_nothing_behind(self):
        for what in ("check", "check-threads"):
            run = self.trace([CALLS, what])
            self.assertEqual(run.stdout.decode().splitlines(),
                             ["none 0 errno 1", "lost 1 errno 1", "descriptors 0",
                              "children 0 -1"])
            text = run.stderr.decode()
            self.assertGreater(text.count("check_twice"), 0, text)
            self.assertEqual(text.count("was still running"), 1, text)
            data = report(run.trace)
            self.assertEqual([scan["reason"] for scan in data["scans"]], ["lsan", "lsan", "exit"])

    def test_a_fatal_check_ends_the_program(self):
        run = self.trace([CALLS, "fatal"])
        self.assertEqual((run.returncode, run.stdout), (23, b""))
        self.assertIn(b"lose", run.stderr)
        data = report(run.trace)
        self.assertEqual((data["process"]["end"], data["process"]["exit_status"]), ("exit", 23))

    def test_options_say_how_a_check_ends_and_where_it_writes(self):
        log = self.path("log")
        run = self.trace([CALLS, "fatal"],
                         env={"LSAN_OPTIONS": f"max_leaks=1:exitcode=7,log_path='{log}'"})
        self.assertEqual((run.returncode, run.stdout, run.stderr), (7, b"", b""))
        name, = [name for name in os.listdir(self.folder) if name.startswith("log.")]
        with open(self.path(name), encoding="utf-8") as text:
            self.assertIn("and 1 more site", text.read())
        run = self.trace([CALLS, "fatal"], env={"LSAN_OPTIONS": "exitcode=0"})
        self.assertEqual((run.returncode, run.stdout), (0, b"went on\n"))

    def test_objects_are_listed_if_options_say_so(self):
        run = self.trace([CALLS, "fatal"], env={"LSAN_OPTIONS": "report_objects=1"})
        data = report(run.trace)
        lost = [leak for leak in data["leaks"] if leak["class"] in ("definite", "indirect")]
        self.assertTrue(lost)
        for leak in lost:
            self.assertEqual(len(leak["objects"]), leak["blocks"])
            self.assertEqual(sum(one["bytes"] for one in leak["objects"]), leak["bytes"])
            for one in leak["objects"]:
                self.assertIn(f"{one['address']}, {one['bytes']} byte", run.stderr.decode())
        data = report(self.trace([CALLS, "fatal"]).trace)
        self.assertFalse([leak for leak in data["leaks"] if "objects" in leak])

    def test_no_leaks_are_looked_for_if_options_say_so(self):
        data = self.calls("lose", LSAN_OPTIONS="detect_leaks=0")
        self.assertEqual((data["summary"]["scan"], data["scans"]), ("off", []))
        run = self.trace([CALLS, "fatal"], env={"LSAN_OPTIONS": "detect_leaks=0"})
        self.assertEqual((run.returncode, run.stdout), (0, b"went on\n"))
        run = self.trace([CALLS, "check"], env={"LSAN_OPTIONS": "leak_check_at_exit=false"})
        data = report(run.trace)
        self.assertEqual([scan["reason"] for scan in data["scans"]], ["lsan", "lsan"])
        data = self.calls("lose", LSAN_OPTIONS="leak_check_at_exit=0")
        self.assertEqual(data["summary"]["scan"], "off")

    def test_roots_are_left_out_if_options_say_so(self):
        for where, option in (("global", "use_globals"), ("stack", "use_stacks"),
                              ("tls", "use_tls")):
            def classes(options, where=where):
                run = self.trace([CALLS, "keep", where], env={"LSAN_OPTIONS": options})
                return classes_of(report(run.trace, "--show-leak-kinds=all"), "keep")
            self.assertEqual(classes(option + "=1"), [("reachable", 2, False)], where)
            self.assertEqual(classes(option + "=0"),
                             [("definite", 1, False), ("indirect", 1, False)], where)

    def test_suppressions_of_the_options(self):
        with open(self.path("o.supp"), "w", encoding="utf-8") as out:
            out.write("leak:^lose$\n")
        data = self.calls("lose", LSAN_OPTIONS="suppressions=o.supp")
        self.assertEqual(data["summary"]["leaked_blocks"], 0)
        self.assertEqual(data["suppressions"][0]["blocks"], 3)
        data = self.calls("lose", LSAN_OPTIONS="suppressions=missing.supp")
        self.assertEqual(data["summary"]["leaked_blocks"], 3)
        self.assertTrue([note for note in data["notes"]
                         if "missing.supp: cannot be opened" in note])
        os.mkfifo(self.path("fifo"))
        data = self.calls("lose", LSAN_OPTIONS="suppressions=fifo")
        self.assertTrue([note for note in data["notes"] if "no regular file" in note])

    def test_what_the_program_defines_is_asked_for(self):
        data = report(self.trace([HOOKS]).trace)
        self.assertEqual(facts_of(data)["lsan_options"], "exitcode=9")
        self.assertEqual([(one["name"], one["blocks"]) for one in data["suppressions"]
                          if one["matches"]], [("^lose_known$", 1)])
        self.assertEqual(lost_blocks(data, "lose_unknown"), 1)
        self.assertTrue([note for note in data["notes"]
                         if "__lsan_default_suppressions:" in note and "this is none" in note])
        run = self.trace([HOOKS], env={"LSAN_OPTIONS": "max_leaks=5"})
        self.assertEqual(facts_of(report(run.trace))["lsan_options"], "exitcode=9:max_leaks=5")

    def test_a_program_may_turn_the_scan_off(self):
        data = report(self.trace([HOOKS], env={"TURN_OFF": "1"}).trace)
        self.assertEqual((data["summary"]["scan"], data["scans"]), ("off", []))

    def test_a_check_that_cannot_be_made_says_so_and_finds_nothing(self):
        run = self.trace([CALLS, "fatal"], env={"VMTRACE_SCAN": "off"})
        self.assertEqual((run.returncode, run.stdout), (0, b"went on\n"))
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        self.assertIn(b"leak check", run.stderr)

    def test_the_report_is_found_beside_the_library_alone(self):
        run = self.trace([CALLS, "fatal"], env={"PATH": "/nowhere"})
        self.assertEqual(run.returncode, 23)
        lonely = self.path("libvmtrace.so")
        with open(harness.LIBRARY, "rb") as source, open(lonely, "wb") as copy:
            copy.write(source.read())
        done = subprocess.run([CALLS, "fatal"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              cwd=self.folder, timeout=300,
                              env=harness.plain_environment(LD_PRELOAD=lonely))
        self.assertEqual((done.returncode, done.stdout), (0, b"went on\n"))
        self.assertIn(b"vmtrace-report is not beside libvmtrace.so", done.stderr)


if __name__ == "__main__":
    harness.main()
