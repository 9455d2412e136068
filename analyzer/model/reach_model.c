/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "model/residency_join.h"

#define THREADS_MAX ((size_t)1 << 20)

void reach_model_init(struct reach_model *model, struct heap_model *heap,
                      const struct pool_model *pools, struct residency_model *residency,
                      const struct module_table *modules, const struct stack_tree *stacks,
                      const struct inheritance *inheritance, struct arena *arena)
{
    *model = (struct reach_model){.heap = heap,
                                  .pools = pools,
                                  .residency = residency,
                                  .modules = modules,
                                  .stacks = stacks,
                                  .inheritance = inheritance,
                                  .arena = arena,
                                  .address_bits = UINT64_MAX,
                                  .judged = SIZE_MAX};
}

static void reach_capture_release(struct reach_capture *capture)
{
    residency_capture_release(&capture->regions);
    block_order_release(&capture->order);
    reach_builder_release(&capture->builder);
    free(capture->threads);
    free(capture->loader_sites);
    *capture = (struct reach_capture){0};
}

void reach_model_release(struct reach_model *model)
{
    reach_capture_release(&model->capture);
    reach_graph_release(&model->graph);
    reach_classes_release(&model->classes);
    free(model->threads);
    for (size_t i = 0; i < model->count; i++)
        free(model->scans[i].definite);
    free(model->scans);
}

const struct reach_scan *reach_model_judge(const struct reach_model *model)
{
    return model->judged < model->count ? &model->scans[model->judged] : NULL;
}

