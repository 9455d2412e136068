/* SPDX-License-Identifier: Apache-2.0 */
/* Faults and what they are joined with; fault_owner.c and fault_count.c are covered here, too. */
#include "model/fault_model.h"

#include "model_fixture.h"
#include "unit_main.h"

#define CODE U(0x401234)
#define HEAP U(0x7f0000000000)
#define PAGE U(4096)

static struct trace_builder *builder;
static struct builder_stream *one, *two;
static uint32_t a, b;
static uint64_t now;

static void setup(void)
{
    builder = trace_builder_new();
    one = trace_builder_stream(builder, 100);
    two = trace_builder_stream(builder, 101);
    a = builder_stack(one, 1, U(0x500000));
    b = builder_stack(one, 1, U(0x600000));
    now = 0;
}

static void tick(struct builder_stream *stream)
{
    builder_at(stream, AT(now += 10));
}

static void fault(struct builder_stream *stream, uint64_t address, unsigned bits)
{
    const struct builder_fault detail = {CODE, address, bits, 0};
    bool major = bits & VMT_FAULT_MAJOR;
    tick(stream);
    builder_cold(stream, VMT_OP_FAULTS, "uuf", U(!major), U(major), &detail, (size_t)1);
}

static void faults(struct builder_stream *stream, uint64_t address, size_t pages, uint64_t total)
{
    struct builder_fault details[1000];
    for (size_t i = 0; i < pages; i++)
        details[i] = (struct builder_fault){CODE, address + i * PAGE, 0, 0};
    tick(stream);
    builder_cold(stream, VMT_OP_FAULTS, "uuf", total, U(0), details, pages);
}

static void alloc(struct builder_stream *stream, uint64_t address, uint64_t size, uint32_t node)
{
    tick(stream);
    builder_alloc(stream, VMT_MALLOC, address, size, node);
}

static void release(struct builder_stream *stream, uint64_t address)
{
    tick(stream);
    builder_free(stream, VMT_FREE, address);
}

static void map(uint64_t address, uint64_t length, uint64_t flags, const char *name)
{
    tick(one);
    builder_cold(one, VMT_OP_MAP, "uuuuuuks", U(0), address, length, U(3), flags, U(0), b, name);
}

#define MAPPED_PRIVATE U(0x22)
#define MAPPED_SHARED U(0x21)

static const struct fault_target *target_of(const struct trace_model *model, uint32_t pair)
{
    return &model->faults.table.targets[model->faults.table.pairs[pair].target];
}

/* The faults of one sort of owner and one kind; `id` of the last of them. */
static uint64_t count_of(const struct trace_model *model, enum fault_owner owner,
                         enum fault_kind kind, uint32_t *id)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < model->faults.table.pair_count; i++) {
        if (target_of(model, i)->owner != owner || !model->faults.table.pairs[i].kinds[kind])
            continue;
        count += model->faults.table.pairs[i].kinds[kind];
        if (id)
            *id = target_of(model, i)->id;
    }
    return count;
}

static uint64_t count_all(const struct trace_model *model)
{
    uint64_t count = 0;
    for (size_t i = 0; i < model->faults.table.pair_count; i++)
        count += model->faults.table.pairs[i].minor + model->faults.table.pairs[i].major;
    return count;
}

