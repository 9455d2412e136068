/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-written assembly (x86-64), with and without call-frame information. */
#include "stack_shapes.h"

#define FUNCTION(name) ".globl " #name "\n.type " #name ", @function\n" #name ":\n"
#define END(name) ".size " #name ", . - " #name "\n"

__asm__(".text\n" FUNCTION(
    asm_with_cfi) ".cfi_startproc\n"
                  "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"
                  "push %r12\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %r12, 0\n"
                  "sub $40, %rsp\n.cfi_adjust_cfa_offset 40\n"
                  "call *%rdi\n"
                  "add $40, %rsp\n.cfi_adjust_cfa_offset -40\n"
                  "pop %r12\n.cfi_adjust_cfa_offset -8\n.cfi_restore %r12\n"
                  "pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n"
                  "ret\n.cfi_endproc\n" END(asm_with_cfi));

__asm__(FUNCTION(asm_scratch_rbp) ".cfi_startproc\n"
                                  "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"
                                  "lea 64(%rsp), %rbp\n"
                                  "call *%rdi\n"
                                  "pop %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbp\n"
                                  "ret\n.cfi_endproc\n" END(asm_scratch_rbp));

/* As ld.so's _dl_runtime_resolve. */
__asm__(FUNCTION(asm_cfa_in_rbx) ".cfi_startproc\n"
                                 "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"
                                 "mov %rsp, %rbx\n.cfi_def_cfa_register %rbx\n"
                                 "and $-64, %rsp\n"
                                 "sub $192, %rsp\n"
                                 "call *%rdi\n"
                                 "mov %rbx, %rsp\n.cfi_def_cfa_register %rsp\n"
                                 "pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n"
                                 "ret\n.cfi_endproc\n" END(asm_cfa_in_rbx));

/* As OpenSSL's: CFA = word at rsp + 16, + 8.  The bytes are DW_CFA_def_cfa_expression, its
 * size, DW_OP_breg7 16, DW_OP_deref, DW_OP_plus_uconst 8. */
__asm__(FUNCTION(
    asm_cfa_in_memory) ".cfi_startproc\n"
                       "mov %rsp, %rax\n.cfi_def_cfa_register %rax\n"
                       "push %rbx\n.cfi_offset %rbx, -16\n"
                       "sub $128, %rsp\n"
                       "and $-64, %rsp\n"
                       "mov %rax, 16(%rsp)\n.cfi_escape 0x0f, 0x05, 0x77, 0x10, 0x06, 0x23, 0x08\n"
                       "call *%rdi\n"
                       "mov 16(%rsp), %rsi\n.cfi_def_cfa %rsi, 8\n"
                       "mov -8(%rsi), %rbx\n.cfi_restore %rbx\n"
                       "mov %rsi, %rsp\n.cfi_def_cfa_register %rsp\n"
                       "ret\n.cfi_endproc\n" END(asm_cfa_in_memory));

__asm__(FUNCTION(asm_frame_pointer_only) "push %rbp\n"
                                         "mov %rsp, %rbp\n"
                                         "sub $32, %rsp\n"
                                         "call *%rdi\n"
                                         "leave\n"
                                         "ret\n" END(asm_frame_pointer_only));

__asm__(FUNCTION(asm_without_anything) "sub $8, %rsp\n"
                                       "call *%rdi\n"
                                       "add $8, %rsp\n"
                                       "ret\n" END(asm_without_anything));

__asm__(FUNCTION(asm_other_stack) ".cfi_startproc\n"
                                  "push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"
                                  "mov %rsp, %rbp\n.cfi_def_cfa_register %rbp\n"
                                  "mov %rdi, %rsp\n"
                                  "call *%rsi\n"
                                  "leave\n.cfi_def_cfa %rsp, 8\n.cfi_restore %rbp\n"
                                  "ret\n.cfi_endproc\n" END(asm_other_stack));

/* The old stack pointer is in r12, of which nobody knows. */
__asm__(FUNCTION(asm_other_stack_without_cfi) "push %r12\n"
                                              "mov %rsp, %r12\n"
                                              "mov %rdi, %rsp\n"
                                              "call *%rsi\n"
                                              "mov %r12, %rsp\n"
                                              "pop %r12\n"
                                              "ret\n" END(asm_other_stack_without_cfi));

__asm__(FUNCTION(asm_leaf_wrapper) ".cfi_startproc\n"
                                   "add $1, %rdi\n"
                                   "jmp malloc@PLT\n.cfi_endproc\n" END(asm_leaf_wrapper));

/* TF is bit 8 of the flags. */
__asm__(FUNCTION(asm_trap_flag) ".cfi_startproc\n"
                                "shl $8, %rdi\n"
                                "pushfq\n.cfi_adjust_cfa_offset 8\n"
                                "andq $~0x100, (%rsp)\n"
                                "orq %rdi, (%rsp)\n"
                                "popfq\n.cfi_adjust_cfa_offset -8\n"
                                "ret\n.cfi_endproc\n" END(asm_trap_flag));

/* 16 words below rsp hold 1 .. 16 while the signal is handled. */
__asm__(FUNCTION(asm_red_zone) ".cfi_startproc\n"
                               "mov $16, %ecx\n"
                               "1: mov %rcx, %rax\n"
                               "neg %rax\n"
                               "mov %rcx, (%rsp,%rax,8)\n"
                               "dec %rcx\n"
                               "jnz 1b\n"
                               "int3\n"
                               "mov $16, %ecx\n"
                               "2: mov %rcx, %rax\n"
                               "neg %rax\n"
                               "cmp %rcx, (%rsp,%rax,8)\n"
                               "jne 3f\n"
                               "dec %rcx\n"
                               "jnz 2b\n"
                               "mov $1, %eax\n"
                               "ret\n"
                               "3: xor %eax, %eax\n"
                               "ret\n.cfi_endproc\n" END(asm_red_zone));
