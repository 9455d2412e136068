/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_remove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_common.h"

struct trace {
    const struct finding_process *process;
    const char *name; /* without its folder, which its children may have spelled otherwise */
    bool failed;      /* something of it trips the gate, or it could not be checked */
    bool stays;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct trace *)left)->name, ((const struct trace *)right)->name);
}

static void find_failed(const struct finding_set *set, struct trace *traces)
{
    for (size_t i = 0; i < set->process_count; i++)
        traces[i].failed = set->processes[i].unchecked != NULL;
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; set->findings[i].fatal && j < set->findings[i].process_count; j++)
            traces[set->findings[i].processes[j]].failed = true;
}

/* `trace` and those that it was forked from; `traces` are sorted by name. */
static void keep(struct trace *traces, size_t count, struct trace *trace)
{
    while (trace && !trace->stays) {
        const char *parent = trace->process->parent_trace;
        struct trace wanted = {.name = parent ? base_name(parent) : ""};
        trace->stays = true;
        trace = parent ? bsearch(&wanted, traces, count, sizeof(*traces), compare_names) : NULL;
    }
}

void report_remove_traces(const struct finding_set *set, bool all)
{
    size_t count = set->process_count;
    struct trace *traces = calloc(count + 1, sizeof(*traces));
    if (!traces) {
        cli_error("out of memory: traces are not removed");
        return;
    }
    for (size_t i = 0; i < count; i++)
        traces[i] = (struct trace){
            .process = &set->processes[i],
            .name = set->processes[i].trace ? base_name(set->processes[i].trace) : ""};
    if (!all) {
        find_failed(set, traces);
        qsort(traces, count, sizeof(*traces), compare_names);
        for (size_t i = 0; i < count; i++)
            if (traces[i].failed)
                keep(traces, count, &traces[i]);
    }
    for (size_t i = 0; i < count; i++) {
        const char *path = traces[i].process->trace;
        if (!traces[i].stays && path && strcmp(path, "-") != 0 && unlink(path) != 0)
            cli_error("cannot remove %s: %s", path, strerror(errno));
    }
    free(traces);
}
