#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VMTRACE_SAMPLE: estimates against what a program knows that it did.

Samples are drawn from VMTRACE_SEED, so a run with one thread is the same each time.  How far an
estimate may be off follows from the program's ledger.
"""
import collections
import glob
import math
import subprocess

import harness
from harness import in_stack, program, report, sites_of

FUNCTIONS = ("small_blocks cleared_blocks large_blocks new_objects new_arrays aligned_blocks "
             "aligned_objects growing_blocks temporary_blocks tiny_blocks").split()
K = 1024


def chance(size, interval):
    return -math.expm1(-max(size, 1) / interval)


class Truth:
    """The ledger that sampled_load prints."""

    def __init__(self, output):
        self.failed = collections.Counter()
        self.counts = collections.defaultdict(list)  # function -> (size, allocations, releases)
        for line in output.decode().splitlines():
            function, size, *counts = line.split()
            if size == "failed":
                self.failed[function] += int(counts[0])
            else:
                self.counts[function].append((int(size), *map(int, counts)))

    def rows(self, functions, live):
        return [(size, made - gone if live else made) for function in functions
                for size, made, gone in self.counts[function] if made - gone * live > 0]

    def samples(self, functions, interval, live):
        """How many to expect."""
        return sum(count * chance(size, interval) for size, count in self.rows(functions, live))

    def sums(self, functions, interval, live, power):
        """Of blocks (power 0) or bytes (1): the sum, and how far estimates of it and of its variance
        may be off."""
        rows = [(count, chance(size, interval), size ** power)
                for size, count in self.rows(functions, live)]
        variances = [(count, p, (1 - p) * value ** 2 / p ** 2) for count, p, value in rows]
        return (sum(count * value for count, _, value in rows),
                bound((count, p, value / p) for count, p, value in rows),
                sum(count * p * term for count, p, term in variances), bound(variances))


def bound(terms):
    """What a sum of independent terms, each counted with probability p, is off by once in a million
    times (Bernstein's inequality), whatever their sizes."""
    terms = list(terms)
    variance = sum(count * p * (1 - p) * term ** 2 for count, p, term in terms)
    return math.sqrt(2 * 14.5 * variance) + max((term for _, _, term in terms), default=0) * 14.5 / 3


class Sampling(harness.Case):
    def load(self, sample, seed, operations=100000, threads=1, **env):
        run = self.trace([program("sampled_load"), str(seed), str(operations), str(threads)],
                         env={"VMTRACE_SAMPLE": str(sample), "VMTRACE_SEED": str(seed + 1), **env})
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        data = report(run.trace)
        self.assert_healthy(data)
        self.assertEqual(data["errors"], [])
        return data, Truth(run.stdout)

    def check_figure(self, estimate, stated, truth, functions, interval, live, power, extra=0):
        """One figure, and the error stated with it.  `extra` is in the figure, and not in the ledger."""
        value, off, variance, variance_off = truth.sums(functions, interval, live, power)
        what = f"{functions} live={live} power={power}: {estimate} for {value} + {extra}"
        self.assertLessEqual(abs(estimate - value - extra), off + len(functions) * 10, what)
        self.assertLessEqual(abs((stated / 1.959964) ** 2 - variance),
                             variance_off + 2 * stated + 4, what)

    def check_site(self, data, truth, function, interval):
        """Every estimate of a function's sites."""
        sites = sites_of(data, function)
        for live, keys in ((False, ("allocations", "bytes_allocated")),
                           (True, ("live_blocks", "live_bytes"))):
            for power, key in enumerate(keys):
                sampled = [site for site in sites if site[keys[0]]]
                stated = math.sqrt(sum(site[key + "_error"] ** 2 for site in sampled))
                self.check_figure(sum(site[key] for site in sites), stated, truth, [function],
                                  interval, live, power)

    def check(self, data, truth, interval):
        summary = data["summary"]
        self.assertEqual((summary["sampled"], summary["sample_interval"]), (True, interval))
        for function in FUNCTIONS:
            self.check_site(data, truth, function, interval)
        # The run-time libraries' own blocks are in the totals, and not in the ledger.
        others = [site for site in data["sites"] if harness.is_heap(site) and
                  not any(in_stack(site["stack"], function) for function in FUNCTIONS)]
        for live, suffix, keys in ((False, "", ("allocations", "bytes_allocated")),
                                   (True, "_at_end", ("live_blocks", "live_bytes"))):
            for power, key in enumerate(keys):
                extra = sum(site[key] for site in others)
                stated = summary[key + suffix + "_error"] ** 2 - sum(site[key + "_error"] ** 2
                                                                     for site in others if extra)
                if not summary[key + suffix]:
                    continue
                self.check_figure(summary[key + suffix], math.sqrt(max(stated, 0)), truth, FUNCTIONS,
                                  interval, live, power, extra)
        lost = [leak for leak in data["leaks"] if leak["class"] in ("definite", "indirect")]
        leaked = sum(leak["bytes"] for leak in lost)
        self.assertEqual(leaked, summary["leaked_bytes"])
        self.assertEqual(sum(leak["blocks"] for leak in lost), summary["leaked_blocks"])
        stated = math.sqrt(sum(leak["bytes_error"] ** 2 for leak in lost))
        if leaked:
            self.assertAlmostEqual(stated, summary["leaked_bytes_error"],
                                   delta=len(lost) + 1)
        for function in "failing_calls", "growing_blocks":
            self.assertEqual(sum(site["failed"] for site in sites_of(data, function)),
                             truth.failed[function])

    def check_stated(self, data, truth, interval):
        """The error that the report states is what a reader has: 4 standard errors for the total of
        bytes, 5 for those of sites, of which there are many.  (Numbers of blocks are less certain
        where sizes differ: the smallest count most and are seldom seen.)"""
        summary, key = data["summary"], "bytes_allocated"
        off = abs(summary[key] - truth.sums(FUNCTIONS, interval, False, 1)[0])
        self.assertLess(off, 4 * summary[key + "_error"] / 1.96 + 100 * K)  # libstdc++'s 72 KiB
        for function in FUNCTIONS:
            if truth.samples([function], interval, False) > 100:
                site, = (site for site in sites_of(data, function) if site["allocations"])
                off = abs(site[key] - truth.sums([function], interval, False, 1)[0])
                self.assertLess(off, 5 * site[key + "_error"] / 1.96 + 1, function)

    def test_estimates(self):
        for sample, interval in (("1K", K), ("16K", 16 * K), ("512K", 512 * K)):
            for seed in 1, 2, 3:
                with self.subTest(sample=sample, seed=seed):
                    data, truth = self.load(sample, seed)
                    self.check(data, truth, interval)
                    self.check_stated(data, truth, interval)

    def test_threads_that_release_each_others_blocks(self):
        for seed in 1, 2:
            data, truth = self.load("4K", seed, operations=50000, threads=8)
            self.check(data, truth, 4 * K)
            self.assertGreaterEqual(data["process"]["threads"], 8)

    def test_temporary_blocks(self):
        data, truth = self.load("4K", 5)
        blocks, off, _, _ = truth.sums(["temporary_blocks"], 4 * K, False, 0)
        for function in FUNCTIONS:
            found = sum(site["temporary"] for site in sites_of(data, function))
            if function == "temporary_blocks":
                self.assertLessEqual(abs(found - blocks), off)
            else:
                self.assertEqual(found, 0, function)
        reallocations = sum(gone for size, _, gone in truth.counts["growing_blocks"])
        self.assertGreater(data["summary"]["reallocations"], reallocations / 3)
        self.assertLess(data["summary"]["reallocations"], reallocations * 1.5)

    def test_one_byte_in_one_is_nearly_everything(self):
        """Blocks of 32 bytes or more are all there: figures are those of the full trace."""
        keys = ("allocations", "bytes_allocated", "temporary", "peak_blocks", "live_bytes",
                "live_blocks", "failed", "largest", "kind")

        def sites(data):
            return sorted((*(site[key] for key in keys),
                           [frame["function"] for frame in site["stack"]])
                          for site in data["sites"] if any(in_stack(site["stack"], function) for
                          function in ("cleared_blocks", "large_blocks", "aligned_blocks",
                                       "growing_blocks")))

        whole, truth = self.load("0", 7, operations=20000)
        every, _ = self.load("1", 7, operations=20000)
        self.assertFalse(whole["summary"]["sampled"])
        self.assertNotIn("bytes_allocated_error", whole["summary"])
        self.assertGreater(len(sites(whole)), 3)
        self.assertEqual(sites(every), sites(whole))
        self.check(every, truth, 1)

    def test_the_same_seed_takes_the_same_samples(self):
        def sites(data):
            return sorted((site["samples"], site["bytes_allocated"], site["kind"])
                          for site in data["sites"] if "samples" in site)

        first, second, other = (self.load("16K", 9, VMTRACE_SEED=seed)[0] for seed in "884")
        self.assertGreater(first["summary"]["samples"], 1000)
        self.assertEqual(sites(first), sites(second))
        self.assertNotEqual(sites(first), sites(other))

    def test_without_a_seed_samples_differ(self):
        samples = {self.load("1K", 9, operations=5000, VMTRACE_SEED="0")[0]["summary"]["samples"]
                   for _ in range(4)}
        self.assertGreater(len(samples), 1)

    def test_nothing_sampled_is_said(self):
        # In C++ the run-time library's first block starts the recorder.
        data, _ = self.load("1024G", 1, operations=1000)
        summary = data["summary"]
        self.assertEqual((summary["allocations"], summary["samples"]), (0, 0))
        self.assertEqual(summary["leaked_bytes_error"], summary["bytes_allocated_error"])
        self.assertGreater(summary["leaked_bytes_error"], 2 << 40)
        self.assertTrue(any("none was sampled" in note for note in data["notes"]), data["notes"])

    def test_time_line_goes_on_between_samples(self):
        data = self.trace_report([program("burst"), "2000000"], status=5,
                                 env={"VMTRACE_SAMPLE": "1024G", "VMTRACE_INTERVAL": "2"})
        self.assertEqual(data["summary"]["samples"], 0)
        intervals = data["process"]["duration_ns"] / 2e6
        self.assertGreater(len(data["growth"]["samples"]), min(intervals / 10, 5))

    def test_text_marks_estimates(self):
        run = self.trace([program("sampled_load"), "1", "50000", "1"],
                         env={"VMTRACE_SAMPLE": "64K", "VMTRACE_SEED": "3"})
        text = subprocess.run([harness.REPORT, run.trace], stdout=subprocess.PIPE, check=True,
                              env=harness.plain_environment(LC_ALL="C.UTF-8")).stdout.decode()
        self.assertIn("one in about 64.0 KiB", text)
        self.assertRegex(text, r"(?m)^  allocated +~[0-9.]+ .iB ±\S+ % in ~[0-9,]+ ±\S+ % alloc")
        self.assertRegex(text, r"(?m)^  lost: ~[0-9.]+ .?i?B ±\S+ % in ~[0-9,]+ ±\S+ % block")
        self.assertIn("wrong frees are not looked for", text)

    def test_folded_holds_estimates(self):
        run = self.trace([program("sampled_load"), "1", "50000", "1"],
                         env={"VMTRACE_SAMPLE": "4K", "VMTRACE_SEED": "3"})
        data = report(run.trace)
        folded = subprocess.run([harness.REPORT, "--format=folded", "--metric=allocated",
                                 run.trace], stdout=subprocess.PIPE, check=True).stdout
        found = sum(int(line.split()[-1]) for line in folded.decode().splitlines())
        self.assertEqual(found, sum(site["bytes_allocated"] for site in data["sites"]))

    def test_forked_children_sample_for_themselves(self):
        for how, traces in (("fork", 2), ("nested", 4), ("threads", 41), ("vfork-exec", 2)):
            run = self.trace([program("children"), how], env={"VMTRACE_SAMPLE": "1"})
            self.assertEqual((run.returncode, run.stderr), (3, b""))
            found = sorted(map(report, run.traces),
                           key=lambda data: data["process"]["start_time_ns"])
            self.assertEqual(len(found), traces)
            counts = [tuple(sum(site["allocations"] for site in sites_of(data, function))
                            for function in ("parent_block", "child_block")) for data in found]
            self.assertEqual(counts, [(10, 0)] + [(0, 7)] * (traces - 1))
            for data in found:
                self.assert_healthy(data)
                self.assertEqual(data["errors"], [])

    def test_fork_hazards(self):
        for how in "fresh-thread", "raw", "handler":
            run = self.trace([program("fork_hazards"), how], env={"VMTRACE_SAMPLE": "256"})
            self.assertEqual((run.returncode, run.stderr), (0, b""), how)
            for trace in run.traces:
                self.assert_healthy(report(trace))

    def test_children_that_do_the_same_are_sampled_apart(self):
        run = self.trace([program("sampled_load"), "fork", "5000", "6"],
                         env={"VMTRACE_SAMPLE": "2K"})
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        samples = [data["summary"]["samples"] for data in map(report, run.traces)
                   if data["process"]["forked"]]
        self.assertEqual(len(samples), 6)
        self.assertGreater(len(set(samples)), 1)

    def test_a_small_block_that_is_refused_is_told(self):
        run = self.trace([program("sampled_load"), "starve", "0", "0"],
                         env={"VMTRACE_SAMPLE": "64K"})
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        data = report(run.trace)
        self.assertEqual(data["summary"]["failed_allocations"], 1)
        self.assertEqual([site["failed"] for site in sites_of(data, "starved_calls")
                          if site["failed"]], [1])

    def test_nothing_is_sampled_while_paused(self):
        run = self.trace([program("paused_start")], env={"VMTRACE_SAMPLE": "1",
                                                         "VMTRACE_START": "paused"})
        whole = self.trace([program("paused_start")], env={"VMTRACE_START": "paused"})
        sampled, full = report(run.trace), report(whole.trace)
        self.assertEqual(sampled["errors"], [])
        self.assertEqual(sampled["summary"]["allocations"], full["summary"]["allocations"])
        self.assertEqual(sampled["summary"]["live_bytes_at_end"],
                         full["summary"]["live_bytes_at_end"])

    def test_exceptions_through_operator_new(self):
        run = self.trace([program("cxx_throw")], env={"VMTRACE_SAMPLE": "256"})
        full = self.trace([program("cxx_throw")])
        self.assertEqual((run.returncode, run.stdout, run.stderr),
                         (full.returncode, full.stdout, full.stderr))
        sampled, full = report(run.trace), report(full.trace)
        self.assert_healthy(sampled)
        self.assertEqual(sampled["summary"]["failed_allocations"],
                         full["summary"]["failed_allocations"])

    def test_other_allocators(self):
        """One with an operator new of its own, which calls no malloc, and one without."""
        for name in "libjemalloc", "libtcmalloc_minimal", "libmimalloc":
            for library in sorted(glob.glob(f"/usr/lib/*/{name}.so*"))[:1]:
                with self.subTest(library):
                    run = self.trace([program("sampled_load"), "4", "50000", "2"], preload=library,
                                     env={"VMTRACE_SAMPLE": "8K", "VMTRACE_SEED": "11"})
                    self.assertEqual(run.returncode, 0)
                    data, truth = report(run.trace), Truth(run.stdout)
                    for function in FUNCTIONS:
                        self.check_site(data, truth, function, 8 * K)

    def test_driver_passes_it_on(self):
        trace = self.path("driver.vmt")
        done = subprocess.run([harness.DRIVER, "run", "--sample=64K", "--seed=5", "-o", trace, "--",
                               program("sampled_load"), "1", "10000", "1"], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=harness.plain_environment())
        self.assertTrue(done.stdout)
        self.assertEqual(report(trace)["summary"]["sample_interval"],
                         64 * K)


if __name__ == "__main__":
    harness.main()
