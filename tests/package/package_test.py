#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`cmake --install` and the .deb: everything is there, and works from where it lies.

    package_test.py BUILD-DIRECTORY CMAKE CPACK

Really installing the package is what scripts/test-clean-root.sh does.
"""
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import surroundings  # noqa: E402,F401

BUILD, CMAKE, CPACK = sys.argv[1:4]

# Below the prefix; LIB stands for the folder of libraries.
FILES = ("bin/vmtrace", "bin/vmtrace-report", "LIB/libvmtrace.so", "include/vmtrace/vmtrace.h",
         "share/man/man1/vmtrace.1.gz", "share/man/man1/vmtrace-report.1.gz",
         "share/man/man7/libvmtrace.7.gz", "share/vmtrace/report.schema.json",
         "share/bash-completion/completions/vmtrace",
         "share/bash-completion/completions/vmtrace-report",
         "share/doc/vmtrace/copyright", "share/doc/vmtrace/README.md",
         "share/doc/vmtrace/trace-format.md", "share/cmake/vmtrace/vmtraceConfig.cmake",
         "share/doc/vmtrace/ci.md", "share/doc/vmtrace/suppressions.md")


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          universal_newlines=True, **options).stdout


class Tree:
    """An installed tree, and how to use it where the loader does not look by itself."""

    def __init__(self, test, prefix):
        self.test, self.prefix = test, prefix
        libraries = [root for root, _, files in os.walk(prefix) if "libvmtrace.so" in files]
        test.assertEqual(len(libraries), 1)
        self.libraries = libraries[0]

    def path(self, name):
        return os.path.join(self.prefix, name)

    def check_files(self):
        library = os.path.relpath(self.libraries, self.prefix)
        for name in FILES:
            self.test.assertTrue(os.path.isfile(self.path(name.replace("LIB", library))), name)
        with gzip.open(self.path("share/man/man1/vmtrace.1.gz"), "rt") as page:
            self.test.assertIn(".TH", page.read())

    def check_use(self, folder):
        trace = os.path.join(folder, "preload.vmt")
        # The loader finds a bare name in LD_LIBRARY_PATH as it does in its own path.
        environment = dict(os.environ, LD_PRELOAD="libvmtrace.so",
                           LD_LIBRARY_PATH=self.libraries, VMTRACE_OUTPUT=trace)
        self.test.assertEqual(run("/bin/cat", "/etc/passwd", env=environment),
                              run("/bin/cat", "/etc/passwd"))
        self.check_trace(trace)
        # The driver finds the library of its own tree.
        trace = os.path.join(folder, "driver.vmt")
        run(self.path("bin/vmtrace"), "run", "--output=" + trace, "--", "/bin/cat", "/etc/passwd",
            stderr=subprocess.PIPE)
        self.check_trace(trace)

    def check_trace(self, trace):
        report = json.loads(run(self.path("bin/vmtrace-report"), "--format=json", trace))
        self.test.assertGreater(report["summary"]["allocations"], 0)
        self.test.assertEqual(report["process"]["end"], "exit")

    def check_header(self, folder):
        """The header compiles alone, in C and C++, without linking with anything."""
        source = os.path.join(folder, "user.c")
        with open(source, "w", encoding="ascii") as file:
            file.write("#include <vmtrace/vmtrace.h>\n"
                       "int main(void) { vmtrace_phase_begin(\"x\"); return 0; }\n")
        for compiler in (["cc", "-std=c11", "-x", "c"], ["c++", "-std=c++14", "-x", "c++"]):
            if shutil.which(compiler[0]):
                run(*compiler, "-Wall", "-Wextra", "-Werror", "-pedantic",
                    "-I" + self.path("include"), source, "-o", source + ".out")
                run(source + ".out")


class Package(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_installed_tree_is_complete_and_works(self):
        prefix = os.path.join(self.folder, "prefix")
        run(CMAKE, "--install", BUILD, "--prefix", prefix)
        tree = Tree(self, prefix)
        tree.check_files()
        tree.check_use(self.folder)
        tree.check_header(self.folder)

    def test_deb_is_complete_and_works(self):
        if not shutil.which("dpkg-shlibdeps") or not shutil.which("file"):
            self.skipTest("dpkg-dev and file are needed to make a .deb")
        run(CPACK, "-G", "DEB", "-B", self.folder, cwd=BUILD)
        packages = [name for name in os.listdir(self.folder) if name.endswith(".deb")]
        self.assertEqual(len(packages), 1)
        package = os.path.join(self.folder, packages[0])
        for line in run("dpkg-deb", "-c", package).splitlines():
            self.assertRegex(line, r"^([d-]rwxr-xr-x|-rw-r--r--|l)")
        depends = run("dpkg-deb", "-f", package, "Depends")
        for name in ("libc6", "libdw1", "libjansson4"):
            self.assertRegex(depends, r"\b%s\b" % name)
        root = os.path.join(self.folder, "root")
        run("dpkg-deb", "-x", package, root)
        tree = Tree(self, os.path.join(root, "usr"))
        multiarch = run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
        self.assertEqual(tree.libraries, os.path.join(root, "usr/lib", multiarch))
        tree.check_files()
        tree.check_use(self.folder)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
