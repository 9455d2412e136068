#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vmtrace check: statuses, one verdict on many processes, baselines, and what it leaves behind."""
import os
import re
import shutil
import signal
import subprocess
import time

from harness import DRIVER, Case, main, plain_environment, program, report

TARGET = program("check_target")
MOVED = program(os.path.join("moved", "check_target"))


class Check(Case):
    def setUp(self):
        super().setUp()
        self.traces = self.path("traces")
        os.mkdir(self.traces)

    def check(self, *arguments, options=(), env=None, **more):
        """The ended process; its standard error is the verdict."""
        more.setdefault("timeout", 120)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("cwd", self.folder)
        return subprocess.run([DRIVER, "check", *options, "--", *arguments],
                              env=plain_environment(**{"TMPDIR": self.traces, **(env or {})}),
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              universal_newlines=True, check=False, **more)

    def assert_status(self, status, *arguments, **more):
        done = self.check(*arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr[-2000:])
        return done.stderr

    def assert_nothing_left(self):
        self.assertEqual(os.listdir(self.traces), [])


class Statuses(Check):
    def test_clean_program_passes_and_leaves_nothing(self):
        self.assertIn("passed; 1 process checked", self.assert_status(0, TARGET, "hold"))
        self.assert_nothing_left()

    def test_quiet_says_nothing_when_it_passes(self):
        self.assertEqual(self.assert_status(0, TARGET, "hold", options=["--quiet"]), "")

    def test_without_an_allocation_it_is_not_clean(self):
        self.assertIn("no allocation was recorded", self.assert_status(125, TARGET))

    def test_leak_fails_and_its_trace_stays(self):
        said = self.assert_status(23, TARGET, "leak", "3")
        self.assertIn("96 bytes in 3 blocks are definitely lost, allocated by lose_row", said)
        self.assertEqual(len(os.listdir(self.traces)), 1)
        self.assertIn(os.listdir(self.traces)[0], said)

    def test_own_failure_comes_first(self):
        self.assertIn("failed, 1 finding", self.assert_status(7, TARGET, "leak", "3", "exit", "7"))
        self.assert_status(7, TARGET, "exit", "7")

    def test_status_of_the_users_choice(self):
        self.assert_status(9, TARGET, "leak", "1", options=["--error-exitcode=9"])

    def test_programs_that_cannot_be_started(self):
        self.assert_status(127, self.path("nothing"))
        self.assert_status(126, self.folder)
        self.assert_nothing_left()

    def test_untraceable_is_never_clean(self):
        said = self.assert_status(125, program("check_target_static"))
        self.assertIn("statically linked", said)
        self.assert_nothing_left()

    def test_without_a_scan_nothing_is_judged(self):
        self.assertIn("no scan", self.assert_status(125, TARGET, options=["--scan=off"]))

    def test_death_by_signal_is_passed_on(self):
        done = self.check(TARGET, "leak", "1", "crash")
        self.assertEqual(done.returncode, -signal.SIGSEGV)
        self.assertIn("segmentation fault", done.stderr)

    def test_closed_stderr_of_the_program(self):
        self.assertIn("definitely lost", self.assert_status(23, TARGET, "stderr", "leak", "1"))

    def test_double_free_fails_it(self):
        done = self.check(TARGET, "double")
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertIn("a block is freed twice", done.stderr)
        self.assertIn("      record with VMTRACE_FREE_STACKS=on to see who freed it first\n",
                      done.stderr)
        done = self.check(TARGET, "double", options=["--free-stacks=on"])
        self.assertIn("it had been freed by", done.stderr)
        self.assertNotIn("VMTRACE_FREE_STACKS", done.stderr)

    def test_timeout_of_the_caller(self):
        """timeout(1) kills the check's child, too, and nothing passes for clean."""
        began = time.monotonic()
        with subprocess.Popen([DRIVER, "check", "--", TARGET, "sleep"], cwd=self.folder,
                              env=plain_environment(TMPDIR=self.traces),
                              stderr=subprocess.PIPE) as process:
            try:
                while not any(name.endswith(".vmt")
                              for _, _, files in os.walk(self.traces, followlinks=True)
                              for name in files):
                    self.assertLess(time.monotonic() - began, 30)
                    time.sleep(0.01)
            finally:
                process.terminate()
            said = process.communicate(timeout=60)[1].decode()
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertIn("could not be", said)


    def test_nowhere_to_write_traces(self):
        for folder in (self.path("nowhere"), TARGET):
            said = self.assert_status(125, TARGET, "hold", env={"TMPDIR": folder})
            self.assertRegex(said, rf"^vmtrace: [^\n]*{re.escape(folder)}[^\n]*\n$")
        for folder in ("p%q", self.path("a%b")):
            said = self.assert_status(125, TARGET, "hold", options=[f"--traces={folder}"])
            self.assertIn("its path has a % in it", said)
            self.assertFalse(os.path.exists(self.path(folder)))
        said = self.assert_status(125, TARGET, "hold", options=["--traces=/proc/traces"])
        self.assertRegex(said, r"^vmtrace: cannot make the folder /proc/traces: [^\n]*\n$")

    def test_traces_that_cannot_be_begun(self):
        """As on a full disk: the library says so, and the check is none."""
        script = f'rm -r "${{VMTRACE_OUTPUT%/*}}"; {TARGET} hold'
        said = self.assert_status(125, "bash", "-c", script)
        self.assertIn("nothing was checked: bash wrote no trace", said)

    def test_folder_that_nobody_may_write_to(self):
        """The folder that the check runs in is not needed."""
        os.mkdir(self.path("closed"), 0o555)
        self.assert_status(0, TARGET, "hold", cwd=self.path("closed"))


