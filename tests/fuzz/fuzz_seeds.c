/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_seeds.h"

#define U(value) ((uint64_t)(value))

static void seed_heap(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    uint32_t a = builder_stack(stream, 3, U(0x401000), U(0x401100), U(0x401200));
    uint32_t b = builder_stack(stream, 2, U(0x401000), U(0x7f0000001000));
    builder_at(stream, BUILDER_START_TICKS + 10);
    builder_faults(stream, 3, 1);
    builder_alloc(stream, VMT_MALLOC, 0x10000, 40, a);
    builder_alloc(stream, VMT_MALLOC, 0x10040, 40, a);
    builder_alloc(stream, VMT_CALLOC, 0x10080, 100, b);
    builder_alloc(stream, VMT_NEW, 0x10101, 8, a);
    builder_alloc(stream, VMT_NEW_ARRAY, 0x10200, 80, b);
    builder_alloc_other(stream, VMT_SUB_POSIX_MEMALIGN, 6, 0x10400, 64, a);
    builder_free(stream, VMT_FREE, 0x10040);
    builder_free_at(stream, VMT_DELETE, 0x10101, b);
    builder_free(stream, VMT_DELETE_ARRAY, 0x10200);
    builder_free_other(stream, VMT_SUB_FREE_SIZED, 0x10080);
    builder_realloc_begin(stream, 0x10000);
    builder_alloc(stream, VMT_REALLOC, 0x20000, 4000, a);
    builder_realloc_begin(stream, 0x20000);
    builder_realloc_failed(stream, U(1) << 60, b);
    builder_realloc_begin(stream, 0x20000);
    builder_realloc_freed(stream);
    builder_alloc_failed(stream, VMT_MALLOC, U(1) << 62, b);
}

static void seed_errors(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    uint32_t cut = builder_nodes(stream, VMT_NODE_CUT, (uint64_t[]){0x401300, 0x401400}, 2);
    builder_alloc(stream, VMT_MALLOC, 0x10000, 40, a);
    builder_free(stream, VMT_FREE, 0x10000);
    builder_free(stream, VMT_FREE, 0x10000);
    builder_alloc(stream, VMT_NEW, 0x10000, 40, cut);
    builder_free(stream, VMT_FREE, 0x10000);
    builder_alloc(stream, VMT_MALLOC, 0x20000, 100, a);
    builder_free(stream, VMT_FREE, 0x20018);
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(11), (int64_t)-6, U(0x10), cut);
}

static void seed_mappings(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x7f0000000000), U(0x10000), U(3), U(0x22),
                 U(0), a, "");
    builder_cold(stream, VMT_OP_UNMAP, "uuuk", U(0), U(0x7f0000004000), U(0x2000), a);
    builder_cold(stream, VMT_OP_UNMAP_FAILED, "");
    builder_cold(stream, VMT_OP_UNMAP, "uuuk", U(0), U(0x7f0000004000), U(0x2000), a);
    builder_cold(stream, VMT_OP_REMAP_BEGIN, "uu", U(0x7f0000006000), U(0xa000));
    builder_cold(stream, VMT_OP_REMAP_END, "uuk", U(0x7f1000000000), U(0x20000), a);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(VMT_MAP_SHM), U(0x7f2000000000), U(0x1000), U(3),
                 U(0), U(0), a, "shm");
    builder_cold(stream, VMT_OP_UNMAP, "uuuk", U(VMT_MAP_SHM), U(0x7f2000000000), U(0), a);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(VMT_MAP_ALLOCATOR), U(0x7f3000000000), U(0x1000),
                 U(3), U(0), U(0), a, "");
    builder_cold(stream, VMT_OP_BREAK, "uuk", U(0x600000), U(0x621000), a);
    builder_cold(stream, VMT_OP_BREAK, "uuk", U(0x621000), U(0x610000), a);
    builder_cold(stream, VMT_OP_ADVISE, "uuuk", U(0x7f1000000000), U(0x4000), U(4), a);
}

static void seed_region(struct builder_stream *stream, uint64_t start, uint64_t pages,
                        uint64_t flags, const char *name)
{
    builder_cold(stream, VMT_OP_REGION, "uuuuuuuuuuuuuuuus", start, pages << 12, flags, U(0), U(8),
                 U(*name == '/' ? 77 : 0), pages << 11, pages << 11, U(0), U(0), U(0), pages << 11,
                 pages << 10, U(4096), U(4096), U(0), name);
    builder_cold(stream, VMT_OP_PAGES, "uuuuu", start, U(4096), pages / 2 << 4 | 9, U(1) << 4,
                 pages / 4 << 4 | (*name == '/' ? 5 : 2));
}

