/* SPDX-License-Identifier: Apache-2.0 */
/* What the address of an error is, by what lives and what has gone at that moment. */
#ifndef VMTRACE_MODEL_ERROR_PLACE_H
#define VMTRACE_MODEL_ERROR_PLACE_H

#include "model/trace_state.h"

/* Blocks that are looked at, some seconds of work; further errors say less.  Signals that end the
 * process have as much once more. */
#define ERROR_WALKED_MAX (UINT64_C(1) << 30)

/* Whether there is still time for a walk through all blocks, live and freed; counts it. */
bool error_may_walk(struct trace_model *model, const struct memory_error *error);

/* Fills in the error's place, and the stacks that belong to that. */
void error_place_find(void *model, struct memory_error *error);

/* Registers that hold addresses of released blocks, or of no memory: `values` by DWARF number. */
void error_place_registers(struct trace_model *model, struct memory_error *error,
                           const uint64_t *values, unsigned count);

#endif
