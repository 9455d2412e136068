/* SPDX-License-Identifier: Apache-2.0 */
#include "model/inherit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/parent_shelf.h"
#include "model_fixture.h"
#include <stdlib.h>

#define PARENT_TRACE U(0x1111)
#define CHILD_TRACE U(0x2222)
#define FORK 5000 /* ticks after the builder's start */
#define PAGE U(4096)
#define LARGE U(0x7f0000000000)
#define CODE U(0x401500)

static char folder[] = "/tmp/vmtrace-inherit-XXXXXX";
static char parent_path[64], beside_path[64];

static void write_trace(const char *path, struct trace_builder *builder)
{
    size_t size;
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
    trace_builder_free(builder);
}

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(parent_path, sizeof(parent_path), "%s/parent.vmt", folder);
    snprintf(beside_path, sizeof(beside_path), "%s/child.vmt", folder);
}

static void clean_up(void)
{
    unlink(parent_path);
    unlink(beside_path);
    rmdir(folder);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static struct trace_builder *builder_of(uint64_t trace, uint64_t parent, uint32_t pid,
                                        struct builder_stream **stream)
{
    struct trace_builder *builder = trace_builder_new();
    struct vmt_file_header *header = trace_builder_header(builder);
    header->trace_id = trace;
    header->parent_trace_id = parent;
    header->pid = pid;
    header->flags = parent ? VMT_FLAG_FORKED : 0;
    *stream = trace_builder_stream(builder, pid);
    return builder;
}

static void load_module(struct builder_stream *stream, uint64_t start, const char *path)
{
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", start, start, start + 0x10000, "id", path,
                 U(0));
}

static struct builder_stream *begin_child(struct trace_builder **builder, const char *told)
{
    struct builder_stream *stream;
    *builder = builder_of(CHILD_TRACE, PARENT_TRACE, 200, &stream);
    trace_builder_header(*builder)->start_ticks = AT(FORK + 100);
    builder_at(stream, AT(FORK + 100));
    builder_cold(stream, VMT_OP_FACT, "ss", "fork_ticks", "1005000");
    builder_cold(stream, VMT_OP_FACT, "ss", "parent_trace", told);
    return stream;
}

/* Three small blocks of a, a large one of b, and one that the fork came before. */
static struct trace_builder *parent_trace(uint64_t trace)
{
    struct builder_stream *stream, *other;
    struct trace_builder *builder = builder_of(trace, 0, 100, &stream);
    other = trace_builder_stream(builder, 101);
    load_module(stream, 0x400000, "/bin/parent");
    uint32_t a = builder_stack(stream, 2, U(0x401000), U(0x402000));
    uint32_t b = builder_stack(stream, 1, U(0x403000));
    for (uint64_t i = 1; i <= 4; i++)
        builder_alloc(stream, VMT_MALLOC, i * 0x1000, 40, a);
    builder_alloc(stream, VMT_CALLOC, LARGE + 16, 100 * PAGE, b);
    builder_free(stream, VMT_FREE, 0x4000);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x20000000), 8 * PAGE, U(3), U(0x22), U(0),
                 b, "");
    uint32_t late = builder_stack(other, 1, U(0x404000));
    builder_at(other, AT(FORK + 10));
    builder_alloc(other, VMT_MALLOC, 0x5000, 50, late);
    builder_at(stream, AT(FORK + 20));
    builder_free(stream, VMT_FREE, 0x1000);
    return builder;
}

static const struct site *inherited_site(const struct trace_model *model, uint64_t pc)
{
    const struct site *found = NULL;
    for (size_t i = 0; i < model->sites.count; i++) {
        const struct site *site = &model->sites.sites[i];
        if (!site->inherited || model->stacks.nodes[site->node].pc != pc || site->kind >= SITE_MMAP)
            continue;
        ck_assert_ptr_null(found);
        found = site;
    }
    return found;
}

