/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/findings_render.h"
#include "render/source_path.h"

bool finding_is_listed(const struct finding *finding, const struct render_options *options)
{
    return finding->kind != FINDING_LEAK ||
           (options->leak_classes & RENDER_LEAK_BIT(finding->class));
}

bool finding_is_told(const struct finding *finding, const struct render_options *options)
{
    bool unscanned = finding->kind == FINDING_LEAK && finding->class == REPORT_LEAK_UNSCANNED;
    bool unasked = finding->kind == FINDING_GROWTH && finding->state != FINDING_KNOWN;
    return finding_is_listed(finding, options) && (finding->fatal || !(unscanned || unasked));
}

/* The binary that code of the program's own, or else the innermost frame, is in; or NULL. */
static const char *binary_of(const struct finding_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        if (stack->frames[i].application && stack->frames[i].module)
            return stack->frames[i].module;
    return stack->count ? stack->frames[0].module : NULL;
}

bool finding_has_line(const struct report_frame *frame)
{
    return frame && frame->file && frame->line > 0 && (frame->application || frame->file[0] == '/');
}

struct finding_location finding_locate(const struct finding_set *set, const struct finding *finding)
{
    const struct report_frame *place = finding_place(&finding->stack);
    bool has_line = finding_has_line(place);
    const char *file = has_line ? place->file : binary_of(&finding->stack);
    if (!file || (!has_line && file[0] != '/')) /* "[vdso]" */
        file = finding->process_count ? set->processes[finding->processes[0]].exe : NULL;
    return (struct finding_location){
        .path = file ? source_path(set->arena, file) : NULL,
        .line = has_line ? place->line : 0,
    };
}

static void write_stack(FILE *out, struct arena *arena, const struct finding_stack *stack,
                        const char *indent)
{
    for (size_t i = 0; i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        fputs(indent, out);
        if (frame->function)
            fputs(frame->function, out);
        else
            fprintf(out, "0x%" PRIx64, frame->offset);
        if (frame->file && frame->line > 0)
            fprintf(out, " (%s:%d)", source_path(arena, frame->file), frame->line);
        else if (frame->module)
            fprintf(out, " (in %s)", frame->module);
        fputc('\n', out);
    }
    if (stack->cut)
        fprintf(out, "%s(outer frames are missing)\n", indent);
}

char *finding_stacks_text(struct arena *arena, const struct finding *finding, const char *indent)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    write_stack(out, arena, &finding->stack, indent);
    if (finding->stack.count == 0)
        fprintf(out, "%s(no call stack)\n", indent);
    if (finding->allocated.count)
        fputs("the block was allocated by\n", out);
    write_stack(out, arena, &finding->allocated, indent);
    if (finding->freed.count)
        fputs("it had been freed by\n", out);
    write_stack(out, arena, &finding->freed, indent);
    if (finding->hint)
        fprintf(out, "%s\n", finding->hint);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* A finding's stack as reports have it; for arrays beside the findings. */
static const struct report_stack *put_stack(struct report_stack *place,
                                            const struct finding_stack *stack)
{
    *place =
        (struct report_stack){.frames = stack->frames, .count = stack->count, .cut = stack->cut};
    return place;
}

bool findings_suppress(const struct renderer *generate, const struct finding_set *set,
                       const struct render_options *options, FILE *out)
{
    struct report report = {.scan = "complete"};
    struct report_leak *leaks = arena_array(set->arena, set->count, sizeof(*leaks));
    struct report_error *errors = arena_array(set->arena, set->count, sizeof(*errors));
    struct report_site *sites = arena_array(set->arena, set->count, sizeof(*sites));
    struct report_stack *stacks = arena_array(set->arena, set->count, sizeof(*stacks));
    if (!leaks || !errors || !sites || !stacks)
        return set->count == 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *from = &set->findings[i];
        const struct report_stack *stack = put_stack(&stacks[i], &from->stack);
        sites[i] = (struct report_site){.kind = from->allocator, .stack = stack};
        if (from->kind == FINDING_LEAK)
            leaks[report.leak_count++] = (struct report_leak){.class = from->class,
                                                              .site = &sites[i],
                                                              .bytes = from->bytes,
                                                              .blocks = from->blocks};
        else if (from->kind == FINDING_ERROR)
            errors[report.error_count++] =
                (struct report_error){.kind = from->rule, .count = from->count, .stack = stack};
    }
    report.leaks = leaks;
    report.errors = errors;
    return generate->render(&report, options, out);
}
