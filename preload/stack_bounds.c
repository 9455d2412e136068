/* SPDX-License-Identifier: Apache-2.0 */
#include "stack_bounds.h"

#include "thread_registers.h"

#include <stddef.h>

/* The kernel keeps at least this much address space below the main stack free of mappings
 * (MIN_GAP in mm/util.c). */
#define MAIN_STACK_SIZE (UINT64_C(128) << 20)
/* No thread's stack is larger, and no two fields next to each other look like one. */
#define THREAD_STACK_MAX (UINT64_C(64) << 30)
/* sizeof(struct pthread) of glibc is 2304 on x86-64 since 2.17, with the stack's fields 1,600 to
 * 1,700 bytes in; on aarch64 (2.36) 1856, and they are 680 bytes from its end. */
_Static_assert(sizeof(struct stack_bounds_block) <= 2304, "no more than there is");
/* glibc rounds guards up to whole pages. */
#define GUARD_UNIT 4096

/* ld.so's; where argc lies. */
extern void *__libc_stack_end __attribute__((weak));

static uint64_t main_thread_pointer;

void stack_bounds_setup(void)
{
    uint64_t here = (uint64_t)__builtin_frame_address(0);
    uint64_t end = &__libc_stack_end ? (uint64_t)__libc_stack_end : 0;
    if (here < end && end - here < MAIN_STACK_SIZE)
        main_thread_pointer = thread_registers_pointer();
}

/* Other threads' control blocks lie at the top of their stack's mapping, whose start and size
 * glibc keeps in two neighbouring words of it, followed by the size of the guard.  The offset
 * differs between versions; the three are known by what they must satisfy. */
void stack_bounds_of(const struct stack_bounds_block *copy, uint64_t pointer,
                     struct stack_bounds *bounds)
{
    const uint64_t *field = copy->words;
    for (size_t i = 0; i + 2 < sizeof(*copy) / sizeof(*field); i++) {
        uint64_t start = field[i], size = field[i + 1], guard = field[i + 2];
        if (start < pointer && size < THREAD_STACK_MAX && start + size > pointer &&
            guard % GUARD_UNIT == 0 && start + guard < pointer) {
            bounds->low = start + guard;
            bounds->high = pointer;
            bounds->guarded = guard > 0;
            return;
        }
    }
}

void stack_bounds_find(struct stack_bounds *bounds)
{
    uint64_t pointer = thread_registers_pointer();
    *bounds = (struct stack_bounds){0};
    if (pointer == main_thread_pointer) {
        bounds->high = (uint64_t)__libc_stack_end;
        bounds->low = bounds->high - MAIN_STACK_SIZE;
    } else {
        stack_bounds_of((const struct stack_bounds_block *)stack_bounds_block_at(pointer), pointer,
                        bounds);
    }
}