#define EXPECT(model, owner, kind, count)                                                          \
    ck_assert_uint_eq(count_of(model, FAULT_OWNER_##owner, FAULT_KIND_##kind, NULL), count)

START_TEST(fault_model_pages_of_a_block_are_its_sites)
{
    uint32_t site = 0;
    setup();
    alloc(one, HEAP + 16, 100 * PAGE, a);
    faults(one, HEAP, 1, 1); /* before the block's first byte */
    faults(one, HEAP + PAGE, 100, 100);
    faults(two, HEAP + 101 * PAGE, 1, 1); /* behind its last */
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(count_of(model, FAULT_OWNER_BLOCK, FAULT_KIND_FIRST, &site), 100);
    ck_assert_uint_eq(site,
                      site_table_get(&model->sites, &model->stacks, model->sites.sites[site].node,
                                     SITE_KIND(VMT_MALLOC, 0)));
    ck_assert_uint_eq(model->sites.sites[site].touched_minor, 100);
    EXPECT(model, NONE, FIRST, 2);
    const struct fault_pair *pair = &model->faults.table.pairs[0];
    ck_assert_uint_eq(model->stacks.nodes[pair->code].pc, CODE | VMT_PC_EXACT);
    ck_assert_uint_eq(model->threads.threads[0].minor, 101);
    ck_assert_uint_eq(model->threads.threads[1].minor, 1);
    trace_model_free(model);
}
END_TEST

/* calloc clears, realloc copies and malloc writes a header before the block is known. */
START_TEST(fault_model_block_that_is_about_to_be_returned)
{
    setup();
    faults(one, HEAP, 10, 10);
    alloc(one, HEAP + 16, 9 * PAGE + 100, a);
    fault(one, HEAP + 12 * PAGE, 0); /* another one's, or nobody's */
    fault(one, HEAP + 23 * PAGE, 0); /* too far behind it */
    alloc(one, HEAP + 20 * PAGE, 64, a);
    fault(one, HEAP + 21 * PAGE, 0); /* only a free follows */
    release(one, HEAP + 20 * PAGE);
    fault(one, HEAP + 30 * PAGE, 0); /* nothing follows */
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, BLOCK, FIRST, 10);
    EXPECT(model, NONE, FIRST, 4);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_other_owners)
{
    uint32_t id = 0;
    setup();
    tick(one);
    builder_cold(one, VMT_OP_STACK, "uu", U(0x7ffe00000000), U(0x7ffe00800000));
    tick(two);
    builder_cold(two, VMT_OP_STACK, "uu", U(0x7f8000000000), U(0x7f8000800000));
    tick(one);
    builder_cold(one, VMT_OP_MODULE_LOAD, "uuussu", U(0), U(0x400000), U(0x480000), "", "/bin/x",
                 U(VMT_MODULE_MAIN));
    map(0x10000000, 64 * PAGE, MAPPED_PRIVATE, "");
    map(0x20000000, 64 * PAGE, MAPPED_SHARED, "/tmp/file");
    fault(one, 0x7ffe007ff000, 0);
    fault(one, 0x7f8000001000, 0); /* one thread touches another's stack */
    fault(one, 0x470010, 0);
    fault(one, 0x10001000, 0);
    fault(one, 0x20001000, 0);
    fault(one, 0x20002000, VMT_FAULT_MAJOR);
    fault(one, 0x10001000, VMT_FAULT_MAJOR); /* the page came back from swap */
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, STACK, STACK, 2);
    ck_assert_uint_eq(count_of(model, FAULT_OWNER_MODULE, FAULT_KIND_CACHED, &id), 1);
    ck_assert_uint_eq(id, 0);
    EXPECT(model, MAPPING, FIRST, 1);
    EXPECT(model, MAPPING, SWAP, 1);
    EXPECT(model, FILE, CACHED, 1);
    ck_assert_uint_eq(count_of(model, FAULT_OWNER_FILE, FAULT_KIND_DISK, &id), 1);
    ck_assert_str_eq(model->sites.sites[id].several_names ? "several" : "one", "several");
    ck_assert_uint_eq(count_all(model), 7);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_given_back_pages_return)
{
    setup();
    map(0x10000000, 64 * PAGE, MAPPED_PRIVATE, "");
    faults(one, 0x10000000, 64, 64);
    tick(one);
    builder_cold(one, VMT_OP_ADVISE, "uuuk", U(0x10000000), 32 * PAGE, U(4), a); /* DONTNEED */
    faults(one, 0x10000000, 32, 32);
    tick(one);
    builder_cold(one, VMT_OP_ADVISE, "uuuk", U(0x10000000), 32 * PAGE, U(3), a); /* WILLNEED */
    fault(one, 0x10000000, 0);
    tick(one);
    builder_cold(one, VMT_OP_UNMAP, "uuuk", U(0), U(0x10000000), 64 * PAGE, b);
    map(0x10000000, 64 * PAGE, MAPPED_PRIVATE, "");
    faults(one, 0x10000000, 64, 64);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, MAPPING, FIRST, 64);
    EXPECT(model, MAPPING, RETURN, 96);
    EXPECT(model, MAPPING, WRITE, 1);
    uint32_t node = model->faults.table.targets[0].giver;
    ck_assert_uint_eq(model->stacks.nodes[node].pc, 0x600000);
    trace_model_free(model);
}
END_TEST

