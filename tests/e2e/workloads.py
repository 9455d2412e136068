# SPDX-License-Identifier: Apache-2.0
"""Deterministic jobs for real programs: real_programs.py runs them.

Each function takes a folder to work in and whether to use real sizes, and returns a Workload,
or None when the program is not there.
"""
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Callable, Optional

import harness


@dataclass
class Workload:
    name: str
    argv: list
    stdin: bytes = b""
    environment: dict = field(default_factory=dict)
    cwd: Optional[str] = None
    output_file: Optional[str] = None
    prepare: Optional[Callable] = None


SQL = """
create table t(id integer primary key, name text, value integer);
with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
  insert into t select i, 'name ' || (i * 7919 % 100003), i * 104729 % 1000003 from n;
create index by_name on t(name);
select count(*), sum(value), min(name), max(name) from t;
select name, count(*) c, sum(value) from t group by name order by c desc, name limit 5;
select count(*) from t a join t b on a.value = b.id where a.id < {few};
update t set value = value + 1 where id % 3 = 0;
delete from t where id % 5 = 0;
select count(*), sum(value) from t;
"""


def sqlite3(folder, full):
    if not harness.have("sqlite3"):
        return None
    rows = 1000000 if full else 20000
    return Workload(f"sqlite3, {rows:,} rows in memory", ["sqlite3", "-batch", ":memory:"],
                    SQL.format(rows=rows, few=rows // 10).encode())


JSON_JOB = """
import json
rows = [{{"id": i, "name": "name %d" % i, "tags": ["a%d" % (i % 7), "b"], "value": i / 3}}
        for i in range({rows})]
text = json.dumps(rows, indent=1)
back = json.loads(text)
print(len(text), sum(len(one["tags"]) for one in back), back[-1])
"""


def python3(folder, full):
    if not os.access("/usr/bin/python3", os.X_OK):
        return None
    return Workload("python3, JSON", ["/usr/bin/python3", "-S", "-c",
                                      JSON_JOB.format(rows=100000 if full else 3000)],
                    environment={"PYTHONMALLOC": "malloc"})


def perl(folder, full):
    if not harness.have("perl"):
        return None
    script = """my %h;
for my $i (1..COUNT) {
    push @{$h{'k' . ($i * 7919 % 10007)}}, join(',', map { $_ * $i } 1..5);
}
my $n = 0;
for my $k (sort keys %h) { $n += length($_) for @{$h{$k}}; }
print scalar(keys %h), ' ', $n, "\\n";
"""
    count = "300000" if full else "10000"
    return Workload("perl", ["perl", "-e", script.replace("COUNT", count)])


TEMPLATES = """
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <variant>
#include <vector>
template <int N> struct chain {{ std::tuple<chain<N - 1>, std::vector<chain<N - 1>>> inner; }};
template <> struct chain<0> {{ int leaf; }};
template <int... I> struct list {{ static constexpr int sum = (I + ... + 0); }};
template <int N, int... I> struct count : count<N - 1, N, I...> {{}};
template <int... I> struct count<0, I...> : list<I...> {{}};
"""


def cc1plus(folder, full):
    if not harness.have("g++"):
        return None
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE,
                              check=True).stdout.decode().strip()
    if not os.path.isabs(compiler):
        return None
    multiarch = subprocess.run(["g++", "-print-multiarch"], stdout=subprocess.PIPE,
                               check=True).stdout.decode().strip()
    source, output = os.path.join(folder, "heavy.cc"), os.path.join(folder, "heavy.s")
    count = 150 if full else 8
    with open(source, "w", encoding="ascii") as out:
        out.write(TEMPLATES.format())
        for i in range(count):
            out.write(f"int f{i}(std::map<std::string, std::variant<int, chain<{i % 20}>>> &m)\n"
                      f"{{ std::function<int(int)> g = [&](int x) {{ return x + "
                      f"count<{50 + i}>::sum + (int)m.size(); }}; return g({i}); }}\n")
    return Workload("cc1plus, templates",
                    [compiler, "-quiet", *(["-imultiarch", multiarch] if multiarch else []),
                     "-D_GNU_SOURCE", "-O1", "-std=c++17", "-frandom-seed=0", source, "-o",
                     output], output_file=output)


def make_repository(folder, commits):
    """A history of `commits` commits, made by git fast-import."""
    repository = os.path.join(folder, "repository")
    script = []
    for i in range(1, commits + 1):
        body = "".join(f"line {i * 31 % 997} of {j}\n" for j in range(60))
        message = f"Change number {i}\n\nBecause of {i * 17 % 101}.\n"
        script.append(f"commit refs/heads/main\nmark :{i}\n"
                      f"committer A U Thor <author@example.com> {1600000000 + i * 60} +0000\n"
                      f"data {len(message)}\n{message}"
                      + (f"from :{i - 1}\n" if i > 1 else "")
                      + f"M 644 inline dir{i % 13}/file{i % 37}.txt\ndata {len(body)}\n{body}\n")
    environment = harness.plain_environment(HOME=folder, GIT_CONFIG_NOSYSTEM="1")
    subprocess.run(["git", "init", "-q", "-b", "main", repository], check=True, env=environment)
    subprocess.run(["git", "-C", repository, "fast-import", "--quiet"], check=True,
                   input="".join(script).encode(), env=environment)
    return repository


GIT_ENVIRONMENT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0"}


def git_log(folder, full):
    if not harness.have("git"):
        return None
    make_repository(folder, 5000 if full else 400)
    return Workload("git log --stat", ["git", "log", "--stat", "--format=%H %s"],
                    environment=GIT_ENVIRONMENT, cwd=os.path.join(folder, "repository"))


def git_repack(folder, full):
    if not harness.have("git"):
        return None
    original, copy = os.path.join(folder, "repository"), os.path.join(folder, "repacked.git")

    def fresh_copy():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(os.path.join(original, ".git"), copy)
        # No process that outlives git repack.
        with open(os.path.join(copy, "config"), "a", encoding="ascii") as out:
            out.write("[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n")

    # One thread: with more, chance decides which of them finds which delta.
    return Workload("git repack, with children",
                    ["git", "-c", "pack.threads=1", "repack", "-a", "-d", "-f", "-q"],
                    environment=GIT_ENVIRONMENT, cwd=folder + "/repacked.git", prepare=fresh_copy)


def exchange(folder, full):
    return Workload("64 threads exchanging blocks",
                    [harness.sample("exchange"), "20000" if full else "1000"])


ALL = [sqlite3, python3, perl, cc1plus, git_log, git_repack, exchange]
