/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/symbol_table.h"

#include <stdlib.h>
#include <string.h>

#include "symbol/plt_names.h"

#define MAX_SECTIONS 65536u

/* Which of several symbols at one address is shown: a function before a label, one that other
 * files see before a local one, one with a size, then the plainest name ("malloc", not
 * "__libc_malloc"). */
#define RANK_FUNCTION 4096u
#define RANK_VISIBLE 2048u
#define RANK_SIZED 1024u
#define RANK_NAME 255u

static uint32_t rank_of(const GElf_Sym *symbol, const char *name)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    size_t penalty = strspn(name, "_") * 16 + strnlen(name, 64);
    uint32_t rank = RANK_NAME - (uint32_t)(penalty < RANK_NAME ? penalty : RANK_NAME);

    /* Below the rest: a linkage table entry has PLT_RANK. */
    rank += 2;
    if (type != STT_NOTYPE)
        rank += RANK_FUNCTION;
    if (GELF_ST_BIND(symbol->st_info) != STB_LOCAL)
        rank += RANK_VISIBLE;
    if (symbol->st_size)
        rank += RANK_SIZED;
    return rank;
}

struct section_bounds {
    uint64_t start, end;
    bool code;
};

struct section_list {
    struct section_bounds *sections;
    size_t count;
};

/* Sections that are in memory when the program runs. */
static int read_sections(struct section_list *list, Elf *elf)
{
    size_t count = 0;
    Elf_Scn *section = NULL;

    memset(list, 0, sizeof(*list));
    if (elf_getshdrnum(elf, &count) != 0 || count == 0)
        return 0;
    if (count > MAX_SECTIONS)
        count = MAX_SECTIONS;
    list->sections = calloc(count, sizeof(*list->sections));
    if (!list->sections)
        return -1;
    while (list->count < count && (section = elf_nextscn(elf, section))) {
        GElf_Shdr memory, *header = gelf_getshdr(section, &memory);
        uint64_t end;
        /* Thread-local .tbss takes no addresses. */
        if (!header || !(header->sh_flags & SHF_ALLOC) || (header->sh_flags & SHF_TLS) ||
            __builtin_add_overflow(header->sh_addr, header->sh_size, &end))
            continue;
        list->sections[list->count++] =
            (struct section_bounds){header->sh_addr, end, (header->sh_flags & SHF_EXECINSTR) != 0};
    }
    return 0;
}

static const struct section_bounds *find_section(const struct section_list *list, uint64_t address)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->sections[i].start <= address && address < list->sections[i].end)
            return &list->sections[i];
    return NULL;
}

/* Adds one symbol where it belongs; others (files, sections, thread-local ones) nowhere. */
static int add_symbol(struct symbol_table *table, const struct section_list *sections,
                      const GElf_Sym *symbol, uint64_t address, const char *name)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    const struct section_bounds *section = NULL;
    struct interval_table *target = &table->functions;
    uint64_t end;

    if (!name || !*name || symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS)
        return 0;
    if (type == STT_OBJECT)
        target = &table->objects;
    else if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
        return 0;
    if (type == STT_NOTYPE || symbol->st_size == 0) {
        section = find_section(sections, address);
        if (!section)
            return 0;
    }
    /* Labels only count in code, and not those that mark instruction sets or are local to an
     * assembler file. */
    if (type == STT_NOTYPE && (!section->code || name[0] == '$' || strncmp(name, ".L", 2) == 0))
        return 0;
    if (symbol->st_size == 0)
        return interval_table_add(target, address, section->end, name, rank_of(symbol, name), true);
    if (__builtin_add_overflow(address, symbol->st_size, &end))
        return 0;
    return interval_table_add(target, address, end, name, rank_of(symbol, name), false);
}

/* libdwfl has chosen the table and joined that of .gnu_debugdata to it. */
static int add_module_symbols(struct symbol_table *table, const struct section_list *sections,
                              Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);

    for (int i = 1; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
        if (name && add_symbol(table, sections, &symbol, address, name) != 0)
            return -1;
    }
    return 0;
}

/* For the vdso, which libdwfl has no part in. */
static int add_elf_symbols(struct symbol_table *table, const struct section_list *sections,
                           Elf *elf)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr memory, *header = gelf_getshdr(section, &memory);
        Elf_Data *data;
        GElf_Sym symbol;
        if (!header || (header->sh_type != SHT_SYMTAB && header->sh_type != SHT_DYNSYM))
            continue;
        data = elf_getdata(section, NULL);
        for (int i = 1; data && gelf_getsym(data, i, &symbol); i++) {
            const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
            if (add_symbol(table, sections, &symbol, symbol.st_value, name) != 0)
                return -1;
        }
    }
    return 0;
}

int symbol_table_init(struct symbol_table *table, const struct symbol_file *file,
                      struct name_pool *pool)
{
    struct section_list sections;
    int status;

    interval_table_init(&table->functions);
    interval_table_init(&table->objects);
    status = read_sections(&sections, file->elf);
    if (status == 0)
        status = file->module ? add_module_symbols(table, &sections, file->module)
                              : add_elf_symbols(table, &sections, file->elf);
    if (status == 0)
        status = plt_names_add(&table->functions, file->elf, pool);
    free(sections.sections);
    if (status != 0) {
        symbol_table_release(table);
        return -1;
    }
    interval_table_sort(&table->functions);
    interval_table_sort(&table->objects);
    return 0;
}

void symbol_table_release(struct symbol_table *table)
{
    interval_table_release(&table->functions);
    interval_table_release(&table->objects);
}
