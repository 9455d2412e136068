/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/symbolizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "symbol/debug_search.h"
#include "symbol/dwarf_units.h"
#include "symbol/perf_map.h"
#include "symbol/symbol_table.h"

#define MAX_FRAMES 256 /* of one address; 40 is much in practice */

struct answer {
    const struct symbol_frame *frames;
    size_t count;
};

/* A binary, opened on its first use. */
struct binary {
    const char *path;
    const uint8_t *build_id;
    size_t build_id_size;
    bool open; /* `file` and what follows can be used */
    struct symbol_file file;
    struct symbol_table symbols;
    struct dwarf_units units;
    bool missing_told;     /* units.missing is among the problems */
    struct hash_map cache; /* address in the file -> place in `answers` */
};

struct symbolizer {
    struct symbolizer_options options;
    struct name_pool pool;
    struct debug_search search;
    struct binary **binaries; /* the binaries belong to the arena */
    size_t binary_count, binary_room;
    struct answer *answers;
    size_t answer_count, answer_room;
    const char **problems;
    size_t problem_count, problem_room;
    struct perf_map jit;
    struct hash_map jit_cache; /* run-time address -> place in `answers` */
    bool jit_read;
    bool server_told; /* search.server_dead is among the problems */
};

/* What there is to say about an address that nothing is known of, or without memory. */
static const struct symbol_frame unknown_frame;

struct symbolizer *symbolizer_new(const struct symbolizer_options *options)
{
    struct symbolizer *symbolizer = calloc(1, sizeof(*symbolizer));

    if (!symbolizer)
        return NULL;
    elf_version(EV_CURRENT);
    if (options)
        symbolizer->options = *options;
    if (name_pool_init(&symbolizer->pool) != 0 ||
        debug_search_init(&symbolizer->search, &symbolizer->options, &symbolizer->pool) != 0) {
        symbolizer_free(symbolizer);
        return NULL;
    }
    return symbolizer;
}

static void close_binary(struct binary *binary)
{
    if (binary->open) {
        dwarf_units_release(&binary->units);
        symbol_table_release(&binary->symbols);
        symbol_file_close(&binary->file);
    }
    hash_map_release(&binary->cache);
}

void symbolizer_free(struct symbolizer *symbolizer)
{
    if (!symbolizer)
        return;
    for (size_t i = 0; i < symbolizer->binary_count; i++)
        close_binary(symbolizer->binaries[i]);
    perf_map_release(&symbolizer->jit);
    hash_map_release(&symbolizer->jit_cache);
    name_pool_release(&symbolizer->pool);
    free(symbolizer->binaries);
    free(symbolizer->answers);
    free(symbolizer->problems);
    free(symbolizer);
}

void symbolizer_next_process(struct symbolizer *symbolizer, uint32_t pid)
{
    perf_map_release(&symbolizer->jit);
    hash_map_release(&symbolizer->jit_cache);
    symbolizer->jit = (struct perf_map){0};
    symbolizer->jit_cache = (struct hash_map){0};
    symbolizer->jit_read = false;
    symbolizer->options.pid = pid;
}

size_t symbolizer_binaries(const struct symbolizer *symbolizer)
{
    return symbolizer->binary_count;
}

/* Without memory for it the problem is lost, the rest goes on. */
static void add_problem(struct symbolizer *symbolizer, const char *text)
{
    if (!text)
        return;
    if (symbolizer->problem_count == symbolizer->problem_room &&
        !vector_grow(&symbolizer->problems, &symbolizer->problem_room,
                     sizeof(*symbolizer->problems)))
        return;
    symbolizer->problems[symbolizer->problem_count++] = text;
}

/* DWARF that is there but cannot be read; a binary without any is no problem. */
static void note_bad_dwarf(struct symbolizer *symbolizer, struct binary *binary)
{
    Elf_Scn *section = NULL;
    Dwarf_Addr bias;
    size_t names;

    if (!binary->file.module || dwfl_module_getdwarf(binary->file.module, &bias))
        return;
    if (elf_getshdrstrndx(binary->file.elf, &names) != 0)
        return;
    while ((section = elf_nextscn(binary->file.elf, section))) {
        GElf_Shdr memory, *header = gelf_getshdr(section, &memory);
        const char *name = header ? elf_strptr(binary->file.elf, names, header->sh_name) : NULL;
        if (!name || (strcmp(name, ".debug_info") != 0 && strcmp(name, ".zdebug_info") != 0))
            continue;
        add_problem(symbolizer,
                    arena_printf(symbolizer->pool.arena,
                                 "%s: debug information cannot be read; lines are missing",
                                 binary->path));
        return;
    }
}

