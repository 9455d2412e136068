#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Children that leave no trace are told, by vmtrace check and in the report of who started them."""
import ctypes
import os
import re
import shutil
import subprocess
import sys

from harness import DRIVER, Case, have, main, plain_environment, program, report

STARTER = program("untraced")
STATIC = program("static_program")
TARGET = program("check_target")
NOBODY = 65534

NO_PRELOAD = "started without libvmtrace.so in LD_PRELOAD"


class Untraced(Case):
    def check(self, *arguments, options=(), env=None, prefix=()):
        """Status and verdict."""
        done = subprocess.run([*prefix, DRIVER, "check", "--discard", *options, "--", *arguments],
                              env=plain_environment(TMPDIR=self.folder, **(env or {})),
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, universal_newlines=True, cwd=self.folder,
                              timeout=120, check=False)
        return done.returncode, done.stderr

    def assert_listed(self, line, *arguments, options=(), **more):
        """One process or several are listed with a line that matches; --strict would fail."""
        status, said = self.check(*arguments, options=options, **more)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, rf"(?m)^  - {line}$")
        self.assertNotIn("checked\n", said)  # but: "1 process checked, 1 could not be"
        self.assertEqual(self.check(*arguments, options=["--strict", *options], **more)[0], 125)
        return said

    def assert_all_checked(self, *arguments, **more):
        status, said = self.check(*arguments, options=["--strict"], **more)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"^vmtrace: passed; \d+ process(es)? checked\n$")

    def assert_nothing_told(self, *arguments, **more):
        """Nor was anything guessed that the children's traces would have put right."""
        self.assert_all_checked(*arguments, **more)
        run = self.trace(list(arguments), **more)
        self.assertGreater(len(run.traces), 1)
        for trace in run.traces:
            self.assertEqual(report(trace)["untraced_children"], [], trace)

    def child(self, path, reason):
        """The folder of a long path is left out."""
        folder, name = os.path.split(path)
        told = rf"({re.escape(folder)}|\.\.\.)/{re.escape(name)}" if folder else re.escape(name)
        return rf"process \d+ \({told}\): left no trace: {re.escape(reason)}"

    def link(self, path):
        """A path that is short enough to be told whole, wherever the build is."""
        link = self.path(os.path.basename(path))
        os.symlink(path, link)
        return link