/* As virtual machines decommit: with MAP_FIXED. */
START_TEST(fault_model_mapping_over_a_mapping_gives_back)
{
    setup();
    map(0x10000000, 64 * PAGE, MAPPED_PRIVATE, "");
    faults(one, 0x10000000, 64, 64);
    map(0x10000000 + 32 * PAGE, 64 * PAGE, MAPPED_PRIVATE, "");
    faults(one, 0x10000000 + 32 * PAGE, 64, 64);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, MAPPING, FIRST, 96);
    EXPECT(model, MAPPING, RETURN, 32);
    EXPECT(model, MAPPING, WRITE, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_pages_that_moved_do_not_return)
{
    setup();
    map(0x10000000, 64 * PAGE, MAPPED_PRIVATE, "");
    faults(one, 0x10000000, 64, 64);
    tick(one);
    builder_cold(one, VMT_OP_REMAP_BEGIN, "uu", U(0x10000000), 64 * PAGE);
    tick(one);
    builder_cold(one, VMT_OP_REMAP_END, "uuk", U(0x50000000), 128 * PAGE, a);
    map(0x10000000, 64 * PAGE, MAPPED_PRIVATE, "");
    faults(one, 0x10000000, 64, 64);
    alloc(one, HEAP + 16, 50 * PAGE, a);
    faults(one, HEAP + PAGE, 49, 49);
    tick(one);
    builder_realloc_begin(one, HEAP + 16);
    tick(one);
    builder_alloc(one, VMT_REALLOC, 2 * HEAP + 16, 100 * PAGE, a);
    alloc(one, HEAP + 16, 50 * PAGE, a);
    faults(one, HEAP + PAGE, 49, 49);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, MAPPING, FIRST, 128);
    EXPECT(model, MAPPING, RETURN, 0);
    EXPECT(model, BLOCK, FIRST, 98);
    EXPECT(model, BLOCK, RETURN, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_a_page_is_written_first_once)
{
    setup();
    map(0x10000000, 64 * PAGE, MAPPED_PRIVATE, "");
    for (unsigned i = 0; i < 4; i++)
        faults(one, 0x10000000, 10, 10);
    map(0x20000000, 64 * PAGE, MAPPED_PRIVATE, "/tmp/file");
    for (unsigned i = 0; i < 4; i++)
        faults(one, 0x20000000, 10, 10);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, MAPPING, FIRST, 10);
    EXPECT(model, MAPPING, WRITE, 20); /* and once more after the return between */
    EXPECT(model, MAPPING, RETURN, 10);
    EXPECT(model, FILE, RETURN, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_break_that_shrinks_gives_back)
{
    setup();
    tick(one);
    builder_cold(one, VMT_OP_BREAK, "uuk", U(0x600000), U(0x610000), a);
    faults(one, 0x600000, 16, 16);
    tick(one);
    builder_cold(one, VMT_OP_BREAK, "uuk", U(0x610000), U(0x60c000), b);
    tick(one);
    builder_cold(one, VMT_OP_BREAK, "uuk", U(0x60c000), U(0x610000), a);
    faults(one, 0x600000, 16, 16);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, MAPPING, FIRST, 16);
    EXPECT(model, MAPPING, RETURN, 4);
    trace_model_free(model);
}
END_TEST

/* free unmapped it, malloc mapped it anew: nobody told, but the block is another one. */
START_TEST(fault_model_allocator_gives_back)
{
    setup();
    for (unsigned i = 0; i < 3; i++) {
        alloc(one, HEAP + 16, 50 * PAGE, a);
        faults(one, HEAP + PAGE, 49, 49);
        faults(one, HEAP + PAGE, i == 2 ? 5 : 0, i == 2 ? 5 : 0); /* written after a read */
        release(one, HEAP + 16);
    }
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, BLOCK, FIRST, 49);
    EXPECT(model, BLOCK, RETURN, 98);
    EXPECT(model, BLOCK, WRITE, 5);
    ck_assert_uint_eq(model->faults.table.targets[0].giver, PAGE_KEPT);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_fork_shares_private_pages)
{
    setup();
    alloc(one, HEAP + 16, 10 * PAGE, a);
    map(0x10000000, 64 * PAGE, MAPPED_SHARED, "");
    faults(one, HEAP, 10, 10);
    fault(one, 0x10000000, 0);
    tick(one);
    builder_cold(one, VMT_OP_FORK, "u", U(200));
    faults(one, HEAP + PAGE, 4, 4);
    faults(one, HEAP + PAGE, 1, 1); /* copied already */
    fault(one, 0x10000000, 0);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, BLOCK, COPY, 4);
    EXPECT(model, BLOCK, WRITE, 1);
    EXPECT(model, MAPPING, COPY, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_forked_child_copies_what_it_inherited)
{
    setup();
    trace_builder_header(builder)->flags = VMT_FLAG_FORKED;
    fault(one, HEAP, 0);
    alloc(one, HEAP + PAGE + 16, 100, a);
    fault(one, HEAP + PAGE + 20, 0); /* whether it was there cannot be known */
    alloc(one, HEAP + U(1) * (1 << 30) + 16, 1 << 20, a);
    faults(one, HEAP + U(1) * (1 << 30) + PAGE, 20, 20);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, BLOCK, COPY, 1);
    EXPECT(model, BLOCK, FIRST, 20);
    EXPECT(model, NONE, COPY, 1);
    trace_model_free(model);
}
END_TEST

