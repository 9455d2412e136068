/* SPDX-License-Identifier: Apache-2.0 */
/* Where the program's own part of the stack and of the registers ends when the process does: all
 * below is full of pointers that nobody has any more. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "leak_case.h"

static NOINLINE void *take_lost(void)
{
    return malloc(40);
}

static NOINLINE void *take_kept(void)
{
    return malloc(56);
}

/* More than the end of a process needs, libc's part and the recorder's. */
static NOINLINE void fill_dead_stack(void *block)
{
    void *volatile dead[8000];
    for (size_t i = 0; i < sizeof dead / sizeof *dead; i++)
        dead[i] = block;
}

static NOINLINE void end_by(void (*end)(int))
{
    void *volatile local = take_kept();
    fill_dead_stack(take_lost());
    end(0);
    leak_use(local);
}

LEAK_CASE(dead_stack_at_exit)
{
    end_by(exit);
}

LEAK_CASE(dead_stack_at__exit)
{
    end_by(_exit);
}

LEAK_CASE(dead_stack_at_quick_exit)
{
    end_by(quick_exit);
}

static void *exit_in_thread(void *unused)
{
    end_by(exit);
    return unused;
}

LEAK_CASE(dead_stack_at_exit_in_thread)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, exit_in_thread, NULL) == 0)
        pthread_join(thread, NULL);
}

/* The pointer comes inverted, so that it does not lie on the stack at -O0. */
static NOINLINE uintptr_t take_inverted(void)
{
    return ~(uintptr_t)malloc(72);
}

/* Calls exit(0) with the pointer in a register that functions keep for their callers. */
static NOINLINE void exit_with(uintptr_t inverted)
{
#if defined(__x86_64__)
    __asm__ volatile("mov %0, %%rbx\n\tnot %%rbx\n\txor %%edi, %%edi\n\tand $-16, %%rsp\n\t"
                     "call exit@PLT"
                     :
                     : "r"(inverted)
                     : "rbx", "rdi", "memory");
#elif defined(__aarch64__)
    __asm__ volatile("mvn x19, %0\n\tmov w0, #0\n\tbl exit"
                     :
                     : "r"(inverted)
                     : "x19", "x0", "x30", "memory");
#endif
}

LEAK_CASE(register_kept_at_exit)
{
    uintptr_t inverted = take_inverted();
    leak_clear_stack();
    exit_with(inverted);
}
