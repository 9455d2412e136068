/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callstack.h for x86-64: unwind rows, and the thread's last stack.
 *
 * Unwinding is a pure function of the registers and of the stack words that it reads.  So a
 * capture first checks, from the outermost frame inward, which return slots of the
 * remembered stack still hold the same words, then unwinds from the inside only until it
 * meets a frame that was checked.  In a compiler 3 frames of 21 are stepped.
 *
 * Three ways, each a quarter of the next one's cost: nothing has changed (5 instructions a
 * frame); the plain walk, for frames at a constant distance from rsp in the thread's own stack, as
 * nearly all code without frame pointers has them (25 a frame); frame_walk.h for the rest.
 *
 * Remembered words are read only in the thread's own stack, which stays mapped.
 */
#include <string.h>

#include "callstack.h"
#include "frame_walk.h"
#include "row_table.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

bool callstack_setup(void)
{
    stack_bounds_setup();
    return true;
}

const char *callstack_backend(void)
{
    return "rows";
}

bool callstack_is_own(uint64_t pc)
{
    (void)pc; /* rows allocate nothing through the wrappers */
    return false;
}

void callstack_before_fork(void) /* rows take no lock */
{
}

void callstack_after_fork(void)
{
}

size_t callstack_memory_size(uint32_t depth)
{
    return (size_t)depth * 2 * (2 * sizeof(uint64_t) + sizeof(struct callstack_slot));
}

void callstack_init(struct callstack *stack, void *memory, uint32_t depth)
{
    memset(stack, 0, sizeof(*stack));
    stack->depth = depth;
    stack->slot = memory;
    stack->spare_slot = stack->slot + depth;
    stack->pc = (uint64_t *)(stack->spare_slot + depth);
    stack->address = stack->pc + depth;
    stack->spare_pc = stack->address + depth;
    stack->spare_address = stack->spare_pc + depth;
}

void callstack_forget(struct callstack *stack)
{
    stack->count = stack->same = stack->reusable = 0;
    stack->cut = stack->deep = false;
    stack->first_linked = UINT32_MAX;
    stack->epoch = 0;
}

/* First capture of a thread, or modules went away. */
static void prepare(struct callstack *stack)
{
    uint32_t epoch = __atomic_load_n(&modules_epoch, __ATOMIC_ACQUIRE);
    callstack_forget(stack);
    row_table_sync(epoch);
    stack_bounds_find(&stack->bounds);
    stack->epoch = epoch + 1;
}

/* How many remembered frames, from the outermost on, still have their return addresses.  By fours:
 * 5 instructions a frame. */
static inline uint32_t count_verified(const struct callstack *stack)
{
    const uint64_t *pc = stack->pc, *address = stack->address;
    size_t i = 0, count = stack->reusable;
#define CHANGED(i) (frame_word(address[i]) ^ pc[i])
    while (i + 4 <= count && !(CHANGED(i) | CHANGED(i + 1) | CHANGED(i + 2) | CHANGED(i + 3)))
        i += 4;
    while (i < count && !CHANGED(i))
        i++;
#undef CHANGED
    return (uint32_t)i;
}

/* Is the stack at `start` the remembered one, all of which was verified? */
static inline bool is_same(const struct callstack *stack, const struct callstack_start *start,
                           uint32_t verified)
{
    struct frame frame = {start->pc, start->sp, start->fp};
    return verified == stack->count && verified != 0 &&
           frame_is_remembered(stack, &frame, verified - 1) && !start->exact;
}

/* Unwinds as far as a remembered frame if all frames up to there are plain ones.  Else false, and
 * nothing has changed. */
static inline bool walk_plainly(struct callstack *stack, const struct callstack_start *start,
                                uint32_t verified)
{
    const uint64_t *address = stack->address;
    uint64_t key = start->pc, sp = start->sp, high = stack->bounds.high;
    uint32_t left = stack->depth;
    if (start->exact || key >= ROW_PC_MAX || !stack_bounds_hold(&stack->bounds, sp))
        return false;
    for (;;) {
        while (verified && address[verified - 1] < sp - 8)
            verified--;
        if (unlikely(!verified))
            return false;
        if (address[verified - 1] == sp - 8 && stack->pc[verified - 1] == key)
            break;
        uint64_t word = row_table_find(key);
        uint64_t cfa = sp + (word >> ROW_CFA_SHIFT) * 8;
        if (unlikely((word & (ROW_ODD | ROW_BASE_FP)) || cfa > high || left == 0))
            return false;
        stack->spare_pc[--left] = key;
        stack->spare_address[left] = sp - 8;
        sp = cfa;
        key = frame_word(cfa - 8);
        if (unlikely(key - 1 >= ROW_PC_MAX - 1))
            return false;
    }
    if ((stack->slot[verified - 1].flags & SLOT_NEED_FP) ||
        (verified != left && (verified > left || stack->deep)))
        return false;
    frame_walk_keep(stack, verified, left);
    for (uint32_t i = verified; i < stack->count; i++)
        stack->slot[i].flags = 0;
    return true;
}

/* Some remembered frames depend on more than their return addresses, or the stack has changed. */
static __attribute__((noinline)) void
capture_further(struct callstack *stack, const struct callstack_start *start, uint32_t verified)
{
    if (verified > stack->first_linked)
        verified = frame_walk_check_links(stack, verified);
    if (is_same(stack, start, verified))
        stack->same = verified;
    else if (!walk_plainly(stack, start, verified))
        frame_walk(stack, start, verified);
}

static __attribute__((noinline, cold)) void capture_anew(struct callstack *stack,
                                                         const struct callstack_start *start)
{
    prepare(stack);
    frame_walk(stack, start, 0);
}

/* Calls nothing but as its last act, so it saves no registers. */
void callstack_capture(struct callstack *stack, const struct callstack_start *start)
{
    if (unlikely(stack->epoch != __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED) + 1)) {
        capture_anew(stack, start);
        return;
    }
    uint32_t verified = count_verified(stack);
    if (likely(verified <= stack->first_linked && is_same(stack, start, verified)))
        stack->same = verified;
    else
        capture_further(stack, start, verified);
}