START_TEST(inherit_takes_what_is_live_at_the_fork)
{
    struct trace_builder *builder;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    struct builder_stream *stream = begin_child(&builder, parent_path);
    load_module(stream, 0x400000, "/bin/parent");
    uint32_t own = builder_stack(stream, 2, U(0x401000), U(0x402000));
    builder_alloc(stream, VMT_MALLOC, 0x9000, 10, own);
    struct trace_model *model = fixture_take(builder);
    ck_assert_int_eq(model->inheritance.state, INHERIT_TAKEN);
    ck_assert_uint_eq(model->inheritance.pid, 100);
    ck_assert(model->inheritance.exact && model->inheritance.whole);
    ck_assert_uint_eq(model->inheritance.blocks, 4);
    ck_assert_uint_eq(model->inheritance.bytes, 3 * 40 + 100 * PAGE);
    ck_assert_uint_eq(model->inheritance.mappings, 1);
    const struct site *a = inherited_site(model, 0x402000), *b = inherited_site(model, 0x403000);
    ck_assert_uint_eq(a->live_blocks, 3);
    ck_assert_uint_eq(a->kind, VMT_MALLOC);
    ck_assert_uint_eq(b->live_bytes, 100 * PAGE);
    ck_assert_uint_eq(b->largest, 100 * PAGE);
    ck_assert_uint_eq(b->kind, VMT_CALLOC);
    ck_assert_ptr_null(inherited_site(model, 0x404000));
    /* The child's own sums know nothing of it; the same stack is another site. */
    ck_assert_uint_eq(model->heap.live_blocks, 1);
    ck_assert_uint_eq(model->heap.live_bytes, 10);
    ck_assert_uint_eq(model->heap.peak_bytes, 10);
    ck_assert_uint_eq(model->heap.allocations, 1);
    ck_assert_uint_eq(model->maps.live_bytes, 0);
    ck_assert_uint_eq(model->maps.list.count, 1);
    ck_assert_uint_eq(model->modules.count, 1);
    ck_assert_uint_eq(model->stacks.nodes[a->node].module, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(inherit_releases_are_the_childs_but_no_frees)
{
    struct trace_builder *builder;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    struct builder_stream *stream = begin_child(&builder, parent_path);
    uint32_t own = builder_stack(stream, 1, U(0x409000));
    builder_free(stream, VMT_FREE, 0x1000);
    builder_realloc_begin(stream, 0x2000);
    builder_alloc(stream, VMT_REALLOC, 0xa000, 80, own);
    builder_realloc_begin(stream, 0x3000);
    builder_realloc_failed(stream, 1 << 20, own);
    builder_realloc_begin(stream, LARGE + 16);
    builder_realloc_freed(stream);
    builder_free(stream, VMT_FREE, 0x1000); /* once more */
    builder_cold(stream, VMT_OP_UNMAP, "uuuk", U(0), U(0x20000000), 4 * PAGE, own);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.inherited_blocks, 1);
    ck_assert_uint_eq(model->heap.inherited_bytes, 40);
    ck_assert_uint_eq(model->heap.frees, 0);
    ck_assert_uint_eq(model->heap.reallocations, 0);
    ck_assert_uint_eq(model->heap.live_blocks, 1);
    ck_assert_uint_eq(model->heap.inherited_frees, 3);
    ck_assert_uint_eq(model->errors.count, 1);
    ck_assert_int_eq(model->errors.errors[0].kind, ERROR_DOUBLE_FREE);
    ck_assert_uint_eq(model->stacks.nodes[model->errors.errors[0].allocated].pc, 0x402000);
    ck_assert_uint_eq(model->maps.unmapped_bytes, 0);
    ck_assert_uint_eq(model->maps.list.mappings[0].start, 0x20000000 + 4 * PAGE);
    trace_model_free(model);
}
END_TEST

/* An address that is handed out again although its inherited block was not released: the parent's
 * other thread was just freeing it. */
START_TEST(inherit_block_that_is_replaced_is_gone)
{
    struct trace_builder *builder;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    struct builder_stream *stream = begin_child(&builder, parent_path);
    builder_alloc(stream, VMT_MALLOC, 0x1000, 10, builder_stack(stream, 1, U(0x409000)));
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.displaced, 0);
    ck_assert_uint_eq(model->heap.impossible, 0);
    ck_assert_uint_eq(model->heap.inherited_blocks, 3);
    trace_model_free(model);
}
END_TEST

START_TEST(inherit_leaks_and_peaks_are_the_childs_own)
{
    struct trace_builder *builder;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    struct builder_stream *stream = begin_child(&builder, parent_path);
    builder_alloc(stream, VMT_MALLOC, 0x9000, 10, builder_stack(stream, 1, U(0x409000)));
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->leak_count, 1);
    ck_assert_uint_eq(report->leaked_bytes, 10);
    ck_assert_uint_eq(report->peak_site_count, 1);
    ck_assert_uint_eq(report->growth_site_count, 1);
    ck_assert_uint_eq(report->mapping_count, 0);
    ck_assert_uint_eq(report->inherited_site_count, 3);
    ck_assert_uint_eq(report->site_count, 4);
    ck_assert(!report->sites[0]->inherited && report->sites[1]->inherited);
    ck_assert_str_eq(report->inherited.state, "taken");
    ck_assert_uint_eq(report->inherited.live_blocks, 4);
    ck_assert_uint_eq(report->note_count, 0);
    report_free(report);
}
END_TEST