class Gate(Check):
    def test_threshold(self):
        self.assert_status(0, TARGET, "leak", "3", options=["--leak-threshold=97"])
        self.assert_status(23, TARGET, "leak", "3", options=["--leak-threshold=96"])

    def test_classes(self):
        self.assert_status(0, TARGET, "leak", "3", options=["--fail-on=possible,errors"])
        self.assert_status(23, TARGET, "hold", options=["--fail-on=reachable"])
        self.assert_status(0, TARGET, "leak", "1", options=["--fail-on=none"])

    def test_only_mine(self):
        for mine, status in (("check_target", 23), ("check_target.c", 23), ("programs/", 23),
                             ("libother.so", 0), ("src/other/", 0)):
            self.assert_status(status, TARGET, "leak", "1", options=[f"--only={mine}"])

    def test_suppressed(self):
        with open(self.path("known.supp"), "w", encoding="utf-8") as file:
            file.write("leak:lose_row\n")
        options = [f"--suppressions={self.path('known.supp')}"]
        self.assert_status(0, TARGET, "leak", "3", options=options)
        self.assert_status(23, TARGET, "leak", "3", "other", "1", options=options)

    def test_generated_suppressions_hide_what_they_were_made_of(self):
        for form in ("valgrind", "lsan"):
            said = self.assert_status(23, TARGET, "hold", "children", "2", "leak",
                                      options=[f"--gen-suppressions={form}"])
            text = said.split("# definite: 64 bytes in 2 blocks\n", 1)[1]
            path = self.path(form)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.split("vmtrace: traces")[0])
            self.assert_status(0, TARGET, "leak", "1", options=[f"--suppressions={path}"])
            self.assert_status(23, TARGET, "other", "1", options=[f"--suppressions={path}"])

    def test_length_of_the_verdict(self):
        many = ["leak", "1", "other", "1"]
        said = self.assert_status(23, TARGET, *many, options=["--top=1", "--discard"])
        self.assertNotIn("lose_row", said)
        self.assertIn("1 more finding", said)
        said = self.assert_status(23, TARGET, *many, options=["--full-stacks", "--discard"])
        self.assertIn("__libc_start", said)

    def test_bad_options_name_themselves(self):
        for option in ("--fail-on=leaks", "--leak-threshold=x", "--baseline=/nonexistent",
                       "--error-exitcode=0", "--format=xml", "--output=x"):
            done = self.check(TARGET, options=[option])
            self.assertIn(done.returncode, (2, 125), option)
            self.assertIn(option.split("=")[0], done.stderr)


