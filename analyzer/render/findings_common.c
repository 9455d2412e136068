/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "render/findings_render.h"

bool finding_is_listed(const struct finding *finding, const struct render_options *options)
{
    return finding->kind != FINDING_LEAK ||
           (options->leak_classes & RENDER_LEAK_BIT(finding->class));
}

static const char *below(const char *file, const char *folder)
{
    size_t length = folder ? strlen(folder) : 0;
    while (length > 0 && folder[length - 1] == '/')
        length--;
    if (length == 0 || strncmp(file, folder, length) != 0 || file[length] != '/')
        return NULL;
    return file + length + strspn(file + length, "/");
}

const char *finding_relative_path(const char *file)
{
    static const char *const variables[] = {"GITHUB_WORKSPACE", "CI_PROJECT_DIR"};
    char here[PATH_MAX];
    const char *path = NULL;
    for (size_t i = 0; !path && i < sizeof(variables) / sizeof(variables[0]); i++)
        path = below(file, getenv(variables[i]));
    if (!path && getcwd(here, sizeof(here)))
        path = below(file, here);
    return path ? path : file;
}

char *finding_stack_text(struct arena *arena, const struct finding_stack *stack, const char *indent)
{
    char *text = NULL, *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (size_t i = 0; i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        fputs(indent, out);
        if (frame->function)
            fputs(frame->function, out);
        else
            fprintf(out, "0x%" PRIx64, frame->offset);
        if (frame->file && frame->line > 0)
            fprintf(out, " (%s:%d)", finding_relative_path(frame->file), frame->line);
        else if (frame->module)
            fprintf(out, " (in %s)", frame->module);
        fputc('\n', out);
    }
    if (stack->count == 0)
        fprintf(out, "%s(no call stack)\n", indent);
    if (stack->cut)
        fprintf(out, "%s(outer frames are missing)\n", indent);
    if (fclose(out) == 0)
        result = arena_string(arena, text, size);
    free(text);
    return result;
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
