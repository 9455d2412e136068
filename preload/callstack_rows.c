/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callstack.h for x86-64: unwind rows, and the thread's last stack.
 *
 * Unwinding is a pure function of the registers and of the stack words that it reads.  So a
 * capture first checks, from the outermost frame inward, which return slots of the
 * remembered stack still hold the same words, then unwinds from the inside only until it
 * meets a frame that was checked with the same registers.  rbp is often a general register: it
 * counts only where the CFA of that frame or of one outside of it depends on it; there the
 * word that it was saved in is checked, too.
 *
 * Remembered words are read only in the thread's own stack, which stays mapped.
 */
#include <string.h>

#include "callstack.h"
#include "frame_step.h"
#include "row_table.h"
#include "vmtrace/trace_format.h"

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

size_t callstack_memory_size(uint32_t depth)
{
    return (size_t)depth * 2 * (sizeof(uint64_t) + sizeof(struct callstack_slot));
}

void callstack_init(struct callstack *stack, void *memory, uint32_t depth)
{
    memset(stack, 0, sizeof(*stack));
    stack->depth = depth;
    stack->slot = memory;
    stack->walk_slot = stack->slot + depth;
    stack->pc = (uint64_t *)(stack->walk_slot + depth);
    stack->walk_pc = stack->pc + depth;
}

void callstack_forget(struct callstack *stack)
{
    stack->count = stack->same = stack->reusable = 0;
    stack->cut = stack->deep = false;
    stack->epoch = 0;
}

/* First capture of a thread, or modules went away. */
static __attribute__((noinline, cold)) void prepare(struct callstack *stack)
{
    uint32_t epoch = __atomic_load_n(&modules_epoch, __ATOMIC_ACQUIRE);
    callstack_forget(stack);
    row_table_sync(epoch);
    stack_bounds_find(&stack->bounds);
    stack->epoch = epoch + 1;
}

/* How many remembered frames, from the outermost on, are as they were. */
static inline uint32_t count_verified(const struct callstack *stack)
{
    const struct callstack_slot *slot = stack->slot;
    uint32_t i = 0;
    for (; i < stack->reusable; i++, slot++) {
        if (frame_word(slot->address) != stack->pc[i])
            break;
        if (slot->fp_word && frame_word(slot->fp_word) != slot[-1].fp)
            break;
        if (unlikely(slot->flags & SLOT_LINKED) &&
            frame_word(slot->fp + (uint64_t)(int64_t)slot->link) != slot[-1].address + 8)
            break;
    }
    return i;
}

/* Is `frame` the remembered frame `i`? */
static inline bool is_remembered(const struct callstack *stack, uint32_t i,
                                 const struct frame *frame)
{
    const struct callstack_slot *slot = &stack->slot[i];
    return slot->address == frame->sp - 8 && stack->pc[i] == frame->key &&
           (!(slot->flags & SLOT_NEED_FP) || slot->fp == frame->fp);
}

struct walk {
    struct frame frame;
    uint64_t high;     /* end of the stack that the frame is on, as far as it is known, else 0 */
    uint32_t verified; /* remembered frames that the walk may still meet */
    uint32_t count;    /* frames in walk_pc */
    uint32_t flags;    /* SLOT_ODD if the present frame's slot is odd */
    bool cut, deep;
};

/* The caller of a frame whose row is a packed one; `slot` is zero so far. */
static inline bool step_packed(const struct callstack *stack, uint64_t word, struct walk *walk,
                               struct callstack_slot *slot)
{
    uint64_t base = word & ROW_BASE_FP ? walk->frame.fp : walk->frame.sp;
    uint64_t cfa = base + (word >> ROW_CFA_SHIFT) * 8;
    if (unlikely(cfa <= walk->frame.sp || cfa > walk->high)) {
        if (!frame_reaches(&stack->bounds, walk->frame.sp, cfa))
            return false;
        if (stack_bounds_hold(&stack->bounds, cfa))
            walk->high = stack->bounds.high;
    }
    uint64_t saved = word >> ROW_FP_SHIFT & ROW_FP_MASK;
    slot->flags |= word & ROW_BASE_FP ? SLOT_BASE_FP : 0;
    if (saved) {
        slot->fp_word = cfa - 8 * (saved + 1);
        walk->frame.fp = frame_word(slot->fp_word);
    }
    walk->frame.sp = cfa;
    walk->frame.key = frame_word(cfa - 8);
    walk->flags = 0;
    return walk->frame.key < ROW_PC_MAX;
}

/* The same for an odd row.  False at the outermost frame, too.  noinline, so that the walk
 * itself stays in registers. */