class Processes(Check):
    def test_findings_are_merged(self):
        said = self.assert_status(23, TARGET, "hold", "children", "5", "leak")
        self.assertIn("failed, 1 finding; 6 processes checked", said)
        self.assertIn("160 bytes in 5 blocks are definitely lost", said)
        self.assertIn("in 5 processes:", said)

    def test_clean_traces_go_and_others_stay(self):
        self.assert_status(23, "sh", "-c", f"{TARGET} hold; {TARGET} leak 1; {TARGET} hold")
        kept = [name for _, _, files in os.walk(self.traces) for name in files]
        self.assertEqual(len(kept), 1, kept)

    def test_forked_childs_trace_is_read_as_the_check_read_it(self):
        """With the parent's, although nothing was found there."""
        self.assert_status(23, program("check_odd"), "hold", "crowd", "2")
        kept = [os.path.join(folder, name) for folder, _, files in os.walk(self.traces)
                for name in files]
        self.assertEqual(len(kept), 3, kept)
        reports = [report(trace)["process"].get("inherited") for trace in kept]
        self.assertEqual(sorted(one["state"] for one in reports if one), ["taken"] * 2)

    def test_keep_and_discard(self):
        self.assert_status(0, TARGET, "hold", options=["--keep"])
        self.assertEqual(len(os.listdir(self.traces)), 1)
        before = os.listdir(self.traces)
        self.assert_status(23, TARGET, "leak", "1", options=["--discard"])
        self.assertEqual(os.listdir(self.traces), before)

    def test_page_faults_are_recorded_if_they_are_asked_for(self):
        for options, source in (([], "off"), (["--faults=rusage"], "rusage")):
            self.assert_status(0, TARGET, "hold", options=["--keep", *options])
            folder, = os.listdir(self.traces)
            trace, = os.listdir(os.path.join(self.traces, folder))
            told = report(os.path.join(self.traces, folder, trace))
            self.assertEqual(told["summary"]["fault_source"], source)
            shutil.rmtree(os.path.join(self.traces, folder))

    def test_many_at_once(self):
        """Two runners at once, each with processes in parallel."""
        script = f"seq 40 | xargs -P8 -I% {TARGET} leak 1"
        runners = [subprocess.Popen([DRIVER, "check", "--", "sh", "-c", script], cwd=self.folder,
                                    env=plain_environment(TMPDIR=self.traces),
                                    stderr=subprocess.PIPE, universal_newlines=True)
                   for _ in range(2)]
        for runner in runners:
            said = runner.communicate(timeout=120)[1]
            self.assertEqual(runner.returncode, 23, said[-2000:])
            self.assertIn("1280 bytes in 40 blocks are definitely lost", said)

    def test_untraceable_successor_is_never_clean(self):
        """What a traced program becomes by exec may leave no trace."""
        for words in (["env", program("check_target_static")], ["env", "-i", TARGET, "hold"]):
            said = self.assert_status(125, *words)
            self.assertIn("the program that took its place left no trace", said)
        self.assert_status(0, "env", TARGET, "hold")
        self.assert_status(23, "env", TARGET, "leak", "1")

    def test_killed_as_they_start(self):
        """Some have not written a byte of their trace by then."""
        script = (f"i=0; while [ $i -lt 20 ]; do {TARGET} sleep & sleep 0.00$((i % 10)); "
                  f"kill -9 $!; i=$((i + 1)); done; wait; {TARGET} hold")
        said = self.assert_status(0, "bash", "-c", script)
        self.assertIn("could not be", said)

    def test_trace_that_cannot_be_read(self):
        script = f'{TARGET} hold; : > "${{VMTRACE_OUTPUT%/*}}/broken.vmt"'
        said = self.assert_status(0, "sh", "-c", script)
        self.assertRegex(said, r"Not checked for leaks:\n  - \S*broken.vmt: its trace cannot be")
        self.assert_status(125, "sh", "-c", script, options=["--strict"])

    def test_check_within_a_check(self):
        """The inner one's own processes are checked as well, and clean."""
        inner = [DRIVER, "check", "--"]
        said = self.assert_status(0, *inner, TARGET, "hold")
        self.assertEqual(re.findall(r"passed; (\d) process", said), ["1", "2"])
        self.assert_nothing_left()
        said = self.assert_status(23, *inner, TARGET, "leak", "1")
        self.assertIn("failed, 1 finding; 1 process checked", said)
        self.assertIn("passed; 2 processes checked", said)

    def test_killed_ones_are_listed(self):
        started = 'until grep -q check_target /proc/$!/comm; do :; done; sleep 0.5'
        script = f"{TARGET} sleep & {started}; kill -9 $!; wait; {TARGET} hold"
        said = self.assert_status(0, "sh", "-c", script)
        self.assertRegex(said, r"Not checked for leaks:\n  - process \d+ \(\S*check_target sleep\)")
        self.assertIn("1 could not be", said)
        self.assert_status(125, "sh", "-c", script, options=["--strict"])

    def test_same_verdict_every_time(self):
        verdicts = {re.sub(r"\d{3,}|vmtrace-check-\w+|traces are in.*", "",
                           self.assert_status(23, TARGET, "hold", "children", "3", "leak"))
                    for _ in range(10)}
        self.assertEqual(len(verdicts), 1, verdicts)


