#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Formats for build servers and code hosts, by the rules of those who read them."""
import glob
import json
import os
import re
import signal
import subprocess
import sys
import unittest
import urllib.parse
import xml.etree.ElementTree as ElementTree

from harness import DRIVER, SOURCE, Case, have, line_of, main, plain_environment, program

sys.path.insert(0, os.path.join(SOURCE, "tests", "golden"))
import format_rules  # pylint: disable=wrong-import-position

TARGET = program("check_target")


class Formats(Case):
    def written(self, form, *arguments, status=23, options=(), env=None):
        """What `check --format=FORM` wrote to its file, as text."""
        path = self.path(f"report.{form}")
        done = subprocess.run(
            [DRIVER, "check", "--discard", f"--format={form}", f"--output={path}", *options, "--",
             *arguments], env=plain_environment(TMPDIR=self.folder, **(env or {})),
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True,
            timeout=300, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, status, done.stderr[-2000:])
        self.assertIn("vmtrace: ", done.stderr)  # the verdict, in any format
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(format_rules.problems(form, text.encode()), [])
        return text


class Unchecked(Formats):
    def test_unfreed_blocks_of_unchecked_ones_are_no_findings(self):
        """In any format as in the verdict: who was killed had blocks, as everybody has."""
        words = ("sh", "-c", f"{TARGET} leak 3 crash; {TARGET} leak 2")
        for form in ("sarif", "gitlab", "github", "markdown"):
            text = self.written(form, *words)
            for told in (True, "64 bytes in 2 blocks are definitely lost"), (True, "signal 11"), \
                    (False, "not freed, allocated by"):
                self.assertEqual(told[1] in text, told[0], (form, told[1]))
        self.assertIn("### vmtrace: 2 findings, 2 of them fail\n", text)


class JUnit(Formats):
    def test_case_for_each_process(self):
        """As junit-10.xsd of the xUnit plugin has it: names, counts, order of elements."""
        root = ElementTree.fromstring(self.written("junit", TARGET, "hold", "children", "2",
                                                   "leak"))
        self.assertEqual(root.tag, "testsuites")
        suite, = root
        cases = list(suite)
        self.assertEqual(len(cases), 3)
        self.assertEqual(suite.get("tests"), "3")
        self.assertEqual(suite.get("failures"), "2")
        self.assertEqual(suite.get("errors"), "0")
        failed = [case for case in cases if case.find("failure") is not None]
        self.assertEqual(len(failed), 2)
        # Servers know a case again by its name, so the pid is not in it.
        self.assertEqual({case.get("name") for case in failed}, {"check_target leak 1"})
        failure = failed[0].find("failure")
        self.assertEqual(failure.get("type"), "definite-leak")
        self.assertIn("definitely lost", failure.get("message"))
        self.assertIn("lose_row", failure.text)
        for case in cases:
            self.assertTrue(case.get("name") and case.get("classname"))
            float(case.get("time"))

    def test_several_findings_are_one_failure(self):
        """Jenkins shows one failure of a case, whatever the schema allows."""
        root = ElementTree.fromstring(self.written("junit", TARGET, "leak", "3", "other", "1"))
        failure = root[0][0].find("failure")
        self.assertRegex(failure.get("message"), "definitely lost, allocated by .*; and 1 more$")
        self.assertIn("lose_row", failure.text)
        self.assertIn("lose_other", failure.text)

    def test_unchecked_is_an_error(self):
        root = ElementTree.fromstring(self.written("junit", TARGET, "hold", status=125,
                                                   options=["--scan=off"]))
        self.assertEqual(root[0].get("errors"), "1")
        self.assertEqual(root[0][0].find("error").get("type"), "not-checked")


