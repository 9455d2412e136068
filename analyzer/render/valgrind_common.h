/* SPDX-License-Identifier: Apache-2.0 */
/* What both of valgrind's formats need of a finding. */
#ifndef VMTRACE_VALGRIND_COMMON_H
#define VMTRACE_VALGRIND_COMMON_H

#include "render/findings_render.h"

/* "definitely", "indirectly", ... */
const char *valgrind_class(enum report_leak_class class);

/* "Leak_DefinitelyLost", "InvalidFree", ...; NULL: it is told as a fatal signal. */
const char *valgrind_kind(const struct finding *finding);

/* Number of a fatal signal, else 0. */
int valgrind_signal(const struct finding *finding);

/* "96 (64 direct, 32 indirect) bytes in 3 blocks are definitely lost in loss record 1 of 4" or
 * "Invalid free() / delete / delete[] / realloc()".  NULL when out of memory. */
char *valgrind_what(struct arena *arena, const struct finding *finding, size_t record,
                    size_t records);

/* How many leaks are listed: loss records. */
size_t valgrind_records(const struct finding_set *set, const struct render_options *options);

#endif
