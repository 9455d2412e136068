/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "query/report_build.h"

#define REPORT_SNAPSHOT_AGE_NS UINT64_C(100000000) /* that need no word */

__attribute__((format(printf, 2, 3))) static bool report_note(struct report_build *build,
                                                              const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    return string_list_add(&build->notes, arena_string(build->arena, line, strlen(line)));
}

static const char *report_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* Whether the record of the end that the header tells of is not there: nothing else shows that a
 * file lost the chunks behind its last one. */
static bool report_lacks_end(const struct report_build *build)
{
    const struct process_facts *facts = &build->model->facts;
    const struct vmt_file_header *header = &build->model->header;
    if (header->lost_events)
        return false; /* recording had stopped before */
    for (size_t i = 0; i < LOSS_REASONS; i++)
        if (facts->losses[i].records)
            return false;
    return (header->end_state == VMT_END_EXIT && !facts->ended) ||
           (header->end_state == VMT_END_SIGNAL && !facts->ended && !facts->crash_signal) ||
           (header->end_state == VMT_END_EXEC && !facts->ended && !facts->replaced);
}

static bool report_note_damage(struct report_build *build)
{
    const struct trace_damage *damage = &build->model->damage;
    unsigned long long broken = damage->bad_chunks + damage->bad_records;
    if (broken && !report_note(build,
                               "the trace is damaged: %llu of its parts cannot be read (first "
                               "at byte %llu); what they held is missing here",
                               broken, (unsigned long long)damage->first_bad_offset))
        return false;
    if (damage->missing_chunks &&
        !report_note(build, "the trace is incomplete: %llu chunk%s missing in the middle",
                     (unsigned long long)damage->missing_chunks,
                     damage->missing_chunks == 1 ? " is" : "s are"))
        return false;
    if (damage->duplicate_chunks &&
        !report_note(build, "the trace holds %llu chunk%s twice; the first of each was read",
                     (unsigned long long)damage->duplicate_chunks,
                     report_plural(damage->duplicate_chunks)))
        return false;
    if (!damage->cut_off && !report_lacks_end(build))
        return true;
    return report_note(build, "the trace is cut off: its end is missing");
}

/* Why a trace without allocations is none without leaks. */
static bool report_note_nothing(struct report_build *build)
{
    const struct trace_model *model = build->model;
    if (model->heap.allocations > 0)
        return true;
    const char *none = "no allocations were recorded: ";
    if (model->heap.paused)
        return report_note(build, "%srecording was paused to the end", none);
    if (build->report->end == REPORT_END_EXEC)
        return report_note(build, "%sthe process replaced itself by %s, which %s", none,
                           model->facts.exec_path ? model->facts.exec_path : "a program",
                           build->report->successor ? "cannot be traced"
                                                    : "has a trace of its own");
    if (model->header.lost_events)
        return report_note(build, "%sall of them were lost", none);
    const char *other = process_facts_get(&model->facts, "preempted_by");
    if (other)
        return report_note(build,
                           "%sthe malloc of %s comes before the recorder's; put libvmtrace.so "
                           "first in LD_PRELOAD, or, if it is the program's own, build it "
                           "without that",
                           none, other);
    if (model->heap.sample_interval)
        return report_note(build,
                           "%snone was sampled; with 95 %% confidence there were less than %llu "
                           "bytes (VMTRACE_SAMPLE=0 records all)",
                           none, (unsigned long long)build->report->allocated_margin.bytes);
    if (model->maps.map_calls)
        return report_note(build,
                           "%sthe program took its memory by mmap directly, by an "
                           "allocator of its own",
                           none);
    if (model->header.flags & VMT_FLAG_FORKED)
        return report_note(build, "%sthis forked child made none before it ended", none);
    return report_note(build,
                       "%sa program that is statically linked, runs set-user-ID, or has "
                       "an allocator of its own cannot be seen; neither can one that "
                       "ended before it allocated",
                       none);
}

