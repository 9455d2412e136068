#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Page faults and residency of real programs: every page has an owner, and perf counts the same."""
import collections
import os
import shutil
import socket
import subprocess
import sys
import time

import harness
from harness import report

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "format"))
import decode_trace  # noqa: E402  (needs the path)

PARTS = "live_blocks allocator_free mappings files stacks tracer other".split()


def need(name):
    return shutil.which(name)


def described(data):
    """The rest are numbers only."""
    return [entry for entry in data["faults"] if entry["target"]]


def faults_of_kind(data, kind):
    return sum(entry["kinds"].get(kind, 0) for entry in described(data))


def on_file(data, name, key):
    return sum(entry[key] for entry in described(data)
               if entry["target"]["kind"] == "file" and name in (entry["target"]["name"] or ""))


class RealMemory(harness.Case):
    def assert_owners_known(self, data, least):
        """Of all faults but those that came before recording began, or before there were perf
        events (which each thread has after its first few faults)."""
        faults = {key: value for key, value in data["fault_summary"].items()
                  if isinstance(value, int)}
        self.assertLess(faults["before_recording"], 600)
        self.assertLess(faults["counted_by_event"], 100 * data["process"]["threads"])
        seen = faults["total"] - faults["before_recording"] - faults["counted_by_event"]
        self.assertGreater(faults["owner_known"], least * seen, faults)

    def assert_parts_add_up(self, data):
        rss = data["growth"]["rss_at_end"]
        total = rss["total_bytes"]
        self.assertGreater(total, 1 << 20)
        self.assertLess(abs(sum(rss[part] for part in PARTS) - total), total / 100)

    def assert_owned(self, data):
        self.assertEqual(data["summary"]["impossible"], 0)
        self.assertEqual(data["summary"]["fault_source"], "perf")
        self.assert_owners_known(data, 0.99 if data["summary"]["kernel_faults"] else 0.95)

    # ---- python3 ----

    def test_python(self):
        code = ("import json; data = [json.loads(json.dumps({'key': i, 'text': 'x' * (i % 300)}))"
                " for i in range(60000)]; print(len(data))")
        data = self.trace_report([sys.executable, "-c", code], "--top=0",
                                 env={"PYTHONMALLOC": "malloc"})
        self.assert_owned(data)
        self.assert_parts_add_up(data)
        rss = data["growth"]["rss_at_end"]
        self.assertGreater(data["summary"]["minor_faults"], 2000)
        self.assertGreater(rss["files"], 1 << 20)

    # ---- sqlite3 with a database that is mapped ----

    def sqlite(self, *arguments, **options):
        return self.trace_report(["sqlite3", *arguments], "--top=0", **options)

    def make_database(self):
        path = self.path("many.db")
        rows = ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) "
                "INSERT INTO t SELECT i, randomblob(800) FROM n;")
        subprocess.run(["sqlite3", path, f"CREATE TABLE t(i, b); {rows}"], check=True,
                       env=harness.plain_environment())
        return path

    def test_sqlite_database_cold_and_warm(self):
        if not need("sqlite3"):
            self.skipTest("sqlite3 is not installed")
        path = self.make_database()
        # Here and there, lest the kernel reads ahead.
        query = ("PRAGMA mmap_size=1000000000; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                 "FROM n WHERE i < 400) SELECT sum(length(b)) FROM n JOIN t ON t.rowid = "
                 "(n.i * 7919) % 40000 + 1;")
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        cold = self.sqlite(path, query)
        warm = self.sqlite(path, query)
        for data in cold, warm:
            self.assert_owned(data)
            self.assertGreater(on_file(data, "many.db", "minor") + on_file(data, "many.db", "major"),
                               50)
        self.assertEqual(on_file(warm, "many.db", "major"), 0)
        if cold["summary"]["major_faults"] > 20:  # not on a file system that is memory itself
            self.assertGreater(on_file(cold, "many.db", "major"), 20)
            self.assertEqual(faults_of_kind(cold, "file_disk"), on_file(cold, "many.db", "major"))

    # ---- redis, whose child writes the database while the parent goes on ----

    def redis(self):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = str(one.getsockname()[1])
        server = subprocess.Popen(
            ["redis-server", "--port", port, "--save", "", "--appendonly", "no", "--bind",
             "127.0.0.1", "--dir", self.folder, "--daemonize", "no"],
            env=harness.plain_environment(LD_PRELOAD=harness.LIBRARY,
                                          VMTRACE_OUTPUT=self.path("redis.%p.vmt")),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(server.kill)
        return server, port

    def client(self, port, *arguments):
        return subprocess.run(["redis-cli", "-p", port, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=300).stdout.decode()

    def wait_for(self, port, command, text):
        deadline = time.monotonic() + 60
        while text not in self.client(port, *command):
            self.assertLess(time.monotonic(), deadline, f"{command} never said {text}")
            time.sleep(0.02)

    def test_redis_saves_in_the_background(self):
        if not need("redis-server") or not need("redis-benchmark"):
            self.skipTest("redis is not installed")
        server, port = self.redis()
        self.wait_for(port, ["ping"], "PONG")
        load = ["redis-benchmark", "-p", port, "-q", "-P", "16", "-r", "60000", "-d", "400", "-t", "set"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 120}
        subprocess.run([*load, "-n", "150000"], check=True, **quiet)
        self.client(port, "config", "set", "rdb-key-save-delay", "30")
        self.client(port, "bgsave")
        subprocess.run([*load, "-n", "150000"], check=True, **quiet)
        self.client(port, "config", "set", "rdb-key-save-delay", "0")
        self.wait_for(port, ["info", "persistence"], "rdb_bgsave_in_progress:0")
        self.client(port, "shutdown", "nosave")
        self.assertEqual(server.communicate(timeout=300)[1], b"")
        data = report(self.path(f"redis.{server.pid}.vmt"), "--top=0")
        self.assert_owned(data)
        self.assert_parts_add_up(data)
        # Nearly every page of the data was written to while the child had it, too.
        self.assertGreater(faults_of_kind(data, "copy_on_write"), 2000)
        text = subprocess.run([harness.REPORT, "--faults", self.path(f"redis.{server.pid}.vmt")],
                              stdout=subprocess.PIPE, env=harness.plain_environment(), check=True,
                              timeout=300).stdout.decode()
        self.assertRegex(text, "(?i)copy.on.write")
        children = [path for path in self.find_traces("redis.*") if str(server.pid) not in path]
        self.assertTrue(children)
        for path in children:
            self.assert_shares(report(path, "--top=0"), server.pid)

    def assert_shares(self, data, pid):
        """The child that writes the database: nearly all that it has is its parent's, by name."""
        process, inherited = data["process"], data["process"]["inherited"]
        self.assertTrue(process["forked"])
        self.assertEqual((inherited["state"], inherited["pid"]), ("taken", pid))
        self.assertGreater(inherited["blocks"], 50000)
        self.assertEqual(data["summary"]["impossible"], 0)
        own = data["summary"]["live_bytes_at_end"]
        self.assertGreater(inherited["live_bytes"], 10 * own)
        if data["growth"]["residencies"]:
            resident = sum(site["resident_bytes"] for site in data["sites"]
                           if site.get("inherited"))
            self.assertGreater(resident, inherited["live_bytes"] / 2)

    # ---- an independent count ----

    def test_perf_sees_the_same_pages(self):
        if not need("perf"):
            self.skipTest("perf is not installed")
        output, samples = self.path("perf.vmt"), self.path("perf.data")
        script = "import zlib; kept = [zlib.compress(bytes(50000 + i)) + bytes(9000) for i in range(900)]"
        command = ["perf", "record", "-q", "-e", "page-faults", "-c", "1", "-d", "-m", "8192", "-o",
                   samples, "--",
                   "env", f"LD_PRELOAD={harness.LIBRARY}", f"VMTRACE_OUTPUT={output}",
                   sys.executable, "-c", script]
        done = subprocess.run(command, env=harness.plain_environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300)
        if done.returncode != 0:
            self.skipTest(f"perf record is not permitted: {done.stdout[:200]!r}")
        listed = subprocess.run(["perf", "script", "-i", samples, "-F", "pid,comm,addr",
                                 "--show-lost-events"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=True, timeout=300).stdout.decode()
        if "PERF_RECORD_LOST" in listed:
            self.skipTest("perf itself lost samples")
        theirs = collections.Counter(int(line.split()[-1], 16) >> 12
                                     for line in listed.splitlines() if line.strip())
        header, streams = decode_trace.read(output)
        self.assertEqual(header["fault_source"], 1)
        ours = collections.Counter(detail[0] >> 12 for stream in streams.values()
                                   for _, name, fields in stream.records() if name == "FAULTS"
                                   for detail in fields[2])
        self.assertGreater(sum(ours.values()), 1000)
        # perf leaves out the faults of its own few first instructions only; we, those before the start.
        self.assertLess(sum((ours - theirs).values()), sum(ours.values()) / 100)
        data = report(output)
        missing = sum((theirs - ours).values())
        self.assertLess(missing, data["fault_summary"]["before_recording"] * 2 + 200)


if __name__ == "__main__":
    harness.main()
