# SPDX-License-Identifier: Apache-2.0
"""The workloads that are real programs; their inputs are made here, the same each time."""
import os
import random
import subprocess
import time

from bench_job import Job, Unavailable, Workload, need
from bench_workloads import EVENT_BYTES, scaled

SQL = """
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, value REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
INSERT INTO t SELECT i, 'name ' || i %% 1000, i * 0.5 FROM n;
CREATE INDEX by_name ON t(name);
SELECT name, count(*), sum(value) FROM t GROUP BY name ORDER BY 3 DESC LIMIT 3;
SELECT sum(length(upper(name) || replace(name, 'a', 'bc'))) FROM t;
SELECT count(DISTINCT lower(name) || (id %% 77)) FROM t;
SELECT count(*), sum(a.value) FROM t a JOIN t b ON a.id = b.id * 3 WHERE b.value > 10;
UPDATE t SET value = value + 1 WHERE id %% 3 = 0;
DELETE FROM t WHERE id %% 5 = 0;
"""

JSON_PROGRAM = """
import json
rows = [{"id": i, "name": "name %%d" %% i, "tags": ["a%%d" %% (i %% 7), "b"], "value": i / 3}
        for i in range(%d)]
text = json.dumps(rows, indent=1)
back = json.loads(text)
print(len(text), sum(len(one["tags"]) for one in back), back[-1])
"""

# An everyday translation unit: many headers, some code.
CXX_HEADERS = ["algorithm", "functional", "iostream", "map", "memory", "regex", "sstream", "string",
               "unordered_map", "vector"]
CXX_CODE = """
struct record%(n)d {
    std::string name;
    std::map<std::string, std::vector<double>> values;
};
std::vector<record%(n)d> read_records%(n)d(std::istream &in)
{
    std::vector<record%(n)d> records;
    for (std::string line; std::getline(in, line);) {
        size_t equals = line.find('=');
        if (equals != std::string::npos)
            records.push_back({line.substr(0, equals),
                               {{line, {std::stod(line.substr(equals + 1))}}}});
    }
    return records;
}
std::unordered_map<std::string, std::function<double(const record%(n)d &)>> queries%(n)d()
{
    return {{"size", [](const record%(n)d &one) { return double(one.values.size()); }},
            {"sum", [](const record%(n)d &one) {
                 double sum = 0;
                 for (auto &[key, list] : one.values)
                     for (double value : list)
                         sum += value;
                 return sum;
             }}};
}
void print%(n)d()
{
    auto records = read_records%(n)d(std::cin);
    std::sort(records.begin(), records.end(),
              [](const record%(n)d &a, const record%(n)d &b) { return a.name < b.name; });
    auto shared = std::make_shared<std::vector<record%(n)d>>(std::move(records));
    for (auto &[name, query] : queries%(n)d()) {
        std::ostringstream text;
        for (auto &one : *shared)
            text << name << ' ' << one.name << ' ' << query(one) << std::endl;
        std::cout << text.str();
    }
}
"""


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def git_commits(count):
    """`count` commits for git fast-import, which change a few lines of 1 to 3 files each."""
    chance, files = random.Random(1), {}
    for i in range(count):
        yield (f"commit refs/heads/main\ncommitter A <a> {1600000000 + i} +0000\n"
               f"data 9\nchange {i % 100:02}\n")
        for _ in range(1 + i % 3):
            number = chance.randrange(400)
            lines = files.setdefault(number, [f"line {n} of {number}: {n * n}\n"
                                              for n in range(600)])
            for _ in range(3):
                lines[chance.randrange(len(lines))] = f"changed to {chance.randrange(1000)}\n"
            lines.insert(chance.randrange(len(lines)), f"new in {i}\n")
            text = "".join(lines)
            yield (f"M 100644 inline dir{number % 7}/sub{number % 31}/file{number}.c\n"
                   f"data {len(text)}\n{text}\n")


def git_log(folder, scale):
    git, = need("git")
    repository = os.path.join(folder, "repository")
    plain = dict(os.environ, GIT_CONFIG_NOSYSTEM="1", HOME=folder)
    subprocess.run([git, "init", "-q", repository], check=True, env=plain)
    importer = subprocess.Popen([git, "-C", repository, "fast-import", "--quiet"], env=plain,
                                stdin=subprocess.PIPE, text=True, encoding="ascii")
    importer.stdin.writelines(git_commits(scaled(6300, scale, 10)))
    importer.stdin.close()
    if importer.wait() != 0:
        raise Unavailable("git fast-import fails")
    return Job([git, "-C", repository, "--no-pager", "log", "--stat", "--no-color", "main"],
               environment={"GIT_CONFIG_NOSYSTEM": "1", "HOME": folder},
               disk=scaled(2000000, scale) * EVENT_BYTES)


