/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As frame_step.c, but with words of the sample in place of memory.  Frames for which rsp and rbp
 * do not suffice (COMPLEX rows), and code without unwind information, end the stack: those need
 * registers or a memory that are no more.
 */
#include "fault_stack.h"

#include "modules.h"
#include "row_table.h"
#include "vmtrace/trace_format.h"

struct walk {
    const struct fault_ring *ring;
    uint64_t position;
    const struct fault_sample *sample;
    uint64_t key, sp, fp; /* the present frame; key as in row_table.h */
};

bool fault_stack_is_known(void)
{
    return true;
}

static bool word_at(const struct walk *walk, uint64_t address, uint64_t *word)
{
    return fault_ring_stack_word(walk->ring, walk->position, walk->sample, address, word);
}

static bool set_caller(struct walk *walk, uint64_t pc, bool exact)
{
    walk->key = pc | (exact ? ROW_EXACT : 0);
    return pc && pc < ROW_PC_MAX;
}

static bool step_signal(struct walk *walk)
{
    uint64_t pc, sp = walk->sp;
    return word_at(walk, sp + UNWIND_SIGNAL_FP, &walk->fp) &&
           word_at(walk, sp + UNWIND_SIGNAL_PC, &pc) &&
           word_at(walk, sp + UNWIND_SIGNAL_SP, &walk->sp) && set_caller(walk, pc, true);
}

static bool restore_fp(struct walk *walk, const struct unwind_row *row, uint64_t cfa)
{
    const uint64_t base[] = {
        [UNWIND_FP_AT_CFA] = cfa, [UNWIND_FP_AT_FP] = walk->fp, [UNWIND_FP_AT_SP] = walk->sp};
    return row->fp_rule == UNWIND_FP_SAME ||
           word_at(walk, base[row->fp_rule] + (uint64_t)(int64_t)row->fp_offset, &walk->fp);
}

static bool step_row(struct walk *walk, const struct unwind_row *row)
{
    uint64_t pc, cfa = (row->base_fp ? walk->fp : walk->sp) + (uint64_t)(int64_t)row->cfa_offset;
    if (row->kind == UNWIND_ALIGNED) {
        if (!word_at(walk, cfa, &cfa))
            return false;
        cfa += (uint64_t)(int64_t)row->cfa_add;
    }
    if (cfa <= walk->sp || !word_at(walk, cfa + (uint64_t)(int64_t)row->ra_offset, &pc) ||
        !restore_fp(walk, row, cfa))
        return false;
    walk->sp = cfa;
    return set_caller(walk, pc, row->interrupted);
}

/* To the caller.  False: there is none, or, if *cut, no way to it. */
static bool step(struct walk *walk, bool *cut)
{
    struct unwind_row row;
    row_table_expand(row_table_find(walk->key), &row);
    bool found = false;
    if (row.kind == UNWIND_SIGNAL)
        found = step_signal(walk);
    else if (row.kind == UNWIND_STANDARD || row.kind == UNWIND_ALIGNED)
        found = step_row(walk, &row);
    *cut = !found && row.kind != UNWIND_END;
    return found;
}

uint32_t fault_stack_unwind(const struct fault_ring *ring, uint64_t position,
                            const struct fault_sample *sample, uint64_t *pc, uint32_t depth,
                            bool *cut)
{
    /* After a system call's instruction it is as after a call. */
    struct walk walk = {ring, position, sample, 0, sample->sp, sample->fp};
    uint32_t count = 0;
    row_table_sync(__atomic_load_n(&modules_epoch, __ATOMIC_ACQUIRE));
    *cut = !set_caller(&walk, sample->code, !sample->kernel);
    bool more = !*cut;
    for (; more && count < depth; count++, more = step(&walk, cut))
        pc[count] = (walk.key & (ROW_PC_MAX - 1)) | (walk.key & ROW_EXACT ? VMT_PC_EXACT : 0);
    *cut = *cut || more;
    for (uint32_t i = 0; i < count / 2; i++) { /* outermost frame first */
        uint64_t inner = pc[i];
        pc[i] = pc[count - 1 - i];
        pc[count - 1 - i] = inner;
    }
    return count;
}