/* Memory that nobody announced has no bounds that a huge page could lie within. */
START_TEST(fault_model_no_huge_page_without_bounds)
{
    setup();
    tick(one);
    builder_cold(one, VMT_OP_FACT, "ss", "thp_enabled", "[always] madvise never");
    fault(one, 0x40000000, 0);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, NONE, FIRST, 1);
    EXPECT(model, NONE, HUGE, 0);
    trace_model_free(model);
}
END_TEST

/* Of 16 KiB pages a huge one has 32 MiB. */
START_TEST(fault_model_huge_pages_grow_with_the_small_ones)
{
    setup();
    trace_builder_header(builder)->page_size = 16384;
    tick(one);
    builder_cold(one, VMT_OP_FACT, "ss", "thp_enabled", "[always] madvise never");
    map(0x40000000, U(2) << 20, MAPPED_PRIVATE, "");
    fault(one, 0x40000000, 0);
    map(0x80000000, U(32) << 20, MAPPED_PRIVATE, "");
    fault(one, 0x80000000, 0);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, MAPPING, FIRST, 1);
    EXPECT(model, MAPPING, HUGE, 1);
    trace_model_free(model);
}
END_TEST

static struct trace_model *touch_every_half_mebibyte(const char *mode)
{
    setup();
    tick(one);
    builder_cold(one, VMT_OP_FACT, "ss", "thp_enabled", mode);
    map(0x40000000 - PAGE, U(6) << 20, MAPPED_PRIVATE, "");
    fault(one, 0x40000000, 0); /* a huge page, touched once */
    fault(one, 0x40200000, 0); /* one that was touched in small pages */
    fault(one, 0x40200000 + 7 * PAGE, 0);
    fault(one, 0x40400000, 0); /* not wholly in the mapping */
    return fixture_take(builder);
}

START_TEST(fault_model_huge_pages_fault_once)
{
    struct trace_model *model = touch_every_half_mebibyte("[always] madvise never");
    EXPECT(model, MAPPING, HUGE, 1);
    EXPECT(model, MAPPING, FIRST, 3);
    trace_model_free(model);
    model = touch_every_half_mebibyte("always madvise [never]");
    EXPECT(model, MAPPING, HUGE, 0);
    EXPECT(model, MAPPING, FIRST, 4);
    trace_model_free(model);
}
END_TEST

/* Where stacks come with them a record has few details. */
START_TEST(fault_model_overrun_at_the_end_of_a_record)
{
    setup();
    alloc(one, HEAP, 1000 * PAGE, a);
    faults(one, HEAP + 20 * PAGE, 1, 21);
    faults(one, HEAP + 21 * PAGE, 1, 1);
    faults(one, HEAP + 40 * PAGE, 1, 19); /* which way that walk went is not known */
    release(one, HEAP);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->faults.inferred, 20);
    ck_assert_uint_eq(model->faults.lost_minor, 18);
    ck_assert_uint_eq(model->heap.attributed_minor, 18); /* at the release */
    EXPECT(model, BLOCK, FIRST, 23);
    trace_model_free(model);
}
END_TEST

