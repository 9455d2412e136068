/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks, as flamegraph.pl and speedscope read them: one line a site,
 * frames from the outermost to the innermost, separated by ';', then a blank and the value.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/renderer.h"
#include "render/utf8.h"

/* Leaked bytes come from the leaks, which know classes and suppressions; all else from sites. */
static uint64_t site_value(const struct report_site *site, enum render_metric metric)
{
    switch (metric) {
    case RENDER_METRIC_ALLOCATED:
        return site->bytes_allocated;
    case RENDER_METRIC_ALLOCATIONS:
        return site->allocations;
    case RENDER_METRIC_PEAK:
        return site->peak_bytes;
    case RENDER_METRIC_TEMPORARY:
        return site->temporary;
    case RENDER_METRIC_FAULTS:
        return site->counted_minor + site->counted_major;
    case RENDER_METRIC_RESIDENT:
        return site->resident_bytes; /* REPORT_UNKNOWN without a snapshot: no line */
    case RENDER_METRIC_LEAKED:
        break;
    }
    return 0;
}

/* ';' and control characters would end a frame or a line. */
static bool write_name(FILE *out, const char *name)
{
    char *clean = utf8_clean(name);
    if (clean == NULL)
        return false;
    for (char *c = clean; *c; c++)
        fputc(*c == ';' ? ':' : (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c, out);
    free(clean);
    return true;
}

static bool write_frame(FILE *out, const struct report_frame *frame)
{
    if (frame->function)
        return write_name(out, frame->function);
    if (frame->module) {
        const char *slash = strrchr(frame->module, '/');
        if (!write_name(out, slash && slash[1] ? slash + 1 : frame->module))
            return false;
        fputc('+', out);
    }
    fprintf(out, "0x%" PRIx64, frame->offset);
    return true;
}

static bool write_line(FILE *out, const struct report_stack *stack, uint64_t value)
{
    if (value == 0 || value == REPORT_UNKNOWN)
        return true;
    if (stack == NULL || stack->count == 0)
        fputs(stack && stack->lost ? "[stack lost]" : "[no stack]", out);
    else if (stack->cut)
        fputs("[outer frames cut];", out);
    for (size_t i = stack ? stack->count : 0; i-- > 0;) {
        if (!write_frame(out, &stack->frames[i]))
            return false;
        if (i > 0)
            fputc(';', out);
    }
    fprintf(out, " %" PRIu64 "\n", value);
    return true;
}

/* The bottom of the flame is who owns the memory, its top who touched it. */
static bool write_fault(FILE *out, const struct report_fault *fault)
{
    const struct report_fault_target *target = fault->target;
    const struct report_stack *owner = target->site ? target->site->stack : NULL;
    const struct report_stack *code = fault->code->stack;
    for (size_t i = owner ? owner->count : 0; i-- > 0;) {
        if (!write_frame(out, &owner->frames[i]))
            return false;
        fputc(';', out);
    }
    fprintf(out, "[%s", target->kind);
    if (target->name && !target->site) {
        fputc(' ', out);
        if (!write_name(out, target->name))
            return false;
    }
    fputs("]", out);
    for (size_t i = code ? code->count : 0; i-- > 0;) {
        fputc(';', out);
        if (!write_frame(out, &code->frames[i]))
            return false;
    }
    fprintf(out, " %" PRIu64 "\n", fault->counts.minor + fault->counts.major);
    return true;
}

bool folded_render(const struct report *report, const struct render_options *options, FILE *out)
{
    bool ok = true;
    if (options->metric == RENDER_METRIC_LEAKED) {
        for (size_t i = 0; ok && i < report->leak_count; i++) {
            const struct report_leak *leak = &report->leaks[i];
            if (!leak->suppressed && (options->leak_classes & RENDER_LEAK_BIT(leak->class)))
                ok = write_line(out, leak->site->stack, leak->bytes);
        }
        return ok;
    }
    if (options->metric == RENDER_METRIC_FAULTS)
        for (size_t i = 0; ok && i < report->fault_count; i++)
            ok = write_fault(out, &report->faults[i]);
    for (size_t i = 0; ok && i < report->site_count - report->inherited_site_count; i++)
        ok =
            write_line(out, report->sites[i]->stack, site_value(report->sites[i], options->metric));
    return ok;
}
