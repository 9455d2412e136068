/* SPDX-License-Identifier: Apache-2.0 */
#include "crash_context.h"

#if defined(__x86_64__)

/* Of the error code of a page fault (Intel SDM 3A, 4.7). */
enum { TRAP_PAGE_FAULT = 14, ERROR_WRITE = 2, ERROR_FETCH = 16 };

/* By DWARF number. */
static const int registers[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};
_Static_assert(sizeof(registers) / sizeof(registers[0]) <= CRASH_REGISTERS, "room for all");

void crash_context_read(const ucontext_t *context, struct crash_facts *facts)
{
    const greg_t *values = context->uc_mcontext.gregs;
    facts->start = (struct callstack_start){.pc = (uint64_t)values[REG_RIP],
                                            .sp = (uint64_t)values[REG_RSP],
                                            .fp = (uint64_t)values[REG_RBP],
                                            .exact = true};
    facts->register_count = sizeof(registers) / sizeof(registers[0]);
    for (unsigned i = 0; i < facts->register_count; i++)
        facts->registers[i] = (uint64_t)values[registers[i]];
    if (facts->code <= 0 || values[REG_TRAPNO] != TRAP_PAGE_FAULT)
        return;
    facts->flags |= values[REG_ERR] & ERROR_FETCH   ? VMT_CRASH_EXECUTE
                    : values[REG_ERR] & ERROR_WRITE ? VMT_CRASH_WRITE
                                                    : VMT_CRASH_READ;
}

#else

enum { GENERAL = 31 };
_Static_assert(GENERAL + 1 <= CRASH_REGISTERS, "room for all");

void crash_context_read(const ucontext_t *context, struct crash_facts *facts)
{
    facts->start = (struct callstack_start){.pc = context->uc_mcontext.pc,
                                            .sp = context->uc_mcontext.sp,
                                            .fp = context->uc_mcontext.regs[29],
                                            .exact = true};
    for (unsigned i = 0; i < GENERAL; i++)
        facts->registers[i] = context->uc_mcontext.regs[i];
    facts->registers[GENERAL] = context->uc_mcontext.sp;
    facts->register_count = GENERAL + 1;
}

#endif
