/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "query/report_build.h"

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
    case ERROR_CRASH:
        break;
    }
    return report_signal_kind(error->signal);
}

static bool report_error_detail(struct report_build *build, const struct memory_error *error,
                                const char **detail)
{
    unsigned long long size = error->block_size, offset = error->offset;
    const char *bytes = error->block_size == 1 ? "byte" : "bytes";
    const char *step = error->offset == 1 ? "byte" : "bytes";
    *detail = NULL;
    if (error->kind == ERROR_CRASH && report_signal_kind(error->signal)[0] == 's' &&
        error->signal != SIGSEGV)
        *detail = arena_printf(build->arena, "signal %d", error->signal);
    else if (error->kind == ERROR_MISMATCHED_FREE)
        *detail = arena_printf(build->arena, "a block of %llu %s from %s, released by %s", size,
                               bytes, report_kind_name(build, error->allocated_kind),
                               report_kind_name(build, error->released_kind));
    else if (error->place == ERROR_PLACE_BLOCK)
        *detail = arena_printf(build->arena, "a block of %llu %s, freed before", size, bytes);
    else if (error->place == ERROR_PLACE_INSIDE_LIVE)
        *detail = arena_printf(build->arena, "%llu %s into a block of %llu %s", offset, step, size,
                               bytes);
    else if (error->place == ERROR_PLACE_INSIDE_FREED)
        *detail = arena_printf(build->arena, "%llu %s into a block of %llu %s, freed", offset, step,
                               size, bytes);
    else if (error->kind == ERROR_INVALID_FREE)
        *detail = "not an address that an allocation returned";
    else
        return true;
    return *detail != NULL;
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
            .address = error->address,
            .t_ns = report_ns(build, error->ticks),
            .tid = error->tid,
            .count = error->count,
            .stack = report_build_stack(build, error->node, &good),
            .allocated = report_build_stack(build, error->allocated, &good),
            .freed = report_build_stack(build, error->freed, &good),
        };
        good = report_error_detail(build, error, &list[i].detail) && good;
    }
    build->report->errors = list;
    build->report->error_count = errors->count;
    return good;
}
