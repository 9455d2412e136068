/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every trace, however damaged; for unit tests and fuzzers. */
#ifndef VMTRACE_TESTS_MODEL_INVARIANTS_H
#define VMTRACE_TESTS_MODEL_INVARIANTS_H

struct trace_model;

/* The text of the first invariant that is broken, or NULL. */
const char *model_invariants_broken(const struct trace_model *model);

#endif