class Statically(Untraced):
    """A statically linked program, however it is started."""

    def test_by_vfork_and_spawn(self):
        for way in ("vfork", "spawn", "spawnp", "nested"):
            with self.subTest(way=way):
                said = self.assert_listed(self.child(STATIC, "statically linked"),
                                          STARTER, way, STATIC)
                self.assertIn(", 1 could not be", said)

    def test_by_descriptor(self):
        taken = r"process \d+ \(.*\): the program that took its place left no trace: "
        self.assert_listed(taken + r"\(descriptor\) \(statically linked\)", STARTER, "fexecve",
                           STATIC)

    def test_by_a_name_in_a_folder(self):
        taken = r"process \d+ \(.*\): the program that took its place left no trace: "
        self.assert_listed(taken + r"static_program \(statically linked\)", STARTER, "execveat",
                           STATIC)

    def test_spawned_in_another_folder(self):
        above = os.path.basename(os.path.dirname(STATIC))
        for way, path in (("spawn-chdir", above + "/static_program"),
                          ("spawn-fchdir", "./static_program")):
            with self.subTest(way=way):
                self.assert_listed(self.child(path, "statically linked"), STARTER, way, STATIC)

    def test_by_pidfd_spawn(self):
        """Of glibc 2.39, or of a stand-in; before that it is as if the kernel did not know it."""
        stand_in = program("libpidfd_spawn.so")
        for way in ("pidfd_spawn", "pidfd_spawnp"):
            with self.subTest(way=way):
                self.assert_listed(rf"{re.escape(STATIC)}: left no trace: statically linked",
                                   STARTER, way, STATIC, env={"LD_PRELOAD": stand_in})
                self.assert_all_checked(STARTER, way, STARTER, env={"LD_PRELOAD": stand_in})
        if not hasattr(ctypes.CDLL(None), "pidfd_spawn"):
            self.assertEqual(self.trace([STARTER, "pidfd_spawn", STATIC]).stdout, b"ENOSYS\n")

    def test_found_in_path(self):
        for way in ("vfork-path", "spawnp"):
            self.assert_listed(self.child("static_program", "statically linked"), STARTER, way,
                               "static_program", env={"PATH": ":/bin:" + os.path.dirname(STATIC)})

    def test_in_a_forked_child_that_had_no_trace(self):
        said = self.assert_listed(
            r"process \d+ \(\S+ fork .*\): the program that took its place left no trace: "
            rf"{re.escape(STATIC)} \(statically linked\)", STARTER, "fork", STATIC)
        self.assertIn("passed; 1 process checked, 1 could not be", said)

    def test_in_a_forked_child_that_goes_on_as_another_program(self):
        self.assert_listed(self.child(STATIC, "statically linked"), STARTER, "nested-exec", STATIC)

    def test_in_a_clone_of_a_forked_child_that_had_no_trace(self):
        self.assert_listed(r"process \d+ \(\S+ nested-clone .*\): the program that took its place "
                           rf"left no trace: {re.escape(STATIC)} \(statically linked\)",
                           STARTER, "nested-clone", STATIC)

    def test_from_threads_that_have_had_no_event(self):
        """The child of a vfork must not leave its thread a stream that counts as its own."""
        for faults in ("off", "rusage", "auto"):
            with self.subTest(faults=faults):
                run = self.trace([STARTER, "threads", STATIC, "60"], {"VMTRACE_FAULTS": faults})
                data = report(run.trace)
                self.assertEqual(len(data["untraced_children"]), 60)
                self.assertGreaterEqual(data["summary"]["allocations"], 60 * 3000)
                self.assertEqual(data["summary"]["lost_events"], 0)
                self.assertEqual(data["errors"], [])

    def test_in_the_place_of_the_only_process(self):
        status, said = self.check("sh", "-c", f"exec {TARGET}_static")
        self.assertEqual(status, 125)
        self.assertIn(f"left no trace: {TARGET}_static (statically linked)", said)

    def test_by_shells(self):
        for shell in ("sh", "bash"):
            status, said = self.check(shell, "-c", f"{STATIC}; {TARGET} hold")
            self.assertEqual(status, 0, said)
            self.assertRegex(said, r"left no trace: .*statically linked")

    def test_behind_scripts(self):
        with open(self.path("inner"), "w", encoding="utf-8") as file:
            file.write(f"#! {STATIC} argument\n")
        with open(self.path("outer"), "w", encoding="utf-8") as file:
            file.write(f"#!{self.path('inner')}\n")
        for name in ("inner", "outer"):
            os.chmod(self.path(name), 0o755)
            self.assert_listed(self.child(self.path(name), "statically linked"), STARTER, "vfork",
                               self.path(name))

    def test_equal_ones_are_told_together(self):
        static = self.link(STATIC)
        said = self.assert_listed(f"{re.escape(static)}: 1200 of them left no trace: statically "
                                  "linked", STARTER, "vfork", static, "1200")
        self.assertIn("1 process checked, 1200 could not be", said)


class Environments(Untraced):
    def test_empty(self):
        for way in ("vfork-empty", "spawn-empty"):
            with self.subTest(way=way):
                self.assert_listed(self.child(TARGET, NO_PRELOAD), STARTER, way, TARGET)

    def test_empty_for_a_shell_of_libc(self):
        for way in ("system-empty", "popen-empty", "wordexp-empty"):
            with self.subTest(way=way):
                self.assert_listed(rf"/bin/sh: left no trace: {NO_PRELOAD}", STARTER, way, TARGET)

    def test_of_pythons_subprocess(self):
        script = f"import subprocess; subprocess.run([{TARGET!r}, 'leak', '1'], env={{}})"
        self.assert_listed(self.child(TARGET, NO_PRELOAD), sys.executable, "-c", script,
                           options=["--only=check_target"])

    def test_without_or_with_another_output(self):
        other = self.child(TARGET, "started with another VMTRACE_OUTPUT")
        output = "VMTRACE_OUTPUT=/dev/null/%p"
        for words in (f"unset VMTRACE_OUTPUT; {TARGET} hold 2>&1; true",
                      f"{output} {TARGET} hold 2>&1; true"):
            with self.subTest(words=words):
                self.assert_listed(other, "sh", "-c", words)

    def test_of_a_check_within(self):
        self.assert_all_checked("sh", "-c", f"{DRIVER} check --quiet -- {TARGET} hold; true")


