/* SPDX-License-Identifier: Apache-2.0 */
#include "next_symbol.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>

enum {
    MOST_MODULES = 32,
    VERSION_HIDDEN = 0x8000, /* of .gnu.version: not the default version of its name */
};

/* The DT_GNU_HASH table: https://flapenguin.me/elf-dt-gnu-hash, and glibc's elf/dl-lookup.c. */
struct hash_table {
    uint32_t bucket_count;
    uint32_t first_symbol; /* the ones before it are not in the table */
    uint32_t bloom_words;  /* a power of two */
    uint32_t bloom_shift;
    ElfW(Addr) bloom[];
};

struct symbols {
    ElfW(Addr) bias;
    const struct hash_table *hash;
    const ElfW(Sym) * symbol;
    const char *string;
    const uint16_t *version; /* NULL: none */
};

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

static struct symbols modules[MOST_MODULES];
static uint32_t module_count;
static bool all_listed;

/* glibc has put addresses in the place of offsets; musl has not. */
static const void *address_of(const struct link_map *map, const ElfW(Dyn) * entry)
{
    ElfW(Addr) value = entry->d_un.d_ptr;
    return (const void *)(value < map->l_addr ? value + map->l_addr : value);
}

static bool read_symbols(const struct link_map *map, struct symbols *symbols)
{
    *symbols = (struct symbols){.bias = map->l_addr};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_GNU_HASH)
            symbols->hash = address_of(map, entry);
        else if (entry->d_tag == DT_SYMTAB)
            symbols->symbol = address_of(map, entry);
        else if (entry->d_tag == DT_STRTAB)
            symbols->string = address_of(map, entry);
        else if (entry->d_tag == DT_VERSYM)
            symbols->version = address_of(map, entry);
    }
    return symbols->hash && symbols->symbol && symbols->string;
}

void next_symbol_setup(void)
{
    ElfW(Addr) vdso = getauxval(AT_SYSINFO_EHDR);
    const struct link_map *map = _r_debug.r_map;
    while (map && map->l_ld != _DYNAMIC)
        map = map->l_next;
    all_listed = map != NULL;
    module_count = 0;
    for (map = map ? map->l_next : NULL; map && all_listed; map = map->l_next) {
        if (vdso && map->l_addr == vdso) /* in the list, but nobody's library */
            continue;
        all_listed = module_count < MOST_MODULES && read_symbols(map, &modules[module_count]);
        module_count += all_listed;
    }
}

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* Not strcmp: sanitizers have one, which begins them, and that needs what is looked up here. */
static bool is_same(const char *one, const char *other)
{
    while (*one && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

static bool defines(const struct symbols *symbols, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = &symbols->symbol[index];
    return symbol->st_shndx != SHN_UNDEF &&
           !(symbols->version && symbols->version[index] & VERSION_HIDDEN) &&
           is_same(symbols->string + symbol->st_name, name);
}

static const ElfW(Sym) * find_in(const struct symbols *symbols, const char *name, uint32_t hash)
{
    enum { WORD_BITS = sizeof(ElfW(Addr)) * 8 };
    const struct hash_table *table = symbols->hash;
    ElfW(Addr) word = table->bloom[hash / WORD_BITS & (table->bloom_words - 1)];
    ElfW(Addr) one = 1;
    if (!(word >> hash % WORD_BITS & word >> (hash >> table->bloom_shift) % WORD_BITS & one))
        return NULL;
    const uint32_t *bucket = (const uint32_t *)&table->bloom[table->bloom_words];
    const uint32_t *chain = bucket + table->bucket_count; /* of first_symbol and those behind it */
    uint32_t index = bucket[hash % table->bucket_count];
    if (index < table->first_symbol)
        return NULL;
    for (;; index++) {
        uint32_t other = chain[index - table->first_symbol]; /* bit 0: the last of its bucket */
        if ((other | 1) == (hash | 1) && defines(symbols, index, name))
            return &symbols->symbol[index];
        if (other & 1)
            return NULL;
    }
}

void *next_symbol_find(const char *name, bool *sure)
{
    uint32_t hash = hash_of(name);
    for (uint32_t i = 0; i < module_count; i++) {
        const ElfW(Sym) *symbol = find_in(&modules[i], name, hash);
        if (!symbol)
            continue;
        *sure = ELF64_ST_TYPE(symbol->st_info) == STT_FUNC;
        return *sure ? (void *)(modules[i].bias + symbol->st_value) : NULL;
    }
    *sure = all_listed;
    return NULL;
}
