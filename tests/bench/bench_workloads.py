# SPDX-License-Identifier: Apache-2.0
"""The workloads that are programs of ours; each prints its own times."""
import functools
import os

from bench_job import Job, Workload

EVENT_BYTES = 8  # of a raw trace, more than any workload takes


def scaled(count, scale, least=1):
    return max(least, int(count * scale))


def pairs(programs, depth, threads, _folder, scale):
    count = scaled(2000000 if threads <= 2 else 4000000 // threads, scale, 1000)
    return Job([os.path.join(programs, "bench_pairs"), str(depth), str(threads), str(count)], "ns",
               disk=2 * count * max(1, threads) * EVENT_BYTES)


def handover(programs, threads, _folder, scale):
    count = scaled(2000000 // threads, scale, 1000)
    return Job([os.path.join(programs, "bench_handover"), str(threads), str(count)], "ns",
               disk=2 * count * threads * EVENT_BYTES)


def recursion(programs, mode, levels, _folder, scale):
    # Half the size is one level less.
    while scale < 0.75 and levels > 6:
        scale, levels = scale * 2, levels - 1
    command = [os.path.join(programs, "bench_recursion"), mode, str(levels)]
    return Job(command, "ns", unwind_command=[*command, "unwind"], disk=100 << levels)


def exceptions(programs, _folder, scale):
    count = scaled(100000, scale, 100)
    return Job([os.path.join(programs, "bench_exceptions"), str(count)], "ns",
               disk=count * 60 * EVENT_BYTES)


def big_heap(programs, _folder, scale):
    blocks = scaled(3000000, scale, 1000)
    return Job([os.path.join(programs, "bench_big_heap"), str(blocks)],
               disk=3 * blocks * EVENT_BYTES, memory=blocks * 1100)


def spawn(programs, _folder, scale):
    count = scaled(10000, scale, 10)
    return Job([os.path.join(programs, "bench_spawn"), str(count), "/bin/true"], "ns",
               in_children=True, disk=count << 17)


def workloads(programs):
    """`programs` is the folder that they are in."""
    def make(function, *arguments):
        return functools.partial(function, programs, *arguments)

    for depth in 5, 20, 60, 200:
        yield Workload(f"malloc+free pair, {depth} frames, only the main thread",
                       make(pairs, depth, 0))
    for threads in 1, 2, 4, 16:
        yield Workload(f"malloc+free pair, 20 frames, {threads} thread{'s' * (threads > 1)}",
                       make(pairs, 20, threads))
    for threads in 2, 4:
        yield Workload(f"blocks that move between {threads} threads", make(handover, threads))
    yield Workload("recursion, new inner frames each time", make(recursion, "tree", 20))
    yield Workload("recursion, all frames new each time", make(recursion, "paths", 17))
    yield Workload("C++ exceptions over 10 to 20 frames", make(exceptions))
    yield Workload("big heap (3 GB at scale 1)", make(big_heap), most_rounds=2)
    yield Workload("posix_spawn of /bin/true", make(spawn), most_rounds=2)
