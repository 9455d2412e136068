/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Only mine": whether a call stack goes through what --only names.
 *
 * A name without a slash is a binary's (app; libfoo.so of any version), a source file's, or a
 * folder's that is there; one with a slash is a part of a path, or a path that is there however it
 * is written.
 */
#ifndef VMTRACE_GATE_GATE_ONLY_H
#define VMTRACE_GATE_GATE_ONLY_H

#include "gate/finding.h"

struct gate_only;

/* Keeps the names, not a copy.  NULL when out of memory. */
struct gate_only *gate_only_new(const char *const *names, size_t count);
void gate_only_free(struct gate_only *only);

/* FINDING_UNKNOWN where paths are asked for, and a function of a binary that is not the system's
 * has no debug information to say where it is from. */
enum finding_whose gate_only_judge(struct gate_only *only, const struct finding_stack *stack);

/* That there are frames, and all are of binaries that are the system's. */
bool gate_only_is_systems(const struct finding_stack *stack);

#endif
