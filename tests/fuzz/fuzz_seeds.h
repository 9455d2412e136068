/* SPDX-License-Identifier: Apache-2.0 */
/* Good traces to begin from: together they hold every record of the format. */
#ifndef VMTRACE_TESTS_FUZZ_SEEDS_H
#define VMTRACE_TESTS_FUZZ_SEEDS_H

#include "trace_builder.h"

#define FUZZ_SEEDS 10

/* Seed `number` (0..FUZZ_SEEDS - 1); the caller frees it by trace_builder_free. */
struct trace_builder *fuzz_seed_new(unsigned number);

#endif
