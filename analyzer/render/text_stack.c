/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/path_name.h"
#include "query/own_frame.h"
#include "render/short_name.h"
#include "render/text_report.h"
#include "render/utf8.h"

/* The last two parts of a path: enough to know it by. */
static const char *short_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    while (slash && slash > path && slash[-1] != '/')
        slash--;
    return slash ? slash : path;
}

static size_t write_module(const struct text *text, const char *module, size_t columns)
{
    return text_name(text, text->options->full_stacks ? module : path_name(module), columns);
}

void text_where(const struct text *text, const struct report_frame *frame, size_t columns)
{
    if (frame->function == NULL)
        return; /* the place stood in for the name */
    if ((frame->file && frame->line > 0) || frame->module)
        fputs("  ", text->out);
    if (frame->file && frame->line > 0) {
        text_name(text, text->options->full_stacks ? frame->file : short_path(frame->file),
                  columns);
        fprintf(text->out, ":%d", frame->line);
    } else if (frame->module) {
        fputc('[', text->out);
        write_module(text, frame->module, columns);
        fputc(']', text->out);
    }
}

size_t text_where_width(const struct report_frame *frame)
{
    char digits[16];
    if (frame->function == NULL)
        return 0;
    if (frame->file && frame->line > 0)
        return strlen(short_path(frame->file)) +
               (size_t)snprintf(digits, sizeof(digits), "%d", frame->line) + 3;
    return frame->module ? strlen(path_name(frame->module)) + 4 : 0;
}

size_t text_function(struct text *text, const struct report_frame *frame, size_t columns)
{
    if (frame->function == NULL) {
        size_t module = frame->module ? write_module(text, frame->module, 40) + 1 : 0;
        return module +
               (size_t)fprintf(text->out, module ? "+0x%" PRIx64 : "0x%" PRIx64, frame->offset);
    }
    char *brief = text->options->full_stacks
                      ? NULL
                      : short_name(frame->function, columns, text_ellipsis(text));
    text->failed |= brief == NULL && !text->options->full_stacks;
    size_t used = text_name(text, brief ? brief : frame->function, columns);
    free(brief);
    if ((frame->file == NULL || frame->line <= 0) && frame->function_offset > 0)
        used += (size_t)fprintf(text->out, "+0x%" PRIx64, frame->function_offset);
    return used;
}

static void write_frame(struct text *text, const struct report_frame *frame, bool first,
                        size_t times)
{
    text_style(text, first ? TEXT_BOLD : frame->application ? TEXT_NORMAL : TEXT_DIM);
    fputs(first ? "      > " : "        ", text->out);
    text_function(text, frame, text->columns - 40);
    if (first)
        text_style(text, TEXT_NORMAL);
    text_where(text, frame, 40);
    if (frame->inlined)
        fputs("  (inlined)", text->out);
    if (times > 1)
        fprintf(text->out, "  (%zu times)", times);
    text_style(text, TEXT_NORMAL);
    fputc('\n', text->out);
}

static void write_source(struct text *text, const struct report_frame *frame)
{
    const char *line =
        text->sources ? source_lines_get(text->sources, frame->file, frame->line) : NULL;
    if (line == NULL)
        return;
    text_style(text, TEXT_TITLE);
    fprintf(text->out, "        %6d | ", frame->line);
    utf8_write_escaped(text->out, line, text->columns - 17, text->options->utf8);
    text_style(text, TEXT_NORMAL);
    fputc('\n', text->out);
}

static void write_gap(const struct text *text, size_t frames, const char *what)
{
    text_style(text, TEXT_DIM);
    fprintf(text->out, "        %s %zu %s%s (--full-stacks)\n", text_ellipsis(text), frames, what,
            human_plural(frames));
    text_style(text, TEXT_NORMAL);
}

/* What the C library and the linker's start code put around main. */
static bool is_start_code(const struct report_frame *frame)
{
    return frame->function && (strncmp(frame->function, "__libc_start", 12) == 0 ||
                               strcmp(frame->function, "_start") == 0);
}

/* The C main that Rust's compiler makes has no line, and its library around the real one. */
static bool is_rust_main(const struct report_frame *frame, const struct report_frame *inner)
{
    return frame->function && strcmp(frame->function, "main") == 0 && frame->line <= 0 &&
           inner->function && strncmp(inner->function, "std::rt::", 9) == 0;
}

bool text_is_outside(const struct report_stack *stack, size_t i)
{
    return is_start_code(&stack->frames[i]) || !stack->frames[i].application ||
           (i > 0 && i + 1 == stack->count && stack->frames[i].function == NULL &&
            is_start_code(&stack->frames[i - 1])) ||
           (i > 0 && is_rust_main(&stack->frames[i], &stack->frames[i - 1]));
}

