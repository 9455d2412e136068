#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Command lines of vmtrace and vmtrace-report that are wrong, unusual or hostile.

usage: command_line_test.py VMTRACE VMTRACE_REPORT

Each must end with the promised status and, where it is an error, one clear line on stderr.
"""
import json
import os
import pathlib
import pty
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import surroundings  # noqa: E402,F401

VMTRACE = REPORT = None
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MAGIC = b"\x89VMT\r\n\x1a\n"


def run(*command, **more):
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=300,
                          env={**os.environ, **more.pop("env", {})}, **more)


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.old = os.getcwd()
        os.chdir(self.directory.name)

    def tearDown(self):
        os.chdir(self.old)
        self.directory.cleanup()

    def refused(self, status, pattern, *command, **more):
        result = run(*command, **more)
        self.assertEqual(result.returncode, status, result)
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertRegex(lines[0], pattern)
        self.assertFalse(result.stdout, "nothing on stdout")


class ReportUsage(Case):
    def test_no_trace_named(self):
        self.refused(2, "usage: vmtrace-report", REPORT)

    def test_options_of_later_versions(self):
        for option in ("--diff=x", "--from=1", "--to=2"):
            name = option.split("=")[0]
            self.refused(2, f"^vmtrace-report: {name} is not in this version", REPORT, option, "x")
        for name in ("html", "pprof", "massif"):
            self.refused(2, "is not in this version", REPORT, f"--format={name}", "x")

    def test_bad_values(self):
        self.refused(2, "no such format", REPORT, "--format=xml", "x")
        self.refused(2, "no such metric", REPORT, "--metric=frees", "x")
        self.refused(2, "number of rows", REPORT, "--top=-1", "x")
        self.refused(2, "number of rows", REPORT, "--top=99999999999999999999", "x")
        self.refused(2, "auto, always or never", REPORT, "--color=red", "x")
        self.refused(2, "'lost' is no class", REPORT, "--show-leak-kinds=definite,lost", "x")
        self.refused(2, "'' is no class", REPORT, "--show-leak-kinds=", "x")
        self.refused(2, "one document of one trace", REPORT, "--format=json", "x", "y")
        self.refused(2, "text only", REPORT, "--format=folded", "--peak", "x")
        result = run(REPORT, "--frobnicate", "x")
        self.assertEqual(result.returncode, 2)
        self.assertIn("unrecognized option '--frobnicate'", result.stderr)

    def test_help_and_version(self):
        result = run(REPORT, "--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for word in ("--peak", "--full-stacks", "Not in this version", "--diff", "Exit status"):
            self.assertIn(word, result.stdout)
        result = run(REPORT, "--version")
        self.assertRegex(result.stdout, r"^vmtrace-report \d+\.\d+\.\d+\n$")

    def test_output_to_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            result = run(REPORT, "--help", stdout=full)
        self.assertEqual(result.returncode, 3)
        self.assertIn("No space left", result.stderr)


class ReportInput(Case):
    def write(self, name, data):
        pathlib.Path(name).write_bytes(data)
        return name

    def test_what_is_no_trace(self):
        self.refused(3, "^vmtrace-report: missing: .*No such file", REPORT, "missing")
        self.refused(3, "^vmtrace-report: /: .*directory", REPORT, "/")
        self.refused(3, "^vmtrace-report: empty: .*empty", REPORT, self.write("empty", b""))
        self.refused(3, "^vmtrace-report: t: ", REPORT, self.write("t", b"hello, world\n" * 999))
        self.refused(3, "^vmtrace-report: cut: ", REPORT, self.write("cut", MAGIC + b"\1"))
        version = MAGIC + (99).to_bytes(4, "little") + bytes(5000)
        self.refused(3, "^vmtrace-report: new: .*version 99", REPORT, self.write("new", version))

    def test_unreadable(self):
        if os.getuid() != 0:
            os.chmod(self.write("secret", MAGIC), 0)
            self.refused(3, "Permission denied", REPORT, "secret")

    def test_output_is_made_only_when_there_is_a_report(self):
        self.refused(3, "missing", REPORT, "-o", "out", "missing")
        self.assertEqual(os.listdir("."), [])

    def test_output_over_the_trace_is_refused(self):
        self.write("trace", b"precious")
        os.symlink("trace", "link")
        self.refused(2, "is the trace trace itself", REPORT, "-o", "link", "trace")
        self.assertEqual(pathlib.Path("trace").read_bytes(), b"precious")


class Recorded(Case):
    """The way of a user: record, then report."""

    def record(self, *command):
        result = run(VMTRACE, "run", *command)
        self.assertEqual(result.returncode, 0, result.stderr)
        found = re.fullmatch(r"vmtrace: trace written to (\S+) \([0-9.]+ [KM]iB\)(.*); "
                             r"read it with: vmtrace-report \1\n", result.stderr)
        self.assertTrue(found, result.stderr)
        self.assertTrue(os.path.exists(found[1]))
        return found[1], found[2]

    def report(self, *arguments):
        result = run(REPORT, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_names_the_newest_program_and_counts_the_rest(self):
        trace, more = self.record("sh", "-c", "/bin/echo child; exec /bin/echo last")
        self.assertIn(".echo.", trace)
        self.assertEqual(more, " and 2 more, of its children or of before an exec")
        self.assertIn("echo last", self.report(trace))

    def test_pattern_with_a_taken_name(self):
        for expected in ("t[1]*.vmt", "t[1]*.vmt.1"):
            self.assertEqual(self.record("-o", "t[1]*.vmt", "/bin/echo"), (expected, ""))

    def test_json_is_valid_and_adds_up(self):
        trace, _ = self.record("--scan=off", "/bin/ls", "/")
        report = json.loads(self.report("--format=json", trace))
        jsonschema.validate(report, json.loads((ROOT / "docs/report.schema.json").read_text()))
        summary = report["summary"]
        heap = [site for site in report["sites"] if site["allocations"]]
        self.assertEqual(sum(site["live_bytes"] for site in heap), summary["live_bytes_at_end"])
        self.assertEqual(sum(leak["bytes"] for leak in report["leaks"]), summary["leaked_bytes"])
        for leak in report["leaks"]:
            frames = [dict(report["frames"][number])
                      for number in report["sites"][leak["site"]]["frames"]]
            for frame in frames:
                del frame["function_offset"]
            self.assertEqual(frames, leak["stack"])
        first = json.loads(self.report("--format=json", "--top=1", trace))
        jsonschema.validate(first, json.loads((ROOT / "docs/report.schema.json").read_text()))
        self.assertEqual((first["sites"], first["leaks"], first["summary"]),
                         (report["sites"][:1], [dict(report["leaks"][0], site=first["leaks"][0]["site"])],
                          summary))
        self.assertIn(first["leaks"][0]["site"], (0, None))
        folded = self.report("--format=folded", "--metric=leaked", trace).splitlines()
        self.assertEqual(sum(int(line.rsplit(" ", 1)[1]) for line in folded),
                         summary["leaked_bytes"])

    def test_colour(self):
        trace, _ = self.record("/bin/echo")
        self.assertNotIn("\033", self.report(trace))
        self.assertIn("\033[1m", self.report("--color=always", trace))
        for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            pid, terminal = pty.fork()
            if pid == 0:
                os.environ.update({"TERM": "xterm", **environment})
                os.execv(REPORT, [REPORT, trace])
            output = b""
            try:
                while chunk := os.read(terminal, 65536):
                    output += chunk
            except OSError:  # EIO: the other side is gone
                pass
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
            self.assertEqual(b"\033[" in output, coloured)

    def test_output_file(self):
        trace, _ = self.record("/bin/echo")
        os.mkdir("out")
        pathlib.Path("out/report").write_text("old")
        os.chmod("out/report", 0o640)
        os.symlink("report", "out/link")
        self.assertEqual(self.report("-o", "out/link", trace), "")
        self.assertIn("Summary", pathlib.Path("out/report").read_text())
        self.assertEqual(os.stat("out/report").st_mode & 0o777, 0o640)
        self.assertTrue(os.path.islink("out/link"))
        self.assertEqual(sorted(os.listdir("out")), ["link", "report"])

    def test_output_that_does_not_fit_leaves_the_old_file(self):
        trace, _ = self.record("/bin/echo")
        self.refused(3, "cannot write /dev/full: No space left", REPORT, "-o", "/dev/full", trace)
        self.refused(3, "cannot write out/x: No such file", REPORT, "-o", "out/x", trace)
        os.mkdir("out")
        pathlib.Path("out/report").write_text("old")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        self.refused(3, "cannot write .*out/report: File too large", REPORT, "-o", "out/report",
                     trace, preexec_fn=limit)
        self.assertEqual(os.listdir("out"), ["report"])
        self.assertEqual(pathlib.Path("out/report").read_text(), "old")

    def test_several_traces(self):
        trace, _ = self.record("/bin/echo")
        result = run(REPORT, "missing", trace, trace)
        self.assertEqual(result.returncode, 3)
        self.assertEqual(re.findall("^==== trace .* ====$", result.stdout, re.M),
                         ["==== trace 2 of 3 ====", "==== trace 3 of 3 ===="])

    def test_leak_kinds(self):
        trace, _ = self.record("--scan=off", "/bin/ls", "/")
        self.assertIn("block", self.report("--leaks", trace).split("Not freed", 1)[1])
        none = self.report("--leaks", "--show-leak-kinds=none", trace).split("Not freed", 1)[1]
        self.assertNotIn("malloc", none)
        self.assertIn("are not listed", none)

    def test_damage_is_told_in_one_line(self):
        trace, _ = self.record("/bin/ls", "/")
        data = bytearray(pathlib.Path(trace).read_bytes())
        data[1000:1400] = b"\xff" * 400
        pathlib.Path("bad.vmt").write_bytes(data)
        result = run(REPORT, "bad.vmt")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr,
                         r"^vmtrace-report: bad.vmt: the trace is (damaged|cut off).*\n$")
        self.assertIn("Summary", result.stdout)

    def test_terminal_shows_no_bytes_of_arguments(self):
        trace, _ = self.record("/bin/echo", "\033[2J\r\x07")
        self.assertIn(r"\x1b[2J\x0d\x07", self.report("--summary", trace))


class Driver(Case):
    def test_usage(self):
        self.refused(2, "usage: vmtrace run", VMTRACE)
        self.refused(2, "no program was named", VMTRACE, "run")
        self.refused(2, "no program was named", VMTRACE, "check")
        self.refused(2, "no program was named", VMTRACE, "--leak-check=full")
        self.refused(2, "no such command: ls; .*vmtrace run ls", VMTRACE, "ls")
        for words in (("--frob",), ("run", "--frob"), ("check", "--frob")):
            result = run(VMTRACE, *words)
            self.assertEqual(result.returncode, 2)
            self.assertRegex(result.stderr, "^vmtrace( run| check)?: unrecognized option '--frob'")
        self.refused(2, "--tool=lackey: vmtrace stands in for memcheck", VMTRACE, "--tool=lackey",
                     "true")

    def test_values_are_checked_before_anything_runs(self):
        for flag in ("--depth=0", "--depth=4097", "--depth=x", "--scan=always", "--faults=all",
                     "--children=no", "--sample=1T", "--seed=x", "--interval=0", "--max-size=1K",
                     "--max-size=99999999999G", "--start=off", "--log=loud", "--output=%q",
                     "--output=", "--clock=sundial",
                     "--residency=peak", "--snapshot-signal=KILL", "--snapshot-signal=9"):
            self.refused(2, f"^vmtrace: {re.escape(flag)}: not accepted; it may be ", VMTRACE,
                         "run", flag, "touch", "ran")
        self.assertEqual(os.listdir("."), [])

    def test_flags_become_variables(self):
        result = run(VMTRACE, "run", "--log=quiet", "--depth=7", "--max-size=1M", "-o", "%p.vmt",
                     "--", "sh", "-c", "echo $VMTRACE_LOG $VMTRACE_DEPTH $VMTRACE_MAX_SIZE "
                     "$VMTRACE_OUTPUT; exit 41", "--help")
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (41, "quiet 7 1M %p.vmt\n", ""))

    def test_preloaded_first(self):
        result = run(VMTRACE, "run", "--log=quiet", "sh", "-c", "echo $LD_PRELOAD",
                     env={"LD_PRELOAD": "libm.so.6"})
        self.assertRegex(result.stdout, r"libvmtrace\.so:libm\.so\.6$")

    def test_program_that_cannot_start(self):
        self.refused(127, "cannot run ./nothing: No such file", VMTRACE, "run", "./nothing")
        self.refused(127, "cannot run nothing-like-it", VMTRACE, "run", "nothing-like-it")
        pathlib.Path("plain").write_text("no program")
        self.refused(126, "cannot run ./plain: Permission denied", VMTRACE, "run", "./plain")

    def test_dies_of_the_same_signal(self):
        for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM):
            result = run(VMTRACE, "run", "--log=quiet", "sh", "-c", f"kill -{int(number)} $$")
            self.assertEqual(result.returncode, -number)

    def program(self, body):
        process = subprocess.Popen(
            [VMTRACE, "run", "--log=quiet", sys.executable, "-uc",
             "import signal, time\n" + body], stdout=subprocess.PIPE, text=True,
            preexec_fn=os.setpgrp)  # SIGTSTP does nothing in an orphaned process group
        self.assertEqual(process.stdout.readline(), "up\n")
        return process

    def test_forwards_signals(self):
        process = self.program(
            "signal.signal(signal.SIGTERM, lambda *_: (print('term'), exit(9)))\n"
            "print('up')\ntime.sleep(600)")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.communicate(timeout=300), ("term\n", None))
        self.assertEqual(process.returncode, 9)

    def test_stops_and_goes_on_with_the_program(self):
        process = self.program("import os\nprint('up')\n"
                               "while not os.path.exists('go'): time.sleep(0.02)\nprint('done')")
        process.send_signal(signal.SIGTSTP)
        state = lambda: pathlib.Path(f"/proc/{process.pid}/stat").read_text().split()[2]
        deadline = time.monotonic() + 300
        while state() != "T" and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(state(), "T")
        pathlib.Path("go").touch()
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.communicate(timeout=300), ("done\n", None))
        self.assertEqual(process.returncode, 0)

    def test_terminal_interrupt_arrives_once(self):
        body = ("import signal, time\ngot = []\n"
                "signal.signal(signal.SIGINT, lambda *_: got.append(1))\nprint('up', flush=True)\n"
                "while not got: time.sleep(0.05)\ntime.sleep(0.5)\nprint('got', len(got))")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(VMTRACE, [VMTRACE, "run", "--log=quiet", sys.executable, "-c", body])
        output = b""
        while b"up" not in output:
            output += os.read(terminal, 1000)
        os.write(terminal, b"\x03")
        while b"got" not in output or not output.endswith(b"\n"):
            output += os.read(terminal, 1000)
        self.assertIn(b"got 1", output)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_static_program_is_named_and_runs(self):
        pathlib.Path("static.c").write_text("int main(void) { return 5; }\n")
        made = run(os.environ.get("CC", "cc"), "-static", "-o", "static", "static.c")
        if made.returncode != 0:
            self.skipTest("no static libc")
        pathlib.Path("script").write_text(f"#!{os.getcwd()}/static\n")
        os.chmod("script", 0o755)
        for name in ("./static", "./script"):
            self.refused(5, f"{name} is statically linked: it runs, but cannot be traced", VMTRACE, "run", name)


class Completion(Case):
    def complete(self, *words):
        script = (f". '{ROOT}/docs/completion/vmtrace.bash'; compopt() {{ :; }}\n"
                  "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))\n"
                  "if [[ $1 == vmtrace ]]; then _vmtrace; else _vmtrace_report; fi\n"
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        result = run("bash", "-c", script, "bash", *words)
        self.assertEqual(result.stderr, "")
        return result.stdout.split()

    def test_words(self):
        self.assertEqual(self.complete("vmtrace", "r"), ["run", "report"])
        self.assertEqual(self.complete("vmtrace", "run", "--faults"), ["--faults="])
        self.assertEqual(self.complete("vmtrace", "check", "--fail-on", "=", "errors,gr"),
                         ["errors,growth"])
        self.assertEqual(self.complete("vmtrace", "check", "--scan", "=", "o"), ["off"])
        self.assertEqual(self.complete("vmtrace", "run", "--faults", "=", "r"), ["rusage"])
        self.assertEqual(self.complete("vmtrace-report", "--show-leak-kinds", "=", "definite,ind"),
                         ["definite,indirect"])
        pathlib.Path("a.vmt").write_text("")
        pathlib.Path("a.txt").write_text("")
        self.assertEqual(self.complete("vmtrace-report", "a"), ["a.vmt"])
        self.assertEqual(self.complete("vmtrace", "run", "cat", "a.t"), ["a.txt"])

    def test_knows_every_option(self):
        """Options of --help and those that completion proposes are the same."""
        for words, program in ((("vmtrace-report",), (REPORT,)),
                               (("vmtrace", "run"), (VMTRACE, "run")),
                               (("vmtrace", "check"), (VMTRACE, "check"))):
            listed = set(re.findall(r"^ .{5}(--[a-z-]+)", run(*program, "--help").stdout, re.M))
            offered = {word.rstrip("=") for word in self.complete(*words, "--")}
            self.assertEqual(listed, offered)

    def test_man_pages_name_every_option(self):
        for page, program in (("vmtrace-report.1", (REPORT,)), ("vmtrace.1", (VMTRACE, "run")),
                              ("vmtrace.1", (VMTRACE, "check")),
                              ("vmtrace.1", (VMTRACE, "--leak-check=no"))):
            text = (ROOT / "docs" / "man" / page).read_text().replace("\\-", "-")
            for option in re.findall(r"^ .{5}(--[a-z-]+)", run(*program, "--help").stdout, re.M):
                self.assertIn(option, text)


if __name__ == "__main__":
    REPORT = os.path.abspath(sys.argv.pop(2))
    VMTRACE = os.path.abspath(sys.argv.pop(1))
    unittest.main()
