/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_walk.h"

#include "row_table.h"
#include "vmtrace/trace_format.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Do the words hold that remembered frame `i` depends on besides its return address? */
static inline bool links_hold(const struct callstack *stack, uint32_t i)
{
    const struct callstack_slot *slot = &stack->slot[i];
    if ((slot->flags & SLOT_WATCH) && frame_word(slot->fp_word) != slot[-1].fp)
        return false;
    return !(slot->flags & SLOT_LINKED) ||
           frame_word(slot->fp + (uint64_t)(int64_t)slot->link) == stack->address[i - 1] + 8;
}

uint32_t frame_walk_check_links(const struct callstack *stack, uint32_t verified)
{
    uint32_t i = stack->first_linked;
    while (i < verified && links_hold(stack, i))
        i++;
    return i;
}

struct walk {
    struct frame frame;
    uint64_t high;     /* end of the stack that the frame is on, as far as it is known, else 0 */
    uint32_t verified; /* remembered frames that the walk may still meet */
    uint32_t left;     /* spare_pc[left .. depth) are the frames so far */
    uint32_t flags;    /* SLOT_ODD, if the present frame's slot is odd */
    uint32_t any;      /* flags of all frames so far */
    bool cut, deep;
};

/* Has the walk met a remembered frame?  A stack that is cut must keep its innermost `depth`
 * frames whatever was remembered, so it can only be joined at the same depth. */
static inline bool joins(const struct callstack *stack, struct walk *walk)
{
    uint64_t slot = walk->frame.sp - 8;
    while (walk->verified && stack->address[walk->verified - 1] < slot)
        walk->verified--;
    if (!walk->verified || !frame_is_remembered(stack, &walk->frame, walk->verified - 1))
        return false;
    if (likely(walk->verified == walk->left || (walk->verified < walk->left && !stack->deep)))
        return true;
    walk->verified = 0;
    return false;
}

/* The rare half of `step`: an odd row, or a CFA that is not plainly within the thread's stack.
 * noinline, so that the walk itself stays in registers. */
static __attribute__((noinline)) bool step_rare(struct callstack *stack, uint64_t word,
                                                struct walk *walk)
{
    struct frame_trail trail = {&stack->spare_pc[walk->left], &stack->spare_address[walk->left],
                                &stack->spare_slot[walk->left], stack->depth - walk->left};
    enum frame_step result =
        frame_step_odd(&stack->bounds, &trail, word, &walk->frame, &walk->flags);
    walk->high = stack_bounds_hold(&stack->bounds, walk->frame.sp) ? stack->bounds.high : 0;
    if (!walk->high)
        walk->flags |= SLOT_ODD;
    walk->cut = result == FRAME_STEP_LOST;
    if (walk->cut)
        trail.slot->flags |= SLOT_ODD;
    walk->any |= trail.slot->flags;
    return result == FRAME_STEP_OK && walk->frame.key != 0;
}

/* Records the present frame and replaces it by its caller.  False when it was the last one. */
static inline bool step(struct callstack *stack, struct walk *walk)
{
    struct frame *frame = &walk->frame;
    uint64_t word = row_table_find(frame->key);
    uint64_t base = word & ROW_BASE_FP ? frame->fp : frame->sp;
    uint64_t cfa = base + (word >> ROW_CFA_SHIFT) * 8;
    struct callstack_slot *slot = &stack->spare_slot[--walk->left];
    stack->spare_pc[walk->left] = frame->key;
    stack->spare_address[walk->left] = frame->sp - 8;
    *slot = (struct callstack_slot){frame->fp, 0, 0, walk->flags};
    if (unlikely((word & ROW_ODD) || cfa <= frame->sp || cfa > walk->high)) {
        struct walk copy = *walk;
        bool more = step_rare(stack, word, &copy);
        *walk = copy;
        return more;
    }
    uint64_t saved = word >> ROW_FP_SHIFT & ROW_FP_MASK;
    if (saved)
        frame->fp = frame_word(slot->fp_word = cfa - 8 * (saved + 1));
    slot->flags |= word & ROW_BASE_FP ? SLOT_BASE_FP : 0;
    walk->any |= slot->flags;
    walk->flags = 0;
    frame->sp = cfa;
    frame->key = frame_word(cfa - 8);
    if (likely(frame->key - 1 < ROW_PC_MAX - 1))
        return true;
    walk->cut = frame->key != 0; /* 0: whoever made this stack ended it so */
    return false;
}

/* Frames from the inside, until one is remembered, the outermost is reached, or `depth`. */
static inline void walk_frames(struct callstack *stack, struct walk *walk)
{
    while (!joins(stack, walk)) {
        if (unlikely(walk->left == 0))
            walk->cut = walk->deep = true;
        else if (likely(step(stack, walk)))
            continue;
        walk->verified = 0;
        return;
    }
}

/* Tells which of pc[first .. count) depend on rbp, and how many can be checked next time. */
static __attribute__((noinline)) void link_frames(struct callstack *stack, uint32_t first)
{
    uint32_t reusable = first;
    for (uint32_t i = first; i < stack->count; i++) {
        struct callstack_slot *slot = &stack->slot[i];
        uint64_t key = stack->pc[i];
        bool outer_needs = i > 0 && (slot[-1].flags & SLOT_NEED_FP);
        if ((slot->flags & SLOT_BASE_FP) || (outer_needs && !slot->fp_word))
            slot->flags |= SLOT_NEED_FP;
        if (outer_needs && slot->fp_word)
            slot->flags |= SLOT_WATCH;
        if (i == 0)
            slot->flags &= ~(uint32_t)SLOT_LINKED;
        if ((slot->flags & (SLOT_WATCH | SLOT_LINKED)) && i < stack->first_linked)
            stack->first_linked = i;
        if (reusable == i && !(slot->flags & SLOT_ODD))
            reusable = i + 1;
        stack->pc[i] = (key & (ROW_EXACT - 1)) | (key & ROW_EXACT) << 16;
    }
    stack->reusable = reusable;
}

/* Puts the walk's frames onto the remembered ones that stay. */
static void keep_walk(struct callstack *stack, const struct walk *walk)
{
    uint32_t joined = walk->verified, fresh = stack->depth - walk->left;
    frame_walk_keep(stack, joined, walk->left);
    for (uint32_t i = 0; i < fresh; i++)
        stack->slot[joined + i] = stack->spare_slot[walk->left + i];
    if ((walk->any & (SLOT_ODD | SLOT_BASE_FP)) ||
        (joined && (stack->slot[joined - 1].flags & SLOT_NEED_FP)))
        link_frames(stack, joined);
}

_Static_assert(ROW_EXACT << 16 == VMT_PC_EXACT, "link_frames moves the bit");

void frame_walk(struct callstack *stack, const struct callstack_start *start, uint32_t verified)
{
    bool own = stack_bounds_hold(&stack->bounds, start->sp);
    struct walk walk = {
        .frame = {start->pc & (ROW_PC_MAX - 1), start->sp, start->fp},
        .high = own ? stack->bounds.high : 0,
        .verified = verified,
        .left = stack->depth,
        .flags = own && !start->exact ? 0 : SLOT_ODD,
    };
    if (start->exact)
        walk.frame.key |= ROW_EXACT;
    walk_frames(stack, &walk);
    keep_walk(stack, &walk);
    if (walk.verified == 0) {
        if (stack->cut != walk.cut)
            stack->same = 0;
        stack->cut = walk.cut;
        stack->deep = walk.deep;
    }
}
