#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/leaks, judged by memcheck and by vmtrace.

    E2E_BUILD=DIR run_leaks.py               vmtrace against the stored verdicts of memcheck
    E2E_BUILD=DIR run_leaks.py --memcheck    vmtrace against memcheck, run now (minutes)
    E2E_BUILD=DIR run_leaks.py --update      memcheck's verdicts into expected.txt
    E2E_BUILD=DIR run_leaks.py --sloppy      how often dead stack hides a leak that memcheck finds

--only=TEXT: cases whose name contains TEXT.  Exit status 1 if a verdict differs.
"""
import argparse
import sys

import leak_expected
import leak_matrix
from leak_matrix import Failed


def judge(case, theirs, ours):
    """What differs, a line each; both are lists of Verdicts or Failed."""
    for side, result in (("memcheck", theirs), ("vmtrace", ours)):
        if isinstance(result, Failed):
            return [f"{side} failed: {result}"]
    stale = [f"exception for {one.site} is of no use"
             for one in leak_expected.stale_exceptions(case, theirs)]
    wanted = leak_expected.as_ours(case, theirs)
    found = leak_expected.comparable(case, ours)
    if len(found) < len(wanted) and not any(wanted[len(found):]):
        wanted = wanted[:len(found)] # a process that allocated nothing has no trace
    if len(wanted) != len(found):
        return stale + [f"{len(wanted)} processes expected, {len(found)} found"]
    return stale + [(f"process {number}: " if number else "") + line
                    for number in range(len(wanted))
                    for line in leak_matrix.difference(wanted[number], found[number])]


def libc_remains(verdicts):
    """Blocks that nothing of the case's source allocated must not be called lost."""
    if isinstance(verdicts, Failed):
        return []
    return [f"{kind} {site}: {entry} [bytes, blocks] of libraries' own"
            for verdict in verdicts for (kind, site), entry in sorted(verdict.items())
            if site == leak_matrix.ELSEWHERE and kind != "reachable"]


def compare(cases, theirs):
    """{case: [line, ...]} of all cases that differ; `theirs`: {case: verdicts or Failed}."""
    differing = {}
    for case, ours in leak_matrix.in_parallel(leak_matrix.vmtrace, cases):
        problems = judge(case, theirs[case], ours) + libc_remains(ours)
        if problems:
            differing[case] = problems
    return differing


def memcheck_all(cases):
    results = dict(leak_matrix.in_parallel(leak_matrix.memcheck, cases))
    return {case: result if isinstance(result, Failed) else leak_expected.comparable(case, result)
            for case, result in results.items()}


def stored_all(cases):
    expected = leak_expected.Expected()
    return {case: expected.of(case) or Failed("nothing is stored") for case in cases}


def text_of(differing):
    return [f"{leak_expected.key_of(case, case.level)}: {problem}"
            for case, problems in differing.items() for problem in problems]


def update(cases):
    results = dict(leak_matrix.in_parallel(leak_matrix.memcheck, cases))
    failed = {case: result for case, result in results.items() if isinstance(result, Failed)}
    for case, result in failed.items():
        print(f"{leak_expected.key_of(case, case.level)}: {result}")
    if not failed:
        leak_expected.save(results)
    return 1 if failed else 0


def lost_blocks(verdicts):
    return sum(blocks for verdict in verdicts for (kind, _), (_, blocks) in verdict.own().items()
               if kind in ("definite", "indirect"))


def measure_sloppy(cases):
    """Prints the cases in which memcheck's lost blocks are not all lost for us."""
    theirs = stored_all(cases)
    hidden = with_leaks = 0
    for case, ours in leak_matrix.in_parallel(lambda one: leak_matrix.vmtrace(one, True), cases):
        if isinstance(ours, Failed) or isinstance(theirs[case], Failed):
            print(f"{leak_expected.key_of(case, case.level)}: failed: {ours}")
            continue
        wanted = lost_blocks(leak_expected.as_ours(case, theirs[case]))
        if not wanted:
            continue
        with_leaks += 1
        found = lost_blocks(leak_expected.comparable(case, ours))
        if found < wanted:
            hidden += 1
            print(f"{leak_expected.key_of(case, case.level)}: {found} of {wanted} lost blocks")
    print(f"dead stack hides something in {hidden} of {with_leaks} cases that have a leak")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memcheck", action="store_true", help="run memcheck now")
    parser.add_argument("--update", action="store_true", help="store what memcheck says")
    parser.add_argument("--sloppy", action="store_true", help="measure what dead stack hides")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    cases = [case for case in leak_matrix.cases() if options.only in case.name]
    if options.update:
        return update(cases)
    if options.sloppy:
        return measure_sloppy(cases)
    differing = compare(cases, memcheck_all(cases) if options.memcheck else stored_all(cases))
    print("\n".join([*text_of(differing), f"{len(cases) - len(differing)} of {len(cases)} agree"]))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
