/* SPDX-License-Identifier: Apache-2.0 */
#include "model/inherit.h"

#include <stdlib.h>
#include <string.h>

#include "model/parent_shelf.h"
#include "model/trace_state.h"
#include "reader/source.h"

#define INHERIT_NAMES 4
/* A few faults are always lost, while a process begins. */
#define INHERIT_UNSEEN_SHARE 16
/* Bytes of a parent's trace that are read in any case (about 0.2 s), and for each of the child's.
 */
#define INHERIT_BYTES_LEAST (UINT64_C(8) << 20)
#define INHERIT_BYTES_RATIO 256
/* From a trace that is read once for several children: live blocks to take over in any case (0.03
 * s), else not more than the child's trace has bytes. */
#define INHERIT_BLOCKS_LEAST 100000

/* Where the parent's trace may be, in order of preference. */
struct inherit_names {
    const char *names[INHERIT_NAMES];
    size_t count;
    bool failed; /* out of memory */
};

/* `vmtrace compact` puts app.vmtz in the place of app.vmt. */
static void inherit_add_name(struct inherit_names *names, struct arena *arena, const char *path)
{
    size_t length = strlen(path);
    bool usual = length > 4 && strcmp(path + length - 4, ".vmt") == 0;
    const char *compact = arena_printf(arena, "%s%s", path, usual ? "z" : ".vmtz");
    names->names[names->count++] = path;
    names->names[names->count++] = compact;
    names->failed = names->failed || !compact;
}

static struct inherit_names inherit_names(struct trace_model *model, const char *told)
{
    struct inherit_names names = {0};
    const char *base = strrchr(told, '/'), *folder = strrchr(model->path, '/');
    inherit_add_name(&names, model->arena, told);
    if (strcmp(model->path, "-") == 0)
        return names;
    const char *beside =
        arena_printf(model->arena, "%.*s%s", folder ? (int)(folder - model->path + 1) : 0,
                     model->path, base ? base + 1 : told);
    if (beside)
        inherit_add_name(&names, model->arena, beside);
    names.failed = names.failed || !beside;
    return names;
}

/* Without a word about it the fork was before the child's first event. */
static uint64_t inherit_moment(struct trace_model *model)
{
    const char *told = process_facts_get(&model->facts, "fork_ticks");
    char *end = NULL;
    uint64_t ticks = told ? strtoull(told, &end, 10) : 0;
    bool good = told && *told && *end == '\0' && ticks <= model->header.start_ticks;
    /* The counter is the process's own, and the child's went on where it was. */
    model->inheritance.exact = good || model->header.clock == VMT_CLOCK_COUNTER;
    return good ? ticks : model->header.start_ticks;
}

static bool inherit_is_whole(const struct trace_model *parent)
{
    const struct heap_model *heap = &parent->heap;
    return !trace_damage_any(&parent->damage) && parent->header.lost_events == 0 &&
           heap->seeing_since == 0 && !heap->paused &&
           (parent->inheritance.state == INHERIT_NONE || parent->inheritance.whole);
}

static bool inherit_from(struct trace_model *model, const struct trace_model *parent)
{
    struct inheritance *inheritance = &model->inheritance;
    inheritance->state = INHERIT_TAKEN;
    inheritance->pid = parent->header.pid;
    inheritance->path = arena_string(model->arena, parent->path, strlen(parent->path));
    inheritance->whole = inherit_is_whole(parent);
    inheritance->seen_faults =
        parent->faults.minor > INHERIT_UNSEEN_SHARE * parent->faults.lost_minor;
    return inheritance->path && inherit_take(model, parent);
}

static void inherit_leave_out(struct trace_model *model, const char *path, uint64_t size)
{
    model->inheritance.state = INHERIT_LARGE;
    model->inheritance.path = path;
    model->inheritance.size = size;
}

static bool inherit_affords(const struct trace_model *model, uint64_t size)
{
    return model->every_parent || model->shelf || size <= INHERIT_BYTES_LEAST ||
           size / INHERIT_BYTES_RATIO <= model->bytes;
}

static bool inherit_affords_blocks(const struct trace_model *model, size_t blocks)
{
    return model->every_parent || !model->shelf || blocks <= INHERIT_BLOCKS_LEAST ||
           blocks <= model->bytes;
}

/* False when out of memory. */
static bool inherit_from_read(struct trace_model *model, const struct trace_model *parent)
{
    if (inherit_affords_blocks(model, parent->heap.blocks.count))
        return inherit_from(model, parent);
    const char *path = arena_string(model->arena, parent->path, strlen(parent->path));
    inherit_leave_out(model, path, parent->bytes);
    return path != NULL;
}

/* Takes the trace over.  False when out of memory. */
static bool inherit_read(struct trace_model *model, struct parent_trace *parent, uint64_t until)
{
    bool last;
    bool good = parent_trace_read(parent, until, &last, NULL) == VMT_OK &&
                inherit_from_read(model, parent->model);
    if (good && !last && model->shelf)
        parent_shelf_put(model->shelf, parent);
    else
        parent_trace_free(parent);
    return good;
}

/* One file.  False when out of memory. */
static bool inherit_try(struct trace_model *model, const char *path, uint64_t until)
{
    uint64_t size;
    struct parent_trace *parent;
    struct error error = {.code = VMT_OK};
    if (!source_is_file(path, &size))
        return true;
    if (!inherit_affords(model, size)) {
        inherit_leave_out(model, path, size);
        return true;
    }
    enum vmt_error code =
        parent_trace_open(&parent, model, path, model->header.parent_trace_id, &error);
    if (code == VMT_OK)
        return inherit_read(model, parent, until);
    if (code == VMT_ERROR_FORMAT) {
        model->inheritance.state = INHERIT_OTHER;
    } else if (code != VMT_ERROR_MEMORY && model->inheritance.state != INHERIT_OTHER) {
        model->inheritance.state = INHERIT_UNREADABLE;
        model->inheritance.problem =
            arena_string(model->arena, error.message, strlen(error.message));
        return model->inheritance.problem != NULL;
    }
    return code != VMT_ERROR_MEMORY;
}

/* Under another name the same trace would only be read once more. */
static bool inherit_is_settled(const struct trace_model *model)
{
    enum inherit_state state = model->inheritance.state;
    return state == INHERIT_TAKEN || (model->shelf && state == INHERIT_LARGE);
}

bool inherit_find(struct trace_model *model)
{
    struct inheritance *inheritance = &model->inheritance;
    const char *told = process_facts_get(&model->facts, "parent_trace");
    if (!told || inheritance->state != INHERIT_UNTOLD || model->depth >= INHERIT_DEPTH ||
        model->header.parent_trace_id == model->header.trace_id)
        return true;
    inheritance->state = INHERIT_MISSING;
    inheritance->path = told;
    uint64_t until = inherit_moment(model);
    struct parent_trace *kept =
        parent_shelf_take(model->shelf, model->header.parent_trace_id, until);
    if (kept)
        return inherit_read(model, kept, until);
    struct inherit_names names = inherit_names(model, told);
    for (size_t i = 0; !names.failed && i < names.count && !inherit_is_settled(model); i++)
        names.failed = !inherit_try(model, names.names[i], until);
    return !names.failed;
}
