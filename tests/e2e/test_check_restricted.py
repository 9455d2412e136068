#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vmtrace check below programs that start others in an unusual way, and where the machine allows
less: a leak is found, or the process is listed; never is it clean."""
import os
import subprocess
import unittest

from harness import DRIVER, Case, have, main, plain_environment, program

ODD = program("check_odd")
DENIED = program("denied")
BURST = program("burst")
PROMISES = 6
SKIPPED = 77


class Restricted(Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o777)

    def start(self, *words):
        return subprocess.run(words, env=plain_environment(TMPDIR=self.folder),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, cwd=self.folder,
                              timeout=120, check=False)

    def possible(self, *prefix):
        return have(prefix[0]) and self.start(*prefix, "true").returncode == 0

    def check(self, status, *words, prefix=(), options=()):
        done = self.start(*prefix, DRIVER, "check", "--discard", *options, "--", *words)
        if done.returncode == SKIPPED:
            self.skipTest("not possible here")
        self.assertEqual(done.returncode, status, done.stderr[-2000:])
        return done.stderr


class Starters(Restricted):
    def test_leaks_are_found_below_them(self):
        for prefix in (["setarch", "-R"], ["nice"], ["timeout", "50"], ["unshare", "-U"],
                       ["setpriv", "--no-new-privs"], ["prlimit", "--nofile=20"],
                       ["unshare", "-Ur"],
                       ["setsid", "-w"], ["stdbuf", "-o0"], ["nohup"], ["env", "-u", "HOME"],
                       ["busybox", "nice"], ["bwrap", "--bind", "/", "/", "--unshare-all"]):
            if not self.possible(*prefix):
                continue
            with self.subTest(prefix=prefix):
                self.assertIn("777 bytes in 1 block is definitely lost",
                              self.check(23, *prefix, ODD, "leak"))
                self.check(0, *prefix, ODD, "hold")

    def test_who_drops_the_library_is_told(self):
        for prefix in (["env", "-i"], ["sudo", "-n"], ["setpriv", "--reset-env"]):
            if not self.possible(*prefix):
                continue
            with self.subTest(prefix=prefix):
                said = self.check(125, *prefix, ODD, "leak",
                                  options=["--strict", "--only=check_odd"])
                self.assertRegex(said, r"left no trace: .*started without libvmtrace\.so")


class Containers(Restricted):
    """As many as there are of what Docker's default profile denies."""

    def test_verdicts_are_the_same(self):
        for names in ("docker", "docker,pidfd_open,membarrier", "ptrace", "clone3"):
            with self.subTest(names=names):
                prefix = [DENIED, names]
                said = self.check(23, ODD, "hold", "fork", "leak", prefix=prefix)
                self.assertIn("failed, 1 finding; 2 processes checked\n", said)
                said = self.check(0, ODD, "hold", "fork", "hold", prefix=prefix,
                                  options=["--strict"])
                self.assertIn("passed; 2 processes checked\n", said)
                done = self.start(*prefix, DRIVER, "check", "--self-test")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(done.stdout.count("ok  "), PROMISES)


@unittest.skipUnless(have("prlimit"), "there is no prlimit")
class Limits(Restricted):
    def test_found_or_listed(self):
        """With little of it the process may end untraced or unscanned, and is then told."""
        for limit in ("--as=%d000000", "--fsize=%d000", "--nofile=%d", "--nproc=%d",
                      "--stack=%d0000", "--memlock=%d"):
            for amount in (0, 3, 10, 40, 1000):
                words = ["prlimit", limit % amount]
                if self.start(*words, ODD, "hold").returncode:
                    continue  # not even untraced
                with self.subTest(words=words):
                    done = self.start(DRIVER, "check", "--discard", "--strict", "--", *words, ODD,
                                      "leak")
                    if done.returncode == 23:
                        self.assertIn("777 bytes in 1 block", done.stderr)
                        continue
                    self.assertEqual(done.returncode, 125, done.stderr[-2000:])
                    self.assertRegex(done.stderr, r"(?m)^  - .*(process|trace)")

    def test_what_was_lost_is_told_with_cause_and_remedy(self):
        for words, cause in (
                ([BURST, "100000", "1", "n"], r"no descriptor left .*; raise .*\(ulimit -n\)"),
                (["prlimit", "--fsize=100000", BURST, "100000"],
                 r"limit of a file's size; raise that \(ulimit -f\)"),
                (["env", "VMTRACE_MAX_SIZE=128K", BURST, "100000"],
                 r"VMTRACE_MAX_SIZE; raise that")):
            with self.subTest(words=words):
                said = self.check(5, *words)
                self.assertRegex(said, r"(?m)^  - process \d+ \(.*burst.*\): a part of the "
                                       r"recording was lost: .*" + cause + "$")


if __name__ == "__main__":
    main()
