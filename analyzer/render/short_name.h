/* SPDX-License-Identifier: Apache-2.0 */
/* Demangled names made bearable: C++ spells out what its source leaves to defaults. */
#ifndef VMTRACE_SHORT_NAME_H
#define VMTRACE_SHORT_NAME_H

#include <stddef.h>

/* A malloc'd form of a demangled function's name that is easier to read: std::string instead of
 * what it stands for, no default allocators; beyond `columns` bytes also without its parameters
 * and then without its template arguments, each replaced by `ellipsis`.  It may still be longer
 * than `columns`.  NULL when out of memory. */
char *short_name(const char *name, size_t columns, const char *ellipsis);

#endif
