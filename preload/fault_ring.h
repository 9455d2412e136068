/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page faults of one kind that a thread takes, as the kernel tells them: a software perf event
 * with sample_period 1, whose samples, all of one size, go into a ring that is mapped read-only.
 *
 * In that mode the kernel overwrites old samples, and data_head only ever grows, by the same number
 * of bytes for each fault.  So it is an exact count, one load away, and sample number n begins
 * at n times their size: nothing need be handed back, and what was overrun is known.  Descriptors
 * are closed at once; the mapping keeps the event.
 */
#ifndef VMTRACE_FAULT_RING_H
#define VMTRACE_FAULT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind { FAULT_MINOR, FAULT_MAJOR, FAULT_KINDS };

/* What a sample holds besides instruction and address. */
enum {
    FAULT_FORM_KERNEL =
        1, /* faults inside system calls have samples, too, with the user's instruction */
    FAULT_FORM_STACK = 2, /* registers and the top of the stack */
};

struct fault_ring {
    const volatile uint64_t *head; /* bytes written so far */
    void *memory;  /* the control page and `size` bytes of samples; NULL: there is no ring */
    size_t size;   /* a power of two */
    unsigned form; /* FAULT_FORM_* */
    uint32_t sample_bytes;
};

struct fault_sample {
    uint64_t code, address; /* code: 0 if the kernel does not know the user's instruction */
    uint64_t sp, fp;        /* with FAULT_FORM_STACK */
    uint64_t stack_bytes;   /* what fault_ring_stack_word knows from sp on */
    bool kernel;            /* taken inside a system call */
};

/* Most bytes of the stack that a sample of FAULT_FORM_STACK holds. */
enum { FAULT_STACK_MOST = 16384 };

/* Of the calling thread, from now on.  0, or a negated errno: ENOMEM if there may not be a ring of
 * this size. */
int fault_ring_open(struct fault_ring *ring, enum fault_kind kind, unsigned form, size_t size);
void fault_ring_close(struct fault_ring *ring);

/* In a forked child, which inherits no rings: puts zeros in its place. */
void fault_ring_strand(const struct fault_ring *ring);

/* The sample that begins at `position`, which is below *head.  False: it was overwritten. */
bool fault_ring_read(const struct fault_ring *ring, uint64_t position, struct fault_sample *sample);

/* Was none of that sample overwritten so far?  The thread's own faults do that, while it reads. */
bool fault_ring_keeps(const struct fault_ring *ring, uint64_t position);

/* The word of the stack at `address`, as it was then.  False: it is not part of the sample. */
bool fault_ring_stack_word(const struct fault_ring *ring, uint64_t position,
                           const struct fault_sample *sample, uint64_t address, uint64_t *word);

#endif