static void seed_residency(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    uint32_t a = builder_stack(stream, 1, U(0x401000)), b = builder_stack(stream, 1, U(0x402000));
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", U(0x400000), U(0x400000), U(0x410000), "",
                 "/usr/bin/app", U(VMT_MODULE_MAIN));
    builder_cold(stream, VMT_OP_STACK, "uu", U(0x7ff000000000), U(0x7ff000100000));
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x7f0000000000), U(0x10000), U(3), U(0x22),
                 U(0), a, "");
    builder_alloc(stream, VMT_MALLOC, 0x600010, 5000, a);
    builder_alloc(stream, VMT_MALLOC, 0x602000, 100, b);
    for (unsigned round = 0; round < 2; round++) {
        builder_cold(stream, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(9) << 20, U(1) << 20, U(0), U(1),
                     U(0), U(0));
        builder_cold(stream, VMT_OP_SNAPSHOT, "s", "then");
        builder_cold(stream, VMT_OP_RESIDENCY, "uuuuuus", U(round), U(1) << 20, U(9) << 20, U(4096),
                     U(4096), U(0), round ? "" : "then");
        seed_region(stream, 0x400000, 8, 5, "/usr/bin/app");
        seed_region(stream, 0x408000, 8, 3, "");
        seed_region(stream, 0x600000, 16, 3, "[heap]");
        seed_region(stream, 0x7f0000000000, 16, 3, "");
        seed_region(stream, 0x7f4000000000, 16, 11, "/tmp/1.vmt");
        seed_region(stream, 0x7ff000000000, 256, 3, "[stack]");
        seed_region(stream, 0x7f0000004000, 4, 3, "[vmtrace]");
        seed_region(stream, U(1) << 48, U(1) << 44, 3, ""); /* 2^30 pieces of 64 MiB */
        builder_cold(stream, VMT_OP_RESIDENCY_END, "uuuuuu", U(0), U(700) << 10, U(700) << 10, U(0),
                     U(0), U(1000));
        builder_free(stream, VMT_FREE, 0x600010);
    }
}

static void seed_process(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    builder_cold(stream, VMT_OP_CLOCK, "u", U(5000000));
    builder_cold(stream, VMT_OP_THREAD, "u", U(100));
    builder_cold(stream, VMT_OP_THREAD_NAME, "us", U(100), "main");
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", U(0x400000), U(0x400000), U(0x500000),
                 "0123456789abcdefghij", "/usr/bin/app", U(VMT_MODULE_MAIN));
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", U(0x7f0000000000), U(0x7f0000000000),
                 U(0x7f0000100000), "", "/usr/lib/libvmtrace.so", U(VMT_MODULE_TRACER));
    builder_cold(stream, VMT_OP_FACT, "ss", "exe", "/usr/bin/app");
    builder_cold(stream, VMT_OP_ARGUMENT, "us", U(0), "app");
    builder_cold(stream, VMT_OP_ARGUMENT, "us", U(1), "--fast");
    uint32_t a = builder_stack(stream, 2, U(0x401000), U(0x7f0000001000));
    builder_cold(stream, VMT_OP_PHASE_BEGIN, "s", "load");
    builder_alloc(stream, VMT_MALLOC, 0x10000, 1000, a);
    builder_cold(stream, VMT_OP_PHASE_BEGIN, "s", "inner");
    builder_cold(stream, VMT_OP_SNAPSHOT, "s", "middle");
    builder_cold(stream, VMT_OP_PHASE_END, "s", "load");
    builder_cold(stream, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(1) << 30, U(1) << 22, U(1) << 20, U(500),
                 U(2), U(65536));
    builder_cold(stream, VMT_OP_PAUSE, "");
    builder_cold(stream, VMT_OP_RESUME, "");
    builder_cold(stream, VMT_OP_FAULT_SOURCE, "u", U(2));
    builder_cold(stream, VMT_OP_FORK, "u", U(101));
    builder_cold(stream, VMT_OP_EXEC, "s", "/bin/true");
    builder_cold(stream, VMT_OP_EXEC_FAILED, "u", U(2));
    builder_cold(stream, VMT_OP_UNFOLLOWED, "uus", U(102), U(VMT_UNFOLLOWED_STATIC), "./tool");
    builder_cold(stream, VMT_OP_UNFOLLOWED, "uus", U(103), U(99), "./tool");
    builder_cold(stream, VMT_OP_UNFOLLOWED, "uus", U(103), U(0), "");
    builder_cold(stream, VMT_OP_MODULE_UNLOAD, "u", U(0x7f0000000000));
    builder_cold(stream, VMT_OP_NODES_RESET, "");
    a = builder_stack(stream, 1, U(0x402000));
    builder_alloc(stream, VMT_MALLOC, 0x20000, 10, a);
    builder_cold(stream, VMT_OP_LOST, "uu", U(VMT_LOST_SPACE), U(28));
    builder_new_chunk(stream);
    builder_alloc(stream, VMT_MALLOC, 0x30000, 10, a);
    builder_at(stream, BUILDER_START_TICKS + 3000000);
    builder_cold(stream, VMT_OP_END, "uuuuuuu", U(0), U(3), U(900), U(4), U(1) << 23, U(1000),
                 U(2000));
}

