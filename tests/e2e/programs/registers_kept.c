/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a called function has to leave alone (System V ABI, x86-64), around every call of the
 * allocator in all of the recorder's ways: rbx, rbp, r12 to r15, the stack pointer, the 128 bytes
 * above it, the direction flag, the control words of SSE and x87, and an empty x87 stack.
 * Writes the number of calls, or what was lost.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT = 6, ABOVE = 16 };

/* Filled in by call_checked, in the order that its text says. */
#define SHOWN __attribute__((used, visibility("hidden")))
SHOWN uint64_t before[KEPT], after[KEPT], above_before[ABOVE], above_after[ABOVE];
SHOWN uint64_t sp_before, sp_after, flags_after;
SHOWN uint32_t mxcsr_after;
SHOWN uint16_t control_after, status_after;

/* rounds toward zero, all exceptions masked but flags clear; x87: single precision, round up */
SHOWN const uint32_t mxcsr_wanted = 0x7f80;
SHOWN const uint16_t control_wanted = 0x087f;

uint64_t call_checked(void *function, uint64_t a, uint64_t b, uint64_t c);

__asm__(".text\n"
        ".type call_checked, @function\n"
        "call_checked:\n"
        ".cfi_startproc\n"
        "push %rbx\n.cfi_adjust_cfa_offset 8\n"
        "push %rbp\n.cfi_adjust_cfa_offset 8\n"
        "push %r12\n.cfi_adjust_cfa_offset 8\n"
        "push %r13\n.cfi_adjust_cfa_offset 8\n"
        "push %r14\n.cfi_adjust_cfa_offset 8\n"
        "push %r15\n.cfi_adjust_cfa_offset 8\n"
        "sub $152, %rsp\n.cfi_adjust_cfa_offset 152\n"
        "stmxcsr 128(%rsp)\n"
        "fnstcw 132(%rsp)\n"
        "ldmxcsr mxcsr_wanted(%rip)\n"
        "fldcw control_wanted(%rip)\n"
        "mov %rdi, %r11\n"
        "lea above_before(%rip), %rax\n"
        "xor %r10d, %r10d\n"
        "1: mov (%rax,%r10,8), %r9\n"
        "mov %r9, (%rsp,%r10,8)\n"
        "inc %r10\n"
        "cmp $16, %r10\n"
        "jb 1b\n"
        "mov %rsi, %rdi\n"
        "mov %rdx, %rsi\n"
        "mov %rcx, %rdx\n"
        "mov before(%rip), %rbx\n"
        "mov 8+before(%rip), %rbp\n"
        "mov 16+before(%rip), %r12\n"
        "mov 24+before(%rip), %r13\n"
        "mov 32+before(%rip), %r14\n"
        "mov 40+before(%rip), %r15\n"
        "mov %rsp, sp_before(%rip)\n"
        "call *%r11\n"
        "mov %rsp, sp_after(%rip)\n"
        "mov sp_before(%rip), %rsp\n"
        "mov %rbx, after(%rip)\n"
        "mov %rbp, 8+after(%rip)\n"
        "mov %r12, 16+after(%rip)\n"
        "mov %r13, 24+after(%rip)\n"
        "mov %r14, 32+after(%rip)\n"
        "mov %r15, 40+after(%rip)\n"
        "stmxcsr mxcsr_after(%rip)\n"
        "fnstcw control_after(%rip)\n"
        "fnstsw status_after(%rip)\n"
        "pushf\n.cfi_adjust_cfa_offset 8\n"
        "popq flags_after(%rip)\n.cfi_adjust_cfa_offset -8\n"
        "cld\n"
        "lea above_after(%rip), %rcx\n"
        "xor %r10d, %r10d\n"
        "2: mov (%rsp,%r10,8), %r9\n"
        "mov %r9, (%rcx,%r10,8)\n"
        "inc %r10\n"
        "cmp $16, %r10\n"
        "jb 2b\n"
        "ldmxcsr 128(%rsp)\n"
        "fldcw 132(%rsp)\n"
        "add $152, %rsp\n.cfi_adjust_cfa_offset -152\n"
        "pop %r15\n.cfi_adjust_cfa_offset -8\n"
        "pop %r14\n.cfi_adjust_cfa_offset -8\n"
        "pop %r13\n.cfi_adjust_cfa_offset -8\n"
        "pop %r12\n.cfi_adjust_cfa_offset -8\n"
        "pop %rbp\n.cfi_adjust_cfa_offset -8\n"
        "pop %rbx\n.cfi_adjust_cfa_offset -8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size call_checked, . - call_checked\n");

static void lost(const char *what, unsigned long call)
{
    printf("%s was not kept by call %lu\n", what, call);
    fflush(stdout);
    _exit(1);
}

static uint64_t random_state = 88172645463325252u;

static uint64_t any(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static unsigned long calls;

static void *checked(void *function, uint64_t a, uint64_t b, uint64_t c)
{
    for (int i = 0; i < KEPT; i++)
        before[i] = any();
    for (int i = 0; i < ABOVE; i++)
        above_before[i] = any();
    void *result = (void *)call_checked(function, a, b, c);
    calls++;
    if (memcmp(before, after, sizeof(before)) != 0)
        lost("a register", calls);
    if (memcmp(above_before, above_after, sizeof(above_before)) != 0)
        lost("the caller's stack", calls);
    if (sp_before != sp_after)
        lost("the stack pointer", calls);
    if ((mxcsr_after & ~0x3fu) != mxcsr_wanted)
        lost("mxcsr", calls);
    if (control_after != control_wanted)
        lost("the x87 control word", calls);
    if (status_after & 0x3800)
        lost("the x87 stack", calls);
    if (flags_after & 0x400)
        lost("the direction flag", calls);
    return result;
}

static __attribute__((noinline)) void rounds(int depth)
{
    void *block = checked((void *)malloc, 1 + any() % 300, 0, 0);
    block = checked((void *)realloc, (uint64_t)block, 1 + any() % 5000, 0);
    if (depth)
        rounds(depth - 1); /* stacks that change, nodes that are new */
    checked((void *)free, (uint64_t)block, 0, 0);
    block = checked((void *)calloc, 3, any() % 100, 0);
    checked((void *)free, (uint64_t)block, 0, 0);
    checked((void *)posix_memalign, (uint64_t)&block, 64, any() % 100);
    checked((void *)free, (uint64_t)block, 0, 0);
    __asm__ volatile("");
}

int main(void)
{
    for (int i = 0; i < 2000; i++)
        rounds((int)(any() % 60));
    printf("%lu calls\n", calls);
    return 0;
}
