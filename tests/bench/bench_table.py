# SPDX-License-Identifier: Apache-2.0
"""The rows of the table, in Markdown."""
import statistics

from bench_measure import Failed, median_ratio

HEADER = ["workload", "recorder", "wall-clock time", "CPU time", "trace", "memory added",
          "analysis"]

NOTES = """
Times are medians (range) of {rounds} interleaved runs ({peer_rounds} at most of other tools, 2 of
workloads that take long); × is the median of the rounds' ratios to the untraced run of the same
round. Nanoseconds are what the program measured itself for one unit of its work: the wall-clock
time of its slowest thread, the CPU time of all its threads. Seconds are those of the whole
command: heaptrack's shell script and interpreter are in them. An event is an allocation or a
release. Memory added is of the process itself, as it was when it exited: its peak, and of vmtrace
also what is resident then without pages of the trace. The analysis is the tool's default report
(heaptrack -r: heaptrack_interpret). Traces were written to {folder}. {system}, {cores} processors,
load average {before:.1f} at the start and {after:.1f} in the end.
"""


def line(cells):
    return "| " + " | ".join(cells) + " |"


def heading():
    return line(HEADER) + "\n|" + " --- |" * len(HEADER)


# Upper limit of what is shown so, divisor, unit.
SIZES = [(1e3, 1, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB"), (float("inf"), 1e9, "GB")]
NANOSECONDS = [(1e4, 1, "ns"), (1e7, 1e3, "µs"), (float("inf"), 1e6, "ms")]
SECONDS = [(float("inf"), 1, "s")]


def amount(value, units, *others):
    """Three digits, which is what the figures are good for; the others have the first's unit."""
    divisor, unit = next((divisor, unit) for limit, divisor, unit in units if abs(value) < limit)
    digits = 0 if abs(value) >= 100 * divisor or unit == "B" else 2 if unit == "s" else 1
    shown = [f"{one / divisor:.{digits}f}" for one in (value, *others)]
    return f"{shown[0]} {unit}" + (f" ({'–'.join(shown[1:])})" if others else "")


def size(count):
    return amount(count, SIZES)


def seconds(value):
    return amount(value, SECONDS)


def times(cost, base, figure, units):
    values = [getattr(run, figure) for run in cost.rounds.values()]
    if not values:
        return ""
    spread = (min(values), max(values)) if figure == "wall" and len(values) > 1 else ()
    text = amount(statistics.median(values), units, *spread)
    ratio = median_ratio(cost, base, figure) if cost is not base else None
    return f"{text} = {ratio:.2f}×" if ratio is not None else text


def trace_cell(cost, events, full):
    if not cost.trace_bytes:
        return ""
    text = size(cost.trace_bytes)
    if cost.trace_count > 1:
        text += f" in {cost.trace_count:,} files"
    if events and full:
        text += f", {cost.trace_bytes / events:.3g} B/event"
    if cost.compact:
        text += (f"; compact {size(cost.compact[0])}, {cost.compact[0] / events:.3g} B/event"
                 f" in {seconds(cost.compact[1])}")
    return text


def memory_cell(cost, base):
    if cost is base or not cost.memory or not base.memory:
        return ""
    text = f"peak {size(cost.memory.peak - base.memory.peak)}"
    if cost.memory.mapped:
        own = cost.memory.resident - cost.memory.mapped - base.memory.resident
        text += f", without the trace {size(own)}"
    return text + (f" for {cost.nodes:,} stack nodes" if cost.nodes else "")


def analysis_cell(cost):
    if cost.analysis is None:
        return ""
    if isinstance(cost.analysis, Failed):
        return str(cost.analysis)
    return f"{seconds(cost.analysis[0])}, {size(cost.analysis[1])}"


def group(name, job, recorders, costs):
    """The rows of one workload."""
    base = costs["untraced"]
    events = max(cost.events for cost in costs.values())
    units = SECONDS if job.unit == "s" else NANOSECONDS
    for recorder in recorders:
        cost = costs[recorder.name]
        first = name + (f" ({events:,} events)" if events else "") if cost is base else ""
        if cost.problem:
            yield line([first, recorder.name, cost.problem, "", "", "", ""])
            continue
        yield line([first, recorder.name, times(cost, base, "wall", units),
                    times(cost, base, "cpu", units),
                    trace_cell(cost, events, recorder.full), memory_cell(cost, base),
                    analysis_cell(cost)])


def unavailable(name, why):
    return line([name, "", str(why), "", "", "", ""])