static void open_binary(struct symbolizer *symbolizer, struct binary *binary,
                        const struct symbol_module *module)
{
    struct name_pool *pool = &symbolizer->pool;
    const char *problem = NULL;

    if (symbol_file_open(&binary->file, module, &symbolizer->options, &symbolizer->search, pool,
                         &problem) != 0) {
        add_problem(symbolizer, problem);
        return;
    }
    if (symbol_table_init(&binary->symbols, &binary->file, pool) != 0) {
        symbol_file_close(&binary->file);
        return;
    }
    if (dwarf_units_init(&binary->units, &binary->file, pool) != 0) {
        symbol_table_release(&binary->symbols);
        symbol_file_close(&binary->file);
        return;
    }
    binary->open = true;
    if (symbolizer->search.server_dead && !symbolizer->server_told) {
        symbolizer->server_told = true;
        add_problem(symbolizer, "debuginfod server does not answer; it is not asked any more");
    }
    note_bad_dwarf(symbolizer, binary);
}

static bool same_build(const struct binary *binary, const struct symbol_module *module)
{
    return binary->build_id_size == module->build_id_size &&
           (module->build_id_size == 0 ||
            memcmp(binary->build_id, module->build_id, module->build_id_size) == 0);
}

/* The binary of a module, opened if it is new; NULL when out of memory. */
static struct binary *find_binary(struct symbolizer *symbolizer, const struct symbol_module *module)
{
    const char *path = module->path ? module->path : "";
    struct binary *binary;

    for (size_t i = 0; i < symbolizer->binary_count; i++) {
        binary = symbolizer->binaries[i];
        if (strcmp(binary->path, path) == 0 && same_build(binary, module))
            return binary;
    }
    if (symbolizer->binary_count == symbolizer->binary_room &&
        !vector_grow(&symbolizer->binaries, &symbolizer->binary_room,
                     sizeof(*symbolizer->binaries)))
        return NULL;
    size_t size = module->build_id ? module->build_id_size : 0;
    uint8_t *build_id = arena_alloc(symbolizer->pool.arena, size + 1);
    binary = arena_alloc(symbolizer->pool.arena, sizeof(*binary));
    if (!binary || !build_id)
        return NULL;
    binary->path = arena_string(symbolizer->pool.arena, path, strlen(path));
    if (!binary->path)
        return NULL;
    if (size)
        memcpy(build_id, module->build_id, size);
    binary->build_id = build_id;
    binary->build_id_size = size;
    symbolizer->binaries[symbolizer->binary_count++] = binary;
    open_binary(symbolizer, binary, module);
    return binary;
}

/* Keeps the answer and remembers it; the answer without memory is the unknown frame. */
static const struct symbol_frame *keep(struct symbolizer *symbolizer, struct hash_map *cache,
                                       uint64_t address, const struct symbol_frame *frames,
                                       size_t *count)
{
    struct symbol_frame *kept = arena_array(symbolizer->pool.arena, *count, sizeof(*kept));

    if (!kept || (symbolizer->answer_count == symbolizer->answer_room &&
                  !vector_grow(&symbolizer->answers, &symbolizer->answer_room,
                               sizeof(*symbolizer->answers)))) {
        *count = 1;
        return &unknown_frame;
    }
    memcpy(kept, frames, *count * sizeof(*kept));
    for (size_t i = 0; i < *count; i++)
        if (kept[i].function)
            kept[i].linkage = name_pool_linker(&symbolizer->pool, kept[i].function);
    symbolizer->answers[symbolizer->answer_count] = (struct answer){kept, *count};
    if (hash_map_put(cache, address, (uint32_t)symbolizer->answer_count))
        symbolizer->answer_count++;
    return kept;
}

static const struct symbol_frame *recall(const struct symbolizer *symbolizer,
                                         const struct hash_map *cache, uint64_t address,
                                         size_t *count)
{
    uint32_t place = hash_map_get(cache, address);

    if (place == HASH_MAP_NONE)
        return NULL;
    *count = symbolizer->answers[place].count;
    return symbolizer->answers[place].frames;
}

