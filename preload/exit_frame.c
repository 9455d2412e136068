/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_frame.h"

#include "exit_frame_parts.h"
#include "interpose.h"
#include "modules.h"
#include "sys.h"

#include <signal.h>

enum {
    OWN_STACK = 65536,
    LEAST_STACK = 49152, /* bytes that must be left of the program's */
    EXIT_SIZE = 128,     /* bytes of code that exit() and quick_exit() are shorter than */
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

__attribute__((used)) void exit_frame_leave(void)
{
    uint64_t mask = own_stack_mask;
    __atomic_store_n(&own_stack_taken, 0, __ATOMIC_RELEASE);
    sys_restore_signals(&mask);
}

void exit_frame_add(struct exit_frame *frame, uint64_t value)
{
    if (frame->count < EXIT_FRAME_VALUES)
        frame->values[frame->count++] = value;
}

static uint64_t real_exit, real_quick_exit; /* libc's */

void exit_frame_resolve(uint64_t quick_exit_address)
{
    real_exit = (uint64_t)real_next("exit");
    real_quick_exit = quick_exit_address;
}

bool exit_frame_is_exit(uint64_t pc)
{
    return (real_exit && pc - real_exit < EXIT_SIZE) ||
           (real_quick_exit && pc - real_quick_exit < EXIT_SIZE);
}

bool exit_frame_is_own(uint64_t pc)
{
    struct module own;
    return modules_peek((uint64_t)&exit_frame_is_own, &own) && pc >= own.start && pc < own.end;
}