class Sarif(Formats):
    def test_log(self):
        log = json.loads(self.written("sarif", TARGET, "leak", "3", "hold",
                                      env={"GITHUB_WORKSPACE": SOURCE}))
        self.assertEqual(log["version"], "2.1.0")
        run, = log["runs"]
        driver = run["tool"]["driver"]
        rules = [rule["id"] for rule in driver["rules"]]
        self.assertEqual(len(rules), len(set(rules)))
        result, = run["results"]
        self.assertEqual(result["ruleId"], "definite-leak")
        self.assertEqual(rules[result["ruleIndex"]], result["ruleId"])
        self.assertEqual(result["level"], "error")
        self.assertTrue(result["message"]["text"])
        place = result["locations"][0]["physicalLocation"]
        self.assertEqual(place["artifactLocation"]["uriBaseId"], "%SRCROOT%")
        self.assertEqual(place["artifactLocation"]["uri"], "tests/e2e/programs/check_target.c")
        self.assertGreater(place["region"]["startLine"], 0)
        self.assertEqual([frame["location"]["logicalLocations"][0]["fullyQualifiedName"]
                          for frame in result["stacks"][0]["frames"]][:2], ["lose_row", "main"])
        self.assertTrue(run["invocations"][0]["executionSuccessful"])
        self.assertEqual(run["invocations"][0]["exitCode"], 0)
        base = run["originalUriBaseIds"]["%SRCROOT%"]["uri"]
        base = urllib.parse.unquote(base[len("file://"):])
        self.assertTrue(os.path.exists(base + place["artifactLocation"]["uri"]))

    def test_path_through_the_program(self):
        """What GitHub shows of a stack."""
        log = json.loads(self.written("sarif", TARGET, "leak", "3"))
        result, = log["runs"][0]["results"]
        steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
        self.assertEqual([step["location"]["message"]["text"] for step in steps],
                         ["main", "lose_row"])

    def test_memory_error_links_to_the_allocation(self):
        log = json.loads(self.written("sarif", TARGET, "double", status=-6))
        result = next(result for result in log["runs"][0]["results"]
                      if result["ruleId"] == "double-free")
        self.assertTrue(result["message"]["text"].endswith(" ([allocated](1))"))
        place, = result["relatedLocations"]
        self.assertEqual(place["physicalLocation"]["region"]["startLine"],
                         line_of("tests/e2e/programs/check_target.c", "too large for a tcache"))

    def test_fingerprints_stay(self):
        prints = set()
        for count in ("1", "3"):
            log = json.loads(self.written("sarif", TARGET, "leak", count))
            prints.add(log["runs"][0]["results"][0]["partialFingerprints"]["vmtrace/v1"])
        self.assertEqual(len(prints), 1)

    def test_states_of_a_baseline(self):
        known = self.path("known")
        self.written("sarif", TARGET, "leak", "1", status=0,
                     options=[f"--save-baseline={known}", "--fail-on=none"])
        log = json.loads(self.written("sarif", TARGET, "leak", "1", "other", "1",
                                      options=[f"--baseline={known}"]))
        states = {result["stacks"][0]["frames"][0]["location"]["logicalLocations"][0]
                  ["fullyQualifiedName"]: (result["baselineState"], result["level"])
                  for result in log["runs"][0]["results"]}
        self.assertEqual(states, {"lose_row": ("unchanged", "note"),
                                  "lose_other": ("new", "error")})


