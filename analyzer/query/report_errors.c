/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>

#include "query/error_words.h"

static const char *report_signal_kind(int signal)
{
    switch (signal) {
    case SIGSEGV:
        return "segfault";
    case SIGABRT:
        return "abort";
    case SIGBUS:
        return "bus-error";
    case SIGILL:
        return "illegal-instruction";
    case SIGFPE:
        return "floating-point";
    case SIGTRAP:
        return "trap";
    case SIGSYS:
        return "bad-system-call";
    default:
        return "signal";
    }
}

static const char *report_error_kind(const struct memory_error *error)
{
    switch (error->kind) {
    case ERROR_DOUBLE_FREE:
        return "double-free";
    case ERROR_INVALID_FREE:
        return "invalid-free";
    case ERROR_MISMATCHED_FREE:
        return "mismatched-free";
    case ERROR_REALLOC_FREED:
        return "realloc-after-free";
    case ERROR_UNMAPPED_HEAP:
        return "munmap-of-heap";
    case ERROR_CRASH:
        break;
    }
    return report_signal_kind(error->signal);
}

static bool report_releases(const char *function)
{
    static const char *const names[] = {"free", "cfree", "realloc", "reallocarray", "munmap"};
    function = report_public_name(function);
    function += strncmp(function, "libc_", 5) == 0 ? 5 : 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(function, names[i]) == 0)
            return true;
    return false;
}

/* A wrong release has the stack of the abort that it led to: what the C library did in between is
 * of no interest.  NULL: out of memory. */
static const struct report_stack *report_from_release(struct report_build *build,
                                                      const struct report_stack *stack)
{
    size_t skipped = 0;
    while (skipped < stack->count && stack->frames[skipped].function &&
           !stack->frames[skipped].application && !report_releases(stack->frames[skipped].function))
        skipped++;
    if (skipped == 0 || skipped == stack->count || !stack->frames[skipped].function ||
        stack->frames[skipped].application)
        return stack;
    struct report_stack *rest = arena_alloc(build->arena, sizeof(*rest));
    if (!rest)
        return NULL;
    *rest = *stack;
    rest->frames += skipped;
    rest->count -= skipped;
    return rest;
}

static const struct report_stack *report_error_stack(struct report_build *build,
                                                     const struct memory_error *error, bool *good)
{
    const struct report_stack *stack = report_build_stack(build, error->node, good);
    if (stack && error->kind != ERROR_CRASH && !(stack = report_from_release(build, stack)))
        *good = false;
    return stack;
}

/* A handler took the signal, and it is not what the process ended of after all. */
static bool report_survived(const struct report_build *build, const struct memory_error *error)
{
    const struct report *report = build->report;
    return (error->flags & VMT_CRASH_HANDLED) &&
           !(report->end == REPORT_END_SIGNAL && report->signal == error->signal);
}

bool report_build_errors(struct report_build *build)
{
    const struct error_model *errors = &build->model->errors;
    struct report_error *list = arena_array(build->arena, errors->count, sizeof(*list));
    if (!list)
        return false;
    bool good = true;
    for (size_t i = 0; i < errors->count && good; i++) {
        const struct memory_error *error = &errors->errors[i];
        list[i] = (struct report_error){
            .kind = report_error_kind(error),
            .address = error_address(error),
            .t_ns = report_ns(build, error->ticks),
            .tid = error->tid,
            .count = error->count,
            .stack = report_error_stack(build, error, &good),
            .allocated = report_build_stack(build, error->allocated, &good),
            .freed = report_build_stack(build, error->freed, &good),
            .detail = error_words(build, error, &good),
            .hint = error_hint(error),
            .follows = error->follows,
            .handled = report_survived(build, error),
            .mapping = error->place == ERROR_PLACE_MAPPING || error->place == ERROR_PLACE_UNMAPPED,
        };
        good = error_registers(build, error, &list[i]) && good;
    }
    build->report->errors = list;
    build->report->error_count = errors->count;
    return good;
}
