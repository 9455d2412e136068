/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of a thread that ptrace has stopped.
 */
#ifndef VMTRACE_THREAD_REGISTERS_H
#define VMTRACE_THREAD_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a buffer that holds any machine's registers of one sort. */
enum { THREAD_REGISTERS_BYTES = 16384 };

struct thread_registers {
    uint64_t stack_pointer, thread_pointer;
    bool whole; /* the vector registers, too */
    size_t count;
    uint64_t words[THREAD_REGISTERS_BYTES / sizeof(uint64_t)]; /* all of them, pointers or not */
};

/* False: they cannot be read. */
bool thread_registers_read(struct thread_registers *registers, uint32_t tid);

/* Of the calling thread. */
static inline uint64_t thread_registers_pointer(void)
{
#if defined(__x86_64__)
    uint64_t pointer; /* the word there points to itself */
    __asm__("movq %%fs:0, %0" : "=r"(pointer));
    return pointer;
#else
    return (uint64_t)__builtin_thread_pointer();
#endif
}

#endif
