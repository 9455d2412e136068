/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small programs about what a leak is, many to an executable: argv[1] names the one to run.
 *
 * run_leaks.py compares what memcheck and vmtrace say of each, by class and allocating function, so
 * blocks of different fate come from different functions.  Blocks of one size and one function
 * are alike: which of a ring's blocks is the definite one depends on addresses.
 */
#ifndef VMTRACE_LEAK_CASE_H
#define VMTRACE_LEAK_CASE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leak_case {
    const char *name, *source;
    void (*run)(void);
};

/* LEAK_CASE(name) { ... }: a case; main() leaves no trace of its frames and returns. */
#define LEAK_CASE(case_name)                                                                       \
    static void case_name(void);                                                                   \
    static const struct leak_case case_name##_entry = {#case_name, __FILE__, case_name};           \
    __attribute__((                                                                                \
        used, section("leak_cases"))) static const struct leak_case *const case_name##_pointer =   \
        &case_name##_entry;                                                                        \
    static __attribute__((noinline)) void case_name(void)

#define NOINLINE __attribute__((noinline))

/* Overwrites the stack below the caller's frame: memcheck knows which words there were never
 * written by the frame that they lie in, a scan of memory does not.  Nothing in the executables
 * that measure how often that matters (LEAK_SLOPPY). */
void leak_clear_stack(void);

/* Folder of the executable, which the plug-ins lie in. */
const char *leak_folder(void);

/* The compiler must believe that the pointer is used. */
static inline void leak_use(void *pointer)
{
    __asm__ volatile("" : : "r"(pointer) : "memory");
}

#ifdef __cplusplus
}
#endif

#endif
