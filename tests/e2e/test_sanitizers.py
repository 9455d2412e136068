#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs built with AddressSanitizer and its like: they have a malloc of their own, which must be
the first one.  They run as they would untraced, and nobody takes them for checked."""
import os
import re
import subprocess
import sys

from harness import DRIVER, LIBRARY, Case, have, main, plain_environment, program

STARTER = program("untraced")
ODD = program("check_odd")

SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void *volatile held;
int main(int argc, char **argv)
{
    const char *preload = getenv("LD_PRELOAD");
    printf("ran with %s\n", preload && *preload ? preload : "nothing");
    if (argc > 1 && strcmp(argv[1], "overrun") == 0)
        ((volatile char *)(held = malloc(10)))[10] = 1;
    if (argc > 1 && strcmp(argv[1], "lose") == 0)
        for (int i = 0; i < 100; i++)
            held = malloc(100);
    held = NULL;
    return 0;
}
"""
# Each with its runtime in a library, and linked statically.
KINDS = (("gcc", "address"), ("gcc", "thread"), ("gcc", "leak"), ("clang", "address"),
         ("clang", "thread"), ("clang", "memory"), ("clang", "leak"))
TOLD = "built with a sanitizer (address, thread, memory or leak)"


class Sanitizers(Case):
    def setUp(self):
        super().setUp()
        with open(self.path("source.c"), "w", encoding="ascii") as file:
            file.write(SOURCE)

    def start(self, *words, **env):
        return subprocess.run(words, env=plain_environment(TMPDIR=self.folder, **env),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, cwd=self.folder,
                              timeout=120, check=False)

    def check(self, status, *words, options=(), **env):
        done = self.start(DRIVER, "check", "--discard", *options, "--", *words, **env)
        self.assertEqual(done.returncode, status, done.stderr[-2000:])
        return done

    def build(self, compiler, sanitizer):
        """The program, or None where there is no such compiler or no such runtime."""
        path = self.path(f"{compiler}-{sanitizer}")
        flags = ["-g", "-fno-builtin", f"-fsanitize={sanitizer}", "-o", path]
        if not have(compiler) or self.start(compiler, *flags, "source.c").returncode:
            return None
        return path if self.start(path).returncode == 0 else None

    def build_one(self):
        """Of the first kind: with its runtime in a library, which refuses to start behind us."""
        path = self.build(*KINDS[0])
        if not path:
            self.skipTest("no AddressSanitizer here")
        return path

    def test_alone(self):
        for kind in KINDS:
            path = self.build(*kind)
            if not path:
                continue
            with self.subTest(kind=kind):
                done = self.check(125, path)
                self.assertEqual(done.stdout, "ran with nothing\n")
                self.assertEqual(done.stderr, f"vmtrace: nothing was checked: {path} wrote no "
                                              f"trace; it is {TOLD}\n")
                done = self.start(DRIVER, "run", "--", path)
                self.assertEqual((done.returncode, done.stdout), (0, "ran with nothing\n"))
                self.assertEqual(done.stderr, f"vmtrace: {path} is {TOLD}: it runs, but cannot be "
                                              "traced\n")

    def test_preloaded_by_hand(self):
        """No crash; AddressSanitizer's own message where it wants to be the first."""
        for kind in KINDS:
            path = self.build(*kind)
            if not path:
                continue
            with self.subTest(kind=kind):
                done = self.start("env", f"LD_PRELOAD={LIBRARY}", path)
                if "runtime does not come first" in done.stderr:
                    self.assertEqual(kind, KINDS[0])
                    continue
                self.assertEqual(done.returncode, 0)
                self.assertEqual(done.stderr, "vmtrace: the program is built with a sanitizer "
                                              "(address, thread, memory or leak); it runs "
                                              "untraced\n")
                self.assertEqual(self.find_traces(), [])

    def test_one_in_a_suite_of_ten(self):
        path = self.build_one()
        suite = "; ".join([f"{ODD} hold"] * 5 + [path] + [f"{ODD} hold"] * 4)
        done = self.check(0, "sh", "-c", suite)
        self.assertEqual(done.stdout, "ran with nothing\n")
        self.assertRegex(done.stderr, r"^vmtrace: passed; 10 processes checked, 1 could not be\n")
        self.assertRegex(done.stderr, rf"(?m)^  - process \d+ \({re.escape(path)}\): "
                                      rf"left no trace: {re.escape(TOLD)}$")
        self.check(125, "sh", "-c", suite, options=["--strict"])
        done = self.check(23, "sh", "-c", suite + f"; {ODD} leak")
        self.assertIn("failed, 1 finding; 11 processes checked, 1 could not be", done.stderr)

    def test_what_they_find_is_not_masked(self):
        path = self.build_one()
        done = self.check(1, path, "overrun")
        self.assertIn("heap-buffer-overflow", done.stderr)
        self.assertNotIn("libvmtrace", done.stderr)
        done = self.check(1, "sh", "-c", f"{ODD} hold; {path} overrun")
        self.assertIn("heap-buffer-overflow", done.stderr)
        self.assertIn("sh itself ended with status 1\n", done.stderr)
        if "LeakSanitizer" in self.start(path, "lose").stderr:  # not under ptrace
            done = self.check(1, "sh", "-c", f"{ODD} hold; {path} lose")
            self.assertIn("LeakSanitizer: detected memory leaks", done.stderr)

    def test_however_they_are_started(self):
        path = self.build_one()
        for way in ("vfork", "vfork-path", "fork", "fexecve", "spawn", "spawnp", "nested"):
            with self.subTest(way=way):
                done = self.check(0, STARTER, way, path)
                self.assertEqual(done.stdout, "ran with nothing\n")
                self.assertIn(TOLD, done.stderr)
        done = self.check(125, STARTER, "exec", path)
        self.assertEqual(done.stdout, "ran with nothing\n")
        script = f"import os, subprocess; subprocess.run([{path!r}], env=dict(os.environ, A='1'))"
        done = self.check(0, sys.executable, "-c", script, options=["--only=untraced"])
        self.assertEqual(done.stdout, "ran with nothing\n")

    def test_what_else_is_preloaded_stays(self):
        path = self.build_one()
        words = f"LD_PRELOAD=libm.so.6:$LD_PRELOAD:libdl.so.2 {path}; :"
        done = self.check(0, "sh", "-c", words, ASAN_OPTIONS="verify_asan_link_order=0")
        self.assertEqual(done.stdout, "ran with libm.so.6:libdl.so.2\n")

    def test_undefined_behaviour_alone_is_checked(self):
        path = self.build("gcc", "undefined")
        if not path:
            self.skipTest("no UndefinedBehaviorSanitizer here")
        done = self.check(23, path, "lose")
        self.assertIn("10000 bytes in 100 blocks are definitely lost", done.stderr)


if __name__ == "__main__":
    main()
