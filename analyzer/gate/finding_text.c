/* SPDX-License-Identifier: Apache-2.0 */
/* What a finding is called, for people and for baselines. */
#include "gate/finding.h"
#include "gate/finding_rules.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct report_frame *finding_place(const struct finding_stack *stack)
{
    const struct report_frame *lined = NULL, *own = NULL;
    for (size_t i = 0; i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        bool has_line = frame->file && frame->line > 0;
        if (frame->application && !frame->allocator && has_line)
            return frame;
        if (has_line && !frame->allocator && !lined)
            lined = frame;
        if (frame->application && !frame->allocator && !own)
            own = frame;
    }
    return own ? own : lined;
}

static const char *class_words(enum report_leak_class class, bool many)
{
    switch (class) {
    case REPORT_LEAK_DEFINITE:
        return many ? "are definitely lost" : "is definitely lost";
    case REPORT_LEAK_INDIRECT:
        return many ? "are lost with another block" : "is lost with another block";
    case REPORT_LEAK_POSSIBLE:
        return many ? "are possibly lost" : "is possibly lost";
    case REPORT_LEAK_REACHABLE:
        return many ? "are still reachable" : "is still reachable";
    case REPORT_LEAK_UNSCANNED:
        break;
    }
    return many ? "were not freed" : "was not freed";
}

/* The binary's name without folder and version: libfoo.so of /usr/lib/libfoo.so.1.2 */
static const char *module_name(const char *module, size_t *length)
{
    const char *slash = strrchr(module, '/'), *name = slash && slash[1] ? slash + 1 : module;
    const char *version = strstr(name, ".so.");
    *length = version ? (size_t)(version - name) + 3 : strlen(name);
    return name;
}

char *finding_message(struct arena *arena, const struct finding *finding)
{
    const struct report_frame *frame = finding_place(&finding->stack);
    const char *by = frame && frame->function ? frame->function : NULL;
    if (frame && !by && frame->module) {
        size_t length;
        const char *module = module_name(frame->module, &length);
        by = arena_printf(arena, "%.*s+0x%" PRIx64, (int)length, module, frame->offset);
    }
    const struct finding_rule *rule = finding_rule_find(finding->rule);
    if (finding->kind != FINDING_LEAK)
        return arena_printf(arena, "%s%s%s%s%s", rule ? rule->words : finding->rule,
                            by ? " in " : "", by ? by : "", finding->detail ? ": " : "",
                            finding->detail ? finding->detail : "");
    char also[64] = "";
    if (finding->indirect_bytes)
        snprintf(also, sizeof(also), " (and %" PRIu64 " bytes that hang on %s)",
                 finding->indirect_bytes, finding->blocks == 1 ? "it" : "them");
    return arena_printf(arena, "%" PRIu64 " byte%s in %" PRIu64 " block%s %s%s%s%s", finding->bytes,
                        finding->bytes == 1 ? "" : "s", finding->blocks,
                        finding->blocks == 1 ? "" : "s",
                        class_words(finding->class, finding->blocks != 1), also,
                        by ? ", allocated by " : "", by ? by : "");
}

/* What compilers append to the names of functions that they take apart or specialise. */
static size_t name_length(const char *function)
{
    static const char *const marks[] = {" [clone ", ".isra.", ".constprop.", ".part.",
                                        ".cold",    ".llvm.", ".lto_priv."};
    size_t length = strlen(function);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        const char *mark = strstr(function, marks[i]);
        if (mark && mark > function && (size_t)(mark - function) < length)
            length = (size_t)(mark - function);
    }
    return length;
}

/* On one line, without what steers terminals. */
static void write_name(FILE *out, const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        fputc(iscntrl((unsigned char)name[i]) ? ' ' : name[i], out);
}

static void write_frame(FILE *out, const struct report_frame *frame)
{
    size_t length = 1;
    const char *module = frame->module ? module_name(frame->module, &length) : "?";
    const char *function = frame->function ? frame->function : "?";
    write_name(out, function, name_length(function));
    fputs(" @ ", out);
    write_name(out, module, length);
    fputc('\n', out);
}

static bool same_function(const struct report_frame *a, const struct report_frame *b)
{
    if (!a || !a->function || !b->function)
        return false;
    size_t length = name_length(a->function);
    return length == name_length(b->function) && memcmp(a->function, b->function, length) == 0;
}

/* Frames of the system's libraries come and go with their versions and with inlining, so they
 * count only where there are no others.  A function that calls itself counts once. */
static void write_frames(FILE *out, const struct finding_stack *stack, bool all)
{
    const struct report_frame *before = NULL;
    for (size_t i = 0; i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        if (!all && (!frame->application || frame->allocator))
            continue;
        if (!same_function(before, frame))
            write_frame(out, frame);
        before = frame;
    }
}

char *finding_key(struct arena *arena, const struct finding *finding)
{
    char *text = NULL, *result = NULL;
    size_t size = 0;
    bool own = false;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    const struct finding_stack *stack =
        finding->stack.count ? &finding->stack : &finding->allocated;
    for (size_t i = 0; i < stack->count; i++)
        own |= stack->frames[i].application && !stack->frames[i].allocator;
    fprintf(out, "%s\n", finding->rule);
    write_frames(out, stack, !own);
    if (fclose(out) == 0)
        result = arena_string(arena, text, size);
    free(text);
    return result;
}
