/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "render/text_report.h"
#include "render/utf8.h"

static size_t first_own(const struct report_stack *stack)
{
    size_t i = 0;
    while (i < stack->count && !stack->frames[i].application)
        i++;
    return i;
}

const struct report_frame *text_own_frame(const struct report_stack *stack)
{
    if (stack == NULL || stack->count == 0)
        return NULL;
    size_t own = first_own(stack);
    return &stack->frames[own < stack->count ? own : 0];
}

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
    return text_name(text, text->options->full_stacks ? module : text_basename(module), columns);
}

/* Where in the source or, failing that, in which binary; two blanks before it. */
static void write_where(const struct text *text, const struct report_frame *frame, size_t columns)
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

static size_t write_function(const struct text *text, const struct report_frame *frame,
                             size_t columns)
{
    if (frame->function == NULL) {
        size_t module = frame->module ? write_module(text, frame->module, 40) + 1 : 0;
        return module +
               (size_t)fprintf(text->out, module ? "+0x%" PRIx64 : "0x%" PRIx64, frame->offset);
    }
    size_t used = text_name(text, frame->function, columns);
    if ((frame->file == NULL || frame->line <= 0) && frame->function_offset > 0)
        used += (size_t)fprintf(text->out, "+0x%" PRIx64, frame->function_offset);
    return used;
}

static void write_frame(const struct text *text, const struct report_frame *frame, bool first)
{
    text_style(text, first ? TEXT_BOLD : frame->application ? TEXT_NORMAL : TEXT_DIM);
    fputs(first ? "      > " : "        ", text->out);
    write_function(text, frame, TEXT_COLUMNS - 40);
    if (first)
        text_style(text, TEXT_NORMAL);
    write_where(text, frame, 40);
    if (frame->inlined)
        fputs("  (inlined)", text->out);
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
    utf8_write_escaped(text->out, line, TEXT_COLUMNS - 17, text->options->utf8);
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

/* Which frames are shown: [0, gap_begin) and [gap_end, end). */
struct stack_view {
    size_t own; /* first frame of the program's own; count if there is none */
    size_t gap_begin, gap_end, end;
};

/* What the C library and the linker's start code put around main. */
static bool is_start_code(const struct report_frame *frame)
{
    return frame->function && (strncmp(frame->function, "__libc_start", 12) == 0 ||
                               strcmp(frame->function, "_start") == 0);
}

/* Whether everything from frame `i` outward is start code: `_start` belongs to the program's
 * file, and has no name in a stripped one. */
static bool is_outside(const struct report_stack *stack, size_t i)
{
    return is_start_code(&stack->frames[i]) || !stack->frames[i].application ||
           (i > 0 && i + 1 == stack->count && stack->frames[i].function == NULL &&
            is_start_code(&stack->frames[i - 1]));
}

/* The library frames outside main or a thread's start say nothing; long runs of library
 * frames between the allocator and the program say little. */
static struct stack_view choose_frames(const struct text *text, const struct report_stack *stack)
{
    struct stack_view view = {first_own(stack), 0, 0, stack->count};
    if (text->options->full_stacks)
        return view;
    if (view.own < stack->count) {
        while (view.end > view.own + 1 && is_outside(stack, view.end - 1))
            view.end--;
        if (view.own > 5) {
            view.gap_begin = 2;
            view.gap_end = view.own;
        }
    }
    return view;
}

static void write_frames(struct text *text, const struct report_stack *stack)
{
    struct stack_view view = choose_frames(text, stack);
    size_t shown = 0;
    for (size_t i = 0; i < view.end; i++) {
        if (i == view.gap_begin && view.gap_end > i) {
            write_gap(text, view.gap_end - i, "library frame");
            i = view.gap_end;
        }
        /* One frame is not worth a line that says so. */
        if (!text->options->full_stacks && shown >= TEXT_FRAMES && view.end - i > 1) {
            write_gap(text, view.end - i, "more frame");
            return;
        }
        write_frame(text, &stack->frames[i], i == view.own);
        if (i == view.own)
            write_source(text, &stack->frames[i]);
        shown++;
    }
}

static void note_lineless(struct text *text, const struct report_frame *own)
{
    if (own->application && own->line <= 0 && own->module && text->lineless == NULL)
        text->lineless = own->module;
}

void text_stack(struct text *text, const struct report_stack *stack)
{
    const struct report_frame *own = text_own_frame(stack);
    if (own == NULL) {
        text_style(text, TEXT_DIM);
        fprintf(text->out, "        (%s)\n",
                stack && stack->lost ? "the stack was lost with a damaged part of the trace"
                                     : "no stack could be taken");
        text_style(text, TEXT_NORMAL);
        return;
    }
    note_lineless(text, own);
    write_frames(text, stack);
    if (stack->cut || stack->lost) {
        text_style(text, TEXT_DIM);
        fprintf(text->out, "        (outer frames %s)\n",
                stack->lost ? "were lost with a damaged part of the trace"
                            : "were not recorded: VMTRACE_DEPTH, or the unwinder lost its way");
        text_style(text, TEXT_NORMAL);
    }
}

/* Who called it: what tells apart two sites of one helper function. */
static void write_callers(const struct text *text, const struct report_stack *stack,
                          const struct report_frame *own)
{
    const struct report_frame *last = own;
    unsigned written = 0;
    text_style(text, TEXT_DIM);
    for (size_t i = (size_t)(own - stack->frames) + 1; i < stack->count && written < 2; i++) {
        const struct report_frame *frame = &stack->frames[i];
        if (!frame->application || is_outside(stack, i) || frame->function == NULL ||
            (last->function && strcmp(last->function, frame->function) == 0))
            continue;
        fputs(text->options->utf8 ? " \xe2\x86\x90 " : " <- ", text->out);
        text_name(text, frame->function, 20);
        last = frame;
        written++;
    }
    text_style(text, TEXT_NORMAL);
}

void text_place(struct text *text, const struct report_stack *stack, size_t columns)
{
    const struct report_frame *own = text_own_frame(stack);
    if (own == NULL) {
        fputs(stack && stack->lost ? "(stack lost)" : "(no stack)", text->out);
        return;
    }
    note_lineless(text, own);
    size_t room = columns > 40 ? columns - 25 : columns;
    text_style(text, own->application ? TEXT_BOLD : TEXT_DIM);
    size_t used = write_function(text, own, room);
    text_style(text, own->application ? TEXT_NORMAL : TEXT_DIM);
    write_where(text, own, columns > used + 12 ? columns - used : 12);
    text_style(text, TEXT_NORMAL);
    if (own->application)
        write_callers(text, stack, own);
}
