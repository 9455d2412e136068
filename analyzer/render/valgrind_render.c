/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in valgrind's form, for what counts its lines: CTest's MemCheck step, build servers, people
 * who are used to it.  Every line begins with ==PID==.
 * https://valgrind.org/docs/manual/mc-manual.html, CTest: cmCTestMemCheckHandler.cxx
 */
#include <inttypes.h>
#include <string.h>

#include "render/utf8.h"
#include "render/valgrind_common.h"

struct log {
    FILE *out;
    uint32_t pid;
    struct arena *arena;
};

static void begin(const struct log *log)
{
    fprintf(log->out, "==%" PRIu32 "== ", log->pid);
}

static void write_line(const struct log *log, const char *text)
{
    begin(log);
    utf8_write_escaped(log->out, text, 0, true);
    fputc('\n', log->out);
}

/* Addresses in the binary, as valgrind shows run-time addresses: eight digits or more. */
static void write_frame(const struct log *log, const struct report_frame *frame, bool first)
{
    begin(log);
    fprintf(log->out, "   %s 0x%" PRIX64 ": ", first ? "at" : "by", frame->offset);
    utf8_write_escaped(log->out, frame->function ? frame->function : "???", 0, true);
    if (frame->file && frame->line > 0) {
        const char *slash = strrchr(frame->file, '/');
        fputs(" (", log->out);
        utf8_write_escaped(log->out, slash ? slash + 1 : frame->file, 0, true);
        fprintf(log->out, ":%d)", frame->line);
    } else if (frame->module) {
        fputs(" (in ", log->out);
        utf8_write_escaped(log->out, frame->module, 0, true);
        fputc(')', log->out);
    }
    fputc('\n', log->out);
}

static void write_stack(const struct log *log, const struct finding_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        write_frame(log, &stack->frames[i], i == 0);
}

static bool write_finding(const struct log *log, const struct finding *finding, size_t record,
                          size_t records)
{
    char *what = valgrind_what(log->arena, finding, record, records);
    if (!what)
        return false;
    write_line(log, what);
    write_stack(log, &finding->stack);
    if (finding->address != REPORT_UNKNOWN && finding->kind == FINDING_ERROR) {
        begin(log);
        fprintf(log->out, " Address 0x%" PRIx64 " is ", finding->address);
        utf8_write_escaped(log->out, finding->detail ? finding->detail : "not known", 0, true);
        fputc('\n', log->out);
    }
    if (finding->freed.count) {
        write_line(log, " Block was freed");
        write_stack(log, &finding->freed);
    }
    if (finding->allocated.count) {
        write_line(log, " Block was alloc'd at");
        write_stack(log, &finding->allocated);
    }
    write_line(log, "");
    return true;
}

static void write_sum(const struct log *log, const char *name, uint64_t bytes, uint64_t blocks)
{
    begin(log);
    fprintf(log->out, "%18s: %" PRIu64 " bytes in %" PRIu64 " blocks\n", name, bytes, blocks);
}

static void write_heap(const struct log *log, const struct finding_process *process)
{
    write_line(log, "HEAP SUMMARY:");
    begin(log);
    fprintf(log->out, "    in use at exit: %" PRIu64 " bytes in %" PRIu64 " blocks\n",
            process->live_bytes, process->live_blocks);
    begin(log);
    fprintf(log->out,
            "  total heap usage: %" PRIu64 " allocs, %" PRIu64 " frees, %" PRIu64
            " bytes allocated\n",
            process->allocations, process->frees, process->bytes_allocated);
    write_line(log, "");
}

static void write_unchecked(const struct log *log, const struct finding_process *process)
{
    begin(log);
    fputs("Leaks could not be judged: ", log->out);
    utf8_write_escaped(log->out, process->unchecked, 0, true);
    fputc('\n', log->out);
}

/* Programs that it started and that left no trace. */
static void write_children(const struct log *log, const struct finding_set *set)
{
    for (size_t i = 1; i < set->process_count; i++) {
        if (!set->processes[i].unchecked)
            continue;
        begin(log);
        fputs("Not checked: ", log->out);
        utf8_write_escaped(log->out, set->processes[i].command, 0, true);
        fputs(": ", log->out);
        utf8_write_escaped(log->out, set->processes[i].unchecked, 0, true);
        fputc('\n', log->out);
    }
}

static void write_leaks(const struct log *log, const struct finding_process *process)
{
    if (process->unchecked) {
        write_unchecked(log, process);
    } else if (process->live_blocks == 0) {
        write_line(log, "All heap blocks were freed -- no leaks are possible");
    } else {
        write_line(log, "LEAK SUMMARY:");
        for (unsigned i = 0; i < REPORT_LEAK_UNSCANNED; i++)
            write_sum(log, valgrind_class(i), process->class_bytes[i], process->class_blocks[i]);
        write_sum(log, "suppressed", process->suppressed_bytes, process->suppressed_blocks);
    }
    write_line(log, "");
}

static void write_head(const struct log *log, const struct finding_process *process)
{
    write_line(log, "vmtrace, a memory tracer; report in the form of valgrind's");
    begin(log);
    fputs("Command: ", log->out);
    utf8_write_escaped(log->out, process->command, 0, true);
    fputc('\n', log->out);
    begin(log);
    fprintf(log->out, "Parent PID: %" PRIu32 "\n", process->ppid);
    write_line(log, "");
}

/* What memcheck counts as an error unless --errors-for-leak-kinds says otherwise. */
static bool is_error(const struct finding *finding)
{
    return finding->kind != FINDING_LEAK || finding->class == REPORT_LEAK_DEFINITE ||
           finding->class == REPORT_LEAK_POSSIBLE;
}

/* The leaks, or what is not one.  False when out of memory. */
static bool write_findings(const struct log *log, const struct finding_set *set,
                           const struct render_options *options, bool leaks)
{
    size_t record = 0, records = valgrind_records(set, options);
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if ((finding->kind == FINDING_LEAK) != leaks || !finding_is_listed(finding, options))
            continue;
        if (!write_finding(log, finding, ++record, records))
            return false;
    }
    return true;
}

static void write_end(const struct log *log, const struct finding_set *set,
                      const struct render_options *options)
{
    uint64_t errors = 0;
    size_t contexts = 0, suppressed = set->processes[0].suppressed;
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if (!finding_is_listed(finding, options) || !is_error(finding))
            continue;
        errors += finding->kind == FINDING_LEAK ? 1 : finding->count;
        contexts++;
    }
    begin(log);
    fprintf(log->out,
            "ERROR SUMMARY: %" PRIu64 " errors from %zu contexts (suppressed: %zu from %zu)\n",
            errors, contexts, suppressed, suppressed);
}

bool valgrind_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    const struct finding_process *process = &set->processes[0];
    struct log log = {out, process->pid, set->arena};
    if (!options->quiet)
        write_head(&log, process);
    bool good = write_findings(&log, set, options, false);
    if (!options->quiet)
        write_heap(&log, process);
    good = good && write_findings(&log, set, options, true);
    if (!options->quiet) {
        write_leaks(&log, process);
        write_children(&log, set);
        write_end(&log, set, options);
    } else if (options->leak_classes) { /* an empty log would be praise */
        if (process->unchecked)
            write_unchecked(&log, process);
        write_children(&log, set);
    }
    return good;
}
