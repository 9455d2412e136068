/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_frame.h for aarch64: libc keeps frame records (AAPCS64, "The Frame Pointer"), which need no
 * unwinder, and which signed return addresses do not hide.
 */
#include "exit_frame.h"

#include "exit_frame_parts.h"
#include "lifecycle.h"

enum {
    MOST_FRAMES = 4,     /* from lifecycle_end's caller to exit() */
    FARTHEST = 1024,     /* bytes from one of their records to the next */
    KEPT_REGISTERS = 18, /* x19 to x28, and the lower halves of v8 to v15 */
    SAVED_WORDS = 10,    /* of those that a function may have stored behind its record */
};

struct record {
    uint64_t caller; /* the caller's record */
    uint64_t return_address;
    uint64_t saved[];
};

struct exit_registers {
    struct record record;
    uint64_t kept[KEPT_REGISTERS];
    uint64_t stack[]; /* the caller's */
};

/* void lifecycle_end(unsigned how, int status): stores a struct exit_registers, and calls
 * lifecycle_end_with(how, status, of it) on the stack that was chosen.  x29 finds the way back, for
 * unwinders, too. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl lifecycle_end\n"
        ".hidden lifecycle_end\n"
        ".type lifecycle_end, %function\n"
        "lifecycle_end:\n"
        ".cfi_startproc\n"
        "    stp x29, x30, [sp, #-160]!\n"
        ".cfi_def_cfa_offset 160\n"
        ".cfi_offset x29, -160\n"
        ".cfi_offset x30, -152\n"
        "    mov x29, sp\n"
        ".cfi_def_cfa_register x29\n"
        "    stp x19, x20, [sp, #16]\n"
        "    stp x21, x22, [sp, #32]\n"
        "    stp x23, x24, [sp, #48]\n"
        "    stp x25, x26, [sp, #64]\n"
        "    stp x27, x28, [sp, #80]\n"
        ".cfi_offset x19, -144\n"
        ".cfi_offset x20, -136\n"
        ".cfi_offset x21, -128\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov w19, w0\n"
        "    mov w20, w1\n"
        "    mov x0, x29\n"
        "    bl exit_frame_stack\n"
        "    mov x21, x0\n"
        "    cbz x0, 1f\n"
        "    mov sp, x0\n"
        "1:  mov w0, w19\n"
        "    mov w1, w20\n"
        "    mov x2, x29\n"
        "    bl lifecycle_end_with\n"
        "    mov sp, x29\n"
        "    cbz x21, 2f\n"
        "    bl exit_frame_leave\n"
        "2:  ldp x19, x20, [sp, #16]\n"
        "    ldr x21, [sp, #32]\n"
        "    ldp x29, x30, [sp], #160\n"
        ".cfi_restore x19\n"
        ".cfi_restore x20\n"
        ".cfi_restore x21\n"
        ".cfi_restore x29\n"
        ".cfi_restore x30\n"
        ".cfi_def_cfa sp, 0\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size lifecycle_end, . - lifecycle_end\n");

/* Without the signature that a return address may have (PAC). */
static uint64_t plain_address(uint64_t return_address)
{
    return return_address & ((UINT64_C(1) << 48) - 1);
}

/* NULL: none, or it does not look like one. */
static const struct record *caller_of(const struct record *record)
{
    uint64_t distance = record->caller - (uint64_t)record;
    if (record->caller % 16 || distance < sizeof(*record) || distance > FARTHEST)
        return NULL;
    return (const struct record *)record->caller;
}

/* What stands behind a frame's record are its caller's registers, and its own variables, which are
 * nobody's: a few words too many. */
static void add_saved(struct exit_frame *frame, const struct record *record)
{
    uint64_t end = record->caller;
    for (unsigned i = 0; i < SAVED_WORDS && (uint64_t)(record->saved + i) < end; i++)
        exit_frame_add(frame, record->saved[i]);
}

/* The record of exit(), whose caller is the program; NULL: not found. */
static const struct record *find_exit(const struct record *record)
{
    const struct record *callee = record;
    for (unsigned i = 0; i <= MOST_FRAMES && (record = caller_of(callee)) != NULL; i++) {
        if (exit_frame_is_exit(plain_address(callee->return_address)))
            return record;
        callee = record;
    }
    return NULL;
}

void exit_frame_find(struct exit_frame *frame, const struct exit_registers *registers,
                     struct callstack *stack, bool exits)
{
    (void)stack;
    const struct record *record = &registers->record, *last;
    frame->count = 0;
    frame->stack_pointer = (uint64_t)registers->stack;
    for (unsigned i = 0; i < KEPT_REGISTERS; i++)
        exit_frame_add(frame, registers->kept[i]);
    if (!exits || (last = find_exit(record)) == NULL)
        return;
    while ((record = caller_of(record)) != last)
        add_saved(frame, record);
    frame->stack_pointer = (uint64_t)(last + 1);
}
