#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Baselines and --only: one file for the builds of all compilers, runs that vary, files that people
edited, and code without debug information."""
import os
import shutil
import subprocess
import unittest

from harness import DRIVER, SOURCE, Case, have, main, plain_environment, program

TARGET = program("check_target")
SOURCE_FILE = os.path.join(SOURCE, "tests", "e2e", "programs", "baseline_target.cc")
FAIL_ON = "--fail-on=definite,indirect,possible,errors"


class Baseline(Case):
    def check(self, *arguments, options=(), env=None, cwd=None):
        return subprocess.run([DRIVER, "check", "--discard", *options, "--", *arguments],
                              env=plain_environment(**{"TMPDIR": self.folder, **(env or {})}),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, check=False,
                              cwd=cwd or self.folder, timeout=120)

    def assert_status(self, status, *arguments, **more):
        done = self.check(*arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr[-3000:])
        return done.stderr

    def save(self, *arguments, name="known", options=(), **more):
        path = self.path(name)
        self.assert_status(0, *arguments, options=[f"--save-baseline={path}", "--fail-on=none",
                                                   *options], **more)
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return file.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return self.path(name)


class Compilers(Baseline):
    """One program as many compilers build it."""

    def build(self, name, *words, source=SOURCE_FILE, cwd=None):
        folder = self.path(name)
        os.makedirs(folder, exist_ok=True)
        target = os.path.join(folder, "target")
        subprocess.run([*words, "-std=c++17", "-o", target, source, "-pthread"], check=True,
                       cwd=cwd or self.folder, timeout=240)
        return target

    def builds(self):
        yield "gcc-O3", self.build("gcc-O3", "g++", "-O3", "-g")
        yield "moved", self.build("moved", "g++", "-O1", "-g", "-DMOVED", "-no-pie")
        if have("clang++"):
            yield "clang-O0", self.build("clang-O0", "clang++", "-O0", "-g")
            yield "clang-O2", self.build("clang-O2", "clang++", "-O2", "-g")

    @unittest.skipUnless(have("g++"), "needs g++")
    def test_one_baseline_for_all(self):
        known = self.save(self.build("gcc-O0", "g++", "-O0", "-g"))
        self.assertEqual(self.read("known").count("-leak "), 17)
        options = [FAIL_ON, f"--baseline={known}"]
        for name, target in self.builds():
            with self.subTest(build=name):
                self.assertNotIn("did not occur", self.assert_status(0, target, options=options))
                for more, words in (("extra", "new: 240 bytes"), ("make", "more than in the base"),
                                    ("lambdas", "more than in the base")):
                    self.assertIn(words, self.assert_status(23, target, more, options=options))

    @unittest.skipUnless(have("g++"), "needs g++")
    def test_readable_names(self):
        self.save(self.build("gcc-O2", "g++", "-O2", "-g"))
        text = self.read("known")
        for line in ("make @ target", "(anonymous namespace)::hidden @ target",
                     "lambdas::operator() @ target", "outer::v1::Widget::operator+ @ target",
                     "Global::Global @ target", "(static initialization) @ target"):
            self.assertIn(f"    {line}\n", text)
        for part in ("std::", "_start", "libc", "<", "0x", "lambda("):
            self.assertNotIn(part, text)


class Runs(Baseline):
    """The same program again, and programs whose leaks vary."""

    MANY = f"seq 8 | xargs -Pjobs -I% {TARGET} leak % other 1 children 2 leak"

    def test_same_text_every_time(self):
        texts = set()
        for jobs, locale in ((1, "C"), (4, "C.UTF-8"), (8, "C")):
            self.save("sh", "-c", self.MANY.replace("jobs", str(jobs)), env={"LC_ALL": locale})
            texts.add(self.read("known"))
        self.assertEqual(len(texts), 1, texts)

    def test_worst_process_counts_not_how_many_there_were(self):
        known = self.save(TARGET, "leak", "3")
        options = [f"--baseline={known}"]
        self.assert_status(0, TARGET, "hold", "children", "5", "leak", options=options)
        self.assert_status(0, "sh", "-c", f"{TARGET} leak 3; {TARGET} leak 3", options=options)
        self.assert_status(23, "sh", "-c", f"{TARGET} leak 3; {TARGET} leak 4", options=options)

    def test_leaks_that_vary_are_merged_from_several_runs(self):
        known = self.path("known")
        for count in ("2", "7", "4"):
            have_one = [f"--baseline={known}"] if os.path.exists(known) else []
            self.save(TARGET, "leak", count, options=have_one)
        self.assertIn("definite-leak blocks=7 bytes=224\n", self.read("known"))
        self.assert_status(0, TARGET, "leak", "7", options=[f"--baseline={known}"])
        self.assert_status(23, TARGET, "leak", "8", options=[f"--baseline={known}"])

    def test_what_is_fixed_goes_when_saved_anew(self):
        known = self.save(TARGET, "leak", "3", "other", "1")
        before = self.read("known")
        self.save(TARGET, "leak", "3", options=[f"--baseline={known}"])
        self.assertEqual(self.read("known"), before)
        self.save(TARGET, "leak", "3")
        self.assertNotIn("lose_other", self.read("known"))
        self.assertTrue(set(self.read("known").splitlines()) < set(before.splitlines()))

    def test_has_the_classes_that_fail(self):
        known = self.path("known")
        self.assert_status(23, TARGET, "hold", options=[f"--save-baseline={known}",
                                                        "--fail-on=reachable"])
        self.assertIn("reachable-block", self.read("known"))
        self.assert_status(0, TARGET, "hold", options=[f"--baseline={known}",
                                                       "--fail-on=reachable"])

    def test_with_suppressions_and_thresholds(self):
        known = self.save(TARGET, "leak", "3")
        rules = self.write("rules", "leak:lose_other\n")
        said = self.assert_status(0, TARGET, "other", "1", options=[
            f"--baseline={known}", f"--suppressions={rules}"])
        self.assertIn("1 of 1 findings of the baseline did not occur:\n"
                      "  - definite-leak: lose_row @ check_target\n", said)
        words = [TARGET, "leak", "3", "other", "1"]
        self.assert_status(0, *words, options=[f"--baseline={known}", "--leak-threshold=49"])
        self.assert_status(23, *words, options=[f"--baseline={known}", "--leak-threshold=48"])


class Files(Baseline):
    """Baselines as people and git leave them."""

    def test_edited_files_are_read(self):
        self.save(TARGET, "leak", "3")
        text = self.read("known")
        for name, edited in (("crlf", text.replace("\n", "\r\n")), ("mark", "\ufeff" + text),
                             ("note", text.replace("    main", "    # reviewed\n    main")),
                             ("tabs", text.replace("    ", "\t")), ("twice", text + text)):
            options = [f"--baseline={self.write(name, edited)}"]
            self.assert_status(0, TARGET, "leak", "3", options=options)
            self.assert_status(23, TARGET, "leak", "4", options=options)

    def test_what_did_not_occur_is_named(self):
        text = "# vmtrace baseline 1\n" + "".join(
            f"\ninvalid-free times=1\n    f{number}\033[31m @ app\n" for number in range(7))
        said = self.assert_status(0, TARGET, "hold",
                                  options=[f"--baseline={self.write('known', text)}"])
        self.assertIn("7 of 7 findings of the baseline did not occur:\n", said)
        self.assertEqual(said.count("  - invalid-free: f"), 5)
        self.assertIn("  - and 2 more\n", said)
        self.assertNotIn("\033", said)

    def test_mistakes_are_told_with_their_place(self):
        self.save(TARGET, "leak", "3")
        text = self.read("known")
        for edited, told in (("<<<<<<< HEAD\n" + text, "bad:1: not a baseline"),
                             (text + "=======\n", r"bad:\d+: a merge conflict"),
                             (text.replace("baseline 1", "baseline 9"), "bad:1: not a baseline"),
                             (text.replace("definite-", "definitely-"), r"bad:\d+: no kind of"),
                             (text.replace("=3", "=three"), r"bad:\d+: expected a finding"),
                             ("", "bad: empty")):
            options = [f"--baseline={self.write('bad', edited)}"]
            said = self.assert_status(125, TARGET, "leak", "3", options=options)
            self.assertRegex(said, told)


@unittest.skipUnless(have("gcc"), "needs gcc")
class Only(Baseline):
    """mine.c with debug information, its neighbour without."""

    MINE = """#include <stdlib.h>
