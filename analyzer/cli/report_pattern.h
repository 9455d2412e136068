/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of output files: %p is the pid, %% one %.  Before anything else a % stands for itself, so
 * that paths such as feature%2Fname need no care.
 */
#ifndef VMTRACE_REPORT_PATTERN_H
#define VMTRACE_REPORT_PATTERN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

bool report_pattern_has_pid(const char *pattern);

/* The file's name, malloc'd; NULL when out of memory. */
char *report_pattern_expand(const char *pattern, uint32_t pid);

/* Writes a pattern whose expansion is `text`. */
void report_pattern_quote(const char *text, FILE *out);

#endif