class Baselines(Check):
    def save(self, *arguments, name="known", options=()):
        path = self.path(name)
        self.assert_status(0, *arguments,
                           options=[f"--save-baseline={path}", "--fail-on=none", *options])
        return path

    def test_known_findings_pass(self):
        known = self.save(TARGET, "leak", "3")
        said = self.assert_status(0, TARGET, "leak", "3", options=[f"--baseline={known}"])
        self.assertIn("known: 96 bytes in 3 blocks", said)
        self.assert_status(0, TARGET, "leak", "2", options=[f"--baseline={known}"])

    def test_new_and_grown_ones_fail(self):
        known = self.save(TARGET, "leak", "3")
        said = self.assert_status(23, TARGET, "leak", "3", "other", "1",
                                  options=[f"--baseline={known}"])
        self.assertIn("new: 48 bytes in 1 block is definitely lost, allocated by lose_other", said)
        said = self.assert_status(23, TARGET, "leak", "4", options=[f"--baseline={known}"])
        self.assertIn("more than in the baseline: 128 bytes", said)

    def test_fixed_ones_are_told(self):
        known = self.save(TARGET, "leak", "3", "other", "1")
        said = self.assert_status(0, TARGET, "leak", "3", options=[f"--baseline={known}"])
        self.assertIn("1 of 2 findings of the baseline did not occur", said)

    def test_unchanged_by_moved_lines_and_inlining(self):
        known = self.save(TARGET, "leak", "3", "other", "2")
        self.assert_status(0, MOVED, "leak", "3", "other", "2", options=[f"--baseline={known}"])
        self.assert_status(23, MOVED, "leak", "5", options=[f"--baseline={known}"])

    def test_merged(self):
        one = self.save(TARGET, "leak", "3")
        both = self.save(TARGET, "other", "1", name="both", options=[f"--baseline={one}"])
        self.assert_status(0, TARGET, "leak", "3", "other", "1", options=[f"--baseline={both}"])

    def test_text_for_people(self):
        with open(self.save(TARGET, "leak", "3"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[0], "# vmtrace baseline 1")
        self.assertIn("definite-leak blocks=3 bytes=96", lines)
        self.assertIn("    lose_row @ check_target", lines)
        self.assertNotIn("0x", "".join(lines))

    def test_damaged_file_is_named_with_its_line(self):
        with open(self.path("bad"), "w", encoding="utf-8") as file:
            file.write("# vmtrace baseline 1\nsomething\n")
        done = self.check(TARGET, options=[f"--baseline={self.path('bad')}"])
        self.assertEqual(done.returncode, 125)
        self.assertIn("bad:2: expected a finding", done.stderr)


class SelfTest(Check):
    def self_test(self, **env):
        return subprocess.run([DRIVER, "check", "--self-test"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, timeout=120,
                              env=plain_environment(TMPDIR=self.traces, **env), check=False)

    def test_passes_here(self):
        done = self.self_test()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(re.findall(r"(?m)^ok ", done.stdout)), 6)
        self.assert_nothing_left()

    def test_fails_where_leaks_go_unseen(self):
        done = self.self_test(VMTRACE_SCAN="off")
        self.assertEqual(done.returncode, 125)
        self.assertIn("FAILED  a lost block is found", done.stdout)


if __name__ == "__main__":
    main()