static bool has_note(const struct report *report, const char *words)
{
    for (size_t i = 0; i < report->note_count; i++)
        if (strstr(report->notes[i], words))
            return true;
    return false;
}

/* Says so in one note, and everything is as without it. */
static void expect_nothing(struct trace_builder *builder, enum inherit_state state,
                           const char *words)
{
    struct trace_model *model = fixture_model(builder);
    ck_assert_int_eq(model->inheritance.state, state);
    ck_assert_uint_eq(model->heap.blocks.count, 0);
    trace_model_free(model);
    struct report *report = fixture_report(builder);
    ck_assert_msg(has_note(report, words), "no note says %s", words);
    report_free(report);
}

START_TEST(inherit_without_the_parents_trace)
{
    struct trace_builder *builder;
    begin_child(&builder, "/nonexistent/parent.vmt");
    expect_nothing(builder, INHERIT_MISSING, "was not found");
    begin_child(&builder, "/dev/zero"); /* no file to read */
    expect_nothing(builder, INHERIT_MISSING, "was not found");
    write_trace(parent_path, parent_trace(PARENT_TRACE + 1));
    begin_child(&builder, parent_path);
    expect_nothing(builder, INHERIT_OTHER, "another process");
    FILE *file = fopen(parent_path, "wb");
    fputs("no trace", file);
    fclose(file);
    begin_child(&builder, parent_path);
    expect_nothing(builder, INHERIT_UNREADABLE, "parent.vmt");
    struct builder_stream *stream;
    builder = builder_of(CHILD_TRACE, PARENT_TRACE, 200, &stream);
    expect_nothing(builder, INHERIT_UNTOLD, "does not say");
}
END_TEST

/* Unless it is asked for. */
START_TEST(inherit_leaves_out_a_parent_far_larger_than_the_child)
{
    struct trace_builder *builder;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    ck_assert_int_eq(truncate(parent_path, 65 << 20), 0);
    begin_child(&builder, parent_path);
    write_trace(beside_path, builder);
    begin_child(&builder, parent_path);
    expect_nothing(builder, INHERIT_LARGE, "is 65 MiB, large for this one");
    struct trace_model *model = trace_model_new();
    trace_model_want_parent(model);
    ck_assert_int_eq(trace_model_read(model, beside_path, NULL, NULL), VMT_OK);
    ck_assert_int_eq(model->inheritance.state, INHERIT_TAKEN);
    trace_model_free(model);
}
END_TEST

/* A file that says it is its own parent, and two that say it of each other. */
START_TEST(inherit_in_a_circle_ends)
{
    struct builder_stream *stream;
    struct trace_builder *builder = builder_of(PARENT_TRACE, PARENT_TRACE, 100, &stream);
    builder_cold(stream, VMT_OP_FACT, "ss", "parent_trace", parent_path);
    expect_nothing(builder, INHERIT_UNTOLD, "");
    builder = builder_of(PARENT_TRACE, CHILD_TRACE, 100, &stream);
    builder_cold(stream, VMT_OP_FACT, "ss", "parent_trace", beside_path);
    write_trace(parent_path, builder);
    begin_child(&builder, parent_path);
    write_trace(beside_path, builder);
    struct trace_model *model = trace_model_new();
    ck_assert_int_eq(trace_model_read(model, beside_path, NULL, NULL), VMT_OK);
    ck_assert_int_eq(model->inheritance.state, INHERIT_TAKEN);
    ck_assert(!model->inheritance.whole);
    trace_model_free(model);
}
END_TEST

START_TEST(inherit_looks_beside_the_childs_trace)
{
    struct trace_builder *builder;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    begin_child(&builder, "/nonexistent/parent.vmt");
    write_trace(beside_path, builder);
    struct trace_model *model = trace_model_new();
    ck_assert_int_eq(trace_model_read(model, beside_path, NULL, NULL), VMT_OK);
    ck_assert_int_eq(model->inheritance.state, INHERIT_TAKEN);
    ck_assert_str_eq(model->inheritance.path, parent_path);
    trace_model_free(model);
}
END_TEST

