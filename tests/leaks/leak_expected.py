# SPDX-License-Identifier: Apache-2.0
"""What each case must show: memcheck's verdicts (stored in expected.txt), and where ours differ.

A line of the file is a block of cases' verdicts: LANGUAGE/CASE[@LEVEL] PROCESS CLASS SITE BYTES
BLOCKS; a case that shows nothing has a line with PROCESS only.  @LEVEL only where levels differ.
"""
import collections
import os

import leak_matrix

Difference = collections.namedtuple("Difference", "case site theirs ours our_site why")

DEAD_THREAD = ("libc keeps a dead thread's stack for the next one: memcheck takes what is left in "
               "the thread-local storage there for pointers")
NEVER_WRITTEN = "memcheck knows that the new block never wrote this word, memory does not tell"
FORGOTTEN = "valgrind forgets the symbols of a library that was closed"
# All of the site's blocks that memcheck has in a class; our_site: None is the same.
EXCEPTIONS = [
    Difference("dead_thread_tls", "end_with_tls", "reachable", "definite", None, DEAD_THREAD),
    Difference("stale_pointer_in_reused_block", "take_child", "definite", "reachable", None,
               NEVER_WRITTEN),
    Difference("mapping_made_read_only", "mapping_made_read_only", "definite", "reachable", None,
               "memcheck looks at writable memory only; the program can read the pointer"),
    Difference("register_of_vectors", "take_inverted", "definite", "reachable", None,
               "memcheck looks at general registers only"),
    Difference("plugin_closed", "call_plugin", "definite", "definite", "plugin_keep", FORGOTTEN),
    Difference("plugin_closed", "call_plugin", "reachable", "reachable", "plugin_keep_in_tls",
               FORGOTTEN),
]

# How large it is at the end is chance, or depends on paths.
ANY_SIZE = [("realloc_in_motion", "move_table"), ("stack_trace", "stack_trace")]

# valgrind makes a process of a vfork; it is one thread of the same memory.
ONE_PROCESS = ["vfork_child"]

# What these allocate depends on the version of libc.
LIBC_SOURCES = ("leaks_libc.c",)


def key_of(case, level=None):
    return f"{case.language}/{case.name}" + (f"@{level}" if level else "")


def comparable(case, verdicts):
    """Without what is not compared: what chance or libraries decide, and what a forked process
    inherited, which vmtrace counts in the parent only."""
    if case.name in ONE_PROCESS:
        verdicts = verdicts[:1]
    inherited = {site for _, site in verdicts[0]}
    result = []
    for number, verdict in enumerate(verdicts):
        own = verdict.own()
        for key in list(own):
            if (case.name, key[1]) in ANY_SIZE or number and key[1] in inherited:
                del own[key]
        result.append(own)
    return result


def as_ours(case, verdicts):
    """memcheck's verdicts as vmtrace's must be."""
    used = [one for one in EXCEPTIONS if one.case == case.name]
    result = []
    for verdict in verdicts:
        changed = leak_matrix.Verdict()
        for (kind, site), (size, blocks) in verdict.items():
            for one in used:
                if (one.site, one.theirs) == (site, kind):
                    kind, site = one.ours, one.our_site or site
                    break
            changed.count(kind, site, size, blocks)
        result.append(changed)
    return result


def stale_exceptions(case, verdicts):
    """Exceptions of this case that change nothing."""
    present = {(site, kind) for verdict in verdicts for kind, site in verdict}
    return [one for one in EXCEPTIONS
            if one.case == case.name and (one.site, one.theirs) not in present]


def applies(case, expected):
    """Whether what is stored is true of this machine."""
    return expected.facts["machine"] == os.uname().machine and (
        case.source not in LIBC_SOURCES or expected.facts["libc"] == libc_version())


def libc_version():
    return os.confstr("CS_GNU_LIBC_VERSION")


def lines_of(key, verdicts):
    found = []
    for number, verdict in enumerate(verdicts):
        found += [f"{key} {number} {line}" for line in verdict.lines()] or [f"{key} {number}"]
    return found


class Expected:
    """The stored verdicts."""

    def __init__(self):
        self.verdicts = {}
        self.facts = {}
        with open(leak_matrix.EXPECTED, encoding="utf-8") as source:
            for line in source:
                self.read_line(line.split())

    def read_line(self, words):
        if not words or words[0] == "#":
            return
        if words[0] in ("libc", "machine"):
            self.facts[words[0]] = " ".join(words[1:])
            return
        key, number, *entry = words
        processes = self.verdicts.setdefault(key, [])
        while len(processes) <= int(number):
            processes.append(leak_matrix.Verdict())
        if entry:
            kind, site, size, blocks = entry
            processes[int(number)].count(kind, site, int(size), int(blocks))

    def of(self, case):
        """None where there is none."""
        found = self.verdicts.get(key_of(case, case.level))
        return found if found is not None else self.verdicts.get(key_of(case))


def save(results):
    """`results`: {Case: [Verdict, ...]} of memcheck's; other cases' stay as they are."""
    stored = Expected().verdicts if os.path.exists(leak_matrix.EXPECTED) else {}
    by_name = collections.defaultdict(dict)
    for case, verdicts in results.items():
        by_name[case.language, case.name][case] = comparable(case, verdicts)
    for levels in by_name.values():
        cases = list(levels)
        for key in [key_of(cases[0])] + [key_of(case, case.level) for case in cases]:
            stored.pop(key, None)
        if all(verdicts == levels[cases[0]] for verdicts in levels.values()):
            stored[key_of(cases[0])] = levels[cases[0]]
        else:
            stored.update((key_of(case, case.level), levels[case]) for case in cases)
    with open(leak_matrix.EXPECTED, "w", encoding="utf-8") as target:
        target.write("# What memcheck says of each case; made by run_leaks.py --update.\n"
                     f"libc {libc_version()}\nmachine {os.uname().machine}\n")
        for key, verdicts in sorted(stored.items()):
            target.write("\n".join(lines_of(key, verdicts)) + "\n")
