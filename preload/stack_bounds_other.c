/* SPDX-License-Identifier: Apache-2.0 */
/* For machines whose thread control block is not known: the first thread's stack alone. */
#include "stack_bounds.h"

#include "sys.h"

/* As in stack_bounds.c. */
#define MAIN_STACK_SIZE (UINT64_C(128) << 20)

extern void *__libc_stack_end __attribute__((weak));

void stack_bounds_setup(void)
{
}

void stack_bounds_find(struct stack_bounds *bounds)
{
    *bounds = (struct stack_bounds){0};
    if (sys_tid() != sys_pid() || !&__libc_stack_end)
        return;
    bounds->high = (uint64_t)__libc_stack_end;
    bounds->low = bounds->high - MAIN_STACK_SIZE;
}

void stack_bounds_of(const struct stack_bounds_block *block, uint64_t address,
                     struct stack_bounds *bounds)
{
    (void)block;
    (void)address;
    *bounds = (struct stack_bounds){0};
}
