/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry jumps through a slot of the global offset table, `jmp *slot(%rip)`; a relocation of
 * that slot names the function.  Reading the jumps works for .plt, .plt.sec and .plt.got of all
 * linkers, whatever the order of their entries.
 */
#include "symbol/plt_names.h"

#include <string.h>

#define PLT_RANK 1 /* any real symbol at the address is better */

/* The name of relocation `index`'s symbol, or NULL. */
static const char *relocation_name(Elf *elf, Elf_Data *relocations, int index,
                                   Elf_Scn *symbol_section, uint64_t *slot)
{
    Elf_Data *symbols = symbol_section ? elf_getdata(symbol_section, NULL) : NULL;
    GElf_Shdr memory, *header = symbol_section ? gelf_getshdr(symbol_section, &memory) : NULL;
    GElf_Rela rela;
    GElf_Sym symbol;
    unsigned type;

    if (!symbols || !header || !gelf_getrela(relocations, index, &rela))
        return NULL;
    type = (unsigned)GELF_R_TYPE(rela.r_info);
    if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT)
        return NULL;
    if (!gelf_getsym(symbols, (int)GELF_R_SYM(rela.r_info), &symbol))
        return NULL;
    *slot = rela.r_offset;
    return elf_strptr(elf, header->sh_link, symbol.st_name);
}

/* Fills `slots`: address of a table slot -> name. */
static int read_slots(struct interval_table *slots, Elf *elf)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr memory, *header = gelf_getshdr(section, &memory);
        Elf_Data *data;
        uint64_t count;
        if (!header || header->sh_type != SHT_RELA || header->sh_entsize == 0)
            continue;
        data = elf_getdata(section, NULL);
        count = data ? data->d_size / sizeof(Elf64_Rela) : 0;
        for (uint64_t i = 0; i < count && i < INT32_MAX; i++) {
            uint64_t slot = 0;
            const char *name =
                relocation_name(elf, data, (int)i, elf_getscn(elf, header->sh_link), &slot);
            if (name && *name && slot < UINT64_MAX - 8 &&
                interval_table_add(slots, slot, slot + 8, name, 0, false) != 0)
                return -1;
        }
    }
    interval_table_sort(slots);
    return 0;
}

/* The slot that the entry at `code` jumps through; 0 if it is none. */
static uint64_t jump_slot(const uint8_t *code, size_t size, uint64_t address)
{
    for (size_t i = 0; i + 6 <= size; i++) {
        int32_t displacement;
        if (code[i] != 0xff || code[i + 1] != 0x25)
            continue;
        memcpy(&displacement, code + i + 2, sizeof(displacement));
        return address + i + 6 + (uint64_t)(int64_t)displacement;
    }
    return 0;
}

static int add_section(struct interval_table *functions, const struct interval_table *slots,
                       Elf_Scn *section, const GElf_Shdr *header, struct name_pool *pool)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t step = header->sh_entsize == 8 ? 8 : 16;

    if (!data || !data->d_buf || data->d_size > UINT64_MAX - header->sh_addr)
        return 0;
    for (size_t at = 0; at + step <= data->d_size; at += step) {
        uint64_t address = header->sh_addr + at;
        uint64_t slot = jump_slot((const uint8_t *)data->d_buf + at, step, address);
        const struct interval *target = slot ? interval_table_nearest(slots, slot) : NULL;
        const char *name;
        if (!target)
            continue;
        name = arena_printf(pool->arena, "%s@plt", (const char *)target->value);
        if (!name ||
            interval_table_add(functions, address, address + step, name, PLT_RANK, false) != 0)
            return -1;
    }
    return 0;
}

int plt_names_add(struct interval_table *functions, Elf *elf, struct name_pool *pool)
{
    struct interval_table slots;
    Elf_Scn *section = NULL;
    GElf_Ehdr ehdr;
    size_t names;
    int status;

    if (!gelf_getehdr(elf, &ehdr) || ehdr.e_machine != EM_X86_64 ||
        elf_getshdrstrndx(elf, &names) != 0)
        return 0;
    interval_table_init(&slots);
    status = read_slots(&slots, elf);
    while (status == 0 && slots.count && (section = elf_nextscn(elf, section))) {
        GElf_Shdr memory, *header = gelf_getshdr(section, &memory);
        const char *name = header ? elf_strptr(elf, names, header->sh_name) : NULL;
        /* In a debug file the section is there, but empty. */
        if (name && strncmp(name, ".plt", 4) == 0 && header->sh_type == SHT_PROGBITS)
            status = add_section(functions, &slots, section, header, pool);
    }
    interval_table_release(&slots);
    return status;
}
