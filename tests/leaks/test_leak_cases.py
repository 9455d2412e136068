#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each case of tests/leaks: vmtrace says what memcheck said; some also with memcheck run now."""
import unittest

import leak_expected
import leak_matrix
import run_leaks
from leak_matrix import Failed, harness

SAMPLE = 41  # memcheck runs for one case in so many: it takes about a second each


class StoredVerdicts(unittest.TestCase):
    maxDiff = 8000

    @classmethod
    def setUpClass(cls):
        cls.expected = leak_expected.Expected()
        cls.all_cases = leak_matrix.cases()
        cls.cases = [case for case in cls.all_cases
                     if leak_expected.applies(case, cls.expected)]

    def test_cases_are_as_memcheck_said(self):
        if not self.cases:
            self.skipTest("what is stored is of another kind of machine")
        differing = run_leaks.compare(self.cases, run_leaks.stored_all(self.cases))
        self.assertEqual(run_leaks.text_of(differing), [])

    def test_stored_verdicts_have_every_class(self):
        found = {kind for verdicts in self.expected.verdicts.values()
                 for verdict in verdicts for kind, _ in verdict}
        self.assertEqual(found, {"definite", "indirect", "possible", "reachable"})

    def test_stored_verdicts_are_of_cases_that_there_are(self):
        names = {f"{case.language}/{case.name}" for case in self.all_cases}
        stored = {key.split("@")[0] for key in self.expected.verdicts}
        self.assertEqual(stored - names, set())
        self.assertGreaterEqual(len(names), 60)

    @unittest.skipUnless(harness.have("valgrind"), "valgrind is not installed")
    def test_sample_is_as_memcheck_says_now(self):
        sample = self.all_cases[::SAMPLE]
        theirs = run_leaks.memcheck_all(sample)
        self.assertEqual([str(one) for one in theirs.values() if isinstance(one, Failed)], [])
        self.assertEqual(run_leaks.text_of(run_leaks.compare(sample, theirs)), [])


if __name__ == "__main__":
    harness.main()
