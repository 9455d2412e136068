/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LeakSanitizer's interface: the functions of <sanitizer/lsan_interface.h> are exported, those that
 * a program may define (__lsan_default_options and relatives) are called, and LSAN_OPTIONS is read.
 * All of it ends up in the trace, for the analyzer to use.
 */
#ifndef VMTRACE_LSAN_H
#define VMTRACE_LSAN_H

#include <stdbool.h>
#include <stddef.h>

struct stream;

/* Reads the environment and asks the program; once, before lsan_record. */
void lsan_setup(char **environment);

/* Writes FACT records of what was found; in a forked child, that the calling thread's blocks
 * are to be ignored if they were in the parent. */
void lsan_record(struct stream *stream);

/* Have LSAN_OPTIONS or the program any: something else may be a leak than usual. */
bool lsan_has_options(void);

/* Whether the end of the process is to be scanned: detect_leaks, leak_check_at_exit and
 * __lsan_is_turned_off have not ruled it out. */
bool lsan_wants_exit_scan(struct stream *stream);

#endif
