/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <vmtrace/exec_file.h>

#include "query/report_build.h"

enum { UNTRACED_NOTED = 3, UNTRACED_NOTE = 1024 };

static bool report_build_successor(struct report_build *build)
{
    const struct trace_model *model = build->model;
    const char *words = exec_file_words(model->untraced.successor);
    if (!words || build->report->end != REPORT_END_EXEC)
        return true;
    build->report->successor = arena_printf(
        build->arena, "%s (%s)", model->facts.exec_path ? model->facts.exec_path : "?", words);
    return build->report->successor != NULL;
}

bool report_build_untraced(struct report_build *build)
{
    const struct untraced_list *list = &build->model->untraced;
    struct report *report = build->report;
    struct report_untraced *children =
        arena_array(build->arena, list->count + 1, sizeof(*children));
    if (!children)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        const struct untraced_child *child = &list->children[i];
        const char *words = exec_file_words(child->why);
        const char *path = child->path ? report_copy(build, child->path) : "(several programs)";
        if (!path)
            return false;
        if (child->count)
            children[report->untraced_count++] =
                (struct report_untraced){.pid = child->pid,
                                         .path = path,
                                         .reason = words ? words : "of several sorts",
                                         .t_ns = report_ns(build, child->ticks),
                                         .count = child->count};
    }
    if (build->model->header.lost_children) /* the path is its own, too: they were forked */
        children[report->untraced_count++] =
            (struct report_untraced){.path = report->exe ? report->exe : "(forked)",
                                     .reason = "its trace could not be created",
                                     .t_ns = report_ns(build, build->model->last_ticks),
                                     .count = build->model->header.lost_children};
    report->untraced = children;
    return report_build_successor(build);
}

static bool report_is_repeated(const struct report *report, size_t number)
{
    const struct report_untraced *child = &report->untraced[number];
    for (size_t i = 0; i < number; i++)
        if (strcmp(report->untraced[i].path, child->path) == 0 &&
            strcmp(report->untraced[i].reason, child->reason) == 0)
            return true;
    return false;
}

bool report_note_untraced(struct report_build *build)
{
    const struct report *report = build->report;
    uint64_t count = 0;
    size_t named = 0;
    char names[UNTRACED_NOTE] = "";
    for (size_t i = 0; i < report->untraced_count; i++) {
        const struct report_untraced *child = &report->untraced[i];
        count += child->count;
        if (named > UNTRACED_NOTED || report_is_repeated(report, i))
            continue;
        size_t used = strlen(names);
        if (named++ < UNTRACED_NOTED)
            snprintf(names + used, sizeof(names) - used, "%s%.200s (%s)", used ? ", " : "",
                     child->path, child->reason);
        else
            snprintf(names + used, sizeof(names) - used, ", ...");
    }
    return count == 0 ||
           string_list_add(&build->notes,
                           arena_printf(build->arena, "%llu child process%s left no trace: %s",
                                        (unsigned long long)count, count == 1 ? "" : "es", names));
}
