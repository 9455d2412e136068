#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vmtrace check where things go wrong or are unusual: signals, closed streams, other users,
programs that stay behind, no room; and whether the self-test tells the truth there."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

from harness import DRIVER, REPORT, Case, have, main, plain_environment, program

ODD = program("check_odd")
PROMISES = 6


def may_unshare(*flags):
    return have("unshare") and subprocess.run(["unshare", *flags, "true"], check=False,
                                              stderr=subprocess.DEVNULL).returncode == 0


class Odd(Case):
    def setUp(self):
        super().setUp()
        self.traces = self.path("traces")
        os.mkdir(self.traces)
        os.chmod(self.folder, 0o755)

    def run_words(self, *words, env=None, **more):
        """The ended process of a whole command line."""
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        env = plain_environment(**{"TMPDIR": self.traces, **(env or {})})
        return subprocess.run(words, env=env, stdin=subprocess.DEVNULL, universal_newlines=True,
                              cwd=self.folder, timeout=300, check=False, **more)

    def check(self, status, *words, options=("--discard",), prefix=(), **more):
        """What the check of the words says; it must end with the status."""
        done = self.run_words(*prefix, DRIVER, "check", *options, "--", *words, **more)
        self.assertEqual(done.returncode, status, (done.stderr or "")[-2000:])
        return done.stderr

    def shell(self, status, script, **more):
        done = self.run_words("bash", "-c", script, **more)
        self.assertEqual(done.returncode, status, (done.stderr or "")[-2000:])
        return done


