#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Formats read by programs that others wrote to read them.

Each is skipped where it is not installed: Debian's packages junitparser, libtest-valgrind-perl and
python3-sarif-python-om (scripts/lib.sh), and the validator of sarif-sdk, `npm install --global
@microsoft/sarif-multitool` (43 MB), which checks the published schema and GitHub's rules of
ingestion.  CTest is run in test_check_build_systems.py.
"""
import json
import os
import re
import subprocess
import unittest

from harness import DRIVER, Case, have, main, plain_environment, program

TARGET = program("check_target")
PYTHON = "/usr/bin/python3"  # the one that Debian's packages of modules are for
MULTITOOL = next(filter(have, ("sarif-multitool", "Sarif.Multitool")), None)


def runs(*command):
    return have(command[0]) and subprocess.run(command, check=False, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL).returncode == 0


class Consumers(Case):
    def written(self, form, *arguments, options=(), status=23):
        """What `check --format=FORM` wrote of TARGET's run: a path."""
        path = self.path(f"report.{form}")
        done = subprocess.run(
            [DRIVER, "check", "--discard", f"--format={form}", f"--output={path}", *options, "--",
             TARGET, *arguments], env=plain_environment(TMPDIR=self.folder), check=False,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True, timeout=300)
        self.assertEqual(done.returncode, status, done.stderr[-2000:])
        return path

    def consume(self, *command, stdin=None):
        done = subprocess.run(command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, timeout=300,
                              env=plain_environment(DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="1"),
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])
        return done.stdout


class JUnit(Consumers):
    READ = """
import sys
from junitparser import JUnitXml
suites = JUnitXml.fromfile(sys.argv[1])
for suite in suites:
    said = suite.tests, suite.failures, suite.errors
    suite.update_statistics()
    assert said == (suite.tests, suite.failures, suite.errors), said
    for case in suite:
        for result in case.result:
            print(type(result).__name__, result.type, result.message, "lose_row" in result.text)
    print(*said)
"""

    @unittest.skipUnless(runs(PYTHON, "-c", "import junitparser"), "there is no junitparser")
    def test_junitparser(self):
        path = self.written("junit", "hold", "children", "2", "leak")
        self.assertEqual(self.consume(PYTHON, "-c", self.READ, path).splitlines(), [
            "Failure definite-leak 64 bytes in 2 blocks are definitely lost, "
            "allocated by lose_row True"] * 2 + ["3 2 0"])
        path = self.written("junit", "hold", status=125, options=["--scan=off"])
        error, counts = self.consume(PYTHON, "-c", self.READ, path).splitlines()
        self.assertEqual((error.split()[:2], counts), (["Error", "not-checked"], "1 0 1"))


class ValgrindXml(Consumers):
    READ = """
use strict;
use warnings;
use Test::Valgrind::Parser::XML::Twig;
use Test::Valgrind::Tool::memcheck;
package Reader;
sub new { bless {}, shift }
sub report_class { 'Test::Valgrind::Tool::memcheck::Report' }
sub report {
    my ($self, $report) = @_;
    my $data = $report->data;
    my ($where) = map { $_->[2] } grep { defined $_->[2] } @{$data->{stack}};
    print join(' ', $report->kind, $data->{leakedbytes} // '-', $data->{leakedblocks} // '-',
               $where // '-'), "\\n";
    die 'nothing to show' unless $report->dump;
}
package main;
my $reader = Reader->new;
my $parser = Test::Valgrind::Parser::XML::Twig->new;
$parser->start($reader);
$parser->parse($reader, \\*STDIN);
$parser->finish($reader);
"""

    @unittest.skipUnless(runs("perl", "-MTest::Valgrind::Parser::XML::Twig", "-e", "1"),
                         "there is no Test::Valgrind")
    def test_test_valgrind(self):
        path = self.path("leaks.xml")
        subprocess.run([DRIVER, "--leak-check=full", "--show-reachable=yes", "--xml=yes",
                        "--gen-suppressions=all", f"--xml-file={path}", TARGET, "leak", "3",
                        "hold"], env=plain_environment(TMPDIR=self.folder), check=True, timeout=300,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            read = self.consume("perl", "-e", self.READ, stdin=file).splitlines()
        self.assertEqual(read[0], "Leak_DefinitelyLost 96 3 lose_row")
        self.assertRegex(read[1], "^Leak_StillReachable 77 1 ")
        self.assertEqual(len(read), 2)


class Sarif(Consumers):
    # Of sarif_om's classes, which are made from the published schema: what they know by name, and
    # what each must have.
    READ = """
import json, sys
import attr, sarif_om
CLASSES = {"runs": "Run", "tool": "Tool", "driver": "ToolComponent", "results": "Result",
           "rules": "ReportingDescriptor", "invocations": "Invocation", "stacks": "Stack",
           "locations": "Location", "relatedLocations": "Location", "frames": "StackFrame",
           "location": "Location", "physicalLocation": "PhysicalLocation", "region": "Region",
           "artifactLocation": "ArtifactLocation", "message": "Message",
           "logicalLocations": "LogicalLocation", "codeFlows": "CodeFlow",
           "threadFlows": "ThreadFlow", "defaultConfiguration": "ReportingConfiguration",
           "toolExecutionNotifications": "Notification",
           "shortDescription": "MultiformatMessageString",
           "fullDescription": "MultiformatMessageString", "help": "MultiformatMessageString"}
FREE = {"properties", "partialFingerprints", "originalUriBaseIds"}
count = 0

def look(value, name, kind):
    global count
    if isinstance(value, list):
        for item in value:
            look(item, name, kind)
    elif isinstance(value, dict):
        known = {a.metadata["schema_property_name"]: a
                 for a in attr.fields(getattr(sarif_om, kind))}
        assert set(value) <= set(known), (name, kind, set(value) - set(known))
        missing = [key for key, a in known.items()
                   if a.default is attr.NOTHING and key not in value]
        assert not missing, (name, kind, missing)
        count += 1
        for key, item in value.items():
            if key in FREE or not isinstance(item, (dict, list)):
                continue
            inner = CLASSES[key]
            if kind == "ThreadFlow" and key == "locations":
                inner = "ThreadFlowLocation"
            look(item, key, inner)

look(json.load(open(sys.argv[1], encoding="utf-8")), "log", "SarifLog")
print(count)
"""

    @unittest.skipUnless(runs(PYTHON, "-c", "import attr, sarif_om"), "there is no sarif_om")
    def test_sarif_om(self):
        path = self.written("sarif", "leak", "3", "hold", "children", "2", "leak")
        self.assertGreater(int(self.consume(PYTHON, "-c", self.READ, path)), 60)

    @unittest.skipUnless(MULTITOOL, "there is no sarif-multitool")
    def test_multitool(self):
        """No error of the schema, of SARIF's rules, or of GitHub's ("Ghas")."""
        path, found = self.written("sarif", "leak", "3", "hold"), self.path("found.sarif")
        os.rename(path, path + ".sarif")
        said = self.consume(MULTITOOL, "validate", path + ".sarif", "--rule-kind", "Sarif;Ghas",
                            "--level", "Error;Warning", "--kind", "Fail", "--output", found)
        self.assertEqual(re.findall(r": error [A-Z]+\d+: .*", said), [])
        with open(found, encoding="utf-8-sig") as file:
            run, = json.load(file)["runs"]
        self.assertEqual({result["ruleId"] for result in run["results"]}, {"SARIF2005"})


if __name__ == "__main__":
    main()
