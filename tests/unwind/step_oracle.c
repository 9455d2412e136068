/* SPDX-License-Identifier: Apache-2.0 */
/* The remote variant: address spaces of our own. */
#include <libunwind.h>

#include <stdlib.h>
#include <string.h>

#include "step_oracle.h"

/* In the library, not in its header (libunwind's dwarf.h). */
int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *info,
                                       unw_proc_info_t *proc, int need_unwind_info, void *arg);
void UNW_OBJ(dwarf_put_unwind_info)(unw_addr_space_t space, unw_proc_info_t *proc, void *arg);

static unw_addr_space_t space;
static const struct module *module_now;
static uint64_t pc_now;

uint64_t oracle_word(uint64_t address)
{
    /* Below 2^47, different for different addresses, and never one of the register marks. */
    return (address * UINT64_C(0x9e3779b97f4a7c15) >> 20 & UINT64_C(0xffffffffff0)) |
           UINT64_C(0x400000000000);
}

/* The table of .eh_frame_hdr, as the encodings that all linkers write say (version 1, sdata4). */
static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *proc, int need,
                          void *arg)
{
    const uint8_t *header = (const uint8_t *)module_now->eh_frame_hdr;
    uint32_t count;
    unw_dyn_info_t info;
    memcpy(&count, header + 8, sizeof(count));
    memset(&info, 0, sizeof(info));
    info.format = UNW_INFO_FORMAT_REMOTE_TABLE;
    info.start_ip = module_now->start;
    info.end_ip = module_now->end;
    info.u.rti.segbase = module_now->eh_frame_hdr;
    info.u.rti.table_len = count * 8 / sizeof(unw_word_t);
    info.u.rti.table_data = module_now->eh_frame_hdr + 12;
    return UNW_OBJ(dwarf_search_unwind_table)(as, ip, &info, proc, need, arg);
}

static int get_dyn_info_list(unw_addr_space_t as, unw_word_t *address, void *arg)
{
    (void)as;
    (void)address;
    (void)arg;
    return -UNW_ENOINFO;
}

static int access_memory(unw_addr_space_t as, unw_word_t address, unw_word_t *value, int write,
                         void *arg)
{
    (void)as;
    (void)arg;
    if (write)
        return -UNW_EINVAL;
    if (address >= module_now->start && address + sizeof(*value) <= module_now->end)
        memcpy(value, (const void *)address, sizeof(*value));
    else
        *value = oracle_word(address);
    return 0;
}

static int access_register(unw_addr_space_t as, unw_regnum_t number, unw_word_t *value, int write,
                           void *arg)
{
    (void)as;
    (void)arg;
    if (write)
        return -UNW_EREADONLYREG;
    if (number == UNW_X86_64_RIP)
        *value = pc_now;
    else if (number == UNW_X86_64_RSP)
        *value = ORACLE_SP;
    else if (number == UNW_X86_64_RBP)
        *value = ORACLE_FP;
    else
        *value = ORACLE_REGISTER + ((uint64_t)number << 32);
    return 0;
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t number, unw_fpreg_t *value, int write,
                        void *arg)
{
    (void)as;
    (void)number;
    (void)value;
    (void)write;
    (void)arg;
    return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
    (void)as;
    (void)cursor;
    (void)arg;
    return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t as, unw_word_t ip, char *name, size_t size, unw_word_t *offset,
                   void *arg)
{
    (void)as;
    (void)ip;
    (void)name;
    (void)size;
    (void)offset;
    (void)arg;
    return -UNW_ENOINFO;
}

void oracle_init(void)
{
    static unw_accessors_t accessors = {
        .find_proc_info = find_proc_info,
        .put_unwind_info = UNW_OBJ(dwarf_put_unwind_info),
        .get_dyn_info_list_addr = get_dyn_info_list,
        .access_mem = access_memory,
        .access_reg = access_register,
        .access_fpreg = access_fpreg,
        .resume = no_resume,
        .get_proc_name = no_name,
    };
    space = unw_create_addr_space(&accessors, 0);
    if (!space)
        abort();
    unw_set_caching_policy(space, UNW_CACHE_NONE);
}

void oracle_step(const struct module *module, uint64_t pc, struct oracle_step *step)
{
    unw_cursor_t cursor;
    unw_word_t value;
    module_now = module;
    pc_now = pc;
    memset(step, 0, sizeof(*step));
    step->result = unw_init_remote(&cursor, space, NULL);
    if (step->result < 0)
        return;
    step->result = unw_step(&cursor);
    if (step->result <= 0)
        return;
    unw_get_reg(&cursor, UNW_X86_64_RIP, &value);
    step->pc = value;
    unw_get_reg(&cursor, UNW_X86_64_RSP, &value);
    step->sp = value;
    unw_get_reg(&cursor, UNW_X86_64_RBP, &value);
    step->fp = value;
}

bool oracle_has_frame(const struct module *module, uint64_t pc)
{
    unw_proc_info_t proc;
    module_now = module;
    int result = find_proc_info(space, pc, &proc, 1, NULL);
    if (result >= 0)
        UNW_OBJ(dwarf_put_unwind_info)(space, &proc, NULL);
    return result >= 0;
}
