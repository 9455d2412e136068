/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_builder.h"

#include <stdlib.h>
#include <string.h>

#include "base/huge_array.h"
#include "base/vector.h"

#define WORD UINT64_C(8)
#define CHUNK_UNIT 16 /* of glibc: header and alignment */
#define PAGE UINT64_C(4096)

/* Pointers whose targets are looked up at once. */
#define POINTERS_AT_ONCE 64

struct reach_entry {
    uint64_t location, value;
    size_t guess; /* of its block's number */
    bool before;  /* VMT_POINTER_BEFORE */
};

_Static_assert(sizeof(struct reach_block) == 24, "millions of them");

/* ---- blocks ---- */

static int compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static bool builder_pools(struct reach_builder *builder, const struct pool_model *pools)
{
    size_t total = 0;
    for (size_t i = 0; i < pools->count; i++)
        total += pools->pools[i].blocks.count;
    builder->pooled = malloc((total + 1) * sizeof(*builder->pooled));
    if (!builder->pooled)
        return false;
    for (size_t i = 0; i < pools->count; i++) {
        size_t position = 0;
        for (const struct live_block *block;
             (block = block_table_next(&pools->pools[i].blocks, &position));)
            builder->pooled[builder->pooled_count++] = block->address;
    }
    qsort(builder->pooled, builder->pooled_count, sizeof(*builder->pooled), compare_numbers);
    return true;
}

bool reach_builder_init(struct reach_builder *builder, const struct block_order *order,
                        const struct pool_model *pools)
{
    struct reach_graph *graph = &builder->graph;
    size_t count = order->count;
    *builder = (struct reach_builder){.address_bits = UINT64_MAX};
    graph->blocks = huge_array(count + 1, sizeof(*graph->blocks));
    graph->first = huge_array(count + 1, sizeof(*graph->first));
    if (!graph->blocks || !graph->first)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct ordered_block *block = &order->blocks[i];
        graph->blocks[i] = (struct reach_block){block->start, block->end, block->site};
    }
    graph->block_count = count;
    if (!reach_index_init(&builder->index, graph->blocks, count))
        return false;
    return builder_pools(builder, pools);
}

void reach_builder_release(struct reach_builder *builder)
{
    reach_graph_release(&builder->graph);
    reach_places_release(&builder->places);
    reach_index_release(&builder->index);
    reach_spans_release(&builder->spans);
    reach_shapes_release(&builder->shapes);
    free(builder->pooled);
    free(builder->ignored);
    *builder = (struct reach_builder){0};
}

static bool builder_is_pooled(const struct reach_builder *builder, uint64_t address)
{
    return builder->pooled_count && bsearch(&address, builder->pooled, builder->pooled_count,
                                            sizeof(address), compare_numbers);
}

/* ---- places ---- */

bool reach_builder_except(struct reach_builder *builder, const struct lsan_model *lsan)
{
    const struct reach_graph *graph = &builder->graph;
    for (size_t i = 0; i < lsan->region_count; i++)
        if (!reach_spans_add(&builder->spans, lsan->regions[i].start, lsan->regions[i].end,
                             REACH_ROOT_OTHER, 0))
            return false;
    if (lsan->ignored_count == 0)
        return true;
    builder->ignored = calloc(graph->block_count / 8 + 1, 1);
    for (size_t i = 0; builder->ignored && i < graph->block_count; i++)
        if (lsan_model_ignores(lsan, graph->blocks[i].start))
            builder->ignored[i / 8] |= (uint8_t)(1u << i % 8);
    return builder->ignored != NULL;
}

bool reach_builder_places(struct reach_builder *builder, const struct reach_moment *moment)
{
    return reach_places_init(&builder->places, moment) &&
           reach_spans_stacks(&builder->spans, moment, &builder->index);
}

/* ---- pointers ---- */

static bool builder_leaves_out(const struct reach_builder *builder, uint32_t kind)
{
    return kind == REACH_NO_ROOT || builder->left_out >> kind & 1;
}

