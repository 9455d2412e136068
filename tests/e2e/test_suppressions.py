#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Suppressions: valgrind's and LeakSanitizer's files hide what they name, and nothing else."""
import re
import shutil
import subprocess

import harness
from harness import REPORT, in_stack, program, report

LOST = {"lose_tree": 150, "lose_holder": 144, "lose_inlined": 100, "lose_string": 9,
        "lose_array": 200}  # bytes, by function


def leaks_of(data, function, suppressed=False):
    return [leak for leak in data["leaks"] if leak["suppressed"] == suppressed
            and leak["class"] in ("definite", "indirect") and in_stack(leak["stack"], function)]


def bytes_of(data, function, suppressed=False):
    return sum(leak["bytes"] for leak in leaks_of(data, function, suppressed))


class Suppressions(harness.Case):
    def setUp(self):
        super().setUp()
        run = self.trace([program("suppressed_leaks"), "free"], env={"VMTRACE_FREE_STACKS": "on"})
        self.trace_file = run.trace

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)

    def call(self, *arguments):
        return subprocess.run([REPORT, *arguments, self.trace_file], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=300, text=True,
                              env=harness.plain_environment())

    def suppressed(self, text, *options):
        return report(self.trace_file, "--suppressions=" + self.write("my.supp", text), *options)

    def test_nothing_is_hidden_unasked(self):
        data = report(self.trace_file)
        for function, size in LOST.items():
            self.assertEqual(bytes_of(data, function), size, function)
        self.assertEqual(data["summary"]["leaked_bytes"], sum(LOST.values()))
        self.assertFalse([one for one in data["suppressions"] if not one["builtin"]])
        self.assertEqual([error["suppressed"] for error in data["errors"]], [False])

    def test_one_file_may_hold_both_formats(self):
        data = self.suppressed("# two\nleak:lose_string\nleak:nothing_is_called_so\nrace:other\n{\n"
                               "  a name\n  Memcheck:Leak\n  match-leak-kinds: definite\n"
                               "  fun:_Zna*\n  fun:_ZL10lose_arraym\n}\n")
        self.assertEqual(bytes_of(data, "lose_string"), 0)
        self.assertEqual(bytes_of(data, "lose_array", True), 200)
        self.assertEqual(bytes_of(data, "lose_inlined"), 100)
        self.assertEqual(data["summary"]["leaked_bytes"], sum(LOST.values()) - 209)
        self.assertEqual(data["summary"]["leaked_blocks"], 10 - 2)
        shown = [(one["name"], one["line"], one["type"], one["matches"], one["blocks"],
                  one["bytes"]) for one in data["suppressions"]]
        self.assertEqual(shown, [("lose_string", 2, "leak", 1, 1, 9),
                                 ("nothing_is_called_so", 3, "leak", 0, 0, 0),
                                 ("a name", 5, "Memcheck:Leak", 1, 1, 200)])
        self.assertTrue([note for note in data["notes"]
                         if "my.supp: 1 suppression for other" in note
                         and "race:other, line 4" in note])

    def test_kinds_that_are_not_named_stay(self):
        data = self.suppressed("{\n  n\n  Memcheck:Leak\n  match-leak-kinds: reachable,possible\n"
                               "  ...\n  fun:main\n}\n")
        self.assertEqual(data["summary"]["leaked_bytes"], sum(LOST.values()))

    def test_what_hangs_on_a_suppressed_block_is_hidden(self):
        data = self.suppressed("{\n  tree\n  Memcheck:Leak\n  fun:_Znw*\n  fun:*lose_tree*\n}\n")
        self.assertEqual(bytes_of(data, "lose_tree"), 0)
        self.assertEqual(bytes_of(data, "lose_tree", True), 150)
        tree, = data["suppressions"]
        self.assertEqual((tree["matches"], tree["blocks"], tree["bytes"]), (1, 4, 150))

    def test_of_one_site_only_what_hangs_there_is_hidden(self):
        data = self.suppressed("{\n  holder\n  Memcheck:Leak\n  fun:calloc\n  fun:*lose_holder*\n"
                               "}\n")
        left = leaks_of(data, "make_leaf")
        self.assertEqual([(leak["class"], leak["blocks"], leak["bytes"]) for leak in left],
                         [("definite", 1, 40)])
        hidden = leaks_of(data, "make_leaf", True)
        self.assertEqual([(leak["class"], leak["blocks"]) for leak in hidden], [("indirect", 1)])
        self.assertEqual(data["summary"]["leaked_bytes"], sum(LOST.values()) - 104)

    def test_leaks_by_file_and_module(self):
        data = self.suppressed("leak:suppressed_leaks.cc\n")
        self.assertEqual(data["summary"]["leaked_bytes"], 0)
        self.assertEqual(self.suppressed("leak:bin/no_such_module\n")["summary"]["leaked_bytes"],
                         sum(LOST.values()))
        line = harness.line_of("tests/e2e/programs/suppressed_leaks.cc", "lost array")
        data = self.suppressed("{\n n\n Memcheck:Leak\n fun:_Zna*\n src:suppressed_leaks.cc:"
                               f"{line}\n}}\n")
        self.assertEqual(bytes_of(data, "lose_array"), 0)

    def test_wrong_releases_are_hidden_too(self):
        data = self.suppressed("{\n  f\n  Memcheck:Free\n  fun:free\n  fun:*release_wrongly*\n}\n")
        self.assertEqual([error["suppressed"] for error in data["errors"]], [True])
        self.assertEqual(data["suppressions"][0]["matches"], 1)
        text = self.call("--errors", "--suppressions=" + self.path("my.supp")).stdout
        self.assertIn("1 suppressed", text)
        self.assertNotIn("release_wrongly", text)

    def test_text_says_what_was_used_and_what_was_not(self):
        path = self.write("t.supp", "leak:lose_string\nleak:nothing_is_called_so\n")
        text = self.call("--leaks", "--suppressions=" + path).stdout
        self.assertRegex(text, r"9 B in 1 block +lose_string \(.*t\.supp:1\)")
        self.assertRegex(text, r"matched nothing:\n +nothing_is_called_so \(.*t\.supp:2\)")

    def test_several_files(self):
        one = self.write("1.supp", "leak:lose_string\n")
        two = self.write("2.supp", "leak:lose_tree")
        data = report(self.trace_file, "--suppressions=" + one, "--suppressions=" + two)
        self.assertEqual(data["summary"]["leaked_bytes"], sum(LOST.values()) - 159)

    def test_bad_files_are_bad_usage(self):
        for text, place in (("leak:x\n\nwhat is this\n", ":3: "),
                            ("{\n a\n Memcheck:Leak\n", ":1: ")):
            path = self.write("bad.supp", text)
            done = self.call("--suppressions=" + path)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(path + place, done.stderr)
        done = self.call("--suppressions=" + self.path("missing"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("No such file", done.stderr)

    def test_suppressed_leaks_do_not_trip_the_gate(self):
        everything = self.write("all.supp", "leak:suppressed_leaks.cc\n")
        self.assertEqual(self.call("--fail-on=definite,indirect").returncode, 23)
        self.assertEqual(self.call("--fail-on=definite,indirect",
                                   "--suppressions=" + everything).returncode, 0)
        self.assertEqual(self.call("--fail-on=definite,indirect,errors",
                                   "--suppressions=" + everything).returncode, 23)
        errors = self.write("errors.supp", "{\n f\n Memcheck:Free\n fun:free\n ...\n fun:main\n}\n")
        self.assertEqual(self.call("--fail-on=definite,indirect,errors", "--suppressions=" + errors,
                                   "--suppressions=" + everything).returncode, 0)

    def generated(self, name, *options):
        done = self.call(*options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return self.write(name, done.stdout)

    def test_what_is_generated_hides_what_was_reported(self):
        for form in ("--gen-suppressions", "--gen-suppressions=all", "--gen-suppressions=lsan"):
            path = self.generated("g.supp", form)
            data = report(self.trace_file, "--suppressions=" + path)
            self.assertEqual(data["summary"]["leaked_bytes"], 0, form)
            self.assertEqual([error["suppressed"] for error in data["errors"]],
                             ["lsan" not in form])
        path = self.generated("g.supp", "--gen-suppressions")
        self.assertEqual(self.call("--gen-suppressions", "--suppressions=" + path).stdout, "")

    def test_generated_for_lsan_are_its_lines(self):
        with open(self.generated("l.supp", "--gen-suppressions=lsan"), encoding="utf-8") as lines:
            for line in lines:
                self.assertRegex(line, r"^(#|leak:)")

    def test_kinds_that_are_not_shown_are_not_generated(self):
        done = self.call("--gen-suppressions", "--show-leak-kinds=indirect")
        self.assertIn("match-leak-kinds: indirect", done.stdout)
        self.assertNotIn("match-leak-kinds: definite", done.stdout)

    def test_valgrind_takes_what_is_generated(self):
        valgrind = shutil.which("valgrind")
        if not valgrind:
            self.skipTest("valgrind is not here")
        path = self.generated("g.supp", "--gen-suppressions")

        def lost(*options):
            done = subprocess.run([valgrind, "--leak-check=full", "--show-leak-kinds=definite",
                                   *options, program("suppressed_leaks"), "free"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                                  text=True, env=harness.plain_environment())
            self.assertEqual(done.returncode, 0, done.stderr[-500:])
            found = re.search(r"ERROR SUMMARY: (\d+) errors", done.stderr)
            return int(found.group(1))

        self.assertGreater(lost(), 5)
        self.assertEqual(lost("--suppressions=" + path), 0)

    def test_what_valgrind_generates_is_understood(self):
        valgrind = shutil.which("valgrind")
        if not valgrind:
            self.skipTest("valgrind is not here")
        done = subprocess.run([valgrind, "--leak-check=full", "--gen-suppressions=all",
                               "--show-leak-kinds=definite,indirect", program("suppressed_leaks"),
                               "free"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=300, text=True, env=harness.plain_environment())
        blocks = "".join(re.findall(r"^\{\n.*?^\}\n", done.stderr, re.MULTILINE | re.DOTALL))
        self.assertIn("Memcheck:Leak", blocks)
        data = self.suppressed(blocks)
        self.assertEqual(data["summary"]["leaked_bytes"], 0)
        self.assertEqual([error["suppressed"] for error in data["errors"]], [True])


if __name__ == "__main__":
    harness.main()