/* The ring kept the newest of one walk. */
START_TEST(fault_model_overrun_is_inferred_from_neighbours)
{
    setup();
    alloc(one, HEAP, 1000 * PAGE, a);
    fault(one, HEAP, 0);
    faults(one, HEAP + 301 * PAGE, 100, 400);
    struct trace_model *model = fixture_model(builder);
    EXPECT(model, BLOCK, FIRST, 401);
    ck_assert_uint_eq(model->faults.inferred, 300);
    ck_assert_uint_eq(model->faults.table.pairs[0].inferred, 300);
    ck_assert_uint_eq(model->faults.lost_minor, 0);
    trace_model_free(model);
    faults(one, HEAP + 501 * PAGE, 10, 400); /* there is room for 100 of 390 only */
    model = fixture_take(builder);
    ck_assert_uint_eq(model->faults.inferred, 400);
    ck_assert_uint_eq(model->faults.lost_minor, 290);
    EXPECT(model, BLOCK, FIRST, 511);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_overrun_of_no_walk_is_lost)
{
    setup();
    alloc(one, HEAP, 1000 * PAGE, a);
    const struct builder_fault details[] = {{CODE, HEAP + 500 * PAGE, 0, 0},
                                            {CODE, HEAP + 9 * PAGE, 0, 0}};
    tick(one);
    builder_cold(one, VMT_OP_FAULTS, "uuf", U(50), U(2), details, (size_t)2);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->faults.inferred, 0);
    ck_assert_uint_eq(model->faults.lost_minor, 48);
    ck_assert_uint_eq(model->faults.lost_major, 2);
    trace_model_free(model);
}
END_TEST

/* The other thread's release came between the touch and the record that tells of it. */
START_TEST(fault_model_block_released_meanwhile)
{
    setup();
    alloc(one, HEAP + 16, 10 * PAGE, a);
    alloc(two, HEAP + 100 * PAGE, 64, builder_stack(two, 1, U(0x700000)));
    release(one, HEAP + 16);
    fault(two, HEAP + 3 * PAGE, 0);
    release(two, HEAP + 100 * PAGE);
    fault(two, HEAP + 4 * PAGE, 0); /* too late */
    release(two, HEAP + 100 * PAGE);
    struct trace_model *model = fixture_take(builder);
    EXPECT(model, BLOCK, FIRST, 1);
    EXPECT(model, NONE, FIRST, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_counts_alone_hang_on_the_next_event)
{
    setup();
    faults(one, 0, 0, 70);
    alloc(one, HEAP, 64, a);
    release(one, HEAP);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->sites.sites[0].minor, 70);
    ck_assert_uint_eq(model->heap.attributed_minor, 70);
    ck_assert_uint_eq(model->threads.threads[0].minor, 70);
    ck_assert_uint_eq(model->faults.table.pair_count, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(fault_model_stacks_of_the_touching_code)
{
    setup();
    uint32_t inner = builder_stack(one, 2, U(0x500000), CODE);
    alloc(one, HEAP, 64 * PAGE, a);
    const struct builder_fault details[] = {
        {CODE, HEAP, VMT_FAULT_STACK, inner},        /* the stack ends in the instruction */
        {CODE + 9, HEAP + PAGE, VMT_FAULT_STACK, a}, /* in its caller */
    };
    tick(one);
    builder_cold(one, VMT_OP_FAULTS, "uuf", U(2), U(0), details, (size_t)2);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->faults.table.pair_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct stack_node *node = &model->stacks.nodes[model->faults.table.pairs[i].code];
        ck_assert_uint_eq(node->pc & ~VMT_PC_EXACT, i ? CODE + 9 : CODE);
        ck_assert_uint_eq(model->stacks.nodes[node->parent].pc, 0x500000);
    }
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("fault_model", fault_model_pages_of_a_block_are_its_sites,
          fault_model_block_that_is_about_to_be_returned, fault_model_other_owners,
          fault_model_given_back_pages_return, fault_model_break_that_shrinks_gives_back,
          fault_model_allocator_gives_back, fault_model_fork_shares_private_pages,
          fault_model_forked_child_copies_what_it_inherited, fault_model_huge_pages_fault_once,
          fault_model_no_huge_page_without_bounds, fault_model_huge_pages_grow_with_the_small_ones,
          fault_model_mapping_over_a_mapping_gives_back, fault_model_pages_that_moved_do_not_return,
          fault_model_a_page_is_written_first_once, fault_model_overrun_is_inferred_from_neighbours,
          fault_model_overrun_at_the_end_of_a_record, fault_model_overrun_of_no_walk_is_lost,
          fault_model_block_released_meanwhile, fault_model_counts_alone_hang_on_the_next_event,
          fault_model_stacks_of_the_touching_code)