static bool builder_add_root(struct reach_builder *builder, const struct reach_root *root)
{
    struct reach_graph *graph = &builder->graph;
    if (graph->root_count == builder->root_capacity &&
        !vector_grow(&graph->roots, &builder->root_capacity, sizeof(*graph->roots)))
        return false;
    graph->roots[graph->root_count++] = *root;
    return true;
}

/* Edges of the blocks up to `block` begin where the edges end now. */
static void builder_link(struct reach_builder *builder, size_t block)
{
    while (builder->linked <= block)
        builder->graph.first[builder->linked++] = builder->graph.edge_count;
}

static bool builder_add_edge(struct reach_builder *builder, size_t source, uint64_t location,
                             uint32_t target)
{
    struct reach_graph *graph = &builder->graph;
    if (graph->edge_count == builder->edge_capacity &&
        !vector_grow(&graph->edges, &builder->edge_capacity, sizeof(*graph->edges)))
        return false;
    if (graph->edge_count == builder->offset_capacity &&
        !vector_grow(&graph->offsets, &builder->offset_capacity, sizeof(*graph->offsets)))
        return false;
    uint64_t offset = location - graph->blocks[source].start;
    graph->offsets[graph->edge_count] = offset < UINT32_MAX ? (uint32_t)offset : UINT32_MAX;
    builder_link(builder, source);
    graph->edges[graph->edge_count++] = target;
    return true;
}

/* As which root a block counts by itself. */
static uint8_t builder_block_kind(const struct reach_builder *builder, size_t block)
{
    if (builder->loader_sites[builder->graph.blocks[block].site])
        return REACH_ROOT_LOADER;
    bool ignored = builder->ignored && builder->ignored[block / 8] >> block % 8 & 1;
    return ignored ? REACH_ROOT_OTHER : REACH_NO_ROOT;
}

/* Goes on to `location`.  What the loader's blocks hold on to are roots, and so are they. */
static bool builder_advance(struct reach_builder *builder, uint64_t location)
{
    const struct reach_graph *graph = &builder->graph;
    while (builder->next_block < graph->block_count &&
           graph->blocks[builder->next_block].end <= location)
        builder->next_block++;
    for (; builder->next_loader < graph->block_count; builder->next_loader++) {
        const struct reach_block *block = &graph->blocks[builder->next_loader];
        if (block->start > location)
            break;
        const struct reach_root root = {.location = block->start,
                                        .target = (uint32_t)builder->next_loader,
                                        .kind = builder_block_kind(builder, builder->next_loader)};
        if (!builder_leaves_out(builder, root.kind) && !builder_add_root(builder, &root))
            return false;
    }
    while (builder->next_place < builder->places.count &&
           builder->places.places[builder->next_place].end <= location)
        builder->next_place++;
    return true;
}

static struct reach_root builder_root_at(const struct reach_builder *builder, uint64_t location)
{
    const struct reach_places *places = &builder->places;
    struct reach_root root = {.location = location, .kind = REACH_ROOT_OTHER};
    if (builder->next_place < places->count &&
        places->places[builder->next_place].start <= location) {
        uint32_t kind = places->places[builder->next_place].kind;
        root.kind = kind == REACH_LIBC_DATA ? REACH_ROOT_DATA : (uint8_t)kind;
        root.tid = places->places[builder->next_place].tid;
    }
    return root;
}

/* What may be the end of the heap, as the main arena has it; not where it stands behind the start
 * of a block: that is the block's own end, as a FILE has them. */
static void builder_note_chunk(struct reach_builder *builder, uint64_t location, uint64_t address)
{
    if (builder->start + WORD == location)
        return;
    builder->chunk = location;
    builder->chunk_address = address;
}

/* glibc's main arena has the addresses of chunks, which begin with the last word of the block
 * before them, in its variables: those of the first free ones and of the one at the heap's end.
 * Behind that stands where a chunk was once cut off, which may be anywhere by now. */
