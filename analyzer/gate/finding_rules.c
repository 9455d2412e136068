/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/finding_rules.h"

#include <string.h>

static const struct finding_rule rules[] = {
    {"definite-leak", NULL, NULL, "A block was lost: nothing points to it any more."},
    {"indirect-leak", NULL, NULL, "A block was lost: only lost blocks point to it."},
    {"possible-leak", NULL, NULL, "Only pointers into its middle lead to a block."},
    {"reachable-block", NULL, NULL, "A block was not freed, and a pointer to it remains."},
    {"unfreed-block", NULL, NULL,
     "A block was not freed; whether a pointer to it remains is not known."},
    {"double-free", "Block freed twice", "a block is freed twice", "A block was freed twice."},
    {"invalid-free", "Free of an address that is no block", "an address that is no block is freed",
     "An address that is no block was freed."},
    {"mismatched-free", "Block released by the wrong function",
     "a block is released by the wrong function",
     "A block was released by a function of another kind."},
    {"realloc-after-free", "Realloc of a freed block", "a freed block is given to realloc",
     "A block was given to realloc after it was freed."},
    {"munmap-of-heap", "Munmap of heap memory", "heap memory is given to munmap",
     "Memory of the heap was given to munmap."},
    {"segfault", "Segmentation fault", "segmentation fault",
     "The program ended by a segmentation fault."},
    {"bus-error", "Bus error", "bus error", "The program ended by a bus error."},
    {"abort", "Abort", "abort", "The program aborted."},
    {"illegal-instruction", "Illegal instruction", "illegal instruction",
     "The program ended by an illegal instruction."},
    {"floating-point", "Arithmetic exception", "arithmetic exception",
     "The program ended by an arithmetic exception."},
    {"trap", "Trap", "trap", "The program ended by a trap."},
    {"bad-system-call", "Forbidden system call", "forbidden system call",
     "The program ended by a system call that is forbidden to it."},
    {"signal", "Fatal signal", "fatal signal", "The program ended by a signal."},
    {"memory-growth", "Growing memory", "resident memory goes on growing",
     "Resident memory goes on growing."},
};

const struct finding_rule *finding_rule_next(size_t *position)
{
    if (*position >= sizeof(rules) / sizeof(rules[0]))
        return NULL;
    return &rules[(*position)++];
}

const struct finding_rule *finding_rule_find(const char *id)
{
    size_t position = 0;
    const struct finding_rule *rule;
    while ((rule = finding_rule_next(&position)) != NULL)
        if (strcmp(rule->id, id) == 0)
            return rule;
    return NULL;
}
