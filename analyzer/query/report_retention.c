/* SPDX-License-Identifier: Apache-2.0 */
#include "query/report_retention.h"

#include <stdlib.h>

#include "model/retention.h"
#include "query/leak_sums.h"
#include "query/retention_groups.h"

enum {
    ROOTS_MOST = 1024,   /* that are listed */
    STEPS_MOST = 16,     /* of a way, those next to its end */
    GROWTH_LEAST = 1000, /* one in so many of all bytes that are kept, or it is not called growth */
    QUARTER_LEAST = 8, /* growth is what adds one in so many of its bytes in a quarter of the run */
};

struct retention_work {
    struct report_build *build;
    struct root_groups groups;
    struct site_places places;
    struct retention found;
    uint64_t (*quarters)[REPORT_QUARTERS]; /* by place */
    uint64_t *newest;                      /* by place: ticks */
    struct report_retention *out;
};

/* ---- roots ---- */

struct ranked_root {
    uint64_t nearest;
    uint32_t group;
};

static int compare_roots(const void *left, const void *right)
{
    const struct ranked_root *a = left, *b = right;
    if (a->nearest != b->nearest)
        return a->nearest > b->nearest ? -1 : 1;
    return a->group < b->group ? -1 : a->group > b->group;
}

static bool retention_list_roots(struct retention_work *work)
{
    const struct retention_group *groups = work->found.groups;
    struct report_retention *out = work->out;
    struct ranked_root *order = malloc((work->groups.count + 1) * sizeof(*order));
    size_t count = 0;
    for (uint32_t i = 0; order && i < work->groups.count; i++)
        order[count++] = (struct ranked_root){groups[i].nearest.bytes, i};
    if (order && count)
        qsort(order, count, sizeof(*order), compare_roots);
    out->root_count = count < ROOTS_MOST ? count : ROOTS_MOST;
    out->roots_left_out = count - out->root_count;
    struct report_root *roots =
        arena_array(work->build->arena, out->root_count, sizeof(*out->roots));
    bool good = order && roots;
    for (size_t i = 0; good && i < out->root_count; i++) {
        uint32_t group = order[i].group;
        good = root_describe(work->build, work->groups.first[group], &roots[i]);
        roots[i].pointers = work->groups.pointers[group];
        roots[i].alone_bytes = groups[group].alone.bytes;
        roots[i].alone_blocks = groups[group].alone.blocks;
        roots[i].nearest_bytes = groups[group].nearest.bytes;
        roots[i].nearest_blocks = groups[group].nearest.blocks;
    }
    out->roots = roots;
    free(order);
    return good;
}

/* ---- what is kept ---- */

/* When what was kept alive at the scan, and still lives, was allocated. */
static bool retention_date(struct retention_work *work)
{
    const struct trace_model *model = work->build->model;
    uint64_t begin = model->header.start_ticks, end = reach_model_judge(&model->reach)->ticks;
    const uint8_t *classes = model->reach.classes.classes;
    work->quarters = calloc(work->places.count + 1, sizeof(*work->quarters));
    work->newest = calloc(work->places.count + 1, sizeof(*work->newest));
    if (!work->quarters || !work->newest)
        return false;
    uint64_t quarter = end > begin ? (end - begin) / REPORT_QUARTERS + 1 : 1;
    for (size_t i = 0; i < model->reach.graph.block_count; i++) {
        if (classes[i] != REACH_REACHABLE && classes[i] != REACH_POSSIBLE)
            continue;
        const struct live_block *block = leak_sums_still_live(model, i);
        if (!block || model->sites.sites[block->site].inherited)
            continue;
        uint64_t ticks = model->heap.eras.eras[block->era].ticks;
        uint32_t place = work->places.places[block->site];
        uint64_t number = ticks > begin ? (ticks - begin) / quarter : 0;
        work->quarters[place][number < REPORT_QUARTERS ? number : REPORT_QUARTERS - 1] +=
            block->size;
        if (ticks > work->newest[place])
            work->newest[place] = ticks;
    }
    return true;
}

/* Each quarter of the second half added to it, and it went on nearly to the end. */
static bool retention_grows(const struct retention_work *work, uint32_t place)
{
    const struct trace_model *model = work->build->model;
    uint64_t begin = model->header.start_ticks, end = reach_model_judge(&model->reach)->ticks;
    const uint64_t *quarters = work->quarters[place];
    uint64_t sum = 0;
    for (size_t i = 0; i < REPORT_QUARTERS; i++)
        sum += quarters[i];
    if (sum < work->found.reached.bytes / GROWTH_LEAST)
        return false;
    for (size_t i = REPORT_QUARTERS / 2; i < REPORT_QUARTERS; i++)
        if (quarters[i] == 0 || quarters[i] < sum / QUARTER_LEAST)
            return false;
    return work->newest[place] >= end - (end - begin) / QUARTER_LEAST;
}