static void seed_pools(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_cold(stream, VMT_OP_POOL, "us", U(1), "nodes");
    builder_cold(stream, VMT_OP_POOL, "us", U(2), "strings");
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(1), U(0x10010), U(24), a);
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(2), U(0x10010), U(7), a);
    builder_cold(stream, VMT_OP_POOL_RESIZE, "uuuuk", U(2), U(0x10010), U(0x10020), U(70), a);
    builder_cold(stream, VMT_OP_POOL_FREE, "uuk", U(1), U(0x10010), a);
    builder_cold(stream, VMT_OP_POOL_CLEAR, "uk", U(2), a);
}

static void seed_threads(struct trace_builder *builder)
{
    struct builder_stream *one = trace_builder_stream(builder, 100);
    struct builder_stream *two = trace_builder_stream(builder, 101);
    uint32_t a = builder_stack(one, 2, U(0x401000), U(0x401100));
    uint32_t b = builder_stack(two, 2, U(0x401000), U(0x401100));
    for (uint64_t i = 1; i < 40; i++) {
        builder_at(one, BUILDER_START_TICKS + 100 * i);
        builder_alloc(one, VMT_MALLOC, 0x10000 + 64 * i, i, a);
        builder_at(two, BUILDER_START_TICKS + 100 * i + 50);
        builder_free(two, VMT_FREE, 0x10000 + 64 * i);
        if (i % 16 == 0)
            builder_new_chunk(two);
        builder_alloc(two, VMT_CALLOC, 0x20000 + 64 * i, i, b);
    }
}

static void seed_sampled(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    uint32_t a = builder_stack(stream, 2, U(0x401000), U(0x402000));
    trace_builder_header(builder)->sample_interval = 512;
    for (uint64_t i = 1; i < 30; i++) {
        builder_alloc(stream, i % 3 ? VMT_MALLOC : VMT_NEW, 0x10000 + 64 * i, i * 37, a);
        if (i % 4 == 0)
            builder_cold(stream, VMT_OP_TEMPORARY, "u", 0x10000 + 64 * i);
        if (i % 2 == 0)
            builder_free(stream, VMT_FREE, 0x10000 + 64 * i);
    }
    builder_realloc_begin(stream, 0x10040);
    builder_realloc_freed(stream);
    builder_alloc(stream, VMT_REALLOC, 0x20000, 100000, a);
    builder_realloc_failed(stream, U(1) << 60, a);
}

static void seed_faults(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    uint32_t a = builder_stack(stream, 2, U(0x401000), U(0x402000));
    builder_cold(stream, VMT_OP_FACT, "ss", "thp_enabled", "[always] madvise never");
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", U(0x400000), U(0x400000), U(0x410000), "",
                 "/usr/bin/app", U(VMT_MODULE_MAIN));
    builder_cold(stream, VMT_OP_STACK, "uu", U(0x7ff000000000), U(0x7ff000100000));
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x7f0000000000), U(0x800000), U(3),
                 U(0x22), U(0), a, "/tmp/file");
    builder_alloc(stream, VMT_MALLOC, 0x600010, 50000, a);
    builder_alloc(stream, VMT_MALLOC, 0x700010, 100, a);
    for (unsigned round = 0; round < 3; round++) {
        const struct builder_fault details[] = {
            {0x401000, 0x601000, 0, 0},
            {0x401000, 0x602000, 0, 0},
            {0x401000, 0x700020, VMT_FAULT_KERNEL, 0},
            {0x401020, 0x408000, VMT_FAULT_MAJOR, 0},
            {0, 0x7f0000201000, VMT_FAULT_STACK, a},
            {0x401040, 0x7ff0000ff000, 0, 0},
            {0x401000, 0x900000, 0, 0},
        };
        builder_cold(stream, VMT_OP_FAULTS, "uuf", U(40), U(3), details + round,
                     (size_t)(7 - round));
        builder_alloc(stream, VMT_MALLOC, 0x900010, 64, a);
        builder_cold(stream, VMT_OP_ADVISE, "uuuk", U(0x600000), U(0x3000), U(4), a);
        builder_free(stream, VMT_FREE, 0x900010);
        builder_cold(stream, VMT_OP_FORK, "u", U(101));
        builder_cold(stream, VMT_OP_FAULTS, "uuf", U(5), U(0), details, (size_t)0);
    }
    builder_cold(stream, VMT_OP_END, "uuuuuuu", U(0), U(3), U(900), U(4), U(1) << 23, U(1000),
                 U(2000));
}