/* How many frames from `i` outward (at least 1) are one function calling itself, from one place. */
static size_t repeats(const struct report_stack *stack, size_t i, size_t end)
{
    const struct report_frame *frame = &stack->frames[i];
    size_t times = 1;
    while (i + times < end && stack->frames[i + times].number == frame->number &&
           stack->frames[i + times].offset == frame->offset &&
           stack->frames[i + times].function == frame->function &&
           stack->frames[i + times].module == frame->module)
        times++;
    return times;
}

/* How many frames from `i` outward say little: a long run of library frames between the allocator
 * and the program, or between two functions of it, but for the one that the program called. */
static size_t gap_length(const struct report_stack *stack, size_t i, size_t end)
{
    size_t length = 0;
    while (i + length < end &&
           (!stack->frames[i + length].application || stack->frames[i + length].allocator))
        length++;
    return length > 2 && i + length < end ? length - 1 : 0;
}

/* The innermost frame with a source line that is the program's own, or `end`: of what an
 * interpreter without debug information calls, this says where to look. */
static size_t lined_index(const struct report_stack *stack, size_t end)
{
    for (size_t i = 0; i < end; i++) {
        const struct report_frame *frame = &stack->frames[i];
        if (frame->application && !frame->allocator && frame->file && frame->line > 0)
            return i;
    }
    return end;
}

/* From `i` outward but for one frame. */
static void write_rest(struct text *text, const struct report_stack *stack, size_t i, size_t end)
{
    size_t lined = lined_index(stack, end);
    if (lined < i || lined == end) {
        write_gap(text, end - i, "more frame");
        return;
    }
    if (lined > i)
        write_gap(text, lined - i, "more frame");
    write_frame(text, &stack->frames[lined], false, 1);
    write_source(text, &stack->frames[lined]);
    if (lined + 1 < end)
        write_gap(text, end - lined - 1, "more frame");
}

static void write_chosen(struct text *text, const struct report_stack *stack, size_t own)
{
    size_t end = stack->count, shown = 0;
    /* The library frames outside main or a thread's start say nothing. */
    while (end > own + 1 && text_is_outside(stack, end - 1))
        end--;
    for (size_t i = 0; i < end;) {
        size_t gap = i == own ? 0 : gap_length(stack, i, end);
        if (gap) {
            write_gap(text, gap, "library frame");
            i += gap;
        }
        /* One frame is not worth a line that says so. */
        if (shown >= TEXT_FRAMES && i > own && end - i > 1) {
            write_rest(text, stack, i, end);
            return;
        }
        size_t times = i == own ? 1 : repeats(stack, i, end);
        write_frame(text, &stack->frames[i], i == own, times);
        if (i == own)
            write_source(text, &stack->frames[i]);
        i += times;
        shown++;
    }
}

static void write_frames(struct text *text, const struct report_stack *stack)
{
    size_t own = own_frame_index(stack);
    if (!text->options->full_stacks && own < stack->count) {
        write_chosen(text, stack, own);
        return;
    }
    size_t end =
        text->options->full_stacks || stack->count <= TEXT_FRAMES + 1 ? stack->count : TEXT_FRAMES;
    for (size_t i = 0; i < end; i++) {
        write_frame(text, &stack->frames[i], i == own, 1);
        if (i == own)
            write_source(text, &stack->frames[i]);
    }
    if (end < stack->count)
        write_gap(text, stack->count - end, "more frame");
}

void text_note_lineless(struct text *text, const struct report_frame *own)
{
    if (own->application && own->line <= 0 && own->module && text->lineless == NULL)
        text->lineless = own->module;
}

void text_stack(struct text *text, const struct report_stack *stack)
{
    const struct report_frame *own = own_frame(stack);
    if (own == NULL) {
        text_style(text, TEXT_DIM);
        fprintf(text->out, "        (%s)\n",
                stack && stack->lost ? "the stack was lost with a damaged part of the trace"
                                     : "no stack could be taken");
        text_style(text, TEXT_NORMAL);
        return;
    }
    text_note_lineless(text, own);
    write_frames(text, stack);
    if (stack->cut || stack->lost) {
        text_style(text, TEXT_DIM);
        fprintf(text->out, "        (outer frames %s)\n",
                stack->lost ? "were lost with a damaged part of the trace"
                            : "were not recorded: VMTRACE_DEPTH, or the unwinder lost its way");
        text_style(text, TEXT_NORMAL);
    }
}