class Signals(Odd):
    def test_timeout_kills_the_program_and_not_the_verdict(self):
        """timeout(1) sends its signal to the check first, then to the whole group."""
        for _ in range(5):
            done = self.run_words("timeout", "600", DRIVER, "check", "--discard", "--", ODD, "hold",
                                  "expire", "sleep", "600")
            self.assertEqual(done.returncode, 124, done.stderr)
            self.assertIn("1 could not be", done.stderr)
            self.assertIn("died of signal 15", done.stderr)
            self.assertNotIn("vmtrace-report died", done.stderr)

    def test_second_signal_does_not_end_the_report(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            ready = self.path(f"ready{number.value}")
            script = f"trap 'exit 3' {number.value}; {ODD} hold; sleep 60 2>&- & : >{ready}; wait"
            with subprocess.Popen([DRIVER, "check", "--keep", "--", "sh", "-c", script],
                                  env=plain_environment(TMPDIR=self.traces), cwd=self.folder,
                                  start_new_session=True, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE) as process:
                began = time.monotonic()
                try:
                    while not os.path.exists(ready):
                        self.assertLess(time.monotonic() - began, 60)
                        time.sleep(0.01)
                except AssertionError:
                    os.killpg(process.pid, signal.SIGKILL)
                    raise
                process.send_signal(number)
                os.killpg(process.pid, number)
                said = process.communicate(timeout=300)[1].decode()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            self.assertEqual(process.returncode, 3, said)
            self.assertRegex(said, r"passed; \d process")

    def test_timeout_inside(self):
        said = self.check(124, "timeout", "600", ODD, "hold", "expire", "sleep", "600")
        self.assertIn("the process was killed", said)
        self.assertIn("timeout itself ended with status 124", said)

    def test_whole_group_killed(self):
        """A killed orphan is dead, even where no init reaps it."""
        said = self.check(-signal.SIGKILL, "timeout", "-s", "KILL", "600", ODD, "hold", "expire",
                          "sleep", "600")
        self.assertEqual(said.count("the process was killed"), 2, said)

    def test_unfreed_blocks_of_unchecked_ones_are_no_findings(self):
        said = self.check(124, "timeout", "600", ODD, "leak", "expire", "sleep", "600")
        self.assertNotIn("not freed", said)


class Statuses(Odd):
    def test_own_status_is_told(self):
        for status in (1, 23, 125, 126, 127, 255):
            said = self.check(status, ODD, "hold", "exit", str(status))
            self.assertIn("vmtrace: passed", said)
            self.assertIn(f"itself ended with status {status}\n", said)
        self.assertNotIn("itself", self.check(23, ODD, "leak"))
        self.assertNotIn("itself", self.check(0, ODD, "hold"))

    def test_abort_that_was_expected(self):
        """Death tests: whoever aborts fails by itself, and the parent knew."""
        said = self.check(0, ODD, "hold", "fork", "abort")
        self.assertRegex(said, r"do not fail the check:\n  - abort in \w+")
        self.assertRegex(said, r"process \d+ \(.*\): the process ended by signal 6")
        said = self.check(23, ODD, "leak", "fork", "abort")
        self.assertIn("failed, 1 finding;", said)
        self.check(-signal.SIGABRT, ODD, "hold", "abort")

    def test_strict_says_why_it_fails(self):
        script = f"{ODD} hold & {ODD} mark ready sleep 600 & " \
                 "while [ ! -e ready ]; do sleep 0.02; done; kill -9 $!; wait"
        said = self.check(125, "bash", "-c", script, options=["--discard", "--strict"])
        self.assertIn("--strict: some processes could not be checked", said)
        self.assertIn("vmtrace: not everything could be checked; ", said)
        self.assertNotIn("passed", said)

    def test_alike_ones_are_told_together(self):
        script = f"for i in 1 2 3 4 5; do {ODD} hold mark up sleep 600 & p=\"$p $!\"; done; " \
                 f": >>up; while [ $(wc -l <up) -lt 5 ]; do sleep 0.02; done; kill -9 $p; wait; {ODD} hold"
        said = self.check(0, "bash", "-c", script)
        self.assertRegex(said, r"- 5 processes \(\S*check_odd hold mark up sleep 600\): the proc")

    def test_crowd_is_one_finding(self):
        said = self.check(23, ODD, "crowd", "200", "hold")
        self.assertIn("failed, 1 finding; 201 processes checked", said)
        self.assertIn("155400 bytes in 200 blocks", said)


class Streams(Odd):
    def test_closed_ones(self):
        """Whatever is closed, the status is right, and nothing goes where it does not belong."""
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            for words, status in (("leak", 23), ("hold", 0)):
                done = self.shell(status, f"{DRIVER} check --discard -- {ODD} {words} {closed}")
                self.assertEqual(done.stdout, "", closed)

    def test_program_has_the_descriptors_that_it_would_have(self):
        list_them = "ls -l /proc/self/fd 2>&- <&- | awk '{print $9, $11}' | grep -v /proc/"
        plain = self.shell(0, list_them).stdout
        traced = self.shell(0, f"{DRIVER} check -q --discard -- {list_them}").stdout
        self.assertEqual(re.sub(r"\[\d+\]", "", traced), re.sub(r"\[\d+\]", "", plain))

    def test_reader_that_went_away(self):
        for check in (f"{DRIVER} check --discard --format=junit", f"{DRIVER} check --discard 2>&1"):
            script = f"{{ sleep 0.3; {check} -- {ODD} leak; echo $? >status; }} | true"
            self.shell(0, script, stderr=subprocess.DEVNULL)
            with open(self.path("status"), encoding="ascii") as file:
                self.assertEqual(file.read(), "23\n")

    def test_report_that_cannot_be_written_is_no_success(self):
        script = f"{DRIVER} check --discard --format=junit -- {ODD} hold >/dev/full"
        self.assertIn("cannot write to standard output", self.shell(125, script).stderr)
        self.shell(23, script.replace("hold", "leak"))


class LeftBehind(Odd):
    def end(self, *pids):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def test_daemon_is_not_clean(self):
        for words in (("hold", "daemon", "sleep", "60"), ("hold", "daemon", "hold", "sleep", "60")):
            said = self.check(0, ODD, *words, stdout=subprocess.DEVNULL)
            found = re.findall(r"- process (\d+) \(\S*check_odd.*still runs", said)
            self.assertEqual(len(found), 1, said)
            self.end(*found)
        said = self.check(125, ODD, *words, options=["--discard", "--strict"],
                          stdout=subprocess.DEVNULL)
        self.end(*re.findall(r"- process (\d+) \(\S*check_odd.*still runs", said))

    def test_untraceable_daemon_is_not_clean(self):
        script = f"{ODD} hold; env -i sleep 60 >&- 2>&- & echo $!"
        said = self.check(0, "bash", "-c", script)
        self.assertIn("1 could not be", said)
        self.end(*re.findall(r"- process (\d+) \(", said))

    def test_what_is_about_to_end_is_awaited(self):
        """Else the verdict would be another one each time."""
        wait = "while kill -0 $$ 2>&-; do :; done"  # for the program itself
        for _ in range(3):
            said = self.check(23, "bash", "-c", f"({wait}; exec {ODD} leak) & {ODD} hold")
            self.assertNotIn("could not be", said)

    def test_those_that_were_there_before_are_not_ours(self):
        script = f"sleep 5 >&- 2>&- & exec {DRIVER} check --discard --strict -- {ODD} hold"
        self.assertIn("passed; 1 process checked\n", self.shell(0, script).stderr)

    def test_orphans_are_reaped_meanwhile(self):
        """A test suite may wait until a process that it has not started itself is gone."""
        script = "pid=$(sleep 1 >/dev/null & echo $!); i=0; " \
                 "while kill -0 $pid && [ $i -lt 200 ]; do sleep 0.1; i=$((i + 1)); done; " \
                 "[ $i -lt 200 ]"
        self.check(0, "bash", "-c", script)


class Sandboxes(Odd):
    def test_closed_descriptors_other_folder(self):
        self.check(23, ODD, "close", "hold", "leak")
        self.check(23, ODD, "chdir", "hold", "leak")

    def test_other_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        self.check(23, ODD, "nobody", "leak")
        self.check(23, ODD, "hold", "fork", "nobody", "leak")
        self.check(23, ODD, "nobody", "fork", "leak")
        self.check(23, ODD, "leak", options=[])
        kept = os.path.join(self.traces, os.listdir(self.traces)[0])
        self.assertEqual(os.stat(kept).st_mode & 0o777, 0o700)

    def test_nobody_checks(self):
        if os.geteuid() != 0 or not have("setpriv"):
            self.skipTest("only root can become somebody else, by setpriv")
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        # By env: setpriv itself still may do everything.
        if self.run_words(*nobody, "env", DRIVER, "--version").returncode != 0:
            self.skipTest("nobody may not run what was built here")
        os.chmod(self.traces, 0o777)
        self.check(23, ODD, "leak", prefix=nobody)
        self.check(0, ODD, "hold", prefix=[*nobody, "env", "-u", "HOME"])

    def test_pids_that_repeat(self):
        if not may_unshare("-p"):
            self.skipTest("no pid namespaces here")
        said = self.check(23, ODD, "hold", "pidns", "fork", "hold", "pidns", "fork", "leak")
        self.assertIn("failed, 1 finding; 3 processes checked", said)

    def test_forked_children_that_cannot_begin_a_trace(self):
        """Where they are, there is no such folder."""
        if os.geteuid() != 0:
            self.skipTest("chroot is for root")
        for crowd in (1, 7):
            words = (ODD, "hold", "fork", "chroot", "crowd", str(crowd))
            said = self.check(0, *words)
            self.assertIn(f"passed; 1 process checked, {crowd + 1} could not be", said)
        self.assertRegex(said, r"check_odd.*: its trace could not be created")
        self.check(125, *words, options=("--discard", "--strict"))

    def test_threads_in_a_foreign_proc(self):
        """Its numbers are those of other processes: what only registers know is not lost."""
        if not may_unshare("-p", "-f"):
            self.skipTest("no pid namespaces here")
        said = self.check(0, DRIVER, "self-test-program", "threads",
                          prefix=("unshare", "-p", "-f"))
        self.assertIn("1 process checked", said)

    def test_without_proc(self):
        if not may_unshare("-m"):
            self.skipTest("no mount namespaces here")
        script = f"umount -l /proc && {DRIVER} check --discard -- {ODD} leak"
        done = self.run_words("unshare", "-m", "sh", "-c", script)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("nothing could be checked", done.stderr)

    def test_self_test_tells_the_truth(self):
        """Without /proc leaks go unseen; on a file system without room nothing is recorded."""
        if not may_unshare("-m"):
            self.skipTest("no mount namespaces here")
        done = self.run_words("unshare", "-m", "sh", "-c",
                              f"umount -l /proc && {DRIVER} check --self-test")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertRegex(done.stdout, "FAILED  a lost block is found\n +vmtrace: nothing could be")
        script = f"cd {self.traces} && mount -t tmpfs -o size=4k none . && " \
                 f"echo full >{self.traces}/full && " \
                 f"{DRIVER} check --self-test"
        done = self.run_words("unshare", "-m", "sh", "-c", script)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertEqual(done.stdout.count("FAILED"), PROMISES, done.stdout)
        self.assertIn("cannot be relied on here", done.stderr)


class SelfTest(Odd):
    def self_test(self, *options, status=0):
        done = self.run_words(DRIVER, "check", "--self-test", *options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def test_takes_options_of_recording(self):
        said = self.self_test("--scan=off", status=125).stdout
        self.assertIn("FAILED  a lost block is found\n", said)
        self.assertIn("there was no scan for leaks", said)

    def test_traces_go_where_they_shall(self):
        closed = self.path("file")
        with open(closed, "w", encoding="ascii"):
            pass
        self.assertIn(closed, self.self_test(f"--traces={closed}", status=125).stdout)
        done = self.self_test(f"--traces={self.path('new')}")
        self.assertEqual(done.stdout.count("ok "), PROMISES)
        self.assertEqual(os.listdir(self.path("new")), [])

    def test_refuses_what_would_mean_nothing(self):
        for option in ("--strict", "--keep", "--error-exitcode=3", "-q", "--format=junit", ODD):
            self.assertIn("--self-test", self.self_test(option, status=2).stderr)


class LibraryCaches(Odd):
    def valgrind(self, *words):
        done = self.run_words(DRIVER, "-q", "--leak-check=yes", "--show-reachable=yes", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_buffers_of_streams_are_no_leaks(self):
        """CTest asks for reachable blocks and counts each; valgrind has libc free its own."""
        self.assertEqual(self.valgrind(ODD, "print"), "")
        said = self.valgrind(ODD, "print", "reach")
        self.assertEqual(re.findall(r"(\d+) bytes in (\d+) blocks are still reachable", said),
                         [("555", "1")])

    def test_gate_on_reachable_blocks(self):
        options = ["--discard", "--fail-on=reachable"]
        self.check(0, ODD, "print", options=options)
        self.assertIn("555 bytes in 1 block is still reachable",
                      self.check(23, ODD, "print", "reach", options=options))


class Options(Odd):
    def test_mistakes_are_told_before_anything_runs(self):
        for options in (["--baseline=/nonexistent"], ["--suppressions=/nonexistent"],
                        ["--fail-on=leaks"], ["--format=paper"], ["--save-baseline=/nonexistent/x"],
                        ["--format=sarif", "--output=/nonexistent/x"]):
            done = self.run_words(DRIVER, "check", *options, "--", ODD, "print")
            self.assertEqual((done.returncode, done.stdout), (125, ""), options)
            self.assertRegex(done.stderr, r"^vmtrace-report: [^\n]*(nonexist|leaks|paper)[^\n]*\n$")
        self.assertEqual(os.listdir(self.traces), [])

    def test_what_was_there_is_kept_until_there_is_something_new(self):
        with open(self.path("out"), "w", encoding="ascii") as file:
            file.write("old")
        script = f"cat {self.path('out')}; exec {ODD} hold"
        done = self.run_words(DRIVER, "check", "--format=junit", f"--output={self.path('out')}",
                              "--", "sh", "-c", script)
        self.assertEqual((done.returncode, done.stdout), (0, "old"), done.stderr)
        with open(self.path("out"), encoding="utf-8") as file:
            self.assertIn("<testsuite", file.read())


class Folders(Odd):
    def test_report_of_a_folder(self):
        self.check(23, "sh", "-c", f"{ODD} leak; {ODD} leak", options=[])
        kept = os.path.join(self.traces, os.listdir(self.traces)[0])
        with open(os.path.join(kept, "notes.txt"), "w", encoding="ascii") as file:
            file.write("no trace\n")
        done = self.run_words(REPORT, "--format=check", "--fail-on=definite", kept)
        self.assertEqual(done.returncode, 23, done.stderr)
        self.assertIn("1554 bytes in 2 blocks", done.stdout)

    def test_folder_without_traces(self):
        done = self.run_words(REPORT, self.folder)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, rf"^vmtrace-report: {self.folder}: no [^\n]*\n$")

    def record(self, folder, *words):
        os.mkdir(folder)
        done = self.run_words(DRIVER, "run", "--log=quiet", f"--output={folder}/%n.vmt", ODD,
                              *words)
        self.assertEqual(done.returncode, 0, done.stderr)

    def remove(self, how, *operands):
        self.run_words(REPORT, "--format=check", "--fail-on=definite", how, *operands)

    def test_only_traces_are_removed(self):
        mixed = self.path("mixed")
        self.record(mixed, "hold")
        for name in ("notes.txt", "text.vmt"):
            with open(os.path.join(mixed, name), "w", encoding="ascii") as file:
                file.write("no trace\n")
        self.remove("--remove-all", mixed, os.path.join(mixed, "notes.txt"))
        self.assertEqual(sorted(os.listdir(mixed)), ["notes.txt", "text.vmt"])

    def test_traces_of_one_name_in_two_folders(self):
        """Of both the leaking child's parent may be one."""
        for order in ("ab", "ba"):
            self.record(self.path("a"), "hold", "crowd", "1")
            self.record(self.path("b"), "hold")
            self.remove("--remove-clean", *(self.path(name) for name in order))
            self.assertEqual(sorted(os.listdir(self.path("a"))), ["0.vmt", "1.vmt"], order)
            for name in order:
                shutil.rmtree(self.path(name))

    def test_trace_named_twice(self):
        self.record(self.path("twice"), "hold")
        trace = os.path.join(self.path("twice"), "0.vmt")
        done = self.run_words(REPORT, "--format=check", "--remove-clean", trace, trace)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertFalse(os.path.exists(trace))


if __name__ == "__main__":
    main()