class Privileges(Untraced):
    """What a setuid program is to ld.so depends on who starts it."""

    def setUp(self):
        super().setUp()
        if os.getuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root and setpriv")
        self.tool = self.path("tool")
        shutil.copy(STARTER, self.tool)
        os.chmod(self.folder, 0o777)
        self.as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        done = subprocess.run([*self.as_nobody, DRIVER, "--version"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            self.skipTest("the build directory is not everybody's to read")

    def assert_privileged(self):
        reason = "setuid, setgid or with capabilities"
        self.assert_listed(self.child(self.tool, reason), STARTER, "vfork", self.tool,
                           prefix=self.as_nobody)

    def test_setuid(self):
        os.chmod(self.tool, 0o4755)
        self.assert_privileged()

    def test_that_may_only_be_executed(self):
        os.chmod(self.tool, 0o4111)
        self.assert_privileged()

    def test_setgid(self):
        os.chmod(self.tool, 0o2755)
        self.assert_privileged()

    def test_capabilities(self):
        if not shutil.which("setcap") or subprocess.call(
                ["setcap", "cap_net_raw+ep", self.tool], stderr=subprocess.DEVNULL) != 0:
            self.skipTest("no capabilities for files here")
        self.assert_privileged()

    def test_to_ones_own_user_is_nothing(self):
        os.chmod(self.tool, 0o4755)
        self.assert_nothing_told(STARTER, "vfork", self.tool)

    def test_not_where_privileges_cannot_grow(self):
        os.chmod(self.tool, 0o4755)
        self.assert_nothing_told(STARTER, "vfork", self.tool,
                                 prefix=[*self.as_nobody, "--no-new-privs"])


class OtherLibc(Untraced):
    """A dynamic program of musl's cannot load a library of glibc's, and would not start."""

    def setUp(self):
        super().setUp()
        self.tool = self.path("tool")
        with open(self.path("tool.c"), "w", encoding="ascii") as file:
            file.write('#include <stdio.h>\nint main() { return puts("ran") < 0; }\n')
        if not have("musl-gcc") or subprocess.call(
                ["musl-gcc", "-o", self.tool, self.path("tool.c")]) or subprocess.call(
                    [self.tool], stdout=subprocess.DEVNULL):
            self.skipTest("no musl here")

    def test_is_started_without_the_library(self):
        reason = "linked against another libc (musl) than libvmtrace.so"
        for way in ("vfork", "fork", "spawn", "spawnp", "nested"):
            with self.subTest(way=way):
                run = self.trace([STARTER, way, self.tool])
                self.assertEqual((run.stdout, run.stderr), (b"ran\n", b""))
        self.assert_listed(self.child(self.tool, reason), STARTER, "spawn", self.tool)
        status, said = self.check(self.tool)
        self.assertEqual(status, 125)
        self.assertIn(f"wrote no trace; it is {reason}\n", said)


class Followed(Untraced):
    """Whatever leaves a trace, or never was, is not listed."""

    def test_ordinary_children(self):
        for way in ("vfork", "vfork-path", "fork", "spawn", "spawnp", "nested", "fexecve",
                    "execveat", "spawn-chdir", "spawn-fchdir"):
            with self.subTest(way=way):
                self.assert_nothing_told(STARTER, way, STARTER)

    def test_forked_child_whose_own_by_vfork_has_the_first_event(self):
        """The trace of the one is not begun by the other, in their memory."""
        status, said = self.check(STARTER, "nested-malloc", STARTER)
        self.assertEqual(status, 23, said)
        self.assertIn("3 processes checked\n", said)
        self.assertRegex(said, "bytes in [45] blocks are definitely lost")

    def test_what_could_not_be_executed(self):
        shutil.copy(STATIC, self.path("plain"))
        os.chmod(self.path("plain"), 0o644)
        for way in ("vfork", "spawn", "nested", "vfork-empty", "spawn-empty"):
            with self.subTest(way=way):
                self.assert_all_checked(STARTER, way, self.path("plain"))
                self.assert_all_checked(STARTER, way, self.path("nowhere"))

    def test_loader_started_as_a_program(self):
        with open("/proc/self/maps", encoding="utf-8") as maps:
            loader = re.search(r"/\S*/ld[^/\s]*\.so\S*", maps.read()).group(0)
        self.assert_nothing_told("sh", "-c", f"{loader} {TARGET} hold; true")

    def test_wrong_guess(self):
        """The statically linked program becomes one that is traced."""
        self.assert_all_checked(STARTER, "vfork", program("static_exec"))

    def test_what_an_untraced_one_starts(self):
        """It hands on the environment."""
        said = self.assert_listed(self.child(STARTER + "_static", "statically linked"),
                                  "sh", "-c", f"{STARTER}_static fork {STARTER}; {STARTER}")
        self.assertIn("passed; 3 processes checked, 1 could not be", said)

    def test_what_is_checked_is_itself_untraced(self):
        """Nobody else could tell of it."""
        self.assert_listed(self.child(STARTER + "_static", "statically linked"),
                           STARTER + "_static", "fork", STARTER)
        self.assert_all_checked(program("static_exec"))

    def test_children_that_are_ignored(self):
        self.assert_all_checked(STARTER, "vfork", STATIC, env={"VMTRACE_CHILDREN": "ignore"})


class Formats(Untraced):
    def render(self, form):
        """What a format of findings says of two children."""
        output = self.path("output")
        options = [f"--format={form}", f"--output={output}"]
        self.assertEqual(self.check(STARTER, "vfork", STATIC, "2", options=options)[0], 0)
        with open(output, encoding="utf-8") as file:
            return file.read()

    def test_where_there_is_a_place_for_them(self):
        for form in ("junit", "sarif", "github", "markdown", "valgrind", "valgrind-xml"):
            with self.subTest(form=form):
                said = self.render(form).replace("\\_", "_")
                self.assertIn("2 of them left no trace: statically linked", said)
                self.assertIn(os.path.basename(STATIC), said)

    def test_of_valgrinds_command_line(self):
        for options in ((), ("-q",)):
            done = subprocess.run([DRIVER, *options, "--leak-check=full", "--trace-children=yes",
                                   STARTER, "vfork", STATIC],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  env=plain_environment(TMPDIR=self.folder), timeout=60,
                                  universal_newlines=True, check=True)
            self.assertRegex(done.stderr, rf"(?m)^==\d+== Not checked: {re.escape(STATIC)}: "
                                          r"left no trace: statically linked$")


class Reports(Untraced):
    def test_json_and_text(self):
        static = self.link(STATIC)
        run = self.trace([STARTER, "vfork", static, "2"])
        data = report(run.trace)
        children = data["untraced_children"]
        self.assertEqual([(child["path"], child["reason"], child["count"]) for child in children],
                         [(static, "statically linked", 1)] * 2)
        self.assertNotEqual(children[0]["pid"], children[1]["pid"])
        self.assertIn(f"2 child processes left no trace: {static} (statically linked)",
                      data["notes"])

    def test_a_program_that_took_ones_place(self):
        static = self.link(STATIC)
        run = self.trace([STARTER, "exec", static], stdout=subprocess.DEVNULL)
        done = subprocess.run([program("../../../analyzer/vmtrace-report"), run.trace],
                              stdout=subprocess.PIPE, universal_newlines=True, check=True)
        self.assertIn(f"then became a program that left no trace: {static} (statically linked)",
                      done.stdout)

    def test_errno_and_status_are_kept(self):
        """system() of a command, and spawn of nothing, return what they always did."""
        script = ("import os; s = os.system('exit 7') >> 8\n"
                  "try: os.posix_spawn('/nowhere', ['x'], {})\n"
                  "except FileNotFoundError as error: print(s, error.errno)")
        run = self.trace([sys.executable, "-c", script])
        self.assertEqual(run.stdout, b"7 2\n")


if __name__ == "__main__":
    main()
