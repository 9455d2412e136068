/* SPDX-License-Identifier: Apache-2.0 */
#include "model/parent_shelf.h"

#include <stdlib.h>
#include <string.h>

#include "model/trace_state.h"

/* Of a chain of generations at work at the same time; each is as large as its live blocks. */
enum { SHELF_ROOM = 4 };

struct parent_shelf {
    struct parent_trace *traces[SHELF_ROOM]; /* the one used last comes first; then NULL */
};

enum vmt_error parent_trace_open(struct parent_trace **parent, const struct trace_model *child,
                                 const char *path, uint64_t trace_id, struct error *error)
{
    struct source *source;
    struct parent_trace *fresh = calloc(1, sizeof(*fresh));
    struct trace_model *model = trace_model_new();
    if (model)
        model->path = arena_string(model->arena, path, strlen(path));
    enum vmt_error code =
        fresh && model && model->path ? source_open(path, &source, error) : error_no_memory(error);
    if (code == VMT_OK) {
        model->depth = child->depth + 1;
        model->every_parent = child->every_parent;
        model->without_faults = child->without_faults;
        model->shelf = child->shelf;
        model->expected_trace = trace_id;
        code = trace_reading_open(&fresh->reading, model, source, error);
    }
    if (code != VMT_OK) {
        trace_model_free(model);
        free(fresh);
        return code;
    }
    fresh->model = model;
    *parent = fresh;
    return VMT_OK;
}

/* A realloc that the fork interrupted is undone for the child. */
static bool parent_is_moving(const struct trace_model *model)
{
    for (size_t i = 0; i < model->stream_count; i++)
        if (model->streams[i].realloc.active)
            return true;
    return false;
}

enum vmt_error parent_trace_read(struct parent_trace *parent, uint64_t until, bool *last,
                                 struct error *error)
{
    struct trace_model *model = parent->model;
    enum vmt_error code = trace_reading_run(&parent->reading, until, error, NULL);
    parent->until = until;
    *last = !model->without_faults || parent_is_moving(model);
    if (code == VMT_OK && *last && !trace_model_finish(model))
        code = error_no_memory(error);
    return code;
}

void parent_trace_free(struct parent_trace *parent)
{
    if (!parent)
        return;
    trace_reading_close(&parent->reading);
    trace_model_free(parent->model);
    free(parent);
}

struct parent_shelf *parent_shelf_new(void)
{
    return calloc(1, sizeof(struct parent_shelf));
}

void parent_shelf_free(struct parent_shelf *shelf)
{
    for (size_t i = 0; shelf && i < SHELF_ROOM; i++)
        parent_trace_free(shelf->traces[i]);
    free(shelf);
}

struct parent_trace *parent_shelf_take(struct parent_shelf *shelf, uint64_t trace_id,
                                       uint64_t until)
{
    for (size_t i = 0; shelf && i < SHELF_ROOM && shelf->traces[i]; i++) {
        struct parent_trace *found = shelf->traces[i];
        if (found->model->header.trace_id != trace_id || found->until > until)
            continue;
        memmove(&shelf->traces[i], &shelf->traces[i + 1],
                (SHELF_ROOM - 1 - i) * sizeof(struct parent_trace *));
        shelf->traces[SHELF_ROOM - 1] = NULL;
        return found;
    }
    return NULL;
}

void parent_shelf_put(struct parent_shelf *shelf, struct parent_trace *parent)
{
    parent_trace_free(shelf->traces[SHELF_ROOM - 1]);
    memmove(&shelf->traces[1], &shelf->traces[0], (SHELF_ROOM - 1) * sizeof(struct parent_trace *));
    shelf->traces[0] = parent;
}