static const struct report_site *retention_site(const struct retention_work *work, uint32_t place)
{
    return &work->build->sites[work->places.largest[place]];
}

static bool retention_add_way(struct retention_work *work, uint32_t place, struct report_kept *kept)
{
    const struct retention_way *ways = work->found.ways;
    uint32_t at = work->found.places[place].way;
    const struct retention_way *way = &ways[at];
    size_t count = way->depth < STEPS_MOST ? way->depth : STEPS_MOST;
    struct report_step *steps = arena_array(work->build->arena, count, sizeof(*steps));
    if (!steps || !root_describe(work->build, way->root, &kept->root))
        return false;
    kept->possible = way->possible;
    kept->left_out = way->depth - count;
    kept->way_bytes = way->sum.bytes;
    kept->steps = steps;
    kept->step_count = count;
    uint64_t offset = REPORT_UNKNOWN;
    for (size_t i = count; i > 0; i--, at = ways[at].parent) {
        steps[i - 1] = (struct report_step){.site = retention_site(work, ways[at].place),
                                            .bytes = ways[at].sum.bytes,
                                            .blocks = ways[at].sum.blocks,
                                            .offset = offset};
        offset = ways[at].offset == UINT32_MAX ? REPORT_UNKNOWN : ways[at].offset;
    }
    return true;
}

static bool retention_fill(struct retention_work *work, uint32_t index, struct report_kept *kept)
{
    const struct retention_place *place = &work->found.places[index];
    *kept = (struct report_kept){
        .site = retention_site(work, index),
        .sites = work->places.sites[index],
        .reachable_bytes = place->reachable.bytes,
        .reachable_blocks = place->reachable.blocks,
        .possible_bytes = place->possible.bytes,
        .possible_blocks = place->possible.blocks,
        .retained_bytes = place->retained.bytes,
        .retained_blocks = place->retained.blocks,
        .grows = retention_grows(work, index),
    };
    for (size_t i = 0; i < REPORT_QUARTERS; i++)
        kept->quarters[i] = work->quarters[index][i];
    return retention_add_way(work, index, kept);
}

static int compare_kept(const void *left, const void *right)
{
    const struct report_kept *a = left, *b = right;
    uint64_t first = a->reachable_bytes + a->possible_bytes;
    uint64_t second = b->reachable_bytes + b->possible_bytes;
    if (a->grows != b->grows)
        return a->grows ? -1 : 1;
    if (first != second)
        return first > second ? -1 : 1;
    return a->site < b->site ? -1 : a->site > b->site;
}

static bool retention_list_kept(struct retention_work *work)
{
    struct report_retention *out = work->out;
    size_t count = 0, next = 0;
    for (size_t i = 0; i < work->places.count; i++)
        count += work->found.places[i].way != RETENTION_NONE;
    struct report_kept *kept = arena_array(work->build->arena, count, sizeof(*kept));
    if (!kept)
        return false;
    for (uint32_t i = 0; i < work->places.count; i++)
        if (work->found.places[i].way != RETENTION_NONE && !retention_fill(work, i, &kept[next++]))
            return false;
    if (count)
        qsort(kept, count, sizeof(*kept), compare_kept);
    out->kept = kept;
    out->kept_count = count;
    return true;
}

static bool retention_make(struct retention_work *work)
{
    const struct trace_model *model = work->build->model;
    if (!root_groups_init(&work->groups, work->build) ||
        !site_places_init(&work->places, work->build))
        return false;
    const struct retention_input input = {
        .graph = &model->reach.graph,
        .root_groups = work->groups.groups,
        .group_count = work->groups.count,
        .site_places = work->places.places,
        .place_count = work->places.count,
    };
    if (!retention_init(&work->found, &input))
        return false;
    work->out->bytes = work->found.reached.bytes;
    work->out->blocks = work->found.reached.blocks;
    work->out->shared_bytes = work->found.shared.bytes;
    work->out->shared_blocks = work->found.shared.blocks;
    return retention_date(work) && retention_list_roots(work) && retention_list_kept(work);
}

bool report_build_retention(struct report_build *build)
{
    const struct trace_model *model = build->model;
    /* Of a sampled trace most links of each way are not known. */
    if (!build->report->judge || model->heap.sample_interval)
        return true;
    struct retention_work work = {.build = build};
    work.out = arena_alloc(build->arena, sizeof(*work.out));
    bool good = work.out && retention_make(&work);
    if (good) {
        work.out->t_ns = build->report->judge->t_ns;
        build->report->retention = work.out;
    }
    retention_release(&work.found);
    root_groups_release(&work.groups);
    site_places_release(&work.places);
    free(work.quarters);
    free(work.newest);
    return good;
}
