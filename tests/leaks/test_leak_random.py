#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random heaps: each block's class is what its pointers make of it."""
import unittest

import run_random
from leak_matrix import harness

# A few thousand by hand: run_random.py.  The last ones once showed what the allocator keeps of
# chunks, the rest of a large block's pages, and memory of the recorder's.
SEEDS = [*range(40), 219, 225, 384, 420, 441, 444, 574]


class Random(unittest.TestCase):
    maxDiff = 8000

    def test_classes_are_the_ledgers(self):
        self.assertEqual(run_random.run_seeds(SEEDS), {})


if __name__ == "__main__":
    harness.main()