/* Two scans of a heap with each kind of entry, a stack in a block, and one that does not end. */
static void seed_scans(struct trace_builder *builder)
{
    struct builder_stream *stream = trace_builder_stream(builder, 100);
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", U(0x400000), U(0x400000), U(0x410000), "",
                 "/opt/app", U(VMT_MODULE_MAIN));
    builder_cold(stream, VMT_OP_STACK, "uu", U(0x7ffff0000000), U(0x7ffff0010000));
    builder_cold(stream, VMT_OP_POOL, "us", U(1), "arena");
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(1), U(0x900110), U(16), a);
    for (uint64_t i = 0; i < 6; i++)
        builder_alloc(stream, VMT_MALLOC, 0x900000 + i * 256, i ? 200 : 0, a);
    builder_cold(stream, VMT_OP_IGNORE_BEGIN, "");
    builder_alloc(stream, VMT_MALLOC, 0x900600, 64, a);
    builder_cold(stream, VMT_OP_IGNORE_END, "");
    builder_cold(stream, VMT_OP_IGNORE_OBJECT, "u", U(0x900510));
    builder_cold(stream, VMT_OP_ROOT_REGION, "uu", U(0x900508), U(16));
    builder_cold(stream, VMT_OP_ROOT_REGION, "uu", U(0x400100), U(8));
    builder_cold(stream, VMT_OP_ROOT_REGION_END, "uu", U(0x400100), U(8));
    builder_cold(stream, VMT_OP_FACT, "ss", "lsan_options", "use_tls=0:use_registers=1");
    builder_cold(stream, VMT_OP_FACT, "ss", "lsan_suppressions", "leak:nothing\n{\n");
    for (uint64_t round = 1; round < 4; round++) {
        builder_cold(stream, VMT_OP_SCAN, "uuuuus", round, round & 1, round, U(2), U(1), "s");
        seed_region(stream, 0x400000, 16, 3, "/opt/app");
        seed_region(stream, 0x900000, 4, 3, "[heap]");
        seed_region(stream, 0x7ffff0000000, 16, 3, "");
        seed_region(stream, 0x7ffff0008000, 2, 0, "[vmtrace]");
        builder_cold(stream, VMT_OP_SCAN_THREAD, "uuuuuu", U(100), U(0x7ffff0004000),
                     U(0x7ffff000f000), U(7), U(0x900000), U(0x900410));
        builder_cold(stream, VMT_OP_SCAN_THREAD, "uuuu", U(101), U(0x900580), U(0), U(0));
        builder_cold(stream, VMT_OP_POINTERS, "uuuuuuuuuu", U(0x400100), U(VMT_POINTER_FAR),
                     U(0x900108 - 0x400100) << 2 | 1, U(VMT_POINTER_BEFORE), U(24) << 1,
                     U(2) << VMT_POINTER_SHIFT | VMT_POINTER_NEAR, U(0x900218 - 0x400110) << 2 | 1,
                     U(VMT_POINTER_BEFORE), U(200 - 25) << 1 | 1,
                     U(1) << VMT_POINTER_SHIFT | VMT_POINTER_TABLE);
        builder_cold(stream, VMT_OP_POINTERS, "uuuuu", U(0x900500), U(VMT_POINTER_TABLE),
                     U(4) << VMT_POINTER_SHIFT | VMT_POINTER_TABLE,
                     U(13) << VMT_POINTER_SHIFT | VMT_POINTER_FAR, U(0x20) << 1);
        if (round < 3)
            builder_cold(stream, VMT_OP_SCAN_END, "uuuuuu", U(0), U(99), U(3), U(0), U(5), U(6));
        builder_free(stream, VMT_FREE, 0x900000 + round * 256);
    }
}

struct trace_builder *fuzz_seed_new(unsigned number)
{
    static void (*const seeds[FUZZ_SEEDS])(struct trace_builder *) = {
        seed_heap,    seed_errors,  seed_mappings,  seed_process, seed_pools,
        seed_threads, seed_sampled, seed_residency, seed_faults,  seed_scans,
    };
    struct trace_builder *builder = trace_builder_new();
    seeds[number % FUZZ_SEEDS](builder);
    return builder;
}
