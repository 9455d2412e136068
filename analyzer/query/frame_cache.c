/* SPDX-License-Identifier: Apache-2.0 */
#include "query/frame_cache.h"

#include <stdlib.h>
#include <string.h>

#include <vmtrace/trace_format.h>

#include "base/vector.h"
#include "query/frame_class.h"

/* File names (up to '.' or '-') of what every program has below its own code. */
static const char *const system_modules[] = {
    "libc",     "ld",     "ld-linux",  "libpthread", "libm",       "libstdc++",
    "libgcc_s", "libdl",  "librt",     "libvmtrace", "linux-vdso", "[vdso]",
    "ld-musl",  "libc++", "libc++abi", "libunwind",
};

static bool frame_is_system(const struct module *module)
{
    if (module->flags & VMT_MODULE_TRACER)
        return true;
    if (module->flags & VMT_MODULE_MAIN)
        return false;
    const char *slash = strrchr(module->path, '/');
    const char *name = slash ? slash + 1 : module->path;
    for (size_t i = 0; i < sizeof(system_modules) / sizeof(*system_modules); i++) {
        size_t length = strlen(system_modules[i]);
        if (strncmp(name, system_modules[i], length) == 0 &&
            (name[length] == '\0' || name[length] == '.' || name[length] == '-'))
            return true;
    }
    return false;
}

bool frame_cache_init(struct frame_cache *cache, struct arena *arena,
                      const struct module_table *table, struct symbolizer *symbolizer)
{
    *cache = (struct frame_cache){.arena = arena, .table = table, .symbolizer = symbolizer};
    cache->modules = calloc(table->count + 1, sizeof(*cache->modules));
    return cache->modules != NULL;
}

void frame_cache_release(struct frame_cache *cache)
{
    free(cache->modules);
    free(cache->entries);
    free(cache->copies);
    hash_map_release(&cache->by_address);
    hash_map_release(&cache->strings);
}

/* NULL when out of memory. */
static const struct frame_module *frame_module_get(struct frame_cache *cache, uint32_t index)
{
    struct frame_module *module = &cache->modules[index];
    const struct module *known = &cache->table->modules[index];
    if (module->path)
        return module;
    module->path = arena_string(cache->arena, known->path, strlen(known->path));
    module->system = frame_is_system(known);
    module->symbol = (struct symbol_module){
        .path = module->path,
        .build_id = known->build_id_size ? known->build_id : NULL,
        .build_id_size = known->build_id_size,
        .bias = known->bias,
    };
    return module->path ? module : NULL;
}

const struct symbol_module *frame_cache_module(struct frame_cache *cache, uint32_t module,
                                               const char **path)
{
    const struct frame_module *known = frame_module_get(cache, module);
    if (!known)
        return NULL;
    *path = known->path;
    return &known->symbol;
}

/* The symbolizer hands out the same string again and again: one copy for each. */
static bool frame_copy_string(struct frame_cache *cache, const char *text, const char **copy)
{
    *copy = NULL;
    if (!text)
        return true;
    uint32_t index = hash_map_get(&cache->strings, (uintptr_t)text);
    if (index != HASH_MAP_NONE) {
        *copy = cache->copies[index];
        return true;
    }
    if (cache->copy_count == cache->copy_capacity &&
        !vector_grow(&cache->copies, &cache->copy_capacity, sizeof(*cache->copies)))
        return false;
    *copy = arena_string(cache->arena, text, strlen(text));
    if (!*copy || !hash_map_put(&cache->strings, (uintptr_t)text, (uint32_t)cache->copy_count))
        return false;
    cache->copies[cache->copy_count++] = *copy;
    return true;
}

static bool frame_fill(struct frame_cache *cache, struct report_frame *frame,
                       const struct symbol_frame *symbol)
{
    frame->line = symbol->line;
    frame->function_offset = symbol->function_offset;
    frame->inlined = symbol->inlined;
    return frame_copy_string(cache, symbol->function, &frame->function) &&
           frame_copy_string(cache, symbol->linkage, &frame->linkage) &&
           frame_copy_string(cache, symbol->file, &frame->file);
}

static bool frame_resolve(struct frame_cache *cache, struct cached_frames *entry)
{
    static const struct symbol_frame nameless = {0};
    const struct frame_module *module = NULL;
    if (entry->module != MODULE_NONE && !(module = frame_module_get(cache, entry->module)))
        return false;
    const struct symbol_frame *symbols = &nameless;
    size_t count = 1;
    if (cache->symbolizer)
        symbols = symbolizer_resolve(cache->symbolizer, module ? &module->symbol : NULL,
                                     entry->address, &count);
    if (!symbols || count == 0 || count > UINT32_MAX)
        return false;
    struct report_frame *frames = arena_array(cache->arena, count, sizeof(*frames));
    if (!frames)
        return false;
    for (size_t i = 0; i < count; i++) {
        frames[i].module = module ? module->path : NULL;
        frames[i].offset = entry->address - (module ? module->symbol.bias : 0);
        frames[i].number = cache->frame_count++;
        if (!frame_fill(cache, &frames[i], &symbols[i]))
            return false;
        frames[i].application = (!module || !module->system) &&
                                !frame_class_library(frames[i].function, frames[i].file);
        frames[i].allocator = frame_class_allocator(frames[i].function);
    }
    entry->frames = frames;
    entry->count = (uint32_t)count;
    return true;
}

const struct cached_frames *frame_cache_get(struct frame_cache *cache, uint32_t module,
                                            uint64_t address)
{
    uint64_t key = address ^ (uint64_t)module << 48;
    uint32_t index = hash_map_get(&cache->by_address, key);
    if (index != HASH_MAP_NONE) {
        const struct cached_frames *known = &cache->entries[index];
        if (known->address == address && known->module == module)
            return known;
    }
    if (cache->count == cache->capacity &&
        !vector_grow(&cache->entries, &cache->capacity, sizeof(*cache->entries)))
        return NULL;
    struct cached_frames *entry = &cache->entries[cache->count];
    *entry = (struct cached_frames){.address = address, .module = module};
    if (!frame_resolve(cache, entry) ||
        !hash_map_put(&cache->by_address, key, (uint32_t)cache->count))
        return NULL;
    cache->count++;
    return entry;
}

const struct report_frame *const *frame_cache_table(const struct frame_cache *cache)
{
    const struct report_frame **table =
        arena_array(cache->arena, cache->frame_count, sizeof(*table));
    for (size_t i = 0; table && i < cache->count; i++) {
        const struct cached_frames *entry = &cache->entries[i];
        for (uint32_t j = 0; j < entry->count; j++)
            table[entry->frames[j].number] = &entry->frames[j];
    }
    return table;
}
