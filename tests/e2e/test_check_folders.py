#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vmtrace check where first chunks of traces are on a tmpfs meanwhile, and where they cannot be."""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import tempfile
import time

from harness import DRIVER, REPORT, Case, main, plain_environment, program, report, sites_of

TARGET = program("check_target")
TMPFS = "/dev/shm"
MANY = 60000  # events whose records take several chunks


def is_tmpfs(path):
    kind = subprocess.run(["stat", "-f", "-c", "%T", path], stdout=subprocess.PIPE, check=False)
    return kind.stdout.strip() in (b"tmpfs", b"ramfs")


def may_mount():
    return shutil.which("unshare") and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", TMPFS], check=False,
        stderr=subprocess.DEVNULL).returncode == 0


class Folders(Case):
    def setUp(self):
        super().setUp()
        self.traces = self.path("traces")
        os.mkdir(self.traces)
        if not is_tmpfs(TMPFS) or is_tmpfs(self.traces):
            self.skipTest("there is no disk besides a tmpfs here")

    def check(self, status, *words, options=(), prefix=()):
        """The verdict and what the program wrote."""
        done = subprocess.run([*prefix, DRIVER, "check", *options, "--", *words], cwd=self.folder,
                              env=plain_environment(TMPDIR=self.traces), timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr[-2000:])
        return done.stderr, done.stdout

    def kept(self):
        """What is left: each is a whole trace."""
        found = glob.glob(os.path.join(self.traces, "*", "*"), include_hidden=True)
        self.assertTrue(all(os.path.isfile(path) and not os.path.islink(path) for path in found))
        return found

    def mount(self, size, *words):
        """Words that run `words` on another /dev/shm, of `size`."""
        script = f'mount -t tmpfs -o size={size} none {TMPFS} && exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", *words]

    def test_nothing_is_left_on_the_tmpfs(self):
        tell = 'readlink "${VMTRACE_OUTPUT%/*}/.first"; '
        for words, status, count in (("hold", 0, 0), ("leak 3", 23, 1), (f"leak {MANY}", 23, 1)):
            with self.subTest(words):
                _, said = self.check(status, "sh", "-c", f"{tell} exec {TARGET} {words}")
                self.assertRegex(said, rf"^{TMPFS}/vmtrace-check-\w{{6}}\n$")
                self.assertFalse(os.path.exists(said.strip()))
                kept = self.kept()
                self.assertEqual(len(kept), count)
                for path in kept:
                    data = report(path)
                    self.assert_healthy(data)
                    lost = sum(site["allocations"] for site in sites_of(data, "lose_row"))
                    self.assertEqual(lost, int(words.split()[1]))
                    os.remove(path)

    def test_only_where_traces_do_not_stay(self):
        tell = 'test -L "${VMTRACE_OUTPUT%/*}/.first"; echo $?'
        for options, gone in ((["--keep"], 1), ([f"--traces={self.traces}"], 1), ([], 0)):
            _, said = self.check(0, "sh", "-c", f"{tell}; exec {TARGET} hold", options=options)
            self.assertEqual(said, f"{gone}\n", options)

    def test_folder_of_a_long_name(self):
        """On the tmpfs up to some length, and of no process more than one trace."""
        for length in (4, 80, 100, 120, 300, 500):
            self.traces = self.path("d" * 100 + "/" + "/".join(["d" * (length // 4)] * 4))
            os.makedirs(self.traces)
            said, _ = self.check(0, TARGET, "hold")
            self.assertIn("passed; 1 process checked\n", said, length)
            self.assertEqual(self.kept(), [])
            said, _ = self.check(23, TARGET, "leak", str(MANY))
            self.assertIn(f"in {MANY} blocks are definitely lost", said)
            self.assert_healthy(report(self.kept()[0]))

    def test_same_verdict_as_from_one_folder(self):
        """Of small and large parents and children, in all combinations."""
        odd = program("check_odd")
        script = f"{TARGET} leak {MANY} fork hold; {program('check_odd')} hold crowd 2; true"
        first, second = (self.check(23, "sh", "-c", script, options=options)[0]
                         for options in ([], [f"--traces={self.path('whole')}"]))
        first, second = (re.sub(r"process \d+|traces are in .*", "", said)
                         for said in (first, second))
        self.assertEqual(first, second)

    def test_trace_is_read_while_it_is_in_two_files(self):
        with subprocess.Popen([DRIVER, "check", "--discard", "--", program("burst"), "0"],
                              env=plain_environment(TMPDIR=self.traces), cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                self.assertEqual(process.stdout.readline(), b"ready\n")
                until = time.monotonic() + 60
                while not self.kept_large() and time.monotonic() < until:
                    time.sleep(0.02)
                trace, = self.kept_large()
                with open(trace, "rb") as file:
                    self.assertEqual(file.read(8), bytes(8))
                told = report(trace)
                self.assertGreater(told["summary"]["allocations"], 1000)
                self.assertEqual(told["process"]["argv"][-1], "0")
                listed = subprocess.run([REPORT, "--format=check", os.path.dirname(trace)],
                                        env=plain_environment(), timeout=120, check=False,
                                        stderr=subprocess.PIPE, stdout=subprocess.PIPE)
                self.assertIn(b"burst 0", listed.stdout + listed.stderr)
            finally:
                process.terminate()
        self.assertEqual(self.kept(), [])

    def kept_large(self):
        return [path for path in glob.glob(os.path.join(self.traces, "*", "*.vmt"))
                if os.path.getsize(path) > 1 << 17]

    def test_tmpfs_without_space(self):
        """Not for a first piece, not for its second one, not for a name."""
        if not may_mount():
            self.skipTest("no mount namespaces here")
        script = f"for i in 1 2 3; do {TARGET} leak 2000; done; exec {TARGET} leak {MANY}"
        for size in ("4k", "12k", "40k", "1m,nr_inodes=3"):
            with self.subTest(size):
                said, _ = self.check(23, "sh", "-c", script,
                                     prefix=self.mount(size)[:-1] + ["sh"])
                self.assertIn("5 processes checked", said)
                self.assertIn(f"in {MANY + 6000} blocks are definitely lost", said)
                for path in self.kept():
                    self.assert_healthy(report(path))
                    os.remove(path)

    def test_successor_of_the_same_name_is_another_trace(self):
        """One is on the tmpfs, for the next one there is no space; or that is of other pids."""
        if not may_mount():
            self.skipTest("no mount namespaces here")
        script = 'exec sh -c "$0" 1 "$1"'
        last = f'D=${{VMTRACE_OUTPUT%/*}}; ls $D $D/.first; exec {TARGET} leak 3'
        for prefix in ([], ["unshare", "-p", "-f"]):
            said, listed = self.check(23, *prefix, "sh", "-c", script, last,
                                      prefix=self.mount("1m,nr_inodes=3")[:-1] + ["sh"])
            self.assertIn(f"{4 + bool(prefix)} processes checked", said)
            names = re.findall(r"^\S+\.vmt$", listed, re.MULTILINE)
            self.assertGreater(len(names), 2)
            self.assertEqual(len(set(names)), len(names), names)
            shutil.rmtree(os.path.dirname(self.kept()[0]))

    def test_program_with_a_tmpfs_of_its_own(self):
        if not may_mount():
            self.skipTest("no mount namespaces here")
        said, _ = self.check(23, *self.mount("1m", TARGET, "leak", "4"))
        self.assertIn("in 4 blocks are definitely lost", said)
        self.assertNotIn("Not checked", said)

    def test_changed_root_and_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root may change its root")
        jail = self.path("jail")
        os.mkdir(jail)
        said, _ = self.check(125, program("drop_privileges"), jail)
        self.assertIn("there was no /proc", said)
        trace, = self.kept()
        data = report(trace)
        self.assert_healthy(data)
        self.assertEqual(data["summary"]["allocations"], 300100)

    def test_hidden_program(self):
        """Its trace's name begins with a point, as those do that no trace has."""
        hidden = self.path(".hidden")
        shutil.copy(TARGET, hidden)
        said, _ = self.check(23, hidden, "leak", "4")
        self.assertIn("in 4 blocks are definitely lost", said)
        self.assertEqual([os.path.basename(path)[:8] for path in self.kept()], [".hidden."])

    def test_what_a_killed_check_left_is_removed(self):
        """Not what may be in use."""
        def leave(age):
            folder = tempfile.mkdtemp(prefix="vmtrace-check-", dir=TMPFS)
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
            with open(os.path.join(folder, "a.1.0.vmt"), "wb") as file:
                file.write(b"x")
            os.utime(folder, (time.time() - age,) * 2)
            return folder
        left, used, young = leave(4000), leave(4000), leave(3000)
        lock = os.open(used, os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.check(0, TARGET, "hold")
        self.assertEqual([os.path.exists(folder) for folder in (left, used, young)],
                         [False, True, True])

    def test_folder_in_use_is_locked(self):
        tell = 'flock -n "$(readlink "${VMTRACE_OUTPUT%/*}/.first")" true; echo $?'
        self.assertEqual(self.check(0, "sh", "-c", f"{tell}; exec {TARGET} hold")[1], "1\n")

    def test_folder_is_removed_by_the_program(self):
        tell = 'readlink "${VMTRACE_OUTPUT%/*}/.first"; rm -r "${VMTRACE_OUTPUT%/*}"'
        said, first = self.check(125, "sh", "-c", f"{TARGET} hold; {tell}")
        self.assertIn("nothing was checked", said)
        self.assertFalse(os.path.exists(first.strip()))


if __name__ == "__main__":
    main()
