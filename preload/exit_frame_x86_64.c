/* SPDX-License-Identifier: Apache-2.0 */
/* exit_frame.h for x86-64: frames are found by the unwinder. */
#include "exit_frame.h"

#include "cfa_program.h"
#include "exit_frame_parts.h"
#include "lifecycle.h"
#include "modules.h"

#include <string.h>

enum {
    MOST_FRAMES = 4, /* from lifecycle_end's caller to exit() */
    KEPT = 6,        /* registers that functions keep for their callers */
    KEPT_RBP = 5,
};

struct exit_registers {
    uint64_t kept[KEPT], return_address;
    uint64_t stack[]; /* the caller's */
};

/* DWARF numbers of the kept registers. */
static const uint8_t kept_numbers[KEPT] = {15, 14, 13, 12, CFA_RBX, CFA_RBP};

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

/* The outermost frame that is not the program's: that in exit() or quick_exit(), or in the wrapper
 * that was called instead; 0: not found. */
static uint32_t find_last(const struct callstack *stack, bool exits)
{
    uint32_t i = stack->count;
    while (exits && i > 0 && !exit_frame_is_exit(stack->pc[--i])) {
        if (stack->count - i >= MOST_FRAMES)
            return 0;
    }
    while (i > 1 && exit_frame_is_own(stack->pc[i - 1]))
        i--;
    return i < stack->count ? i : 0;
}

/* Makes of the registers of the function that has `pc` those of its caller. */
static void go_back(uint64_t kept[KEPT], uint64_t pc, uint64_t cfa)
{
    struct module module;
    struct eh_frame frame;
    struct cfa_state state;
    if (!modules_find(pc, &module) || !eh_frame_find(&module, pc - 1, &frame) ||
        !cfa_run(&frame, pc - 1, &state))
        return;
    for (unsigned i = 0; i < KEPT; i++) {
        const struct cfa_rule *rule = &state.rule[kept_numbers[i]];
        if (rule->how == CFA_OFFSET)
            memcpy(&kept[i], (const void *)(cfa + (uint64_t)rule->value), sizeof(*kept));
    }
}

void exit_frame_find(struct exit_frame *frame, const struct exit_registers *registers,
                     struct callstack *stack, bool exits)
{
    struct callstack_start start = {
        .pc = registers->return_address,
        .sp = (uint64_t)registers->stack,
        .fp = registers->kept[KEPT_RBP],
    };
    uint64_t kept[KEPT];
    memcpy(kept, registers->kept, sizeof(kept));
    callstack_capture(stack, &start);
    frame->stack_pointer = start.sp;
    uint32_t last = find_last(stack, exits);
    for (uint32_t i = stack->count; last && i-- > last;) {
        frame->stack_pointer = stack->address[i - 1] + sizeof(uint64_t);
        go_back(kept, stack->pc[i], frame->stack_pointer);
    }
    frame->count = 0;
    for (unsigned i = 0; i < KEPT; i++)
        exit_frame_add(frame, kept[i]);
}
