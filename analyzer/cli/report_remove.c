/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_remove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path_name.h"
#include "cli/cli_common.h"
#include "reader/first_chunk.h"

struct trace {
    const struct finding_process *process;
    const char *name; /* without its folder, which its children may have spelled otherwise */
    bool failed;      /* something of it trips the gate, or it could not be checked */
    bool stays;
};

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

/* The first of that name, or NULL; `traces` are sorted by name. */
static struct trace *find_named(struct trace *traces, size_t count, const char *name)
{
    struct trace wanted = {.name = name};
    struct trace *found = bsearch(&wanted, traces, count, sizeof(*traces), compare_names);
    while (found && found > traces && strcmp(found[-1].name, name) == 0)
        found--;
    return found;
}

/* The failed ones and what they were forked from: of that name several folders may have one. */
static void keep(struct trace *traces, size_t count, struct trace **queue)
{
    size_t queued = 0;
    for (size_t i = 0; i < count; i++) {
        traces[i].stays = traces[i].failed;
        if (traces[i].stays)
            queue[queued++] = &traces[i];
    }
    while (queued) {
        const char *parent = queue[--queued]->process->parent_trace;
        const char *name = parent ? path_name(parent) : "";
        struct trace *trace = parent ? find_named(traces, count, name) : NULL;
        for (; trace && trace < traces + count && strcmp(trace->name, name) == 0; trace++) {
            if (!trace->stays)
                queue[queued++] = trace;
            trace->stays = true;
        }
    }
}

/* Both files of one that is in two. */
static void remove_trace(const char *path)
{
    char *first = first_chunk_is_here(path) ? NULL : first_chunk_path(path);
    if (first)
        unlink(first);
    free(first);
    if (unlink(path) != 0 && errno != ENOENT) /* it was named twice, or was the other */
        cli_error("cannot remove %s: %s", path, strerror(errno));
}

void report_remove_traces(const struct finding_set *set, bool all)
{
    size_t count = set->process_count;
    struct trace *traces = calloc(count + 1, sizeof(*traces));
    struct trace **queue = calloc(count + 1, sizeof(*queue));
    for (size_t i = 0; traces && i < count; i++)
        traces[i] = (struct trace){
            .process = &set->processes[i],
            .name = set->processes[i].trace ? path_name(set->processes[i].trace) : ""};
    if (traces && queue && !all) {
        find_failed(set, traces);
        qsort(traces, count, sizeof(*traces), compare_names);
        keep(traces, count, queue);
    }
    for (size_t i = 0; traces && queue && i < count; i++) {
        const char *path = traces[i].process->trace;
        if (!traces[i].stays && path && strcmp(path, "-") != 0)
            remove_trace(path);
    }
    if (!traces || !queue)
        cli_error("out of memory: traces are not removed");
    free(queue);
    free(traces);
}
