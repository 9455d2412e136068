#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Why memory is still alive: a program that keeps known amounts of it by each kind of root."""
import json
import os
import shutil
import subprocess

import jsonschema

import harness
from harness import have, program, report

ENTRIES = 40 * 50
NODES = 3000
TABLE, ENTRY, VALUE, NODE = 512 * 8, 16, 200, 64


def function_of(step):
    return step["frame"]["function"] if step["frame"] else None


class Retention(harness.Case):
    def text(self, trace, *options):
        done = subprocess.run([harness.REPORT, *options, trace], stdout=subprocess.PIPE,
                              timeout=300, check=True, env=harness.plain_environment())
        return done.stdout.decode()

    def kept(self, path=None):
        run = self.trace([path or program("kept")])
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        data = report(run.trace)
        self.assert_healthy(data)
        self.assertEqual(data["summary"]["scan"], "complete")
        with open(harness.SCHEMA, encoding="utf-8") as source:
            schema = json.load(source)
        schema["properties"] = {"retention": schema["properties"]["retention"]}
        jsonschema.validate({"retention": data["retention"]},
                            dict(schema, required=["retention"]))
        return run.trace, data

    def root(self, retention, kind, name=None):
        found = [one for one in retention["roots"]
                 if one["kind"] == kind and (name is None or one["name"] == name)]
        self.assertEqual(len(found), 1, (kind, name))
        return found[0]

    def site(self, retention, function):
        found = [one for one in retention["sites"] if function_of(one) == function]
        self.assertEqual(len(found), 1, function)
        return found[0]

    def assert_amount(self, one, amount, blocks, key=""):
        self.assertEqual((one[key + "bytes"], one[key + "blocks"]), (amount, blocks))

    def assert_chain(self, site, root, *functions):
        self.assertEqual((site["chain"][0]["kind"], site["chain"][0]["name"]), root)
        self.assertEqual([function_of(step) for step in site["chain"][1:]], list(functions))
        self.assertEqual(site["left_out"], 0)

    def test_each_root_has_what_only_it_holds(self):
        retention = self.kept()[1]["retention"]
        cache = self.root(retention, "variable", "config_cache")
        self.assertTrue(cache["module"].endswith("/kept"))
        self.assert_amount(cache, TABLE + ENTRIES * (ENTRY + VALUE), 1 + 2 * ENTRIES)
        self.assert_amount(self.root(retention, "variable", "list"), NODES * NODE, NODES)
        self.assert_amount(self.root(retention, "variable", "inner"), 6000, 1)
        self.assert_amount(self.root(retention, "mapping"), 7000, 1)
        for name in ("left", "right"):
            self.assert_amount(self.root(retention, "variable", name), 0, 0)
        self.assertGreaterEqual(retention["shared_bytes"], 5000)
        self.assertEqual(sum(one["bytes"] for one in retention["roots"]) +
                         retention["shared_bytes"], retention["bytes"])
        self.assertEqual(sum(one["nearest_bytes"] for one in retention["roots"]),
                         retention["bytes"])
        self.assertEqual(sorted(retention["roots"], key=lambda one: -one["nearest_bytes"]),
                         retention["roots"])
        self.assertEqual(sum(one["reachable_bytes"] + one["possible_bytes"]
                             for one in retention["sites"]), retention["bytes"])

    def test_chains_lead_from_the_root_to_the_blocks(self):
        retention = self.kept()[1]["retention"]
        values = self.site(retention, "value_new")
        self.assert_amount(values, ENTRIES * VALUE, ENTRIES, "reachable_")
        self.assert_chain(values, ("variable", "config_cache"), "table_new", "entry_new",
                          "value_new")
        self.assertEqual([step["blocks"] for step in values["chain"][1:]], [1, ENTRIES, ENTRIES])
        self.assertEqual(values["chain"][1]["offset"] % 8, 0)
        self.assertLess(values["chain"][1]["offset"], TABLE)
        self.assertEqual([step["offset"] for step in values["chain"][2:]], [8, None])
        self.assertEqual(values["way_bytes"], ENTRIES * VALUE)
        entries = self.site(retention, "entry_new")
        self.assert_amount(entries, ENTRIES * (ENTRY + VALUE), 2 * ENTRIES, "retained_")
        nodes = self.site(retention, "node_new")
        self.assert_chain(nodes, ("variable", "list"), "node_new")
        self.assertEqual(nodes["chain"][0]["variable_offset"], 8)
        self.assertEqual(nodes["chain"][1]["blocks"], NODES)
        inner = self.site(retention, "inner_new")
        self.assert_chain(inner, ("variable", "inner"), "inner_new")
        self.assert_amount(inner, 6000, 1, "possible_")
        self.assertTrue(inner["interior"])
        self.assertFalse(nodes["interior"])
        self.assertEqual([one for one in retention["sites"] if function_of(one) == "lost_new"], [])

    def test_a_threads_own_memory_names_the_thread(self):
        retention = self.kept()[1]["retention"]
        for function, kinds in (("of_thread_new", ("tls",)), ("of_stack_new", ("stack", "tls"))):
            root = self.site(retention, function)["chain"][0]
            self.assertIn(root["kind"], kinds, function)
            self.assertEqual(root["name"], "keeper", function)
            self.assertGreater(root["tid"], 0)
            self.assertEqual(root["stack_offset"] is not None, root["kind"] == "stack")

    def test_what_grows_comes_first(self):
        retention = self.kept()[1]["retention"]
        growing = [function_of(one) for one in retention["sites"] if one["grows"]]
        self.assertEqual(growing, ["value_new", "entry_new"])
        self.assertEqual([function_of(one) for one in retention["sites"]][:2], growing)
        values = self.site(retention, "value_new")
        self.assertEqual(sum(values["quarters"]), ENTRIES * VALUE)
        self.assertTrue(all(values["quarters"][1:]))
        self.assertEqual(self.site(retention, "node_new")["quarters"][2:], [0, 0])

    def test_text_shows_the_chain_and_the_largest_roots(self):
        trace, _ = self.kept()
        for options in ((), ("--retention",)):
            text = self.text(trace, *options)
            self.assertIn("Kept alive by", text)
            self.assertIn("list+8 (variable of kept) -> [node_new x 3,000]", text)
            self.assertIn("391 KiB in 2,000 blocks, still growing", text)
            self.assertRegex(text, r"426 KiB +4,001 +426 KiB  config_cache \(variable of kept\)")
            self.assertRegex(text, r"would live on without any one of these roots")
        self.assertIn("config_cache (variable of kept) -> table_new -> [entry_new x 2,000] -> "
                      "[value_new x 2,000]", self.text(trace))
        self.assertRegex(" ".join(text.split()),
                         r"-> table_new \(\+\d+\) -> \[entry_new \(\+8\) x 2,000\] -> "
                               r"\[value_new x 2,000\]")
        self.assertNotIn("Kept alive by", self.text(trace, "--leaks"))
        one = self.text(trace, "--retention", "--top=1")
        self.assertIn("value_new", one)
        self.assertNotIn("node_new", one)
        self.assertRegex(one, r"more places")
        self.assertRegex(one, r"more roots")

    def test_a_stripped_program_has_addresses(self):
        if not have("strip"):
            self.skipTest("no strip")
        path = shutil.copy(program("kept"), self.path("bare"))
        subprocess.run(["strip", path], check=True, timeout=300)
        trace, data = self.kept(path)
        roots = [one for one in data["retention"]["roots"]
                 if one["kind"] == "variable" and one["bytes"] == NODES * NODE]
        self.assertEqual(len(roots), 1)
        self.assertIsNone(roots[0]["name"])
        self.assertGreater(roots[0]["offset"], 0)
        self.assertIn(f"data at bare+{roots[0]['offset']:#x}", self.text(trace))

    def test_without_a_scan_it_is_not_known(self):
        run = self.trace([program("kept")], env={"VMTRACE_SCAN": "off"})
        self.assertIsNone(report(run.trace)["retention"])
        self.assertNotIn("Kept alive by", self.text(run.trace))
        self.assertIn("no complete scan", self.text(run.trace, "--retention"))
        run = self.trace([program("kept")], env={"VMTRACE_SAMPLE": "1000"})
        self.assertIsNone(report(run.trace)["retention"])
        self.assertIn("sampled", self.text(run.trace, "--retention"))


if __name__ == "__main__":
    harness.main()
