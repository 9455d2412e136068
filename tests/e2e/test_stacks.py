#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Call stacks that are not simple: the report names every frame, or says that the stack is cut."""
import glob
import os
import tempfile

import harness
from harness import program, report, sites_of
from test_stacks_real import LIBRARY as STACK_CHECK
from test_stacks_real import Counts

LEVELS = (0, 1, 2)  # of optimisation; 0 and 2 keep frame pointers
ANY = "..."  # any number of frames: of libc, which may have no names
OUTSIDE = ["main", ANY]

# By shape: the stacks of its allocations, each with how often, and where it is cut, CUT.
CUT = "(cut)"
SHAPES = {
    "no_frame_pointer": {
        ("shape_block", "asm_scratch_rbp", "scratch_inner", "asm_scratch_rbp",
         "shape_no_frame_pointer", *OUTSIDE): 1},
    "leaf_wrapper": {("shape_leaf_wrapper", *OUTSIDE): 1},
    "alloca": {("shape_block", "with_alloca", "shape_alloca", *OUTSIDE): 4},
    "vla": {("shape_block", "with_vla", "shape_vla", *OUTSIDE): 4},
    "realigned": {("shape_block", "with_alignment", "with_alignment_and_alloca", "shape_realigned",
                   *OUTSIDE): 1},
    "longjmp": {("shape_block", "jump_from", "jump_from", "jump_from", "jump_from",
                 "shape_longjmp", *OUTSIDE): 1,
                ("shape_block", "after_jump", "shape_longjmp", *OUTSIDE): 1},
    "exception": {("shape_block", "Guard::~Guard", "thrower", "thrower", "shape_exception",
                   *OUTSIDE): 1,
                  ("shape_block", "Guard::~Guard", "thrower", "shape_exception", *OUTSIDE): 1,
                  ("shape_block", "after_catch", "shape_exception", *OUTSIDE): 1},
    "assembly": {("shape_block", "asm_with_cfi", "shape_assembly", *OUTSIDE): 1},
    "assembly_rbx": {("shape_block", "asm_with_cfi", "save_rbx", "asm_cfa_in_rbx",
                      "shape_assembly_rbx", *OUTSIDE): 1},
    "assembly_rbx_live": {("shape_block", "asm_cfa_in_rbx", CUT): 1},
    "assembly_memory": {("shape_block", "asm_cfa_in_memory", "shape_assembly_memory",
                         *OUTSIDE): 1},
    "assembly_frame_pointer": {("shape_block", "asm_frame_pointer_only", "frame_pointer_caller",
                                "shape_assembly_frame_pointer", *OUTSIDE): 1},
    "assembly_bare": {("shape_block", "asm_without_anything", CUT): 1},
    "jit_frame_pointer": {("shape_block", None, "call_code", "shape_jit_frame_pointer",
                           *OUTSIDE): 1},
    "jit_bare": {("shape_block", None, CUT): 1},
    "lazy_binding": {("shape_block", "lazy_block", "resolve_sum", ANY, "shape_lazy_binding",
                      *OUTSIDE): 1},
    "signal_frame": {("shape_block", "on_signal", ANY, "interrupted",
                      "shape_signal_frame", *OUTSIDE): 1},
    "signal_stack": {("shape_block", "on_signal", ANY, "interrupted",
                      "shape_signal_stack", *OUTSIDE): 1},
    "red_zone": {("shape_block", "on_signal", ANY, "asm_red_zone", "shape_red_zone",
                  *OUTSIDE): 1},
    "coroutine": {("shape_block", "inside_block", "coroutine_main", ANY): 20,
                  ("shape_block", "outside_block", "shape_coroutine", *OUTSIDE): 10},
    "thread_stack": {("shape_block", "inside_block", "thread_main", ANY): 20,
                     ("shape_block", "outside_block", "shape_thread_stack", *OUTSIDE): 20},
    "heap_coroutine": {("shape_block", "inside_block", "coroutine_main", ANY): 1,
                       ("shape_block", "outside_block", "shape_heap_coroutine", *OUTSIDE): 1},
    "heap_switch": {("shape_block", "inside_block", "asm_other_stack", "shape_heap_switch",
                     *OUTSIDE): 1,
                    ("shape_block", "outside_block", "shape_heap_switch", *OUTSIDE): 1},
    "heap_switch_blind": {("shape_block", "inside_block", "asm_other_stack_without_cfi", CUT): 1,
                          ("shape_block", "outside_block", "shape_heap_switch_blind",
                           *OUTSIDE): 1},
}
# A new thread would inherit the trap flag with SIGTRAP blocked, and be killed by it.
NOT_STEPPED = ("thread_stack",)