/* What the parent had from its own parent is the child's, too, at one site with the parent's. */
START_TEST(inherit_over_two_generations)
{
    struct builder_stream *stream;
    struct trace_builder *builder;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    stream = begin_child(&builder, parent_path);
    load_module(stream, 0x400000, "/bin/parent");
    uint32_t a = builder_stack(stream, 2, U(0x401000), U(0x402000));
    builder_alloc(stream, VMT_MALLOC, 0xb000, 7, a);
    builder_free(stream, VMT_FREE, 0x1000);
    write_trace(beside_path, builder);
    builder = builder_of(U(0x3333), CHILD_TRACE, 300, &stream);
    builder_at(stream, AT(FORK + 1000));
    builder_cold(stream, VMT_OP_FACT, "ss", "fork_ticks", "1006000");
    builder_cold(stream, VMT_OP_FACT, "ss", "parent_trace", beside_path);
    trace_builder_header(builder)->start_ticks = AT(FORK + 1000);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->inheritance.blocks, 4);
    ck_assert_uint_eq(inherited_site(model, 0x402000)->live_bytes, 40 + 40 + 7);
    ck_assert_uint_eq(inherited_site(model, 0x403000)->live_blocks, 1);
    trace_model_free(model);
}
END_TEST

/* Without fork_ticks: up to the child's beginning, which is said. */
START_TEST(inherit_without_the_forks_moment)
{
    struct builder_stream *stream;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    struct trace_builder *builder = builder_of(CHILD_TRACE, PARENT_TRACE, 200, &stream);
    trace_builder_header(builder)->start_ticks = AT(FORK + 15);
    builder_at(stream, AT(FORK + 15));
    builder_cold(stream, VMT_OP_FACT, "ss", "parent_trace", parent_path);
    struct trace_model *model = fixture_model(builder);
    ck_assert_uint_eq(model->inheritance.blocks, 5);
    ck_assert(!model->inheritance.exact);
    trace_model_free(model);
    struct report *report = fixture_report(builder);
    ck_assert(has_note(report, "moment of the fork"));
    report_free(report);
}
END_TEST

static void touch(struct builder_stream *stream, uint64_t address, size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        const struct builder_fault fault[] = {{CODE, address + i * PAGE, 0, 0}};
        builder_cold(stream, VMT_OP_FAULTS, "uuf", U(1), U(0), fault, (size_t)1);
    }
}

static uint64_t faults_of(const struct report *report, const char *kind, enum report_fault_kind why,
                          bool inherited)
{
    uint64_t count = 0;
    for (size_t i = 0; i < report->fault_target_count; i++) {
        const struct report_fault_target *target = report->fault_targets[i];
        if (strcmp(target->kind, kind) == 0 && target->site && target->site->inherited == inherited)
            count += target->counts.kinds[why];
    }
    return count;
}

START_TEST(inherit_pages_that_the_parent_touched_are_copied)
{
    struct builder_stream *stream;
    struct trace_builder *builder = builder_of(PARENT_TRACE, 0, 100, &stream);
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_alloc(stream, VMT_MALLOC, LARGE + 16, 100 * PAGE, a);
    touch(stream, LARGE + PAGE, 60);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x20000000), 8 * PAGE, U(3), U(0x22), U(0),
                 a, "");
    touch(stream, 0x20000000, 4);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x30000000), 8 * PAGE, U(3), U(0x21), U(0),
                 a, ""); /* shared */
    touch(stream, 0x30000000, 4);
    builder_cold(stream, VMT_OP_ADVISE, "uuuk", LARGE + 51 * PAGE, 10 * PAGE, U(4), a);
    builder_at(stream, AT(FORK + 5));
    builder_cold(stream, VMT_OP_FORK, "u", U(200));
    write_trace(parent_path, builder);
    stream = begin_child(&builder, parent_path);
    touch(stream, LARGE + 64, 80);
    touch(stream, 0x20000000, 8);
    touch(stream, 0x30000000, 8);
    builder_alloc(stream, VMT_MALLOC, U(0x7e0000000000), 1 << 20,
                  builder_stack(stream, 1, U(0x409000)));
    touch(stream, U(0x7e0000000000), 30);
    struct report *report = fixture_report(builder);
    /* The page with the header, and what was touched and not given back. */
    ck_assert_uint_eq(faults_of(report, "heap", REPORT_FAULT_COPY, true), 1 + 50);
    ck_assert_uint_eq(faults_of(report, "heap", REPORT_FAULT_RETURN, true), 10);
    ck_assert_uint_eq(faults_of(report, "heap", REPORT_FAULT_FIRST, true), 19);
    ck_assert_uint_eq(faults_of(report, "mapping", REPORT_FAULT_COPY, true), 4);
    ck_assert_uint_eq(faults_of(report, "mapping", REPORT_FAULT_FIRST, true), 4 + 8);
    ck_assert_uint_eq(faults_of(report, "heap", REPORT_FAULT_FIRST, false), 30);
    ck_assert_uint_eq(report->inherited.copies, 51 + 4);
    ck_assert_uint_eq(report->inherited.copied_faults, 51);
    report_free(report);
}
END_TEST

