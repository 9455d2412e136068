/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks of the recorder's own, which libc knows nothing of.  They run with the thread pointer of
 * the thread that starts them, so they may call what uses no thread-local storage but to read it.
 */
#ifndef VMTRACE_SYS_TASK_H
#define VMTRACE_SYS_TASK_H

#include <stddef.h>
#include <stdint.h>

/* clone(2) with CLONE_VM and `flags`; the task runs `run(context)` on the given stack and ends with
 * its result.  `word` is for CLONE_CHILD_CLEARTID.  Its tid, or a negated errno. */
long sys_task_start(unsigned long flags, void *stack, size_t stack_size, int (*run)(void *),
                    void *context, uint32_t *word);

/* A forked copy of the calling task, without a signal at its end: 0 in the copy, its pid or a
 * negated errno in the caller. */
long sys_task_fork(void);

void sys_task_exit(int status) __attribute__((noreturn));

/* wait4 for that task, whatever interrupts it.  0, or a negated errno. */
int sys_task_wait(uint32_t tid, int *status);

/* Waits while *word is `value`, at most so long.  Other tasks that share the memory, too. */
void sys_futex_wait(uint32_t *word, uint32_t value, uint64_t ns);
void sys_futex_wake(uint32_t *word);

#endif
