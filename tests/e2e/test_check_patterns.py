#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names of output files: %p, %% and valgrind's %q{NAME}."""
import os
import subprocess
import tempfile

from harness import DRIVER, REPORT, Case, main, plain_environment, program, report

TARGET = program("check_target")


class Names(Case):
    def run_words(self, *words, status=0, **env):
        """What is said, and the names of the files that are there afterwards."""
        folder = tempfile.mkdtemp(dir=self.folder)
        done = subprocess.run(words, env=plain_environment(TMPDIR=folder, **env), cwd=folder,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300,
                              universal_newlines=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr[-2000:])
        return done.stderr, sorted(os.listdir(folder))


class Patterns(Names):
    def check(self, form, pattern, *words, **more):
        return self.run_words(DRIVER, "check", "--discard", f"--format={form}",
                              f"--output={pattern}", "--", TARGET, *(words or ("hold",)), **more)

    def test_percent_signs(self):
        for form in ("junit", "json", "valgrind"):
            for pattern, name in (("a%%p.xml", "a%p.xml"), ("a%%b", "a%b"), ("a%2Fb", "a%2Fb"),
                                  ("end%", "end%"), ("%%%%p", "%%p")):
                with self.subTest(form=form, pattern=pattern):
                    self.assertEqual(self.check(form, pattern)[1], [name])

    def test_file_for_each_process(self):
        for form in ("json", "valgrind", "valgrind-xml"):
            names = self.check(form, "%%-%p%%p.%p", "hold", "fork", "hold")[1]
            self.assertEqual(len(names), 2, form)
            for name in names:
                self.assertRegex(name, r"^%-(\d+)%p\.\1$", form)

    def test_mistakes_are_told_before_anything_runs(self):
        for form in ("junit", "sarif", "gitlab", "github", "markdown"):
            said, names = self.check(form, "a.%p.xml", "exit", "9", status=125)
            self.assertIn("no pid for %p (write %%p ", said)
            self.assertEqual((len(said.splitlines()), names), (1, []), said)
        said, _ = self.check("json", "missing/%p.json", "exit", "9", status=125)
        self.assertRegex(said, r"^vmtrace-report: cannot write missing/.*\n$")

    def test_trace_is_not_overwritten(self):
        """Not even by a name that becomes its own only with the pid."""
        path = self.trace([TARGET, "hold"]).trace
        pattern = path.replace(f".{report(path)['process']['pid']}.", ".%p.")
        self.assertNotEqual(pattern, path)
        size = os.path.getsize(path)
        said, _ = self.run_words(REPORT, f"--output={pattern}", path, status=2)
        self.assertIn("would be overwritten", said)
        self.assertEqual(os.path.getsize(path), size)


class Valgrind(Names):
    """The rules that valgrind has for --log-file and --xml-file."""
    OPTIONS = (("--log-file",), ("--xml-file", "--xml=yes"))

    def test_percent_signs(self):
        value = "1%%2%p3%"  # of a variable: no pattern
        for option, *more in self.OPTIONS:
            for pattern, name in (
                    ("a%%b", "a%b"), ("%%p.x", "%p.x"), ("%%%%p", "%%p"), ("end%%", "end%"),
                    ("%p", r"\d+"), ("%%%p", r"%\d+"), ("%q{ODD}.x", value + r"\.x"),
                    ("%q{ODD}%%p-%p", value + r"%p-\d+")):
                with self.subTest(option=option, pattern=pattern):
                    made, = self.run_words(DRIVER, *more, f"{option}={pattern}", TARGET, "hold",
                                           ODD=value)[1]
                    self.assertRegex(made, f"^{name}$")

    def test_file_for_each_process(self):
        """Of children, too, only where the name has a pid: XML holds one process."""
        for option, *more in self.OPTIONS:
            for pattern, count in (("%p", 2), ("%%p", 1), ("%%%p", 2)):
                names = self.run_words(DRIVER, *more, f"{option}={pattern}", TARGET, "hold", "fork",
                                       "hold")[1]
                self.assertEqual(len(names), count, (option, pattern, names))

    def test_mistakes_are_told_before_anything_runs(self):
        for option, *more in self.OPTIONS:
            for pattern in ("a%b", "%", "a%", "%%%", "%n", "%q", "%q{ODD", "%q{NOT_SET}"):
                said, names = self.run_words(DRIVER, *more, f"{option}={pattern}", TARGET, "exit",
                                             "9", status=2)
                self.assertIn("it may have %p, %% and %q{NAME}", said)
                self.assertEqual(names, [])


if __name__ == "__main__":
    main()
