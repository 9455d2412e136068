/* SPDX-License-Identifier: Apache-2.0 */
#include "thread_registers.h"

#include "sys.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#ifndef NT_ARM_TLS
#define NT_ARM_TLS 0x401
#endif

/* Appends a set of registers to the words; how many bytes it has, or 0. */
static size_t append(struct thread_registers *registers, uint32_t tid, long set)
{
    struct iovec part = {registers->words + registers->count,
                         sizeof(registers->words) - registers->count * sizeof(uint64_t)};
    if (sys_call(SYS_ptrace, PTRACE_GETREGSET, tid, set, (long)&part, 0, 0) != 0)
        return 0;
    registers->count += part.iov_len / sizeof(uint64_t);
    return part.iov_len;
}

#if defined(__x86_64__)
bool thread_registers_read(struct thread_registers *registers, uint32_t tid)
{
    registers->count = 0;
    if (append(registers, tid, NT_PRSTATUS) < sizeof(struct user_regs_struct))
        return false;
    const struct user_regs_struct *general = (const struct user_regs_struct *)registers->words;
    registers->stack_pointer = general->rsp;
    registers->thread_pointer = general->fs_base;
    /* In a system call rax is what it will return, and what it was given stands in orig_rax. */
    registers->whole = append(registers, tid, NT_X86_XSTATE) || append(registers, tid, NT_PRFPREG);
    return true;
}
#else
bool thread_registers_read(struct thread_registers *registers, uint32_t tid)
{
    registers->count = 0;
    if (!append(registers, tid, NT_ARM_TLS))
        return false;
    registers->thread_pointer = registers->words[0];
    registers->count = 0;
    if (append(registers, tid, NT_PRSTATUS) < sizeof(struct user_regs_struct))
        return false;
    registers->stack_pointer =
        registers->words[offsetof(struct user_regs_struct, sp) / sizeof(uint64_t)];
    registers->whole = append(registers, tid, NT_PRFPREG);
    return true;
}
#endif