def short(function):
    """Without namespaces' and arguments' parentheses."""
    return function and function.replace("(anonymous namespace)::", "").split("(")[0]


def matches(names, pattern):
    if not pattern:
        return not names
    if pattern[0] == ANY:
        return any(matches(names[i:], pattern[1:]) for i in range(len(names) + 1))
    return bool(names) and names[0] == pattern[0] and matches(names[1:], pattern[1:])


def names_of(site):
    names = [short(frame["function"]) for frame in site["stack"]]
    return names + [CUT] if site["stack_cut"] else names


class Stacks(harness.Case):
    def trace_shape(self, level, shape, **options):
        run = self.trace([program(f"stack_shapes_{level}"), shape], **options)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        data = report(run.trace)
        self.assert_healthy(data)
        self.assertEqual(data["errors"], [])
        return data

    def check_shape(self, level, shape):
        left = dict(SHAPES[shape])
        function = "shape_leaf_wrapper" if shape == "leaf_wrapper" else "shape_block"
        for site in sites_of(self.trace_shape(level, shape), function):
            names = names_of(site)
            pattern = next((one for one in left if matches(names, one)), None)
            self.assertIsNotNone(pattern, f"{names} is none of {list(left)}")
            self.assertEqual(site["allocations"], left.pop(pattern))
        self.assertEqual(left, {})

    def test_every_frame_is_named(self):
        for level in LEVELS:
            for shape in SHAPES:
                with self.subTest(shape, level=level):
                    self.check_shape(level, shape)

    def test_every_instruction_as_libunwind(self):
        """Single steps: rows at each instruction, of ld.so's and libgcc's as well."""
        if not os.path.exists(STACK_CHECK):
            self.skipTest("rows are for x86-64")
        for level in LEVELS:
            for shape in SHAPES:
                if shape in NOT_STEPPED:
                    continue
                with self.subTest(shape, level=level):
                    self.check_steps(level, shape)

    def check_steps(self, level, shape):
        folder = tempfile.mkdtemp(dir=self.folder)
        run = self.run_program([program(f"stack_shapes_{level}"), shape, "step"],
                               preload=STACK_CHECK,
                               env={"STACK_CHECK_OUTPUT": os.path.join(folder, "counts"),
                                    "STACK_CHECK_EVERY": str(10**12), "STACK_CHECK_TRAP": "1"})
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        counts, text = Counts(), ""
        for path in glob.glob(os.path.join(folder, "counts.*")):
            if path.endswith(".text"):
                with open(path, encoding="utf-8") as source:
                    text = source.read()
            else:
                counts.add(path)
        self.assertEqual(counts.different, 0, text)
        self.assertGreater(counts.captures, 500)
        # In the middle of a change of stacks, longjmp's or a coroutine's.
        self.assertLess(counts.complex + counts.further, counts.captures // 20)
        if not shape.startswith(("assembly_", "jit_", "heap_", "coroutine")):
            self.assertLess(counts.guessed, counts.captures // 100)


class Deep(harness.Case):
    """100,000 frames, with an allocation every 500 of them; `depth` are kept."""

    def check_depth(self, depth, **env):
        data = self.trace_report([program("deep_recursion")], "--top=0", env=env)
        found = sites_of(data, "level_block")
        self.assertEqual(sum(site["allocations"] for site in found), 201)
        self.assertEqual(sum(site["live_blocks"] for site in found), 0)
        for site in found:
            names = names_of(site)
            if site["stack_cut"]:
                self.assertEqual(names, ["level_block", *["descend"] * (depth - 1), CUT])
            else:
                levels = names.count("descend")
                self.assertEqual(levels % 500, 1)
                self.assertEqual(names[:levels + 2], ["level_block", *["descend"] * levels, "run"])
        return sum(1 for site in found if site["stack_cut"]), len(found)

    def test_as_many_as_usual(self):
        self.assertEqual(self.check_depth(128), (1, 2))

    def test_few(self):
        self.assertEqual(self.check_depth(9, VMTRACE_DEPTH="9"), (1, 2))

    def test_many(self):
        # The ones at 1, 501, ... 4,001 levels are whole.
        self.assertEqual(self.check_depth(4096, VMTRACE_DEPTH="4096"), (1, 10))


class Eras(harness.Case):
    """Different code at the same address, one library after the other."""

    ROUNDS = 50

    def blocks(self, kind, *how):
        """Allocations of the libraries, by function and module."""
        first, second = (program(f"era_{era}_{kind}.so") for era in ("one", "two"))
        run = self.trace([program("eras"), first, second, str(self.ROUNDS), *how])
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        self.assertGreater(int(run.stdout), self.ROUNDS - 3)
        data = report(run.trace, "--top=0")
        self.assert_healthy(data)
        found = {}
        for site in sites_of(data, "visit"):
            names = names_of(site)
            if matches(names, (ANY, "visit", *OUTSIDE)) and names.index("visit") == 2:
                module = os.path.basename(site["stack"][0]["module"])
                key = names[0], names[1], module, site["stack_cut"]
                found[key] = found.get(key, 0) + site["allocations"]
        return found

    def expected(self, kind):
        return {(f"era_{era}_block", "run", f"era_{era}_{kind}.so", False): self.ROUNDS
                for era in ("one", "two")}

    def test_each_era_has_its_names(self):
        self.assertEqual(self.blocks("id"), self.expected("id"))

    def test_without_build_id(self):
        self.assertEqual(self.blocks("bare"), self.expected("bare"))

    def test_closed_behind_the_recorders_back(self):
        self.assertEqual(self.blocks("id", "libc"), self.expected("id"))

    def test_replaced_file_lends_nobody_its_names(self):
        alias = self.path("alias.so")
        self.assertEqual(self.blocks("id", alias),
                         {(None, None, "alias.so", False): self.ROUNDS,
                          ("era_two_block", "run", "alias.so", False): self.ROUNDS})


class JustLoaded(harness.Case):
    """Libraries whose code is on a stack for the first time."""

    CALLS = 3

    def check_chain(self, kind, count):
        libraries = [program(f"load_link_{kind}_{i}.so") for i in range(1, count + 1)]
        run = self.trace([program("load_chain"), str(self.CALLS), *libraries])
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        data = report(run.trace, "--top=0")
        self.assert_healthy(data)
        pattern = ("link_block", *["link_inner", "link_call"] * count, *OUTSIDE)
        found = [(names_of(site), site["allocations"]) for site in sites_of(data, "link_block")]
        self.assertEqual([(names[:len(pattern) - 1], calls) for names, calls in found],
                         [(list(pattern[:-1]), self.CALLS)])
        self.assertNotIn(CUT, found[0][0])

    def test_where_the_way_is_lost(self):
        for count in (1, 2, 3):
            with self.subTest(libraries=count):
                self.check_chain("bare", count)

    def test_where_the_way_could_be_guessed(self):
        for count in (1, 2, 3):
            with self.subTest(libraries=count):
                self.check_chain("framed", count)


if __name__ == "__main__":
    harness.main()
