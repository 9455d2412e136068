/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random programs: several threads do everything to each other's blocks and mappings.  The test
 * keeps its own ledger, by plain loops over a small array; the model must agree in every
 * figure.
 */
#include "model_fixture.h"
#include "unit_main.h"

#define THREADS 5
#define PLACES 64 /* addresses that blocks can have */
#define PAGES 48  /* of the region that mappings are in */
#define STACKS 12
#define STEPS 1500
#define REGION UINT64_C(0x7f0000000000)

struct ledger {
    struct trace_builder *builder;
    struct builder_stream *streams[THREADS];
    uint32_t nodes[THREADS][STACKS];
    uint64_t random, ticks;
    struct {
        bool live;
        uint64_t size;
        unsigned stack, thread;
    } blocks[PLACES];
    int last[THREADS];         /* place that the thread allocated last, or -1 */
    int reallocating[THREADS]; /* place whose block is in a realloc, or -1 */
    struct {
        uint64_t size;
        unsigned stack, thread;
    } moving[THREADS];
    int page_owner[PAGES]; /* stack, or -1 */
    uint64_t allocations, frees, bytes, reallocations, failed, temporary;
    uint64_t live_bytes, live_blocks, peak_bytes, peak_blocks, most_blocks;
    uint64_t stack_live[STACKS], stack_peak[STACKS];
    uint64_t live_pages, map_calls, unmap_calls;
};

static size_t below(struct ledger *ledger, size_t bound)
{
    uint64_t value = ledger->random += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((value ^ value >> 31) % bound);
}

static uint64_t address_of(size_t place)
{
    return 0x10000 + place * 4096 + place % 3 * 8;
}

static void ledger_init(struct ledger *ledger, uint64_t seed)
{
    *ledger = (struct ledger){.random = seed, .ticks = BUILDER_START_TICKS};
    ledger->builder = trace_builder_new();
    for (size_t t = 0; t < THREADS; t++) {
        ledger->streams[t] = trace_builder_stream(ledger->builder, (uint32_t)t + 1);
        for (size_t s = 0; s < STACKS; s++)
            ledger->nodes[t][s] = builder_stack(ledger->streams[t], 3, U(0x400000),
                                                U(0x401000 + s / 3), U(0x402000 + s));
        ledger->last[t] = ledger->reallocating[t] = -1;
    }
    for (size_t i = 0; i < PAGES; i++)
        ledger->page_owner[i] = -1;
}

static void note_live(struct ledger *ledger, unsigned stack, uint64_t size)
{
    ledger->live_bytes += size;
    ledger->live_blocks++;
    ledger->stack_live[stack] += size;
    if (ledger->live_blocks > ledger->most_blocks)
        ledger->most_blocks = ledger->live_blocks;
    if (ledger->live_bytes <= ledger->peak_bytes)
        return;
    ledger->peak_bytes = ledger->live_bytes;
    ledger->peak_blocks = ledger->live_blocks;
    for (size_t s = 0; s < STACKS; s++)
        ledger->stack_peak[s] = ledger->stack_live[s];
}

static void note_gone(struct ledger *ledger, unsigned stack, uint64_t size)
{
    ledger->live_bytes -= size;
    ledger->live_blocks--;
    ledger->stack_live[stack] -= size;
}

static void note_alloc(struct ledger *ledger, size_t t, size_t place, unsigned stack, uint64_t size)
{
    ledger->allocations++;
    ledger->bytes += size;
    ledger->blocks[place].live = true;
    ledger->blocks[place].size = size;
    ledger->blocks[place].stack = stack;
    ledger->blocks[place].thread = (unsigned)t;
    ledger->last[t] = (int)place;
    note_live(ledger, stack, size);
}

static void note_temporary(struct ledger *ledger, size_t t, size_t place, unsigned allocator)
{
    if (ledger->last[t] == (int)place && allocator == t) {
        ledger->temporary++;
        ledger->last[t] = -1;
    }
}

static int free_place(struct ledger *ledger)
{
    size_t place = below(ledger, PLACES);
    return ledger->blocks[place].live ? -1 : (int)place;
}

static uint64_t some_size(struct ledger *ledger)
{
    return below(ledger, 10) ? below(ledger, 6) * 24 : below(ledger, 1u << 20);
}

static void step_alloc(struct ledger *ledger, size_t t)
{
    int place = free_place(ledger);
    unsigned stack = (unsigned)below(ledger, STACKS);
    uint64_t size = some_size(ledger);
    if (place < 0)
        return;
    if (below(ledger, 4))
        builder_alloc(ledger->streams[t], VMT_MALLOC, address_of((size_t)place), size,
                      ledger->nodes[t][stack]);
    else
        builder_alloc_other(ledger->streams[t], VMT_SUB_MEMALIGN, 4, address_of((size_t)place),
                            size, ledger->nodes[t][stack]);
    note_alloc(ledger, t, (size_t)place, stack, size);
}