class CodeHosts(Formats):
    def test_gitlab(self):
        """The fields that GitLab's documentation requires."""
        issue, = json.loads(self.written("gitlab", TARGET, "leak", "3"))
        self.assertTrue(issue["description"] and issue["check_name"])
        self.assertRegex(issue["fingerprint"], "^[0-9a-f]{16}$")
        self.assertIn(issue["severity"], ("info", "minor", "major", "critical", "blocker"))
        self.assertGreater(issue["location"]["lines"]["begin"], 0)
        self.assertTrue(issue["location"]["path"].endswith("check_target.c"))

    def test_github_annotation(self):
        lines = self.written("github", TARGET, "leak", "3").splitlines()
        self.assertEqual(len(lines), 1)
        match = re.fullmatch(r"::error file=([^,:]+),line=(\d+),title=definite-leak::(.*)",
                             lines[0])
        self.assertTrue(match, lines[0])
        self.assertIn("96 bytes in 3 blocks", match.group(3))
        self.assertIn("%0A  lose_row", match.group(3))

    def test_github_job_summary(self):
        summary = self.path("summary.md")
        self.written("github", TARGET, "leak", "3", env={"GITHUB_STEP_SUMMARY": summary})
        with open(summary, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("### vmtrace: 1 finding, 1 of them fails", text)
        self.assertRegex(text, r"(?m)^\| \*\*fails\*\* \|  \| 96 bytes in 3 blocks")

    def test_markdown(self):
        text = self.written("markdown", TARGET, "hold", status=0)
        self.assertIn("1 process checked.", text)


class Odd(Formats):
    FORMATS = ("junit", "sarif", "gitlab", "github", "markdown", "valgrind", "valgrind-xml", "json")

    def test_nothing_found(self):
        for form in self.FORMATS:
            with self.subTest(form):
                self.written(form, TARGET, "hold", status=0)

    def test_only_unchecked_processes(self):
        said = {"junit": "not-checked", "sarif": "toolExecutionNotifications",
                "gitlab": '"not-checked"', "github": "::warning title=not checked::",
                "markdown": "- not checked: ",
                "valgrind": "Leaks could not be judged",
                "valgrind-xml": "could not be judged"}
        for form, words in said.items():
            with self.subTest(form):
                self.assertIn(words, self.written(form, TARGET, "leak", "3", status=125,
                                                  options=["--scan=off", "--fail-on=definite"]))

    @unittest.skipUnless(have("strip"), "there is no strip")
    def test_without_any_symbols(self):
        """The place is the binary, with a path that a code host may know."""
        bare = self.path("bare")
        subprocess.run(["strip", "--strip-all", "-o", bare, TARGET], check=True)
        for form in self.FORMATS:
            with self.subTest(form):
                text = self.written(form, bare, "leak", "3")
                if form == "sarif":
                    result, = json.loads(text)["runs"][0]["results"]
                    self.assertEqual(result["locations"][0]["physicalLocation"],
                                     {"artifactLocation": {"uri": "bare",
                                                           "uriBaseId": "%SRCROOT%"}})
                elif form == "gitlab":
                    self.assertEqual(json.loads(text)[0]["location"],
                                     {"path": "bare", "lines": {"begin": 1}})

    def test_name_that_tries_to_break_out(self):
        """Markup, commands of GitHub's log and of terminals, bytes that are not UTF-8, characters
        beyond 16 bits: in the program's name, in its arguments, and on the terminal."""
        evil = b"ev<il>&\"'%0A::]]>\n::error::\x1b[31m\xc2\x9b1m\xff\xf0\x9f\x98\x80"
        target = os.fsencode(self.folder) + b"/" + evil
        os.symlink(TARGET, target)
        for form in self.FORMATS + ("check",):
            with self.subTest(form):
                done = subprocess.run(
                    [DRIVER, "check", "--discard", f"--format={form}", "--", target, "leak", "3",
                     b"exit", b"3" + evil], stdin=subprocess.DEVNULL, timeout=300, check=False,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
                    env=plain_environment(TMPDIR=self.folder))
                self.assertEqual(format_rules.problems(form, done.stdout), [])
                self.assertIn(b"definitely lost", done.stderr)
                self.assertNotIn(b"\x1b", done.stdout + done.stderr)
                if form not in ("sarif", "gitlab", "json"):  # they keep names as they are
                    self.assertNotIn(b"\xc2\x9b", done.stdout + done.stderr)


class Valgrind(Formats):
    def drop_in(self, *arguments, status=0, **env):
        done = subprocess.run([DRIVER, *arguments], stdin=subprocess.DEVNULL,
                              env=plain_environment(TMPDIR=self.folder, **env), stderr=subprocess.PIPE,
                              stdout=subprocess.PIPE, universal_newlines=True, timeout=300,
                              check=False, cwd=self.folder)
        self.assertEqual(done.returncode, status, done.stderr[-2000:])
        return done.stderr

    def test_text(self):
        said = self.drop_in("-q", "--tool=memcheck", "--leak-check=yes", "--show-reachable=yes",
                            "--num-callers=50", TARGET, "leak", "3", "hold")
        self.assertTrue(all(re.match(r"==\d+== ", line + " ") for line in said.splitlines()))
        self.assertRegex(said, r"== 96 bytes in 3 blocks are definitely lost in loss record "
                               r"1 of 2\n==\d+==    at 0x[0-9A-F]+: lose_row "
                               r"\(check_target.c:\d+\)")
        self.assertIn("77 bytes in 1 blocks are still reachable in loss record 2 of 2", said)
        self.assertEqual(glob.glob(self.path("vmtrace-check-*")), [])

    def test_quiet_is_not_silent_about_what_could_not_be_judged(self):
        for arguments, count in ((["--leak-check=full"], 1), (["--leak-check=no"], 0)):
            said = self.drop_in("-q", *arguments, TARGET, "hold", VMTRACE_SCAN="off")
            self.assertEqual(len(re.findall(r"(?m)^==\d+== Leaks could not be judged: ", said)),
                             count, said)

    def test_default_is_a_summary(self):
        said = self.drop_in("--tool=memcheck", TARGET, "leak", "3")
        self.assertRegex(said, r"definitely lost: 96 bytes in 3 blocks")
        self.assertNotIn("loss record", said)

    def test_suppressions_come_behind_the_report(self):
        said = self.drop_in("-q", "--leak-check=full", "--gen-suppressions=all", TARGET, "leak",
                            "3")
        report, suppression = said.split("# definite: 96 bytes in 3 blocks\n")
        self.assertIn("96 bytes in 3 blocks are definitely lost", report)
        self.assertIn("Memcheck:Leak\n   match-leak-kinds: definite\n   fun:malloc\n"
                      "   fun:lose_row\n", suppression)

    @unittest.skipUnless(have("valgrind"), "there is no valgrind")
    def test_suppressions_in_xml_like_valgrinds(self):
        """In each error, in pieces and as text that valgrind and vmtrace read back."""
        found = {}
        for command in ("valgrind", DRIVER):
            path, saved = (self.path(os.path.basename(command) + end) for end in (".xml", ".supp"))
            subprocess.run(
                [command, "--leak-check=full", "--gen-suppressions=all", "--xml=yes",
                 f"--xml-file={path}", TARGET, "leak", "3"], check=True, timeout=300,
                env=plain_environment(TMPDIR=self.folder), stderr=subprocess.DEVNULL)
            element, = ElementTree.parse(path).getroot().findall("error/suppression")
            self.assertEqual(list(format_rules.suppression(element)), [])
            found[command] = [(one.tag, (one.text or "").strip() or one[0].tag + one[0].text)
                              for one in element if one.tag in ("skind", "skaux", "sframe")]
            with open(saved, "w", encoding="utf-8") as file:
                file.write(element.findtext("rawtext"))
            for judge in ("valgrind", DRIVER):
                self.assertEqual(0, subprocess.run(
                    [judge, "-q", "--leak-check=full", f"--suppressions={saved}",
                     "--error-exitcode=9", TARGET, "leak", "3"], check=False, timeout=300,
                    env=plain_environment(TMPDIR=self.folder)).returncode, (command, judge))
        self.assertEqual(found["valgrind"], found[DRIVER])

    def test_status_of_errors_is_in_front_of_the_programs(self):
        """As valgrind has it."""
        self.drop_in("-q", "--leak-check=full", "--error-exitcode=42", TARGET, "leak", "1", "exit",
                     "7", status=42)
        self.drop_in("-q", "--leak-check=full", "--error-exitcode=42", TARGET, "hold", "exit", "7",
                     status=7)

    def test_exec_is_one_process(self):
        self.drop_in("-q", "--leak-check=full", "--trace-children=yes",
                     f"--log-file={self.path('log.%p')}", "sh", "-c", f"exec {TARGET} leak 1")
        log, = glob.glob(self.path("log.*"))
        with open(log, encoding="utf-8") as file:
            self.assertIn("definitely lost", file.read())

    @unittest.skipUnless(have("valgrind"), "there is no valgrind")
    def test_like_valgrind(self):
        """The same elements, kinds and lines of the same program; the order of loss records is our
        own, the worst first."""
        record = re.compile(r"record \d of")
        found = {}
        for command in ("valgrind", DRIVER):
            path = self.path(os.path.basename(command) + ".xml")
            text = subprocess.run(
                [command, "--leak-check=full", "--show-reachable=yes", TARGET, "leak", "3", "hold"],
                env=plain_environment(TMPDIR=self.folder), stderr=subprocess.PIPE, check=True,
                stdin=subprocess.DEVNULL, universal_newlines=True, timeout=300).stderr
            subprocess.run(
                [command, "--leak-check=full", "--show-reachable=yes", "--xml=yes",
                 f"--xml-file={path}", TARGET, "leak", "3", "hold"], check=True, timeout=300,
                env=plain_environment(TMPDIR=self.folder), stderr=subprocess.DEVNULL)
            with open(path, "rb") as file:
                output = file.read()
            self.assertEqual(format_rules.problems("valgrind-xml", output), [], command)
            self.assertEqual(format_rules.problems("valgrind", text.encode()), [], command)
            errors = sorted((error.findtext("kind"), record.sub("", error.findtext("xwhat/text")))
                            for error in ElementTree.fromstring(output).iter("error"))
            lines = [re.sub(r"==\d+== ?", "", line) for line in text.splitlines()]
            found[command] = (errors, sorted(record.sub("", line) for line in lines if re.search(
                r" lost|SUMMARY|reachable|suppressed: 0 bytes|in use", line)))
        self.assertEqual(found["valgrind"], found[DRIVER])

    def test_status(self):
        self.drop_in("-q", "--leak-check=full", TARGET, "leak", "3")
        self.drop_in("-q", "--leak-check=full", "--error-exitcode=42", TARGET, "leak", "3",
                     status=42)
        self.drop_in("-q", "--leak-check=full", "--error-exitcode=42", TARGET, "hold")
        self.drop_in("-q", "--leak-check=no", "--error-exitcode=42", TARGET, "leak", "3")

    def test_log_for_each_process(self):
        self.drop_in("-q", "--leak-check=full", "--trace-children=yes",
                     f"--log-file={self.path('log.%p')}", TARGET, "hold", "children", "3", "leak")
        logs = glob.glob(self.path("log.*"))
        self.assertEqual(len(logs), 4)
        lost = 0
        for log in logs:
            with open(log, encoding="utf-8") as file:
                lost += "definitely lost" in file.read()
        self.assertEqual(lost, 3)

    def losses(self, text):
        """(pid, bytes) of what is definitely lost, per process."""
        return re.findall(r"(?m)^==(\d+)== (\d+) bytes in \d+ blocks are definitely lost", text)

    def test_what_is_forked_is_followed(self):
        said = self.drop_in("-q", "--leak-check=full", TARGET, "leak", "1", "fork", "leak", "3",
                            "fork", "hold", "leak", "2")
        found = self.losses(said)
        self.assertEqual(sorted(size for _, size in found), ["32", "64", "96"], said)
        self.assertEqual(len({pid for pid, _ in found}), 3, said)
        child = [TARGET, "hold", "fork", "leak", "3"]
        self.drop_in("-q", "--leak-check=full", "--error-exitcode=42", *child, status=42)
        self.assertEqual("", self.drop_in("-q", "--leak-check=full", "--error-exitcode=42",
                                          "--child-silent-after-fork=yes", *child))

    def test_what_is_executed_is_not(self):
        for options, losses in (("--trace-children=no", 0), ("--trace-children=yes", 3)):
            said = self.drop_in("-q", "--leak-check=full", options, TARGET, "hold", "fork", "hold",
                                "children", "3", "leak")
            self.assertEqual(len(self.losses(said)), losses, said)
        self.assertEqual("", self.drop_in("-q", "--leak-check=full", "--error-exitcode=42", "sh",
                                          "-c", f"x=$({TARGET} leak 1); ({TARGET} leak 2; :); :"))

    def said_before_all_ended(self, *command):
        """Of a command that succeeds and leaves processes behind."""
        with open(self.path("said"), "w+", encoding="utf-8") as said:
            with subprocess.Popen([DRIVER, *command], stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=said, env=plain_environment(TMPDIR=self.folder),
                                  start_new_session=True) as process:
                try:
                    self.assertEqual(process.wait(timeout=300), 0)
                finally:
                    os.killpg(process.pid, signal.SIGKILL)
            said.seek(0)
            return said.read()

    def test_forked_child_that_runs_on_has_no_leaks_yet(self):
        """And what was executed and runs on is not told of."""
        said = self.said_before_all_ended("-q", "--leak-check=full", "--error-exitcode=42", "sh",
                                          "-c", f"(x=$PATH; {TARGET} sleep; :) & exit 0")
        self.assertRegex(said, r"^==\d+== Leaks could not be judged: the process still runs\n$")
        said = self.drop_in("-q", "--leak-check=full", "sh", "-c",
                            "(x=$PATH; kill -9 $(exec sh -c 'echo $PPID'); :); exit 0")
        self.assertIn("Leaks could not be judged: the process was killed", said)
        self.assertNotIn("loss record", said)
        for children in "fork", "follow":
            said = self.said_before_all_ended("check", "--discard", f"--children={children}",
                                              TARGET, "hold", "start", "sleep")
            self.assertEqual("still runs" in said, children == "follow", said)

    @unittest.skipUnless(have("valgrind"), "there is no valgrind")
    def test_forked_child_like_valgrinds(self):
        """Of what the child itself did; what it has from its parent only valgrind tells again."""
        found = {}
        for command in ("valgrind", DRIVER):
            done = subprocess.run(
                [command, "--leak-check=full", "--error-exitcode=0", TARGET, "tidy", "fork",
                 "leak", "3"], env=plain_environment(TMPDIR=self.folder), check=True, timeout=300,
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True)
            found[command] = sorted(re.findall(r"== +(ERROR SUMMARY: \d+ errors from \d+ contexts|"
                                               r"definitely lost: .*|\d+ bytes in .* are .* lost)",
                                               done.stderr))
        self.assertEqual(found["valgrind"], found[DRIVER])
        self.assertEqual(sum("SUMMARY" in line for line in found[DRIVER]), 2)

    def test_xml_of_forked_children(self):
        """One document holds one process: those of children need files of their own."""
        words = (TARGET, "leak", "1", "fork", "leak", "3")
        options = ("--leak-check=full", "--xml=yes")
        self.drop_in(*options, f"--xml-file={self.path('one.xml')}", *words)
        self.assertEqual(len(ElementTree.parse(self.path("one.xml")).getroot().findall("error")), 1)
        self.drop_in(*options, f"--xml-file={self.path('%%p.xml')}", *words)
        self.assertEqual(ElementTree.parse(self.path("%p.xml")).getroot().findtext(
            "error/xwhat/leakedbytes"), "32")
        self.drop_in(*options, f"--xml-file={self.path('each.%p.xml')}", *words)
        lost = [ElementTree.parse(path).getroot().findtext("error/xwhat/leakedbytes")
                for path in glob.glob(self.path("each.*.xml"))]
        self.assertEqual(sorted(lost), ["32", "96"])

    def test_xml(self):
        path = self.path("leaks.xml")
        self.drop_in("--leak-check=full", "--xml=yes", f"--xml-file={path}", TARGET, "leak", "3")
        root = ElementTree.parse(path).getroot()
        self.assertEqual([child.tag for child in root][:3],
                         ["protocolversion", "protocoltool", "preamble"])
        self.assertEqual(root.findtext("protocolversion"), "4")
        error, = root.findall("error")
        self.assertEqual(error.findtext("kind"), "Leak_DefinitelyLost")
        self.assertEqual(error.findtext("xwhat/leakedbytes"), "96")
        self.assertEqual(error.findtext("xwhat/leakedblocks"), "3")
        frame = error.find("stack/frame")
        self.assertEqual(frame.findtext("fn"), "lose_row")
        self.assertEqual(frame.findtext("file"), "check_target.c")
        self.assertEqual(root.findtext("argv/exe") or root.findtext("args/argv/exe"), TARGET)
        self.assertEqual([status.findtext("state") for status in root.findall("status")],
                         ["RUNNING", "FINISHED"])

    def test_unknown_options_are_refused(self):
        self.drop_in("--leak-check=maybe", TARGET, status=2)
        self.drop_in("--tool=cachegrind", TARGET, status=2)
        self.drop_in("--no-such-option", TARGET, status=2)


if __name__ == "__main__":
    main()