static bool builder_is_chunk(struct reach_builder *builder, uint64_t location, uint64_t address,
                             const struct reach_block *block)
{
    const struct reach_places *places = &builder->places;
    bool behind =
        builder->chunk && builder->chunk + WORD == location && address < builder->chunk_address;
    if (builder->next_place >= places->count ||
        places->places[builder->next_place].kind != REACH_LIBC_DATA ||
        places->places[builder->next_place].start > location || address % CHUNK_UNIT != 0)
        return false;
    if (address == block->start)
        builder->start = location;
    if (address == block->start || block->end - address > WORD)
        return behind;
    builder_note_chunk(builder, location, address);
    return true;
}

/* glibc gives a large block pages of its own, which begin with a chunk's header: the rest of the
 * last one is nobody's. */
static bool builder_is_slack(const struct reach_builder *builder, uint64_t location)
{
    if (builder->next_block == 0)
        return false;
    const struct reach_block *block = &builder->graph.blocks[builder->next_block - 1];
    return block->start % PAGE == CHUNK_UNIT && block->end <= location &&
           location < ((block->end + PAGE - 1) & -PAGE);
}

/* The root that was added last is to be explained, if need be. */
static bool builder_note_root(struct reach_builder *builder, uint64_t address)
{
    const struct reach_graph *graph = &builder->graph;
    const struct reach_inner root = {address, graph->root_count - 1, true};
    return reach_shapes_note(&builder->shapes, &root,
                             graph->roots[root.index].target & REACH_INTERIOR);
}

/* The root or, of a block, edge that a pointer at `location` is.  False when out of memory. */
static bool builder_place_pointer(struct reach_builder *builder, uint64_t location,
                                  uint64_t address, uint32_t target)
{
    const struct reach_graph *graph = &builder->graph;
    const struct reach_span *span = reach_spans_at(&builder->spans, location);
    size_t source = builder->next_block;
    bool interior = target & REACH_INTERIOR;
    bool inside = source < graph->block_count && graph->blocks[source].start <= location;
    if (inside && !span && !builder->loader_sites[graph->blocks[source].site]) {
        if (graph->blocks[source].end - location < WORD)
            return true; /* not all of the word is the block's */
        if (!builder_add_edge(builder, source, location, target))
            return false;
        const struct reach_inner edge = {address, graph->edge_count - 1, false};
        return reach_shapes_note(&builder->shapes, &edge, interior);
    }
    struct reach_root root = builder_root_at(builder, location);
    if (builder_is_chunk(builder, location, address, &graph->blocks[target & ~REACH_INTERIOR]))
        return true;
    if (span) {
        root.kind = (uint8_t)span->kind;
        root.tid = span->tid;
    } else if (inside) {
        root.kind = REACH_ROOT_LOADER;
        root.tid = 0;
    }
    if (builder_leaves_out(builder, root.kind) ||
        (root.kind == REACH_ROOT_OTHER && !span && builder_is_slack(builder, location)))
        return true;
    root.target = target;
    return builder_add_root(builder, &root) && builder_note_root(builder, address);
}

static uint32_t builder_target(const struct reach_builder *builder, size_t block, uint64_t address)
{
    bool start =
        builder->graph.blocks[block].start == address || builder_is_pooled(builder, address);
    return (uint32_t)block | (start ? 0 : REACH_INTERIOR);
}

static bool builder_pointer(struct reach_builder *builder, const struct reach_entry *entry)
{
    uint64_t address = entry->value & builder->address_bits;
    size_t block = reach_index_settle(&builder->index, address, entry->guess);
    builder->pointers++;
    builder->shapes.has_last = false;
    if (block == REACH_NO_BLOCK) {
        builder_note_chunk(builder, entry->location, address);
        return true;
    }
    return builder_advance(builder, entry->location) &&
           builder_place_pointer(builder, entry->location, address,
                                 builder_target(builder, block, address));
}

