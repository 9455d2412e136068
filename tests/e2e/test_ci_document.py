#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every snippet of docs/ci.md, run as it is written, up to the service that would run it."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

from harness import BUILD, DRIVER, SOURCE, Case, have, main, plain_environment, program

TARGET = program("check_target")
DOCUMENT = os.path.join(SOURCE, "docs", "ci.md")

# Where there is no GoogleTest: as much of it as the snippet uses, with two tests.
GTEST_STAND_IN = """
#include <iostream>
#include <vector>
namespace testing {
struct TestInfo { const char *name; };
struct EmptyTestEventListener {
    virtual ~EmptyTestEventListener() = default;
    virtual void OnTestEnd(const TestInfo &) {}
};
inline bool failed;
struct Failure { template <class T> Failure &operator<<(const T &t) { std::cout << t << "\\n";
    failed = true; return *this; } };
struct Listeners { std::vector<EmptyTestEventListener *> all;
    void Append(EmptyTestEventListener *one) { all.push_back(one); } };
struct UnitTest { Listeners list; Listeners &listeners() { return list; }
    static UnitTest *GetInstance() { static UnitTest one; return &one; } };
struct Test { const char *name; void (*run)(); };
inline std::vector<Test> tests;
inline void InitGoogleTest(int *, char **) {}
}
#define ADD_FAILURE() testing::Failure()
#define TEST(suite, name) static void name(); \\
    static bool added_##name = (testing::tests.push_back({#suite "." #name, name}), true); \\
    static void name()
inline int RUN_ALL_TESTS()
{
    for (auto &test : testing::tests) {
        bool before = testing::failed;
        testing::failed = false;
        test.run();
        for (auto *listener : testing::UnitTest::GetInstance()->list.all)
            listener->OnTestEnd({test.name});
        if (testing::failed)
            std::cout << "[  FAILED  ] " << test.name << "\\n";
        testing::failed |= before;
    }
    return testing::failed;
}
"""
GTESTS = """
static void *volatile slot;
static __attribute__((noinline)) void lose() { slot = ::operator new(4000); slot = nullptr; }
static __attribute__((noinline)) void clear_stack()
{
    volatile char bytes[8192];
    for (auto &byte : bytes) byte = 0;
}
TEST(Sample, Clean) { clear_stack(); }
TEST(Sample, Leaking) { lose(); clear_stack(); }
"""

# Where there is no pytest: a fixture around two tests; and `python3 -m pytest`.
PYTEST_STAND_IN = """
def fixture(autouse):
    return lambda function: function
if __name__ == "__main__":
    import test_sample
    test_sample.test_clean()
    test_sample.test_leaking()
"""
EXTENSION = """
#include <stdlib.h>
static void *volatile held;
__attribute__((noinline)) void lose_row(void) { held = malloc(4000); held = NULL; }
void tidy(void) { free(malloc(100)); }
"""
EXTENSION_FILE = "mymodule.cpython-311-x86_64-linux-gnu.so"
PYTESTS = f"""
import ctypes
module = ctypes.CDLL("./{EXTENSION_FILE}")
def test_clean():
    module.tidy()
def test_leaking():
    for _ in range(50):
        module.lose_row()
"""
# As many tests as give each of four workers some.
MORE_PYTESTS = """
import pytest
@pytest.mark.parametrize("number", range(40))
def test_some(number):
    module.lose_row() if number % 4 == 0 else module.tidy()
"""
PYTEST_RUN = PYTESTS + """
import conftest
for test in (test_clean, test_leaking):
    around = conftest.leaks()
    next(around)
    test()
    try:
        next(around)
    except StopIteration:
        print("passed", test.__name__)
    except AssertionError as error:
        print("failed", test.__name__, error)
"""


def blocks(language, below):
    """The code blocks in `language` of the section whose heading begins with `below`."""
    with open(DOCUMENT, encoding="utf-8") as file:
        sections = re.split(r"(?m)^## ", file.read())
    section, = [text for text in sections if text.startswith(below)]
    found = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", section)
    if not found:
        raise AssertionError(f"no {language} below {below!r}")
    return found


