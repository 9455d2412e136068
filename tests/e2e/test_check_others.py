#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vmtrace check by root, where another user prepares the traces' folder for root's processes."""
import glob
import os
import shutil
import subprocess
import tempfile

from harness import DRIVER, Case, main, plain_environment, program

TARGET = program("check_target")
MANY = 60000  # events whose records take several chunks
# Runs $1 as another user, with the path that the trace of check_target will have, as it will be
# started in our place, and the folder of the traces.
SCRIPT = """
folder=${VMTRACE_OUTPUT%/*}
prepare=$1
shift
env -u LD_PRELOAD setpriv --reuid=65534 --regid=65534 --clear-groups \
    sh -c "$prepare" sh "$folder/check_target.$$.0.vmt" "$folder/.first"
exec "$@"
"""


class Others(Case):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("only root may become somebody else")
        if not os.path.isdir("/dev/shm"):
            self.skipTest("there is no tmpfs here")
        os.chmod(self.folder, 0o755)
        self.traces, self.victims = self.path("traces"), self.path("victims")
        self.victim = os.path.join(self.victims, "file")
        os.mkdir(self.traces)
        os.mkdir(self.victims)
        with open(self.victim, "w", encoding="ascii") as file:
            file.write("precious\n")
        os.chmod(self.victim, 0o666)  # so that all may link it

    def check(self, prepare, blocks, *options):
        done = subprocess.run(
            [DRIVER, "check", "--fail-on=definite", *options, "--", "sh", "-c", SCRIPT, "sh",
             prepare, TARGET, "leak", str(blocks)], env=plain_environment(TMPDIR=self.traces),
            cwd=self.folder, timeout=120, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, universal_newlines=True, check=False)
        self.assertEqual(os.listdir(self.victims), ["file"])
        with open(self.victim, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious\n")
        for path in glob.glob(os.path.join(self.traces, "*", "check_target.*")):
            theirs = os.path.isfile(path) and os.lstat(path).st_uid != 0
            self.assertTrue(not theirs or os.lstat(path).st_size < 100, path)
        return done

    def test_file_in_the_place_of_the_rest(self):
        """Of a trace's further chunks: a pipe, a folder, links, a file to read them from."""
        for prepare in ("mkfifo $0", "mkdir $0", f"ln -s {self.victim} $0", f"ln {self.victim} $0",
                        "touch $0; chmod 666 $0"):
            prepare = prepare.replace("$0", '"$1"')
            with self.subTest(prepare):
                done = self.check(prepare, 5)
                self.assertEqual(done.returncode, 23, done.stderr[-2000:])
                self.assertIn("in 5 blocks are definitely lost", done.stderr)
                done = self.check(prepare, MANY)
                self.assertIn(f"check_target leak {MANY}): a part of the recording was lost",
                              done.stderr)

    def test_link_in_the_place_of_our_own(self):
        """It would lead to a tmpfs: on a disk that is in use no trace would begin."""
        with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
            for options in ([], ["--keep"], [f"--traces={self.traces}"]):
                with self.subTest(options):
                    tell = f'rm -f "$2"; ln -s {elsewhere} "$2"'
                    done = self.check(tell, 5, *options)
                    self.assertEqual(done.returncode, 23, done.stderr[-2000:])
                    self.assertIn("in 5 blocks are definitely lost", done.stderr)
                    self.assertEqual(os.listdir(elsewhere), [])
                    self.assertEqual(glob.glob(os.path.join(self.traces, "*", ".first")), [])


if __name__ == "__main__":
    main()