bool reach_builder_register(struct reach_builder *builder, uint32_t tid, uint64_t value)
{
    uint64_t address = value & builder->address_bits;
    size_t block = reach_index_find(&builder->index, address);
    if (block == REACH_NO_BLOCK || builder_leaves_out(builder, REACH_ROOT_REGISTER))
        return true;
    const struct reach_root root = {
        .target = builder_target(builder, block, address), .tid = tid, .kind = REACH_ROOT_REGISTER};
    return builder_add_root(builder, &root) && builder_note_root(builder, address);
}

static bool builder_take(struct reach_builder *builder, struct reach_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!entries[i].before)
            entries[i].guess =
                reach_index_guess(&builder->index, entries[i].value & builder->address_bits);
    for (size_t i = 0; i < count; i++)
        if (entries[i].before)
            reach_shapes_before(&builder->shapes, &builder->graph, entries[i].value);
        else if (!builder_pointer(builder, &entries[i]))
            return false;
    return true;
}

/* What is left of a POINTERS record. */
struct reach_cursor {
    const uint8_t *next, *end;
    uint64_t location, base;
};

/* The next entries, but those of tables; their number, or SIZE_MAX when out of memory. */
static size_t builder_decode(struct reach_builder *builder, struct reach_cursor *cursor,
                             struct reach_entry *entries)
{
    uint64_t head, value = 0;
    size_t count = 0;
    while (count < POINTERS_AT_ONCE && cursor->next < cursor->end &&
           vmt_get_varint(&cursor->next, cursor->end, &head)) {
        unsigned kind = head & ((1u << VMT_POINTER_SHIFT) - 1);
        cursor->location += (head >> VMT_POINTER_SHIFT) * WORD;
        if (kind != VMT_POINTER_TABLE && !vmt_get_varint(&cursor->next, cursor->end, &value))
            break;
        if (kind == VMT_POINTER_BEFORE) {
            entries[count++] = (struct reach_entry){.value = value, .before = true};
            continue;
        }
        builder->disordered |= cursor->location < builder->location;
        if (builder->disordered)
            break;
        builder->location = cursor->location;
        if (kind == VMT_POINTER_TABLE) {
            if (!reach_shapes_table(&builder->shapes, cursor->location))
                return SIZE_MAX;
            continue;
        }
        cursor->base =
            vmt_address_apply(value, kind == VMT_POINTER_NEAR ? cursor->location : cursor->base);
        reach_index_prefetch(&builder->index, cursor->base & builder->address_bits);
        entries[count++] = (struct reach_entry){cursor->location, cursor->base, 0, false};
    }
    return count;
}

bool reach_builder_pointers(struct reach_builder *builder, const struct event_cold *cold)
{
    const uint8_t *bytes = (const uint8_t *)cold->rest.bytes;
    struct reach_cursor cursor = {bytes, bytes + cold->rest.length, cold->values[0],
                                  cold->values[0]};
    struct reach_entry entries[POINTERS_AT_ONCE];
    size_t count;
    builder->shapes.has_last = false;
    do {
        count = builder_decode(builder, &cursor, entries);
        if (count == SIZE_MAX || !builder_take(builder, entries, count))
            return false;
    } while (count == POINTERS_AT_ONCE && !builder->disordered);
    return true;
}

/* ---- the end ---- */

bool reach_builder_finish(struct reach_builder *builder, struct reach_graph *graph)
{
    if (!builder_advance(builder, UINT64_MAX))
        return false;
    builder_link(builder, builder->graph.block_count);
    reach_shapes_explain(&builder->shapes, &builder->graph);
    huge_array_collapse(builder->graph.edges, builder->graph.edge_count, sizeof(*graph->edges));
    *graph = builder->graph;
    builder->graph = (struct reach_graph){0};
    reach_builder_release(builder);
    return true;
}