static bool report_note_sampling(struct report_build *build)
{
    uint64_t interval = build->model->heap.sample_interval;
    return interval == 0 ||
           report_note(build,
                       "sampled: one allocation in about %llu bytes was recorded; figures of the "
                       "heap are estimates, errors their 95 %% intervals; wrong frees are not "
                       "looked for",
                       (unsigned long long)interval);
}

static bool report_note_bounds(struct report_build *build)
{
    const struct trace_model *model = build->model;
    const struct timeline *timeline = &model->timeline;
    if (model->errors.dropped && !report_note(build, "%llu further memory errors are not listed",
                                              (unsigned long long)model->errors.dropped))
        return false;
    if (timeline->dropped_phases && !report_note(build, "%llu further phases are not listed",
                                                 (unsigned long long)timeline->dropped_phases))
        return false;
    if (timeline->dropped_snapshots &&
        !report_note(build, "%llu further snapshots are not listed",
                     (unsigned long long)timeline->dropped_snapshots))
        return false;
    if (model->modules.dropped &&
        !report_note(build, "%llu modules could not be taken in; their functions have no names",
                     (unsigned long long)model->modules.dropped))
        return false;
    return model->pools.unknown == 0 ||
           report_note(build, "%llu release%s of pool blocks that were never announced",
                       (unsigned long long)model->pools.unknown,
                       report_plural(model->pools.unknown));
}

static bool report_note_faults(struct report_build *build)
{
    const struct trace_model *model = build->model;
    const char *reason = process_facts_get(&model->facts, "faults_reason");
    bool mixed = model->header.fault_source == VMT_FAULTS_PERF &&
                 model->facts.fault_sources[VMT_FAULTS_RUSAGE];
    if (model->header.fault_source == VMT_FAULTS_RUSAGE &&
        !(model->header.flags & VMT_FLAG_EXACT_FAULTS) &&
        !report_note(build,
                     "page faults by call stack are approximate: counted by getrusage, "
                     "now and then%s%s%s",
                     reason && *reason ? " (" : "", reason ? reason : "",
                     reason && *reason ? ")" : ""))
        return false;
    return !mixed || report_note(build, "page faults of some threads are approximate: the "
                                        "kernel refused further fault counters");
}

static bool report_note_heap(struct report_build *build)
{
    const struct heap_model *heap = &build->model->heap;
    uint64_t displaced = report_heap_sum(build, heap->displaced);
    if (displaced &&
        !report_note(build,
                     "%llu block%s replaced by a later one at the same address: the "
                     "release was not seen",
                     (unsigned long long)displaced, displaced == 1 ? " was" : "s were"))
        return false;
    return heap->impossible == 0 ||
           report_note(build, "%llu event%s could not be explained; please report this",
                       (unsigned long long)heap->impossible, report_plural(heap->impossible));
}

/* What the last snapshot of resident pages could not see. */
static bool report_note_snapshot(struct report_build *build, const struct report_residency *last)
{
    bool known = last->error > 0 && last->error < 4096;
    uint64_t end = build->report->duration_ns;
    if (last->error && !report_note(build, "the last snapshot of resident memory is not whole%s%s",
                                    known ? ": " : "", known ? strerror((int)last->error) : ""))
        return false;
    if (last->guessed &&
        !report_note(build,
                     "which pages were resident could not be read everywhere (pagemap): %llu of "
                     "%llu bytes are shared out by proportion",
                     (unsigned long long)last->guessed, (unsigned long long)last->rss_bytes))
        return false;
    if (strcmp(last->reason, "exit") == 0 || end < last->t_ns ||
        end - last->t_ns < REPORT_SNAPSHOT_AGE_NS)
        return true;
    return report_note(build,
                       "whose resident memory is, is told as of the last snapshot, %.1f s before "
                       "the end",
                       (double)(end - last->t_ns) / 1e9);
}

