/* SPDX-License-Identifier: Apache-2.0 */
#include "sys_task.h"

#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/wait.h>

/* The new task takes function and argument from its stack, and never returns from here. */
#if defined(__x86_64__)
static long start(unsigned long flags, uint64_t *stack, uint32_t *word)
{
    long result;
    register uint32_t *r10 __asm__("r10") = word;
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "mov %%eax, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n"
                     "1:"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"(flags), "S"(stack), "d"(0L), "r"(r10),
                       "r"(r8), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "memory");
    return result;
}
#else
static long start(unsigned long flags, uint64_t *stack, uint32_t *word)
{
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = (long)flags;
    register uint64_t *x1 __asm__("x1") = stack;
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register uint32_t *x4 __asm__("x4") = word;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "ldp x9, x0, [sp], #16\n\t"
                     "blr x9\n\t"
                     "mov x8, %[exit]\n\t"
                     "svc 0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [exit] "i"(SYS_exit)
                     : "memory", "x9", "x30");
    return x0;
}
#endif

long sys_task_start(unsigned long flags, void *stack, size_t stack_size, int (*run)(void *),
                    void *context, uint32_t *word)
{
    uint64_t *top = (uint64_t *)(((uint64_t)stack + stack_size) & ~UINT64_C(15)) - 2;
    top[0] = (uint64_t)run;
    top[1] = (uint64_t)context;
    return start(flags | CLONE_VM, top, word);
}

long sys_task_fork(void)
{
    return sys_call(SYS_clone, 0, 0, 0, 0, 0, 0);
}

void sys_task_exit(int status)
{
    for (;;)
        sys_call(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

int sys_task_wait(uint32_t tid, int *status)
{
    long found;
    do {
        found = sys_call(SYS_wait4, tid, (long)status, __WALL, 0, 0, 0);
    } while (found == -EINTR);
    return found < 0 ? (int)found : 0;
}

void sys_futex_wait(uint32_t *word, uint32_t value, uint64_t ns)
{
    struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    sys_call(SYS_futex, (long)word, FUTEX_WAIT, value, (long)&time, 0, 0);
}

void sys_futex_wake(uint32_t *word)
{
    sys_call(SYS_futex, (long)word, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}