class Document(Case):
    def setUp(self):
        super().setUp()
        self.program("tests", "leak", "3")
        self.program("build/tests", "leak", "3")

    def program(self, name, *words):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.write(name, f"#!/bin/sh\nexec {TARGET} {' '.join(words)}\n")
        os.chmod(path, 0o755)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def shell(self, line, status, folder=".", **env):
        """Runs it as a runner does; vmtrace is in the PATH there."""
        environment = plain_environment(
            TMPDIR=self.folder, **env,
            PATH=os.path.dirname(DRIVER) + ":" + os.environ["PATH"])
        done = subprocess.run(["sh", "-ec", line], cwd=self.path(folder), env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, timeout=200,
                              check=False)
        if status is not None:
            self.assertEqual(done.returncode, status, f"{line}\n{done.stdout[-2000:]}")
        return done.stdout

    def test_baseline(self):
        save, check = blocks("sh", "Known findings")[0].splitlines()
        self.shell(save, 0)
        self.assertIn("definite-leak blocks=3 bytes=96", self.read("leaks.baseline"))
        self.shell(check, 0)
        self.program("tests", "leak", "4")
        self.shell(check, 23)

    def test_github(self):
        """The run: lines of the steps."""
        first, second = blocks("yaml", "GitHub Actions")
        control, annotate = re.findall(r"(?m)^- run: (.*)$", first)
        self.shell(control, 0)
        said = self.shell(annotate, 23, GITHUB_STEP_SUMMARY=self.path("summary"))
        self.assertRegex(said, r"(?m)^::error file=[^,]+,line=\d+,title=definite-leak::96 bytes")
        self.assertIn("### vmtrace: 1 finding", self.read("summary"))
        line, = re.findall(r"(?m)^- run: (.*)$", second)
        uploaded, = re.findall(r"(?m)^ +sarif_file: (.*)$", second)
        self.shell(line, 23)
        self.assertEqual(json.loads(self.read(uploaded))["version"], "2.1.0")

    def test_gitlab(self):
        job, = blocks("yaml", "GitLab CI")
        control, check = re.findall(r"(?m)^    - (.*)$", job)
        artifact, = re.findall(r"(?m)^ +codequality: (.*)$", job)
        self.shell(control, 0)
        self.shell(check, 23)
        issue, = json.loads(self.read(artifact))
        self.assertEqual(issue["check_name"], "definite-leak")

    def test_yaml_is_yaml(self):
        try:
            import yaml  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("no PyYAML")
        for section in ("GitHub Actions", "GitLab CI"):
            for text in blocks("yaml", section):
                self.assertTrue(yaml.safe_load(text))

    def test_ctest(self):
        line, = blocks("sh", "CTest")
        self.write("project/CMakeLists.txt",
                   "cmake_minimum_required(VERSION 3.18)\nproject(sample NONE)\ninclude(CTest)\n"
                   f"add_test(NAME leaking COMMAND {TARGET} leak 3)\n")
        self.shell("cmake -S project -B out", 0)
        self.assertRegex(self.shell(line, None, folder="out"), r"Memory Leak - 1\b")

    def test_cmake_module(self):
        snippet, = blocks("cmake", "CTest")
        self.shell(f"cmake --install {BUILD} --prefix {self.path('prefix')}", 0)
        self.write("project/CMakeLists.txt",
                   "cmake_minimum_required(VERSION 3.18)\nproject(sample NONE)\nenable_testing()\n"
                   + snippet)
        self.program("parser_test", "leak", "3")
        self.shell("vmtrace check --discard --fail-on=none --save-baseline=project/leaks.baseline "
                   "-- ./parser_test", 0)
        path = f"PATH={self.folder}:$PATH"
        self.shell(f"cmake -S project -B out -DCMAKE_PREFIX_PATH={self.path('prefix')}", 0)
        self.shell(f"{path} ctest --output-on-failure", 0, folder="out")
        self.program("parser_test", "leak", "3", "other", "1")
        said = self.shell(f"{path} ctest --output-on-failure", 8, folder="out")
        self.assertIn("new: 48 bytes in 1 block", said)

    @unittest.skipUnless(have("meson"), "there is no meson")
    def test_meson(self):
        line, = blocks("sh", "Meson")
        snippet, = blocks("meson", "Meson")
        self.write("project/meson.build",
                   f"project('sample')\ntarget = find_program('{TARGET}')\n"
                   "test('leaking', target, args: ['leak', '3'])\n"
                   "test('clean', target, args: ['hold'])\n" + snippet)
        self.shell("meson setup out project", 0)
        for command in (line, "meson test --setup=leaks"):
            said = self.shell(command, 1, folder="out")
            self.assertRegex(said, r"leaking\s+FAIL")
            self.assertRegex(said, r"clean\s+OK")

    def test_make(self):
        line, = blocks("sh", "Make")
        shutil.copy(TARGET, self.path("target"))  # what is not in this folder does not count
        self.write("Makefile", "test: one two\none:\n\t./target hold\ntwo:\n\t./target leak 2\n"
                               f"\t{TARGET} other 1\n")
        said = self.shell(line, 23)
        self.assertIn("failed, 1 finding;", said)
        self.assertIn("64 bytes in 2 blocks are definitely lost", said)

    def test_gtest_listener(self):
        snippet, = blocks("cpp", "GoogleTest")
        self.write("tests.cc", snippet + GTESTS)
        compiler = os.environ.get("CXX", "c++")
        real = "#include <gtest/gtest.h>\nint main() { testing::InitGoogleTest(); }\n"
        self.write("try.cc", real)
        flags = "-lgtest -pthread"
        if not self.compiles(compiler, "try.cc", flags):
            self.write("stand-in/gtest/gtest.h", GTEST_STAND_IN)
            flags = "-std=c++17 -Istand-in"
        self.shell(f"{compiler} -g -o gtests tests.cc {flags}", 0)
        self.assertNotIn("FAILED", self.shell("./gtests", 0))
        said = self.shell("vmtrace run --log=quiet -- ./gtests", 1)
        self.assertIn("memory was leaked", said)
        self.assertRegex(said, r"\[  FAILED  \] Sample\.Leaking")
        self.assertNotRegex(said, r"\[  FAILED  \] Sample\.Clean")

    def compiles(self, compiler, name, flags):
        return "yes" in self.shell(f"{compiler} -o tried {name} {flags} && echo yes || true", None)

    def python(self, line, status, **env):
        """With the interpreter of this test, whose packages are Debian's."""
        path = self.path("bin")
        os.makedirs(path, exist_ok=True)
        if not os.path.exists(os.path.join(path, "python3")):
            self.write("bin/python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
            os.chmod(os.path.join(path, "python3"), 0o755)
        return self.shell(f"PATH={path}:$PATH; {line}", status, **env)

    def has_module(self, name):
        return "yes" in self.python(f"python3 -c 'import {name}' && echo yes || true", None)

    def pytest_project(self):
        """Its tests, of an extension that leaks; the two commands, and what goes to conftest.py."""
        self.write("extension.c", EXTENSION)
        self.shell(f"cc -g -O1 -fno-builtin -shared -fPIC -o {EXTENSION_FILE} extension.c", 0)
        self.write("test_sample.py", PYTESTS)
        self.real = self.has_module("pytest")
        if not self.real:
            self.write("pytest.py", PYTEST_STAND_IN)
        snippet, = blocks("python", "pytest")
        return *blocks("sh", "pytest")[0].splitlines(), snippet

    def assert_lost(self, said, blocks):
        """In all; one may be told as possibly lost, where its address is still in a dead frame."""
        found = re.findall(r"bytes in (\d+) blocks? (?:is|are) \w+ lost, .* lose_row\n", said)
        self.assertEqual(sum(map(int, found)), blocks, said[-2000:])

    def test_pytest_of_an_extension(self):
        line, _, _ = self.pytest_project()
        said = self.python(line, 23)
        self.assert_lost(said, 50)
        said = self.python(line.replace("my", "no"), 0)
        self.assertRegex(said, "--only left out [12] findings? that would fail the check")

    def test_pytest_in_several_processes(self):
        _, line, snippet = self.pytest_project()
        if not self.has_module("xdist"):
            self.skipTest("no pytest-xdist")
        self.write("test_more.py", PYTESTS.split("def ", maxsplit=1)[0] + MORE_PYTESTS)
        said = self.python(line, 23)
        self.assertIn("42 passed", said)
        self.assert_lost(said, 60)
        checked, = re.findall(r"vmtrace: failed, \d findings?; (\d+) processes checked\n", said)
        self.assertGreaterEqual(int(checked), 5)  # with who starts the four
        os.remove(self.path("test_more.py"))
        self.write("conftest.py", snippet)
        said = self.python("vmtrace run --log=quiet -- python3 -m pytest -n 2", 1)
        self.assertIn("test_leaking - AssertionError: memory was leaked", said)
        self.assertRegex(said, "2 passed, 1 error|1 failed, 1 passed|1 passed, 1 error")

    def test_pytest_fixture(self):
        _, _, snippet = self.pytest_project()
        self.write("conftest.py", snippet)
        if self.real:
            said = self.python("vmtrace run --log=quiet -- python3 -m pytest", 1)
            self.assertIn("test_leaking - AssertionError: memory was leaked", said)
            self.assertRegex(said, "2 passed, 1 error|1 failed, 1 passed|1 passed, 1 error")
            return
        self.write("run.py", PYTEST_RUN)
        said = self.python("vmtrace run --log=quiet -- python3 run.py", 0)
        self.assertIn("passed test_clean\n", said)
        self.assertIn("failed test_leaking memory was leaked\n", said)

    def test_valgrinds_options(self):
        text, xml = blocks("sh", "Valgrind")[0].splitlines()
        shutil.copy(TARGET, self.path("tests"))
        self.shell(text + " leak 3", 1)
        log, = glob.glob(self.path("leaks.*"))
        self.assertIn("are definitely lost in loss record 1 of 1", self.read(log))
        self.shell(xml + " leak 3", 0)
        written, = glob.glob(self.path("leaks.*.xml"))
        self.assertIn("<kind>Leak_DefinitelyLost</kind>", self.read(written))

    def test_every_snippet_is_run_here(self):
        """A section that is new in the document needs a test."""
        with open(DOCUMENT, encoding="utf-8") as file:
            text = file.read()
        known = ("Known findings", "GitHub Actions", "GitLab CI", "CTest", "Meson", "Make",
                 "GoogleTest", "pytest", "Valgrind")
        for section in re.split(r"(?m)^## ", text)[1:]:
            if "```" in section:
                self.assertTrue(section.startswith(known), section[:60])


if __name__ == "__main__":
    main()
