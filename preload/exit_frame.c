/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_frame.h"

#include "interpose.h"
#include "lifecycle.h"
#include "sys.h"

#include <signal.h>

#if defined(__x86_64__)

enum {
    OWN_STACK = 65536,
    LEAST_STACK = 49152, /* bytes that must be left of the program's */
    EXIT_SIZE = 128,     /* bytes of code that exit() is shorter than */
    MOST_FRAMES = 4,     /* from lifecycle_end's caller to exit() */
    KEPT_REGISTERS = 6,  /* that a function may push at the top of its frame */
};

/* Filled from its end; in use by one thread, which takes no signal meanwhile: to the kernel it is
 * not on its signal stack then, and the handler would run over what is there. */
static char own_stack[OWN_STACK] __attribute__((aligned(64))) SYS_TABLE;
static uint32_t own_stack_taken;
static uint64_t own_stack_mask;

/* How much is left of the stack at `here`; 0 where that is not known. */
static uint64_t stack_left(uint64_t here)
{
    stack_t signals;
    struct stack_bounds bounds;
    if (sys_call(SYS_sigaltstack, 0, (long)&signals, 0, 0, 0, 0) == 0 &&
        (signals.ss_flags & SS_ONSTACK))
        return here - (uint64_t)signals.ss_sp;
    stack_bounds_find(&bounds);
    return stack_bounds_hold(&bounds, here) ? here - bounds.low : 0;
}

/* Where lifecycle_end's work is to have its stack, or 0: here. */
uint64_t exit_frame_stack(uint64_t here);
__attribute__((used)) uint64_t exit_frame_stack(uint64_t here)
{
    uint32_t idle = 0;
    if (stack_left(here) >= LEAST_STACK ||
        !__atomic_compare_exchange_n(&own_stack_taken, &idle, 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return 0;
    sys_block_signals(&own_stack_mask);
    return (uint64_t)(own_stack + OWN_STACK);
}

void exit_frame_leave(void);
__attribute__((used)) void exit_frame_leave(void)
{
    uint64_t mask = own_stack_mask;
    __atomic_store_n(&own_stack_taken, 0, __ATOMIC_RELEASE);
    sys_restore_signals(&mask);
}

/* void lifecycle_end(unsigned how, int status): pushes a struct exit_registers, and calls
 * lifecycle_end_with(how, status, of it) on the stack that was chosen.  rbp finds the way back,
 * for unwinders, too. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl lifecycle_end\n"
        ".hidden lifecycle_end\n"
        ".type lifecycle_end, @function\n"
        "lifecycle_end:\n"
        ".cfi_startproc\n"
        "    push %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "    mov %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        ".cfi_offset %rbx, -24\n"
        ".cfi_offset %r12, -32\n"
        ".cfi_offset %r13, -40\n"
        ".cfi_offset %r14, -48\n"
        ".cfi_offset %r15, -56\n"
        "    mov %edi, %ebx\n"
        "    mov %esi, %r12d\n"
        "    mov %rsp, %r13\n"
        "    mov %rsp, %rdi\n"
        "    sub $8, %rsp\n"
        "    call exit_frame_stack\n"
        "    mov %rax, %r14\n"
        "    test %rax, %rax\n"
        "    jz 1f\n"
        "    mov %rax, %rsp\n"
        "1:  mov %ebx, %edi\n"
        "    mov %r12d, %esi\n"
        "    mov %r13, %rdx\n"
        "    call lifecycle_end_with\n"
        "    mov %r13, %rsp\n"
        "    test %r14, %r14\n"
        "    jz 2f\n"
        "    sub $8, %rsp\n"
        "    call exit_frame_leave\n"
        "    add $8, %rsp\n"
        "2:  pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size lifecycle_end, . - lifecycle_end\n");

static void add(struct exit_frame *frame, uint64_t value)
{
    if (frame->count < EXIT_FRAME_VALUES)
        frame->values[frame->count++] = value;
}

static uint64_t real_exit; /* libc's */

void exit_frame_resolve(void)
{
    real_exit = (uint64_t)real_next("exit");
}

static bool is_in_exit(uint64_t pc)
{
    return real_exit && pc - real_exit < EXIT_SIZE;
}

/* The frame in exit(), whose callers are the program's; 0: not found. */
static uint32_t find_exit(const struct callstack *stack)
{
    for (uint32_t i = stack->count; i-- > 1 && stack->count - i <= MOST_FRAMES;) {
        if (is_in_exit(stack->pc[i]))
            return i;
    }
    return 0;
}

/* Return addresses stand above the registers that the function which was called has pushed: they
 * are its callers' still, and what it has in these registers itself is nobody's. */
static void add_pushed(struct exit_frame *frame, const uint64_t *return_address,
                       const struct exit_registers *registers)
{
    for (unsigned i = 1; i <= KEPT_REGISTERS && return_address - i >= registers->stack; i++)
        add(frame, return_address[-(int)i]);
}

void exit_frame_find(struct exit_frame *frame, const struct exit_registers *registers,
                     struct callstack *stack, bool exits)
{
    const uint64_t *register_words = (const uint64_t *)registers;
    struct callstack_start start = {
        .pc = registers->return_address,
        .sp = (uint64_t)registers->stack,
        .fp = registers->rbp,
    };
    frame->count = 0;
    frame->stack_pointer = start.sp;
    for (unsigned i = 0; i < KEPT_REGISTERS; i++)
        add(frame, register_words[i]);
    if (!exits)
        return;
    callstack_capture(stack, &start);
    uint32_t at = find_exit(stack);
    if (!at)
        return;
    for (uint32_t i = at - 1; i + 1 < stack->count; i++)
        add_pushed(frame, (const uint64_t *)stack->address[i], registers);
    frame->stack_pointer = stack->address[at - 1] + sizeof(uint64_t);
}

#else

void exit_frame_resolve(void)
{
}

void lifecycle_end(unsigned how, int status)
{
    __builtin_unwind_init();
    lifecycle_end_with(how, status, NULL);
}

void exit_frame_find(struct exit_frame *frame, const struct exit_registers *registers,
                     struct callstack *stack, bool exits)
{
    (void)registers;
    (void)stack;
    (void)exits;
    frame->count = 0;
    frame->stack_pointer = 0;
}

#endif
