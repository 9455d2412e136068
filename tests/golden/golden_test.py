#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what golden_render prints with expected/, and its JSON with the schema.

usage: golden_test.py [--update] GOLDEN_RENDER|GOLDEN_FINDINGS WHAT|all
"""
import difflib
import json
import pathlib
import re
import subprocess
import sys

import jsonschema

import format_rules

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import surroundings  # noqa: E402,F401

EXPECTED = HERE / "expected"
SCHEMA = HERE.parent.parent / "docs" / "report.schema.json"


def render(program, what):
    source = HERE / "sample_source.txt"
    output = subprocess.run([program, what, str(source)], check=True, stdout=subprocess.PIPE).stdout
    return output.replace(str(source).encode(), b"/SOURCE/golden/sample_source.txt")


def reject_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key occurs twice in {keys}")
    return dict(pairs)


def check_json(output):
    report = json.loads(output.decode("utf-8", "strict"), object_pairs_hook=reject_duplicates)
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    for error in validator(schema).iter_errors(report):
        yield f"{'/'.join(map(str, error.path))}: {error.message[:300]}"


def check_text(what, output):
    controls = set(output) & (set(range(32)) - {10})
    if what != "text-color" and controls:
        yield f"control characters in the output: {sorted(controls)}"
    output.decode("ascii" if what == "text-ascii" else "utf-8", "strict")


def check_finding(form, output):
    """By the rules of those who read it; baselines and suppressions hold names byte for byte."""
    if form not in ("baseline", "suppressions"):
        yield from check_text(form, output)
    yield from format_rules.problems(form, output)


def check(program, what, update):
    output = render(program, what)
    match = re.fullmatch("findings-(?:none-|supp-)?(.*)", what)
    if match:
        problems = list(check_finding(match.group(1), output))
    else:
        problems = list(check_json(output) if "json" in what else check_text(what, output))
    path = EXPECTED / f"{what}.txt"
    if update:
        EXPECTED.mkdir(exist_ok=True)
        path.write_bytes(output)
    expected = path.read_bytes()
    if output != expected:
        problems += difflib.unified_diff(
            expected.decode(errors="backslashreplace").splitlines(),
            output.decode(errors="backslashreplace").splitlines(),
            str(path), "now", lineterm="")
    for problem in problems:
        print(f"{what}: {problem}")
    return not problems


def main():
    arguments = sys.argv[1:]
    update = "--update" in arguments
    program, what = [a for a in arguments if a != "--update"]
    names = [what]
    if what == "all":
        kind = "finding" if program.endswith("golden_findings") else "what"
        lists = (HERE / "CMakeLists.txt").read_text().split(f"foreach({kind} ", 1)[1]
        names = lists.split(")", 1)[0].split()
    results = [check(program, name, update) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
