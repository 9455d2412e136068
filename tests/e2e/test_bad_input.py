#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vmtrace-report on files that are no traces, or were."""
import json
import os
import random
import struct
import subprocess

import jsonschema

import harness
from harness import program, sample

HEADER_SIZE, CHUNK_SIZE = 256, 65536


class BadInput(harness.Case):
    def setUp(self):
        super().setUp()
        with open(harness.SCHEMA, encoding="utf-8") as source:
            schema = json.load(source)
        self.validator = jsonschema.validators.validator_for(schema)(schema)

    def report(self, *arguments, **options):
        return subprocess.run([harness.REPORT, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                              env=harness.plain_environment(), cwd=self.folder, **options)

    def write(self, name, content):
        with open(self.path(name), "wb") as out:
            out.write(content)
        return self.path(name)

    def good_trace(self):
        run = self.trace([program("burst"), "2500", "6"])
        with open(run.trace, "rb") as source:
            return source.read()

    def assert_refused(self, path, status=3):
        done = self.report(path)
        self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
        line, = done.stderr.decode().splitlines()
        self.assertTrue(line.startswith("vmtrace-report: "), line)
        self.assertIn(path, line)
        return line

    def assert_no_crash(self, path):
        """Either refused with one line, or reported as far as it goes, with at most one."""
        done = self.report("--format=json", path)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        lines = done.stderr.decode().splitlines()
        if done.returncode == 3:
            self.assertEqual(len(lines), 1, lines)
            return None
        self.assertLessEqual(len(lines), 1, lines)
        return json.loads(done.stdout)

    def test_files_that_are_no_traces(self):
        self.assert_refused(self.path("missing.vmt"))
        self.assert_refused(self.write("empty.vmt", b""))
        self.assert_refused(self.write("text.vmt", b"hello, world\n" * 1000))
        self.assert_refused(self.write("zero.vmt", bytes(100000)))
        self.assert_refused(self.write("png.vmt", b"\x89PNG\r\n\x1a\n" + bytes(10000)))
        os.mkdir(self.path("folder"))
        self.assert_refused(self.path("folder"))
        self.assert_refused("/bin/true")

    def test_file_that_may_not_be_read(self):
        path = self.write("secret.vmt", b"x")
        os.chmod(path, 0)
        if os.geteuid() == 0:
            self.skipTest("root may read everything")
        self.assert_refused(path)

    def test_damaged_headers(self):
        trace = self.good_trace()
        for size in 1, 7, 8, 20, 127:
            self.assert_refused(self.write("cut.vmt", trace[:size]))
        newer = trace[:8] + struct.pack("<I", 2) + trace[12:]
        self.assertIn("version", self.assert_refused(self.write("newer.vmt", newer)))
        text_mode = trace.replace(b"\r\n", b"\n")
        self.assert_refused(self.write("mangled.vmt", text_mode))

    def test_header_alone_says_why_there_is_nothing(self):
        trace = self.good_trace()
        path = self.write("header.vmt", trace[:HEADER_SIZE])
        data = self.assert_no_crash(path)
        self.assertEqual(data["summary"]["allocations"], 0)
        self.assertTrue(data["notes"])
        done = self.report(path)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn(b"no leaks", done.stdout.lower())

    def test_cut_off_anywhere(self):
        trace = self.good_trace()
        before = 0
        # Each 997th byte of a page of records, then some in each chunk.
        sizes = [*range(HEADER_SIZE, HEADER_SIZE + 40000, 997),
                 *range(HEADER_SIZE + 40000, len(trace), 9973)]
        for number, size in enumerate(sizes):
            data = self.assert_no_crash(self.write("cut.vmt", trace[:size]))
            self.assertIsNotNone(data, size)
            self.assertEqual(data["errors"], [], size)
            if number % 20 == 0:
                self.validator.validate(data)
            # More of the file is never less of the answer.
            self.assertGreaterEqual(data["summary"]["trace_events"], before)
            before = data["summary"]["trace_events"]

    def test_overwritten_anywhere(self):
        trace = self.good_trace()
        dice = random.Random(5)
        for number in range(60):
            damaged = bytearray(trace)
            for _ in range(dice.choice((1, 5, 200))):
                at = dice.randrange(len(damaged))
                damaged[at] = dice.randrange(256)
            data = self.assert_no_crash(self.write("damaged.vmt", bytes(damaged)))
            if data and number % 10 == 0:
                self.validator.validate(data)

    def test_chunks_missing_and_repeated(self):
        trace = self.good_trace()
        first = trace[:CHUNK_SIZE]  # the file header is part of it
        chunks = [trace[at:at + CHUNK_SIZE] for at in range(CHUNK_SIZE, len(trace), CHUNK_SIZE)]
        self.assertGreaterEqual(len(chunks), 3)  # how many depends on how the threads overlap
        again = first[HEADER_SIZE:].ljust(CHUNK_SIZE, b"\0")
        dice = random.Random(6)
        for _ in range(10):
            some = dice.sample(chunks, len(chunks) - 2) + [dice.choice([again, *chunks])]
            for begin in first, first[:HEADER_SIZE].ljust(CHUNK_SIZE, b"\0"):
                self.assertIsNotNone(self.assert_no_crash(self.write("mixed.vmt",
                                                                     begin + b"".join(some))))
        # The order of chunks in the file has no meaning.
        whole = [chunk for chunk in chunks if len(chunk) == CHUNK_SIZE]
        rest = [chunk for chunk in chunks if len(chunk) != CHUNK_SIZE]
        dice.shuffle(whole)
        shuffled = self.assert_no_crash(self.write("shuffled.vmt",
                                                   first + b"".join(whole + rest)))
        original = self.assert_no_crash(self.write("original.vmt", trace))
        self.assertEqual(shuffled["summary"], original["summary"])

    def test_usage_errors(self):
        good = self.trace([sample("leak")]).trace
        for arguments in ((), ("--nonsense", good), ("--format=poetry", good), ("--top=many", good),
                          ("--metric=beauty", "--format=folded", good), ("--color=blue", good),
                          ("--show-leak-kinds=some", good), ("--only=", good)):
            with self.subTest(arguments):
                done = self.report(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
                self.assertIn(b"vmtrace-report", done.stderr)

    def test_lists_without_an_end(self):
        """Of a device, or of a pipe that was mistaken for a file."""
        good = self.trace([sample("leak")]).trace
        line = "# " + "x" * 100000
        for option, script, said in (
                ("baseline", "cat /dev/zero", "a byte 0"),
                ("baseline", "tr '\\0' x </dev/zero", ":1: a line of 1 MiB"),
                ("baseline", f"echo '# vmtrace baseline 1'; yes '{line}'", "more than 256 MiB"),
                ("suppressions", "tr '\\0' x </dev/zero", "File too large")):
            with self.subTest(script=script[:40]):
                done = subprocess.run(
                    ["bash", "-c", f"({script}) | (ulimit -v 1000000; exec '{harness.REPORT}' "
                     f"--{option}=/dev/stdin '{good}')"], stdin=subprocess.DEVNULL, timeout=300,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                    env=harness.plain_environment(), universal_newlines=True)
                lines = [line for line in done.stderr.splitlines() if "Broken pipe" not in line]
                self.assertEqual((done.returncode, done.stdout, len(lines)), (2, "", 1), lines)
                self.assertIn(f"--{option}", lines[0])
                self.assertIn(said, lines[0])

    def test_output_that_cannot_be_written(self):
        good = self.trace([sample("leak")]).trace
        done = self.report("-o", "/nowhere/at/all.txt", good)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        if os.path.exists("/dev/full"):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([harness.REPORT, good], stdout=full, stderr=subprocess.PIPE,
                                      env=harness.plain_environment())
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    harness.main()
