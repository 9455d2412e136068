/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "query/report_build.h"

struct frame_place {
    uint32_t module;
    uint64_t address; /* to look up: within the call, not behind it */
};

static struct frame_place report_frame_place(const struct report_build *build, uint32_t node)
{
    const struct trace_model *model = build->model;
    uint64_t pc = model->stacks.nodes[node].pc;
    uint64_t address = pc & ~VMT_PC_EXACT;
    if (!(pc & VMT_PC_EXACT) && address > 0)
        address--;
    return (struct frame_place){stack_tree_module(&model->stacks, &model->modules, node), address};
}

static bool report_is_tracer(const struct report_build *build, uint32_t module)
{
    return module != MODULE_NONE &&
           (build->model->modules.modules[module].flags & VMT_MODULE_TRACER);
}

/* Copies the frames from `node` outward to `frames`, or only counts them if that is NULL: without
 * those of the recorder's wrappers, under which libc's own functions may allocate. */
static bool report_walk(struct report_build *build, uint32_t node, struct report_frame *frames,
                        size_t *count, uint32_t *root)
{
    *count = 0;
    for (; node >= STACK_FIRST; node = build->model->stacks.nodes[node].parent) {
        struct frame_place place = report_frame_place(build, node);
        if (report_is_tracer(build, place.module))
            continue;
        const struct cached_frames *known =
            frame_cache_get(&build->frames, place.module, place.address);
        if (!known)
            return false;
        if (frames)
            memcpy(frames + *count, known->frames, known->count * sizeof(*frames));
        *count += known->count;
    }
    *root = node;
    return true;
}

static const struct report_stack *report_make_stack(struct report_build *build, uint32_t node)
{
    uint32_t root;
    size_t count;
    struct report_stack *stack = arena_alloc(build->arena, sizeof(*stack));
    if (!stack || !report_walk(build, node, NULL, &count, &root))
        return NULL;
    struct report_frame *frames = arena_array(build->arena, count, sizeof(*frames));
    if (!frames || !report_walk(build, node, frames, &count, &root))
        return NULL;
    *stack = (struct report_stack){
        .frames = frames, .count = count, .cut = root == STACK_CUT, .lost = root == STACK_LOST};
    return stack;
}

const struct report_stack *report_build_stack(struct report_build *build, uint32_t node, bool *good)
{
    if (node == STACK_NONE)
        return NULL;
    if (!build->stacks[node]) {
        build->stacks[node] = report_make_stack(build, node);
        if (!build->stacks[node])
            *good = false;
    }
    return build->stacks[node];
}