/* Where the parent did not see its faults nothing is known of its pages: all may be copies. */
START_TEST(inherit_pages_of_a_parent_without_perf)
{
    struct trace_builder *builder;
    write_trace(parent_path, parent_trace(PARENT_TRACE));
    struct builder_stream *stream = begin_child(&builder, parent_path);
    touch(stream, LARGE + PAGE, 20);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(faults_of(report, "heap", REPORT_FAULT_COPY, true), 20);
    report_free(report);
}
END_TEST

START_TEST(inherit_pools_and_their_blocks)
{
    struct builder_stream *stream;
    struct trace_builder *builder = builder_of(PARENT_TRACE, 0, 100, &stream);
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_cold(stream, VMT_OP_POOL, "us", U(3), "arena");
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(3), U(0x1000), U(10), a);
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(3), U(0x2000), U(20), a);
    write_trace(parent_path, builder);
    stream = begin_child(&builder, parent_path);
    a = builder_stack(stream, 1, U(0x401000));
    builder_cold(stream, VMT_OP_POOL_FREE, "uuk", U(3), U(0x1000), a);
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(3), U(0x3000), U(5), a);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->pools.unknown, 0);
    ck_assert_uint_eq(model->pools.count, 1);
    ck_assert_str_eq(model->pools.names[0].name, "arena");
    ck_assert_uint_eq(model->pools.names[0].live_bytes, 5);
    ck_assert_uint_eq(model->pools.names[0].frees, 0);
    ck_assert_uint_eq(model->pools.pools[0].blocks.count, 2);
    trace_model_free(model);
}
END_TEST

/* A stack in a module that was unloaded before the fork keeps its name. */
START_TEST(inherit_stacks_in_modules_that_are_gone)
{
    struct builder_stream *stream;
    struct trace_builder *builder = builder_of(PARENT_TRACE, 0, 100, &stream);
    load_module(stream, 0x400000, "/bin/parent");
    load_module(stream, 0x800000, "/lib/gone.so");
    builder_alloc(stream, VMT_MALLOC, 0x1000, 10, builder_stack(stream, 1, U(0x801000)));
    builder_cold(stream, VMT_OP_MODULE_UNLOAD, "u", U(0x800000));
    builder_cold(stream, VMT_OP_NODES_RESET, "");
    load_module(stream, 0x800000, "/lib/there.so");
    builder_alloc(stream, VMT_MALLOC, 0x2000, 20, builder_stack(stream, 1, U(0x801000)));
    write_trace(parent_path, builder);
    stream = begin_child(&builder, parent_path);
    load_module(stream, 0x400000, "/bin/parent");
    load_module(stream, 0x800000, "/lib/there.so");
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->modules.count, 3);
    size_t found = 0;
    for (size_t i = 0; i < model->sites.count; i++) {
        const struct site *site = &model->sites.sites[i];
        uint32_t module = stack_tree_module(&model->stacks, &model->modules, site->node);
        const char *path = model->modules.modules[module].path;
        ck_assert_str_eq(path, site->live_bytes == 10 ? "/lib/gone.so" : "/lib/there.so");
        found++;
    }
    ck_assert_uint_eq(found, 2);
    trace_model_free(model);
}
END_TEST

/* Two blocks; one of them moves between FORK + 100 and FORK + 200, the other goes at FORK + 300. */
static struct trace_builder *changing_parent(void)
{
    struct builder_stream *stream;
    struct trace_builder *builder = builder_of(PARENT_TRACE, 0, 100, &stream);
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_alloc(stream, VMT_MALLOC, 0x1000, 40, a);
    builder_alloc(stream, VMT_MALLOC, 0x2000, 100, a);
    builder_at(stream, AT(FORK + 100));
    builder_realloc_begin(stream, 0x1000);
    builder_at(stream, AT(FORK + 200));
    builder_alloc(stream, VMT_REALLOC, 0x3000, 80, a);
    builder_at(stream, AT(FORK + 300));
    builder_free(stream, VMT_FREE, 0x2000);
    return builder;
}

