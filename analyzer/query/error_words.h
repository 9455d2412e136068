/* SPDX-License-Identifier: Apache-2.0 */
/* Inside query/: what is known of an error's address, in words. */
#ifndef VMTRACE_QUERY_ERROR_WORDS_H
#define VMTRACE_QUERY_ERROR_WORDS_H

#include "query/report_build.h"

/* The address, REPORT_UNKNOWN if the kernel could not tell it. */
uint64_t error_address(const struct memory_error *error);

/* NULL when nothing is known, and when out of memory, which sets *good to false. */
const char *error_words(struct report_build *build, const struct memory_error *error, bool *good);

/* What to do about a stack that is missing, or NULL. */
const char *error_hint(const struct memory_error *error);

/* Fills in the list of registers that tell something. */
bool error_registers(struct report_build *build, const struct memory_error *error,
                     struct report_error *out);

#endif
