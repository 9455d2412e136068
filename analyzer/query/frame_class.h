/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions of a program are noise to who looks for its leaks: the parts of the language's
 * library that were compiled into it, and its own wrappers around malloc. */
#ifndef VMTRACE_QUERY_FRAME_CLASS_H
#define VMTRACE_QUERY_FRAME_CLASS_H

#include <stdbool.h>

/* Templates and inline functions of libstdc++, libc++, Rust's library and other headers of the
 * system, wherever they were compiled to.  Either may be NULL. */
bool frame_class_library(const char *function, const char *file);

/* xmalloc, g_strdup, CRYPTO_zalloc and the like; `function` may be NULL. */
bool frame_class_allocator(const char *function);

#endif
