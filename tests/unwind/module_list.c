/* SPDX-License-Identifier: Apache-2.0 */
#include "module_list.h"

#include <link.h>
#include <stdlib.h>

#define MODULES_MAX 256

uint32_t modules_epoch;
static struct module list[MODULES_MAX];
static size_t count;
static bool stale;

static int add(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    struct module module = {.start = UINT64_MAX, .bias = info->dlpi_addr};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_GNU_EH_FRAME) {
            module.eh_frame_hdr = start;
            module.eh_frame_hdr_size = segment->p_memsz;
        }
        if (segment->p_type != PT_LOAD)
            continue;
        if (start < module.start)
            module.start = start;
        if (start + segment->p_memsz > module.end)
            module.end = start + segment->p_memsz;
    }
    module_list_add(&module);
    return 0;
}

void module_list_add(const struct module *module)
{
    if (count == MODULES_MAX)
        abort();
    list[count++] = *module;
}

void module_list_refresh(void)
{
    count = 0;
    stale = false;
    dl_iterate_phdr(add, NULL);
}

bool modules_find(uint64_t pc, struct module *module)
{
    for (size_t i = 0; i < count; i++) {
        if (pc >= list[i].start && pc < list[i].end) {
            *module = list[i];
            return true;
        }
    }
    stale = true;
    return false;
}

bool modules_stale(void)
{
    return stale;
}