static void step_free(struct ledger *ledger, size_t t)
{
    size_t place = below(ledger, PLACES);
    if (!ledger->blocks[place].live)
        return;
    builder_free(ledger->streams[t], VMT_FREE, address_of(place));
    ledger->blocks[place].live = false;
    ledger->frees++;
    note_gone(ledger, ledger->blocks[place].stack, ledger->blocks[place].size);
    note_temporary(ledger, t, place, ledger->blocks[place].thread);
}

static void step_fail(struct ledger *ledger, size_t t)
{
    builder_alloc_failed(ledger->streams[t], VMT_CALLOC, U(1) << 60,
                         ledger->nodes[t][below(ledger, STACKS)]);
    ledger->failed++;
}

static void step_realloc_begin(struct ledger *ledger, size_t t)
{
    size_t place = below(ledger, PLACES);
    if (!ledger->blocks[place].live)
        return;
    builder_realloc_begin(ledger->streams[t], address_of(place));
    ledger->blocks[place].live = false;
    ledger->reallocating[t] = (int)place;
    ledger->moving[t].size = ledger->blocks[place].size;
    ledger->moving[t].stack = ledger->blocks[place].stack;
    ledger->moving[t].thread = ledger->blocks[place].thread;
    note_gone(ledger, ledger->blocks[place].stack, ledger->blocks[place].size);
}

static void step_realloc_undo(struct ledger *ledger, size_t t)
{
    size_t place = (size_t)ledger->reallocating[t];
    ledger->blocks[place].live = true;
    ledger->blocks[place].size = ledger->moving[t].size;
    ledger->blocks[place].stack = ledger->moving[t].stack;
    ledger->blocks[place].thread = ledger->moving[t].thread;
    ledger->reallocating[t] = -1;
    note_live(ledger, ledger->moving[t].stack, ledger->moving[t].size);
}

/* The old address may have been handed out by now, so only a move is left then. */
static void step_realloc_end(struct ledger *ledger, size_t t)
{
    size_t old = (size_t)ledger->reallocating[t];
    bool taken = ledger->blocks[old].live;
    unsigned stack = (unsigned)below(ledger, STACKS);
    uint64_t size = some_size(ledger);
    int place = below(ledger, 2) && !taken ? (int)old : free_place(ledger);
    if (!taken && below(ledger, 6) == 0) {
        builder_realloc_failed(ledger->streams[t], size, ledger->nodes[t][stack]);
        ledger->failed++;
        step_realloc_undo(ledger, t);
    } else if (!taken && below(ledger, 6) == 0) {
        builder_realloc_freed(ledger->streams[t]);
        ledger->frees++;
        ledger->reallocating[t] = -1;
        note_temporary(ledger, t, old, ledger->moving[t].thread);
    } else if (place >= 0) {
        builder_alloc(ledger->streams[t], VMT_REALLOC, address_of((size_t)place), size,
                      ledger->nodes[t][stack]);
        ledger->frees++;
        ledger->reallocations++;
        ledger->reallocating[t] = -1;
        note_alloc(ledger, t, (size_t)place, stack, size);
    }
}

static void step_map(struct ledger *ledger, size_t t)
{
    size_t first = below(ledger, PAGES), count = 1 + below(ledger, PAGES - first);
    unsigned stack = (unsigned)below(ledger, STACKS);
    builder_cold(ledger->streams[t], VMT_OP_MAP, "uuuuuuks", U(0), REGION + first * 4096,
                 U(count * 4096 - below(ledger, 4096)), U(3), U(0x32), U(0),
                 ledger->nodes[t][stack], "");
    for (size_t i = first; i < first + count; i++)
        ledger->page_owner[i] = (int)stack;
    ledger->map_calls++;
}

static void step_unmap(struct ledger *ledger, size_t t)
{
    size_t first = below(ledger, PAGES), count = 1 + below(ledger, PAGES - first);
    builder_cold(ledger->streams[t], VMT_OP_UNMAP, "uuuk", U(0), REGION + first * 4096,
                 U(count * 4096), ledger->nodes[t][0]);
    if (below(ledger, 4) == 0) {
        builder_cold(ledger->streams[t], VMT_OP_UNMAP_FAILED, "");
        return;
    }
    for (size_t i = first; i < first + count; i++)
        ledger->page_owner[i] = -1;
    ledger->unmap_calls++;
}