size_t reach_graph_find(const struct reach_graph *graph, uint64_t address)
{
    size_t low = 0, high = graph->block_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (graph->blocks[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < graph->block_count && graph->blocks[low].start <= address ? low : SIZE_MAX;
}

/* ---- the start ---- */

/* ld.so's own allocations (vectors of thread-local storage, lists of modules) are reached through
 * its variables in ways that a scan does not always see. */
static bool reach_is_loader(const struct reach_model *model, uint32_t node)
{
    uint32_t module = node < model->stacks->count
                          ? stack_tree_module(model->stacks, model->modules, node)
                          : MODULE_NONE;
    if (module == MODULE_NONE)
        return false;
    const char *path = model->modules->modules[module].path, *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld-musl", 7) == 0 ||
           strncmp(name, "ld64.so", 7) == 0 || strncmp(name, "ld.so", 5) == 0 ||
           (strncmp(name, "ld-2.", 5) == 0 && strstr(name, ".so"));
}

static bool reach_find_loader(struct reach_model *model)
{
    const struct site_table *sites = model->heap->sites;
    bool *loader = calloc(sites->count + 1, sizeof(*loader));
    if (!loader)
        return false;
    for (size_t i = 0; i < sites->count; i++)
        loader[i] = sites->sites[i].kind < SITE_MMAP && sites->sites[i].live_blocks &&
                    reach_is_loader(model, sites->sites[i].node);
    model->capture.loader_sites = loader;
    model->capture.builder.loader_sites = loader;
    return true;
}

/* Whether there is time to judge this one. */
static bool reach_affords(struct reach_model *model, uint32_t reason)
{
    if (model->next > 0)
        model->next--;
    if (reason != VMT_SCAN_EXIT && (model->next > 0 || model->count >= REACH_SCANS))
        return false;
    model->work += model->heap->blocks.count + model->heap->sites->count;
    if (model->work >= REACH_WORK) {
        model->work = 0;
        model->stride = model->stride ? model->stride * 2 : 2;
    }
    model->next = model->stride;
    return true;
}

static void reach_abandon(struct reach_model *model, const char *why)
{
    if (model->capture.open)
        model->scans[model->capture.scan].failure = why;
    reach_capture_release(&model->capture);
}

static struct reach_scan *reach_add_scan(struct reach_model *model, const struct event *event)
{
    const uint64_t *values = event->cold.values;
    const struct event_string *name = &event->cold.strings[0];
    if (model->count == model->capacity &&
        !vector_grow(&model->scans, &model->capacity, sizeof(*model->scans)))
        return NULL;
    struct reach_scan *scan = &model->scans[model->count];
    *scan = (struct reach_scan){
        .ticks = event->ticks,
        .number = values[0],
        .reason = values[1] <= VMT_SCAN_LSAN ? (uint32_t)values[1] : VMT_SCAN_SNAPSHOT,
        .stop = values[2] <= VMT_STOP_NONE ? (uint32_t)values[2] : VMT_STOP_NONE,
        .threads = values[3],
        .stopped = values[4],
        .name = arena_string(model->arena, name->bytes, name->length),
    };
    if (!scan->name)
        return NULL;
    model->count++;
    return scan;
}

/* Whether all blocks that live are known.  What a forked child has from its parent is, if the
 * parent's trace was there. */
static bool reach_knows_all(const struct reach_model *model)
{
    const struct heap_model *heap = model->heap;
    const struct inheritance *inheritance = model->inheritance;
    bool parents = inheritance->state == INHERIT_NONE || (inheritance->state == INHERIT_TAKEN &&
                                                          inheritance->whole && inheritance->exact);
    return parents && !model->lossy && heap->sample_interval == 0 && heap->seeing_since == 0 &&
           !heap->paused && heap->lost_streams == 0;
}

static bool reach_begin(struct reach_model *model, uint32_t stream, const struct event *event)
{
    struct reach_capture *capture = &model->capture;
    reach_abandon(model, "it did not come to its end");
    if (model->count >= 2 * REACH_SCANS ||
        !reach_affords(model, (uint32_t)(event->cold.values[1] & UINT32_MAX))) {
        model->dropped++;
        return true;
    }
    struct reach_scan *scan = reach_add_scan(model, event);
    if (!scan || !era_table_begin(&model->heap->eras, event->ticks))
        return false;
    scan->all_blocks = reach_knows_all(model);
    capture->open = true;
    capture->stream = stream;
    capture->scan = model->count - 1;
    capture->era = (uint32_t)(model->heap->eras.count - 1);
    if (!block_order_init_all(&capture->order, model->heap))
        return false;
    if (capture->order.count >= REACH_MOST_BLOCKS) {
        reach_abandon(model, "there are too many blocks");
        return true;
    }
    if (!reach_builder_init(&capture->builder, &capture->order, model->pools) ||
        !reach_find_loader(model))
        return false;
    capture->builder.address_bits = model->address_bits;
    capture->builder.left_out = model->left_out;
    return !model->lsan || reach_builder_except(&capture->builder, model->lsan);
}

/* ---- what comes ---- */

static bool reach_thread(struct reach_capture *capture, const struct event *event)
{
    const struct event_cold *cold = &event->cold;
    const uint8_t *cursor = (const uint8_t *)cold->rest.bytes;
    const uint8_t *end = cursor + cold->rest.length;
    uint64_t value;
    while (cursor < end && vmt_get_varint(&cursor, end, &value))
        if (!reach_builder_register(&capture->builder, (uint32_t)cold->values[0], value))
            return false;
    if (capture->thread_count == THREADS_MAX) {
        capture->damaged = true;
        return true;
    }
    if (capture->thread_count == capture->thread_capacity &&
        !vector_grow(&capture->threads, &capture->thread_capacity, sizeof(*capture->threads)))
        return false;
    capture->threads[capture->thread_count++] = (struct reach_thread){
        (uint32_t)cold->values[0], (uint32_t)cold->values[3], cold->values[1], cold->values[2]};
    return true;
}

static int compare_threads(const void *left, const void *right)
{
    const struct reach_thread *a = left, *b = right;
    return a->tid < b->tid ? -1 : a->tid > b->tid;
}

/* Regions and threads are known now. */
static bool reach_place(struct reach_model *model)
{
    struct reach_capture *capture = &model->capture;
    struct reach_scan *scan = &model->scans[capture->scan];
    bool still = scan->stop != VMT_STOP_NONE;
    if (capture->thread_count)
        qsort(capture->threads, capture->thread_count, sizeof(*capture->threads), compare_threads);
    for (size_t i = 0; i < capture->thread_count; i++)
        still &= (capture->threads[i].flags & (VMT_THREAD_STOPPED | VMT_THREAD_ASKED)) != 0;
    residency_capture_sort(&capture->regions);
    const struct reach_moment moment = {
        .residency = model->residency,
        .capture = &capture->regions,
        .order = &capture->order,
        .threads = capture->threads,
        .thread_count = capture->thread_count,
        .all_threads = capture->thread_count > 0 && capture->thread_count >= scan->threads,
        .all_blocks = scan->all_blocks,
    };
    scan->all_stopped = still && capture->thread_count >= scan->threads;
    capture->placed = true;
    bool good = reach_builder_places(&capture->builder, &moment);
    block_order_release(&capture->order);
    return good;
}

/* ---- the end ---- */

static bool reach_keep_definite(struct reach_scan *scan, const struct reach_sum *sums, size_t count)
{
    size_t sites = 0;
    for (size_t i = 0; i < count; i++)
        sites += sums[i].blocks > 0;
    scan->definite = malloc((sites + 1) * sizeof(*scan->definite));
    if (!scan->definite)
        return false;
    for (size_t i = 0; i < count; i++)
        if (sums[i].blocks)
            scan->definite[scan->definite_count++] = (struct reach_site){(uint32_t)i, sums[i]};
    return true;
}

/* What it found, by class, and of definite blocks by site. */
static bool reach_sum_up(struct reach_model *model, struct reach_scan *scan,
                         const struct reach_graph *graph, const struct reach_classes *classes)
{
    size_t site_count = model->heap->sites->count;
    struct reach_sum *by_site = calloc(site_count + 1, sizeof(*by_site));
    if (!by_site)
        return false;
    for (size_t i = 0; i < graph->block_count; i++) {
        const struct reach_block *block = &graph->blocks[i];
        uint64_t size = block->end - block->start;
        const struct live_block *live =
            size == 1 ? block_table_find(&model->heap->blocks, block->start) : NULL;
        if (live)
            size = live->size; /* it may be empty */
        struct sample_weight weight = sample_weigh(model->heap->sample_interval, size);
        struct reach_sum *sum = &scan->sums[classes->classes[i]];
        if (model->heap->sites->sites[block->site].inherited)
            continue;
        sum->bytes += weight.bytes;
        sum->blocks += weight.blocks;
        if (classes->classes[i] == REACH_DEFINITE) {
            by_site[block->site].bytes += weight.bytes;
            by_site[block->site].blocks += weight.blocks;
        }
    }
    bool good = reach_keep_definite(scan, by_site, site_count);
    free(by_site);
    return good;
}

static bool reach_judge(struct reach_model *model, struct reach_scan *scan)
{
    struct reach_capture *capture = &model->capture;
    struct reach_graph graph;
    struct reach_classes classes;
    if (!reach_builder_finish(&capture->builder, &graph))
        return false;
    if (!reach_classes_init(&classes, &graph) || !reach_sum_up(model, scan, &graph, &classes)) {
        reach_classes_release(&classes);
        reach_graph_release(&graph);
        return false;
    }
    reach_graph_release(&model->graph);
    reach_classes_release(&model->classes);
    model->graph = graph;
    model->classes = classes;
    free(model->threads);
    model->threads = capture->threads;
    model->thread_count = capture->thread_count;
    capture->threads = NULL;
    model->judged = capture->scan;
    model->era = capture->era;
    return true;
}

static const char *reach_errno_words(uint64_t number)
{
    const char *words = number < 4096 ? strerrordesc_np((int)number) : NULL;
    switch (number) {
    case ETIMEDOUT:
        return "it took too long";
    case EBUSY:
        return "another one was under way";
    case ENOSPC:
    case EFBIG:
        return "there was no space left for the trace";
    case ENOENT:
        return "there was no /proc";
    default:
        return words ? words : "an unknown error";
    }
}

static const char *reach_failure(const struct reach_model *model, const uint64_t *values)
{
    const struct reach_capture *capture = &model->capture;
    if (values[0])
        return reach_errno_words(values[0]);
    if (capture->damaged || capture->regions.cut || capture->builder.disordered ||
        capture->builder.pointers < values[2])
        return "a part of its records is missing or damaged";
    return capture->regions.region_count ? NULL : "the address space could not be read";
}

static bool reach_end(struct reach_model *model, const struct event *event)
{
    struct reach_capture *capture = &model->capture;
    struct reach_scan *scan = &model->scans[capture->scan];
    const uint64_t *values = event->cold.values;
    bool good = true;
    scan->words = values[1];
    scan->pointers = values[2];
    scan->unreadable_bytes = values[3];
    scan->pause_ns = values[4];
    scan->duration_ns = values[5];
    scan->failure = reach_failure(model, values);
    if (!scan->failure)
        good = (capture->placed || reach_place(model)) && reach_judge(model, scan);
    reach_capture_release(capture);
    return good;
}

static bool reach_pointers(struct reach_model *model, const struct event *event)
{
    return (model->capture.placed || reach_place(model)) &&
           reach_builder_pointers(&model->capture.builder, &event->cold);
}

bool reach_model_apply(struct reach_model *model, uint32_t stream, const struct event *event)
{
    struct reach_capture *capture = &model->capture;
    if (event->op == VMT_OP_SCAN)
        return reach_begin(model, stream, event);
    if (!capture->open || capture->stream != stream)
        return true;
    switch (event->op) {
    case VMT_OP_REGION:
        capture->damaged |= capture->placed;
        return residency_capture_region(model->residency, &capture->regions, event);
    case VMT_OP_SCAN_THREAD:
        capture->damaged |= capture->placed;
        return reach_thread(capture, event);
    case VMT_OP_POINTERS:
        return reach_pointers(model, event);
    case VMT_OP_SCAN_END:
        return reach_end(model, event);
    default:
        return true;
    }
}

void reach_model_gap(struct reach_model *model, uint32_t stream)
{
    if (model->capture.open && model->capture.stream == stream)
        model->capture.damaged = true;
}

void reach_model_finish(struct reach_model *model)
{
    reach_abandon(model, "it did not come to its end");
}
