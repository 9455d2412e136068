#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build systems that run their tests under vmtrace, as docs/ci.md says: CTest, Meson, make, and
the CMake module of an installed vmtrace."""
import glob
import os
import re
import shutil
import subprocess
import unittest

from harness import BUILD, DRIVER, Case, main, plain_environment, program

TARGET = program("check_target")

PROJECT = f"""cmake_minimum_required(VERSION 3.18)
project(sample NONE)
include(CTest)
add_test(NAME leaking COMMAND {TARGET} leak 3)
add_test(NAME clean COMMAND {TARGET} tidy)
add_test(NAME forking COMMAND {TARGET} tidy fork leak 2)
"""

MODULE_PROJECT = f"""cmake_minimum_required(VERSION 3.18)
project(sample C)
enable_testing()
find_package(vmtrace 0.1 REQUIRED)
vmtrace_add_leak_test(NAME leaking COMMAND {TARGET} leak 3)
vmtrace_add_leak_test(NAME clean COMMAND {TARGET} hold)
vmtrace_add_leak_test(NAME known COMMAND {TARGET} leak 3 BASELINE known.baseline)
vmtrace_add_leak_test(NAME hidden COMMAND {TARGET} leak 3 SUPPRESSIONS known.supp)
vmtrace_add_leak_test(NAME gated COMMAND {TARGET} leak 3 OPTIONS --fail-on=errors)
"""


class BuildSystems(Case):
    def run_in(self, folder, *command, status=0):
        done = subprocess.run(command, cwd=folder, env=plain_environment(TMPDIR=self.folder),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, timeout=200,
                              check=False)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout[-3000:])
        return done.stdout

    def project(self, text):
        folder = self.path("project")
        os.mkdir(folder)
        with open(os.path.join(folder, "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write(text)
        return folder

    def test_ctest_memcheck_counts_our_leaks(self):
        folder = self.project(PROJECT)
        build = self.path("build")
        self.run_in(folder, "cmake", "-S", folder, "-B", build,
                    f"-DMEMORYCHECK_COMMAND={DRIVER}", "-DMEMORYCHECK_TYPE=Valgrind")
        said = self.run_in(build, "ctest", "-T", "memcheck", status=None)
        self.assertRegex(said, r"Memory Leak - 2\b")
        self.assertRegex(said, r"leaking \.+\s+Defects: 1")
        self.assertRegex(said, r"forking \.+\s+Defects: 1")
        self.assertNotRegex(said, r"clean \.+\s+Defects")

    def test_installed_cmake_module(self):
        prefix, folder, build = self.path("prefix"), self.project(MODULE_PROJECT), self.path("out")
        self.run_in(self.folder, "cmake", "--install", BUILD, "--prefix", prefix)
        with open(os.path.join(folder, "known.supp"), "w", encoding="utf-8") as file:
            file.write("leak:lose_row\n")
        vmtrace = os.path.join(prefix, "bin", "vmtrace")
        self.run_in(folder, vmtrace, "check", "--discard", "--fail-on=none",
                    "--save-baseline=known.baseline", "--", TARGET, "leak", "3")
        self.run_in(folder, "cmake", "-S", folder, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
        said = self.run_in(build, "ctest", "-j4", "--output-on-failure", status=8)
        results = dict(re.findall(r"Test +#\d+: (\w+) \.*\s*(?:\*\*\*)?(\w+)", said))
        self.assertEqual(results, {"leaking": "Failed", "clean": "Passed", "known": "Passed",
                                   "hidden": "Passed", "gated": "Passed"}, said[-3000:])
        self.assertIn("96 bytes in 3 blocks are definitely lost", said)

    def test_make_in_parallel(self):
        folder = self.path("make")
        os.mkdir(folder)
        with open(os.path.join(folder, "Makefile"), "w", encoding="utf-8") as file:
            file.write("all: $(addprefix t,$(shell seq 20))\nt%:\n"
                       f"\t@{TARGET} hold\nt7:\n\t@{TARGET} leak 2\n")
        said = self.run_in(folder, DRIVER, "check", "--discard", "--", "make", "-j8", status=23)
        self.assertIn("failed, 1 finding", said)
        self.assertIn("64 bytes in 2 blocks are definitely lost", said)

    @unittest.skipUnless(shutil.which("meson"), "there is no meson")
    def test_meson_wrapper(self):
        folder, build = self.path("meson"), self.path("meson-build")
        os.mkdir(folder)
        with open(os.path.join(folder, "meson.build"), "w", encoding="utf-8") as file:
            file.write("project('sample')\n"
                       f"target = find_program('{TARGET}')\n"
                       "test('leaking', target, args: ['leak', '3'])\n"
                       "test('clean', target, args: ['hold'])\n"
                       f"add_test_setup('leaks', exe_wrapper: ['{DRIVER}', 'check', '--discard', "
                       "'--'])\n")
        self.run_in(folder, "meson", "setup", build, folder)
        for choice in (f"--wrapper={DRIVER} check --discard --", "--setup=leaks"):
            said = self.run_in(build, "meson", "test", choice, status=None)
            self.assertRegex(said, r"leaking\s+FAIL", choice)
            self.assertRegex(said, r"clean\s+OK", choice)
        self.assertEqual(glob.glob(self.path("vmtrace-check-*")), [])


if __name__ == "__main__":
    main()
