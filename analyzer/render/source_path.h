/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of sources as code hosts know them: relative to the root of the repository.
 *
 * The root is GITHUB_WORKSPACE or CI_PROJECT_DIR, whichever is set, else the nearest folder at or
 * above the current one that has a .git, else the current one.
 */
#ifndef VMTRACE_SOURCE_PATH_H
#define VMTRACE_SOURCE_PATH_H

#include "base/arena.h"

/* Absolute, without a slash at the end; "" when it cannot be told.  Asked for once. */
const char *source_root(void);

/* `file` without "." and ".." (build systems name sources "../src/a.c"), and relative to the root
 * if it lies there.  A pointer into `file`, which it is when out of memory, or into the arena. */
const char *source_path(struct arena *arena, const char *file);

#endif
