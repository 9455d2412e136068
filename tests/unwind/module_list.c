/* SPDX-License-Identifier: Apache-2.0 */
#include "module_list.h"

#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MODULES_MAX 256

uint32_t modules_epoch;

/* Never changed once others see it, but for additions; outgrown ones stay mapped for whoever reads
 * them. */
struct list {
    size_t count;
    struct module module[MODULES_MAX];
};

static struct list *current;
static bool stale;

static struct list *new_list(void)
{
    struct list *list =
        mmap(NULL, sizeof(*list), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (list == MAP_FAILED)
        abort();
    return list;
}

static void append(struct list *list, const struct module *module)
{
    if (list->count == MODULES_MAX)
        abort();
    list->module[list->count++] = *module;
}

static int add(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
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
    append(data, &module);
    return 0;
}

void module_list_add(const struct module *module)
{
    append(current, module);
}

void module_list_refresh(void)
{
    struct list *fresh = new_list();
    dl_iterate_phdr(add, fresh);
    __atomic_store_n(&stale, false, __ATOMIC_RELAXED);
    __atomic_store_n(&current, fresh, __ATOMIC_RELEASE);
}

bool modules_peek(uint64_t pc, struct module *module)
{
    const struct list *list = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
    for (size_t i = 0; i < list->count; i++) {
        if (pc >= list->module[i].start && pc < list->module[i].end) {
            *module = list->module[i];
            return true;
        }
    }
    return false;
}

bool modules_find(uint64_t pc, struct module *module)
{
    bool found = modules_peek(pc, module);
    if (!found)
        __atomic_store_n(&stale, true, __ATOMIC_RELAXED);
    return found;
}

bool modules_stale(void)
{
    return __atomic_load_n(&stale, __ATOMIC_RELAXED);
}