/* Live blocks that have no record lie in memory that seems to be free. */
static bool report_note_unseen(struct report_build *build)
{
    const struct trace_model *model = build->model;
    if (model->inheritance.state == INHERIT_TAKEN)
        return true;
    if (model->header.flags & VMT_FLAG_FORKED)
        return report_note(build, "resident memory: blocks and mappings that this process has from "
                                  "its parent are not known here; they count as free memory of "
                                  "the allocator, and as other memory");
    return model->heap.seeing_since == 0 ||
           report_note(build, "resident memory: blocks of the time when recording was paused or "
                              "lost are not known; they count as free memory of the allocator");
}

/* Whether what a forked child has from its parent has owners, and what is uncertain about them. */
static bool report_note_inherited(struct report_build *build)
{
    const struct inheritance *from = &build->model->inheritance;
    const char *unknown = "memory that this process has from its parent has no owner here: ";
    switch (from->state) {
    case INHERIT_NONE:
        return true;
    case INHERIT_UNTOLD:
        return report_note(build, "%sthe trace does not say where the parent's is", unknown);
    case INHERIT_MISSING:
        return report_note(build, "%sthe parent's trace %s was not found, nor beside this one",
                           unknown, from->path);
    case INHERIT_OTHER:
        return report_note(build, "%s%s is the trace of another process than the parent", unknown,
                           from->path);
    case INHERIT_UNREADABLE:
        return report_note(build, "%sthe parent's trace %s %s", unknown, from->path, from->problem);
    case INHERIT_LARGE:
        return report_note(build,
                           "%sthe parent's trace %s is %llu MiB, large for this one, and was not "
                           "read (--read-parent reads it)",
                           unknown, from->path, (unsigned long long)(from->size >> 20));
    case INHERIT_TAKEN:
        break;
    }
    if (!from->exact &&
        !report_note(build, "the moment of the fork is not known, only that of the first event "
                            "here: what the parent did in between counts as inherited"))
        return false;
    return from->whole || report_note(build,
                                      "the parent's trace %s is not whole up to the fork: some "
                                      "memory that it left has no owner",
                                      from->path);
}

static bool report_note_residency(struct report_build *build)
{
    const struct residency_model *model = &build->model->residency;
    const struct report_memory *memory = build->memory;
    if (model->dropped && !report_note(build, "%llu snapshots of resident memory are not listed",
                                       (unsigned long long)model->dropped))
        return false;
    if (memory->residency_count)
        return report_note_unseen(build) &&
               report_note_snapshot(build, &memory->residencies[memory->residency_count - 1]);
    return model->unfinished == 0 ||
           report_note(build, "no snapshot of resident memory was whole, so its owners are not "
                              "known");
}

static bool report_note_symbols(struct report_build *build)
{
    size_t position = 0;
    const char *problem;
    if (!build->frames.symbolizer)
        return true;
    while ((problem = symbolizer_problem_next(build->frames.symbolizer, &position))) {
        if (!string_list_add(&build->notes, report_copy(build, problem)))
            return false;
    }
    return true;
}

static bool report_note_suppressions(struct report_build *build)
{
    for (size_t i = 0; i < build->suppression_notes.count; i++)
        if (!string_list_add(&build->notes, build->suppression_notes.strings[i]))
            return false;
    return true;
}

bool report_build_notes(struct report_build *build)
{
    if (!report_note_damage(build))
        return false;
    build->report->damage_count = build->notes.count;
    if (!report_note_sampling(build) || !report_note_losses(build) || !report_note_nothing(build) ||
        !report_note_heap(build) || !report_note_faults(build) || !report_note_bounds(build) ||
        !report_note_inherited(build) || !report_note_untraced(build) ||
        !report_note_residency(build) || !report_note_symbols(build) ||
        !report_note_suppressions(build))
        return false;
    const char **notes = arena_array(build->arena, build->notes.count, sizeof(*notes));
    if (!notes)
        return false;
    if (build->notes.count)
        memcpy(notes, build->notes.strings, build->notes.count * sizeof(*notes));
    build->report->notes = notes;
    build->report->note_count = build->notes.count;
    return true;
}