void neighbour(void);
static void *volatile sink;
void mine(void) { sink = malloc(11); sink = NULL; }
int main(int argc, char **argv)
{
    if (argc > 1) mine();
    if (argc > 2) neighbour();
    return argv[0] == NULL;
}
"""
    NEIGHBOUR = """#include <stdlib.h>
static void *volatile kept;
void neighbour(void) { kept = malloc(12); kept = NULL; }
"""

    def setUp(self):
        super().setUp()
        for folder, name, text in (("src", "mine.c", self.MINE), ("lib", "near.c", self.NEIGHBOUR)):
            os.makedirs(self.path(folder))
            self.write(os.path.join(folder, name), text)
        os.mkdir(self.path("build"))
        os.symlink(self.folder, self.path("link"))
        self.compile("-g", "-c", "../src/mine.c")

    def compile(self, *words):
        subprocess.run(["gcc", *words], check=True, cwd=self.path("build"), timeout=120)

    def link_app(self, *flags):
        """build/app from sources that are named as Meson and Ninja name them."""
        self.compile(*flags, "-o", "app", "mine.o", "../lib/near.c")
        return self.path("build/app")

    def only(self, status, what, *arguments):
        return self.assert_status(status, *arguments, options=[f"--only={what}"])

    def test_paths_however_they_are_written(self):
        app = self.link_app("-g")
        for what in ("src/", "./src", "src", "mine.c", "src/mine.c", self.path("src"), "app",
                     self.path("link/src/"), "build/../src", ".", "build/app"):
            self.only(23, what, app, "mine")
        for what in ("lib/", "sr", "rc/", "src/mine", "near.c", self.path("lib"), "APP", "../lib"):
            said = self.only(0, what, app, "mine")
            self.assertIn("--only left out 1 finding that would fail the check, and nothing else",
                          said)

    def test_without_debug_information_nothing_is_hidden(self):
        app = self.link_app("-g0")
        said = self.only(23, "lib/", app, "mine", "near")
        self.assertIn("12 bytes in 1 block", said)
        self.assertIn("1 finding has a function without debug information", said)
        self.assertIn("--only left out 1 finding that would fail the check\n", said)

    def test_stripped_program(self):
        app = self.link_app("-s")
        self.only(23, "src/", app, "mine")
        self.only(23, "app", app, "mine")
        self.only(0, "libother.so", app, "mine")

    def test_systems_code_without_debug_information_is_not_mine(self):
        words = ["sh", "-c", "seq 3 | xargs -P2 -I% true %"]
        if self.check(*words).returncode != 23:
            self.skipTest("this xargs does not leak")
        self.assertIn("and nothing else does", self.only(0, "src/", *words))

    def test_library_of_any_version(self):
        self.compile("-shared", "-fPIC", "-o", "libnear.so.1.2", "../lib/near.c",
                     "-Wl,-soname,libnear.so.1")
        shutil.copy(self.path("build/libnear.so.1.2"), self.path("build/libnear.so.1"))
        self.compile("-o", "app", "mine.o", "libnear.so.1.2", "-Wl,-rpath,$ORIGIN")
        for what in ("libnear.so", "libnear", "libnear.so.1", "libnear.so.1.2"):
            said = self.only(23, what, self.path("build/app"), "a", "b")
            self.assertIn("--only left out 1 finding that would fail the check\n", said)


if __name__ == "__main__":
    main()
