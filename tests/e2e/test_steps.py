#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signal handlers that interrupt the recorder at chosen instructions (programs/steps.c)."""
import harness
from harness import program, report, sites_of

AFTER = 5  # as in programs/steps.c
MOST_REPORTS = 4
ENDS = {"abort": ("signal", 6), "kill": ("killed", None), "execute": ("exec", None)}


class Steps(harness.Case):
    def step(self, operation, action, every, most, **env):
        """The reports of some of the children, after what they do is checked."""
        run = self.trace([program("steps"), operation, action, str(every), str(most)],
                         env={"VMTRACE_INTERVAL": "100000", **env})
        if run.returncode == harness.SKIPPED:
            self.skipTest("ptrace is not allowed here")
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        self.assertGreater(int(run.stdout), min(most, 3) - 1)
        stride = len(run.traces) // MOST_REPORTS + 1
        found = []
        for trace in (one for first in range(stride) for one in run.traces[first::stride]):
            data = report(trace)
            if data["process"]["forked"] or len(data["process"]["argv"]) == 3:
                found.append(data)  # it is no program that was executed
            if len(found) == MOST_REPORTS:
                break
        return found

    def assert_well(self, operation, action, *steps, **env):
        reports = self.step(operation, action, *steps, **env)
        self.assertGreater(len(reports), 1)
        for data in reports:
            process = data["process"]
            self.assert_healthy(data)
            end = ENDS.get(action, ("exit", None))
            self.assertEqual((process["end"], process["signal"]), end)
            if end[0] == "exit":
                self.assertEqual((process["exit_status"], data["summary"]["scan"]),
                                 (0, "complete"))
            if action in ("allocate", "fork", "jump") and operation != "exit":
                after = sum(site["allocations"] for site in sites_of(data, "after_block"))
                self.assertEqual(after, AFTER)

    def test_actions_in_malloc(self):
        for action in ("fork", "jump", "allocate", "exit", "_exit", "abort", "execute", "kill"):
            with self.subTest(action):
                self.assert_well("malloc", action, 45, 6)

    def test_actions_in_realloc(self):
        for action in ("fork", "jump", "exit", "kill"):
            with self.subTest(action):
                self.assert_well("realloc", action, 130, 5)

    def test_other_ways_of_recording(self):
        for env in ({"VMTRACE_FAULTS": "rusage"}, {"VMTRACE_FAULTS": "off"}):
            for action in ("fork", "jump"):
                with self.subTest(env=env, action=action):
                    self.assert_well("malloc", action, 50, 5, **env)

    def test_actions_in_the_first_event_of_a_forked_child(self):
        for action in ("fork", "jump"):
            with self.subTest(action):
                self.assert_well("first", action, 2500, 3)

    def test_jump_out_of_the_work_of_a_point_in_time(self):
        """What the recorder had open would stay open."""
        self.assert_well("old", "jump", 600, 13)

    def test_actions_while_the_recorder_asks_the_loader(self):
        for action in ("fork", "jump"):
            with self.subTest(action):
                self.assert_well("dlclose", action, 18, 22)

    def test_jump_out_of_a_leak_check(self):
        self.assert_well("check", "jump", 300, 4)

    def test_exit_in_the_midst_of_exit(self):
        self.assert_well("exit", "exit", 2000, 4)


if __name__ == "__main__":
    harness.main()