static __attribute__((noinline)) bool step_odd(struct callstack *stack, uint64_t word,
                                               struct walk *walk)
{
    enum frame_step result =
        frame_step_odd(stack, walk->count - 1, word, &walk->frame, &walk->flags);
    bool own = stack_bounds_hold(&stack->bounds, walk->frame.sp);
    walk->high = own ? stack->bounds.high : 0;
    walk->cut = result == FRAME_STEP_LOST;
    return result == FRAME_STEP_OK;
}

/* Records the frame and replaces it by its caller.  False when that was the last one. */
static inline bool step(struct callstack *stack, struct walk *walk)
{
    uint32_t index = walk->count++;
    struct callstack_slot *slot = &stack->walk_slot[index];
    stack->walk_pc[index] = walk->frame.key;
    *slot = (struct callstack_slot){walk->frame.sp - 8, walk->frame.fp, 0, 0, walk->flags};
    uint64_t word = row_table_find(walk->frame.key);
    bool more;
    if (likely(!(word & ROW_ODD))) {
        more = step_packed(stack, word, walk, slot);
        walk->cut = !more;
    } else {
        struct walk copy = *walk;
        more = step_odd(stack, word, &copy);
        *walk = copy;
    }
    if (unlikely(walk->cut))
        slot->flags |= SLOT_ODD;
    return more && walk->frame.key != 0; /* 0: whoever made this stack ended it so */
}

/* Has the walk met a remembered frame?  A stack that is cut must keep its innermost `depth`
 * frames whatever was remembered, so it can only be joined at the same depth. */
static inline bool joins(const struct callstack *stack, struct walk *walk)
{
    uint64_t slot = walk->frame.sp - 8;
    while (walk->verified && stack->slot[walk->verified - 1].address < slot)
        walk->verified--;
    if (!walk->verified || !is_remembered(stack, walk->verified - 1, &walk->frame))
        return false;
    uint32_t total = walk->verified + walk->count;
    if (likely(total <= stack->depth && (!stack->deep || total == stack->depth)))
        return true;
    walk->verified = 0;
    return false;
}

/* Frames from the inside, until one is remembered, the outermost is reached, or `depth`. */
static inline void walk_frames(struct callstack *stack, struct walk *walk)
{
    while (!joins(stack, walk)) {
        if (unlikely(walk->count == stack->depth))
            walk->cut = walk->deep = true;
        else if (likely(step(stack, walk)))
            continue;
        walk->verified = 0;
        return;
    }
}

/* Turns the walk round onto the frames that it joined. */
static inline void store_frames(struct callstack *stack, uint32_t count, uint32_t joined)
{
    uint32_t same = joined, reusable = joined;
    for (uint32_t i = count, at = joined; i-- > 0; at++) {
        struct callstack_slot slot = stack->walk_slot[i];
        uint64_t key = stack->walk_pc[i];
        uint64_t pc = (key & (ROW_EXACT - 1)) | (key & ROW_EXACT) << 16;
        bool outer_needs = at > 0 && (stack->slot[at - 1].flags & SLOT_NEED_FP);
        if ((slot.flags & SLOT_BASE_FP) || (outer_needs && !slot.fp_word))
            slot.flags |= SLOT_NEED_FP;
        if (!outer_needs)
            slot.fp_word = 0;
        if (at == 0)
            slot.flags &= ~(uint32_t)SLOT_LINKED;
        if (reusable == at && !(slot.flags & SLOT_ODD) &&
            stack_bounds_hold(&stack->bounds, slot.address))
            reusable = at + 1;
        if (same == at && at < stack->count && stack->pc[at] == pc)
            same = at + 1;
        stack->pc[at] = pc;
        stack->slot[at] = slot;
    }
    stack->reusable = reusable;
    stack->same = same;
    stack->count = joined + count;
}

void callstack_capture(struct callstack *stack, const struct callstack_start *start)
{
    if (unlikely(stack->epoch != __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED) + 1))
        prepare(stack);
    struct walk walk = {
        .frame = {start->pc | (start->exact ? ROW_EXACT : 0), start->sp, start->fp},
        .high = stack_bounds_hold(&stack->bounds, start->sp) ? stack->bounds.high : 0,
        .verified = count_verified(stack),
        .flags = start->exact ? SLOT_ODD : 0,
    };
    walk_frames(stack, &walk);
    uint32_t joined = walk.verified;
    store_frames(stack, walk.count, joined);
    if (joined == 0) {
        if (stack->cut != walk.cut)
            stack->same = 0;
        stack->cut = walk.cut;
        stack->deep = walk.deep;
    }
}
