/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of stacks that stack_shapes goes through; each calls shape_block() at its end. */
#ifndef VMTRACE_TESTS_STACK_SHAPES_H
#define VMTRACE_TESTS_STACK_SHAPES_H

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __clang__
#define SHAPE __attribute__((noinline))
#else
#define SHAPE __attribute__((noinline, noclone))
#endif

/* Nothing is called last: no call becomes a jump. */
#define SHAPE_END() __asm__ volatile("")

/* Allocates, and keeps the block. */
void shape_block(void);

#define SHAPES(X)                                                                                  \
    X(no_frame_pointer)                                                                            \
    X(leaf_wrapper)                                                                                \
    X(alloca)                                                                                      \
    X(vla)                                                                                         \
    X(realigned)                                                                                   \
    X(longjmp)                                                                                     \
    X(exception)                                                                                   \
    X(assembly)                                                                                    \
    X(assembly_rbx)                                                                                \
    X(assembly_rbx_live)                                                                           \
    X(assembly_memory)                                                                             \
    X(assembly_frame_pointer)                                                                      \
    X(assembly_bare)                                                                               \
    X(jit_frame_pointer)                                                                           \
    X(jit_bare)                                                                                    \
    X(lazy_binding)                                                                                \
    X(signal_frame)                                                                                \
    X(signal_stack)                                                                                \
    X(red_zone)                                                                                    \
    X(coroutine)                                                                                   \
    X(thread_stack)                                                                                \
    X(heap_coroutine)                                                                              \
    X(heap_switch)                                                                                 \
    X(heap_switch_blind)

#define SHAPE_DECLARE(name) void shape_##name(void);
SHAPES(SHAPE_DECLARE)

/* stack_shapes_asm.c: each calls its argument. */
void asm_scratch_rbp(void (*function)(void)); /* while rbp points anywhere */
void asm_with_cfi(void (*function)(void));
void asm_cfa_in_rbx(void (*function)(void));
void asm_cfa_in_memory(void (*function)(void));
void asm_frame_pointer_only(void (*function)(void));
void asm_without_anything(void (*function)(void));
/* Calls it on another stack, whose highest address is `top`. */
void asm_other_stack(void *top, void (*function)(void));
void asm_other_stack_without_cfi(void *top, void (*function)(void));
/* Jumps to malloc. */
void *asm_leaf_wrapper(unsigned long size);
/* From now on SIGTRAP after each instruction, or no more. */
void asm_trap_flag(unsigned long on);
/* Fills its red zone, traps, and tells whether it is still the same. */
int asm_red_zone(void);

/* stack_shapes_lazy.c: bound at its first call, by a resolver that calls `lazy_hook`. */
extern void (*lazy_hook)(void);
double lazy_sum(double a, double b, double c, double d, double e, double f, double g, double h);

#ifdef __cplusplus
}
#endif

#endif
