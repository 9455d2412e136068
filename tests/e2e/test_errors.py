#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrong releases and crashes: what is told of them, and that memcheck says the same."""
import json
import re
import signal
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

import jsonschema

import harness
from harness import have, line_of, report, sample

ABORT, FAULT = -signal.SIGABRT, -signal.SIGSEGV
ALL_STACKS = {"VMTRACE_FREE_STACKS": "on"}


class Expected:
    """Of a sample with one error; functions are those of the sample's own."""

    def __init__(self, status, kind, detail, stack, allocated=None, freed=None, suffix="c"):
        self.status, self.kind, self.detail, self.suffix = status, kind, detail, suffix
        self.stack, self.allocated, self.freed = stack, allocated, freed


SAMPLES = {
    "double_free": Expected(ABORT, "double-free", "a block of 40 bytes, freed before",
                            ("second_owner", "freed again here"),
                            ("make_block", "allocated here"), ("first_owner", "freed here")),
    "invalid_free": Expected(ABORT, "invalid-free", "8 bytes into a block of 40 bytes",
                             ("drop_inner", "not what malloc returned"),
                             ("make_block", "allocated here")),
    "free_on_stack": Expected(ABORT, "invalid-free", "on the stack of the main thread",
                              ("drop", "freed here")),
    "free_global": Expected(ABORT, "invalid-free",
                            "48 bytes into the variable cache of free_global",
                            ("drop", "freed here")),
    "realloc_freed": Expected(0, "realloc-after-free", "a block of 40 bytes, freed before",
                              ("grow", "too late"), ("make_block", "allocated here"),
                              ("forget", "freed here")),
    "munmap_heap": Expected(FAULT, "munmap-of-heap",
                            "munmap of 524288 bytes, in which a live block of 1048576 bytes lies",
                            ("give_back", "unmapped here"), ("make_block", "allocated here")),
    "use_after_free": Expected(FAULT, "segfault",
                               "a write: 500 bytes into a block of 1000000 bytes, freed",
                               ("use", "crashes here"), ("make_block", "allocated here"),
                               ("forget", "freed here")),
    "write_past_end": Expected(FAULT, "segfault",
                               "a write: 8192 bytes past the end of a block of 130000 bytes",
                               ("use", "crashes here"), ("make_block", "allocated here")),
    "stack_overflow": Expected(FAULT, "segfault",
                               "a write: stack overflow: the end of the stack of the main thread",
                               ("descend", "crashes here")),
    "use_after_unmap": Expected(FAULT, "segfault",
                                "a read: 16 bytes into 4096 bytes that mmap mapped, unmapped since",
                                ("read_page", "crashes here"), ("main", None), ("main", None)),
}


