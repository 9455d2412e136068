#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real programs: nothing is called definitely lost that memcheck does not call so, too."""
import os
import unittest

import leak_programs
from leak_matrix import harness

# Programs that lose blocks: as much as memcheck says where it is installed.
LEAKY = {
    "perl": "the interpreter leaves its own structures to the end of the process",
    "sort": "a list of keys that main had in a variable",
    "tail": "the table of files that main had in a variable",
    "tar": "the names of files that it packed",
}
# cc1 and node need half a minute and more under memcheck, and have nothing definite.


class Programs(harness.Case):
    def check_report(self, name, data):
        exe = os.path.basename(data["process"]["exe"])
        if data["process"]["end"] != "exec":
            self.assertEqual(data["summary"]["scan"], "complete", (name, exe))
        if exe not in LEAKY:
            self.assertEqual(leak_programs.lost(data), [], (name, exe))

    def run_job(self, name):
        command = leak_programs.JOBS[name][0]
        if not harness.have(command):
            self.skipTest(f"{command} is not installed")
        data = leak_programs.run_job(name, self.folder)
        self.assertGreater(len(data), 0)
        for one in data:
            self.check_report(name, one)
        if name in LEAKY and harness.have("valgrind"):
            ours = leak_programs.lost_totals(data[0])
            self.assertEqual(ours, leak_programs.run_memcheck(name, self.folder))

    def test_redis_server(self):
        if not harness.have("redis-server") or not harness.have("redis-cli"):
            self.skipTest("redis-server is not installed")
        data = leak_programs.run_redis(self.folder)
        self.assertEqual(len(data), 1)
        self.check_report("redis-server", data[0])


def add_test(name):
    def test(self):
        self.run_job(name)
    setattr(Programs, "test_" + name.replace(" ", "_"), test)


for job in leak_programs.JOBS:
    add_test(job)

if __name__ == "__main__":
    harness.main()
