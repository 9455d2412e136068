/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of libunwind in a made-up address space: a stack whose words are all different, and
 * registers with marked values.
 */
#ifndef VMTRACE_TESTS_STEP_ORACLE_H
#define VMTRACE_TESTS_STEP_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "modules.h"

/* Where the made-up rsp and rbp point: too far apart for an offset to be ambiguous. */
#define ORACLE_SP UINT64_C(0x100000000000)
#define ORACLE_FP UINT64_C(0x200000000000)
/* Every other register n holds this + n * 2^32: nothing that reads there is wanted. */
#define ORACLE_REGISTER UINT64_C(0x300000000000)

/* The word at `address` of the made-up memory. */
uint64_t oracle_word(uint64_t address);

struct oracle_step {
    int result; /* of unw_step: > 0 a caller, 0 none, < 0 an error */
    uint64_t pc, sp, fp;
};

void oracle_init(void);
/* From the frame that is at instruction `pc` of `module`. */
void oracle_step(const struct module *module, uint64_t pc, struct oracle_step *step);

/* Does libunwind find a frame description for `pc`? */
bool oracle_has_frame(const struct module *module, uint64_t pc);

#endif