class Errors(harness.Case):
    def sample_report(self, name, status, **options):
        run = self.trace([sample(name)], **options)
        self.assertEqual(run.returncode, status)
        data = report(run.trace)
        self.assertEqual(data["summary"]["lost_events"], 0)
        return data, run.trace

    def assert_stack(self, name, stack, place):
        function, marker = place
        frame = harness.frame_of(stack, function)
        if marker:
            self.assertEqual(frame["line"], line_of(f"samples/{name}.c", marker))

    def check(self, name, expected, freed, **options):
        data, _ = self.sample_report(name, expected.status, **options)
        error = data["errors"][0]
        self.assertEqual((error["kind"], error["detail"]), (expected.kind, expected.detail))
        self.assert_stack(name, error["stack"], expected.stack)
        if expected.allocated:
            self.assert_stack(name, error["allocated"], expected.allocated)
        else:
            self.assertIsNone(error["allocated"])
        if freed:
            self.assert_stack(name, error["freed"], freed)
        else:
            self.assertIsNone(error["freed"])
        return error

    def test_each_sample(self):
        for name, expected in SAMPLES.items():
            with self.subTest(name):
                # An unmapping has its stack in any case.
                told = expected.freed if name == "use_after_unmap" else None
                error = self.check(name, expected, told)
                if name in ("free_on_stack", "free_global"):  # told by the release, not by abort()
                    self.assertEqual(error["stack"][0]["function"], "drop")
                untold = name in ("double_free", "realloc_freed", "use_after_free")
                self.assertEqual("hint" in error, untold)

    def test_each_sample_with_the_stacks_of_releases(self):
        for name, expected in SAMPLES.items():
            with self.subTest(name):
                error = self.check(name, expected, expected.freed, env=ALL_STACKS)
                self.assertNotIn("hint", error)

    def test_mismatched_releases(self):
        data, _ = self.sample_report("mismatched_free", 0)
        for error in data["errors"]:
            self.assertEqual((error["kind"], error["stack"]), ("mismatched-free", []))
            self.assertEqual(error["hint"], "record with VMTRACE_FREE_STACKS=on to see where")
        data, _ = self.sample_report("mismatched_free", 0, env=ALL_STACKS)
        self.assertEqual([error["detail"] for error in data["errors"]],
                         ["a block of 30 bytes from new[], released by delete",
                          "a block of 60 bytes from malloc, released by delete"])
        for error, make in zip(data["errors"], ("make_array", "make_raw")):
            self.assertEqual(error["stack"][0]["line"],
                             line_of("samples/mismatched_free.cc", "delete"))
            harness.frame_of(error["allocated"], make)

    def test_reports_follow_the_schema(self):
        with open(harness.SCHEMA, encoding="utf-8") as source:
            schema = json.load(source)
        for name in SAMPLES:
            trace = self.trace([sample(name)]).trace
            text = subprocess.run([harness.REPORT, "--format=json", trace], check=True, timeout=300,
                                  capture_output=True, env=harness.plain_environment()).stdout
            jsonschema.validate(json.loads(text), schema)

    def test_text_says_what_to_do(self):
        _, trace = self.sample_report("double_free", ABORT)
        text = subprocess.run([harness.REPORT, "--errors", trace], capture_output=True, text=True,
                              check=True, timeout=300, env=harness.plain_environment()).stdout
        self.assertIn("Block freed twice: 0x", text)
        self.assertIn("record with VMTRACE_FREE_STACKS=on to see who freed it first", text)
        self.assertIn("the C library noticed the error above and ended the program", text)

    def test_stacks_of_releases_change_no_figure(self):
        def figures(data):
            return [(site["kind"], harness.stack_functions(site["stack"]), site["allocations"],
                     site["live_blocks"]) for site in data["sites"]]
        for name in ("arena_clear", "mismatched_free"):
            plain, _ = self.sample_report(name, 0)
            stacks, trace = self.sample_report(name, 0, env=ALL_STACKS)
            self.assertEqual(figures(stacks), figures(plain))
            for key in ("allocations", "frees", "bytes_allocated", "live_bytes_at_end"):
                self.assertEqual(stacks["summary"][key], plain["summary"][key])
            packed, whole = self.path(name + ".packed"), self.path(name + ".whole")
            for command in (["compact", "--output", packed, trace],
                            ["expand", "--output", whole, packed]):
                subprocess.run([harness.DRIVER, *command], check=True, timeout=300,
                               capture_output=True, env=harness.plain_environment())
            with open(trace, "rb") as one, open(whole, "rb") as other:
                self.assertEqual(one.read(), other.read())

    def test_setting_is_checked(self):
        run = self.trace([sample("leak")], env={"VMTRACE_FREE_STACKS": "yes"})
        self.assertEqual((run.returncode, run.traces), (0, []))
        self.assertIn(b"VMTRACE_FREE_STACKS=yes: not accepted; it may be off or on", run.stderr)
        run = self.run_program([harness.DRIVER, "run", f"--library={harness.LIBRARY}",
                                "--free-stacks=on", f"--output={self.path('run.vmt')}", "--",
                                sample("double_free")])
        self.assertEqual(run.returncode, ABORT)
        error = report(self.path("run.vmt"))["errors"][0]
        harness.frame_of(error["freed"], "first_owner")


def own_functions(frames, name):
    """Functions of the sample itself, innermost first."""
    return [re.sub(r"\(.*", "", frame["function"]) for frame in frames or []
            if (frame["file"] or "").split("/")[-1].startswith(name + ".")]


class Memcheck(harness.Case):
    """Kinds and stacks are memcheck's."""

    KINDS = {"double-free": "InvalidFree", "invalid-free": "InvalidFree",
             "realloc-after-free": "InvalidFree", "mismatched-free": "MismatchedFree"}

    def memcheck(self, name):
        out = self.path(name + ".xml")
        self.run_program(["valgrind", "--xml=yes", f"--xml-file={out}", sample(name)], timeout=300)
        found = []
        for error in ElementTree.parse(out).getroot().iter("error"):
            stacks = [[{"function": frame.findtext("fn") or "", "file": frame.findtext("file")}
                       for frame in stack.iter("frame")] for stack in error.findall("stack")]
            found.append((error.findtext("kind"),
                          [own_functions(stack, name) for stack in stacks]))
        return found

    @unittest.skipUnless(have("valgrind"), "needs valgrind")
    def test_wrong_releases(self):
        for name in ("double_free", "invalid_free", "free_on_stack", "free_global",
                     "realloc_freed", "mismatched_free"):
            with self.subTest(name):
                run = self.trace([sample(name)], env=ALL_STACKS)
                ours = []
                for error in report(run.trace)["errors"]:
                    if error["kind"] in self.KINDS:
                        stacks = [error[key] for key in ("stack", "freed", "allocated")]
                        ours.append((self.KINDS[error["kind"]],
                                     [own_functions(stack, name) for stack in stacks if stack]))
                theirs = [one for one in self.memcheck(name) if one[0] in self.KINDS.values()]
                self.assertEqual(ours, theirs)


if __name__ == "__main__":
    harness.main()