/* Names the function that stands at the address by the symbol table: where DWARF has no name,
 * and where it has none for the linker and the symbol table does (clang -gline-tables-only,
 * gcc's C++ functions that only one file sees). */
static void apply_symbol(struct binary *binary, struct name_pool *pool, uint64_t address,
                         struct symbol_frame *frame)
{
    const struct interval *symbol = interval_table_nearest(&binary->symbols.functions, address);
    const char *readable;

    if (!symbol)
        return;
    if (frame->function && address - frame->function_offset != symbol->start)
        return;
    readable = name_pool_readable(pool, symbol->value);
    if (!readable || (frame->function && strncmp(readable, symbol->value, strlen(readable)) == 0))
        return;
    frame->function = readable;
    frame->function_offset = address - symbol->start;
}

static size_t resolve_in_binary(struct symbolizer *symbolizer, struct binary *binary,
                                uint64_t address, struct symbol_frame *frames)
{
    bool whole = false;
    int count = dwarf_units_resolve(&binary->units, address, frames, MAX_FRAMES, &whole);

    if (count < 1) {
        frames[0] = unknown_frame;
        count = 1;
    }
    if (!whole)
        apply_symbol(binary, &symbolizer->pool, address, &frames[count - 1]);
    if (binary->units.missing && !binary->missing_told) {
        binary->missing_told = true;
        add_problem(symbolizer,
                    arena_printf(symbolizer->pool.arena,
                                 "%s: debug file %s was not found; inlined calls may be "
                                 "missing",
                                 binary->path, binary->units.missing));
    }
    return (size_t)count;
}

static const struct symbol_frame *resolve_jit(struct symbolizer *symbolizer, uint64_t address,
                                              size_t *count)
{
    const struct symbol_frame *known = recall(symbolizer, &symbolizer->jit_cache, address, count);
    struct symbol_frame frame = unknown_frame;
    char path[64];

    if (known)
        return known;
    if (!symbolizer->options.same_machine || symbolizer->options.pid == 0) {
        *count = 1;
        return &unknown_frame;
    }
    if (!symbolizer->jit_read) {
        symbolizer->jit_read = true;
        snprintf(path, sizeof(path), "/tmp/perf-%u.map", symbolizer->options.pid);
        if (perf_map_init(&symbolizer->jit, path) != 0)
            add_problem(symbolizer, "out of memory: JIT code has no names");
    }
    frame.function = perf_map_find(&symbolizer->jit, address, &frame.function_offset);
    *count = 1;
    return keep(symbolizer, &symbolizer->jit_cache, address, &frame, count);
}

const struct symbol_frame *symbolizer_resolve(struct symbolizer *symbolizer,
                                              const struct symbol_module *module, uint64_t address,
                                              size_t *count)
{
    struct symbol_frame frames[MAX_FRAMES];
    const struct symbol_frame *known;
    struct binary *binary;

    if (!module)
        return resolve_jit(symbolizer, address, count);
    *count = 1;
    binary = find_binary(symbolizer, module);
    if (!binary || !binary->open)
        return &unknown_frame;
    address -= module->bias;
    known = recall(symbolizer, &binary->cache, address, count);
    if (known)
        return known;
    *count = resolve_in_binary(symbolizer, binary, address, frames);
    return keep(symbolizer, &binary->cache, address, frames, count);
}

const char *symbolizer_object(struct symbolizer *symbolizer, const struct symbol_module *module,
                              uint64_t address, uint64_t *offset)
{
    struct binary *binary = module ? find_binary(symbolizer, module) : NULL;
    const struct interval *object = NULL;

    if (binary && binary->open)
        object = interval_table_nearest(&binary->symbols.objects, address - module->bias);
    if (!object)
        return NULL;
    *offset = address - module->bias - object->start;
    return name_pool_readable(&symbolizer->pool, object->value);
}

enum symbol_segment symbolizer_segment(struct symbolizer *symbolizer,
                                       const struct symbol_module *module, uint64_t address)
{
    const struct binary *binary = module ? find_binary(symbolizer, module) : NULL;

    if (!binary || !binary->open || !binary->file.elf)
        return SYMBOL_SEGMENT_UNKNOWN;
    return symbol_file_segment(&binary->file, address - module->bias);
}

const char *symbolizer_problem_next(const struct symbolizer *symbolizer, size_t *position)
{
    return *position < symbolizer->problem_count ? symbolizer->problems[(*position)++] : NULL;
}