static void step(struct ledger *ledger)
{
    size_t t = below(ledger, THREADS);
    ledger->ticks += 1 + below(ledger, 50);
    builder_at(ledger->streams[t], ledger->ticks);
    if (ledger->reallocating[t] >= 0) {
        step_realloc_end(ledger, t);
        return;
    }
    switch (below(ledger, 12)) {
    case 0:
        step_fail(ledger, t);
        break;
    case 1:
        step_map(ledger, t);
        break;
    case 2:
        step_unmap(ledger, t);
        break;
    case 3:
    case 4:
        step_realloc_begin(ledger, t);
        break;
    case 5:
    case 6:
    case 7:
        step_free(ledger, t);
        break;
    default:
        step_alloc(ledger, t);
    }
}

/* What was begun and has no outcome is live at its old address, unless that is taken: such a
 * program is not made here. */
static void ledger_end(struct ledger *ledger)
{
    for (size_t t = 0; t < THREADS; t++) {
        while (ledger->reallocating[t] >= 0) {
            ledger->ticks++;
            builder_at(ledger->streams[t], ledger->ticks);
            if (ledger->blocks[ledger->reallocating[t]].live)
                step_realloc_end(ledger, t);
            else
                step_realloc_undo(ledger, t);
        }
    }
}

static void ledger_check_heap(const struct ledger *ledger, const struct heap_model *heap)
{
    ck_assert_uint_eq(heap->allocations, ledger->allocations);
    ck_assert_uint_eq(heap->frees, ledger->frees);
    ck_assert_uint_eq(heap->bytes_allocated, ledger->bytes);
    ck_assert_uint_eq(heap->reallocations, ledger->reallocations);
    ck_assert_uint_eq(heap->failed, ledger->failed);
    ck_assert_uint_eq(heap->temporary, ledger->temporary);
    ck_assert_uint_eq(heap->live_bytes, ledger->live_bytes);
    ck_assert_uint_eq(heap->live_blocks, ledger->live_blocks);
    ck_assert_uint_eq(heap->peak_bytes, ledger->peak_bytes);
    ck_assert_uint_eq(heap->peak_blocks, ledger->peak_blocks);
    ck_assert_uint_eq(heap->most_blocks, ledger->most_blocks);
    ck_assert_uint_eq(heap->impossible, 0);
    ck_assert_uint_eq(heap->inherited_frees, 0);
}

/* By stack: heap at the end and at the peak, mapped pages at the end. */
static void ledger_check_sites(const struct ledger *ledger, const struct trace_model *model)
{
    uint64_t live[STACKS] = {0}, peak[STACKS] = {0}, mapped[STACKS] = {0};
    for (uint32_t i = 0; i < model->sites.count; i++) {
        const struct site *site = &model->sites.sites[i];
        uint64_t bytes, blocks;
        size_t stack = (size_t)(model->stacks.nodes[site->node].pc - 0x402000);
        ck_assert_uint_lt(stack, STACKS);
        site_table_at_peak(&model->sites, i, &bytes, &blocks);
        if (site->kind == SITE_MMAP) {
            mapped[stack] += site->live_bytes;
        } else {
            live[stack] += site->live_bytes;
            peak[stack] += bytes;
        }
    }
    for (int s = 0; s < STACKS; s++) {
        uint64_t pages = 0;
        for (size_t i = 0; i < PAGES; i++)
            pages += ledger->page_owner[i] == s;
        ck_assert_uint_eq(live[s], ledger->stack_live[s]);
        ck_assert_uint_eq(peak[s], ledger->stack_peak[s]);
        ck_assert_uint_eq(mapped[s], pages * 4096);
    }
}

START_TEST(ledger_of_random_programs_agrees)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct ledger ledger;
        ledger_init(&ledger, seed);
        for (size_t i = 0; i < STEPS; i++)
            step(&ledger);
        ledger_end(&ledger);
        struct trace_model *model = fixture_take(ledger.builder);
        ck_assert_uint_gt(ledger.reallocations, 20);
        ledger_check_heap(&ledger, &model->heap);
        ledger_check_sites(&ledger, model);
        ck_assert_uint_eq(model->maps.map_calls, ledger.map_calls);
        ck_assert_uint_eq(model->maps.unmap_calls, ledger.unmap_calls);
        ck_assert_uint_eq(model->errors.count, 0);
        ck_assert_uint_eq(model->stacks.count, STACK_FIRST + 1 + STACKS / 3 + STACKS);
        ck_assert(!trace_damage_any(&model->damage));
        trace_model_free(model);
    }
}
END_TEST

UNIT_MAIN("ledger", ledger_of_random_programs_agrees)