def sqlite(folder, scale):
    program, = need("sqlite3")
    return Job([program, "-batch", ":memory:"], disk=scaled(17000000, scale) * EVENT_BYTES,
               input=write(folder, "input.sql", SQL % scaled(1060000, scale, 100)))


def cc1plus(folder, scale):
    """Below scale 1 it is some of the headers alone."""
    compiler, = need("g++")
    program, = need(subprocess.run([compiler, "-print-prog-name=cc1plus"], check=True,
                                   stdout=subprocess.PIPE, text=True).stdout.strip())
    headers = CXX_HEADERS[:scaled(len(CXX_HEADERS), scale)]
    code = "".join(f"#include <{name}>\n" for name in headers)
    code += "".join(CXX_CODE % {"n": n} for n in range(int(scale)))
    source = write(folder, "unit.cc", code)
    preprocessed = os.path.join(folder, "unit.ii")
    subprocess.run([compiler, "-std=c++17", "-E", source, "-o", preprocessed], check=True)
    return Job([program, "-quiet", "-fpreprocessed", "-std=c++17", "-O2", "-g", "-frandom-seed=0",
                preprocessed, "-o", "-"], cwd=folder,
               disk=scaled(2500000, scale) * EVENT_BYTES)


def python_json(allocator, folder, scale):
    if not os.access("/usr/bin/python3", os.X_OK):
        raise Unavailable("/usr/bin/python3 is not installed")
    program = write(folder, "program.py", JSON_PROGRAM % scaled(87000, scale, 10))
    return Job(["/usr/bin/python3", "-S", program],
               environment={"PYTHONHASHSEED": "0", **allocator},
               disk=scaled(10000000, scale) * EVENT_BYTES)


def xmllint(folder, scale):
    program, = need("xmllint")
    path = os.path.join(folder, "input.xml")
    with open(path, "w", encoding="ascii") as file:
        file.write("<?xml version='1.0'?>\n<items>\n")
        for i in range(scaled(720000, scale, 10)):
            file.write(f"<item id='{i}' class='c{i % 7}'><name>number {i}</name>"
                       f"<text>Some text with &amp; and more of it, {i * i}</text></item>\n")
        file.write("</items>\n")
    return Job([program, "--noout", path], disk=scaled(19000000, scale) * EVENT_BYTES,
               memory=scaled(1 << 30, scale))


def drive_redis(requests, process, folder):
    """Seconds that redis-benchmark takes; then the server is told to end."""
    client = ["redis-cli", "-s", os.path.join(folder, "socket")]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
             "stderr": subprocess.DEVNULL}
    until = time.monotonic() + 60
    while subprocess.run([*client, "ping"], check=False, **quiet).returncode != 0:
        if time.monotonic() > until or os.waitid(os.P_PID, process.pid,
                                                 os.WEXITED | os.WNOHANG | os.WNOWAIT):
            process.kill()
            return 0
        time.sleep(0.02)
    began = time.monotonic()
    subprocess.run(["redis-benchmark", "-s", client[2], "-q", "-P", "16", "-n", str(requests), "-r",
                    "100000", "-t", "set,get,lpush,lpop,sadd,hset"], check=False, **quiet)
    seconds = time.monotonic() - began
    subprocess.run([*client, "shutdown", "nosave"], check=False, **quiet)
    return seconds


def redis(_folder, scale):
    server, *_ = need("redis-server", "redis-benchmark", "redis-cli")
    requests = scaled(160000, scale, 1000)
    return Job([server, "--port", "0", "--unixsocket", "socket", "--save", "", "--appendonly",
                "no"],
               client=lambda process, folder: drive_redis(requests, process, folder),
               disk=scaled(10000000, scale) * EVENT_BYTES)


def workloads():
    yield Workload("git log --stat", git_log)
    yield Workload("sqlite3, in memory", sqlite)
    yield Workload("cc1plus -O2 -g", cc1plus)
    yield Workload("python3, JSON, PYTHONMALLOC=malloc",
                   lambda *of: python_json({"PYTHONMALLOC": "malloc"}, *of))
    yield Workload("python3, JSON, its own allocator", lambda *of: python_json({}, *of))
    yield Workload("xmllint, DOM of a large document", xmllint)
    yield Workload("redis-server, pipelines of 16", redis)