/* What a child of the fork at `ticks` inherits; UINT64_MAX: nothing. */
static uint64_t inherited_at(uint64_t ticks, struct parent_shelf *shelf)
{
    char number[32];
    size_t size;
    struct builder_stream *stream;
    struct trace_builder *builder = builder_of(CHILD_TRACE, PARENT_TRACE, 200, &stream);
    trace_builder_header(builder)->start_ticks = ticks + 1;
    snprintf(number, sizeof(number), "%llu", (unsigned long long)ticks);
    builder_at(stream, ticks + 1);
    builder_cold(stream, VMT_OP_FACT, "ss", "fork_ticks", number);
    builder_cold(stream, VMT_OP_FACT, "ss", "parent_trace", parent_path);
    struct trace_model *model = trace_model_new();
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    trace_model_skip_faults(model);
    trace_model_share_parents(model, shelf);
    ck_assert_int_eq(trace_model_read_memory(model, bytes, size, NULL), VMT_OK);
    ck_assert_ptr_null(model_invariants_broken(model));
    bool taken = model->inheritance.state == INHERIT_TAKEN;
    ck_assert(!taken || model->inheritance.whole);
    uint64_t inherited = taken ? model->inheritance.bytes : UINT64_MAX;
    trace_model_free(model);
    trace_builder_free(builder);
    return inherited;
}

/* In any order, and at the moment of a realloc, which is undone for one child alone. */
START_TEST(inherit_from_a_parent_that_is_read_on)
{
    static const struct {
        uint64_t ticks, bytes;
    } forks[] = {{50, 140}, {80, 140}, {150, 140}, {250, 180}, {350, 80}, {60, 140}, {360, 80}};
    struct parent_shelf *shelf = parent_shelf_new();
    write_trace(parent_path, changing_parent());
    for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++) {
        ck_assert_uint_eq(inherited_at(AT(FORK + forks[i].ticks), NULL), forks[i].bytes);
        ck_assert_uint_eq(inherited_at(AT(FORK + forks[i].ticks), shelf), forks[i].bytes);
    }
    ck_assert_int_eq(unlink(parent_path), 0);
    ck_assert_uint_eq(inherited_at(AT(FORK + 370), shelf), 80);
    ck_assert_uint_eq(inherited_at(AT(FORK + 370), NULL), UINT64_MAX);
    parent_shelf_free(shelf);
}
END_TEST

/* That trace itself is read once; taking over would be done for each child. */
START_TEST(inherit_leaves_out_a_parent_with_far_more_blocks)
{
    struct builder_stream *stream;
    struct trace_builder *builder = builder_of(PARENT_TRACE, 0, 100, &stream);
    struct parent_shelf *shelf = parent_shelf_new();
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    for (uint64_t i = 1; i <= 300000; i++)
        builder_alloc(stream, VMT_MALLOC, i * 32, 16, a);
    write_trace(parent_path, builder);
    ck_assert_uint_eq(inherited_at(AT(FORK + 1), shelf), UINT64_MAX);
    ck_assert_uint_eq(inherited_at(AT(FORK + 2), shelf), UINT64_MAX);
    ck_assert_uint_eq(inherited_at(AT(FORK + 1), NULL), 300000 * 16);
    parent_shelf_free(shelf);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {inherit_takes_what_is_live_at_the_fork,
                                  inherit_releases_are_the_childs_but_no_frees,
                                  inherit_block_that_is_replaced_is_gone,
                                  inherit_leaks_and_peaks_are_the_childs_own,
                                  inherit_without_the_parents_trace,
                                  inherit_in_a_circle_ends,
                                  inherit_looks_beside_the_childs_trace,
                                  inherit_over_two_generations,
                                  inherit_without_the_forks_moment,
                                  inherit_pages_that_the_parent_touched_are_copied,
                                  inherit_pages_of_a_parent_without_perf,
                                  inherit_pools_and_their_blocks,
                                  inherit_stacks_in_modules_that_are_gone,
                                  inherit_leaves_out_a_parent_far_larger_than_the_child,
                                  inherit_from_a_parent_that_is_read_on,
                                  inherit_leaves_out_a_parent_with_far_more_blocks};
    Suite *suite = suite_create("inherit");
    TCase *tcase = tcase_create("inherit");
    tcase_add_checked_fixture(tcase, setup, clean_up);
    for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
